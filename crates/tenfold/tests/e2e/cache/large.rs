//! Bodies that turn out to be larger than the cache takes, and those who read them.

use std::io::Read as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use tenfold_testkit::client::Client;
use tenfold_testkit::origin::{Origin, Peer};

use super::{Gate, get, said};
use crate::Configured;

const HEAD: &str =
    "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nTransfer-Encoding: chunked\r\n\r\n";

/// A cache that takes bodies of 64 KiB.
fn configured(origin: &Origin, route: &str) -> Configured {
    Configured::start(&format!(
        "[listener.web]\nlisten = \"127.0.0.1:0\"\n[[route]]\nname = \"all\"\nupstream = \"app\"\ncache = \"pages\"\n\
         {route}\n[upstream.app]\nservers = [\"{}\"]\n[cache.pages]\nmax_object = \"64KiB\"\n",
        origin.name()
    ))
}

/// Sends so many chunks of 64 KiB.
fn send(peer: &mut Peer, count: usize) -> std::io::Result<()> {
    let mut chunk = b"10000\r\n".to_vec();
    chunk.resize(chunk.len() + 0x10000, b'x');
    chunk.extend_from_slice(b"\r\n");
    (0..count).try_for_each(|_| peer.send(&chunk))
}

#[test]
fn one_that_is_there_at_once_arrives_whole() {
    let origin = Origin::new(|peer| {
        while peer.request()?.is_some() {
            let mut all = HEAD.as_bytes().to_vec();
            all.extend_from_slice(b"20000\r\n");
            all.resize(all.len() + 0x20000, b'x');
            all.extend_from_slice(b"\r\n0\r\n\r\n");
            peer.send(all)?;
            // The next request finds all of it in the gateway's socket.
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    });
    let it = configured(&origin, "");
    for number in 0..5 {
        let answer = get(&it.gateway, &format!("/{number}"), "");
        assert_eq!((answer.status(), answer.body.len()), (200, 0x20000));
    }
}

#[test]
fn who_comes_too_late_for_its_beginning_asks_for_itself() {
    let gate = Arc::new(Gate::default());
    let (at_gate, asked) = (Arc::clone(&gate), AtomicUsize::new(0));
    let origin = Origin::new(move |peer| {
        while peer.request()?.is_some() {
            let is_first = asked.fetch_add(1, SeqCst) == 0;
            peer.send(HEAD)?;
            send(peer, 16)?;
            if is_first {
                at_gate.pass();
            }
            send(peer, 16)?;
            peer.send("0\r\n\r\n")?;
        }
        Ok(())
    });
    let it = configured(&origin, "");
    let mut first = Client::connect(it.gateway.address());
    first.send("GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n");
    assert_eq!(first.head().expect("a head").status(), 200);
    let _half = first.bytes(16 << 16).expect("the first half");
    let second = Client::connect(it.gateway.address())
        .send("GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n")
        .try_response();
    let second = second.expect("an answer");
    assert_eq!((second.status(), second.body.len()), (200, 32 << 16));
    assert!(!said(&second).contains("collapsed"), "{}", second.head);
    gate.open();
    let _rest = first.bytes(16 << 16).expect("the second half");
    assert_eq!(origin.requests(), 2);
}

/// Sends a chunk of a body, waits for the gate, and sends 20 MiB more.
fn in_two_parts(gate: &Arc<Gate>) -> Origin {
    let gate = Arc::clone(gate);
    Origin::new(move |peer| {
        while peer.request()?.is_some() {
            peer.send(HEAD)?;
            send(peer, 1)?;
            gate.pass();
            send(peer, 319)?;
            peer.send("0\r\n\r\n")?;
        }
        Ok(())
    })
}

/// Asks, and reads the head.
fn begin(it: &Configured) -> Client {
    let mut client = Client::connect(it.gateway.address());
    client.send("GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n");
    assert_eq!(client.head().expect("a head").status(), 200);
    client
}

/// Reads a chunked body to its end, and returns its bytes, framing included.
fn rest(client: &mut Client) -> usize {
    let mut read = client.ahead();
    let mut buffer = vec![0; 256 << 10];
    let (mut total, mut end) = (read.len(), Vec::new());
    loop {
        end.extend_from_slice(&read);
        end.drain(..end.len().saturating_sub(5));
        if end == b"0\r\n\r\n" {
            return total;
        }
        let count = client.stream().read(&mut buffer).expect("more");
        assert!(count > 0, "it was cut short after {total} bytes");
        total += count;
        read = buffer[..count].to_vec();
    }
}

#[test]
fn one_that_does_not_read_takes_it_from_nobody_else() {
    let gate = Arc::new(Gate::default());
    let origin = in_two_parts(&gate);
    let it = configured(&origin, "body_timeout = \"1s\"");
    let _stuck = begin(&it);
    let mut other = begin(&it);
    gate.open();
    assert!(rest(&mut other) > 320 << 16);
    assert_eq!(origin.requests(), 1, "they had it together");
}

#[test]
fn one_that_reads_a_little_now_and_then_holds_nobody_up_for_long() {
    let gate = Arc::new(Gate::default());
    let origin = in_two_parts(&gate);
    let it = configured(&origin, "");
    let (mut slow, mut other) = (begin(&it), begin(&it));
    gate.open();
    std::thread::scope(|scope| {
        let other = scope.spawn(move || rest(&mut other));
        // Far too slow for the other one's patience, and never without progress for long.
        let (mut buffer, mut read) = ([0; 16 << 10], 0);
        while !other.is_finished() {
            read += slow.stream().read(&mut buffer).unwrap_or(0);
            std::thread::sleep(Duration::from_millis(200));
        }
        assert!(other.join().expect("the whole body") > 320 << 16);
        assert!(read < 8 << 20, "it was waited for: {read} bytes");
    });
    assert_eq!(origin.requests(), 1, "they had it together");
}

#[test]
fn a_part_of_it_is_a_part() {
    let origin = Origin::answering(|request| {
        match request.get("range") {
        Some(_) => b"HTTP/1.1 206 Partial Content\r\nCache-Control: max-age=60\r\nContent-Range: bytes 0-2/1000000\r\nContent-Length: 3\r\n\r\nxxx".to_vec(),
        None => super::response("Cache-Control: max-age=60\r\n", &"x".repeat(1_000_000)),
    }
    });
    let it = configured(&origin, "");
    for _ in 0..2 {
        let part = get(&it.gateway, "/", "Range: bytes=0-2\r\n");
        assert_eq!((part.status(), part.text()), (206, "xxx".to_owned()));
    }
}

#[test]
fn what_is_larger_than_memory_has_its_place_on_disk() {
    let origin = Origin::answering(|_| {
        super::response("Cache-Control: max-age=60\r\n", &"x".repeat(3 << 20))
    });
    let folder = tempfile::tempdir().expect("a folder");
    let it = Configured::start(&format!(
        "[listener.web]\nlisten = \"127.0.0.1:0\"\n[[route]]\nname = \"all\"\nupstream = \"app\"\ncache = \"pages\"\n\
         [upstream.app]\nservers = [\"{}\"]\n[cache.pages]\nmemory = \"1MiB\"\nmax_object = \"4MiB\"\n\
         disk = {{ path = \"{}/cache\", size = \"64MiB\" }}\n",
        origin.name(),
        folder.path().display()
    ));
    let _stored = get(&it.gateway, "/", "");
    tenfold_testkit::wait_until(
        || super::is_hit(&get(&it.gateway, "/", "")),
        || "it is not stored",
    );
}

#[test]
fn what_memory_cannot_hold_in_one_piece_is_not_taken_in_at_all() {
    let origin = Origin::answering(|_| {
        super::response("Cache-Control: max-age=60\r\n", &"x".repeat(6 << 20))
    });
    // Divided among at least four parts.
    let gateway = crate::gateway(&[&origin], &["--cache=16MiB"]);
    let answer = get(&gateway, "/", "");
    assert_eq!(answer.body.len(), 6 << 20);
    assert_eq!(
        said(&answer),
        "tenfold; fwd=uri-miss; fwd-status=200; detail=too-large"
    );
}
