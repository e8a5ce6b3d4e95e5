//! What can be seen from outside: metrics and the access log.

use rustix::process::Signal;
use tenfold_testkit::client::{self, Client};
use tenfold_testkit::origin::{Origin, ok};
use tenfold_testkit::wait_until;

use crate::gateway;

#[test]
fn metrics_count_what_happened() {
    let origin = Origin::answering(|request| match request.start_line().split(' ').nth(1) {
        Some("/missing") => b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_vec(),
        _ => ok("12345"),
    });
    let gateway = gateway(&[&origin], &[]);
    let mut client = Client::connect(gateway.address());
    for _ in 0..3 {
        client
            .send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 7\r\n\r\n1234567")
            .response();
    }
    client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n1234\r\n0\r\n\r\n").response();
    client
        .send("GET /missing HTTP/1.1\r\nHost: a\r\n\r\n")
        .response();
    let _refused = client::ask(gateway.address(), "BAD\r\n\r\n");

    gateway.wait_for_metric("http_server_request_duration_seconds_count", "\"4xx\"", 2.0);
    let count = |class: &str| {
        gateway.metric(
            "http_server_request_duration_seconds_count",
            &format!("\"{class}\""),
        )
    };
    assert_eq!((count("2xx"), count("4xx"), count("5xx")), (4.0, 2.0, 0.0));
    gateway.wait_for_metric("tenfold_http_received_bytes_total", "", 25.0);
    assert!(gateway.metric("tenfold_http_sent_bytes_total", "") > 4.0 * 60.0);
    gateway.wait_for_metric("tenfold_http_errors_total", "kind=\"bad_start_line\"", 1.0);
    gateway.wait_for_metric("http_server_active_requests", "", 0.0);
    gateway.wait_for_metric("tenfold_client_connections_open", "", 1.0);
    gateway.wait_for_metric("tenfold_client_connections_accepted_total", "", 2.0);
    assert!(gateway.metric("process_resident_memory_bytes", "") > 1e6);
    assert!(gateway.metrics().ends_with("# EOF\n"));
    let sum = gateway.metric("http_server_request_duration_seconds_sum", "");
    assert!(sum > 0.0 && sum < 60.0, "{sum}");
}

#[test]
fn the_access_log_has_a_line_of_json_per_request_and_follows_rotation() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("access.log");
    let origin = Origin::saying("hello");
    let mut gateway = gateway(
        &[&origin],
        &[
            "--workers",
            "1",
            "--access-log",
            &path.display().to_string(),
        ],
    );
    let response = client::ask(
        gateway.address(),
        "POST /a?b=\"c\" HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: te\"st\\\u{e4}\r\nX-Request-Id: id-1\r\nContent-Length: 3\r\n\r\nxyz",
    );
    assert_eq!(response.status(), 200);
    let _refused = client::ask(gateway.address(), "GET / HTTP/9.9\r\n\r\n");
    let lines = wait_for_lines(&path, 2);
    let json: serde_json::Value = serde_json::from_str(&lines[0]).expect("JSON");
    assert_eq!(json["method"], "POST");
    assert_eq!(json["target"], "/a?b=\"c\"");
    assert_eq!(json["host"], "shop.example");
    assert_eq!(json["client"], "127.0.0.1");
    assert_eq!(json["status"], 200);
    assert_eq!(json["request_bytes"], 3);
    assert_eq!(json["request_id"], "id-1");
    assert_eq!(json["endpoint"], origin.name());
    assert!(json["duration_us"].as_u64().expect("a number") > 0);
    assert!(json["response_bytes"].as_u64().expect("a number") > 40);
    let json: serde_json::Value = serde_json::from_str(&lines[1]).expect("JSON");
    assert_eq!(
        (&json["status"], &json["error"]),
        (&505.into(), &"bad_version".into())
    );

    std::fs::rename(&path, folder.path().join("old")).expect("moved");
    gateway.signal(Signal::USR1);
    wait_until(|| path.exists(), || "the log was not opened again");
    assert_eq!(client::get(gateway.address(), "/after").status(), 200);
    gateway.signal(Signal::TERM);
    assert_eq!(gateway.wait().code(), Some(0));
    let text = std::fs::read_to_string(&path).expect("a new file");
    assert_eq!(
        text.lines().count(),
        1,
        "what was logged last is written before the end:\n{text}"
    );
}

fn wait_for_lines(path: &std::path::Path, count: usize) -> Vec<String> {
    let read = || std::fs::read_to_string(path).unwrap_or_default();
    wait_until(
        || read().lines().count() >= count,
        || format!("only\n{}", read()),
    );
    read().lines().map(str::to_owned).collect()
}

#[test]
fn a_full_disk_drops_lines_and_counts_them_but_serves() {
    let origin = Origin::saying("hello");
    let gateway = gateway(&[&origin], &["--access-log", "/dev/full"]);
    for _ in 0..10 {
        assert_eq!(client::get(gateway.address(), "/").text(), "hello");
    }
    gateway.wait_for_metric("tenfold_access_log_dropped_total", "", 10.0);
}
