//! What a route answers when all else fails.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering::SeqCst};

use tenfold_testkit::client::{ask, get};
use tenfold_testkit::message::Message;
use tenfold_testkit::origin::{Origin, ok};

use crate::{Configured, free_port};

fn config(servers: &str, route: &str, more: &str) -> String {
    format!(
        "[listener.web]\nlisten = \"127.0.0.1:0\"\n[[route]]\nname = \"all\"\nupstream = \"app\"\n{route}\n[upstream.app]\nservers = [\"{servers}\"]\n{more}\n"
    )
}

fn kind(message: &Message) -> Option<&str> {
    message.get("tenfold-fallback")
}

/// Answers with a status that can be changed, and with its name.
fn moody(status: &Arc<AtomicU16>) -> Origin {
    let status = Arc::clone(status);
    Origin::answering(move |_| match status.load(SeqCst) {
        200 => ok("fine"),
        other => format!("HTTP/1.1 {other} X\r\nContent-Length: 3\r\n\r\nbad").into_bytes(),
    })
}

#[test]
fn another_upstream_answers_when_nobody_is_there_and_when_the_answer_is_bad() {
    let status = Arc::new(AtomicU16::new(200));
    let (origin, backup) = (moody(&status), Origin::mirror());
    let more = format!("[upstream.backup]\nservers = [\"{}\"]", backup.name());
    let it = Configured::start(&config(
        &origin.name(),
        "fallback = { upstream = \"backup\" }",
        &more,
    ));
    let address = it.gateway.address();
    let fine = get(address, "/a");
    assert_eq!((fine.text().as_str(), kind(&fine)), ("fine", None));
    status.store(503, SeqCst);
    let other = get(address, "/a");
    assert_eq!((other.status(), kind(&other)), (200, Some("upstream")));
    assert!(
        other.text().starts_with("GET /a HTTP/1.1"),
        "{}",
        other.text()
    );
    // What must not be sent twice is not.
    let post = ask(
        address,
        "POST /a HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\n\r\n",
    );
    assert_eq!((post.status(), kind(&post)), (503, None));
    status.store(404, SeqCst);
    assert_eq!(get(address, "/a").status(), 404, "that is an answer");
    origin.kill();
    let other = get(address, "/b");
    assert_eq!((other.status(), kind(&other)), (200, Some("upstream")));
    // Nothing was sent anywhere, so that this one may go there as well.
    let post = ask(
        address,
        "POST /a HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\n\r\nbody",
    );
    assert_eq!((post.status(), kind(&post)), (200, Some("upstream")));
    assert_eq!(
        it.gateway
            .metric("tenfold_route_fallbacks_total", "kind=\"upstream\""),
        3.0
    );
}

#[test]
fn a_file_answers_when_the_other_upstream_fails_as_well() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let page = folder.path().join("sorry.html");
    std::fs::write(&page, "<p>later</p>").expect("written");
    let route = format!(
        "fallback = [{{ upstream = \"backup\" }}, {{ file = \"{}\", status = 503 }}]",
        page.display()
    );
    let more = format!("[upstream.backup]\nservers = [\"{}\"]", free_port());
    let it = Configured::start(&config(&free_port(), &route, &more));
    let answer = get(it.gateway.address(), "/");
    assert_eq!((answer.status(), kind(&answer)), (503, Some("file")));
    assert_eq!(answer.get("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(answer.text(), "<p>later</p>");
    let post = ask(
        it.gateway.address(),
        "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\n\r\nbody",
    );
    assert_eq!((post.status(), kind(&post)), (503, Some("file")));
    assert_eq!(
        it.gateway
            .metric("tenfold_route_fallbacks_total", "kind=\"file\""),
        2.0
    );
}

#[test]
fn what_is_turned_away_gets_the_file_too() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let page = folder.path().join("busy.json");
    std::fs::write(&page, "{}").expect("written");
    let origin = Origin::new(|peer| {
        while peer.request()?.is_some() {
            std::thread::sleep(std::time::Duration::from_secs(30));
        }
        Ok(())
    });
    let route = format!(
        "fallback = {{ file = \"{}\", status = 200 }}",
        page.display()
    );
    let more = "concurrency = { limit = 1, queue = 0 }";
    let it = Configured::start(&config(&origin.name(), &route, more));
    let address = it.gateway.address();
    let mut inside = tenfold_testkit::client::Client::connect(address);
    inside.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
    tenfold_testkit::wait_until(|| origin.requests() == 1, || "no request came");
    let answer = get(address, "/");
    assert_eq!((answer.status(), kind(&answer)), (200, Some("file")));
    assert_eq!(answer.get("content-type"), Some("application/json"));
}

#[test]
fn stale_content_answers_however_old_unless_it_forbids_that() {
    let status = Arc::new(AtomicU16::new(200));
    let theirs = Arc::clone(&status);
    let origin = Origin::answering(move |request| {
        let control = match request.start_line().contains("/strict") {
            true => "max-age=0, must-revalidate",
            false => "max-age=0",
        };
        match theirs.load(SeqCst) {
            200 => format!("HTTP/1.1 200 OK\r\nETag: \"1\"\r\nCache-Control: {control}\r\nContent-Length: 3\r\n\r\nold").into_bytes(),
            other => format!("HTTP/1.1 {other} X\r\nContent-Length: 3\r\n\r\nbad").into_bytes(),
        }
    });
    let route = "cache = \"pages\"\nfallback = \"stale\"";
    let it = Configured::start(&config(
        &origin.name(),
        route,
        "[cache.pages]\nmemory = \"16MiB\"",
    ));
    let address = it.gateway.address();
    for target in ["/page", "/strict"] {
        assert_eq!(get(address, target).text(), "old");
    }
    status.store(500, SeqCst);
    let answer = get(address, "/page");
    assert_eq!(
        (answer.status(), kind(&answer)),
        (200, Some("stale")),
        "{}",
        answer.head
    );
    assert_eq!(answer.text(), "old");
    assert!(
        answer
            .get("cache-status")
            .is_some_and(|it| it.contains("detail=fallback")),
        "{}",
        answer.head
    );
    assert_eq!(get(address, "/strict").status(), 500);
    assert_eq!(get(address, "/other").status(), 500, "never seen");
    origin.kill();
    let answer = get(address, "/page");
    assert_eq!((answer.status(), kind(&answer)), (200, Some("stale")));
    assert_eq!(get(address, "/strict").status(), 503);
    assert_eq!(
        it.gateway
            .metric("tenfold_route_fallbacks_total", "kind=\"stale\""),
        2.0
    );
}

/// Whoever waits for another upstream, or is told something else, has nothing to do with the first one any more.
#[test]
fn the_place_in_the_first_upstream_is_given_back_before_the_second_is_asked() {
    let bad = Origin::answering(|_| b"HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n".to_vec());
    let is_open = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let theirs = Arc::clone(&is_open);
    let backup = Origin::answering(move |_| {
        while !theirs.load(SeqCst) {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        ok("backup")
    });
    let more = format!(
        "concurrency = {{ limit = 1, queue_timeout = \"60s\" }}\n[upstream.backup]\nservers = [\"{}\"]",
        backup.name()
    );
    let route = "fallback = { upstream = \"backup\" }";
    let it = Configured::start(&config(&bad.name(), route, &more));
    let address = it.gateway.address();
    let waiting = std::thread::spawn(move || get(address, "/").text());
    tenfold_testkit::wait_until(|| backup.requests() == 1, || "the second is not asked");
    it.gateway
        .wait_for_metric("tenfold_upstream_concurrency_in_flight", "app", 0.0);
    is_open.store(true, SeqCst);
    assert_eq!(waiting.join().expect("an answer"), "backup");
}

#[test]
fn who_reads_a_file_slowly_holds_no_place_of_the_upstream_that_failed() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let page = folder.path().join("sorry.html");
    // More than the sockets' buffers take.
    std::fs::write(&page, vec![b'a'; 16 << 20]).expect("written");
    let route = format!("fallback = {{ file = \"{}\" }}", page.display());
    let it = Configured::start(&config(&free_port(), &route, "concurrency = { limit = 1 }"));
    let mut client = tenfold_testkit::client::Client::connect(it.gateway.address());
    client.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
    assert_eq!(kind(&client.head().expect("a head")), Some("file"));
    it.gateway
        .wait_for_metric("tenfold_upstream_concurrency_in_flight", "app", 0.0);
}

#[test]
fn another_upstream_is_not_asked_when_the_time_is_up() {
    let silent = Origin::new(|peer| {
        while peer.request()?.is_some() {}
        Ok(())
    });
    let backup = Origin::saying("backup");
    let more = format!(
        "[[route]]\nname = \"backup\"\npath = \"/backup\"\nupstream = \"backup\"\n[upstream.backup]\nservers = [\"{}\"]",
        backup.name()
    );
    let route = "fallback = { upstream = \"backup\" }\ndeadline = \"150ms\"";
    let it = Configured::start(&config(&silent.name(), route, &more));
    let address = it.gateway.address();
    // Whichever worker it is has a connection to the other upstream, on which a request could be sent in no time.
    for _ in 0..20 {
        assert_eq!(get(address, "/backup").text(), "backup");
    }
    for _ in 0..4 {
        assert_eq!(get(address, "/").status(), 504);
    }
    assert_eq!(backup.requests(), 20, "it was asked for nobody");
}
