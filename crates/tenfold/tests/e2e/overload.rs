//! More requests than a service can answer: who gets in, who waits, who is told to go.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::{Duration, Instant};

use tenfold_testkit::client::{Client, get};
use tenfold_testkit::message::Message;
use tenfold_testkit::origin::{Origin, ok};
use tenfold_testkit::wait_until;

use crate::Configured;

/// An origin that answers when it is told to.
struct Held {
    origin: Origin,
    is_open: Arc<AtomicBool>,
}

impl Held {
    fn new() -> Self {
        let is_open = Arc::new(AtomicBool::new(false));
        let theirs = Arc::clone(&is_open);
        let origin = Origin::new(move |peer| {
            while let Some(request) = peer.request()? {
                while !theirs.load(SeqCst) {
                    std::thread::sleep(Duration::from_millis(2));
                }
                peer.send(ok(request.start_line()))?;
            }
            Ok(())
        });
        Self { origin, is_open }
    }

    fn open(&self) {
        self.is_open.store(true, SeqCst);
    }

    /// Waits until that many requests have come.
    fn wait_for(&self, count: usize) {
        wait_until(
            || self.origin.requests() >= count,
            || format!("{} of {count} requests came", self.origin.requests()),
        );
    }
}

fn config(origin: &Origin, upstream: &str, routes: &str) -> String {
    format!(
        "[listener.web]\nlisten = \"127.0.0.1:0\"\n{routes}\n[upstream.app]\nservers = [\"{}\"]\n{upstream}\n",
        origin.name()
    )
}

const ALL: &str = "[[route]]\nname = \"all\"\nupstream = \"app\"\n";

/// Sends a request on a connection of its own, and does not wait for the answer.
fn send(address: SocketAddr, target: &str) -> Client {
    let mut client = Client::connect(address);
    client.send(format!("GET {target} HTTP/1.1\r\nHost: test\r\n\r\n"));
    client
}

fn seconds(message: &Message, name: &str) -> u64 {
    let value = message
        .get(name)
        .unwrap_or_else(|| panic!("no {name}: {}", message.head));
    value.parse().expect("seconds")
}

#[test]
fn a_full_upstream_and_a_full_queue_are_answered_with_503_at_once() {
    let held = Held::new();
    let limit = "concurrency = { limit = 2, queue = 1, queue_timeout = \"60s\" }";
    let it = Configured::start(&config(&held.origin, limit, ALL));
    let address = it.gateway.address();
    let mut inside = [send(address, "/1"), send(address, "/2")];
    held.wait_for(2);
    let mut waiting = send(address, "/3");
    it.gateway
        .wait_for_metric("tenfold_upstream_queue_length", "normal", 1.0);
    let began = Instant::now();
    let mut client = send(address, "/4");
    let refused = client.response();
    assert!(began.elapsed() < Duration::from_secs(30), "it did not wait");
    assert_eq!(refused.status(), 503);
    assert!(seconds(&refused, "retry-after") >= 1);
    assert!(
        refused
            .text()
            .contains("more requests than can be answered"),
        "{}",
        refused.text()
    );
    assert_eq!(
        held.origin.requests(),
        2,
        "the server has seen none of them"
    );
    held.open();
    for client in inside.iter_mut().chain([&mut waiting]) {
        assert_eq!(client.response().status(), 200);
    }
    // The refused client's connection goes on.
    client.send("GET /5 HTTP/1.1\r\nHost: test\r\n\r\n");
    assert_eq!(client.response().text(), "GET /5 HTTP/1.1");
    let labels = "upstream=\"app\",priority=\"normal\",reason=\"full\"";
    it.gateway
        .wait_for_metric("tenfold_upstream_shed_total", labels, 1.0);
    it.gateway
        .wait_for_metric("tenfold_upstream_concurrency_in_flight", "app", 0.0);
    assert_eq!(
        it.gateway
            .metric("tenfold_upstream_queue_seconds_count", "app"),
        1.0
    );
    assert_eq!(
        it.gateway.metric("tenfold_http_errors_total", "shed_full"),
        1.0
    );
}

#[test]
fn nobody_waits_for_longer_than_the_queue_allows() {
    let held = Held::new();
    let limit = "concurrency = { limit = 1, queue_timeout = \"50ms\" }";
    let it = Configured::start(&config(&held.origin, limit, ALL));
    let address = it.gateway.address();
    let mut inside = send(address, "/1");
    held.wait_for(1);
    let began = Instant::now();
    let late = get(address, "/2");
    assert_eq!(late.status(), 503);
    assert!(began.elapsed() >= Duration::from_millis(50), "it waited");
    held.open();
    assert_eq!(inside.response().status(), 200);
    assert_eq!(
        it.gateway
            .metric("tenfold_http_errors_total", "shed_deadline"),
        1.0
    );
    assert_eq!(get(address, "/3").status(), 200);
}
