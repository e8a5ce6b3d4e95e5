//! A new process takes over the sockets of the old one.

use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tenfold_testkit::client::Client;
use tenfold_testkit::gateway::Gateway;
use tenfold_testkit::load::Load;
use tenfold_testkit::origin::{Origin, ok};

use crate::Configured;

/// The process that took over; killed when dropped.
struct Successor(Pid);

impl Successor {
    fn of(gateway: &mut Gateway) -> Self {
        gateway.wait_for_log("serves; this one drains");
        let log = gateway.log();
        let number = log
            .split("upgrade: process ")
            .nth(1)
            .and_then(|rest| rest.split(' ').next())
            .and_then(|number| number.parse().ok());
        Self(number.and_then(Pid::from_raw).expect("a process"))
    }
}

impl Drop for Successor {
    fn drop(&mut self) {
        let _already_gone = kill_process(self.0, Signal::KILL);
    }
}

fn free_port() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").to_string()
}

#[test]
fn an_upgrade_under_traffic_fails_no_request_and_finishes_a_slow_one() {
    let origin = Origin::new(|peer| {
        while let Some(request) = peer.request()? {
            if request.start_line().contains("slow") {
                std::thread::sleep(Duration::from_millis(2000));
            }
            peer.send(ok("fine"))?;
        }
        Ok(())
    });
    let text = |port: &str| {
        format!(
            "[listener.web]\nlisten = \"{port}\"\n[[route]]\nupstream = \"app\"\n[upstream.app]\nservers = [\"{}\"]\n",
            origin.name()
        )
    };
    let mut it = Configured::start(&text(&free_port()));
    let address = it.gateway.address();
    let load = Load::start(address, 8, Duration::ZERO);
    load.wait_for(200);
    let mut slow = Client::connect(address);
    slow.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
    std::thread::sleep(Duration::from_millis(100));
    it.gateway.signal(Signal::USR2);
    let successor = Successor::of(&mut it.gateway);
    assert_eq!(slow.response().text(), "fine");
    let status = it.gateway.wait();
    assert_eq!(status.code(), Some(0));
    load.wait_for(300);
    let failures = load.stop();
    assert!(
        failures.is_empty(),
        "{} failed: {:?}",
        failures.len(),
        failures.first()
    );
    drop(successor);
}

#[test]
fn a_new_process_that_cannot_start_changes_nothing() {
    let origin = Origin::saying("fine");
    let port = free_port();
    let text = format!(
        "[listener.web]\nlisten = \"{port}\"\n[[route]]\nupstream = \"app\"\n[upstream.app]\nservers = [\"{}\"]\n",
        origin.name()
    );
    let mut it = Configured::start(&text);
    it.write_raw("this is no configuration");
    it.gateway.signal(Signal::USR2);
    it.gateway
        .wait_for_log("upgrade failed, this process goes on");
    assert_eq!(
        tenfold_testkit::client::get(it.gateway.address(), "/").text(),
        "fine"
    );
    let answer = it.post("/api/v1/upgrade", "");
    assert!(answer.status() >= 400, "{}", answer.status());
    assert_eq!(
        tenfold_testkit::client::get(it.gateway.address(), "/").text(),
        "fine"
    );
}
