//! What the importers write can be read, and asks for what was asked for.

use std::collections::HashSet;
use std::fmt::Write;
use std::sync::Arc;

use proptest::prelude::*;
use tenfold::load_file;
use tenfold_load::import::{Imported, access_log, har};
use tenfold_load::scenario::{Answer, Outgoing, Shared, User};

/// The targets of all requests of many sessions, each answered with a page.
fn asked(imported: &Imported) -> HashSet<String> {
    let data: Vec<_> = imported
        .data
        .iter()
        .map(|file| (file.name.as_str(), file.text.as_bytes()))
        .collect();
    let loaded = load_file::load_text("imported.toml", imported.text.as_bytes(), &data);
    let loaded = loaded.unwrap_or_else(|errors| panic!("{errors}\n{}", imported.text));
    let test = Arc::new(loaded.test);
    let shared = Arc::new(Shared::new(&test));
    let mut user = User::new(&test, &shared, 0);
    let mut outgoing = Outgoing::default();
    let mut asked = HashSet::new();
    let answer = Answer {
        status: 200,
        body: br#"{"id": "order-77"}"#.to_vec(),
        ..Answer::default()
    };
    for _ in 0..500 {
        user.begin();
        while let Some(scenario) = user.next_scenario() {
            for step in &test.scenarios[scenario].steps {
                user.prepare(step, &mut outgoing).expect("all is there");
                asked.insert(format!("{} {}", outgoing.method, outgoing.path));
                user.conclude(step, &answer).expect("a status below 400");
            }
        }
    }
    asked
}

#[test]
fn an_access_log() {
    let mut log = String::new();
    let mut logged = HashSet::new();
    for visit in 0..300 {
        let targets = [
            "/".to_owned(),
            format!("/search?q=caf%C3%A9+{}&page=1", visit % 7),
            format!("/tags?q=c%2B%2B+{}%25&sort=a%2Cb", visit % 3),
            format!("/find?{}", visit % 5),
            format!("/products/tea%20{}", visit % 11),
        ];
        for (second, target) in targets.into_iter().enumerate() {
            let (minute, address) = (visit / 10 % 60, visit % 200);
            writeln!(
                log,
                "10.0.0.{address} - - [10/Oct/2024:13:{minute:02}:{:02} +0000] \"GET {target} HTTP/1.1\" 200 512 \"-\" \"agent {visit}\"",
                visit % 10 + second * 5,
            )
            .expect("a text takes all");
            logged.insert(format!("GET {target}"));
        }
    }
    let options = access_log::Options::default();
    let imported = access_log::read(|| Ok(log.as_bytes()), "access.log", &options);
    let imported = imported.unwrap_or_else(|error| panic!("{error}"));
    let asked = asked(&imported);
    let strange: Vec<_> = asked.difference(&logged).collect();
    assert!(strange.is_empty(), "{strange:?}\n{}", imported.text);
    assert!(asked.len() > 10, "{asked:?}\n{}", imported.text);
}

#[test]
fn a_recording() {
    let entry = |second: u32, method: &str, path: &str, body: Option<&str>, answer: &str| {
        let post =
            body.map(|body| serde_json::json!({ "mimeType": "application/json", "text": body }));
        let mut request = serde_json::json!({
            "method": method,
            "url": format!("https://shop.example.com{path}"),
            "headers": [{ "name": "accept", "value": "*/*" }],
        });
        if let Some(post) = post {
            request["postData"] = post;
        }
        serde_json::json!({
            "startedDateTime": format!("2024-11-29T09:00:{second:02}.000Z"),
            "time": 50,
            "request": request,
            "response": {
                "status": 200,
                "headers": [],
                "content": { "mimeType": "application/json", "text": answer },
            },
        })
    };
    let recording = serde_json::json!({ "log": { "entries": [
        entry(5, "GET", "/?a=b%20c", None, ""),
        entry(10, "POST", "/orders", Some("{\"book\": 5, \"note\": \"${x}\"}"), "{\"id\": \"8c2f1a7e-51d3-4b0e-9c66-0f6d2b9e7a41\"}"),
        entry(15, "GET", "/orders/8c2f1a7e-51d3-4b0e-9c66-0f6d2b9e7a41", None, ""),
    ] } });
    let imported = har::read(
        recording.to_string().as_bytes(),
        "shop.har",
        &har::Options::default(),
    );
    let imported = imported.unwrap_or_else(|error| panic!("{error}"));
    let asked = asked(&imported);
    assert!(
        asked.contains("GET /?a=b%20c"),
        "{asked:?}\n{}",
        imported.text
    );
    assert!(
        asked.contains("POST /orders"),
        "{asked:?}\n{}",
        imported.text
    );
    // The number of the order is taken from the answer.
    assert!(
        asked.contains("GET /orders/order-77"),
        "{asked:?}\n{}",
        imported.text
    );
}

/// What strangers write: names, values and paths of requests.
fn strange() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "a",
        "7",
        "8412",
        "${",
        "$${",
        "${x}",
        "}",
        "{id}",
        "'",
        "\"",
        "\\",
        "\n",
        "\r",
        "\t",
        "\u{0}",
        "\u{7f}",
        "ä",
        "\u{202e}",
        " ",
        "%",
        "%41",
        "%ZZ",
        "+",
        "&",
        "=",
        "?",
        "#",
        "/",
        "..",
        ":",
        ";",
        ",",
        "[",
        "]",
        "<b>",
        "token",
        "csrf",
        "d41d8cd98f00b204",
        "[[threshold]]",
        "\"\"\"",
        "'''",
        "=1",
        "null",
    ]);
    proptest::collection::vec(pieces, 0..6).prop_map(|parts| parts.concat())
}

/// What can stand in a target as it is.
fn plain() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "a", "b", "7", "8412", "-", ".", "%41", "%25", "%2B", "%C3%A4", "%E4", "%", "+", "&", "&",
        "=", "=", "/", ";", ",", ":", "'", "$", "!", "*", "(", "@", "~", "x=1", "x=2",
    ]);
    proptest::collection::vec(pieces, 0..6).prop_map(|parts| parts.concat())
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        strange().prop_map(serde_json::Value::from),
        any::<i64>().prop_map(serde_json::Value::from),
        any::<u64>().prop_map(serde_json::Value::from),
        (-1e300..1e300f64).prop_map(serde_json::Value::from),
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(serde_json::Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::from),
            proptest::collection::vec((strange(), inner), 0..4)
                .prop_map(|all| serde_json::Value::Object(all.into_iter().collect())),
        ]
    })
}

/// All that is wrong with a file but secrets that have to be given.
fn wrong(imported: &Imported) -> Vec<String> {
    let data: Vec<_> = imported
        .data
        .iter()
        .map(|file| (file.name.as_str(), file.text.as_bytes()))
        .collect();
    match load_file::load_text("imported.toml", imported.text.as_bytes(), &data) {
        Ok(_) => Vec::new(),
        Err(errors) => errors
            .lines()
            .into_iter()
            .filter(|error| !error.contains("is not set"))
            .collect(),
    }
}

proptest! {
    #[test]
    fn whatever_was_recorded_can_be_read(
        parts in proptest::collection::vec((strange(), strange(), strange(), json(), 0..5_usize), 1..4),
    ) {
        let entries = parts.iter().enumerate().map(|(second, (path, name, value, body, kind))| {
            let form = format!("{name}={value}");
            let (mime, text) = match kind {
                0 => ("application/json", body.to_string()),
                1 => ("application/x-www-form-urlencoded", form.clone()),
                2 => ("text/plain", value.clone()),
                _ => ("", String::new()),
            };
            let mut request = serde_json::json!({
                "method": if *kind < 3 { "POST" } else { "GET" },
                "url": format!("https://shop.test/{path}"),
                "headers": [{ "name": name, "value": value }, { "name": "X-A", "value": value }, { "name": "Content-Type", "value": mime }],
            });
            if *kind < 3 {
                request["postData"] = serde_json::json!({ "mimeType": mime, "text": text });
            }
            serde_json::json!({
                "startedDateTime": format!("2024-11-29T09:00:{:02}.000Z", second * 3),
                "time": 50,
                "request": request,
                "response": { "status": 200, "headers": [{ "name": "Set-Cookie", "value": form }, { "name": name, "value": value }],
                    "content": { "mimeType": "application/json", "text": body.to_string() } },
            })
        });
        let pages = serde_json::json!([{ "id": "p", "startedDateTime": "2024-11-29T09:00:00Z", "title": parts[0].1 }]);
        let recording = serde_json::json!({ "log": { "pages": pages, "entries": entries.collect::<Vec<_>>() } });
        if let Ok(imported) = har::read(recording.to_string().as_bytes(), "shop.har", &har::Options::default()) {
            let wrong = wrong(&imported);
            prop_assert!(wrong.is_empty(), "{:?}\n{}", wrong, imported.text);
        }
    }

    #[test]
    fn whatever_was_logged_can_be_read(
        targets in proptest::collection::vec((strange(), strange(), 0..4_usize), 1..12),
    ) {
        let mut log = String::new();
        for (number, (path, query, method)) in targets.iter().cycle().take(60).enumerate() {
            let method = ["GET", "HEAD", "GET", "POST"][*method];
            let line = serde_json::json!({
                "time": 1_700_000_000 + number, "client": format!("10.0.0.{}", number % 5), "method": method,
                "target": format!("/{path}?{query}"), "status": 200,
            });
            writeln!(log, "{line}").expect("a text takes all");
        }
        let options = access_log::Options { includes_unsafe: true, ..access_log::Options::default() };
        if let Ok(imported) = access_log::read(|| Ok(log.as_bytes()), "access.log", &options) {
            let wrong = wrong(&imported);
            prop_assert!(wrong.is_empty(), "{:?}\n{}", wrong, imported.text);
        }
    }

    #[test]
    fn what_was_logged_is_asked_for(
        targets in proptest::collection::vec((plain(), plain()), 1..6),
    ) {
        let (mut log, mut logged) = (String::new(), HashSet::new());
        for (number, (path, query)) in targets.iter().cycle().take(60).enumerate() {
            let query: Vec<_> = query.split('&').filter(|part| !part.is_empty()).collect();
            let (path, query) = (path.replace(['&', '='], "-"), query.join("&"));
            let target = if query.is_empty() { format!("/{path}") } else { format!("/{path}?{query}") };
            writeln!(log, "10.0.0.{} - - [10/Oct/2024:13:00:{number:02} +0000] \"GET {target} HTTP/1.1\" 200 1", number % 5)
                .expect("a text takes all");
            // In a value that is filled in.
            logged.insert(format!("GET {}", target.replace('=', "%3D")));
        }
        let imported = access_log::read(|| Ok(log.as_bytes()), "access.log", &access_log::Options::default());
        if let Ok(imported) = imported {
            let asked: HashSet<_> = asked(&imported).iter().map(|one| one.replace('=', "%3D")).collect();
            let strange: Vec<_> = asked.difference(&logged).collect();
            prop_assert!(strange.is_empty(), "{:?} of {:?}\n{}", strange, logged, imported.text);
        }
    }
}
