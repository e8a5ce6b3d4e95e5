//! Servers that die, freeze, fail and come back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering::SeqCst};
use std::time::Duration;

use tenfold_testkit::client::get;
use tenfold_testkit::load::Load;
use tenfold_testkit::origin::{Origin, ok};

use crate::Configured;

fn three(servers: &[&Origin], upstream: &str) -> String {
    let servers: Vec<_> = servers
        .iter()
        .map(|it| format!("\"{}\"", it.name()))
        .collect();
    format!(
        "[listener.web]\nlisten = \"127.0.0.1:0\"\n[[route]]\nupstream = \"app\"\n[upstream.app]\nservers = [{}]\n{upstream}\n",
        servers.join(", ")
    )
}

const PROBE: &str = "health = { path = \"/healthz\", every = \"100ms\", timeout = \"100ms\", rise = 2, fall = 2 }\n";

#[test]
fn a_killed_server_costs_no_idempotent_request() {
    let origins = [
        Origin::saying("a"),
        Origin::saying("b"),
        Origin::saying("c"),
    ];
    let it = Configured::start(&three(&[&origins[0], &origins[1], &origins[2]], PROBE));
    let load = Load::start(it.gateway.address(), 8, Duration::ZERO);
    load.wait_for(200);
    origins[1].kill();
    load.wait_for(500);
    let failures = load.stop();
    assert!(
        failures.is_empty(),
        "{} failed: {:?}",
        failures.len(),
        failures.first()
    );
}

#[test]
fn requests_that_wait_for_a_frozen_server_are_sent_elsewhere_when_probes_find_out() {
    let is_frozen = Arc::new(AtomicBool::new(false));
    let theirs = Arc::clone(&is_frozen);
    let freezing = Origin::new(move |peer| {
        while let Some(_request) = peer.request()? {
            while theirs.load(SeqCst) {
                std::thread::sleep(Duration::from_millis(10));
            }
            peer.send(ok("thawed"))?;
        }
        Ok(())
    });
    let others = [Origin::saying("b"), Origin::saying("c")];
    let it = Configured::start(&three(&[&freezing, &others[0], &others[1]], PROBE));
    let load = Load::start(it.gateway.address(), 8, Duration::ZERO);
    load.wait_for(200);
    is_frozen.store(true, SeqCst);
    let labels = format!("endpoint=\"{}\"", freezing.name());
    it.gateway
        .wait_for_metric("tenfold_endpoint_available", &labels, 0.0);
    load.wait_for(500);
    is_frozen.store(false, SeqCst);
    it.gateway
        .wait_for_metric("tenfold_endpoint_available", &labels, 1.0);
    load.wait_for(200);
    let failures = load.stop();
    assert!(
        failures.is_empty(),
        "{} failed: {:?}",
        failures.len(),
        failures.first()
    );
}

#[test]
fn a_server_that_answers_500_is_ejected_and_comes_back() {
    let status = Arc::new(AtomicU16::new(500));
    let theirs = Arc::clone(&status);
    let failing = Origin::answering(move |_| {
        let status = theirs.load(SeqCst);
        format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n").into_bytes()
    });
    let other = Origin::saying("fine");
    let outlier =
        "balance = \"round_robin\"\noutlier = { consecutive_failures = 3, eject = \"500ms\" }\n";
    let mut it = Configured::start(&three(&[&failing, &other], outlier));
    let address = it.gateway.address();
    let failed = (0..40)
        .filter(|_| get(address, "/").status() == 500)
        .count();
    assert!((3..=12).contains(&failed), "{failed}");
    it.gateway.wait_for_log("too many failures in a row");
    assert!(
        it.gateway
            .metric("tenfold_endpoint_ejections_total", "consecutive_failures")
            >= 1.0
    );
    status.store(200, SeqCst);
    let before = failing.requests();
    tenfold_testkit::wait_until(
        || {
            let _answer = get(address, "/");
            failing.requests() > before + 3
        },
        || "it does not come back",
    );
}

#[test]
fn probes_expect_a_status_and_a_body() {
    let is_well = Arc::new(AtomicBool::new(true));
    let theirs = Arc::clone(&is_well);
    let origin = Origin::answering(move |request| {
        if !request.start_line().contains("/healthz") {
            return ok("a");
        }
        if theirs.load(SeqCst) {
            ok("status: ok")
        } else {
            ok("status: bad")
        }
    });
    let other = Origin::answering(|_| ok("ok, from b"));
    let probe = "health = { path = \"/healthz\", every = \"100ms\", timeout = \"100ms\", rise = 2, fall = 2, body = \"ok\" }\n";
    let mut it = Configured::start(&three(&[&origin, &other], probe));
    is_well.store(false, SeqCst);
    it.gateway.wait_for_log("is down: its probes fail");
    for _ in 0..20 {
        assert_eq!(get(it.gateway.address(), "/").text(), "ok, from b");
    }
    is_well.store(true, SeqCst);
    it.gateway.wait_for_log("is up: its probes succeed");
}

#[test]
fn a_file_of_servers_is_followed() {
    let origins = [
        Origin::answering(|_| ok("a")),
        Origin::answering(|_| ok("b")),
    ];
    let folder = tempfile::tempdir().expect("a folder");
    let list = folder.path().join("servers");
    std::fs::write(&list, format!("{}\n", origins[0].name())).expect("written");
    let mut it = Configured::start(&format!(
        "[listener.web]\nlisten = \"127.0.0.1:0\"\n[[route]]\nupstream = \"app\"\n[upstream.app]\ndiscover = {{ file = \"{}\" }}\n",
        list.display()
    ));
    let address = it.gateway.address();
    assert_eq!(get(address, "/").text(), "a");
    std::fs::write(&list, format!("{}\n", origins[1].name())).expect("written");
    tenfold_testkit::wait_until(|| get(address, "/").text() == "b", || "not followed");
    std::fs::write(&list, "garbage in here\n").expect("written");
    it.gateway.wait_for_log("servers");
    assert_eq!(get(address, "/").text(), "b");
}

/// A probe that asks for something that nobody has: it must not take the service down.
#[test]
fn when_all_are_down_requests_are_served_nevertheless() {
    let origins = [0, 1].map(|_| {
        Origin::answering(|request| {
            if request.start_line().contains("/healthz") {
                return b"HTTP/1.1 404 X\r\nContent-Length: 0\r\n\r\n".to_vec();
            }
            std::thread::sleep(Duration::from_millis(20));
            ok("fine")
        })
    });
    let mut it = Configured::start(&three(&[&origins[0], &origins[1]], PROBE));
    for origin in &origins {
        it.gateway
            .wait_for_log(&format!("{} is down", origin.name()));
    }
    for _ in 0..20 {
        assert_eq!(get(it.gateway.address(), "/").text(), "fine");
    }
}

/// An origin that answers when it is told to, and whose probes fail when that is told.
struct Leaving {
    origin: Origin,
    is_well: Arc<AtomicBool>,
    is_open: Arc<AtomicBool>,
}

impl Leaving {
    fn new() -> Self {
        let [is_well, is_open] = [true, false].map(|it| Arc::new(AtomicBool::new(it)));
        let (well, open) = (Arc::clone(&is_well), Arc::clone(&is_open));
        let origin = Origin::answering(move |request| {
            if request.start_line().contains("/healthz") {
                return match well.load(SeqCst) {
                    true => ok("well"),
                    false => b"HTTP/1.1 503 X\r\nContent-Length: 0\r\n\r\n".to_vec(),
                };
            }
            while !open.load(SeqCst) {
                std::thread::sleep(Duration::from_millis(5));
            }
            ok("done")
        });
        Self {
            origin,
            is_well,
            is_open,
        }
    }
}

/// Who shuts down says so to its probes and finishes what it has begun. A request that nobody else is going to answer must not be taken from it.
#[test]
fn a_request_stays_with_a_server_that_goes_down_if_nobody_else_would_get_it() {
    for (others, policy) in [(0, ""), (1, "retry = false\n")] {
        let leaving = Leaving::new();
        let spare: Vec<_> = (0..others).map(|_| Leaving::new()).collect();
        let mut origins = vec![&leaving.origin];
        origins.extend(spare.iter().map(|it| &it.origin));
        let mut it = Configured::start(&three(&origins, &format!("{PROBE}{policy}")));
        let address = it.gateway.address();
        let waiting: Vec<_> = (0..4)
            .map(|_| std::thread::spawn(move || get(address, "/")))
            .collect();
        it.gateway
            .wait_for_metric("tenfold_endpoint_active_requests", "", 4.0);
        leaving.is_well.store(false, SeqCst);
        it.gateway
            .wait_for_log(&format!("{} is down", leaving.origin.name()));
        std::thread::sleep(Duration::from_millis(300));
        for one in [&leaving].into_iter().chain(&spare) {
            one.is_open.store(true, SeqCst);
        }
        for one in waiting {
            let answer = one.join().expect("an answer");
            assert_eq!((answer.status(), answer.text().as_str()), (200, "done"));
        }
    }
}
