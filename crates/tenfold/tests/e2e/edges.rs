//! Requests that somebody would send to get past a route, or that a route's own edits make odd.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use tenfold_testkit::client::{self, Client, get};
use tenfold_testkit::origin::{Origin, Peer};

use crate::Configured;

const LISTENER: &str = "[listener.web]\nlisten = \"127.0.0.1:0\"\n";

/// One route to one upstream `a`, with further keys of both.
fn one_route(origin: &Origin, route: &str, upstream: &str) -> Configured {
    Configured::start(&format!(
        "{LISTENER}[[route]]\nupstream = \"a\"\n{route}\n[upstream.a]\nservers = [\"{}\"]\n{upstream}\n",
        origin.name()
    ))
}

/// Everything that is answered until the server closes or resets.
fn raw(it: &Configured, request: &str) -> String {
    let mut stream = TcpStream::connect(it.gateway.address()).expect("somebody listens");
    stream.write_all(request.as_bytes()).expect("sent");
    let _already_closed = stream.shutdown(Shutdown::Write);
    let mut answer = Vec::new();
    let _reset = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn an_identifier_that_a_route_takes_out_is_not_looked_for_elsewhere() {
    let origin = Origin::new(|_| Ok(()));
    let bare = r#"request_headers = { remove = ["x-request-id", "traceparent", "via", "forwarded", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host"] }"#;
    let it = one_route(&origin, bare, "");
    for id in ["b".repeat(128), "b".repeat(20)] {
        let request = format!(
            "GET /x HTTP/1.1\r\nHost: a\r\nX-Evil: yes\r\nX-Request-Id: {id}\r\nConnection: close\r\n\r\n"
        );
        let answer = raw(&it, &request);
        assert!(answer.starts_with("HTTP/1.1 502 "), "{answer:?}");
        assert!(!answer.contains("GET /x"), "{answer:?}");
    }
}

#[test]
fn a_field_that_a_route_vouches_for_cannot_be_spelled_otherwise() {
    let origin = Origin::mirror();
    let edits = r#"request_headers = { set = { x-user-id = "nobody" }, remove = ["x-is-admin"] }"#;
    let it = one_route(&origin, edits, "");
    let seen = client::ask(
        it.gateway.address(),
        "GET / HTTP/1.1\r\nHost: a\r\nX_User-Id: root\r\nX-User_ID: root\r\nX_Is_Admin: 1\r\nX_Other: kept\r\n\r\n",
    )
    .text()
    .to_ascii_lowercase();
    assert!(seen.contains("x-user-id: nobody"), "{seen}");
    assert!(!seen.contains("root") && !seen.contains("admin"), "{seen}");
    assert!(seen.contains("x_other: kept"), "{seen}");
}

#[test]
fn dot_segments_that_only_some_servers_see_are_refused() {
    let origin = Origin::saying("x");
    let it = Configured::start(&format!(
        "{LISTENER}[[route]]\npath = \"/public/*\"\nupstream = \"a\"\n[[route]]\npath = \"/admin/*\"\n\
         respond = {{ status = 403 }}\n[upstream.a]\nservers = [\"{}\"]\n",
        origin.name()
    ));
    let address = it.gateway.address();
    for path in [
        "/public/..%2fadmin/x",
        "/public/%2e%2e%2Fadmin/x",
        "/public/..%5cadmin/x",
        "/public/..\\admin/x",
        "/public/..;/admin/x",
        "/public/.%2e;a=b/admin/x",
    ] {
        assert_eq!(get(address, path).status(), 400, "{path}");
    }
    assert_eq!(origin.requests(), 0);
    for path in [
        "/public/a%2Fb",
        "/public/a%2F.b",
        "/public/a;b=..",
        "/public/..a%2F",
        "/public/x?../%2f..",
    ] {
        assert_eq!(get(address, path).status(), 200, "{path}");
    }
}

#[test]
fn conditions_do_not_believe_what_a_stranger_says_about_itself() {
    let routes = r#"
        [[route]]
        header = { x-real-ip = "10.0.0.1" }
        respond = { body = "inside" }
        [[route]]
        respond = { body = "outside" }
        "#;
    let request = "GET / HTTP/1.1\r\nHost: a\r\nX-Real-IP: 10.0.0.1\r\n\r\n";
    let trusting = "trusted_proxies = [\"127.0.0.0/8\"]\n";
    for (trusted, wanted) in [("", "outside"), (trusting, "inside")] {
        let it = Configured::start(&format!("{LISTENER}{trusted}{routes}"));
        let answer = client::ask(it.gateway.address(), request);
        assert_eq!(answer.text(), wanted);
    }
}

#[test]
fn a_redirect_and_its_fields_know_the_identifier() {
    let it = Configured::start(&format!(
        r#"{LISTENER}
        [[route]]
        redirect = "/login?request={{request_id}}"
        response_headers = {{ set = {{ x-request-id = "{{request_id}}" }} }}
        "#
    ));
    let address = it.gateway.address();
    let answer = client::ask(
        address,
        "GET / HTTP/1.1\r\nHost: a\r\nX-Request-Id: abc-1\r\n\r\n",
    );
    assert_eq!(answer.get("location"), Some("/login?request=abc-1"));
    assert_eq!(answer.get("x-request-id"), Some("abc-1"));
    let made = get(address, "/");
    let id = made.get("x-request-id").expect("one is made").to_owned();
    assert_eq!(id.len(), 32);
    assert_eq!(made.get("location"), Some(&*format!("/login?request={id}")));
}

#[test]
fn an_upgraded_connection_is_sticky_and_edited_too() {
    let origin = Origin::new(upgrading);
    let edits = r#"response_headers = { set = { x-by = "us" }, remove = ["x-secret"] }"#;
    let it = one_route(&origin, edits, "sticky = { cookie = \"server\" }");
    let mut client = Client::connect(it.gateway.address());
    let head = client.send(UPGRADE).head().expect("a head");
    assert_eq!(
        (head.status(), head.get("connection"), head.get("upgrade")),
        (101, Some("Upgrade"), Some("websocket"))
    );
    assert_eq!((head.get("x-by"), head.get("x-secret")), (Some("us"), None));
    let cookie = head.get("set-cookie").expect("a cookie");
    assert!(cookie.starts_with("server="), "{cookie}");
}

#[test]
fn an_upgrade_is_not_mirrored() {
    let (origin, shadow) = (Origin::new(upgrading), Origin::new(upgrading));
    let it = Configured::start(&format!(
        "{LISTENER}[[route]]\nupstream = \"a\"\nmirror = \"b\"\n[upstream.a]\nservers = [\"{}\"]\n[upstream.b]\nservers = [\"{}\"]\n",
        origin.name(),
        shadow.name()
    ));
    for _ in 0..4 {
        let head = Client::connect(it.gateway.address()).send(UPGRADE).head();
        assert_eq!(head.expect("a head").status(), 101);
    }
    it.gateway
        .wait_for_metric("tenfold_mirror_skipped_total", "", 4.0);
    assert_eq!(shadow.requests(), 0);
}

#[test]
fn a_large_answer_may_take_longer_than_the_time_without_progress() {
    let folder = tempfile::tempdir().expect("a folder");
    let body = folder.path().join("large");
    // More than the sockets between two processes hold.
    std::fs::write(&body, vec![b'x'; 15 << 20]).expect("written");
    let it = Configured::start(&format!(
        "{LISTENER}[[route]]\nbody_timeout = \"500ms\"\nrespond = {{ body_file = \"{}\" }}\n",
        body.display()
    ));
    let mut client = Client::connect(it.gateway.address());
    let head = client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").head();
    assert_eq!(head.expect("a head").status(), 200);
    for _ in 0..15 {
        assert_eq!(client.bytes(1 << 20).expect("all of it").len(), 1 << 20);
        std::thread::sleep(Duration::from_millis(200));
    }
}
