//! What a 304, a soft purge and a `PURGE` with fields make of what is stored.

use serde_json::json;
use tenfold_testkit::origin::Origin;

use super::purge::purge;
use super::{ask, cached, get, is_hit, response};
use crate::Configured;

#[test]
fn a_304_that_says_what_it_varies_by_is_for_those_only() {
    let origin = Origin::answering(|request| {
        let language = request.get("accept-language").unwrap_or("none");
        match request.get("if-none-match") {
            Some(_) if language == "de" => {
                b"HTTP/1.1 304 Not Modified\r\nETag: \"1\"\r\nCache-Control: max-age=60\r\nVary: Accept-Language\r\n\r\n".to_vec()
            }
            _ => response("ETag: \"1\"\r\nCache-Control: max-age=5\r\nAge: 10\r\n", language),
        }
    });
    let gateway = cached(&origin);
    assert_eq!(get(&gateway, "/", "").text(), "none");
    let confirmed = get(&gateway, "/", "Accept-Language: de\r\n");
    assert_eq!(
        confirmed.text(),
        "none",
        "the server says that it still holds"
    );
    assert!(is_hit(&get(&gateway, "/", "Accept-Language: de\r\n")));
    let other = get(&gateway, "/", "Accept-Language: fr\r\n");
    assert_eq!(other.text(), "fr", "{}", other.head);
}

#[test]
fn what_varies_is_fresh_again_after_a_soft_purge() {
    let origin = Origin::answering(|request| {
        let fields = "ETag: \"1\"\r\nCache-Control: max-age=60\r\nVary: Accept-Language\r\n";
        match request.get("if-none-match") {
            Some(_) => format!("HTTP/1.1 304 Not Modified\r\n{fields}\r\n").into_bytes(),
            None => response(fields, request.get("accept-language").unwrap_or("none")),
        }
    });
    let gateway = cached(&origin);
    let page = |language: &str| get(&gateway, "/", &format!("Accept-Language: {language}\r\n"));
    for what in [
        json!({ "url": "http://shop.example/", "soft": true }),
        json!({ "prefix": "http://shop.example/", "soft": true }),
        json!({ "all": true, "soft": true }),
    ] {
        for language in ["de", "fr"] {
            let _stored = page(language);
            assert!(is_hit(&page(language)), "{what}");
        }
        assert_eq!(purge(&gateway, &what).0, 200);
        for language in ["de", "fr"] {
            let renewed = page(language);
            assert!(!is_hit(&renewed), "{what} {language}");
            assert_eq!(renewed.text(), language);
            let again = page(language);
            assert!(is_hit(&again), "{what} {language}: {}", again.head);
            assert_eq!(again.text(), language);
        }
    }
}

#[test]
fn a_purge_names_tags_as_responses_do() {
    let origin = Origin::answering(|request| {
        let tags = match request.start_line().split(' ').nth(1) {
            Some("/spaces") => "Cache-Tag: two words, one\r\n",
            Some("/comma") => "Surrogate-Key: a,b c\r\n",
            _ => "Surrogate-Key: second\r\n",
        };
        response(&format!("{tags}Cache-Control: max-age=60\r\n"), "tea")
    });
    let it = Configured::start(&format!(
        "[listener.web]\nlisten = \"127.0.0.1:0\"\n[[route]]\nname = \"all\"\nupstream = \"app\"\ncache = \"pages\"\n\
         [upstream.app]\nservers = [\"{}\"]\n[cache.pages]\npurge_from = [\"127.0.0.1\"]\n",
        origin.name()
    ));
    let gateway = &it.gateway;
    for (fields, target) in [
        ("Cache-Tag: two words\r\n", "/spaces"),
        ("Surrogate-Key: a,b\r\n", "/comma"),
        (
            "Surrogate-Key: first\r\nSurrogate-Key: second\r\n",
            "/lines",
        ),
        ("Surrogate-Key: first\r\nCache-Tag: second\r\n", "/lines"),
    ] {
        let _stored = get(gateway, target, "");
        assert!(is_hit(&get(gateway, target, "")), "{target}");
        assert_eq!(
            ask(gateway, "PURGE", "/x", fields).status(),
            200,
            "{fields}"
        );
        assert!(!is_hit(&get(gateway, target, "")), "{fields}");
    }
    let long = format!("Surrogate-Key: {}\r\n", "x".repeat(2000));
    for fields in ["Surrogate-Key: \r\n", "Cache-Tag: , ,\r\n", &long] {
        let refused = ask(gateway, "PURGE", "/lines", fields);
        assert_eq!(refused.status(), 400, "nothing is named: {fields:.40}");
        assert!(is_hit(&get(gateway, "/lines", "")), "and nothing purged");
    }
}

#[test]
fn look_ups_are_counted_once_for_each_request() {
    let origin = Origin::answering(|_| {
        response(
            "Cache-Control: max-age=60\r\nVary: Accept-Language\r\n",
            "tea",
        )
    });
    let gateway = cached(&origin);
    for _ in 0..5 {
        let _answer = get(&gateway, "/", "Accept-Language: de\r\n");
    }
    let of_memory = |name: &str| gateway.metric(name, "level=\"memory\"");
    let counts = (
        of_memory("tenfold_cache_level_hits_total"),
        of_memory("tenfold_cache_level_misses_total"),
    );
    assert_eq!(counts, (4.0, 1.0));
}
