//! The reference page is the one that the program prints, and the defaults that it names are those that take effect.

use serde_json::Value;
use tenfold::load_file::{self, schema};

#[test]
fn the_reference_page_is_the_programs() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/load-file.md");
    let committed = std::fs::read_to_string(path).expect("docs/load-file.md exists");
    assert!(
        committed == schema::markdown(),
        "run: cargo run -p tenfold -- schema --load --markdown > docs/load-file.md"
    );
}

#[test]
fn every_link_of_the_page_has_its_heading() {
    let page = schema::markdown();
    let headings: Vec<String> = page
        .lines()
        .filter(|line| line.starts_with('#'))
        .map(|line| {
            let title = line.trim_start_matches('#').trim().to_lowercase();
            title
                .chars()
                .filter(|character| character.is_alphanumeric() || " -_".contains(*character))
                .map(|character| if character == ' ' { '-' } else { character })
                .collect()
        })
        .collect();
    let links = page.split("](#").skip(1);
    for (link, _) in links.filter_map(|rest| rest.split_once(')')) {
        assert!(headings.iter().any(|heading| heading == link), "{link}");
    }
}

#[test]
fn every_struct_has_a_table_of_its_own() {
    let page = schema::markdown();
    let schema = schema::json_schema();
    for (name, definition) in schema["$defs"].as_object().expect("definitions") {
        let shapes = definition["anyOf"]
            .as_array()
            .map_or(&[][..], Vec::as_slice);
        let mut all = shapes.iter().chain([definition]);
        let Some(table) = all.find(|shape| shape["properties"].is_object()) else {
            continue;
        };
        for key in table["properties"].as_object().expect("keys").keys() {
            assert!(page.contains(&format!("\n| `{key}` | ")), "{name}.{key}");
        }
    }
}

/// The defaults that a table documents, as lines of a file.
fn defaults(schema: &Value, table: &str) -> Vec<String> {
    let definition = if table.is_empty() {
        schema
    } else {
        &schema["$defs"][table]
    };
    let shapes = definition["anyOf"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    let mut tables = shapes.iter().chain([definition]);
    let table = tables
        .find(|shape| shape["properties"].is_object())
        .expect("a table");
    let properties = table["properties"].as_object().expect("keys");
    let documented = properties
        .iter()
        .filter(|(_, property)| !property["default"].is_null());
    documented
        .map(|(key, property)| format!("{key} = {}", property["default"]))
        .collect()
}

#[test]
fn what_is_documented_as_a_default_changes_nothing_when_it_is_written() {
    let schema = schema::json_schema();
    let inline = |name| defaults(&schema, name).join(", ");
    let without = "target = 'http://h'\nmarkov = { start = { a = 1 }, next = {} }\n\
        feed.f = 'f.csv'\nthreshold = 'errors < 1%'\n[[phase]]\nduration = '1s'\nrate = 1\n\
        [[scenario]]\nname = 'a'\nstep = [{ path = '/', extract = { x = '$.x' } }, '/b']\n";
    let with = format!(
        "target = {{ url = 'http://h', {} }}\nmarkov = {{ start = {{ a = 1 }}, next = {{}}, {} }}\n\
        feed.f = {{ file = 'f.csv', {} }}\nthreshold = {{ check = 'errors < 1%', {} }}\n{}\n\
        [[phase]]\nduration = '1s'\nrate = 1\n{}\n[[scenario]]\nname = 'a'\n{}\n\
        step = [{{ path = '/', extract = {{ x = {{ json = '$.x', {} }} }}, {} }}, '/b']\n",
        inline("Target"),
        inline("Markov"),
        inline("Feed"),
        inline("Threshold"),
        defaults(&schema, "").join("\n"),
        defaults(&schema, "Phase").join("\n"),
        defaults(&schema, "Scenario").join("\n"),
        inline("Extract"),
        inline("Step"),
    );
    let load = |text: &str| {
        let others: [(&str, &[u8]); 1] = [("f.csv", b"x\n1\n")];
        let loaded = load_file::load_text("c", text.as_bytes(), &others);
        format!(
            "{:#?}",
            loaded
                .unwrap_or_else(|errors| panic!("{errors}\n{text}"))
                .test
        )
    };
    assert_eq!(load(without), load(&with));
}
