//! Hedges: a server that stalls is overtaken by another one, within the budget.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use tenfold_testkit::client;
use tenfold_testkit::origin::{Origin, ok};
use tenfold_testkit::wait_until;

use super::gateway;

/// Answers at once, unless it is to stall.
fn staller() -> (Origin, Arc<AtomicBool>) {
    let stalls = Arc::new(AtomicBool::new(false));
    let is_stalling = Arc::clone(&stalls);
    let origin = Origin::answering(move |_| {
        while is_stalling.load(SeqCst) {
            std::thread::sleep(Duration::from_millis(20));
        }
        ok("stalled")
    });
    (origin, stalls)
}

const POLICY: &str = "balance = \"round_robin\"\noutlier = false\nhedge = { after = \"90%\", least = \"20ms\" }\n\
                      retry = { budget = \"100%\" }";

/// Until the gateway knows how long answers take.
fn warm_up(gateway: &crate::Configured) {
    for _ in 0..120 {
        assert_eq!(client::get(gateway.gateway.address(), "/").status(), 200);
    }
    std::thread::sleep(Duration::from_millis(1100));
    for _ in 0..3 {
        assert_eq!(client::get(gateway.gateway.address(), "/").status(), 200);
    }
}

#[test]
fn a_server_that_stalls_is_overtaken() {
    let ((stalling, stalls), other) = (staller(), Origin::saying("other"));
    let gateway = gateway(&[&stalling, &other], "", POLICY);
    warm_up(&gateway);
    stalls.store(true, SeqCst);
    for _ in 0..10 {
        assert_eq!(client::get(gateway.gateway.address(), "/").text(), "other");
    }
    let won = gateway
        .gateway
        .metric("tenfold_upstream_hedges_total", "won");
    assert!(won >= 1.0, "nobody was overtaken");
    assert_eq!(gateway.gateway.metric("tenfold_http_errors_total", ""), 0.0);
    // What was lost is not under way any more.
    wait_until(
        || {
            gateway
                .gateway
                .metric("tenfold_endpoint_active_requests", "")
                == 0.0
        },
        || "an attempt that lost still counts",
    );
    stalls.store(false, SeqCst);
}

#[test]
fn what_does_something_is_not_asked_twice() {
    let ((stalling, stalls), other) = (staller(), Origin::saying("other"));
    let gateway = gateway(&[&stalling, &other], "", POLICY);
    warm_up(&gateway);
    let before = gateway
        .gateway
        .metric("tenfold_upstream_hedges_total", "sent");
    stalls.store(true, SeqCst);
    let address = gateway.gateway.address();
    let post = move || {
        client::ask(
            address,
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi",
        )
        .text()
    };
    // Each of the two workers takes turns for itself: of so many one gets two, and so asks both.
    let posts: Vec<_> = (0..8).map(|_| std::thread::spawn(post)).collect();
    std::thread::sleep(Duration::from_millis(300));
    stalls.store(false, SeqCst);
    let answers: Vec<_> = posts
        .into_iter()
        .map(|post| post.join().expect("an answer"))
        .collect();
    assert!(answers.contains(&"stalled".to_owned()), "{answers:?}");
    assert_eq!(
        gateway
            .gateway
            .metric("tenfold_upstream_hedges_total", "sent"),
        before
    );
}

#[test]
fn hedges_are_paid_from_the_budget() {
    let ((stalling, stalls), other) = (staller(), Origin::saying("other"));
    let policy = POLICY.replace("\"100%\"", "{ share = 0.0, least = 0 }");
    let gateway = gateway(&[&stalling, &other], "", &policy);
    warm_up(&gateway);
    stalls.store(true, SeqCst);
    let address = gateway.gateway.address();
    let waiting: Vec<_> = (0..4)
        .map(|_| std::thread::spawn(move || client::get(address, "/").text()))
        .collect();
    let is_refused = || {
        gateway
            .gateway
            .metric("tenfold_upstream_hedges_total", "refused")
            >= 1.0
    };
    wait_until(is_refused, || "no hedge was refused");
    stalls.store(false, SeqCst);
    for one in waiting {
        assert!(["stalled", "other"].contains(&one.join().expect("an answer").as_str()));
    }
    assert_eq!(
        gateway
            .gateway
            .metric("tenfold_upstream_hedges_total", "sent"),
        0.0
    );
}

/// The place that a hedge took was forgotten when its answer got that of the first attempt.
#[test]
fn a_hedge_that_wins_gives_its_place_back() {
    let ((stalling, stalls), other) = (staller(), Origin::saying("other"));
    let policy = format!("{POLICY}\nconcurrency = {{ limit = 50 }}");
    let it = gateway(&[&stalling, &other], "", &policy);
    warm_up(&it);
    stalls.store(true, SeqCst);
    for _ in 0..10 {
        assert_eq!(client::get(it.gateway.address(), "/").text(), "other");
    }
    assert!(it.gateway.metric("tenfold_upstream_hedges_total", "won") >= 1.0);
    stalls.store(false, SeqCst);
    it.gateway
        .wait_for_metric("tenfold_upstream_concurrency_in_flight", "app", 0.0);
}

/// There was nobody to ask, and yet a hedge was counted and paid for.
#[test]
fn without_a_second_server_there_is_no_hedge() {
    let (stalling, stalls) = staller();
    let it = gateway(&[&stalling], "", POLICY);
    warm_up(&it);
    stalls.store(true, SeqCst);
    let address = it.gateway.address();
    let waiting = std::thread::spawn(move || client::get(address, "/").text());
    std::thread::sleep(Duration::from_millis(300));
    stalls.store(false, SeqCst);
    assert_eq!(waiting.join().expect("an answer"), "stalled");
    let count = |what| it.gateway.metric("tenfold_upstream_hedges_total", what);
    assert_eq!((count("sent"), count("refused")), (0.0, 0.0));
}

/// What a request waited for its place is not the server's latency: a breaker for slow calls must not open for it.
#[test]
fn a_server_is_not_blamed_for_the_queue_in_front_of_it() {
    let (origin, stalls) = staller();
    let policy = "outlier = false\nretry = false\nhedge = { least = \"10s\" }\n\
                  concurrency = { limit = 1, queue_timeout = \"60s\", interval = \"60s\" }\n\
                  breaker = { slow = \"500ms\", consecutive = 4, least_requests = 1000 }";
    let it = gateway(&[&origin], "", policy);
    // Both workers have a connection to the server when they are done.
    warm_up(&it);
    stalls.store(true, SeqCst);
    let address = it.gateway.address();
    let waiting: Vec<_> = (0..12)
        .map(|_| std::thread::spawn(move || client::get(address, "/").status()))
        .collect();
    it.gateway
        .wait_for_metric("tenfold_upstream_queue_length", "normal", 11.0);
    std::thread::sleep(Duration::from_millis(700));
    stalls.store(false, SeqCst);
    for one in waiting {
        assert_eq!(one.join().expect("an answer"), 200);
    }
    let opened = it
        .gateway
        .metric("tenfold_endpoint_breaker_changes_total", "opened");
    assert_eq!(opened, 0.0, "one call was slow, and not twelve");
}
