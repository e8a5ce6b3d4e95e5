//! A new process takes over the sockets of the old one.

use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tenfold_testkit::client::Client;
use tenfold_testkit::gateway::Gateway;
use tenfold_testkit::load::Load;
use tenfold_testkit::origin::{Origin, ok};

use crate::{Configured, free_port};

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

#[test]
fn edits_survive_and_only_the_new_process_is_asked() {
    let slow = |peer: &mut tenfold_testkit::origin::Peer| {
        while let Some(request) = peer.request()? {
            if request.start_line().contains("slow") {
                std::thread::sleep(Duration::from_secs(4));
            }
            peer.send(ok("fine"))?;
        }
        Ok(())
    };
    let origins = [Origin::new(slow), Origin::new(slow)];
    let (port, admin) = (free_port(), free_port());
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("tenfold.toml");
    let text = format!(
        "[gateway]\nworkers = 2\n[admin]\nlisten = \"{admin}\"\n[listener.web]\nlisten = \"{port}\"\n\
         [[route]]\nupstream = \"app\"\n[upstream.app]\nservers = [\"{}\"]\n",
        origins[0].name()
    );
    std::fs::write(&file, text).expect("written");
    let gateway = tenfold_testkit::gateway::start_file(crate::BINARY, &file);
    let mut it = Configured { folder, gateway };
    let target = "/api/v1/upstreams/app/endpoints";
    let (first, second) = (origins[0].name(), origins[1].name());
    let edit = format!("{{\"add\":[{{\"address\":\"{second}\"}}],\"drain\":[\"{first}\"]}}");
    assert_eq!(it.post(target, &edit).status(), 200);
    // It keeps the old process alive for a while.
    let mut slow = Client::connect(it.gateway.address());
    slow.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
    tenfold_testkit::wait_until(|| origins[1].requests() == 1, || "it is not sent");
    it.gateway.signal(Signal::USR2);
    let successor = Successor::of(&mut it.gateway);
    // From the moment that the old one has stopped to accept, all of these meet the new one: what is added stays added.
    std::thread::sleep(Duration::from_millis(300));
    for n in 0..30 {
        let edit = format!(
            "{{\"add\":[{{\"address\":\"127.0.0.1:{}\",\"weight\":0}}]}}",
            1 + n
        );
        let answer = it.post(target, &edit);
        assert_eq!(answer.status(), 200, "{}", answer.text());
        let text = answer.text();
        let count = text.matches("\"name\":").count();
        assert_eq!(count, 3 + n, "{text}");
        assert!(
            text.contains(&second) && text.contains("draining"),
            "{text}"
        );
    }
    assert_eq!(slow.response().text(), "fine");
    assert_eq!(it.gateway.wait().code(), Some(0));
    drop(successor);
}

#[test]
fn a_listener_that_is_gone_is_closed_by_the_new_process() {
    let (port, gone) = (free_port(), free_port());
    let web = format!("[listener.web]\nlisten = \"{port}\"\n[[route]]\nrespond = \"fine\"\n");
    let mut it = Configured::start(&format!("{web}[listener.gone]\nlisten = \"{gone}\"\n"));
    assert_eq!(it.gateway.listener("gone").to_string(), gone);
    it.write(&web);
    it.gateway.signal(Signal::USR2);
    let successor = Successor::of(&mut it.gateway);
    assert_eq!(it.gateway.wait().code(), Some(0));
    let address: std::net::SocketAddr = gone.parse().expect("an address");
    let error = std::net::TcpStream::connect(address).expect_err("nobody accepts");
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
    let address = port.parse().expect("an address");
    assert_eq!(tenfold_testkit::client::get(address, "/").text(), "fine");
    drop(successor);
}

#[test]
fn who_is_told_to_end_during_an_upgrade_ends() {
    let port = free_port();
    let text = format!("[listener.web]\nlisten = \"{port}\"\n[[route]]\nrespond = \"fine\"\n");
    let mut it = Configured::start(&text);
    // The new process reads its configuration from a pipe into which nobody writes.
    let file = it.folder.path().join("tenfold.toml");
    std::fs::remove_file(&file).expect("removed");
    let made = std::process::Command::new("mkfifo").arg(&file).status();
    assert!(made.expect("mkfifo").success());
    it.gateway.signal(Signal::USR2);
    it.gateway.wait_for_log("starting the new process");
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(
        tenfold_testkit::client::get(it.gateway.address(), "/").text(),
        "fine"
    );
    it.gateway.signal(Signal::TERM);
    it.gateway.wait_for_log("given up");
    assert_eq!(it.gateway.wait().code(), Some(0));
}

#[test]
fn a_new_process_that_finds_no_servers_does_not_take_over() {
    let origin = Origin::saying("fine");
    let port = free_port();
    let text = format!(
        "[listener.web]\nlisten = \"{port}\"\n[[route]]\nupstream = \"app\"\n[upstream.app]\n\
         discover = {{ file = \"servers\" }}\n"
    );
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("servers"), origin.name()).expect("written");
    std::fs::write(folder.path().join("tenfold.toml"), Configured::whole(&text)).expect("written");
    let gateway =
        tenfold_testkit::gateway::start_file(crate::BINARY, &folder.path().join("tenfold.toml"));
    let mut it = Configured { folder, gateway };
    let address = it.gateway.address();
    assert_eq!(tenfold_testkit::client::get(address, "/").text(), "fine");
    std::fs::write(it.folder.path().join("servers"), "half a l").expect("written");
    // A reload keeps what was found.
    let answer = it.reload(&text.replace("[upstream.app]", "[upstream.app]\nbalance = \"random\""));
    assert_eq!(answer.status(), 200, "{}", answer.text());
    it.write(&text.replace(
        "discover",
        "servers = [{ address = \"127.0.0.1:1\", weight = 0 }]\ndiscover",
    ));
    assert_eq!(it.post("/api/v1/reload", "").status(), 200);
    assert_eq!(tenfold_testkit::client::get(address, "/").text(), "fine");
    it.write(&text);
    assert_eq!(it.post("/api/v1/reload", "").status(), 200);
    it.gateway.signal(Signal::USR2);
    it.gateway
        .wait_for_log("upgrade failed, this process goes on");
    assert!(
        it.gateway.log().contains("no server of the upstream app"),
        "it says why"
    );
    assert_eq!(tenfold_testkit::client::get(address, "/").text(), "fine");
}
