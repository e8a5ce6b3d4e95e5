//! Servers that do what no server should.

use std::io::Read;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use tenfold_load::scenario::{Step, Template};
use tenfold_load::test::Protocol;
use tenfold_testkit::origin::{Origin, ok};
use tokio::net::TcpListener as Listener;

use super::http2::{serve_http2, server};
use super::{done, errors, rate, scenario, test, users};

#[test]
fn an_answer_without_an_end_is_a_timeout() {
    let endless: [(&str, &str); 3] = [
        ("", "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            "5\r\nhello\r\n",
        ),
        ("HTTP/1.1 200 OK\r\n\r\n", "and so on "),
    ];
    for (begin, more) in endless {
        let more = more.repeat(1000);
        let origin = Origin::new(move |peer| {
            if peer.request()?.is_some() {
                peer.send(begin)?;
                loop {
                    peer.send(&more)?;
                }
            }
            Ok(())
        });
        let mut test = test(origin.address(), vec![rate(10.0, 0.3)]);
        test.target.timeout = Duration::from_millis(300);
        let begun = Instant::now();
        let results = done(test);
        assert_eq!(errors(&results), [("timeout", 3)], "{:?}", results.errors);
        assert!(begun.elapsed() < Duration::from_secs(4));
    }
}

#[test]
fn an_endless_head_is_no_http() {
    let origin = Origin::new(|peer| {
        if peer.request()?.is_some() {
            peer.send("HTTP/1.1 200 OK\r\n")?;
            loop {
                peer.send("X-More: and more\r\n".repeat(100))?;
            }
        }
        Ok(())
    });
    let results = done(test(origin.address(), vec![rate(10.0, 0.3)]));
    assert_eq!(errors(&results), [("protocol", 3)], "{:?}", results.errors);
}

#[test]
fn answers_without_a_body_leave_the_connection_usable() {
    for (method, answer) in [
        ("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n"),
        (
            "GET",
            "HTTP/1.1 304 Not Modified\r\nContent-Length: 5000\r\n\r\n",
        ),
        ("GET", "HTTP/1.1 204 No Content\r\n\r\n"),
    ] {
        let origin = Origin::answering(move |_| answer.as_bytes().to_vec());
        let mut test = test(origin.address(), vec![rate(20.0, 0.5)]);
        test.scenarios = vec![scenario("none", vec![Step::new(method, "/")])];
        let results = done(test);
        let counts = (results.total.done, results.total.failed);
        assert_eq!(counts, (10, 0), "{answer:?} {:?}", results.errors);
        assert_eq!(origin.connections(), 2, "{answer:?}");
    }
}

#[test]
fn what_comes_behind_an_answer_is_not_taken_for_the_next_one() {
    let origin = Origin::new(|peer| {
        while peer.request()?.is_some() {
            let evil = "HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n";
            peer.send(format!("{}{evil}", String::from_utf8_lossy(&ok("fine"))))?;
        }
        Ok(())
    });
    let results = done(test(origin.address(), vec![rate(20.0, 0.5)]));
    assert_eq!(results.total.failed, 0, "{:?}", results.errors);
    assert_eq!(results.total.statuses.len(), 1);
    assert_eq!(origin.connections(), 11, "none is used twice");
}

/// The end of a connection inside a head is a failure of the server, also on a connection that was used before.
#[test]
fn an_answer_that_was_begun_is_not_asked_for_again() {
    let origin = Origin::new(|peer| {
        if peer.request()?.is_some() {
            peer.send(ok("whole"))?;
        }
        if peer.request()?.is_some() {
            peer.send("HTTP/1.1 200 OK\r\nContent-Len")?;
        }
        Ok(())
    });
    let results = done(test(origin.address(), vec![rate(20.0, 1.0)]));
    assert_eq!((results.total.done, results.total.failed), (20, 10));
    assert_eq!(errors(&results), [("closed", 10)], "{:?}", results.errors);
    assert_eq!(origin.requests(), 20, "each was sent once");
}

/// A body that neither side's buffers hold: whoever writes all of it before he reads waits for a server that waits for him.
#[test]
fn a_body_that_comes_back_while_it_is_sent_is_no_deadlock() {
    const SIZE: usize = 24 << 20;
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            std::thread::spawn(move || echo(stream.expect("a connection"), SIZE));
        }
    });
    let mut step = Step::new("PUT", "/");
    step.request.body = Template::constant(&"x".repeat(SIZE));
    let mut test = test(address, vec![rate(2.0, 0.5)]);
    test.scenarios = vec![scenario("echo", vec![step])];
    let results = done(test);
    let counts = (results.total.done, results.total.failed);
    assert_eq!(counts, (1, 0), "{:?}", results.errors);
    assert!(results.total.received_bytes > SIZE as u64);
}

/// Sends back what it receives, piece by piece.
fn echo(mut stream: std::net::TcpStream, size: usize) {
    use std::io::Write;
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            _ => return,
        }
    }
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n");
    let mut sent = stream.write_all(answer.as_bytes());
    let (mut left, mut piece) = (size, vec![0; 1 << 16]);
    while left > 0 && sent.is_ok() {
        let count = stream.read(&mut piece).unwrap_or(0);
        sent = stream.write_all(&piece[..count]);
        left -= count.min(left);
        if count == 0 {
            return;
        }
    }
    // Until the client leaves.
    let _gone = stream.read(&mut byte);
}

/// It says no, and neither reads on nor closes.
#[test]
fn a_body_that_is_refused_before_it_was_sent_is_answered() {
    let origin = Origin::new(|peer| {
        peer.head()?;
        peer.send("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")?;
        std::thread::sleep(Duration::from_secs(8));
        Ok(())
    });
    let mut step = Step::new("PUT", "/");
    step.request.body = Template::constant(&"x".repeat(24 << 20));
    let mut test = test(origin.address(), vec![rate(2.0, 0.5)]);
    test.scenarios = vec![scenario("large", vec![step])];
    let results = done(test);
    assert_eq!(errors(&results), [("status", 1)], "{:?}", results.errors);
    assert_eq!(results.total.statuses[&413], 1);
}

/// Its first connection of the test says nothing from the second request on, and stays open: as when the machine behind it is gone.
#[test]
fn an_http2_connection_that_fell_silent_is_not_shared_any_longer() {
    let connections = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&connections);
    let address = server(move |listener: Listener| async move {
        loop {
            let (stream, _) = listener.accept().await.expect("a connection");
            if count.fetch_add(1, SeqCst) == 1 {
                tokio::spawn(async move {
                    let mut silent = h2::server::handshake(stream).await.expect("HTTP/2");
                    let mut held = Vec::new();
                    while let Some(request) = silent.accept().await {
                        held.push(request);
                    }
                });
            } else {
                tokio::spawn(serve_http2(stream));
            }
        }
    });
    let mut test = test(address, vec![users(5, 2.0)]);
    test.target.protocol = Protocol::Http2;
    test.target.timeout = Duration::from_millis(400);
    let results = done(test);
    assert_eq!(errors(&results), [("timeout", 5)], "{:?}", results.errors);
    assert!(results.total.done > 50, "{}", results.total.done);
}

/// A server that is told to leave: it takes nothing new, and still answers a slow request. Nobody is to notice.
#[test]
fn a_goaway_fails_nobody() {
    let connections = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&connections);
    let address = server(move |listener: Listener| async move {
        loop {
            let (stream, _) = listener.accept().await.expect("a connection");
            count.fetch_add(1, SeqCst);
            tokio::spawn(async move {
                let Ok(mut connection) = h2::server::handshake(stream).await else {
                    return;
                };
                let mut requests = 0;
                while let Some(Ok((_, mut respond))) = connection.accept().await {
                    requests += 1;
                    if requests == 20 {
                        connection.graceful_shutdown();
                    }
                    let is_slow = requests == 5;
                    tokio::spawn(async move {
                        if is_slow {
                            tokio::time::sleep(Duration::from_millis(400)).await;
                        }
                        let response = http::Response::new(());
                        let _client_gone = respond.send_response(response, true);
                    });
                }
            });
        }
    });
    let mut test = test(address, vec![rate(100.0, 2.0)]);
    test.target.protocol = Protocol::Http2;
    // What must not be repeated unless it was not begun.
    test.scenarios = vec![scenario("post", vec![Step::new("POST", "/")])];
    let results = done(test);
    let counts = (results.total.done, results.total.failed);
    assert_eq!(counts, (200, 0), "{:?}", results.errors);
    assert!(connections.load(SeqCst) > 5, "{}", connections.load(SeqCst));
}
