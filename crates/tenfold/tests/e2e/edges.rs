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
