//! Purging through the admin API.

use serde_json::{Value, json};
use tenfold_testkit::client;
use tenfold_testkit::gateway::Gateway;
use tenfold_testkit::origin::Origin;

use super::{cached, get, is_hit, response, said};

pub(super) fn purge(gateway: &Gateway, what: &Value) -> (u16, Value) {
    let (admin, body) = (gateway.admin(), what.to_string());
    let length = body.len();
    let answer = client::ask(
        admin,
        format!(
            "POST /api/v1/cache/purge HTTP/1.1\r\nHost: {admin}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        ),
    );
    (
        answer.status(),
        serde_json::from_slice(&answer.body).expect("JSON"),
    )
}

/// Pages with a tag each: `/a/1` has `a` and `one`.
fn tagged() -> Origin {
    Origin::answering(|request| {
        let target = request.start_line().split(' ').nth(1).unwrap_or_default();
        let fields = match target {
            "/a/1" => "Surrogate-Key: a one\r\n",
            "/a/2" => "Cache-Tag: a,two\r\n",
            _ => "",
        };
        let language = request.get("accept-language").unwrap_or("none");
        let fields = format!(
            "{fields}Cache-Control: max-age=60\r\nETag: \"1\"\r\nVary: Accept-Language\r\n"
        );
        response(&fields, language)
    })
}

const PAGES: [&str; 4] = ["/a/1", "/a/2", "/a/2?x=1", "/b"];

/// Which of [`PAGES`], in German, are there; those that were not are there afterwards.
fn there(gateway: &Gateway) -> Vec<&'static str> {
    let is_there = |page: &&str| is_hit(&get(gateway, page, "Accept-Language: de\r\n"));
    PAGES.into_iter().filter(is_there).collect()
}

#[test]
fn by_address_beginning_tag_and_all() {
    let origin = tagged();
    let gateway = cached(&origin);
    assert!(there(&gateway).is_empty());
    for (what, left) in [
        (
            json!({ "url": "http://shop.example/a/2" }),
            vec!["/a/1", "/a/2?x=1", "/b"],
        ),
        (
            json!({ "url": "https://SHOP.example/b" }),
            vec!["/a/1", "/a/2", "/a/2?x=1"],
        ),
        (json!({ "prefix": "http://shop.example/a/" }), vec!["/b"]),
        (
            json!({ "prefix": "http://shop.example/a/2" }),
            vec!["/a/1", "/b"],
        ),
        (json!({ "prefix": "http://other.example/" }), PAGES.to_vec()),
        (json!({ "tag": "two" }), vec!["/a/1", "/a/2?x=1", "/b"]),
        (
            json!({ "tag": "a", "hard": true, "cache": "default" }),
            vec!["/a/2?x=1", "/b"],
        ),
        (json!({ "tag": "none" }), PAGES.to_vec()),
        (json!({ "all": true }), vec![]),
    ] {
        assert_eq!(there(&gateway), PAGES, "{what}");
        let (status, answer) = purge(&gateway, &what);
        assert_eq!(status, 200, "{what} {answer}");
        assert_eq!(
            answer,
            json!({
                "purged": true,
                "levels": [{ "cache": "default", "name": "memory", "ok": true }],
                "gateways": { "confirmed": 0, "of": 0 },
            })
        );
        assert_eq!(there(&gateway), left, "{what}");
        let _filled = there(&gateway);
    }
}

#[test]
fn all_variants_of_an_address_go() {
    let origin = tagged();
    let gateway = cached(&origin);
    let page = |language: &str| get(&gateway, "/b", &format!("Accept-Language: {language}\r\n"));
    for language in ["de", "en"] {
        let _stored = page(language);
        assert!(is_hit(&page(language)));
    }
    assert_eq!(
        purge(&gateway, &json!({ "url": "http://shop.example/b" })).0,
        200
    );
    for language in ["de", "en"] {
        assert!(!is_hit(&page(language)), "{language}");
    }
}

#[test]
fn softly_purged_is_asked_about_and_kept_for_the_case_that_the_server_fails() {
    let origin = Origin::answering(|request| {
        match request.get("if-none-match") {
        Some(_) => b"HTTP/1.1 304 Not Modified\r\nETag: \"1\"\r\nCache-Control: max-age=60, stale-if-error=600\r\n\r\n".to_vec(),
        None => response("ETag: \"1\"\r\nCache-Control: max-age=60, stale-if-error=600\r\nCache-Tag: t\r\n", "tea"),
    }
    });
    let gateway = cached(&origin);
    for what in [
        json!({ "url": "http://shop.example/", "soft": true }),
        json!({ "prefix": "http://shop.example/", "soft": true }),
        json!({ "tag": "t", "soft": true }),
        json!({ "all": true, "hard": false }),
    ] {
        let _stored = get(&gateway, "/", "");
        assert!(is_hit(&get(&gateway, "/", "")), "{what}");
        assert_eq!(purge(&gateway, &what).0, 200);
        let answer = get(&gateway, "/", "");
        assert_eq!(
            said(&answer),
            "tenfold; fwd=stale; fwd-status=304; stored",
            "{what}"
        );
        assert_eq!(answer.text(), "tea");
    }
    assert_eq!(
        purge(&gateway, &json!({ "all": true, "soft": true })).0,
        200
    );
    origin.kill();
    let answer = get(&gateway, "/", "");
    assert_eq!(said(&answer), "tenfold; fwd=stale; detail=stale-if-error");
    assert_eq!(purge(&gateway, &json!({ "all": true })).0, 200);
    assert!(get(&gateway, "/", "").status() >= 500, "now it is gone");
}

#[test]
fn mistakes_are_explained_and_purge_nothing() {
    let origin = tagged();
    let gateway = cached(&origin);
    let _filled = there(&gateway);
    for (what, status, said) in [
        (
            json!({ "urls": [] }),
            400,
            "expected one of `url`, `prefix`, `tag`, `all`",
        ),
        (json!({}), 422, "not said"),
        (
            json!({ "url": "http://shop.example/b", "all": true }),
            422,
            "exactly one",
        ),
        (
            json!({ "url": "shop.example/b" }),
            422,
            "begins with neither http:// nor https://",
        ),
        (
            json!({ "prefix": "http://shop.example" }),
            422,
            "has no path",
        ),
        (json!({ "tag": "" }), 422, "must not be empty"),
        (
            json!({ "all": true, "cache": "other" }),
            404,
            "no cache \"other\"",
        ),
    ] {
        let (have, answer) = purge(&gateway, &what);
        assert_eq!(have, status, "{what} {answer}");
        assert!(
            answer["error"]
                .as_str()
                .is_some_and(|error| error.contains(said)),
            "{answer}"
        );
    }
    assert_eq!(there(&gateway), PAGES);
    let without = crate::gateway(&[&origin], &[]);
    let (status, answer) = purge(&without, &json!({ "all": true }));
    assert_eq!(
        (status, &answer["error"]),
        (404, &json!("there is no cache"))
    );
}

#[test]
fn what_was_asked_for_before_a_purge_is_not_stored_after_it() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

    for what in [
        json!({ "url": "http://shop.example/" }),
        json!({ "tag": "t" }),
        json!({ "prefix": "http://shop.example/" }),
        json!({ "all": true }),
        json!({ "all": true, "soft": true }),
    ] {
        let (gate, asked) = (Arc::new(super::Gate::default()), AtomicUsize::new(0));
        let at_gate = Arc::clone(&gate);
        let origin = Origin::answering(move |_| {
            let number = asked.fetch_add(1, SeqCst);
            if number == 0 {
                at_gate.pass();
            }
            response(
                "Cache-Control: max-age=60\r\nSurrogate-Key: t\r\n",
                &number.to_string(),
            )
        });
        let gateway = cached(&origin);
        std::thread::scope(|scope| {
            let slow = scope.spawn(|| get(&gateway, "/", ""));
            tenfold_testkit::wait_until(|| origin.requests() == 1, || "no request");
            assert_eq!(purge(&gateway, &what).0, 200);
            gate.open();
            assert_eq!(slow.join().expect("an answer").text(), "0");
        });
        assert_eq!(get(&gateway, "/", "").text(), "1", "{what}");
    }
}
