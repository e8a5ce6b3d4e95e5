//! One of three servers fails fast, or freezes, under steady traffic.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use rustix::process::Signal;
use tenfold_testkit::load::Load;
use tenfold_testkit::origin::{Origin, ok};
use tenfold_testkit::{client, wait_until};

use super::answer;
use crate::Configured;

#[test]
fn a_server_that_fails_fast_gets_next_to_nothing_and_comes_back() {
    let fails = Arc::new(AtomicBool::new(false));
    let is_failing = Arc::clone(&fails);
    let good = || {
        Origin::answering(|_| {
            std::thread::sleep(Duration::from_millis(5));
            ok("fine")
        })
    };
    let bad = Origin::answering(move |_| {
        if is_failing.load(SeqCst) {
            return answer(500, "", "");
        }
        std::thread::sleep(Duration::from_millis(5));
        ok("fine")
    });
    let origins = [good(), bad, good()];
    let policy = "retry = { on = [\"connect\", \"reset\", \"500-504\"] }\noutlier = { eject = \"2s\" }\n\
                  breaker = { per = \"endpoint\", open = \"2s\" }";
    let gateway = super::gateway(&origins.each_ref(), "", policy);
    let load = Load::start(gateway.gateway.address(), 12, Duration::from_millis(2));
    load.wait_for(500);
    fails.store(true, SeqCst);
    let before = origins[1].requests();
    load.wait_for(2_000);
    let share = (origins[1].requests() - before) as f64 / 2_000.0;
    assert!(share < 0.05, "it still gets {share}");
    fails.store(false, SeqCst);
    let healed = origins[1].requests();
    wait_until(
        || origins[1].requests() > healed + 200,
        || "it did not come back",
    );
    let answered = load.answered();
    let failures = load.stop();
    assert!(
        failures.len() * 100 < answered,
        "{} of {answered} failed: {:?}",
        failures.len(),
        failures.first()
    );
}

/// A process that answers, and can be stopped.
fn process() -> Configured {
    Configured::start("[listener.web]\nlisten = \"127.0.0.1:0\"\n[[route]]\nrespond = \"fine\"\n")
}

#[test]
fn a_server_that_freezes_holds_up_nobody_for_long_and_causes_no_storm() {
    let servers = [process(), process(), process()];
    let names: Vec<_> = servers
        .iter()
        .map(|server| format!("\"{}\"", server.gateway.address()))
        .collect();
    let gateway = Configured::start(&format!(
        "[listener.web]\nlisten = \"127.0.0.1:0\"\n[[route]]\nupstream = \"app\"\ndeadline = \"15s\"\n\
         [upstream.app]\nservers = [{}]\noutlier = {{ eject = \"60s\" }}\n\
         retry = {{ per_try_timeout = \"500ms\", budget = \"20%\" }}\n",
        names.join(", ")
    ));
    let load = Load::start(gateway.gateway.address(), 12, Duration::from_millis(2));
    load.wait_for(500);
    servers[1].gateway.signal(Signal::STOP);
    let frozen = format!("\"{}\"", servers[1].gateway.address());
    wait_until(
        || {
            gateway
                .gateway
                .metric("tenfold_endpoint_available", &frozen)
                == 0.0
        },
        || "the freeze was not noticed",
    );
    // Those that had been sent to it before have timed out by then, or do now.
    std::thread::sleep(Duration::from_secs(1));
    let tried = || {
        gateway
            .gateway
            .metric("tenfold_upstream_picks_total", &frozen)
    };
    let before = tried();
    load.wait_for(1_000);
    assert_eq!(tried() - before, 0.0, "it is still asked");
    let answered = load.answered();
    let failures = load.stop();
    servers[1].gateway.signal(Signal::CONT);
    assert!(
        failures.is_empty(),
        "{} failed: {:?}",
        failures.len(),
        failures.first()
    );
    let attempts = gateway.gateway.metric("tenfold_upstream_picks_total", "");
    assert!(
        attempts <= 1.25 * answered as f64,
        "{attempts} attempts for {answered} requests"
    );
    assert_eq!(client::get(gateway.gateway.address(), "/").text(), "fine");
}
