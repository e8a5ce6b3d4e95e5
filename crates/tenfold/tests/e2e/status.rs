//! `tenfold status` and `tenfold top` as processes, against a real gateway and against one that only says what it is told.

use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use serde_json::{Value, json};
use tenfold_testkit::origin::Origin;

use crate::gateway;

fn tenfold(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tenfold"));
    command.args(arguments).stdin(Stdio::null());
    command.output().expect("the binary can be started")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn answer(status: &str, body: &Value) -> Vec<u8> {
    let body = body.to_string();
    let len = body.len();
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// An admin side with one upstream, whose numbers grow with each look.
fn fake_admin(is_up: Arc<AtomicBool>) -> Origin {
    let looks = AtomicU64::new(0);
    Origin::answering(move |request| {
        let look = looks.fetch_add(1, Relaxed) + 1;
        let state = if is_up.load(Relaxed) { "up" } else { "down" };
        match request.start_line().split(' ').nth(1) {
            Some("/api/v1/status") => answer(
                "200 OK",
                &json!({
                    "version": "9.9.9",
                    "uptime_seconds": look,
                    "listeners": [{ "name": "web", "address": "0.0.0.0:8080" }],
                    "upstreams": [{ "name": "shop", "algorithm": "p2c", "endpoints": [
                        { "name": "10.0.0.1:80", "state": state, "picks": look * 1_000_000, "cause": "\u{1b}[2J" }
                    ]}],
                    "from_the_future": true,
                }),
            ),
            Some("/api/v1/routes") => answer(
                "200 OK",
                &json!({ "routes": [{ "name": "api", "requests": [0, look, 0, 0, 0] }] }),
            ),
            _ => answer("404 Not Found", &json!({ "error": "no", "help": "try" })),
        }
    })
}

#[test]
fn status_shows_a_running_gateway() {
    let origin = Origin::saying("hello");
    let gateway = gateway(&[&origin], &[]);
    let url = format!("http://{}", gateway.admin());
    let output = tenfold(&["status", "--admin", &url]);
    let shown = text(&output.stdout);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{shown}{}",
        text(&output.stderr)
    );
    assert!(shown.contains(&gateway.address().to_string()), "{shown}");
    assert!(shown.contains(&origin.name()), "{shown}");

    let output = tenfold(&["status", "--json", "--admin", &url]);
    let json: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(json["version"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn the_exit_code_says_whether_every_upstream_can_serve() {
    let is_up = Arc::new(AtomicBool::new(true));
    let admin = fake_admin(Arc::clone(&is_up));
    let output = tenfold(&["status", "--admin", &admin.name()]);
    let shown = text(&output.stdout);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{shown}{}",
        text(&output.stderr)
    );
    assert!(shown.starts_with("tenfold 9.9.9  up 1s"), "{shown}");
    assert!(
        shown.contains("upstream shop  p2c, 1 of 1 available"),
        "{shown}"
    );
    assert!(!shown.contains('\u{1b}'), "{shown:?}");
    is_up.store(false, Relaxed);
    let output = tenfold(&["status", "--admin", &admin.name()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stdout).contains("0 of 1 available"));
}

#[test]
fn watching_shows_rates_until_nobody_reads() {
    use std::io::{BufRead, BufReader};

    let admin = fake_admin(Arc::new(AtomicBool::new(true)));
    let mut child = Command::new(env!("CARGO_BIN_EXE_tenfold"))
        .args([
            "status",
            "--watch",
            "100ms",
            "--json",
            "--admin",
            &admin.name(),
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary can be started");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    for _ in 0..3 {
        let line = lines.next().expect("a line").expect("text");
        let json: Value = serde_json::from_str(&line).expect("JSON");
        assert_eq!(json["routes"][0]["name"], "api");
    }
    drop(lines);
    assert_eq!(child.wait().expect("it ends").code(), Some(0));

    let mut child = Command::new(env!("CARGO_BIN_EXE_tenfold"))
        .args(["status", "--watch", "100ms", "--admin", &admin.name()])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the binary can be started");
    let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let endpoints = lines
        .map_while(Result::ok)
        .filter(|line| line.trim_start().starts_with("10.0.0.1:80"));
    let rates: Vec<String> = endpoints
        .take(3)
        .map(|line| {
            line.split_whitespace()
                .nth(5)
                .unwrap_or_default()
                .to_owned()
        })
        .collect();
    assert_eq!(rates[0], "–", "nothing to compare with");
    assert!(rates[2].ends_with('M'), "two million per look: {rates:?}");
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
}

#[test]
fn a_gateway_that_cannot_be_asked_is_explained() {
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.local_addr().expect("an address").to_string()
    };
    let hello = Origin::saying("hello");
    let strange = Origin::answering(|_| b"SSH-2.0-OpenSSH_9\r\n".to_vec());
    let strict = Origin::answering(|_| answer("401 Unauthorized", &json!({ "error": "no" })));
    let refusing = Origin::answering(|_| {
        answer(
            "403 Forbidden",
            &json!({ "error": "not you", "help": "go away" }),
        )
    });
    for (admin, said) in [
        (&*closed, "cannot reach"),
        (&hello.name(), "not as a gateway's admin side"),
        (&strange.name(), "does not answer as a gateway's admin side"),
        (&strict.name(), "asks for a token"),
        (&refusing.name(), "refuses: not you"),
    ] {
        let output = tenfold(&["status", "--admin", admin]);
        let error = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{error}");
        assert!(
            error.contains(said) && error.contains("help: "),
            "{said}: {error}"
        );
    }
}

#[test]
fn top_wants_a_terminal() {
    let output = tenfold(&["top"]);
    assert_eq!(output.status.code(), Some(2));
    let error = text(&output.stderr);
    assert!(
        error.contains("top needs a terminal") && error.contains("tenfold status"),
        "{error}"
    );
    assert!(output.stdout.is_empty());
}
