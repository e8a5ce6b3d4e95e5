//! The examples are right, and have their usual form.

use std::path::PathBuf;

use tenfold::{config, load_file};

pub(crate) fn example(name: &str) -> PathBuf {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/load");
    PathBuf::from(folder).join(name)
}

fn examples() -> Vec<PathBuf> {
    let files = std::fs::read_dir(example("")).expect("the folder exists");
    let files = files.map(|file| file.expect("readable").path());
    let mut files: Vec<_> = files
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "toml")
        })
        .collect();
    files.sort();
    assert!(files.len() >= 3, "{files:?}");
    files
}

#[test]
fn every_example_is_right_and_gives_no_cause_for_a_warning() {
    for file in examples() {
        let loaded = load_file::load(&file).unwrap_or_else(|errors| panic!("{errors}"));
        assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
        assert!(!loaded.test.phases.is_empty() && !loaded.test.scenarios.is_empty());
    }
}

#[test]
fn every_example_has_its_usual_form() {
    for file in examples() {
        let text = std::fs::read(&file).expect("readable");
        let formatted = config::format_text(&file, &text).expect("TOML");
        assert!(
            formatted.as_bytes() == text,
            "{}: run tenfold fmt",
            file.display()
        );
    }
}
