//! The end: draining, its deadline, a second signal.

use std::time::Duration;

use rustix::process::Signal;
use tenfold_testkit::client::{self, Client};
use tenfold_testkit::load::Load;
use tenfold_testkit::origin::{Origin, ok};

use crate::gateway;

#[test]
fn sigterm_under_traffic_fails_no_request() {
    let origin = Origin::answering(|_| {
        std::thread::sleep(Duration::from_millis(2));
        ok("fine")
    });
    let mut gateway = gateway(&[&origin], &[]);
    let load = Load::start(gateway.address(), 16, Duration::ZERO);
    load.wait_for(500);
    gateway.signal(Signal::TERM);
    let status = gateway.wait();
    let failures = load.stop();
    // Nobody listens any more, so that new connections are refused; every connection that was accepted got its answer.
    let failed: Vec<_> = failures
        .iter()
        .filter(|why| !why.contains("refused"))
        .collect();
    assert!(
        failed.is_empty(),
        "{} failed: {:?}\n{}",
        failed.len(),
        failed.first(),
        gateway.log()
    );
    assert_eq!(status.code(), Some(0));
    assert!(gateway.log().contains("drained"));
}

#[test]
fn draining_finishes_requests_says_close_and_is_not_ready() {
    let origin = Origin::new(|peer| {
        while let Some(request) = peer.request()? {
            if request.start_line().contains("slow") {
                std::thread::sleep(Duration::from_millis(1500));
            }
            peer.send(ok("done"))?;
        }
        Ok(())
    });
    let mut gateway = gateway(&[&origin], &[]);
    let mut slow = Client::connect(gateway.address());
    slow.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
    let mut idle = Client::connect(gateway.address());
    assert_eq!(
        idle.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            .response()
            .get("connection"),
        None
    );
    gateway.signal(Signal::TERM);
    gateway.wait_for_log("draining");
    assert_eq!(client::get(gateway.admin(), "/readyz").status(), 503);
    // A client that was just sending its next request is served, and told to go.
    let last = idle.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").response();
    assert_eq!(
        (last.status(), last.get("connection")),
        (200, Some("close"))
    );
    let response = slow.response();
    assert_eq!(
        (response.text(), response.get("connection")),
        ("done".into(), Some("close"))
    );
    assert_eq!(gateway.wait().code(), Some(0));
}

#[test]
fn idle_connections_do_not_hold_up_the_end() {
    let origin = Origin::saying("x");
    let mut gateway = gateway(&[&origin], &["--drain-timeout", "15s"]);
    let mut idle: Vec<Client> = (0..20)
        .map(|_| Client::connect(gateway.address()))
        .collect();
    for client in &mut idle {
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        client.response();
    }
    gateway.signal(Signal::INT);
    assert_eq!(gateway.wait().code(), Some(0), "{}", gateway.log());
}

#[test]
fn the_deadline_and_a_second_signal_end_what_does_not_end_by_itself() {
    for is_second_signal in [false, true] {
        let origin = Origin::new(|peer| {
            peer.request()?;
            peer.to_end().map(|_| ())
        });
        let timeout = if is_second_signal { "1h" } else { "500ms" };
        let mut gateway = gateway(&[&origin], &["--drain-timeout", timeout]);
        let mut stuck = Client::connect(gateway.address());
        stuck.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        gateway.wait_for_metric("http_server_active_requests", "", 1.0);
        gateway.signal(Signal::TERM);
        gateway.wait_for_log("draining");
        if is_second_signal {
            gateway.signal(Signal::TERM);
        }
        assert_eq!(gateway.wait().code(), Some(1), "cutting off is not success");
        assert!(stuck.try_response().is_err());
    }
}

#[test]
fn an_access_log_that_nobody_reads_does_not_hold_up_the_end() {
    let origin = Origin::saying("x");
    // A pipe that is open and never read.
    let folder = tempfile::tempdir().expect("a temporary folder");
    let pipe = folder.path().join("pipe");
    make_pipe(&pipe);
    let _reader = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(&pipe)
        .expect("opened");
    let mut gateway = gateway(&[&origin], &["--access-log", &pipe.display().to_string()]);
    let agent = "x".repeat(2000);
    for _ in 0..100 {
        let request = format!(
            "GET / HTTP/1.1\r\nHost: a\r\nUser-Agent: {agent}\r\nConnection: close\r\n\r\n"
        );
        assert_eq!(client::ask(gateway.address(), request).status(), 200);
    }
    gateway.signal(Signal::TERM);
    assert_eq!(gateway.wait().code(), Some(0));
    gateway.wait_for_log("could not be written");
}

fn make_pipe(path: &std::path::Path) {
    let status = std::process::Command::new("mkfifo").arg(path).status();
    assert!(
        status.is_ok_and(|status| status.success()),
        "mkfifo is part of coreutils"
    );
}

/// Time-outs work also for the first connection after a quiet time, when the wheel of deadlines has stood still.
#[test]
fn time_outs_work_after_a_quiet_time() {
    let origin = Origin::saying("x");
    let gateway = gateway(&[&origin], &["--workers", "1", "--idle-timeout", "300ms"]);
    std::thread::sleep(Duration::from_secs(8));
    let mut client = Client::connect(gateway.address());
    assert_eq!(
        client
            .send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            .response()
            .status(),
        200
    );
    assert!(client.is_closed());
}

/// To HTTP/1.0 the end of the connection is the end of the body, unless it is a reset.
#[test]
fn a_response_that_the_end_cuts_off_is_never_a_whole_one() {
    let origin = Origin::new(|peer| {
        peer.request()?;
        peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n")?;
        peer.to_end().map(|_| ())
    });
    let mut gateway = gateway(&[&origin], &["--drain-timeout", "300ms"]);
    let mut client = Client::connect(gateway.address());
    client.send("GET / HTTP/1.0\r\nHost: a\r\n\r\n");
    client.head().expect("a head");
    assert_eq!(client.bytes(4).expect("the first half"), b"half");
    gateway.signal(Signal::TERM);
    assert_eq!(gateway.wait().code(), Some(1));
    assert!(
        client.to_end().is_err(),
        "a clean end would make it look whole"
    );
}
