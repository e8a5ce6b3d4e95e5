//! What servers and clients see of each other's fields.

use tenfold_testkit::client::{self, Client};
use tenfold_testkit::message::Message;
use tenfold_testkit::origin::Origin;

use crate::gateway;

/// The request as the server saw it.
fn seen(response: &Message) -> Message {
    assert_eq!(response.status(), 200, "{}", response.head);
    Message {
        head: response.text(),
        ..Message::default()
    }
}

#[test]
fn fields_of_one_connection_only_are_not_passed_on() {
    let origin = Origin::mirror();
    let gateway = gateway(&[&origin], &[]);
    let seen = seen(&client::ask(
        gateway.address(),
        "GET /path?query=1 HTTP/1.1\r\nX-First: 1\r\nHost: example.com:8080\r\nConnection: x-secret, close\r\nKeep-Alive: 5\r\n\
         Proxy-Connection: keep-alive\r\nX-Secret: s\r\nTE: trailers\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n\
         Proxy: evil\r\nAccept: */*\r\nx-LAST:   spaced out  \r\n\r\n",
    ));
    assert_eq!(seen.start_line(), "GET /path?query=1 HTTP/1.1");
    for gone in [
        "connection",
        "keep-alive",
        "proxy-connection",
        "x-secret",
        "te",
        "upgrade",
        "http2-settings",
        "proxy",
    ] {
        assert_eq!(seen.all(gone), [""; 0], "{gone} in {}", seen.head);
    }
    assert_eq!(seen.get("host"), Some("example.com:8080"));
    assert_eq!(seen.get("via"), Some("1.1 tenfold"));
    // Order and spelling of the others stay.
    let order: Vec<_> = ["X-First: 1", "Host:", "Accept: */*", "x-LAST:   spaced out"]
        .map(|line| seen.head.find(line).expect(line))
        .to_vec();
    assert!(order.is_sorted(), "{}", seen.head);
}

#[test]
fn a_stranger_cannot_say_who_it_is() {
    let origin = Origin::mirror();
    let gateway = gateway(&[&origin], &[]);
    let seen = seen(&client::ask(
        gateway.address(),
        "GET / HTTP/1.1\r\nHost: shop.example\r\nX-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Proto: https\r\n\
         X-Forwarded-Host: evil\r\nX-Forwarded-Port: 1\r\nForwarded: for=6.6.6.6\r\nX-Real-IP: 6.6.6.6\r\n\
         X_Forwarded_For: 6.6.6.6\r\nContent_Length: 5\r\nX-Forwarded-Ssl: on\r\nX_Forwarded-Prefix: 6.6.6.6\r\nConnection: x-forwarded-for\r\n\r\n",
    ));
    assert_eq!(seen.get("x-forwarded-for"), Some("127.0.0.1"));
    assert_eq!(seen.get("x-forwarded-proto"), Some("http"));
    assert_eq!(seen.get("x-forwarded-host"), Some("shop.example"));
    assert_eq!(
        seen.get("forwarded"),
        Some("for=127.0.0.1;proto=http;host=\"shop.example\"")
    );
    assert!(
        !seen.head.contains("6.6.6.6") && !seen.head.contains('_'),
        "{}",
        seen.head
    );
    assert_eq!(seen.all("x-forwarded-port"), [""; 0]);
    assert_eq!(seen.all("x-forwarded-ssl"), [""; 0]);
}

#[test]
fn a_trusted_proxy_is_believed_and_added() {
    let origin = Origin::mirror();
    let gateway = gateway(
        &[&origin],
        &[
            "--trusted-proxy",
            "10.0.0.0/8",
            "--trusted-proxy",
            "127.0.0.1",
        ],
    );
    let seen = seen(&client::ask(
        gateway.address(),
        "GET / HTTP/1.1\r\nHost: inner\r\nX-Forwarded-For: 1.2.3.4\r\nX-Forwarded-For: 5.6.7.8\r\nX-Forwarded-Proto: https\r\n\
         X-Forwarded-Host: shop.example\r\nForwarded: for=1.2.3.4;proto=https\r\nX-Real-IP: 1.2.3.4\r\n\r\n",
    ));
    assert_eq!(
        seen.get("x-forwarded-for"),
        Some("1.2.3.4, 5.6.7.8, 127.0.0.1")
    );
    assert_eq!(seen.get("x-forwarded-proto"), Some("https"));
    assert_eq!(seen.get("x-forwarded-host"), Some("shop.example"));
    assert_eq!(seen.get("x-real-ip"), Some("1.2.3.4"));
    assert_eq!(
        seen.get("forwarded"),
        Some("for=1.2.3.4;proto=https, for=127.0.0.1;proto=http;host=\"inner\"")
    );
}

#[test]
fn identifiers_are_passed_or_made() {
    let origin = Origin::mirror();
    let gateway = gateway(&[&origin], &[]);
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let passed = seen(&client::ask(
        gateway.address(),
        format!(
            "GET / HTTP/1.1\r\nHost: a\r\nX-Request-Id: abc-123\r\ntraceparent: {trace}\r\ntracestate: a=b\r\n\r\n"
        ),
    ));
    assert_eq!(passed.get("x-request-id"), Some("abc-123"));
    assert_eq!(passed.get("traceparent"), Some(trace));
    assert_eq!(passed.get("tracestate"), Some("a=b"));

    let mut ids = Vec::new();
    for _ in 0..3 {
        let made = seen(&client::ask(
            gateway.address(),
            "GET / HTTP/1.1\r\nHost: a\r\nX-Request-Id: <script>\r\ntraceparent: nonsense\r\n\r\n",
        ));
        let id = made.get("x-request-id").expect("an identifier").to_owned();
        assert_eq!(id.len(), 32, "{id}");
        let trace = made.get("traceparent").expect("a trace").to_owned();
        assert!(
            trace.starts_with(&format!("00-{id}-")) && trace.len() == 55,
            "{trace}"
        );
        ids.push(id);
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 3, "identifiers are unique");
}

#[test]
fn an_absolute_target_decides_the_host() {
    let origin = Origin::mirror();
    let gateway = gateway(&[&origin], &[]);
    let seen = seen(&client::ask(
        gateway.address(),
        "GET http://real.example:81/x?y HTTP/1.1\r\nHost: other.example\r\n\r\n",
    ));
    assert_eq!(seen.start_line(), "GET /x?y HTTP/1.1");
    assert_eq!(seen.get("host"), Some("real.example:81"));
    let response = client::ask(gateway.address(), "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(
        response.text().starts_with("OPTIONS * HTTP/1.1\r\n"),
        "{}",
        response.text()
    );
}

#[test]
fn responses_lose_what_speaks_about_the_servers_connection() {
    let origin = Origin::answering(|_| {
        b"HTTP/1.1 200 Fine By Me\r\nServer: x\r\nConnection: x-hop, keep-alive\r\nKeep-Alive: timeout=5\r\nX-Hop: 1\r\n\
          Set-Cookie: a=1\r\nUpgrade: h2\r\nVia: 1.1 inner\r\nSet-Cookie: b=2\r\nContent-Length: 2\r\nX-Bytes: \xe4\r\n\r\nok"
            .to_vec()
    });
    let gateway = gateway(&[&origin], &[]);
    let mut client = Client::connect(gateway.address());
    let response = client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").response();
    assert_eq!(response.start_line(), "HTTP/1.1 200 Fine By Me");
    for gone in ["connection", "keep-alive", "x-hop", "upgrade"] {
        assert_eq!(response.all(gone), [""; 0], "{gone}");
    }
    assert_eq!(response.all("set-cookie"), ["a=1", "b=2"]);
    assert_eq!(response.all("via"), ["1.1 inner", "1.1 tenfold"]);
    assert_eq!(response.get("server"), Some("x"));
    let date = response
        .get("date")
        .expect("a date is added where the server sent none");
    assert!(date.ends_with(" GMT") && date.len() == 29, "{date}");
}

#[test]
fn a_length_is_sent_on_as_a_number() {
    let origin = Origin::answering(|request| {
        tenfold_testkit::origin::ok(&format!("{}|{}", request.head, request.text()))
    });
    let gateway = gateway(&[&origin], &[]);
    let response = client::ask(
        gateway.address(),
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 005\r\nContent-Length: 5\r\n\r\nhello",
    );
    let seen = Message {
        head: response.text(),
        ..Message::default()
    };
    assert_eq!(seen.get("content-length"), Some("5"));
    assert!(seen.head.ends_with("|hello"));
}
