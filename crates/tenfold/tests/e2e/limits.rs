//! Rate limits of one gateway: who is counted by what, how much is allowed, and what those get that are refused.

mod keys;
mod look;
mod several;
mod shared;
mod tiers;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use tenfold_testkit::client::{Client, ask};
use tenfold_testkit::message::Message;
use tenfold_testkit::origin::Origin;

use crate::Configured;

/// A configuration with a limit on a route that needs no server.
pub(crate) fn limited(limit: &str, more: &str) -> String {
    format!(
        "[listener.web]\nlisten = \"127.0.0.1:0\"\n[[route]]\nname = \"all\"\nrespond = \"hello\"\nlimit = \"one\"\n{more}\n\
         [limit.one]\n{limit}\n"
    )
}

pub(crate) fn get(address: SocketAddr, target: &str, fields: &str) -> Message {
    ask(
        address,
        format!("GET {target} HTTP/1.1\r\nHost: shop\r\n{fields}\r\n"),
    )
}

/// How many of so many requests are allowed; all others get 429.
pub(crate) fn allowed(address: SocketAddr, target: &str, fields: &str, count: usize) -> usize {
    let mut client = Client::connect(address);
    let request = format!("GET {target} HTTP/1.1\r\nHost: shop\r\n{fields}\r\n");
    let mut allowed = 0;
    for _ in 0..count {
        match client.send(&request).response().status() {
            200 => allowed += 1,
            status => assert_eq!(status, 429),
        }
    }
    allowed
}

/// What the admin side says.
pub(crate) fn admin(it: &Configured, target: &str) -> String {
    let request = format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    ask(it.gateway.admin(), request).text()
}

/// The value of a metric.
pub(crate) fn metric(it: &Configured, series: &str) -> f64 {
    let text = admin(it, "/metrics");
    let line = text.lines().find_map(|line| line.strip_prefix(series));
    let value = line.unwrap_or_else(|| panic!("no {series} in {text}"));
    value.trim().parse().expect("a number")
}

#[test]
fn a_hundred_connections_get_exactly_the_limit() {
    // With a rate that brings nothing back during the test.
    let it = Configured::start(&limited("rate = \"1/h\"\nburst = 500", ""));
    let address = it.gateway.address();
    let (yes, no) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..100 {
            scope.spawn(|| {
                let mine = allowed(address, "/", "", 20);
                yes.fetch_add(mine, SeqCst);
                no.fetch_add(20 - mine, SeqCst);
            });
        }
    });
    assert_eq!((yes.into_inner(), no.into_inner()), (500, 1500));
    let count = |verdict| {
        let series = format!("tenfold_limit_requests_total{{limit=\"one\",verdict=\"{verdict}\"}}");
        metric(&it, &series)
    };
    assert_eq!(
        (count("allowed"), count("refused"), count("dry_run")),
        (500.0, 1500.0, 0.0)
    );
    assert_eq!(metric(&it, "tenfold_limit_keys{limit=\"one\"}"), 1.0);
    let errors = "tenfold_http_errors_total{kind=\"rate_limited\",blame=\"client\"}";
    assert_eq!(metric(&it, errors), 1500.0);
}

#[test]
fn who_is_refused_is_told_when_to_come_back_and_keeps_the_connection() {
    let it = Configured::start(&limited("rate = \"1/m\"\nburst = 1", ""));
    let mut client = Client::connect(it.gateway.address());
    let request = "GET / HTTP/1.1\r\nHost: shop\r\n\r\n";
    let first = client.send(request).response();
    assert_eq!((first.status(), first.get("ratelimit")), (200, None));
    let refused = client.send(request).response();
    assert_eq!(refused.status(), 429, "{}", refused.head);
    assert_eq!(refused.get("retry-after"), Some("60"));
    assert_eq!(refused.get("ratelimit-policy"), Some("\"one\";q=1;w=60"));
    assert_eq!(refused.get("ratelimit"), Some("\"one\";r=0;t=60"));
    assert_eq!(refused.get("cache-control"), Some("no-store"));
    assert_eq!(refused.get("connection"), None);
    assert!(refused.get("x-request-id").is_some());
    assert!(
        refused
            .text()
            .starts_with("429 Too Many Requests: too many requests")
    );
    let json = "GET / HTTP/1.1\r\nHost: shop\r\nAccept: application/json\r\n\r\n";
    let refused = client.send(json).response();
    assert!(
        refused.text().contains("\"error\":\"rate_limited\""),
        "{}",
        refused.text()
    );
    // A body that comes with it is no next request.
    let post = "POST / HTTP/1.1\r\nHost: shop\r\nContent-Length: 5\r\n\r\nhello";
    assert_eq!(client.send(post).response().status(), 429);
    let head = "HEAD / HTTP/1.1\r\nHost: shop\r\n\r\n";
    client.send(head);
    assert_eq!(client.head().expect("a head").status(), 429);
    assert_eq!(client.send(request).response().status(), 429);
    let old = "GET / HTTP/1.0\r\nHost: shop\r\nConnection: keep-alive\r\n\r\n";
    assert_eq!(
        client.send(old).response().get("connection"),
        Some("keep-alive")
    );
    let last = "GET / HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n";
    assert_eq!(
        client.send(last).response().get("connection"),
        Some("close")
    );
}

#[test]
fn a_server_sees_nothing_of_what_is_refused_and_no_cache_answers_it() {
    let origin = Origin::answering(|_| {
        b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 2\r\n\r\nok".to_vec()
    });
    let it = Configured::start(&format!(
        "[listener.web]\nlisten = \"127.0.0.1:0\"\n[[route]]\nupstream = \"app\"\ncache = \"pages\"\nlimit = \"one\"\n\
         [upstream.app]\nservers = [\"{}\"]\n[cache.pages]\n[limit.one]\nrate = \"1/h\"\nburst = 3\nheaders = \"always\"\n",
        origin.name()
    ));
    let address = it.gateway.address();
    let answers: Vec<_> = (0..5).map(|_| get(address, "/a", "")).collect();
    let told: Vec<_> = answers.iter().map(|it| it.get("ratelimit")).collect();
    assert_eq!(told[0], Some("\"one\";r=2;t=3600"), "{}", answers[0].head);
    assert_eq!(told[1], Some("\"one\";r=1;t=7200"), "a hit tells as well");
    assert!(
        answers[1]
            .get("cache-status")
            .is_some_and(|it| it.contains("hit"))
    );
    assert!(
        answers[3].get("cache-status").is_none(),
        "{}",
        answers[3].head
    );
    let statuses: Vec<_> = answers.iter().map(Message::status).collect();
    assert_eq!(statuses, [200, 200, 200, 429, 429]);
    assert_eq!(origin.requests(), 1);
}

#[test]
fn a_dry_run_counts_and_refuses_nobody() {
    let it = Configured::start(&limited("rate = \"1/h\"\nburst = 2\ndry_run = true", ""));
    assert_eq!(allowed(it.gateway.address(), "/", "", 10), 10);
    let count = |verdict| {
        let series = format!("tenfold_limit_requests_total{{limit=\"one\",verdict=\"{verdict}\"}}");
        metric(&it, &series)
    };
    assert_eq!(
        (count("allowed"), count("refused"), count("dry_run")),
        (2.0, 0.0, 8.0)
    );
}

#[test]
fn a_reload_goes_on_with_the_counts_of_what_is_unchanged() {
    let one = "rate = \"1/h\"\nburst = 5";
    let it = Configured::start(&limited(one, ""));
    let address = it.gateway.address();
    assert_eq!(allowed(address, "/", "", 3), 3);
    let other = "[[route]]\npath = \"/b\"\nrespond = \"b\"\nlimit = \"two\"\n[limit.two]\nrate = \"1/h\"\nburst = 1";
    let answer = it.reload(&limited(one, other));
    assert_eq!(answer.status(), 200, "{}", answer.text());
    assert!(
        answer.text().contains("limit two added"),
        "{}",
        answer.text()
    );
    assert_eq!(allowed(address, "/", "", 5), 2);
    let answer = it.reload(&limited("rate = \"1/h\"\nburst = 6", ""));
    assert!(
        answer.text().contains("limit one: settings changed"),
        "{}",
        answer.text()
    );
    assert_eq!(allowed(address, "/", "", 10), 6);
}

#[test]
fn a_flood_of_clients_stays_within_max_keys() {
    let limit = "key = \"header:x-client\"\nrate = \"1/h\"\nburst = 3\nmax_keys = 1000";
    let it = Configured::start(&limited(limit, ""));
    let address = it.gateway.address();
    assert_eq!(allowed(address, "/", "X-Client: greedy\r\n", 5), 3);
    let mut client = Client::connect(address);
    for number in 0..5000 {
        let request = format!("GET / HTTP/1.1\r\nHost: shop\r\nX-Client: {number}\r\n\r\n");
        assert_eq!(client.send(request).response().status(), 200);
    }
    assert!(metric(&it, "tenfold_limit_keys{limit=\"one\"}") <= 1000.0);
    assert!(metric(&it, "tenfold_limit_keys_forgotten_total{limit=\"one\"}") >= 4000.0);
    assert_eq!(
        allowed(address, "/", "X-Client: greedy\r\n", 1),
        0,
        "who floods the table does not come back with a full bucket"
    );
}
