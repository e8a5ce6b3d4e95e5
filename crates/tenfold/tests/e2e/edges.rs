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

/// Accepts an upgrade, says a word, and ends.
fn upgrading(peer: &mut Peer) -> std::io::Result<()> {
    while peer.request()?.is_some() {
        peer.send("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\nX-Secret: s\r\n\r\n")?;
    }
    Ok(())
}

const UPGRADE: &str =
    "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

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
        "{LISTENER}[[route]]\nbody_timeout = \"2s\"\nrespond = {{ body_file = \"{}\" }}\n",
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

#[test]
fn a_folder_without_its_slash_keeps_its_query_and_its_place() {
    let folder = tempfile::tempdir().expect("a folder");
    let docs = folder.path().join("docs");
    std::fs::create_dir(&docs).expect("a folder");
    std::fs::create_dir(folder.path().join("none")).expect("a folder");
    for index in [folder.path().join("index.html"), docs.join("index.html")] {
        std::fs::write(index, "index").expect("written");
    }
    let it = Configured::start(&format!(
        "{LISTENER}[[route]]\npath = \"/static/*\"\nstrip = \"/static\"\nfiles = \"{0}\"\n\
         [[route]]\npath = \"/app\"\nrewrite = \"/\"\nfiles = \"{0}\"\n",
        folder.path().display()
    ));
    let address = it.gateway.address();
    for (path, status, location) in [
        ("/static/docs?a=1&b=%20", 301, Some("./docs/?a=1&b=%20")),
        ("/static/docs", 301, Some("./docs/")),
        ("/static?x", 301, Some("./static/?x")),
        ("/static/", 200, None),
        ("/static/docs/?x", 200, None),
        ("/app", 200, None),
        ("/static/none", 404, None),
    ] {
        let answer = get(address, path);
        assert_eq!(
            (answer.status(), answer.get("location")),
            (status, location),
            "{path}"
        );
    }
}

#[test]
fn files_are_conditional_and_come_in_parts() {
    let folder = tempfile::tempdir().expect("a folder");
    let page = folder.path().join("page.txt");
    std::fs::write(&page, "0123456789").expect("written");
    let old = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    let file = std::fs::File::options().write(true).open(&page);
    file.and_then(|file| file.set_modified(old))
        .expect("a time");
    let it = Configured::start(&format!(
        "{LISTENER}[[route]]\nfiles = \"{}\"\n",
        folder.path().display()
    ));
    let mut client = Client::connect(it.gateway.address());
    let mut ask = |fields: &str| {
        client
            .send(format!("GET /page.txt HTTP/1.1\r\nHost: a\r\n{fields}\r\n"))
            .response()
    };
    let tag = ask("").get("etag").expect("a tag").to_owned();
    for (fields, status, text) in [
        (
            format!("If-None-Match: \"x\"\r\nIf-None-Match: {tag}\r\n"),
            304,
            "",
        ),
        ("If-Match: \"x\"\r\n".to_owned(), 412, "412"),
        (
            format!("If-Match: \"x\"\r\nIf-Match: {tag}\r\n"),
            200,
            "0123456789",
        ),
        (
            "If-Unmodified-Since: Sun, 09 Sep 2001 01:46:39 GMT\r\n".to_owned(),
            412,
            "412",
        ),
        ("Range: bytes=2-3\r\n".to_owned(), 206, "23"),
        ("Range: bytes=-2\r\n".to_owned(), 206, "89"),
        (
            "Range: bytes=0-1\r\nRange: bytes=4-5\r\n".to_owned(),
            200,
            "0123456789",
        ),
        ("Range: bytes=10-\r\n".to_owned(), 416, "416"),
        (
            format!("Range: bytes=2-3\r\nIf-Range: {tag}\r\n"),
            206,
            "23",
        ),
        (
            "Range: bytes=2-3\r\nIf-Range: \"x\"\r\n".to_owned(),
            200,
            "0123456789",
        ),
    ] {
        let answer = ask(&fields);
        assert_eq!(answer.status(), status, "{fields}");
        assert!(
            answer.text().starts_with(text),
            "{fields}: {}",
            answer.text()
        );
    }
    client.send("HEAD /page.txt HTTP/1.1\r\nHost: a\r\nRange: bytes=2-3\r\n\r\n");
    let head = client.head().expect("a head");
    assert_eq!(
        (head.status(), head.get("content-length")),
        (200, Some("10"))
    );
    // Nothing followed the head.
    let again = client
        .send("GET /page.txt HTTP/1.1\r\nHost: a\r\n\r\n")
        .response();
    assert_eq!(again.text(), "0123456789");
}

#[test]
fn a_server_that_speaks_something_else_is_left_out() {
    let good = Origin::saying("good");
    let odd = Origin::answering(|_| b"220 mail.example.com ESMTP\r\n".to_vec());
    let it = Configured::start(&format!(
        "{LISTENER}[[route]]\nupstream = \"a\"\n[upstream.a]\nservers = [\"{}\", \"{}\"]\n",
        good.name(),
        odd.name()
    ));
    let mut failed = 0;
    for _ in 0..200 {
        failed += usize::from(get(it.gateway.address(), "/").status() != 200);
    }
    // Five in a row have it ejected; its penalty keeps the five from coming soon, and most from coming at all.
    assert!(failed <= 20, "{failed} of 200");
}

#[test]
fn the_limit_of_a_requests_head_is_none_of_a_responses() {
    let origin = Origin::answering(|_| {
        let long = "x".repeat(4000);
        format!("HTTP/1.1 200 OK\r\nX-Long: {long}\r\nContent-Length: 2\r\n\r\nhi").into_bytes()
    });
    let it = Configured::start(&format!(
        "{LISTENER}max_head = \"1KiB\"\n[[route]]\nupstream = \"a\"\n[upstream.a]\nservers = [\"{}\"]\n",
        origin.name()
    ));
    assert_eq!(get(it.gateway.address(), "/").text(), "hi");
}

#[test]
fn a_server_whose_bodies_break_is_left_out() {
    let good = Origin::saying("good");
    for broken in [
        // What has come of it is no body at all.
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n",
        // The rest never comes.
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\nConnection: close\r\n\r\nshort",
    ] {
        let odd = Origin::new(move |peer| {
            peer.request()?;
            peer.send(broken)
        });
        let it = Configured::start(&format!(
            "{LISTENER}[[route]]\nupstream = \"a\"\n[upstream.a]\nservers = [\"{}\", \"{}\"]\n",
            good.name(),
            odd.name()
        ));
        let mut failed = 0;
        for _ in 0..200 {
            let mut client = Client::connect(it.gateway.address());
            client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
            let answer = client.try_response();
            failed += usize::from(answer.map_or(true, |answer| answer.status() != 200));
        }
        assert!(failed <= 20, "{failed} of 200: {broken}");
    }
}
