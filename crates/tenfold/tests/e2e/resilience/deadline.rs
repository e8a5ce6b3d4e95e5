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

/// What is left of a field in the body that a mirror answers with, in milliseconds.
fn told(text: &str, field: &str) -> Option<u64> {
    let line = text
        .lines()
        .find(|line| line.to_ascii_lowercase().starts_with(field))?;
    let value = line.split_once(':')?.1.trim();
    let digits = value.trim_end_matches(['m', 's']);
    Some(digits.parse().expect("milliseconds"))
}

#[test]
fn servers_are_told_what_is_left_and_not_what_there_was() {
    let origin = Origin::mirror();
    let route = "deadline = \"5s\"\ndeadline_header = \"X-Request-Timeout\"";
    let gateway = gateway(&[&origin], route, "");
    let ask = |fields: &str| get(gateway.gateway.address(), fields).text();
    // The route allows less than what the client asks for.
    let both = ask("Grpc-Timeout: 1H\r\nx-request-timeout: 9s\r\n");
    for field in ["grpc-timeout", "x-request-timeout"] {
        let left = told(&both, field).unwrap_or_else(|| panic!("no {field}: {both}"));
        assert!((1..=5000).contains(&left), "{field}: {left}");
        assert_eq!(
            both.to_ascii_lowercase().matches(field).count(),
            1,
            "{both}"
        );
    }
    // Who did not ask is not told.
    let none = ask("");
    assert_eq!(
        (
            told(&none, "grpc-timeout"),
            told(&none, "x-request-timeout")
        ),
        (None, None)
    );
}

#[test]
fn a_second_attempt_is_told_what_the_first_has_left() {
    let refuses = Origin::answering(|request| {
        std::thread::sleep(Duration::from_millis(400));
        answer(503, "", &request.head)
    });
    let policy = "retry = { on = 503, attempts = 2 }\noutlier = false";
    let gateway = gateway(&[&refuses], "deadline = \"10s\"", policy);
    let body = "hello";
    let response = client::ask(
        gateway.gateway.address(),
        format!(
            "PUT / HTTP/1.1\r\nHost: a\r\ngrpc-timeout: 5S\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ),
    );
    assert_eq!((response.status(), refuses.requests()), (503, 2));
    let left = told(&response.text(), "grpc-timeout").expect("it is told");
    assert!((1..=4600).contains(&left), "{left}");
}

#[test]
fn without_a_rule_the_field_goes_through_as_it_is() {
    let origin = Origin::mirror();
    let gateway = gateway(&[&origin], "", "");
    let text = get(gateway.gateway.address(), "grpc-timeout: 5S\r\n").text();
    assert!(text.contains("grpc-timeout: 5S\r\n"), "{text}");
}
