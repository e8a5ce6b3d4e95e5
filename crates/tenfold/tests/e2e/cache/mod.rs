//! `--cache` between real sockets: what is stored, served, refused and forgotten.

mod bodies;
mod clients;
mod command;
mod crowd;
mod hostile;
mod large;
mod purge;
mod renewal;
mod stale;
mod status;

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use tenfold_testkit::client::{self, Client};
use tenfold_testkit::gateway::Gateway;
use tenfold_testkit::message::Message;
use tenfold_testkit::origin::Origin;
use tenfold_testkit::wait_until;

use crate::gateway;

/// A gateway with a cache in front of an origin.
fn cached(origin: &Origin) -> Gateway {
    gateway(&[origin], &["--cache"])
}

/// A response with these field lines, each of which ends in CR LF, and that body.
fn response(fields: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\n{fields}Content-Length: {length}\r\n\r\n{body}").into_bytes()
}

/// `GET target` with these field lines.
fn get(gateway: &Gateway, target: &str, fields: &str) -> Message {
    ask(gateway, "GET", target, fields)
}

fn ask(gateway: &Gateway, method: &str, target: &str, fields: &str) -> Message {
    let request = format!("{method} {target} HTTP/1.1\r\nHost: shop.example\r\n{fields}\r\n");
    client::ask(gateway.address(), request)
}

/// What `Cache-Status` says, without the lifetime that is left.
fn said(message: &Message) -> String {
    let status = message.get("cache-status").unwrap_or("nothing");
    let parts = status.split("; ").filter(|part| !part.starts_with("ttl="));
    parts.collect::<Vec<_>>().join("; ")
}

fn is_hit(message: &Message) -> bool {
    said(message) == "tenfold; hit"
}

/// A gate that an origin waits at until a test opens it.
#[derive(Default)]
struct Gate(AtomicBool);

impl Gate {
    fn open(&self) {
        self.0.store(true, SeqCst);
    }

    fn pass(&self) {
        wait_until(|| self.0.load(SeqCst), || "the gate stays closed");
    }
}

#[test]
fn a_response_is_stored_and_served_with_its_age() {
    let origin = Origin::answering(|_| {
        response("Cache-Control: max-age=60\r\nAge: 7\r\nX-Own: a\r\n", "tea")
    });
    let gateway = cached(&origin);
    let first = get(&gateway, "/tea?cup=1", "");
    assert_eq!(
        said(&first),
        "tenfold; fwd=uri-miss; fwd-status=200; stored"
    );
    let second = get(&gateway, "/tea?cup=1", "");
    assert!(is_hit(&second), "{}", second.head);
    assert_eq!((second.status(), second.text()), (200, "tea".to_owned()));
    assert_eq!(second.get("x-own"), Some("a"));
    let age: u32 = second
        .get("age")
        .expect("an age")
        .parse()
        .expect("a number");
    assert!((7..20).contains(&age), "{age}");
    let ttl = second
        .get("cache-status")
        .and_then(|status| status.split("ttl=").nth(1));
    let ttl: u32 = ttl.expect("a lifetime").parse().expect("a number");
    assert!((40..54).contains(&ttl), "{ttl}");
    assert!(
        !is_hit(&get(&gateway, "/tea?cup=2", "")),
        "another query is another resource"
    );
    assert_eq!(origin.requests(), 2);
}

#[test]
fn without_the_flag_nothing_is_cached() {
    let origin = Origin::answering(|_| response("Cache-Control: max-age=60\r\n", "tea"));
    let gateway = gateway(&[&origin], &[]);
    for _ in 0..2 {
        assert_eq!(get(&gateway, "/", "").get("cache-status"), None);
    }
    assert_eq!(origin.requests(), 2);
}

#[test]
fn head_is_answered_from_what_get_stored_and_stores_nothing_itself() {
    let origin = Origin::answering(|request| {
        let mut answer = response("Cache-Control: max-age=60\r\n", "tea");
        if request.start_line().starts_with("HEAD") {
            answer.truncate(answer.len() - 3);
        }
        answer
    });
    let gateway = cached(&origin);
    let head = |target: &str| {
        let mut client = Client::connect(gateway.address());
        client.send(format!(
            "HEAD {target} HTTP/1.1\r\nHost: shop.example\r\n\r\n"
        ));
        let head = client.head().expect("a head");
        // What follows on the connection is the next answer, and no body.
        let next = client
            .send("GET /next HTTP/1.1\r\nHost: shop.example\r\n\r\n")
            .response();
        assert_eq!((next.status(), next.text()), (200, "tea".to_owned()));
        head
    };
    assert!(!is_hit(&head("/tea")));
    assert!(!is_hit(&get(&gateway, "/tea", "")), "HEAD stored nothing");
    let head = head("/tea");
    assert!(is_hit(&head), "{}", head.head);
    assert_eq!(head.get("content-length"), Some("3"));
}

#[test]
fn conditions_are_answered_with_304() {
    let fields = "Cache-Control: max-age=60\r\nETag: \"v1\"\r\nLast-Modified: Sat, 01 Nov 2025 00:00:00 GMT\r\n";
    let origin = Origin::answering(move |_| response(fields, "tea"));
    let gateway = cached(&origin);
    let _stored = get(&gateway, "/", "");
    for fields in [
        "If-None-Match: \"v0\", W/\"v1\"\r\n",
        "If-None-Match: *\r\n",
        "If-Modified-Since: Sat, 01 Nov 2025 00:00:00 GMT\r\n",
    ] {
        let answer = get(&gateway, "/", fields);
        assert_eq!(answer.status(), 304, "{fields}: {}", answer.head);
        assert!(is_hit(&answer));
        assert_eq!(
            (answer.get("etag"), answer.get("content-length")),
            (Some("\"v1\""), None)
        );
    }
    let other = get(&gateway, "/", "If-None-Match: \"v0\"\r\n");
    assert_eq!((other.status(), other.text()), (200, "tea".to_owned()));
    assert_eq!(origin.requests(), 1);
}

#[test]
fn a_cold_condition_is_not_taken_to_the_server_and_its_client_gets_304() {
    let origin = Origin::answering(|request| {
        assert_eq!(
            request.get("if-none-match"),
            None,
            "the cache wants the whole"
        );
        response("Cache-Control: max-age=60\r\nETag: \"v1\"\r\n", "tea")
    });
    let gateway = cached(&origin);
    assert_eq!(
        get(&gateway, "/", "If-None-Match: \"v1\"\r\n").status(),
        304
    );
    let whole = get(&gateway, "/", "");
    assert!(is_hit(&whole) && whole.text() == "tea", "{}", whole.head);
}

#[test]
fn parts_come_from_the_stored_whole() {
    let origin = Origin::answering(|request| {
        assert_eq!(request.get("range"), None, "the cache wants the whole");
        response(
            "Cache-Control: max-age=60\r\nETag: \"v1\"\r\n",
            "0123456789",
        )
    });
    let gateway = cached(&origin);
    let _stored = get(&gateway, "/", "Range: bytes=0-1\r\n");
    for (fields, status, body, range) in [
        ("Range: bytes=2-4\r\n", 206, "234", Some("bytes 2-4/10")),
        ("Range: bytes=7-\r\n", 206, "789", Some("bytes 7-9/10")),
        ("Range: bytes=-2\r\n", 206, "89", Some("bytes 8-9/10")),
        (
            "Range: bytes=5-5\r\nIf-Range: \"v1\"\r\n",
            206,
            "5",
            Some("bytes 5-5/10"),
        ),
        (
            "Range: bytes=5-5\r\nIf-Range: \"v0\"\r\n",
            200,
            "0123456789",
            None,
        ),
        ("Range: bytes=10-\r\n", 416, "", Some("bytes */10")),
        ("Range: lines=1-2\r\n", 200, "0123456789", None),
    ] {
        let part = get(&gateway, "/", fields);
        assert_eq!((part.status(), &*part.text()), (status, body), "{fields}");
        assert_eq!(part.get("content-range"), range, "{fields}");
        assert!(is_hit(&part), "{fields} {}", part.head);
    }
    assert_eq!(origin.requests(), 1);
}

#[test]
fn only_if_cached_asks_no_server() {
    let origin = Origin::answering(|_| response("Cache-Control: max-age=60\r\n", "tea"));
    let gateway = cached(&origin);
    let fields = "Cache-Control: only-if-cached\r\n";
    assert_eq!(get(&gateway, "/", fields).status(), 504);
    assert_eq!(origin.requests(), 0);
    let _stored = get(&gateway, "/", "");
    assert!(is_hit(&get(&gateway, "/", fields)));
}

#[test]
fn a_write_makes_what_is_stored_invalid_and_a_refused_write_does_not() {
    let origin = Origin::answering(|request| match request.start_line().split(' ').next() {
        Some("GET") => response("Cache-Control: max-age=60\r\n", "tea"),
        Some("POST") if request.head.contains("/refused") => {
            b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n".to_vec()
        }
        _ => response("Location: /other\r\nContent-Location: /third\r\n", ""),
    });
    let gateway = cached(&origin);
    for method in ["POST", "PUT", "DELETE", "PATCH"] {
        for target in ["/tea", "/other", "/third", "/bystander"] {
            let _stored = get(&gateway, target, "");
            assert!(is_hit(&get(&gateway, target, "")), "{method} {target}");
        }
        assert_eq!(
            said(&ask(&gateway, method, "/tea", "Content-Length: 0\r\n")),
            "tenfold; fwd=method"
        );
        for target in ["/tea", "/other", "/third"] {
            assert!(!is_hit(&get(&gateway, target, "")), "{method} {target}");
        }
        assert!(is_hit(&get(&gateway, "/bystander", "")), "{method}");
    }
    let _stored = get(&gateway, "/refused", "");
    assert_eq!(
        ask(&gateway, "POST", "/refused", "Content-Length: 0\r\n").status(),
        403
    );
    assert!(is_hit(&get(&gateway, "/refused", "")));
}

#[test]
fn a_hangup_signal_leaves_the_content_where_it_is() {
    let origin = Origin::answering(|_| response("Cache-Control: max-age=60\r\n", "tea"));
    let mut gateway = cached(&origin);
    let _stored = get(&gateway, "/", "");
    gateway.signal(rustix::process::Signal::HUP);
    gateway.wait_for_log("nothing has changed");
    assert!(is_hit(&get(&gateway, "/", "")));
}

#[test]
fn purge_requests_of_those_who_are_not_trusted_are_refused() {
    let origin = Origin::answering(|_| response("Cache-Control: max-age=60\r\n", "tea"));
    let gateway = cached(&origin);
    let _stored = get(&gateway, "/", "");
    for fields in ["", "Surrogate-Key: a\r\n", "X-Forwarded-For: 127.0.0.1\r\n"] {
        assert_eq!(
            ask(&gateway, "PURGE", "/", fields).status(),
            403,
            "{fields}"
        );
    }
    assert!(is_hit(&get(&gateway, "/", "")));
    assert_eq!(origin.requests(), 1, "no server has heard of it");
}

/// A pause that is long enough for a lifetime of a second to end.
fn a_second_passes() {
    std::thread::sleep(Duration::from_millis(1100));
}
