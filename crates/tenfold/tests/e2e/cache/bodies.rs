//! Bodies of all kinds: without a length, for old clients, too large, cut short.

use std::io::Read as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use tenfold_testkit::client::{self, Client};
use tenfold_testkit::origin::Origin;
use tenfold_testkit::wait_until;

use super::{Gate, cached, get, is_hit, response, said};
use crate::gateway;

#[test]
fn bodies_without_a_length_are_stored_and_get_one() {
    let origin = Origin::new(|peer| {
        while let Some(request) = peer.request()? {
            let head = "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\n";
            if request.head.contains("/chunked") {
                peer.send(format!(
                    "{head}Transfer-Encoding: chunked\r\n\r\n3\r\ntea\r\n"
                ))?;
                std::thread::sleep(Duration::from_millis(30));
                peer.send("5;x=y\r\n time\r\n0\r\nX-Trailer: 1\r\n\r\n")?;
            } else {
                peer.send(format!("{head}\r\ntea"))?;
                std::thread::sleep(Duration::from_millis(30));
                peer.send(" time")?;
                return Ok(());
            }
        }
        Ok(())
    });
    let gateway = cached(&origin);
    for target in ["/chunked", "/close"] {
        let first = get(&gateway, target, "");
        assert_eq!(first.text(), "tea time", "{target}");
        // The last byte may reach the client before the response is stored.
        let is_stored = || is_hit(&get(&gateway, target, ""));
        wait_until(is_stored, || format!("{target} is not stored"));
        let second = get(&gateway, target, "");
        assert_eq!(
            (second.text(), second.get("content-length")),
            ("tea time".to_owned(), Some("8"))
        );
        assert_eq!(second.get("transfer-encoding"), None);
    }
}

#[test]
fn old_clients_get_whole_bodies_cold_and_warm() {
    let origin = Origin::new(|peer| {
        while peer.request()?.is_some() {
            peer.send("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nTransfer-Encoding: chunked\r\n\r\n3\r\ntea\r\n")?;
            std::thread::sleep(Duration::from_millis(30));
            peer.send("5\r\n time\r\n0\r\n\r\n")?;
        }
        Ok(())
    });
    let gateway = cached(&origin);
    let ask = || {
        client::ask(
            gateway.address(),
            "GET / HTTP/1.0\r\nHost: shop.example\r\n\r\n",
        )
    };
    let first = ask();
    assert_eq!(
        (first.text(), first.get("transfer-encoding")),
        ("tea time".to_owned(), None)
    );
    wait_until(|| is_hit(&ask()), || "it is not stored");
    assert_eq!(ask().text(), "tea time");
    let mut kept = Client::connect(gateway.address());
    for _ in 0..3 {
        kept.send("GET / HTTP/1.0\r\nHost: shop.example\r\nConnection: keep-alive\r\n\r\n");
        assert_eq!(kept.response().text(), "tea time");
    }
    assert_eq!(origin.requests(), 1);
}

#[test]
fn empty_bodies_and_statuses_without_one() {
    let origin = Origin::answering(|request| {
        if request.head.contains("/204") {
            return b"HTTP/1.1 204 No Content\r\nCache-Control: max-age=60\r\n\r\n".to_vec();
        }
        if request.head.contains("/404") {
            return b"HTTP/1.1 404 Not Found\r\nCache-Control: max-age=60\r\nContent-Length: 4\r\n\r\nnone".to_vec();
        }
        response("Cache-Control: max-age=60\r\n", "")
    });
    let gateway = cached(&origin);
    for (target, status, body) in [
        ("/204", 204, ""),
        ("/404", 404, "none"),
        ("/empty", 200, ""),
    ] {
        for is_second in [false, true] {
            let answer = get(&gateway, target, "");
            assert_eq!(
                (answer.status(), &*answer.text()),
                (status, body),
                "{target}"
            );
            assert_eq!(is_hit(&answer), is_second, "{target} {}", answer.head);
        }
    }
}

#[test]
fn a_server_that_dies_in_the_middle_cuts_the_body_short_and_leaves_nothing() {
    let asked = AtomicUsize::new(0);
    let origin = Origin::new(move |peer| {
        while let Some(request) = peer.request()? {
            let framing = match request.head.contains("/chunked") {
                true => "Transfer-Encoding: chunked\r\n\r\n5\r\nhalf \r\n",
                false => "Content-Length: 9\r\n\r\nhalf ",
            };
            peer.send(format!(
                "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\n{framing}"
            ))?;
            std::thread::sleep(Duration::from_millis(30));
            if asked.fetch_add(1, SeqCst).is_multiple_of(2) {
                peer.reset();
                return Ok(());
            }
            peer.send(match request.head.contains("/chunked") {
                true => "4\r\nmore\r\n0\r\n\r\n",
                false => "more",
            })?;
        }
        Ok(())
    });
    let gateway = cached(&origin);
    for target in ["/chunked", "/length"] {
        let mut client = Client::connect(gateway.address());
        client.send(format!(
            "GET {target} HTTP/1.1\r\nHost: shop.example\r\n\r\n"
        ));
        assert!(
            client.try_response().is_err(),
            "{target}: it must not look whole"
        );
        let again = get(&gateway, target, "");
        assert_eq!(
            (again.status(), again.text()),
            (200, "half more".to_owned()),
            "{target}"
        );
        assert!(!is_hit(&again), "{target}: half of it was stored");
        wait_until(
            || is_hit(&get(&gateway, target, "")),
            || "the whole is not stored",
        );
    }
}

#[test]
fn a_leader_that_goes_away_takes_nobody_along() {
    let gate = Arc::new(Gate::default());
    let at_gate = Arc::clone(&gate);
    let origin = Origin::answering(move |_| {
        at_gate.pass();
        response("Cache-Control: max-age=60\r\n", "tea")
    });
    let gateway = cached(&origin);
    let mut leader = Client::connect(gateway.address());
    leader.send("GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n");
    wait_until(|| origin.requests() == 1, || "no request");
    std::thread::scope(|scope| {
        let others: Vec<_> = (0..5)
            .map(|_| scope.spawn(|| get(&gateway, "/", "")))
            .collect();
        gateway.wait_for_metric("http_server_active_requests", "", 6.0);
        drop(leader);
        std::thread::sleep(Duration::from_millis(100));
        gate.open();
        for other in others {
            let answer = other.join().expect("an answer");
            assert_eq!((answer.status(), answer.text()), (200, "tea".to_owned()));
        }
    });
    assert!(origin.requests() <= 2, "{} fetches", origin.requests());
    assert!(is_hit(&get(&gateway, "/", "")));
}

#[test]
fn a_leader_that_goes_away_in_the_middle_leaves_the_whole() {
    let gate = Arc::new(Gate::default());
    let at_gate = Arc::clone(&gate);
    let origin = Origin::new(move |peer| {
        while peer.request()?.is_some() {
            peer.send(
                "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 8\r\n\r\ntea ",
            )?;
            at_gate.pass();
            peer.send("time")?;
        }
        Ok(())
    });
    let gateway = cached(&origin);
    let mut leader = Client::connect(gateway.address());
    leader.send("GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n");
    assert_eq!(leader.head().expect("a head").status(), 200);
    assert_eq!(
        leader.bytes(4).expect("half"),
        b"tea ",
        "what is there is sent on"
    );
    drop(leader);
    let mut second = Client::connect(gateway.address());
    second.send("GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n");
    let head = second.head().expect("a head");
    assert_eq!(
        said(&head),
        "tenfold; fwd=uri-miss; collapsed",
        "{}",
        head.head
    );
    assert_eq!(second.bytes(4).expect("half"), b"tea ");
    gate.open();
    assert_eq!(second.bytes(4).expect("the rest"), b"time");
    wait_until(|| is_hit(&get(&gateway, "/", "")), || "it is not stored");
    assert_eq!(origin.requests(), 1);
}

/// What the origin sends of a large body at a time.
const PIECE: usize = 1 << 20;

/// Chunked bodies of as many MiB as the target says.
fn large() -> Origin {
    Origin::new(|peer| {
        while let Some(request) = peer.request()? {
            let target = request
                .start_line()
                .split(' ')
                .nth(1)
                .unwrap_or_default()
                .to_owned();
            let count: usize = target[1..].parse().unwrap_or(1);
            let framing = match request.get("x-length") {
                Some(_) => format!("Content-Length: {}\r\n", count * PIECE),
                None => "Transfer-Encoding: chunked\r\n".to_owned(),
            };
            peer.send(format!(
                "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\n{framing}\r\n"
            ))?;
            for number in 0..count {
                let piece = vec![number as u8; PIECE];
                match request.get("x-length") {
                    Some(_) => peer.send(piece)?,
                    None => {
                        peer.send(format!("{PIECE:x}\r\n"))?;
                        peer.send(piece)?;
                        peer.send("\r\n")?;
                    }
                }
            }
            if request.get("x-length").is_none() {
                peer.send("0\r\n\r\n")?;
            }
        }
        Ok(())
    })
}

#[test]
fn what_is_larger_than_the_cache_takes_is_streamed_and_not_stored() {
    let origin = large();
    let gateway = gateway(&[&origin], &["--cache=8MiB"]);
    // By their length known to be too large for any object, and found out to be (64 MiB); too large for this memory.
    for (megabytes, fields) in [
        (65_usize, "X-Length: 1\r\n"),
        (66, ""),
        (12, ""),
        (13, "X-Length: 1\r\n"),
    ] {
        let before = origin.requests();
        for _ in 0..2 {
            let answer = get(&gateway, &format!("/{megabytes}"), fields);
            assert_eq!(
                (answer.status(), answer.body.len()),
                (200, megabytes * PIECE)
            );
            let is_right =
                |(number, piece): (usize, &[u8])| piece.iter().all(|byte| *byte == number as u8);
            assert!(
                answer.body.chunks(PIECE).enumerate().all(is_right),
                "{megabytes} MiB {fields}"
            );
        }
        assert_eq!(origin.requests() - before, 2, "{megabytes} MiB {fields}");
    }
    assert!(gateway.metric("tenfold_cache_bytes", "") <= 8.0 * 1_048_576.0);
}

#[test]
fn a_slow_reader_of_something_too_large_keeps_memory_bounded() {
    let origin = large();
    let gateway = gateway(&[&origin], &["--cache=64MiB", "--workers", "1"]);
    let mut client = Client::connect(gateway.address());
    client.send("GET /200 HTTP/1.1\r\nHost: shop.example\r\n\r\n");
    assert_eq!(client.head().expect("a head").status(), 200);
    // With the framing there are more than these.
    let mut left = 200 * PIECE - client.ahead().len();
    let (mut buffer, mut most) = (vec![0; 256 << 10], 0);
    while left > 0 {
        let read = client.stream().read(&mut buffer).expect("more");
        assert!(read > 0, "{left} bytes are missing");
        left = left.saturating_sub(read);
        most = most.max(gateway.resident_kib());
        std::thread::sleep(Duration::from_millis(2));
    }
    // All of the first 64 MiB may have been kept, in case that this was all, and then no more than a window.
    assert!(most < 140 << 10, "{most} KiB");
}
