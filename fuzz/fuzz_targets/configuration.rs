//! Configurations: whatever a file says, it is read or refused with messages; its form can be changed without changing
//! what it means, and changing it twice is changing it once.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use tenfold::config::{Diagnostics, Loaded, format_text, load_text};

const NAME: &str = "fuzz.toml";

fn formatted(input: &[u8]) -> Option<String> {
    match format_text(Path::new(NAME), input) {
        Ok(text) => Some(text),
        Err(errors) => {
            check_errors(&errors);
            let lines = errors.lines().join("\n");
            // The formatter's own doubt: it changed more than white space.
            assert!(!lines.contains("without changing what it says"), "{lines}");
            None
        }
    }
}

fn check_errors(errors: &Diagnostics) {
    assert!(!errors.is_empty(), "a refusal says why");
    check_diagnostics(errors);
}

fn check_diagnostics(diagnostics: &Diagnostics) {
    for line in diagnostics.lines() {
        assert!(!line.contains(char::is_control), "one line each: {line:?}");
    }
    let drawn = diagnostics.to_string();
    assert!(
        !drawn.contains(|c: char| c.is_control() && c != '\n'),
        "{drawn:?}"
    );
    for one in diagnostics.to_json().as_array().expect("a list") {
        assert!(one["message"].as_str().is_some_and(|text| !text.is_empty()));
        assert!(one["help"].as_str().is_some_and(|text| !text.is_empty()));
        assert_ne!(one["line"], 0);
    }
}

fn check_loaded(loaded: &Loaded) {
    check_diagnostics(&loaded.warnings);
    let config = &loaded.config;
    assert!(!config.listeners.is_empty());
    for index in config
        .routes
        .iter()
        .flat_map(|route| &route.matches.listeners)
    {
        assert!(*index < config.listeners.len());
    }
    let mut names: Vec<_> = config.routes.iter().map(|route| &route.name).collect();
    names.sort();
    names.dedup();
    assert_eq!(
        names.len(),
        config.routes.len(),
        "names of routes are unique"
    );
}

fuzz_target!(|input: &[u8]| {
    let loaded = load_text(NAME, input);
    match &loaded {
        Ok(loaded) => check_loaded(loaded),
        Err(errors) => check_errors(errors),
    }
    let Some(text) = formatted(input) else {
        assert!(loaded.is_err(), "what loads has a form");
        return;
    };
    assert_eq!(formatted(text.as_bytes()).as_ref(), Some(&text));
    match (loaded, load_text(NAME, text.as_bytes())) {
        (Ok(before), Ok(after)) => {
            assert_eq!(before.config, after.config);
            assert_eq!(before.process, after.process);
            assert_eq!(before.redacted, after.redacted);
        }
        (Err(before), Err(after)) => assert_eq!(before.len(), after.len()),
        (before, after) => panic!("before: {:?}\nafter: {:?}", before.err(), after.err()),
    }
});
