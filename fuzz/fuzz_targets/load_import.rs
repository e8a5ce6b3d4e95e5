//! Recordings and access logs: whatever they say, they become a file of a load test that loads, or are refused with a message.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tenfold::load_file::load_text;
use tenfold_load::import::replay::{Methods, Replay};
use tenfold_load::import::{ImportError, Imported, access_log, har};

fn check(imported: Result<Imported, ImportError>) {
    let imported = match imported {
        Ok(imported) => imported,
        Err(error) => return assert!(!error.what.is_empty() && !error.help.is_empty(), "{error:?}"),
    };
    // What it takes from the environment is not there, which is said; nothing else may be wrong with it.
    if imported.text.contains("${env:") {
        return;
    }
    let data: Vec<_> = imported.data.iter().map(|file| (file.name.as_str(), file.text.as_bytes())).collect();
    if let Err(errors) = load_text("fuzz.toml", imported.text.as_bytes(), &data) {
        panic!("{errors}\n{}", imported.text);
    }
}

fuzz_target!(|input: &[u8]| {
    check(har::read(input, "fuzz", &har::Options::default()));
    check(access_log::read(|| Ok(input), "fuzz", &access_log::Options::default()));
    if let Ok(replay) = Replay::parse(input, 2.0, Methods::All) {
        for request in replay.requests() {
            assert!(request.target.starts_with('/') && request.due <= replay.duration());
        }
    }
});
