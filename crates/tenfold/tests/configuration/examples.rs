//! The examples are right, and have their usual form.

use std::path::PathBuf;

use tenfold::config;

fn examples() -> Vec<PathBuf> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples");
    let files = std::fs::read_dir(folder).expect("the folder exists");
    let mut files: Vec<_> = files
        .map(|file| file.expect("readable").path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "toml")
        })
        .collect();
    files.sort();
    assert!(files.len() >= 8, "{files:?}");
    files
}

#[test]
fn every_example_is_right_and_gives_no_cause_for_a_warning() {
    for file in examples() {
        let loaded = config::load(&file).unwrap_or_else(|errors| panic!("{errors}"));
        assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
        assert_eq!(loaded.files[0], file);
        assert!(!loaded.config.listeners.is_empty());
        assert!(!loaded.config.routes.is_empty());
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

#[test]
fn every_example_fits_the_schema() {
    // Keys and values of the examples, against the keys of the schema: an editor must not underline them.
    let schema = config::schema::json_schema();
    for file in examples() {
        let text = std::fs::read_to_string(&file).expect("readable");
        for line in text.lines().filter(|line| !line.starts_with(['#', ' '])) {
            let Some((key, _)) = line.split_once(" = ") else {
                continue;
            };
            let definitions = schema["$defs"].as_object().expect("definitions");
            let tables = definitions.values().chain([&schema]);
            let mut known = tables.filter(|table| {
                let shapes = table["anyOf"].as_array().map_or(&[][..], Vec::as_slice);
                let mut all = shapes.iter().chain([*table]);
                all.any(|shape| shape["properties"].get(key).is_some())
            });
            assert!(known.next().is_some(), "{}: {key}", file.display());
        }
    }
}
