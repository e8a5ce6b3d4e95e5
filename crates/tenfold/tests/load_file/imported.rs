//! What the importers write can be read, and asks for what was asked for.

use std::collections::HashSet;
use std::fmt::Write;
use std::sync::Arc;

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
