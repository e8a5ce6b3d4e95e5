//! The reference page is the one that the program prints, and the defaults that it names are those that take effect.

use serde_json::Value;
use tenfold::config::{self, schema};

#[test]
fn the_reference_page_is_the_programs() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/configuration.md");
    let committed = std::fs::read_to_string(path).expect("docs/configuration.md exists");
    assert!(
        committed == schema::markdown(),
        "run: cargo run -p tenfold -- schema --markdown > docs/configuration.md"
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
    for link in links
        .filter_map(|rest| rest.split_once(')'))
        .map(|(link, _)| link)
    {
        assert!(headings.iter().any(|heading| heading == link), "{link}");
    }
}

/// The defaults that a table of the schema documents.
fn defaults(schema: &Value, table: &str) -> Vec<(String, Value)> {
    let definition = &schema["$defs"][table];
    let shapes = definition["anyOf"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    let mut tables = shapes.iter().chain([definition]);
    let table = tables.find(|shape| shape["properties"].is_object());
    let properties = table.expect("a table")["properties"]
        .as_object()
        .expect("keys");
    let documented = properties
        .iter()
        .filter(|(_, property)| !property["default"].is_null());
    documented
        .map(|(key, property)| (key.clone(), property["default"].clone()))
        .collect()
}

fn written(defaults: &[(String, Value)]) -> String {
    let keys = defaults
        .iter()
        .map(|(key, value)| format!("{key} = {value}"));
    keys.collect::<Vec<_>>().join("\n")
}

#[test]
fn what_is_documented_as_a_default_changes_nothing_when_it_is_written() {
    let schema = schema::json_schema();
    let table = |name| written(&defaults(&schema, name));
    let inline = |name| written(&defaults(&schema, name)).replace('\n', ", ");
    // A key that is given already.
    let without_key = |name, keys: &[&str]| {
        let mut all = defaults(&schema, name);
        all.retain(|(key, _)| !keys.contains(&key.as_str()));
        written(&all)
    };
    let without = "[shared]\nredis = 'redis://h'\n[cache.a]\nshared = true\n[cache.b]\n\
        [listener.web]\nlisten = ':8080'\n\
        [[route]]\nupstream = 'app'\nmirror = 'app'\n\
        [[route]]\npath = '/b'\nredirect = '/c'\n\
        [[route]]\npath = '/d'\nrespond = 'e'\n\
        [upstream.app]\nservers = ['10.0.0.1:1']\nhealth = '/h'\nsticky = true\noutlier = true\n\
        retry = true\nhedge = true\nbreaker = true\nconcurrency = 'adaptive'\n\
        [upstream.budget]\nservers = ['10.0.0.2:1']\nretry = { budget = {} }\n\
        [limit.a]\nrate = '5/s'\nshared = true\n[limit.b]\nrate = '5/s'\nalgorithm = 'adaptive'\nadaptive = {}\n\
        [[route]]\npath = '/e'\nupstream = 'budget'\nlimit = 'a'\npriority_header = 'x-p'\nfallback = { upstream = 'app' }\n";
    let with = format!(
        "[gateway]\n{}\n[admin]\n{}\n[timeouts]\n{}\n[limits]\n{}\n\
        [shared]\nredis = 'redis://h'\n{}\n[cache.a]\nshared = true\n[cache.b]\n{}\n\
        [listener.web]\nlisten = ':8080'\n{}\n\
        [[route]]\nupstream = {{ name = 'app', {} }}\n{}\nmirror = {{ upstream = 'app', {} }}\n\
        [[route]]\npath = '/b'\nredirect = {{ to = '/c', {} }}\n\
        [[route]]\npath = '/d'\nrespond = {{ body = 'e', {} }}\n\
        [upstream.app]\n{}\nservers = {{ address = '10.0.0.1:1', {} }}\n\
        health = {{ path = '/h', {} }}\nsticky = {{ {} }}\noutlier = {{ {} }}\n\
        retry = {{ {} }}\nhedge = {{ {} }}\nbreaker = {{ {} }}\nconcurrency = {{ limit = 'adaptive', {} }}\n\
        [upstream.budget]\nservers = ['10.0.0.2:1']\nretry = {{ budget = {{ {} }} }}\n\
        [limit.a]\nrate = '5/s'\nshared = true\n{}\n\
        [limit.b]\nrate = '5/s'\nalgorithm = 'adaptive'\nadaptive = {{ {} }}\n\
        [[route]]\npath = '/e'\nupstream = 'budget'\nlimit = {{ name = 'a', {} }}\n\
        priority_header = {{ name = 'x-p', {} }}\nfallback = {{ upstream = 'app', {} }}\n",
        table("Process"),
        table("Admin"),
        table("Timeouts"),
        table("Limits"),
        table("Shared"),
        table("Cache"),
        table("Listener"),
        inline("Split"),
        table("Route"),
        inline("Mirror"),
        inline("Redirect"),
        inline("Respond"),
        table("Upstream"),
        inline("Server"),
        inline("Health"),
        inline("Sticky"),
        inline("Outlier"),
        inline("Retry"),
        inline("Hedge"),
        inline("Breaker"),
        inline("Concurrency"),
        inline("Budget"),
        without_key("Limit", &["shared"]),
        inline("Adaptive"),
        inline("Charge"),
        inline("PriorityHeader"),
        inline("Fallback"),
    );
    let load = |text: &str| config::load_text("c", text.as_bytes()).expect(text);
    let (without, with) = (load(without), load(&with));
    let mut expected = without.config;
    // The one default that stands for "all": a route without a path has no pattern.
    expected.routes[0]
        .matches
        .paths
        .clone_from(&with.config.routes[0].matches.paths);
    assert_eq!(expected, with.config);
    assert_eq!(without.process, with.process);
}
