//! The process: how it begins, what it tells, how it ends.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;

use crate::common::Site;

#[tokio::test]
async fn a_taken_port_is_told_with_what_to_do() {
    let site = Site::open("naive", &[]);
    let taken = [
        "serve",
        "--database",
        "postgres:///x",
        "--listen",
        &site.address,
    ];
    let output = Command::new(env!("CARGO_BIN_EXE_shop"))
        .args(taken)
        .output()
        .expect("it runs");
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(
        told.contains("is taken") && told.contains("--listen") && told.lines().count() == 1,
        "{told}"
    );
}

#[tokio::test]
async fn it_ends_when_told_and_closes_connections_that_are_idle() {
    let mut site = Site::open("tuned", &[]);
    let mut idle = TcpStream::connect(&site.address).expect("it listens");
    idle.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
        .expect("sent");
    let mut head = [0; 12];
    idle.read_exact(&mut head).expect("an answer");
    assert_eq!(&head, b"HTTP/1.1 200");
    assert!(site.end().success());
    let mut rest = Vec::new();
    idle.read_to_end(&mut rest).expect("closed in order");
    assert!(
        TcpStream::connect(&site.address).is_err(),
        "nobody listens any more"
    );
}

#[tokio::test]
async fn what_is_under_way_is_finished() {
    let mut site = Site::open("tuned", &["--slow", "1s"]);
    let mut visitor = site.visitor();
    let asked = tokio::spawn(async move { visitor.get("/products/7").await });
    // It has the request when it counts it; there is no sign of that from outside but time.
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    let ended = tokio::task::spawn_blocking(move || site.end());
    let page = asked.await.expect("an answer");
    assert_eq!((page.status, page.field("connection")), (200, "close"));
    assert!(ended.await.expect("it ends").success());
}

#[tokio::test]
async fn metrics_are_told_by_route_and_never_by_what_clients_send() {
    let port = tenfold_sandbox::free_port().expect("a free port");
    let address = format!("127.0.0.1:{port}");
    let site = Site::open(
        "naive",
        &[
            "--metrics",
            &address,
            "--slow",
            "1ms:50%",
            "--fail-rate",
            "0%",
        ],
    );
    let mut visitor = site.visitor();
    for path in [
        "/products/7",
        "/products/8",
        "/products/9999",
        "/healthz",
        "/secret/path",
    ] {
        visitor.get(path).await;
    }
    visitor
        .ask("MAGIC".parse().expect("a method"), "/cart", &[], "")
        .await;
    let mut scraper = visitor.clone();
    let told = scraper.elsewhere(&address).get("/metrics").await;
    assert!(
        told.field("content-type")
            .starts_with("application/openmetrics-text")
    );
    let count = "http_server_request_duration_seconds_count{http_route=\"/products/{id}\",http_request_method=\"GET\",http_response_status_class=";
    for line in [format!("{count}\"2xx\"}} 2"), format!("{count}\"4xx\"}} 1")] {
        assert!(told.body.contains(&line), "{line} in {}", told.body);
    }
    for name in [
        "shop_faults_total{kind=\"slow\"}",
        "shop_checkouts_total{result=\"placed\"} 0",
        "db_client_connection_count",
        "http_server_active_requests 0",
    ] {
        assert!(told.body.contains(name), "{name} in {}", told.body);
    }
    assert!(
        !told.body.contains("secret") && !told.body.contains("MAGIC"),
        "{}",
        told.body
    );
}
