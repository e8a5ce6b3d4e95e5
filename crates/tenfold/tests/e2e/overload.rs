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

#[test]
fn a_client_that_leaves_leaves_the_queue() {
    let held = Held::new();
    let limit = "concurrency = { limit = 1, queue_timeout = \"60s\" }";
    let it = Configured::start(&config(&held.origin, limit, ALL));
    let address = it.gateway.address();
    let mut inside = send(address, "/1");
    held.wait_for(1);
    let gone = send(address, "/2");
    it.gateway
        .wait_for_metric("tenfold_upstream_queue_length", "normal", 1.0);
    drop(gone);
    it.gateway
        .wait_for_metric("tenfold_upstream_queue_length", "normal", 0.0);
    held.open();
    assert_eq!(inside.response().status(), 200);
    assert_eq!(get(address, "/3").text(), "GET /3 HTTP/1.1");
    assert_eq!(
        held.origin.requests(),
        2,
        "the server has not seen the one that left"
    );
}

#[test]
fn a_full_route_does_not_starve_another() {
    let held = Held::new();
    let other = Origin::saying("quick");
    let routes = "[[route]]\nname = \"slow\"\npath = \"/slow/*\"\nupstream = \"app\"\nconcurrency = { limit = 2, queue = 0 }\n\
                  [[route]]\nname = \"rest\"\nupstream = \"app\"\n";
    // Both routes share an upstream of four places, and one of its two servers does not answer.
    let it = Configured::start(&format!(
        "[listener.web]\nlisten = \"127.0.0.1:0\"\n{routes}\n[upstream.app]\nservers = [\"{}\"]\nconcurrency = {{ limit = 4, queue_timeout = \"60s\" }}\n[upstream.other]\nservers = [\"{}\"]\n",
        held.origin.name(),
        other.name()
    ));
    let address = it.gateway.address();
    let mut slow = [send(address, "/slow/1"), send(address, "/slow/2")];
    held.wait_for(2);
    for _ in 0..10 {
        assert_eq!(
            get(address, "/slow/more").status(),
            503,
            "its two places are taken"
        );
    }
    let mut rest = [send(address, "/a"), send(address, "/b")];
    held.wait_for(4);
    it.gateway
        .wait_for_metric("tenfold_route_shed_total", "route=\"slow\"", 10.0);
    held.open();
    for client in slow.iter_mut().chain(&mut rest) {
        assert_eq!(client.response().status(), 200);
    }
    it.gateway
        .wait_for_metric("tenfold_route_concurrency_in_flight", "slow", 0.0);
}

#[test]
fn critical_requests_displace_bulk_and_go_first() {
    let held = Held::new();
    let limit =
        "concurrency = { limit = 1, queue = 2, queue_timeout = \"60s\", interval = \"60s\" }";
    let routes = "[[route]]\nname = \"bulk\"\npath = \"/bulk/*\"\nupstream = \"app\"\npriority = \"bulk\"\n\
                  [[route]]\nname = \"pay\"\npath = \"/pay/*\"\nupstream = \"app\"\npriority = \"critical\"\n";
    let it = Configured::start(&config(&held.origin, limit, routes));
    let address = it.gateway.address();
    let mut inside = send(address, "/bulk/1");
    held.wait_for(1);
    let waits = |priority, count| {
        it.gateway
            .wait_for_metric("tenfold_upstream_queue_length", priority, count);
    };
    let mut first = send(address, "/bulk/2");
    waits("bulk", 1.0);
    let mut second = send(address, "/bulk/3");
    waits("bulk", 2.0);
    let mut critical = send(address, "/pay/1");
    assert_eq!(
        second.response().status(),
        503,
        "the younger one makes room"
    );
    waits("critical", 1.0);
    held.open();
    for client in [&mut inside, &mut critical, &mut first] {
        assert_eq!(client.response().status(), 200);
    }
    let labels = "priority=\"bulk\",reason=\"displaced\"";
    assert_eq!(
        it.gateway.metric("tenfold_upstream_shed_total", labels),
        1.0
    );
    assert_eq!(
        it.gateway.metric("tenfold_upstream_shed_total", "critical"),
        0.0
    );
}

#[test]
fn a_field_says_how_much_a_request_matters_if_it_is_believed() {
    let held = Held::new();
    let limit = "concurrency = { limit = 1, queue_timeout = \"60s\" }";
    let routes = "[[route]]\nname = \"open\"\npath = \"/open/*\"\nupstream = \"app\"\npriority_header = { name = \"X-Priority\", from = \"anyone\" }\n\
                  [[route]]\nname = \"shut\"\npath = \"/shut/*\"\nupstream = \"app\"\npriority_header = \"X-Priority\"\n";
    let it = Configured::start(&config(&held.origin, limit, routes));
    let address = it.gateway.address();
    let mut inside = send(address, "/open/1");
    held.wait_for(1);
    let with_field = |target: &str| {
        let mut client = Client::connect(address);
        client.send(format!(
            "GET {target} HTTP/1.1\r\nHost: test\r\nX-Priority: Critical\r\n\r\n"
        ));
        client
    };
    let mut believed = with_field("/open/2");
    it.gateway
        .wait_for_metric("tenfold_upstream_queue_length", "critical", 1.0);
    let mut stranger = with_field("/shut/2");
    it.gateway
        .wait_for_metric("tenfold_upstream_queue_length", "normal", 1.0);
    held.open();
    for client in [&mut inside, &mut believed, &mut stranger] {
        assert_eq!(client.response().status(), 200);
    }
}

#[test]
fn a_reload_keeps_who_is_inside_and_who_waits() {
    let held = Held::new();
    let limited = |limit, extra: &str| {
        let limit = format!("concurrency = {{ limit = {limit}, queue_timeout = \"60s\" }}");
        config(&held.origin, &format!("{limit}\n{extra}"), ALL)
    };
    let it = Configured::start(&limited(1, ""));
    let address = it.gateway.address();
    let mut inside = send(address, "/1");
    held.wait_for(1);
    let mut waiting = [send(address, "/2"), send(address, "/3")];
    it.gateway
        .wait_for_metric("tenfold_upstream_queue_length", "normal", 2.0);
    assert_eq!(
        it.reload(&limited(1, "connect_timeout = \"3s\"")).status(),
        200
    );
    assert_eq!(
        it.gateway
            .metric("tenfold_upstream_concurrency_in_flight", "app"),
        1.0
    );
    assert_eq!(
        it.gateway.metric("tenfold_upstream_queue_length", "normal"),
        2.0
    );
    // A higher limit lets one of them in.
    assert_eq!(it.reload(&limited(2, "")).status(), 200);
    held.wait_for(2);
    held.open();
    for client in waiting.iter_mut().chain([&mut inside]) {
        assert_eq!(client.response().status(), 200);
    }
    it.gateway
        .wait_for_metric("tenfold_upstream_concurrency_in_flight", "app", 0.0);
}

/// Eight workers of 10 ms.
fn capacity() -> Origin {
    let places = Arc::new((std::sync::Mutex::new(8_u32), std::sync::Condvar::new()));
    Origin::new(move |peer| {
        while let Some(_request) = peer.request()? {
            let (free, changed) = &*places;
            let guard = free.lock().expect("no panic");
            let mut guard = changed
                .wait_while(guard, |free| *free == 0)
                .expect("no panic");
            *guard -= 1;
            drop(guard);
            std::thread::sleep(Duration::from_millis(10));
            *free.lock().expect("no panic") += 1;
            changed.notify_one();
            peer.send(ok("done"))?;
        }
        Ok(())
    })
}

/// An open model for three seconds: several times what the service can do, a few of it critical.
#[test]
fn under_overload_critical_requests_lose_nothing_and_the_service_is_kept_busy() {
    let origin = capacity();
    let limit = "concurrency = \"adaptive\"";
    let routes = "[[route]]\nname = \"bulk\"\nupstream = \"app\"\npriority = \"bulk\"\n\
                  [[route]]\nname = \"pay\"\npath = \"/pay\"\nupstream = \"app\"\npriority = \"critical\"\n";
    let it = Configured::start(&config(&origin, limit, routes));
    let address = it.gateway.address();
    let began = Instant::now();
    let senders: Vec<_> = (0..64_u32)
        .map(|number| {
            std::thread::spawn(move || {
                let target = if number < 2 { "/pay" } else { "/" };
                let mut statuses = Vec::new();
                let mut client = Client::connect(address);
                // Every 25 ms each: 2,560 per second together, and 80 of them critical.
                for step in 0..120 {
                    let due = Duration::from_millis(step * 25 + u64::from(number) * 25 / 64);
                    std::thread::sleep(due.saturating_sub(began.elapsed()));
                    client.send(format!("GET {target} HTTP/1.1\r\nHost: test\r\n\r\n"));
                    statuses.push(client.response().status());
                }
                statuses
            })
        })
        .collect();
    let statuses: Vec<Vec<u16>> = senders
        .into_iter()
        .map(|it| it.join().expect("no panic"))
        .collect();
    let (critical, bulk) = statuses.split_at(2);
    assert!(
        critical.iter().flatten().all(|status| *status == 200),
        "{critical:?}"
    );
    let answered = bulk
        .iter()
        .flatten()
        .filter(|status| **status == 200)
        .count();
    let refused = bulk
        .iter()
        .flatten()
        .filter(|status| **status == 503)
        .count();
    assert_eq!(answered + refused, 62 * 120, "nothing else happens");
    assert!(refused > 0, "it was an overload");
    // 2,400 in three seconds; a machine that is busy otherwise does less.
    assert!(answered > 400, "{answered}");
}

#[test]
fn a_request_waits_no_longer_than_its_deadline() {
    let held = Held::new();
    let limit = "concurrency = { limit = 1, queue_timeout = \"60s\" }";
    let routes =
        format!("{ALL}deadline = \"200ms\"\n[[route]]\npath = \"/slow\"\nupstream = \"app\"\n");
    let it = Configured::start(&config(&held.origin, limit, &routes));
    let address = it.gateway.address();
    let mut inside = send(address, "/slow");
    held.wait_for(1);
    let late = get(address, "/late");
    assert_eq!(late.status(), 504, "{}", late.text());
    assert_eq!(held.origin.requests(), 1, "the server has not seen it");
    assert_eq!(
        it.gateway
            .metric("tenfold_http_errors_total", "deadline_exceeded"),
        1.0
    );
    held.open();
    assert_eq!(inside.response().status(), 200);
}

#[test]
fn the_priority_of_the_default_tier_holds_for_those_who_are_in_none() {
    let held = Held::new();
    let upstream = "concurrency = { limit = 1, queue = 5, queue_timeout = \"60s\" }\n\
        [limit.clients]\ndefault_tier = \"basic\"\n\
        [limit.clients.tier.basic]\nrate = \"1000/s\"\npriority = \"bulk\"\n";
    let routes = format!("{ALL}limit = \"clients\"\n");
    let it = Configured::start(&config(&held.origin, upstream, &routes));
    let address = it.gateway.address();
    let mut inside = send(address, "/1");
    held.wait_for(1);
    let mut waits = send(address, "/2");
    it.gateway
        .wait_for_metric("tenfold_upstream_queue_length", "bulk", 1.0);
    held.open();
    assert_eq!(inside.response().status(), 200);
    assert_eq!(waits.response().status(), 200);
}

#[test]
fn the_tier_of_a_client_says_how_much_its_requests_matter() {
    let held = Held::new();
    let upstream = "concurrency = { limit = 1, queue = 1, queue_timeout = \"60s\" }\n\
        [limit.clients]\ndefault_tier = \"basic\"\n\
        [limit.clients.tier.basic]\nrate = \"1000/s\"\n\
        [limit.clients.tier.gold]\nrate = \"1000/s\"\npriority = \"critical\"\n\
        header = { x-plan = \"gold\" }\n";
    let routes = format!("{ALL}limit = \"clients\"\n");
    let text = config(&held.origin, upstream, &routes).replace(
        "[listener.web]\n",
        "[listener.web]\ntrusted_proxies = [\"127.0.0.1\"]\n",
    );
    let it = Configured::start(&text);
    let address = it.gateway.address();
    let mut inside = send(address, "/1");
    held.wait_for(1);
    let mut basic = send(address, "/basic");
    it.gateway
        .wait_for_metric("tenfold_upstream_queue_length", "normal", 1.0);
    let mut gold = Client::connect(address);
    gold.send("GET /gold HTTP/1.1\r\nHost: test\r\nX-Plan: gold\r\n\r\n");
    assert_eq!(basic.response().status(), 503, "it makes room");
    held.open();
    assert_eq!(inside.response().status(), 200);
    assert_eq!(gold.response().text(), "GET /gold HTTP/1.1");
}

/// Only time-outs of single steps counted: with a deadline shorter than those the limit learnt nothing from a service that had come to a stop.
#[test]
fn requests_that_run_into_their_deadline_bring_an_adaptive_limit_down() {
    let silent = Origin::new(|peer| {
        while peer.request()?.is_some() {}
        Ok(())
    });
    let upstream =
        "concurrency = { limit = \"adaptive\", min = 2 }\noutlier = false\nretry = false";
    let routes = format!("{ALL}deadline = \"100ms\"\n");
    let it = Configured::start(&config(&silent, upstream, &routes));
    let address = it.gateway.address();
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..40 {
            scope.spawn(|| {
                while !is_over.load(SeqCst) {
                    let _late = get(address, "/");
                }
            });
        }
        let limit = || {
            it.gateway
                .metric("tenfold_upstream_concurrency_limit", "app")
        };
        let is_lower = (0..200).any(|_| {
            std::thread::sleep(Duration::from_millis(100));
            limit() <= 12.0
        });
        is_over.store(true, SeqCst);
        assert!(is_lower, "the limit is still {}", limit());
    });
}

/// An idle WebSocket is no work for a service: some of them took all the places there were, for as long as they were open.
#[test]
fn tunnels_take_places_of_their_route_and_none_of_their_upstream() {
    let origin = Origin::new(|peer| {
        while let Some(request) = peer.head()? {
            if request.get("upgrade").is_none() {
                peer.send(ok("plain"))?;
                continue;
            }
            peer.send("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n")?;
            while let Ok(byte) = peer.bytes(1) {
                peer.send(byte)?;
            }
            return Ok(());
        }
        Ok(())
    });
    let routes = "[[route]]\nname = \"chat\"\npath = \"/chat\"\nupstream = \"app\"\nconcurrency = { limit = 1, queue = 0 }\n\
                  [[route]]\nname = \"rest\"\nupstream = \"app\"\n";
    let it = Configured::start(&config(
        &origin,
        "concurrency = { limit = 1, queue = 0 }",
        routes,
    ));
    let address = it.gateway.address();
    let upgrade =
        "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    let mut tunnel = Client::connect(address);
    tunnel.send(upgrade);
    assert_eq!(tunnel.head().expect("a head").status(), 101);
    it.gateway
        .wait_for_metric("tenfold_upstream_concurrency_in_flight", "app", 0.0);
    assert_eq!(get(address, "/").text(), "plain");
    let second = tenfold_testkit::client::ask(address, upgrade);
    assert_eq!(second.status(), 503, "the route has one place");
    tunnel.send("x");
    assert_eq!(tunnel.bytes(1).expect("an echo"), b"x");
    drop(tunnel);
    it.gateway
        .wait_for_metric("tenfold_route_concurrency_in_flight", "chat", 0.0);
}
