//! What is past its time: served while it is brought up to date, or because the server fails, or not at all.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

use tenfold_testkit::origin::Origin;
use tenfold_testkit::wait_until;

use super::{a_second_passes, cached, get, is_hit, response, said};

/// Bodies are the number of the request; what is stored is stale when it comes.
fn counting(control: &'static str) -> Origin {
    let asked = AtomicUsize::new(0);
    Origin::answering(move |_| {
        let number = asked.fetch_add(1, SeqCst) + 1;
        let fields = format!("Cache-Control: max-age=10{control}\r\nAge: 20\r\n");
        response(&fields, &number.to_string())
    })
}

#[test]
fn stale_while_revalidate_serves_at_once_and_asks_behind() {
    let origin = counting(", stale-while-revalidate=1000");
    let gateway = cached(&origin);
    assert_eq!(get(&gateway, "/", "").text(), "1");
    for number in 1..4 {
        let answer = get(&gateway, "/", "");
        assert!(is_hit(&answer), "{}", answer.head);
        assert_eq!(answer.text(), number.to_string());
        wait_until(
            || {
                get(
                    &gateway,
                    "/",
                    "Cache-Control: only-if-cached, max-stale\r\n",
                )
                .text()
                    == (number + 1).to_string()
            },
            || "it is not brought up to date",
        );
    }
    assert_eq!(origin.requests(), 4);
    assert!(gateway.metric("tenfold_cache_requests_total", "result=\"stale\"") >= 3.0);
}

#[test]
fn without_a_word_of_the_server_nothing_stale_is_served() {
    for control in ["", ", must-revalidate, stale-while-revalidate=0"] {
        let origin = counting(control);
        let gateway = cached(&origin);
        for number in 1..4 {
            assert_eq!(
                get(&gateway, "/", "").text(),
                number.to_string(),
                "{control:?}"
            );
        }
    }
}

#[test]
fn stale_if_error_stands_in_for_a_server_that_fails_or_is_gone() {
    let is_broken = Arc::new(AtomicBool::new(false));
    let broken = Arc::clone(&is_broken);
    let origin = Origin::answering(move |request| {
        if broken.load(SeqCst) {
            return b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nbusy".to_vec();
        }
        let fields = match request.head.contains("/guarded") {
            true => "Cache-Control: max-age=10, stale-if-error=1000\r\nAge: 20\r\n",
            false => "Cache-Control: max-age=10\r\nAge: 20\r\n",
        };
        response(fields, "tea")
    });
    let gateway = cached(&origin);
    for target in ["/guarded", "/plain"] {
        assert_eq!(get(&gateway, target, "").text(), "tea");
    }
    is_broken.store(true, SeqCst);
    let answer = get(&gateway, "/guarded", "");
    assert_eq!((answer.status(), answer.text()), (200, "tea".to_owned()));
    assert_eq!(
        said(&answer),
        "tenfold; fwd=stale; fwd-status=503; detail=stale-if-error"
    );
    assert_eq!(get(&gateway, "/plain", "").status(), 503);

    origin.kill();
    let answer = get(&gateway, "/guarded", "");
    assert_eq!((answer.status(), answer.text()), (200, "tea".to_owned()));
    assert_eq!(said(&answer), "tenfold; fwd=stale; detail=stale-if-error");
    assert!(get(&gateway, "/plain", "").status() >= 500);
}

#[test]
fn what_is_stale_is_confirmed_by_the_server() {
    let origin = Origin::answering(|request| {
        match request.get("if-none-match") {
        Some("\"v1\"") => {
            b"HTTP/1.1 304 Not Modified\r\nCache-Control: max-age=60\r\nETag: \"v1\"\r\nX-New: yes\r\n\r\n".to_vec()
        }
        _ => response("Cache-Control: max-age=1\r\nETag: \"v1\"\r\n", "tea"),
    }
    });
    let gateway = cached(&origin);
    assert_eq!(get(&gateway, "/", "").text(), "tea");
    a_second_passes();
    let answer = get(&gateway, "/", "");
    assert_eq!((answer.status(), answer.text()), (200, "tea".to_owned()));
    assert_eq!(said(&answer), "tenfold; fwd=stale; fwd-status=304; stored");
    let answer = get(&gateway, "/", "");
    assert!(is_hit(&answer));
    assert_eq!(
        answer.get("x-new"),
        Some("yes"),
        "the confirmation's fields are taken over"
    );
    assert_eq!(origin.requests(), 2);
}
