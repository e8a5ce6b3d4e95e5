//! Routes: which request goes where, and what is changed about it on the way.

use std::collections::HashMap;

use tenfold_testkit::client::{self, Client, get};
use tenfold_testkit::origin::{Origin, ok};

use crate::Configured;

const LISTENER: &str = "[listener.web]\nlisten = \"127.0.0.1:0\"\n";

#[test]
fn the_most_specific_route_takes_a_request() {
    let origins = ["a", "b", "c", "d"].map(|name| Origin::answering(move |_| ok(name)));
    let text = format!(
        r#"{LISTENER}
        [[route]]
        upstream = "a"
        [[route]]
        path = "/api/*"
        upstream = "b"
        [[route]]
        path = "/api/*"
        header = {{ x-canary = "yes" }}
        upstream = "c"
        [[route]]
        host = "*.example.com"
        path = "/only"
        method = "GET"
        upstream = "d"
        [upstream.a]
        servers = ["{}"]
        [upstream.b]
        servers = ["{}"]
        [upstream.c]
        servers = ["{}"]
        [upstream.d]
        servers = ["{}"]
        "#,
        origins[0].name(),
        origins[1].name(),
        origins[2].name(),
        origins[3].name()
    );
    let it = Configured::start(&text);
    let mut client = Client::connect(it.gateway.address());
    for (request, wanted) in [
        ("GET / HTTP/1.1\r\nHost: x\r\n\r\n", "a"),
        ("GET /api HTTP/1.1\r\nHost: x\r\n\r\n", "b"),
        ("GET /api/v1?q HTTP/1.1\r\nHost: x\r\n\r\n", "b"),
        ("GET /apix HTTP/1.1\r\nHost: x\r\n\r\n", "a"),
        ("GET /x/../api HTTP/1.1\r\nHost: x\r\n\r\n", "b"),
        ("GET /%61pi HTTP/1.1\r\nHost: x\r\n\r\n", "b"),
        ("GET /api HTTP/1.1\r\nHost: x\r\nX-Canary: yes\r\n\r\n", "c"),
        (
            "GET /only HTTP/1.1\r\nHost: WWW.example.com:80\r\n\r\n",
            "d",
        ),
        (
            "POST /only HTTP/1.1\r\nHost: www.example.com\r\nContent-Length: 0\r\n\r\n",
            "a",
        ),
        ("GET /only HTTP/1.1\r\nHost: example.com\r\n\r\n", "a"),
    ] {
        assert_eq!(client.send(request).response().text(), wanted, "{request}");
    }
}

#[test]
fn a_request_without_a_route_is_answered_with_404() {
    let origin = Origin::saying("x");
    let it = Configured::start(&format!(
        "{LISTENER}[[route]]\npath = \"/a\"\nupstream = \"a\"\n[upstream.a]\nservers = [\"{}\"]\n",
        origin.name()
    ));
    assert_eq!(get(it.gateway.address(), "/b").status(), 404);
    assert_eq!(origin.requests(), 0);
    it.gateway
        .wait_for_metric("tenfold_http_errors_total", "no_route", 1.0);
}

#[test]
fn paths_and_fields_are_edited() {
    let origin = Origin::mirror();
    let it = Configured::start(&format!(
        r#"{LISTENER}
        [[route]]
        path = "/api/{{version}}/*"
        strip = "/api"
        upstream = "a"
        request_headers = {{ set = {{ host = "inner", x-forwarded-for = "{{client_ip}}", x-v = "{{version}}" }}, add = {{ x-rest = "{{rest}}" }}, remove = ["cookie"] }}
        response_headers = {{ set = {{ x-frame-options = "DENY" }}, remove = ["x-secret"] }}
        [[route]]
        path = "/old/*"
        rewrite = "/new/{{rest}}"
        upstream = "a"
        [upstream.a]
        servers = ["{}"]
        "#,
        origin.name()
    ));
    let address = it.gateway.address();
    let response = client::ask(
        address,
        "GET /api/v2/x/y?q=1 HTTP/1.1\r\nHost: outer\r\nCookie: a=b\r\nX-Forwarded-For: 1.2.3.4\r\n\r\n",
    );
    assert_eq!(response.get("x-frame-options"), Some("DENY"));
    let head = response.text();
    assert!(head.starts_with("GET /v2/x/y?q=1 HTTP/1.1\r\n"), "{head}");
    for (line, count) in [
        ("\r\nhost: inner\r\n", 1),
        ("\r\nx-forwarded-for: 127.0.0.1\r\n", 1),
        ("\r\nx-v: v2\r\n", 1),
        ("\r\nx-rest: x/y", 1),
    ] {
        assert_eq!(head.matches(line).count(), count, "{line:?} in {head}");
    }
    let lower = head.to_ascii_lowercase();
    assert!(
        !lower.contains("cookie") && !lower.contains("outer\r\nx-"),
        "{head}"
    );
    assert_eq!(lower.matches("x-forwarded-for").count(), 1);
    let head = get(address, "/old/a/b?c").text();
    assert!(head.starts_with("GET /new/a/b?c HTTP/1.1\r\n"), "{head}");
}

#[test]
fn redirects_and_replies_need_no_server_and_keep_the_connection() {
    let it = Configured::start(&format!(
        r#"{LISTENER}
        [[route]]
        path = "/old/*"
        redirect = {{ to = "https://{{host}}/new/{{rest}}{{query}}", status = 301 }}
        [[route]]
        path = "/{{name}}"
        respond = {{ status = 418, body = "hello\n", content_type = "text/plain" }}
        "#
    ));
    let mut client = Client::connect(it.gateway.address());
    for _ in 0..3 {
        let response = client
            .send("GET /old//evil.com?x HTTP/1.1\r\nHost: a:80\r\n\r\n")
            .response();
        assert_eq!(response.status(), 301);
        assert_eq!(response.get("location"), Some("https://a/new//evil.com?x"));
        let response = client
            .send("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n12345")
            .response();
        assert_eq!(
            (response.status(), response.text().as_str()),
            (418, "hello\n")
        );
    }
    client.send("HEAD /x HTTP/1.1\r\nHost: a\r\n\r\nGET /x HTTP/1.1\r\nHost: a\r\n\r\n");
    let head = client.head().expect("a head");
    assert_eq!(head.get("content-length"), Some("6"));
    assert_eq!(client.response().status(), 418, "nothing followed the head");
}

#[test]
fn a_split_and_a_mirror_get_their_shares() {
    let main = Origin::answering(|_| ok("main"));
    let next = Origin::answering(|_| ok("next"));
    let shadow = Origin::answering(|_| ok("shadow"));
    let it = Configured::start(&format!(
        r#"{LISTENER}
        [[route]]
        upstream = [{{ name = "main", weight = 3 }}, {{ name = "next", weight = 1 }}]
        mirror = "shadow"
        [upstream.main]
        servers = ["{}"]
        [upstream.next]
        servers = ["{}"]
        [upstream.shadow]
        servers = ["{}"]
        "#,
        main.name(),
        next.name(),
        shadow.name()
    ));
    let mut client = Client::connect(it.gateway.address());
    let mut answers: HashMap<String, u32> = HashMap::new();
    for _ in 0..400 {
        let text = client
            .send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi")
            .response()
            .text();
        *answers.entry(text).or_default() += 1;
    }
    assert_eq!(answers.len(), 2, "{answers:?}");
    assert!((60..=140).contains(&answers["next"]), "{answers:?}");
    tenfold_testkit::wait_until(
        || shadow.requests() == 400,
        || format!("{} copies", shadow.requests()),
    );
}

#[test]
fn a_sticky_client_stays_and_a_hashed_one_too() {
    let origins =
        [0, 1, 2].map(|index| Origin::answering(move |_| ok(["zero", "one", "two"][index])));
    let servers = origins
        .iter()
        .map(|it| format!("\"{}\"", it.name()))
        .collect::<Vec<_>>()
        .join(",");
    let it = Configured::start(&format!(
        r#"{LISTENER}
        [[route]]
        path = "/sticky"
        upstream = "sticky"
        [[route]]
        upstream = "hashed"
        [upstream.sticky]
        servers = [{servers}]
        balance = "round_robin"
        sticky = {{ cookie = "server" }}
        [upstream.hashed]
        servers = [{servers}]
        balance = "maglev"
        hash = "header:x-user"
        "#
    ));
    let address = it.gateway.address();
    let first = get(address, "/sticky");
    let cookie = first.get("set-cookie").expect("a cookie").to_owned();
    assert!(
        cookie.contains("HttpOnly") && !cookie.contains("127.0.0.1"),
        "{cookie}"
    );
    let pair = cookie.split(';').next().expect("a pair");
    for _ in 0..10 {
        let request = format!("GET /sticky HTTP/1.1\r\nHost: a\r\nCookie: x=y; {pair}\r\n\r\n");
        let again = client::ask(address, request);
        assert_eq!(again.text(), first.text());
        assert_eq!(again.get("set-cookie"), None);
    }
    let ask = |user: u32| {
        let request = format!("GET / HTTP/1.1\r\nHost: a\r\nX-User: {user}\r\n\r\n");
        client::ask(address, request).text()
    };
    let users: Vec<_> = (0..40).map(|user| (user, ask(user))).collect();
    assert!(users.iter().all(|(user, server)| ask(*user) == *server));
    let distinct: std::collections::HashSet<_> = users.iter().map(|(_, it)| it).collect();
    assert_eq!(distinct.len(), 3);
}

#[test]
fn limits_hold_per_route() {
    let origin = Origin::answering(|_| {
        std::thread::sleep(std::time::Duration::from_millis(1500));
        ok("late")
    });
    let it = Configured::start(&format!(
        r#"{LISTENER}
        [[route]]
        path = "/quick"
        upstream = "a"
        timeout = "200ms"
        [[route]]
        upstream = "a"
        max_body = "10"
        [upstream.a]
        servers = ["{}"]
        "#,
        origin.name()
    ));
    let address = it.gateway.address();
    assert_eq!(get(address, "/quick").status(), 504);
    let large = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n12345678901";
    assert_eq!(client::ask(address, large).status(), 413);
}
