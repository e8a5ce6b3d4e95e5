//! Bodies: streamed both ways at once, whole or visibly broken, in bounded memory.

use std::io::Write;
use std::time::Duration;

use tenfold_testkit::client::Client;
use tenfold_testkit::origin::{Origin, ok};

use crate::gateway;

fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at * 31 % 251) as u8).collect()
}

#[test]
fn bodies_of_all_sizes_and_framings_arrive_whole() {
    let origin = Origin::new(|peer| {
        while let Some(request) = peer.request()? {
            if request.get("transfer-encoding").is_some() {
                peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")?;
                for part in request.body.chunks(10_000) {
                    peer.send(format!("{:x};ext=1\r\n", part.len()))?;
                    peer.send(part)?;
                    peer.send("\r\n")?;
                }
                peer.send("0\r\nX-Sum: 1\r\n\r\n")?;
            } else {
                peer.send(format!(
                    "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n",
                    request.body.len()
                ))?;
                peer.send(&request.body)?;
            }
        }
        Ok(())
    });
    let gateway = gateway(&[&origin], &[]);
    let mut client = Client::connect(gateway.address());
    for size in [1, 100, 4_096, 8_000, 8_192, 65_536, 70_000, 1_000_000] {
        let body = pattern(size);
        client
            .send(format!(
                "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {size}\r\n\r\n"
            ))
            .send(&body);
        assert!(client.response().body == body, "{size} bytes with a length");

        client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
        for part in body.chunks(33_333) {
            client
                .send(format!("{:X};a=\"b\"\r\n", part.len()))
                .send(part)
                .send("\r\n");
        }
        let response = client.send("0\r\n\r\n").response();
        assert!(response.body == body, "{size} bytes in chunks");
        assert_eq!(response.trailers, "X-Sum: 1\n");
    }
}

#[test]
fn a_body_is_streamed_both_ways_at_once() {
    // The server echoes each chunk before the next one is sent.
    let origin = Origin::new(|peer| {
        peer.head()?;
        peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")?;
        loop {
            let size = peer.bytes(3)?;
            let data = peer.bytes(if size == b"0\r\n" { 2 } else { 3 })?;
            peer.send(&size)?;
            peer.send(&data)?;
            if size == b"0\r\n" {
                return Ok(());
            }
        }
    });
    let gateway = gateway(&[&origin], &[]);
    let mut client = Client::connect(gateway.address());
    client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    assert_eq!(
        client
            .head()
            .expect("the head comes before the body was sent")
            .status(),
        200
    );
    for letter in b'a'..=b'z' {
        let chunk = [b'1', b'\r', b'\n', letter, b'\r', b'\n'];
        client.send(chunk);
        assert_eq!(client.bytes(6).expect("an echo"), chunk);
    }
    client.send("0\r\n\r\n");
    assert_eq!(client.bytes(5).expect("the end"), b"0\r\n\r\n");
}

#[test]
fn a_response_may_come_before_the_request_has_ended() {
    let origin = Origin::new(|peer| {
        if peer.head()?.is_some() {
            peer.send(
                "HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nno!",
            )?;
        }
        Ok(())
    });
    let gateway = gateway(&[&origin], &[]);
    // A large upload: the response arrives although the server reads nothing more.
    let mut client = Client::connect(gateway.address());
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 50000000\r\n\r\n");
    let mut writer = client.stream().try_clone().expect("a second handle");
    let sending = std::thread::spawn(move || {
        let part = pattern(65_536);
        while writer.write_all(&part).is_ok() {}
    });
    let response = client.response();
    assert_eq!((response.status(), response.text()), (413, "no!".into()));
    drop(client);
    sending.join().expect("the upload ends");

    // A small one: what is left of it is read, and the connection goes on.
    let mut client = Client::connect(gateway.address());
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345");
    assert_eq!(client.response().status(), 413);
    assert_eq!(
        client
            .send("67890GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            .response()
            .status(),
        413
    );
}

#[test]
fn a_response_that_breaks_off_is_never_a_whole_one() {
    for head in [
        "Content-Length: 100000\r\n",
        "Transfer-Encoding: chunked\r\n",
    ] {
        for is_reset in [false, true] {
            for is_old in [false, true] {
                let origin = Origin::new(move |peer| {
                    peer.request()?;
                    peer.send(format!("HTTP/1.1 200 OK\r\n{head}\r\n400\r\n"))?;
                    peer.send([b'x'; 500])?;
                    std::thread::sleep(Duration::from_millis(100));
                    if is_reset {
                        peer.reset();
                    }
                    Ok(())
                });
                let gateway = gateway(&[&origin], &[]);
                let version = if is_old { "1.0" } else { "1.1" };
                let mut client = Client::connect(gateway.address());
                client.send(format!("GET / HTTP/{version}\r\nHost: a\r\n\r\n"));
                assert_eq!(client.head().expect("a head").status(), 200);
                let rest = client.to_end();
                let is_visible = match &rest {
                    Err(_) => true,
                    // Without a reset, a length or the missing last chunk has to show it.
                    Ok(rest) => !is_old && !rest.ends_with(b"0\r\n\r\n"),
                };
                assert!(
                    is_visible,
                    "{head} reset {is_reset} version {version}: {rest:?}"
                );
                gateway.wait_for_metric("tenfold_http_errors_total", "upstream_broken", 1.0);
            }
        }
    }
}

#[test]
fn a_slow_reader_holds_back_its_own_server_in_bounded_memory() {
    const SIZE: usize = 64 << 20;
    let origin = Origin::new(|peer| {
        while peer.request()?.is_some() {
            peer.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {SIZE}\r\n\r\n"))?;
            let part = pattern(1 << 20);
            for _ in 0..SIZE >> 20 {
                peer.send(&part)?;
            }
        }
        Ok(())
    });
    let quick = Origin::saying("quick");
    let gateway = gateway(&[&origin], &["--workers", "1"]);
    let before = gateway.resident_kib();
    let mut slow: Vec<Client> = (0..8).map(|_| Client::connect(gateway.address())).collect();
    for client in &mut slow {
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        client.head().expect("a head");
    }
    std::thread::sleep(Duration::from_millis(500));
    let growth = gateway.resident_kib().saturating_sub(before);
    assert!(
        growth < 4 * 1024,
        "8 stalled downloads of 64 MiB take {growth} KiB"
    );
    drop(quick);
    // One of them wakes up and gets everything.
    let mut received = 0;
    while received < SIZE {
        let part = slow[0]
            .bytes((SIZE - received).min(1 << 20))
            .expect("the rest");
        let offset_pattern = pattern(1 << 20);
        assert!(part == offset_pattern[..part.len()], "bytes are in order");
        received += part.len();
    }
}

#[test]
fn an_upload_above_the_limit_is_refused() {
    let origin = Origin::answering(|request| ok(&request.text()));
    let gateway = gateway(&[&origin], &["--max-body", "1000"]);
    let mut client = Client::connect(gateway.address());
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n");
    assert_eq!(client.response().status(), 413);
    let seen = origin.requests();
    let mut client = Client::connect(gateway.address());
    client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3e8\r\n");
    client.send([b'x'; 1000]).send("\r\n1\r\nx\r\n0\r\n\r\n");
    assert_eq!(client.response().status(), 413);
    let mut client = Client::connect(gateway.address());
    client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n");
    client.send([b'x'; 1001]).send("\r\n0\r\n\r\n");
    assert_eq!(client.response().status(), 413);
    assert_eq!(
        seen, 0,
        "an announced length above the limit reaches no server"
    );
    let mut client = Client::connect(gateway.address());
    client
        .send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n")
        .send([b'x'; 1000]);
    assert_eq!(client.response().body.len(), 1000);
}

/// A server that has said yes may go on reading.
#[test]
fn an_upload_goes_on_after_an_early_yes() {
    let (sender, received) = std::sync::mpsc::channel();
    let sender = std::sync::Mutex::new(sender);
    let origin = Origin::new(move |peer| {
        let Some(mut request) = peer.head()? else {
            return Ok(());
        };
        peer.send(ok("early"))?;
        peer.body(&mut request)?;
        let sender = sender.lock().expect("no panic elsewhere");
        sender
            .send(request.body.len())
            .map_err(std::io::Error::other)
    });
    let gateway = gateway(&[&origin], &[]);
    let mut client = Client::connect(gateway.address());
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3000000\r\n\r\n");
    assert_eq!(client.response().text(), "early");
    for _ in 0..30 {
        client.send(pattern(100_000));
    }
    let len = received
        .recv_timeout(tenfold_testkit::PATIENCE)
        .expect("the whole body arrives");
    assert_eq!(len, 3_000_000);
    assert_eq!(
        client
            .send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            .response()
            .text(),
        "early"
    );
}

#[test]
fn a_client_that_gives_up_its_upload_still_gets_the_whole_response() {
    let origin = Origin::new(|peer| {
        peer.head()?;
        peer.send("HTTP/1.1 401 Unauthorized\r\nContent-Length: 10\r\n\r\n12345")?;
        std::thread::sleep(Duration::from_millis(300));
        peer.send("67890")
    });
    let gateway = gateway(&[&origin], &[]);
    let mut client = Client::connect(gateway.address());
    client
        .send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n")
        .send(pattern(5_000));
    assert_eq!(client.head().expect("a head").status(), 401);
    client.finish_sending();
    assert_eq!(client.to_end().expect("a clean end"), b"1234567890");
}

#[test]
fn a_response_reaches_a_client_that_sends_everything_first() {
    let origin = Origin::saying("unused");
    let gateway = gateway(&[&origin], &["--max-body", "1MiB"]);
    for size in [2 << 20, 64 << 20] {
        let mut client = Client::connect(gateway.address());
        client.send(format!(
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {size}\r\n\r\n"
        ));
        client.send(vec![b'x'; size]);
        assert_eq!(client.response().status(), 413, "{size} bytes");
    }
}

#[test]
fn a_large_last_response_is_not_lost_to_what_the_client_sends_behind_its_request() {
    let origin = Origin::new(|peer| {
        peer.request()?;
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n")?;
        peer.send(pattern(3_000_000))
    });
    let gateway = gateway(&[&origin], &[]);
    let mut client = Client::connect(gateway.address());
    client.send("GET /1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    client.head().expect("a head");
    client.send("GET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
    std::thread::sleep(Duration::from_millis(100));
    assert!(client.to_end().expect("no reset") == pattern(3_000_000));
    assert_eq!(origin.requests(), 1);
}

#[test]
fn a_server_never_sees_a_whole_body_that_is_too_large() {
    let origin = Origin::new(|peer| {
        let Some(mut request) = peer.head()? else {
            return Ok(());
        };
        assert!(
            peer.body(&mut request).is_err(),
            "a refused request arrived whole"
        );
        Ok(())
    });
    let gateway = gateway(&[&origin], &["--max-body", "1000"]);
    let mut client = Client::connect(gateway.address());
    client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    std::thread::sleep(Duration::from_millis(100));
    client
        .send("1388\r\n")
        .send(pattern(5_000))
        .send("\r\n0\r\n\r\n");
    assert_eq!(client.response().status(), 413);
}
