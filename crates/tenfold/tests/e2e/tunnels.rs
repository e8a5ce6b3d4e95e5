//! Upgraded connections.

use std::time::Duration;

use tenfold_testkit::client::Client;
use tenfold_testkit::origin::{Origin, Peer};

use crate::gateway;

const UPGRADE: &str = "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Key: x\r\n\r\n";

/// Accepts an upgrade and echoes bytes until the other side ends.
fn echo(peer: &mut Peer) -> std::io::Result<()> {
    let Some(request) = peer.head()? else {
        return Ok(());
    };
    assert_eq!(request.get("connection"), Some("Upgrade"));
    assert_eq!(request.get("upgrade"), Some("websocket"));
    peer.send("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: y\r\n\r\nhi!")?;
    while let Ok(byte) = peer.bytes(1) {
        peer.send(byte)?;
    }
    peer.send("bye")
}

#[test]
fn an_upgraded_connection_carries_bytes_both_ways_and_its_ends() {
    let origin = Origin::new(echo);
    let gateway = gateway(&[&origin], &[]);
    let mut client = Client::connect(gateway.address());
    client.send(format!("{UPGRADE}early"));
    let head = client.head().expect("a head");
    assert_eq!(
        (head.status(), head.get("connection"), head.get("upgrade")),
        (101, Some("Upgrade"), Some("websocket"))
    );
    assert_eq!(head.get("sec-websocket-accept"), Some("y"));
    assert_eq!(
        client.bytes(8).expect("what came with the heads"),
        b"hi!early"
    );
    gateway.wait_for_metric("tenfold_tunnels_open", "", 1.0);
    let large: Vec<u8> = (0..300_000).map(|at| (at % 253) as u8).collect();
    let mut writer = client.stream().try_clone().expect("a second handle");
    let copy = large.clone();
    let sending = std::thread::spawn(move || std::io::Write::write_all(&mut writer, &copy));
    assert!(client.bytes(large.len()).expect("an echo") == large);
    sending.join().expect("no panic").expect("sent");
    client.finish_sending();
    assert_eq!(
        client.to_end().expect("a clean end"),
        b"bye",
        "the server may speak after the client has ended"
    );
    gateway.wait_for_metric("tenfold_tunnels_open", "", 0.0);
    assert_eq!(gateway.metric("tenfold_http_errors_total", ""), 0.0);
}

#[test]
fn a_server_may_decline() {
    let origin = Origin::saying("no, thank you");
    let gateway = gateway(&[&origin], &[]);
    let mut client = Client::connect(gateway.address());
    for _ in 0..2 {
        let response = client.send(UPGRADE).response();
        assert_eq!(
            (response.status(), response.text()),
            (200, "no, thank you".into())
        );
    }
}

#[test]
fn an_upgrade_to_http_2_is_not_offered_to_the_server() {
    let origin = Origin::mirror();
    let gateway = gateway(&[&origin], &[]);
    for protocol in ["h2c", "websocket, H2C", "h2c/1"] {
        let mut client = Client::connect(gateway.address());
        let request = format!(
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: {protocol}\r\nHTTP2-Settings: AAMAAABk\r\n\r\n"
        );
        let seen = client.send(request).response().text().to_lowercase();
        assert!(
            !seen.contains("upgrade") && !seen.contains("http2"),
            "{seen}"
        );
    }
}

#[test]
fn a_silent_tunnel_is_closed_after_its_time_and_no_sooner() {
    let origin = Origin::new(echo);
    let gateway = gateway(
        &[&origin],
        &[
            "--tunnel-timeout",
            "500ms",
            "--body-timeout",
            "200ms",
            "--idle-timeout",
            "200ms",
        ],
    );
    let mut client = Client::connect(gateway.address());
    client.send(UPGRADE);
    client.head().expect("a head");
    client.bytes(3).expect("hi!");
    for _ in 0..3 {
        std::thread::sleep(Duration::from_millis(300));
        assert_eq!(client.send("x").bytes(1).expect("still open"), b"x");
    }
    let _reset_or_closed = client.to_end();
    gateway.wait_for_metric("tenfold_tunnels_open", "", 0.0);
    gateway.wait_for_metric("tenfold_http_errors_total", "tunnel_idle", 1.0);
}

#[test]
fn what_a_tunnel_carried_is_not_taken_for_a_request() {
    let origin = Origin::new(|peer| {
        while let Some(request) = peer.head()? {
            assert!(
                request.get("upgrade").is_some(),
                "replayed: {}",
                request.head
            );
            peer.send("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n")?;
            peer.to_end()?;
        }
        Ok(())
    });
    let gateway = gateway(&[&origin], &[]);
    let mut client = Client::connect(gateway.address());
    client.send(format!(
        "{UPGRADE}POST /replayed HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"
    ));
    assert_eq!(client.head().expect("a head").status(), 101);
    client.finish_sending();
    assert!(client.is_closed());
    assert_eq!(origin.requests(), 1);
}
