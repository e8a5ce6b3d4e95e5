//! Circuit breakers: they open, are tried, and close; and everybody can see it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering::SeqCst};
use std::time::Duration;

use tenfold_testkit::client::{self, Client};
use tenfold_testkit::origin::Origin;
use tenfold_testkit::wait_until;

use super::{answer, gateway};
use crate::Configured;

/// A status, and what changes it.
fn shared(status: u16) -> (Arc<AtomicU16>, Arc<AtomicU16>) {
    let status = Arc::new(AtomicU16::new(status));
    (Arc::clone(&status), status)
}

/// Answers with a status that can be changed.
fn moody(status: u16) -> (Origin, Arc<AtomicU16>) {
    let (status, current) = shared(status);
    let origin = Origin::answering(move |_| answer(current.load(SeqCst), "", "mood"));
    (origin, status)
}

fn status(gateway: &Configured) -> serde_json::Value {
    let admin = gateway.gateway.admin();
    let request = format!("GET /api/v1/upstreams HTTP/1.1\r\nHost: {admin}\r\n\r\n");
    serde_json::from_str(&client::ask(admin, request).text()).expect("JSON")
}

/// Of the one upstream.
fn upstream(gateway: &Configured) -> serde_json::Value {
    let all = status(gateway);
    let list = all.as_array().or_else(|| all["upstreams"].as_array());
    list.expect("a list")[0].clone()
}

fn get(gateway: &Configured) -> tenfold_testkit::message::Message {
    client::get(gateway.gateway.address(), "/")
}

#[test]
fn a_breaker_opens_refuses_at_once_and_closes_after_its_trials() {
    let (origin, mood) = moody(500);
    let policy =
        "outlier = false\nbreaker = { least_requests = 10, open = \"1500ms\", trials = 2 }";
    let mut gateway = gateway(&[&origin], "", policy);
    for _ in 0..10 {
        assert_eq!(get(&gateway).text(), "mood");
    }
    assert_eq!(origin.requests(), 10);
    let refused = get(&gateway);
    assert_eq!(refused.status(), 503);
    let retry_after: u32 = refused
        .get("retry-after")
        .and_then(|it| it.parse().ok())
        .expect("seconds");
    assert!((1..=2).contains(&retry_after), "{retry_after}");
    assert!(
        refused.text().contains("fails too often"),
        "{}",
        refused.text()
    );
    assert_eq!(origin.requests(), 10, "nobody asked");
    gateway
        .gateway
        .wait_for_metric("tenfold_http_errors_total", "kind=\"breaker_open\"", 1.0);
    gateway
        .gateway
        .wait_for_metric("tenfold_upstream_breaker_changes_total", "opened", 1.0);
    gateway
        .gateway
        .wait_for_metric("tenfold_endpoint_breaker_changes_total", "opened", 1.0);
    // 1.5 s, or up to a fifth less.
    gateway.gateway.wait_for_log("its breaker is open for 1.");

    // Still bad: the first trial opens it again, for longer.
    wait_until(|| get(&gateway).text() == "mood", || "no trial");
    assert_eq!(get(&gateway).status(), 503);
    let seen = upstream(&gateway);
    assert_eq!(seen["breaker"], "open", "{seen}");
    assert_eq!(seen["endpoints"][0]["state"], "open", "{seen}");
    assert!(
        seen["endpoints"][0]["until_seconds"]
            .as_f64()
            .is_some_and(|left| left > 0.0),
        "{seen}"
    );
    assert_eq!(gateway.gateway.metric("tenfold_upstream_breaker", ""), 2.0);

    mood.store(200, SeqCst);
    gateway
        .gateway
        .wait_for_metric("tenfold_upstream_breaker", "", 1.0);
    assert_eq!(upstream(&gateway)["breaker"], "half_open");
    for _ in 0..2 {
        assert_eq!(get(&gateway).status(), 200);
    }
    gateway
        .gateway
        .wait_for_metric("tenfold_upstream_breaker", "", 0.0);
    gateway
        .gateway
        .wait_for_metric("tenfold_endpoint_breaker", "", 0.0);
    gateway.gateway.wait_for_log("its breaker is closed again");
    let seen = upstream(&gateway);
    assert_eq!(
        (&seen["breaker"], &seen["endpoints"][0]["state"]),
        (&"closed".into(), &"up".into())
    );
}

#[test]
fn trials_whose_answers_go_on_for_long_do_not_keep_the_breaker_from_the_next_ones() {
    let (status, current) = shared(500);
    let origin = Origin::new(move |peer| {
        while peer.request()?.is_some() {
            match current.load(SeqCst) {
                // A stream of events, which does not end.
                200 => {
                    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nevent")?;
                    peer.to_end()?;
                }
                status => peer.send(answer(status, "", "mood"))?,
            }
        }
        Ok(())
    });
    let policy = "outlier = false\nbreaker = { consecutive = 5, open = \"300ms\", trials = 2 }";
    let gateway = gateway(&[&origin], "", policy);
    let state = || gateway.gateway.metric("tenfold_upstream_breaker", "");
    let mut streams = Vec::new();
    // The second time the trials of the first are still being read.
    for _ in 0..2 {
        status.store(500, SeqCst);
        for _ in 0..5 {
            assert_eq!(get(&gateway).status(), 500);
        }
        assert_eq!(state(), 2.0);
        status.store(200, SeqCst);
        wait_until(|| state() == 1.0, || "it is not tried again");
        for _ in 0..2 {
            let mut client = Client::connect(gateway.gateway.address());
            client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
            assert_eq!(client.head().expect("a head").status(), 200);
            streams.push(client);
        }
        wait_until(|| state() == 0.0, || "its trials were good");
    }
}

#[test]
fn a_server_whose_breaker_is_open_is_passed_over() {
    let ((bad, mood), (good, _)) = (moody(500), moody(200));
    let policy = "outlier = false\nbalance = \"round_robin\"\nbreaker = { per = \"endpoint\", consecutive = 3, open = \"1s\", trials = 1 }";
    let gateway = gateway(&[&bad, &good], "", policy);
    let failures = (0..40).filter(|_| get(&gateway).status() == 500).count();
    // Trials fail, too, if this takes longer than a second.
    assert!((3..=8).contains(&failures), "{failures}");
    assert_eq!(upstream(&gateway)["breaker"], "", "the upstream has none");
    mood.store(200, SeqCst);
    let healed = bad.requests();
    wait_until(
        || {
            assert_eq!(get(&gateway).status(), 200);
            bad.requests() > healed + 3
        },
        || "it did not come back",
    );
}

#[test]
fn what_clients_do_wrong_opens_nothing() {
    let origin = Origin::answering(|request| match request.start_line().contains("/slow") {
        true => {
            std::thread::sleep(Duration::from_millis(150));
            answer(200, "", "late")
        }
        false => answer(404, "", "not here"),
    });
    let policy =
        "outlier = false\nbreaker = { failures = \"1%\", least_requests = 1, consecutive = 1 }";
    let gateway = gateway(&[&origin], "", policy);
    for _ in 0..20 {
        assert_eq!(get(&gateway).status(), 404);
    }
    // Clients that go away before the answer.
    for _ in 0..5 {
        let mut client = Client::connect(gateway.gateway.address());
        client.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
        drop(client);
    }
    assert_eq!(
        client::get(gateway.gateway.address(), "/slow").status(),
        200
    );
    assert_eq!(
        gateway
            .gateway
            .metric("tenfold_upstream_breaker_changes_total", ""),
        0.0
    );
    assert_eq!(
        gateway
            .gateway
            .metric("tenfold_endpoint_breaker_changes_total", ""),
        0.0
    );
}

#[test]
fn slow_answers_count_if_that_is_asked_for() {
    let origin = Origin::answering(|_| {
        std::thread::sleep(Duration::from_millis(60));
        answer(200, "", "slow")
    });
    let policy = "breaker = { slow = \"50ms\", consecutive = 2, open = \"60s\" }";
    let gateway = gateway(&[&origin], "", policy);
    for _ in 0..2 {
        assert_eq!(get(&gateway).text(), "slow");
    }
    let refused = get(&gateway);
    assert_eq!(refused.status(), 503);
    let retry_after: u32 = refused
        .get("retry-after")
        .and_then(|it| it.parse().ok())
        .expect("seconds");
    assert!((30..=60).contains(&retry_after), "{retry_after}");
}

#[test]
fn a_breaker_survives_a_reload_and_goes_with_its_rules() {
    let (origin, _) = moody(500);
    let policy = "outlier = false\nbreaker = { consecutive = 2, open = \"60s\" }";
    let gateway = gateway(&[&origin], "", policy);
    for _ in 0..2 {
        assert_eq!(get(&gateway).status(), 500);
    }
    assert_eq!(get(&gateway).status(), 503);
    let reload = |policy: &str| {
        let reloaded = gateway.reload(&super::text(&[&origin], "timeout = \"7s\"", policy));
        assert_eq!(reloaded.status(), 200, "{}", reloaded.text());
    };
    reload(policy);
    assert_eq!(get(&gateway).status(), 503, "still open");
    reload("outlier = false");
    assert_eq!(get(&gateway).status(), 500);
    reload(policy);
    assert_eq!(get(&gateway).status(), 500, "a new one");
}
