//! What can be seen of a cache: in the API, in metrics, in `tenfold status`.

use serde_json::Value;
use tenfold_testkit::client;
use tenfold_testkit::gateway::Gateway;
use tenfold_testkit::origin::Origin;

use super::{cached, get, response};

fn api(gateway: &Gateway, target: &str) -> Value {
    let admin = gateway.admin();
    let answer = client::ask(
        admin,
        format!("GET {target} HTTP/1.1\r\nHost: {admin}\r\n\r\n"),
    );
    assert_eq!(answer.status(), 200, "{target} {}", answer.text());
    serde_json::from_slice(&answer.body).expect("JSON")
}

#[test]
fn a_cache_says_how_it_does() {
    let origin = Origin::answering(|request| match request.head.contains("/never") {
        true => response("Cache-Control: no-store\r\n", "x"),
        false => response("Cache-Control: max-age=60\r\n", &"x".repeat(10_000)),
    });
    let gateway = cached(&origin);
    for target in ["/a", "/a", "/a", "/b", "/never"] {
        let _answer = get(&gateway, target, "");
    }
    let status = api(&gateway, "/api/v1/cache")["caches"][0].clone();
    assert_eq!(status["name"], "default");
    let requests = &status["requests"];
    assert_eq!(
        (&requests["hit"], &requests["miss"]),
        (&2.into(), &3.into()),
        "{requests}"
    );
    assert_eq!(status["loads"], 3);
    assert_eq!(status["capacity"], 256 << 20);
    let bytes = status["bytes"].as_u64().expect("a number");
    assert!((20_000..25_000).contains(&bytes), "{bytes}");
    assert_eq!(status["levels"][0]["name"], "memory");
    assert_eq!(status["levels"][0]["state"], "up");
    assert_eq!(
        api(&gateway, "/api/v1/status")["caches"][0]["requests"]["hit"],
        2
    );

    let metric = |name: &str, labels: &str| gateway.metric(name, labels);
    assert_eq!(
        metric(
            "tenfold_cache_requests_total",
            "cache=\"default\",result=\"hit\""
        ),
        2.0
    );
    assert_eq!(
        metric("tenfold_cache_loads_total", "cache=\"default\""),
        3.0
    );
    assert_eq!(
        metric("tenfold_cache_capacity_bytes", ""),
        f64::from(256 << 20)
    );
    assert_eq!(
        metric(
            "tenfold_cache_level_up",
            "cache=\"default\",level=\"memory\""
        ),
        1.0
    );
    assert!(metric("tenfold_cache_level_hits_total", "level=\"memory\"") >= 2.0);
    assert!(metric("tenfold_cache_saved_seconds", "") > 0.0);
}

#[test]
fn what_is_there_for_an_address_can_be_seen_with_its_variants() {
    let origin = Origin::answering(|request| {
        let language = request.get("accept-language").unwrap_or("none");
        response(
            "Cache-Control: max-age=60\r\nVary: Accept-Language, X-Api-Key\r\nCache-Tag: tea, hot\r\n",
            language,
        )
    });
    let gateway = cached(&origin);
    for language in ["de", "english"] {
        let _stored = get(
            &gateway,
            "/tea?a=1",
            &format!("Accept-Language: {language}\r\nX-Api-Key: hunter2\r\n"),
        );
    }
    let _other = get(&gateway, "/tea", "");
    let all = api(
        &gateway,
        "/api/v1/cache/entry?url=http://shop.example/tea%3Fa=1",
    );
    assert!(!all.to_string().contains("hunter2"), "{all}");
    let entries = all["entries"].as_array().expect("a list");
    let of = |kind: &str| {
        entries
            .iter()
            .filter(|one| one["kind"] == kind)
            .collect::<Vec<_>>()
    };
    let (varies, responses) = (of("varies"), of("response"));
    assert_eq!(
        (varies.len(), responses.len(), entries.len()),
        (1, 2, 3),
        "{all}"
    );
    assert_eq!(varies[0]["vary"][0], "accept-language");
    let english = responses
        .iter()
        .find(|one| one["body_bytes"] == 7)
        .expect("the English one");
    assert_eq!(english["variant"][0], "accept-language: english;1000");
    assert_eq!(english["variant"][1], "x-api-key: ••••");
    assert_eq!(
        (&english["status"], &english["is_fresh"], &english["level"]),
        (&200.into(), &true.into(), &"memory".into())
    );
    assert_eq!(english["tags"][1], "hot");
    assert_eq!(english["route"], "default");
    let ttl = english["ttl_seconds"].as_i64().expect("a number");
    assert!((30..=60).contains(&ttl), "{ttl}");
    let none = api(
        &gateway,
        "/api/v1/cache/entry?url=https://shop.example/coffee",
    );
    assert_eq!(none["entries"].as_array().map(Vec::len), Some(0));
}
