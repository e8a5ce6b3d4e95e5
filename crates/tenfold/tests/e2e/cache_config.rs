//! What `[cache.NAME]` says is what the cache does, and a reload keeps what it holds.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use tenfold_testkit::client::ask;
use tenfold_testkit::message::Message;
use tenfold_testkit::origin::Origin;

use crate::Configured;

/// An origin whose answers are numbered, with these fields: what comes from the cache has a number that was seen already.
fn numbered(status: &'static str, fields: &'static str) -> Origin {
    let number = AtomicUsize::new(0);
    Origin::answering(move |_| {
        let body = format!("answer {}", number.fetch_add(1, SeqCst));
        let length = body.len();
        format!("HTTP/1.1 {status}\r\n{fields}Content-Length: {length}\r\n\r\n{body}").into_bytes()
    })
}

const MINUTE: &str = "Cache-Control: max-age=60\r\n";

/// A configuration with one cache.
fn cached(origin: &Origin, cache: &str, more: &str) -> String {
    format!(
        "[listener.web]\nlisten = \"127.0.0.1:0\"\n[[route]]\nname = \"all\"\nupstream = \"app\"\ncache = \"pages\"\n\
         {more}\n[upstream.app]\nservers = [\"{}\"]\n[cache.pages]\n{cache}\n",
        origin.name()
    )
}

fn get(address: SocketAddr, target: &str, fields: &str) -> Message {
    ask(
        address,
        format!("GET {target} HTTP/1.1\r\nHost: shop\r\n{fields}\r\n"),
    )
}

fn status_of(message: &Message) -> &str {
    message.get("cache-status").unwrap_or("none")
}

/// Asks for the first target, and then for the second: true if that came from the cache.
fn is_one(address: SocketAddr, first: (&str, &str), second: (&str, &str)) -> bool {
    let first = get(address, first.0, first.1);
    let second = get(address, second.0, second.1);
    let is_hit = status_of(&second).contains("; hit");
    assert_eq!(is_hit, first.body == second.body, "{}", status_of(&second));
    is_hit
}

#[test]
fn a_reload_keeps_what_is_stored() {
    let origin = numbered("200 OK", MINUTE);
    let it = Configured::start(&cached(&origin, "", ""));
    let address = it.gateway.address();
    let first = get(address, "/a", "").text();
    let changes = [
        ("jitter = \"10%\"\npurge_from = [\"10.0.0.0/8\"]", ""),
        (
            "max_lifetime = \"1h\"\nstatus_lifetime = { \"404\" = \"10s\" }",
            "",
        ),
        ("", "[[route]]\npath = \"/new\"\nrespond = \"new\""),
        (
            "bypass = { path = \"/b\" }",
            "[cache.first]\n[[route]]\npath = \"/c\"\nupstream = \"app\"\ncache = \"first\"",
        ),
        ("", ""),
    ];
    for (cache, more) in changes {
        let answer = it.reload(&cached(&origin, cache, more));
        assert_eq!(answer.status(), 200, "{}", answer.text());
        let again = get(address, "/a", "");
        assert!(
            status_of(&again).contains("; hit"),
            "{cache}{more}: {}",
            status_of(&again)
        );
        assert_eq!(again.text(), first);
    }
    assert_eq!(origin.requests(), 1);

    let answer =
        it.reload("[listener.web]\nlisten = \"127.0.0.1:0\"\n[[route]]\nupstream = \"app\"\n");
    assert_eq!(answer.status(), 422);
    assert_eq!(
        get(address, "/a", "").text(),
        first,
        "what is refused changes nothing"
    );

    let answer = it.reload(&cached(&origin, "memory = \"1GiB\"", ""));
    let told = "cache pages: memory 256MiB → 1GiB";
    assert!(answer.text().contains(told), "{}", answer.text());
    assert_eq!(get(address, "/a", "").status(), 200);
}

#[test]
fn other_keys_find_nothing_of_the_old_ones() {
    let origin = numbered("200 OK", MINUTE);
    let it = Configured::start(&cached(&origin, "", ""));
    let address = it.gateway.address();
    let all = get(address, "/a?user=1", "").text();
    it.reload(&cached(&origin, "query = \"none\"", ""));
    let none = get(address, "/a?user=2", "").text();
    assert_ne!(all, none);
    assert_eq!(get(address, "/a", "").text(), none);
}

#[test]
fn keys_are_made_of_what_counts() {
    let origin = numbered("200 OK", MINUTE);
    for (cache, first, second, expected) in [
        ("", ("/a?x=1", ""), ("/a?x=1", ""), true),
        ("", ("/a?x=1", ""), ("/a?x=2", ""), false),
        ("", ("/a?x=1&utm_source=1", ""), ("/a?x=1", ""), false),
        (
            "ignore_tracking = true",
            ("/a?x=1&utm_source=1", ""),
            ("/a?gclid=2&x=1", ""),
            true,
        ),
        (
            "ignore_tracking = true",
            ("/a?x=1", ""),
            ("/a?x=2", ""),
            false,
        ),
        ("query = \"none\"", ("/a?x=1", ""), ("/a", ""), true),
        (
            "query = { only = [\"page\"] }",
            ("/a?x=1&page=2", ""),
            ("/a?page=2&y", ""),
            true,
        ),
        (
            "query = { only = [\"page\"] }",
            ("/a?page=1", ""),
            ("/a?page=2", ""),
            false,
        ),
        (
            "query = { except = [\"x_*\"] }",
            ("/a?x_1=1", ""),
            ("/a?x_2=2", ""),
            true,
        ),
        ("", ("/a?x=1&y=2", ""), ("/a?y=2&x=1", ""), false),
        (
            "sort_query = true",
            ("/a?x=1&y=2", ""),
            ("/a?y=2&x=1", ""),
            true,
        ),
        (
            "key_headers = [\"X-Shop\"]",
            ("/a", "x-shop: 1\r\n"),
            ("/a", "x-shop: 2\r\n"),
            false,
        ),
        (
            "key_headers = [\"X-Shop\"]",
            ("/a", "X-Shop: 1\r\n"),
            ("/a", "x-shop: 1\r\n"),
            true,
        ),
        (
            "key_cookies = [\"theme\"]",
            ("/a", "Cookie: theme=a\r\n"),
            ("/a", "Cookie: theme=b\r\n"),
            false,
        ),
        (
            "key_cookies = [\"theme\"]",
            ("/a", "Cookie: x=1; theme=a\r\n"),
            ("/a", "Cookie: theme=a\r\n"),
            true,
        ),
    ] {
        let it = Configured::start(&cached(&origin, cache, ""));
        let is_one = is_one(it.gateway.address(), first, second);
        assert_eq!(is_one, expected, "{cache}: {first:?} {second:?}");
    }
}

#[test]
fn what_is_to_go_past_the_cache_does() {
    let origin = numbered("200 OK", MINUTE);
    let bypass = "[cache.pages.bypass]\nheader = { x-preview = \"*\", x-mode = \"live\" }\ncookie = \"session_*\"\n\
                  query = \"nocache\"\npath = [\"/cart/*\", \"/api*\", \"/exact\"]\n";
    let it = Configured::start(&cached(&origin, bypass, ""));
    let address = it.gateway.address();
    for (target, fields, expected) in [
        ("/a", "", "; hit"),
        ("/a", "x-preview: 1\r\n", "fwd=bypass"),
        ("/a", "x-mode: live\r\n", "fwd=bypass"),
        ("/a", "x-mode: dead\r\n", "; hit"),
        ("/a", "Cookie: a=1; session_id=2\r\n", "fwd=bypass"),
        ("/a", "Cookie: a=session_id\r\n", "; hit"),
        ("/a?nocache", "", "fwd=bypass"),
        ("/cart", "", "fwd=bypass"),
        ("/cart/1?x", "", "fwd=bypass"),
        ("/carts", "", "; hit"),
        ("/api-2", "", "fwd=bypass"),
        ("/exact", "", "fwd=bypass"),
        ("/exact/not", "", "; hit"),
    ] {
        get(address, target, fields);
        let again = get(address, target, fields);
        assert!(
            status_of(&again).contains(expected),
            "{target} {fields}: {}",
            status_of(&again)
        );
    }
}

#[test]
fn lifetimes_are_those_of_the_file() {
    let not_found = numbered("404 Not Found", "");
    let silent = numbered("200 OK", "");
    let long = numbered("200 OK", "Cache-Control: max-age=100000\r\n");
    let short = numbered("200 OK", "Cache-Control: max-age=10\r\n");
    let no_store = numbered("200 OK", "Cache-Control: no-store\r\n");
    for (origin, cache, expected) in [
        (&not_found, "", None),
        (
            &not_found,
            "status_lifetime = { \"4xx\" = \"90s\" }",
            Some(90),
        ),
        (
            &not_found,
            "status_lifetime = { \"4xx\" = \"90s\", \"404\" = \"50s\" }",
            Some(50),
        ),
        (&silent, "", None),
        (&silent, "default_lifetime = \"2m\"", Some(120)),
        (&long, "", Some(100_000)),
        (&long, "max_lifetime = \"1m\"", Some(60)),
        (&short, "", Some(10)),
        (&short, "min_lifetime = \"1h\"", Some(3600)),
        (&short, "lifetime = \"1d\"", Some(86_400)),
        (&no_store, "lifetime = \"1d\"", None),
    ] {
        let it = Configured::start(&cached(origin, cache, ""));
        let first = get(it.gateway.address(), "/", "");
        let status = status_of(&first);
        let ttl = status.split("; ttl=").nth(1);
        let ttl = ttl.and_then(|rest| rest.split(';').next()?.parse::<u32>().ok());
        // A request takes less than some seconds, on a machine that is busy too.
        let is_near = match (ttl, expected) {
            (Some(ttl), Some(expected)) => (expected - 9..=expected).contains(&ttl),
            (ttl, expected) => ttl == expected,
        };
        assert!(is_near, "{cache}: {status}, {expected:?}");
        assert_eq!(status.contains("; stored"), expected.is_some(), "{status}");
    }
}

#[test]
fn when_the_server_is_gone_what_is_stale_serves_as_long_as_the_file_says() {
    for (cache, expected) in [("", 503), ("stale_if_error = \"1h\"", 200)] {
        let origin = numbered("200 OK", "Cache-Control: max-age=0\r\nETag: \"a\"\r\n");
        let it = Configured::start(&cached(&origin, cache, ""));
        assert_eq!(get(it.gateway.address(), "/", "").status(), 200);
        origin.kill();
        let stale = get(it.gateway.address(), "/", "");
        assert_eq!(stale.status(), expected, "{cache}");
        if expected == 200 {
            assert_eq!(stale.text(), "answer 0");
            assert!(
                status_of(&stale).contains("detail=stale-if-error"),
                "{}",
                status_of(&stale)
            );
        }
    }
}

#[test]
fn cookies_and_the_clients_wishes_are_treated_as_the_file_says() {
    let origin = numbered("200 OK", "Cache-Control: max-age=60\r\nSet-Cookie: a=b\r\n");
    let refusing = Configured::start(&cached(&origin, "", ""));
    assert!(!is_one(refusing.gateway.address(), ("/", ""), ("/", "")));
    let removing = Configured::start(&cached(&origin, "set_cookie = \"remove\"", ""));
    assert!(is_one(removing.gateway.address(), ("/", ""), ("/", "")));
    assert_eq!(
        get(removing.gateway.address(), "/", "").get("set-cookie"),
        None
    );

    let origin = numbered("200 OK", MINUTE);
    let wish = "Cache-Control: no-cache\r\n";
    for (cache, expected) in [("", false), ("honor_request = false", true)] {
        let it = Configured::start(&cached(&origin, cache, ""));
        let address = it.gateway.address();
        assert_eq!(is_one(address, ("/", ""), ("/", wish)), expected, "{cache}");
    }
}

#[test]
fn only_who_is_named_may_purge() {
    let origin = numbered("200 OK", MINUTE);
    let purge = "PURGE /a HTTP/1.1\r\nHost: shop\r\n\r\n";
    let it = Configured::start(&cached(&origin, "purge_from = [\"10.0.0.0/8\"]", ""));
    let address = it.gateway.address();
    let first = get(address, "/a", "").text();
    assert_eq!(ask(address, purge).status(), 403);
    assert_eq!(get(address, "/a", "").text(), first);
    it.reload(&cached(&origin, "purge_from = [\"127.0.0.0/8\"]", ""));
    assert_eq!(get(address, "/a", "").text(), first);
    let answer = ask(address, purge);
    assert_eq!((answer.status(), answer.text().as_str()), (200, "purged\n"));
    assert_ne!(get(address, "/a", "").text(), first);
}

#[test]
fn routes_with_one_cache_do_not_get_each_others_responses() {
    let (old, new) = (
        numbered("200 OK", MINUTE),
        Origin::answering(|_| {
            b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 3\r\n\r\nnew".to_vec()
        }),
    );
    let next = format!(
        "[[route]]\nname = \"next\"\nheader = {{ x-next = \"*\" }}\nupstream = \"next\"\ncache = \"pages\"\n\
         [upstream.next]\nservers = [\"{}\"]\n",
        new.name()
    );
    let it = Configured::start(&cached(&old, "", &next));
    let address = it.gateway.address();
    for _ in 0..2 {
        assert_eq!(get(address, "/", "").text(), "answer 0");
        assert_eq!(get(address, "/", "x-next: 1\r\n").text(), "new");
    }
    assert_eq!((old.requests(), new.requests()), (1, 1));
    it.gateway.wait_for_metric(
        "tenfold_cache_requests_total",
        "cache=\"pages\",result=\"hit\"",
        2.0,
    );
}

#[test]
fn caches_are_shown() {
    let origin = numbered("200 OK", MINUTE);
    let it = Configured::start(&cached(
        &origin,
        "memory = \"64MiB\"\nignore_tracking = true",
        "",
    ));
    let admin = it.gateway.admin();
    let shown = ask(
        admin,
        format!("GET /api/v1/config HTTP/1.1\r\nHost: {admin}\r\n\r\n"),
    )
    .text();
    let shown: serde_json::Value = serde_json::from_str(&shown).expect("JSON");
    let found = shown
        .pointer("/cache/pages")
        .or_else(|| shown.pointer("/config/cache/pages"));
    let pages = found.unwrap_or_else(|| panic!("{shown:#}"));
    assert_eq!(pages["memory"], 64 << 20);
    assert_eq!(pages["query"]["except"][0], "utm_*");
}
