//! Deadlines: over everything that a request waits for, and shortened by the client alone.

use std::time::{Duration, Instant};

use tenfold_testkit::client;
use tenfold_testkit::origin::{Origin, ok};

use super::{answer, gateway};

/// Reads requests and never answers.
fn silent() -> Origin {
    Origin::new(|peer| {
        while peer.request()?.is_some() {}
        Ok(())
    })
}

fn get(address: std::net::SocketAddr, fields: &str) -> tenfold_testkit::message::Message {
    client::ask(
        address,
        format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n"),
    )
}

#[test]
fn a_request_is_given_up_at_its_deadline() {
    let origin = silent();
    let gateway = gateway(&[&origin], "deadline = \"300ms\"", "");
    let began = Instant::now();
    let response = get(gateway.gateway.address(), "");
    assert_eq!(response.status(), 504);
    assert!(
        response.text().contains("within the time"),
        "{}",
        response.text()
    );
    assert!(began.elapsed() >= Duration::from_millis(300));
    gateway
        .gateway
        .wait_for_metric("tenfold_http_errors_total", "deadline_exceeded", 1.0);
}

#[test]
fn attempts_and_the_waits_before_them_live_within_the_deadline() {
    let origin = silent();
    let policy =
        "retry = { attempts = 10, on = \"timeout\", per_try_timeout = \"150ms\" }\noutlier = false";
    let gateway = gateway(&[&origin], "deadline = \"700ms\"", policy);
    let response = get(gateway.gateway.address(), "");
    assert_eq!(response.status(), 504);
    // Ten attempts of 150 ms would not fit; a late one or two are made on a busy machine, too.
    assert!(
        (2..=5).contains(&origin.requests()),
        "{} attempts",
        origin.requests()
    );
    gateway
        .gateway
        .wait_for_metric("tenfold_http_errors_total", "504", 0.0);
}

#[test]
fn a_client_can_shorten_it_and_not_more() {
    let origin = silent();
    let route = "deadline = \"1s\"\ndeadline_header = \"X-Request-Timeout\"";
    let gateway = gateway(&[&origin], route, "");
    for (fields, is_shorter) in [
        ("Grpc-Timeout: 100m\r\n", true),
        ("x-request-timeout: 100\r\n", true),
        ("x-request-timeout: 100ms\r\ngrpc-timeout: 5S\r\n", true),
        ("x-request-timeout: 1h\r\n", false),
        ("grpc-timeout: 1H\r\n", false),
        ("x-request-timeout: soon\r\nx-other: 1\r\n", false),
    ] {
        let began = Instant::now();
        assert_eq!(
            get(gateway.gateway.address(), fields).status(),
            504,
            "{fields}"
        );
        let took = began.elapsed();
        // Whoever is served later than asked for says nothing about who shortened it; whoever is served sooner does.
        if !is_shorter {
            assert!(took >= Duration::from_secs(1), "{fields} after {took:?}");
        }
    }
    let shortened = gateway.gateway.metric(
        "tenfold_route_request_duration_seconds_bucket",
        "le=\"0.5\"",
    );
    assert!(shortened >= 1.0, "no client had its deadline shortened");
    // A client that waits for little says nothing about the server.
    assert_eq!(
        gateway.gateway.metric("tenfold_endpoint_available", ""),
        1.0
    );
}

#[test]
fn without_a_rule_what_clients_send_means_nothing() {
    let origin = Origin::answering(|_| {
        std::thread::sleep(Duration::from_millis(200));
        ok("late")
    });
    let gateway = gateway(&[&origin], "", "");
    let response = get(
        gateway.gateway.address(),
        "grpc-timeout: 1m\r\nx-request-timeout: 1\r\n",
    );
    assert_eq!(response.text(), "late");
}

#[test]
fn a_deadline_ends_when_the_response_begins() {
    let origin = Origin::new(|peer| {
        while peer.request()?.is_some() {
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf")?;
            std::thread::sleep(Duration::from_millis(600));
            peer.send("half")?;
        }
        Ok(())
    });
    let gateway = gateway(&[&origin], "deadline = \"400ms\"", "");
    assert_eq!(get(gateway.gateway.address(), "").text(), "halfhalf");
}

#[test]
fn tiny_deadlines_of_strangers_take_no_server_out() {
    let origin = Origin::answering(|_| {
        std::thread::sleep(Duration::from_millis(150));
        answer(200, "", "fine")
    });
    let other = Origin::answering(|_| {
        std::thread::sleep(Duration::from_millis(150));
        answer(200, "", "fine")
    });
    let route = "deadline = \"10s\"";
    let gateway = gateway(&[&origin, &other], route, "");
    for _ in 0..20 {
        assert_eq!(
            get(gateway.gateway.address(), "grpc-timeout: 1m\r\n").status(),
            504
        );
    }
    assert_eq!(
        gateway.gateway.metric("tenfold_endpoint_available", ""),
        2.0
    );
    assert_eq!(
        gateway
            .gateway
            .metric("tenfold_endpoint_ejections_total", ""),
        0.0
    );
    assert_eq!(get(gateway.gateway.address(), "").text(), "fine");
}
