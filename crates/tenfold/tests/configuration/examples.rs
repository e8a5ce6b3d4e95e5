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

/// The blocks of TOML in a page.
fn snippets(page: &str) -> Vec<String> {
    let path = format!("{}/../../docs/{page}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).expect("readable");
    let blocks = text.split("```toml\n").skip(1);
    let block = |block: &str| block.split("```").next().unwrap_or_default().to_owned();
    blocks.map(block).collect()
}

#[test]
fn what_the_pages_about_resilience_and_limits_show_is_right() {
    let mut count = 0;
    for page in ["resilience.md", "overload.md", "rate-limits.md"] {
        for snippet in snippets(page) {
            let folder = tempfile::tempdir().expect("a folder");
            std::fs::write(folder.path().join("sorry.html"), "sorry").expect("written");
            // Keys alone are those of a route; what is named and not shown is added.
            let whole = match snippet.starts_with('[') {
                true => snippet.clone(),
                false => format!("[[route]]\nupstream = \"shop\"\ncache = \"pages\"\n{snippet}"),
            };
            let mut text = format!("{whole}\n[listener.web]\nlisten = \":8080\"\n");
            for (table, keys) in [
                ("upstream.shop", "servers = [\"10.0.0.1:1\"]"),
                ("upstream.backup", "servers = [\"10.0.0.2:1\"]"),
                ("cache.pages", ""),
            ] {
                if !snippet.contains(&format!("[{table}]")) {
                    text += &format!("[{table}]\n{keys}\n");
                }
            }
            let file = folder.path().join("c.toml");
            std::fs::write(&file, &text).expect("written");
            config::load(&file).unwrap_or_else(|errors| panic!("{page}: {errors}\n{text}"));
            count += 1;
        }
    }
    assert!(count >= 3, "{count}");
}
