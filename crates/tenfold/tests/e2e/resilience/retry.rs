//! Retries: what is repeated, with what, how often, and what it may cost.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tenfold_testkit::client::{self, Client};
use tenfold_testkit::origin::{Origin, ok};
use tenfold_testkit::wait_until;

use super::{answer, gateway};

/// Fails its first requests with a status, then answers with what it got.
fn recovering(
    failures: usize,
    status: u16,
    fields: &'static str,
) -> (Origin, Arc<Mutex<Vec<Instant>>>) {
    let times = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&times);
    let origin = Origin::answering(move |request| {
        let mut times = seen.lock().expect("no panics");
        times.push(Instant::now());
        match times.len() <= failures {
            true => answer(status, fields, &format!("failure {}", times.len())),
            false => ok(&request.text()),
        }
    });
    (origin, times)
}

#[test]
fn a_status_that_is_listed_is_made_up_for_elsewhere() {
    let bad = Origin::answering(|_| answer(503, "", "overloaded"));
    let good = Origin::saying("good");
    let gateway = gateway(
        &[&bad, &good],
        "",
        "retry = { on = 503 }\noutlier = false\nbalance = \"round_robin\"",
    );
    for _ in 0..6 {
        assert_eq!(client::get(gateway.gateway.address(), "/").text(), "good");
    }
    let retries = gateway
        .gateway
        .metric("tenfold_upstream_retries_total", "reason=\"status\"");
    assert_eq!(
        retries as usize,
        bad.requests(),
        "each failure was made up for once"
    );
    assert!(bad.requests() >= 1);
    assert_eq!(gateway.gateway.metric("tenfold_http_errors_total", ""), 0.0);
}

#[test]
fn if_no_attempt_helps_the_client_gets_the_last_answer_unchanged() {
    let (origin, times) = recovering(100, 502, "X-Reason: disk full\r\nRetry-After: 0\r\n");
    let gateway = gateway(&[&origin], "", "retry = true\noutlier = false");
    let response = client::get(gateway.gateway.address(), "/");
    assert_eq!(
        (response.status(), response.text().as_str()),
        (502, "failure 3")
    );
    assert_eq!(response.get("x-reason"), Some("disk full"));
    assert_eq!(response.get("retry-after"), Some("0"));
    assert_eq!(times.lock().expect("no panics").len(), 3);
    gateway
        .gateway
        .wait_for_metric("tenfold_upstream_retries_refused_total", "attempts", 1.0);
}

#[test]
fn an_answer_is_better_than_none() {
    // The second server dies between its probe and the request; what the first one said is passed on.
    let full = Origin::answering(|_| answer(503, "", "full"));
    let dead = crate::free_port();
    let text = super::text(
        &[&full],
        "",
        "retry = { on = [\"connect\", 503] }\noutlier = false",
    )
    .replace("servers = [", &format!("servers = [\"{dead}\", "));
    let gateway = crate::Configured::start(&text);
    for _ in 0..3 {
        let response = client::get(gateway.gateway.address(), "/");
        assert_eq!((response.status(), response.text().as_str()), (503, "full"));
    }
}

#[test]
fn a_server_is_left_alone_for_as_long_as_it_asks() {
    let (origin, times) = recovering(1, 503, "Retry-After: 1\r\n");
    let policy = "retry = { on = 503, longest_retry_after = \"2s\" }";
    let gateway = gateway(&[&origin], "", policy);
    assert_eq!(client::get(gateway.gateway.address(), "/").status(), 200);
    let times = times.lock().expect("no panics").clone();
    assert_eq!(times.len(), 2);
    assert!(times[1] - times[0] >= Duration::from_secs(1));
}

#[test]
fn who_waits_for_the_next_attempt_keeps_nobody_from_the_servers() {
    let origin = Origin::answering(|request| match request.start_line().contains("/bad") {
        true => answer(503, "Retry-After: 1\r\n", "later"),
        false => ok("good"),
    });
    let policy = "outlier = false\nretry = { on = 503, attempts = 2 }\nconcurrency = { limit = 1, queue = 0 }";
    let gateway = gateway(&[&origin], "", policy);
    let mut patient = Client::connect(gateway.gateway.address());
    patient.send("GET /bad HTTP/1.1\r\nHost: a\r\n\r\n");
    wait_until(|| origin.requests() == 1, || "nobody was asked");
    std::thread::sleep(Duration::from_millis(100));
    let other = client::get(gateway.gateway.address(), "/good");
    assert_eq!(other.text(), "good");
    assert_eq!(origin.requests(), 2, "and the first one still waits");
    assert_eq!(patient.response().text(), "later");
    assert_eq!(origin.requests(), 3);
    // The place is free again.
    assert_eq!(
        client::get(gateway.gateway.address(), "/good").text(),
        "good"
    );
}

#[test]
fn who_asks_for_too_long_a_wait_is_not_asked_again() {
    for (field, route) in [
        ("Retry-After: 60\r\n", ""),
        ("Retry-After: Fri, 31 Dec 9999 23:59:59 GMT\r\n", ""),
        // It would be allowed, but not within the deadline.
        ("Retry-After: 1\r\n", "deadline = \"900ms\""),
    ] {
        let (origin, times) = recovering(1, 503, field);
        let gateway = gateway(&[&origin], route, "retry = { on = 503 }");
        let response = client::get(gateway.gateway.address(), "/");
        assert_eq!(
            (response.status(), response.text().as_str()),
            (503, "failure 1")
        );
        assert!(response.get("retry-after").is_some());
        assert_eq!(times.lock().expect("no panics").len(), 1);
    }
}

#[test]
fn what_may_have_been_carried_out_is_repeated_only_if_that_is_asked_for() {
    for (policy, status, requests) in [
        ("retry = { on = 503 }", 503, 1),
        ("retry = { on = 503, non_idempotent = true }", 200, 2),
    ] {
        let (origin, times) = recovering(1, 503, "");
        let gateway = gateway(&[&origin], "", policy);
        let response = client::ask(
            gateway.gateway.address(),
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
        );
        assert_eq!(response.status(), status, "{policy}");
        assert_eq!(times.lock().expect("no panics").len(), requests, "{policy}");
        if status == 200 {
            assert_eq!(response.text(), "hello");
        }
    }
}

#[test]
fn bodies_are_sent_again_byte_for_byte_up_to_what_is_kept() {
    let data: Vec<u8> = (0..60_000_u32).map(|at| b'a' + (at % 23) as u8).collect();
    let known = (format!("Content-Length: {}", data.len()), data.clone());
    let mut chunks = Vec::new();
    for part in data.chunks(7_000) {
        chunks.extend_from_slice(format!("{:x}\r\n", part.len()).as_bytes());
        chunks.extend_from_slice(part);
        chunks.extend_from_slice(b"\r\n");
    }
    chunks.extend_from_slice(b"0\r\n\r\n");
    let chunked = ("Transfer-Encoding: chunked".to_owned(), chunks);
    for (framing, body) in [known, chunked] {
        for (replay, status) in [("64KiB", 200), ("16KiB", 503)] {
            let (origin, times) = recovering(2, 503, "");
            let policy = format!("retry = {{ on = 503, replay = \"{replay}\" }}\noutlier = false");
            let gateway = gateway(&[&origin], "", &policy);
            let mut client = Client::connect(gateway.gateway.address());
            client.send(format!("PUT / HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n"));
            for part in body.chunks(9_000) {
                client.send(part);
                // So that it does not all come with the head.
                std::thread::sleep(Duration::from_millis(5));
            }
            let response = client.response();
            assert_eq!(response.status(), status, "{framing} {replay}");
            if status == 200 {
                assert!(
                    response.text().as_bytes() == data,
                    "{framing}: the body is another one"
                );
                assert_eq!(times.lock().expect("no panics").len(), 3);
            }
            // The connection goes on behind all of it.
            client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
            client.response();
        }
    }
}

#[test]
fn a_body_is_sent_again_after_a_connection_that_broke_in_its_middle() {
    let count = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&count);
    let origin = Origin::new(move |peer| {
        while let Some(mut request) = peer.head()? {
            if seen.fetch_add(1, SeqCst) == 0 {
                peer.bytes(10_000)?;
                peer.reset();
                return Ok(());
            }
            peer.body(&mut request)?;
            peer.send(ok(&request.text()))?;
        }
        Ok(())
    });
    let other = Origin::answering(|request| ok(&request.text()));
    let gateway = gateway(
        &[&origin, &other],
        "",
        "retry = true\nbalance = \"round_robin\"",
    );
    let data = "0123456789".repeat(5_000);
    for _ in 0..2 {
        let mut client = Client::connect(gateway.gateway.address());
        client.send(format!(
            "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n",
            data.len()
        ));
        for part in data.as_bytes().chunks(5_000) {
            std::thread::sleep(Duration::from_millis(10));
            client.send(part);
        }
        assert!(client.response().text() == data);
    }
    assert_eq!(
        gateway
            .gateway
            .metric("tenfold_upstream_retries_total", "reset"),
        1.0
    );
}

#[test]
fn a_server_that_does_not_answer_is_given_up_for_another_one() {
    let silent = Origin::new(|peer| {
        while peer.request()?.is_some() {}
        Ok(())
    });
    let good = Origin::saying("good");
    let policy =
        "retry = { on = \"timeout\", per_try_timeout = \"200ms\" }\nbalance = \"round_robin\"";
    let gateway = gateway(&[&silent, &good], "", policy);
    for _ in 0..4 {
        assert_eq!(client::get(gateway.gateway.address(), "/").text(), "good");
    }
    let retries = gateway
        .gateway
        .metric("tenfold_upstream_retries_total", "timeout");
    assert_eq!(retries as usize, silent.requests());
}

#[test]
fn in_a_brown_out_retries_stay_within_their_budget() {
    let origins = [503, 503, 503].map(|status| Origin::answering(move |_| answer(status, "", "")));
    let policy = "retry = { on = 503, attempts = 5, backoff = \"1ms\", budget = { share = \"20%\", least = 0 } }\noutlier = false";
    let gateway = gateway(&origins.each_ref(), "", policy);
    let clients = 8;
    let each = 100;
    std::thread::scope(|scope| {
        for _ in 0..clients {
            scope.spawn(|| {
                let mut client = Client::connect(gateway.gateway.address());
                for _ in 0..each {
                    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
                    assert_eq!(client.response().status(), 503);
                }
            });
        }
    });
    let attempts: usize = origins.iter().map(Origin::requests).sum();
    let requests = clients * each;
    assert!(
        attempts * 10 <= requests * 12,
        "{attempts} attempts for {requests} requests"
    );
    assert!(attempts > requests, "nothing was tried again");
    assert!(
        gateway
            .gateway
            .metric("tenfold_upstream_retries_refused_total", "budget")
            >= 1.0
    );
}

#[test]
fn without_retries_the_first_failure_is_the_last() {
    let dead = crate::free_port();
    let good = Origin::saying("good");
    let text = super::text(&[&good], "", "retry = false\nbalance = \"round_robin\"")
        .replace("servers = [", &format!("servers = [\"{dead}\", "));
    let gateway = crate::Configured::start(&text);
    let statuses: Vec<_> = (0..8)
        .map(|_| client::get(gateway.gateway.address(), "/").status())
        .collect();
    assert!(statuses.contains(&503), "{statuses:?}");
    assert_eq!(
        gateway.gateway.metric("tenfold_upstream_retries_total", ""),
        0.0
    );
}

#[test]
fn the_budget_survives_a_reload() {
    let origin = Origin::answering(|_| answer(503, "", ""));
    let policy = |attempts| {
        format!(
            "retry = {{ on = 503, attempts = {attempts}, backoff = \"1ms\", budget = {{ share = \"0%\", least = 1 }} }}\noutlier = false"
        )
    };
    let gateway = gateway(&[&origin], "", &policy(10));
    // Two within two seconds are allowed, and are used up.
    let _failed = client::get(gateway.gateway.address(), "/");
    let used = origin.requests();
    assert!((2..=3).contains(&used), "{used}");
    let reloaded = gateway.reload(&super::text(&[&origin], "", &policy(9)));
    assert_eq!(reloaded.status(), 200, "{}", reloaded.text());
    for _ in 0..20 {
        let _failed = client::get(gateway.gateway.address(), "/");
    }
    let retries = origin.requests() - 21;
    // At most one per second, and ten in ten seconds; a new budget would have allowed two at once for each of many.
    assert!(retries <= 10, "{retries}");
}

/// Refuses its first request for two seconds, and says to the others which they are.
fn busy_at_first() -> Origin {
    let count = AtomicUsize::new(0);
    Origin::answering(move |_| match count.fetch_add(1, SeqCst) + 1 {
        1 => answer(503, "Retry-After: 2\r\n", "1"),
        number => ok(&number.to_string()),
    })
}

const PATIENT: &str = "outlier = false\nretry = { on = 503, longest_retry_after = \"5s\" }\n\
                       concurrency = { limit = 1, queue_timeout = \"60s\" }";

/// Some that were told to come back later would have held all places of a service that had nothing to do.
#[test]
fn who_waits_to_try_again_holds_no_place() {
    let origin = busy_at_first();
    let gateway = gateway(&[&origin], "", PATIENT);
    let address = gateway.gateway.address();
    let first = std::thread::spawn(move || client::get(address, "/").text());
    tenfold_testkit::wait_until(|| origin.requests() == 1, || "it did not come");
    assert_eq!(client::get(address, "/").text(), "2");
    assert_eq!(first.join().expect("an answer"), "3");
    gateway
        .gateway
        .wait_for_metric("tenfold_upstream_concurrency_in_flight", "app", 0.0);
}

#[test]
fn who_finds_no_place_to_try_again_gets_the_answer_that_there_was() {
    let stays = Arc::new(std::sync::atomic::AtomicBool::new(true));
    let theirs = Arc::clone(&stays);
    let count = AtomicUsize::new(0);
    let origin = Origin::answering(move |_| match count.fetch_add(1, SeqCst) + 1 {
        1 => answer(503, "Retry-After: 1\r\nX-Reason: busy\r\n", "1"),
        number => {
            while theirs.load(SeqCst) {
                std::thread::sleep(Duration::from_millis(10));
            }
            ok(&number.to_string())
        }
    });
    let policy = PATIENT.replace("queue_timeout = \"60s\"", "queue = 0");
    let gateway = gateway(&[&origin], "", &policy);
    let address = gateway.gateway.address();
    let first = std::thread::spawn(move || client::get(address, "/"));
    tenfold_testkit::wait_until(|| origin.requests() == 1, || "it did not come");
    gateway
        .gateway
        .wait_for_metric("tenfold_upstream_concurrency_in_flight", "app", 0.0);
    let second = std::thread::spawn(move || client::get(address, "/").text());
    let first = first.join().expect("an answer");
    assert_eq!((first.status(), first.get("x-reason")), (503, Some("busy")));
    stays.store(false, SeqCst);
    assert_eq!(second.join().expect("an answer"), "2");
    gateway
        .gateway
        .wait_for_metric("tenfold_upstream_concurrency_in_flight", "app", 0.0);
}

#[test]
fn nothing_is_tried_again_for_a_client_that_has_left() {
    let origin = busy_at_first();
    let gateway = gateway(&[&origin], "", PATIENT);
    let mut client = Client::connect(gateway.gateway.address());
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    tenfold_testkit::wait_until(|| origin.requests() == 1, || "it did not come");
    drop(client);
    gateway
        .gateway
        .wait_for_metric("tenfold_http_errors_total", "client_gone", 1.0);
    std::thread::sleep(Duration::from_millis(2500));
    assert_eq!(origin.requests(), 1);
}

/// A number too large for 32 bits was taken for none, and the server asked again at once.
#[test]
fn a_wait_without_end_is_none_to_be_waited_for() {
    let (origin, times) = recovering(1, 503, "Retry-After: 99999999999999999999999\r\n");
    let gateway = gateway(&[&origin], "", "retry = { on = 503 }");
    assert_eq!(client::get(gateway.gateway.address(), "/").status(), 503);
    assert_eq!(times.lock().expect("no panics").len(), 1);
}
