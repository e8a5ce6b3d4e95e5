//! HTTP/1.1: what is sent, and what may come back.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tenfold_load::scenario::{Step, Template};
use tenfold_testkit::origin::{Origin, ok};

use super::{done, errors, rate, scenario, test, tried, users};

#[test]
fn requests_are_what_was_asked_for() {
    let origin = Origin::answering(|request| {
        assert!(
            request.head.starts_with("PUT /a?b=c HTTP/1.1\r\n"),
            "{}",
            request.head
        );
        assert!(
            request.head.contains("\r\nX-Mine: yes")
                && request.head.contains("\r\nContent-Length: 5")
        );
        assert_eq!(request.head.matches("Host: ").count(), 1);
        assert_eq!(request.body, b"hello");
        ok("thanks")
    });
    let mut step = Step::new("PUT", "/a?b=c");
    step.request
        .fields
        .push(("X-Mine".to_owned(), Template::constant("yes")));
    step.request.body = Template::constant("hello");
    let mut test = test(origin.address(), vec![rate(50.0, 0.5)]);
    test.scenarios = vec![scenario("put", vec![step])];
    let results = done(test);
    assert_eq!(
        (results.total.done, results.total.failed),
        (25, 0),
        "{:?}",
        results.errors
    );
    assert_eq!(results.total.statuses[&200], 25);
    // One to see that it is there, and one that is used again and again; more if the machine has no time and an arrival finds it in use.
    let connections = origin.connections();
    assert!((2..15).contains(&connections), "{connections}");
}

#[test]
fn answers_of_every_framing_are_read_to_their_end() {
    let turn = AtomicUsize::new(0);
    let origin = Origin::new(move |peer| {
        while let Some(_request) = peer.request()? {
            match turn.fetch_add(1, Ordering::Relaxed) % 5 {
                0 => peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX: y\r\n\r\n")?,
                1 => peer.send("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n")?,
                2 => {
                    peer.send("HTTP/1.1 200 OK\r\n\r\nuntil the end")?;
                    return Ok(());
                }
                3 => {
                    peer.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", 300_000))?;
                    for _ in 0..3 {
                        peer.send(vec![b'x'; 100_000])?;
                    }
                }
                _ => peer.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")?,
            }
        }
        Ok(())
    });
    let results = done(test(origin.address(), vec![users(1, 0.5)]));
    assert_eq!(results.total.failed, 0, "{:?}", results.errors);
    assert!(results.total.done > 10);
    let bytes = results.total.received_bytes as f64 / results.total.done as f64;
    assert!(bytes > 50_000.0, "{bytes}");
}

#[test]
fn a_connection_that_was_closed_while_it_idled_is_no_failure() {
    let origin = Origin::new(|peer| {
        if peer.request()?.is_some() {
            peer.send(ok("once"))?;
        }
        // And it closes, without saying so.
        Ok(())
    });
    let results = done(test(origin.address(), vec![rate(40.0, 1.0)]));
    assert_eq!(
        (results.total.done, results.total.failed),
        (40, 0),
        "{:?}",
        results.errors
    );
}

#[test]
fn what_is_no_answer_is_a_failure_of_its_kind() {
    let cases: [(&str, &str); 5] = [
        ("", "closed"),
        ("HTTP/1.1 200 OK\r\nContent-Len", "closed"),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
            "closed",
        ),
        ("SSH-2.0-OpenSSH_9.2\r\n\r\n", "protocol"),
        (
            "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n",
            "status",
        ),
    ];
    for (answer, kind) in cases {
        let origin = Origin::new(move |peer| {
            if peer.request()?.is_some() {
                peer.send(answer)?;
            }
            Ok(())
        });
        let results = done(test(origin.address(), vec![rate(20.0, 0.5)]));
        assert_eq!(
            errors(&results),
            [(kind, 10)],
            "{answer:?}: {:?}",
            results.errors
        );
        assert_eq!(results.total.failed, 10);
        assert_eq!(results.errors[0].step, "get / GET /");
    }
}

#[test]
fn a_server_that_does_not_answer_is_a_timeout_and_its_connection_is_not_used_again() {
    let origin = Origin::new(|peer| {
        while let Some(request) = peer.request()? {
            if request.head.starts_with("GET /slow") {
                // Until the client leaves.
                peer.to_end()?;
            }
            peer.send(ok("quick"))?;
        }
        Ok(())
    });
    let mut test = test(origin.address(), vec![rate(20.0, 1.0)]);
    let mut slow = Step::new("GET", "/slow");
    slow.timeout = Some(Duration::from_millis(200));
    slow.on_failure = tenfold_load::scenario::OnFailure::Continue;
    test.scenarios = vec![scenario("both", vec![slow, Step::new("GET", "/quick")])];
    let results = done(test);
    let [slow, quick] = results.steps.as_slice() else {
        panic!("two steps")
    };
    assert_eq!((slow.totals.done, slow.totals.failed), (20, 20));
    // Those whose first step ended after the last phase have no second one.
    assert!(quick.totals.done >= 15, "{}", quick.totals.done);
    assert_eq!(quick.totals.failed, 0, "{:?}", results.errors);
    assert!(slow.totals.latency.min() >= Some(Duration::from_millis(199)));
    assert!(
        results.errors[0].message.contains("0.2 s"),
        "{:?}",
        results.errors
    );
}

#[test]
fn a_target_that_is_not_there_is_said_before_the_test() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let gone = listener.local_addr().expect("an address");
    drop(listener);
    let error = tried(test(gone, vec![rate(1.0, 60.0)])).expect_err("nobody listens");
    assert!(error.message.contains("connection refused"), "{error}");
    let mut nowhere = test(gone, vec![rate(1.0, 60.0)]);
    nowhere.target.host = "nowhere.invalid".to_owned();
    let error = tried(nowhere).expect_err("no such name");
    assert!(
        error.message.contains("nowhere.invalid has no address"),
        "{error}"
    );
}

#[test]
fn a_server_that_goes_away_fails_requests_and_does_not_end_the_test() {
    let origin = Origin::saying("here");
    let mut test = test(origin.address(), vec![users(2, 1.5)]);
    test.scenarios[0].steps[0].think =
        tenfold_load::scenario::Think::Constant(Duration::from_millis(5));
    std::thread::scope(|scope| {
        let results = scope.spawn(|| done(test));
        std::thread::sleep(Duration::from_millis(700));
        origin.kill();
        let results = results.join().expect("no panic");
        assert!(results.total.failed > 0 && results.total.failed < results.total.done);
        assert!(
            results
                .errors
                .iter()
                .any(|error| error.kind.name() == "connect"),
            "{:?}",
            results.errors
        );
        // Whoever cannot connect waits a little: 2 users for 0.8 s at 100 ms.
        assert!(results.total.failed < 40, "{}", results.total.failed);
    });
}
