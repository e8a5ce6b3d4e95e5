//! Refusals to start: exit code 2 and one message that says what to do.

use std::net::TcpListener;
use std::process::{Command, Output};

use tenfold_testkit::client;
use tenfold_testkit::gateway::{start, start_command};
use tenfold_testkit::origin::Origin;

use crate::{BINARY, gateway};

fn refused(arguments: &[&str]) -> String {
    let Output { status, stderr, .. } = Command::new(BINARY)
        .args(arguments)
        .output()
        .expect("the binary can be started");
    let text = String::from_utf8_lossy(&stderr).into_owned();
    assert_eq!(status.code(), Some(2), "{arguments:?}: {text}");
    assert!(
        !text.contains("panicked") && text.lines().count() <= 12,
        "{text}"
    );
    text
}

#[test]
fn bad_flags_and_addresses_are_explained() {
    for (arguments, part) in [
        (&["run"][..], "--to <SERVER>"),
        (
            &["run", "--to", "localhost"],
            "the port is missing; for example localhost:3000",
        ),
        (
            &["run", "--to", "https://127.0.0.1:443"],
            "TLS to servers is not supported",
        ),
        (
            &["run", "--to", "http://127.0.0.1:1/app"],
            "a server has no path",
        ),
        (&["run", "--to", "unix:relative"], "by its whole path"),
        (&["run", "--to", "no such name:80"], "no such name"),
        (
            &["run", "--to", "127.0.0.1:1", "--listen", "8080"],
            "for example 127.0.0.1:8080",
        ),
        (
            &["run", "--to", "127.0.0.1:1", "--balance", "fastest"],
            "[possible values: round_robin, least_request, p2c, peak_ewma, ip_hash, random]",
        ),
        (
            &["run", "--to", "127.0.0.1:1", "--workers", "0"],
            "0 is not in 1..=1024",
        ),
        (
            &["run", "--to", "127.0.0.1:1", "--head-timeout", "10"],
            "for example 500ms, 10s",
        ),
        (
            &["run", "--to", "127.0.0.1:1", "--max-body", "lots"],
            "for example 512KiB",
        ),
        (
            &["run", "--to", "127.0.0.1:1", "--trusted-proxy", "lan"],
            "for example 10.0.0.0/8",
        ),
        (
            &["run", "--to", "127.0.0.1:1", "--lisen", "127.0.0.1:1"],
            "'--listen'",
        ),
        (
            &["run", "--to", "127.0.0.1:1", "--admin", "0.0.0.0:0"],
            "no token protects it",
        ),
        (
            &["run", "--to", "127.0.0.1:1", "--admin-token", "hunter2"],
            "env:NAME or file:PATH",
        ),
        (
            &["run", "--to", "127.0.0.1:1", "--listen", "127.0.0.1:1"],
            "requests would go in a circle",
        ),
        (
            &[
                "run",
                "--to",
                "127.0.0.1:1",
                "--admin",
                "127.0.0.1:0",
                "--listen",
                "192.0.2.1:80",
            ],
            "does not have the address",
        ),
        (
            &[
                "run",
                "--to",
                "127.0.0.1:1",
                "--listen",
                "127.0.0.1:0",
                "--admin",
                "127.0.0.1:0",
                "--access-log",
                "/no/such/folder/log",
            ],
            "in a folder that exists",
        ),
    ] {
        let text = refused(arguments);
        assert!(
            text.contains(part),
            "{arguments:?}: {part:?} is not in\n{text}"
        );
    }
}

#[test]
fn a_taken_port_is_explained_also_when_a_gateway_has_taken_it() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken
        .local_addr()
        .expect("a bound socket has an address")
        .to_string();
    for flag in ["--listen", "--admin"] {
        let other = if flag == "--listen" {
            "--admin"
        } else {
            "--listen"
        };
        let text = refused(&[
            "run",
            "--to",
            "127.0.0.1:1",
            flag,
            &address,
            other,
            "127.0.0.1:0",
        ]);
        assert!(
            text.contains("already in use") || text.contains("Address already in use"),
            "{text}"
        );
        assert!(text.contains("ss -ltnp") && text.contains(flag), "{text}");
    }
    let origin = Origin::saying("x");
    let first = gateway(&[&origin], &[]);
    let address = first.address().to_string();
    let text = refused(&[
        "run",
        "--to",
        &origin.name(),
        "--listen",
        &address,
        "--admin",
        "127.0.0.1:0",
    ]);
    assert!(
        text.contains("ss -ltnp"),
        "two gateways must not share a port by mistake: {text}"
    );
}

#[test]
fn the_first_lines_say_what_happens() {
    let origin = Origin::saying("x");
    let gateway = start(
        BINARY,
        &[
            "--to",
            &origin.name(),
            "--to",
            "127.0.0.1:1",
            "--workers",
            "2",
        ],
    );
    let log = gateway.log();
    for part in [
        "2 workers",
        &format!("listening   http://{}", gateway.address()),
        &format!("sending to  {}  up", origin.name()),
        "127.0.0.1:1  not answering yet (connection refused)",
        "balancing   p2c",
        &format!("try         curl -i http://{}/", gateway.address()),
        &format!("metrics     http://{}/metrics", gateway.admin()),
    ] {
        assert!(log.contains(part), "{part:?} is not in\n{log}");
    }
}

#[test]
fn the_admin_side_asks_for_its_token() {
    let origin = Origin::saying("x");
    let mut command = Command::new(BINARY);
    command.env("TENFOLD_TEST_TOKEN", "correct horse battery");
    let gateway = start_command(
        command,
        &[
            "--to",
            &origin.name(),
            "--admin-token",
            "env:TENFOLD_TEST_TOKEN",
        ],
    );
    let ask = |token: &str| {
        client::ask(
            gateway.admin(),
            format!("GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\r\n"),
        )
        .status()
    };
    assert_eq!(client::get(gateway.admin(), "/metrics").status(), 401);
    assert_eq!(ask("correct horse batterz"), 401);
    assert_eq!(ask("correct horse battery"), 200);
    assert_eq!(
        client::get(gateway.admin(), "/healthz").status(),
        200,
        "probes bring no token"
    );
    assert!(!gateway.log().contains("horse"));
}
