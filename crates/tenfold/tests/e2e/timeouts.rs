//! Slow and silent peers. Time-outs are set short; nothing here asserts how fast anything is, only that it ends, and how.

use std::time::{Duration, Instant};

use tenfold_testkit::client::{self, Client};
use tenfold_testkit::origin::{Origin, ok};

use crate::gateway;

#[test]
fn a_head_that_does_not_end_is_answered_with_408() {
    let origin = Origin::saying("never");
    let gateway = gateway(
        &[&origin],
        &["--head-timeout", "300ms", "--idle-timeout", "30s"],
    );
    let mut client = Client::connect(gateway.address());
    client.send("GET / HTTP/1.1\r\nHost: a\r\nX: ");
    let response = client.response();
    assert_eq!(
        (response.status(), response.get("connection")),
        (408, Some("close"))
    );
    assert!(client.is_closed());
    assert_eq!(origin.requests(), 0);
}

#[test]
fn bytes_that_trickle_in_do_not_move_the_deadline_of_a_head() {
    let origin = Origin::saying("fine");
    let gateway = gateway(&[&origin], &["--head-timeout", "500ms"]);
    let mut slow: Vec<Client> = (0..200)
        .map(|_| Client::connect(gateway.address()))
        .collect();
    let started = Instant::now();
    let mut open = 200;
    while open > 0 {
        assert!(
            started.elapsed() < tenfold_testkit::PATIENCE,
            "{open} are still open"
        );
        open = slow
            .iter_mut()
            .filter_map(|client| client.try_send("x").ok())
            .count();
        // Others are not harmed meanwhile.
        assert_eq!(client::get(gateway.address(), "/").text(), "fine");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(started.elapsed() >= Duration::from_millis(500));
    gateway.wait_for_metric("tenfold_http_errors_total", "client_timeout", 200.0);
}

#[test]
fn an_idle_connection_is_closed_without_a_word() {
    let origin = Origin::saying("fine");
    let gateway = gateway(&[&origin], &["--idle-timeout", "300ms"]);
    let mut used = Client::connect(gateway.address());
    assert_eq!(
        used.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            .response()
            .status(),
        200
    );
    let mut unused = Client::connect(gateway.address());
    assert!(used.is_closed() && unused.is_closed());
    assert_eq!(gateway.metric("tenfold_http_errors_total", ""), 0.0);
}

#[test]
fn an_upload_that_stalls_is_answered_with_408() {
    let origin = Origin::answering(|_| ok("whole"));
    let gateway = gateway(&[&origin], &["--body-timeout", "400ms"]);
    let mut client = Client::connect(gateway.address());
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n");
    // Progress moves the deadline.
    for _ in 0..5 {
        std::thread::sleep(Duration::from_millis(200));
        client.send("x");
    }
    assert_eq!(client.response().status(), 408);
    assert!(client.is_closed());
}

#[test]
fn a_server_that_does_not_answer_costs_a_504() {
    let origin = Origin::new(|peer| {
        peer.request()?;
        peer.to_end().map(|_| ())
    });
    let gateway = gateway(&[&origin], &["--response-timeout", "300ms"]);
    let mut client = Client::connect(gateway.address());
    assert_eq!(
        client
            .send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            .response()
            .status(),
        504
    );
    assert_eq!(origin.requests(), 1, "it may have been carried out");
    gateway.wait_for_metric("tenfold_http_errors_total", "upstream_timeout", 1.0);
}

#[test]
fn a_server_that_takes_no_connection_is_left_for_another() {
    // A full queue: the listener accepts nothing, and its backlog is taken.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener
        .local_addr()
        .expect("a bound socket has an address");
    rustix_listen(&listener);
    let _filling: Vec<_> = (0..4)
        .filter_map(|_| {
            std::net::TcpStream::connect_timeout(&address, Duration::from_millis(100)).ok()
        })
        .collect();
    let alive = Origin::saying("alive");
    let gateway = tenfold_testkit::gateway::start(
        crate::BINARY,
        &[
            "--workers",
            "1",
            "--balance",
            "round_robin",
            "--connect-timeout",
            "300ms",
            "--to",
            &address.to_string(),
            "--to",
            &alive.name(),
        ],
    );
    for _ in 0..4 {
        assert_eq!(client::get(gateway.address(), "/").text(), "alive");
    }
    assert!(
        gateway.metric(
            "tenfold_upstream_connections_failed_total",
            &address.to_string()
        ) >= 1.0
    );
}

/// Makes the backlog as short as the kernel allows.
fn rustix_listen(listener: &std::net::TcpListener) {
    rustix::net::listen(listener, 0).expect("a listening socket can be told again");
}

#[test]
fn a_download_that_stalls_is_cut_and_blamed_on_who_stalls() {
    let origin = Origin::new(|peer| {
        peer.request()?;
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")?;
        peer.to_end().map(|_| ())
    });
    let gateway = gateway(&[&origin], &["--body-timeout", "300ms"]);
    let mut client = Client::connect(gateway.address());
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.head().expect("a head").status(), 200);
    assert!(client.bytes(10).is_err(), "the rest never comes");
    gateway.wait_for_metric("tenfold_http_errors_total", "upstream_timeout", 1.0);

    let endless = Origin::new(|peer| {
        peer.request()?;
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")?;
        loop {
            peer.send([b'x'; 65536])?;
        }
    });
    let gateway = crate::gateway(&[&endless], &["--body-timeout", "300ms"]);
    let mut client = Client::connect(gateway.address());
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    gateway.wait_for_metric("tenfold_http_errors_total", "client_gone", 1.0);
}

#[test]
fn an_upload_that_stalls_behind_an_early_response_is_the_clients_fault() {
    let origin = Origin::new(|peer| {
        peer.head()?;
        peer.send(ok("early"))?;
        peer.to_end().map(|_| ())
    });
    let gateway = gateway(&[&origin], &["--body-timeout", "3s"]);
    let mut client = Client::connect(gateway.address());
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345");
    assert_eq!(client.response().text(), "early");
    gateway.wait_for_metric("tenfold_http_errors_total", "client_timeout", 1.0);
    assert_eq!(
        gateway.metric("tenfold_http_errors_total", "blame=\"upstream\""),
        0.0
    );
    let sum = gateway.metric("http_server_request_duration_seconds_sum", "");
    assert!(
        sum < 3.0,
        "the time after the response is not counted: {sum} s"
    );
}

/// The attack called Slowloris, at the size of a real one.
#[test]
fn ten_thousand_clients_that_send_a_byte_a_second_are_closed_and_harm_nobody() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    use std::io::Write;
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    setrlimit(Resource::Nofile, raised).expect("the soft limit may be raised to the hard one");
    let descriptors = usize::try_from(limit.maximum.unwrap_or(1 << 20)).expect("a sane limit");
    // Smaller machines get a smaller attack.
    let count = 10_000.min(descriptors / 4 * 3 - 400);

    let origin = Origin::saying("fine");
    let gateway = gateway(
        &[&origin],
        &["--head-timeout", "8s", "--max-connections", "20000"],
    );
    let before = gateway.resident_kib();
    let mut slow: Vec<_> = (0..count)
        .map(|_| {
            let stream = std::net::TcpStream::connect(gateway.address()).expect("accepted");
            stream
                .set_nonblocking(true)
                .expect("a socket can be non-blocking");
            stream
        })
        .collect();
    for byte in "GET".bytes() {
        for stream in &mut slow {
            stream.write_all(&[byte]).expect("still open");
        }
        let second = Instant::now() + Duration::from_secs(1);
        while Instant::now() < second {
            assert_eq!(client::get(gateway.address(), "/").text(), "fine");
        }
    }
    let each = gateway.resident_kib().saturating_sub(before) as usize / count;
    assert!(each <= 16, "{each} KiB for each of {count} slow heads");
    gateway.wait_for_metric("tenfold_http_errors_total", "client_timeout", count as f64);
    assert_eq!(client::get(gateway.address(), "/").text(), "fine");
}
