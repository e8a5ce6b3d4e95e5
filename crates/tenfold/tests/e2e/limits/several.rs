//! Several limits on a route, costs, and the algorithms.

use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tenfold_testkit::client::Client;
use tenfold_testkit::origin::Origin;
use tenfold_testkit::wait_until;

use super::{allowed, get, limited, metric};
use crate::Configured;

#[test]
fn a_request_costs_what_its_route_says() {
    let more = "[[route]]\npath = \"/search\"\nrespond = \"found\"\nlimit = { name = \"one\", cost = 5 }\n";
    let it = Configured::start(&limited("rate = \"1/h\"\nburst = 12", more));
    let address = it.gateway.address();
    assert_eq!(allowed(address, "/search", "", 5), 2);
    assert_eq!(allowed(address, "/", "", 5), 2);
}

#[test]
fn all_limits_have_to_agree_and_none_is_used_up_by_what_another_refuses() {
    let route = |path: &str, limits: &str| {
        format!("[[route]]\npath = \"{path}\"\nrespond = \"x\"\nlimit = {limits}\n")
    };
    let more = [
        route("/both", "[\"one\", \"two\"]"),
        route("/three", "[\"one\", \"window\", \"three\", \"two\"]"),
        route("/two", "\"two\""),
        "[limit.two]\nrate = \"1/h\"\nburst = 3\n[limit.three]\nalgorithm = \"concurrency\"\nin_flight = 1\n".into(),
        "[limit.window]\nalgorithm = \"sliding_window\"\nrate = \"10/h\"\n".into(),
    ];
    let it = Configured::start(&limited("rate = \"1/h\"\nburst = 10", &more.concat()));
    let address = it.gateway.address();
    assert_eq!(allowed(address, "/both", "", 50), 3);
    let refused = get(address, "/both", "");
    assert_eq!(
        refused.get("ratelimit-policy"),
        Some("\"two\";q=3;w=10800"),
        "the one that refuses"
    );
    assert_eq!(allowed(address, "/three", "", 50), 0);
    assert_eq!(
        allowed(address, "/", "", 20),
        7,
        "what was refused by another was given back"
    );
}

#[test]
fn a_sliding_window_has_no_burst_at_its_edges() {
    let limit = "algorithm = \"sliding_window\"\nrate = \"5/s\"\nwindow = \"2s\"";
    let it = Configured::start(&limited(limit, ""));
    let address = it.gateway.address();
    let started = Instant::now();
    assert_eq!(allowed(address, "/", "", 30), 10);
    let mut sum = 10;
    while started.elapsed() < Duration::from_millis(1800) {
        sum += allowed(address, "/", "", 1);
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(sum, 10);
}

#[test]
fn so_many_at_the_same_time() {
    let (release, gate) = channel::<()>();
    let gate = Arc::new(Mutex::new(gate));
    let origin = Origin::answering(move |_| {
        let _go = gate.lock().expect("nobody panics").recv();
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".to_vec()
    });
    let it = Configured::start(&format!(
        "[listener.web]\nlisten = \"127.0.0.1:0\"\n[[route]]\nupstream = \"app\"\nlimit = \"one\"\n\
         [upstream.app]\nservers = [\"{}\"]\n[limit.one]\nalgorithm = \"concurrency\"\nin_flight = 2\n",
        origin.name()
    ));
    let address = it.gateway.address();
    let request = "GET / HTTP/1.1\r\nHost: shop\r\n\r\n";
    let mut waiting: Vec<_> = (0..2).map(|_| Client::connect(address)).collect();
    for client in &mut waiting {
        client.send(request);
    }
    wait_until(|| origin.requests() == 2, || "both are under way");
    let refused = get(address, "/", "");
    assert_eq!(refused.status(), 429);
    assert_eq!(refused.get("retry-after"), Some("1"));
    let policy = "\"one\";q=2;qu=\"concurrent-requests\"";
    assert_eq!(refused.get("ratelimit-policy"), Some(policy));
    // One goes away without an answer, the other one gets its own.
    drop(waiting.pop());
    let is_free = || metric(&it, "tenfold_limit_keys{limit=\"one\"}") <= 1.0;
    wait_until(is_free, || "the limit knows one client");
    for _ in 0..3 {
        release.send(()).expect("the origin listens");
    }
    assert_eq!(waiting[0].response().status(), 200);
    let is_over = || metric(&it, "tenfold_limit_keys{limit=\"one\"}") == 0.0;
    wait_until(is_over, || "nothing is under way any more");
    assert_eq!(get(address, "/", "").status(), 200);
}

#[test]
fn an_adaptive_limit_gives_way_while_the_service_fails() {
    let origin = Origin::answering(|request| {
        let status = match request.start_line().contains("/bad") {
            true => "500 Internal Server Error",
            false => "200 OK",
        };
        format!("HTTP/1.1 {status}\r\nContent-Length: 2\r\n\r\nok").into_bytes()
    });
    let it = Configured::start(&format!(
        "[listener.web]\nlisten = \"127.0.0.1:0\"\n[[route]]\nupstream = \"app\"\nlimit = \"one\"\n\
         [upstream.app]\nservers = [\"{}\"]\noutlier = false\n[limit.one]\nalgorithm = \"adaptive\"\nrate = \"1000/s\"\n\
         adaptive = {{ interval = \"100ms\", least = \"20%\" }}\n",
        origin.name()
    ));
    let share = || metric(&it, "tenfold_limit_share{limit=\"one\"}");
    assert_eq!(share(), 1.0);
    let ask = |target: &str| {
        let mut client = Client::connect(it.gateway.address());
        let request = format!("GET {target} HTTP/1.1\r\nHost: shop\r\n\r\n");
        for _ in 0..50 {
            client.send(&request).response();
        }
    };
    let is_low = || {
        ask("/bad");
        share() < 0.3
    };
    wait_until(is_low, || "the share sinks");
    let is_back = || {
        ask("/good");
        share() == 1.0
    };
    wait_until(is_back, || "the share grows again");
}
