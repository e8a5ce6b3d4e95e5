//! HTTP/1.1 as it is spoken: keep-alive, pipelining, versions, methods and statuses without a body, interim responses.

use tenfold_testkit::client::{self, Client};
use tenfold_testkit::origin::{Origin, ok};

use crate::gateway;

#[test]
fn connections_are_kept_on_both_sides() {
    let origin = Origin::saying("hello");
    let gateway = gateway(&[&origin], &["--workers", "1"]);
    let mut client = Client::connect(gateway.address());
    for _ in 0..20 {
        let response = client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").response();
        assert_eq!((response.status(), response.text()), (200, "hello".into()));
        assert_eq!(response.get("connection"), None);
    }
    gateway.wait_for_metric("tenfold_upstream_connections_opened_total", "", 1.0);
    gateway.wait_for_metric("tenfold_upstream_connections_reused_total", "", 19.0);
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let origin = Origin::answering(|request| ok(request.start_line()));
    let gateway = gateway(&[&origin], &[]);
    let mut client = Client::connect(gateway.address());
    let mut all = String::new();
    for at in 0..50 {
        let body = "x".repeat(at * 37);
        all.push_str(&format!(
            "POST /{at} HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ));
        all.push_str(&format!("PUT /c{at} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"));
        all.push_str(&format!("GET /g{at} HTTP/1.1\r\nHost: a\r\n\r\n"));
    }
    let mut writer = client.stream().try_clone().expect("a second handle");
    let sending =
        std::thread::spawn(move || std::io::Write::write_all(&mut writer, all.as_bytes()));
    for at in 0..50 {
        assert_eq!(client.response().text(), format!("POST /{at} HTTP/1.1"));
        assert_eq!(client.response().text(), format!("PUT /c{at} HTTP/1.1"));
        assert_eq!(client.response().text(), format!("GET /g{at} HTTP/1.1"));
    }
    sending
        .join()
        .expect("no panic")
        .expect("everything was read");
}

#[test]
fn http_1_0_clients_get_what_they_understand() {
    let origin = Origin::answering(|request| match request.start_line().split(' ').nth(1) {
        Some("/chunked") => {
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX: y\r\n\r\n"
                .to_vec()
        }
        _ => ok(&request.head),
    });
    let gateway = gateway(&[&origin], &[]);
    let mut client = Client::connect(gateway.address());
    let response = client.send("GET / HTTP/1.0\r\n\r\n").response();
    assert_eq!(response.get("connection"), Some("close"));
    assert!(client.is_closed());
    let host = format!("GET / HTTP/1.1\r\nHost: {}\r\n", gateway.address());
    assert!(response.text().starts_with(&host), "{}", response.text());

    let mut client = Client::connect(gateway.address());
    for _ in 0..3 {
        let response = client
            .send("GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n")
            .response();
        assert_eq!(response.get("connection"), Some("keep-alive"));
    }
    let response = client
        .send("GET /chunked HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n")
        .response();
    assert_eq!(response.get("transfer-encoding"), None);
    assert_eq!(
        response.text(),
        "hello",
        "the end of the connection is the end of the body"
    );
}

#[test]
fn http_1_0_servers_are_understood() {
    let origin = Origin::new(|peer| {
        let Some(request) = peer.request()? else {
            return Ok(());
        };
        assert!(request.start_line().ends_with("HTTP/1.1"));
        peer.send("HTTP/1.0 200 OK\r\n\r\nuntil the end")
    });
    let gateway = gateway(&[&origin], &[]);
    let mut client = Client::connect(gateway.address());
    for _ in 0..3 {
        let response = client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").response();
        assert_eq!(
            response.get("transfer-encoding"),
            Some("chunked"),
            "{}",
            response.head
        );
        assert_eq!(response.text(), "until the end");
    }
    assert_eq!(
        gateway.metric("tenfold_upstream_connections_reused_total", ""),
        0.0
    );
}

#[test]
fn responses_without_a_body_end_with_their_head() {
    let origin = Origin::answering(|request| match request.start_line().split(' ').next() {
        Some("HEAD") => b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n".to_vec(),
        Some("PUT") => b"HTTP/1.1 204 No Content\r\nContent-Length: 7\r\n\r\n".to_vec(),
        Some("POST") => b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_vec(),
        _ => b"HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\nContent-Length: 1000\r\n\r\n".to_vec(),
    });
    let gateway = gateway(&[&origin], &["--workers", "1"]);
    let mut client = Client::connect(gateway.address());
    for _ in 0..2 {
        let head = client
            .send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")
            .head()
            .expect("a head");
        assert_eq!(
            (head.status(), head.get("content-length")),
            (200, Some("1000"))
        );
        let head = client
            .send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
            .head()
            .expect("a head");
        assert_eq!((head.status(), head.get("content-length")), (204, None));
        let head = client
            .send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
            .head()
            .expect("a head");
        assert_eq!(
            (head.status(), head.get("content-length")),
            (200, Some("0"))
        );
        let head = client
            .send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            .head()
            .expect("a head");
        assert_eq!(
            (head.status(), head.get("content-length")),
            (304, Some("1000"))
        );
    }
    // Those that announced a body which cannot come (all but POST) are not trusted with another request.
    gateway.wait_for_metric("tenfold_upstream_connections_opened_total", "", 6.0);
}

#[test]
fn interim_responses_are_passed_on_but_not_to_http_1_0() {
    let origin = Origin::answering(|_| {
        let mut all =
            b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\nConnection: x\r\n\r\n"
                .to_vec();
        all.extend(ok("final"));
        all
    });
    let gateway = gateway(&[&origin], &[]);
    let mut client = Client::connect(gateway.address());
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    let hints = client.head().expect("early hints");
    assert_eq!(
        (hints.status(), hints.get("link")),
        (103, Some("</style.css>; rel=preload"))
    );
    assert_eq!(hints.get("connection"), None);
    assert_eq!(client.response().text(), "final");
    let response = client::ask(gateway.address(), "GET / HTTP/1.0\r\nHost: a\r\n\r\n");
    assert_eq!((response.status(), response.text()), (200, "final".into()));
}

#[test]
fn a_client_that_waits_for_100_gets_it_from_the_server() {
    let origin = Origin::new(|peer| {
        while let Some(mut request) = peer.head()? {
            assert_eq!(request.get("expect"), Some("100-continue"));
            peer.send("HTTP/1.1 100 Continue\r\n\r\n")?;
            peer.body(&mut request)?;
            peer.send(ok(&request.text()))?;
        }
        Ok(())
    });
    let gateway = gateway(&[&origin], &[]);
    let mut client = Client::connect(gateway.address());
    for _ in 0..3 {
        client.send(
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n",
        );
        assert_eq!(client.head().expect("an interim response").status(), 100);
        assert_eq!(client.send("hello").response().text(), "hello");
    }
}

#[test]
fn a_refused_expectation_closes_the_connection() {
    let origin = Origin::new(|peer| {
        peer.head()?;
        peer.send("HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno")?;
        peer.to_end().map(|_| ())
    });
    let gateway = gateway(&[&origin], &[]);
    let mut client = Client::connect(gateway.address());
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
    let response = client.response();
    assert_eq!(
        (response.status(), response.get("connection")),
        (401, Some("close"))
    );
    assert!(
        client.is_closed(),
        "whether a body follows is not known, so nothing else may"
    );
}

#[test]
fn a_half_closed_client_still_gets_its_answer() {
    let origin = Origin::answering(|_| {
        std::thread::sleep(std::time::Duration::from_millis(200));
        ok("late")
    });
    let gateway = gateway(&[&origin], &[]);
    let mut client = Client::connect(gateway.address());
    client
        .send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        .finish_sending();
    assert_eq!(client.response().text(), "late");
    assert!(client.is_closed());
}

#[test]
fn a_head_that_arrives_byte_by_byte_is_understood() {
    let origin = Origin::saying("patience");
    let gateway = gateway(&[&origin], &[]);
    let mut client = Client::connect(gateway.address());
    for byte in b"\r\nGET / HTTP/1.1\r\nHost: a\r\nX-Y: z\r\n\r\n" {
        client.send([*byte]);
    }
    assert_eq!(client.response().text(), "patience");
}

#[test]
fn a_unix_socket_is_a_server_too() {
    use std::io::{Read, Write};
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("app.sock");
    let listener = std::os::unix::net::UnixListener::bind(&path).expect("bound");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            std::thread::spawn(move || {
                let mut buffer = [0; 4096];
                while stream.read(&mut buffer).is_ok_and(|count| count > 0) {
                    stream.write_all(&ok("unix")).expect("the gateway reads");
                }
            });
        }
    });
    let server = format!("unix:{}", path.display());
    let gateway = tenfold_testkit::gateway::start(crate::BINARY, &["--to", &server]);
    let mut client = Client::connect(gateway.address());
    for _ in 0..3 {
        assert_eq!(
            client
                .send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                .response()
                .text(),
            "unix"
        );
    }
}

#[test]
fn an_early_yes_to_a_client_that_waits_for_100_is_the_end_of_it() {
    let origin = Origin::new(|peer| {
        peer.head()?;
        peer.send(ok("no need"))?;
        peer.to_end().map(|_| ())
    });
    let gateway = gateway(&[&origin], &["--body-timeout", "15s"]);
    let mut client = Client::connect(gateway.address());
    client.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
    let response = client.response();
    assert_eq!(
        (response.text(), response.get("connection")),
        ("no need".into(), Some("close"))
    );
    assert!(client.is_closed());
    gateway.wait_for_metric("tenfold_endpoint_active_requests", "", 0.0);
    assert_eq!(
        gateway.metric("tenfold_http_errors_total", ""),
        0.0,
        "nothing was waited for"
    );
}
