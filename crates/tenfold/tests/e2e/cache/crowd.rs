//! A thousand clients want the same cold object.

use std::io::Read as _;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tenfold_testkit::client::Client;
use tenfold_testkit::gateway::Gateway;
use tenfold_testkit::origin::Origin;

use super::{Gate, cached, get, is_hit};

const CLIENTS: usize = 1000;
const SIZE: usize = 10 << 20;
/// The origin sends so much at a time, with a pause.
const PIECE: usize = 256 << 10;

/// A prime, so that no piece looks like another one.
const PERIOD: usize = 251;

/// A byte that tells where in the body it stands.
fn byte_at(offset: usize) -> u8 {
    (offset % PERIOD) as u8
}

/// Both ends of all connections of this test are descriptors of this process.
fn raise_descriptor_limit() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    setrlimit(Resource::Nofile, raised).expect("a process may raise its soft limit");
}

/// Reads a body and compares each byte, without keeping it.
fn read_and_compare(stream: &mut TcpStream, already: &[u8], pace: Duration) -> usize {
    let mut buffer = vec![0; 64 << 10];
    // The body repeats itself, so that any part of it can be compared as a whole: byte by byte, ten gigabytes take a minute.
    let pattern: Vec<u8> = (0..buffer.len() + PERIOD).map(byte_at).collect();
    let mut offset = 0;
    let mut compare = |bytes: &[u8]| {
        for bytes in bytes.chunks(64 << 10) {
            let expected = &pattern[offset % PERIOD..][..bytes.len()];
            assert!(
                bytes == expected,
                "another byte than the origin's after {offset}"
            );
            offset += bytes.len();
        }
        offset
    };
    let mut total = compare(already);
    while total < SIZE {
        let read = stream.read(&mut buffer).expect("the gateway sends on");
        assert!(read > 0, "{total} of {SIZE} bytes");
        total = compare(&buffer[..read]);
        std::thread::sleep(pace);
    }
    total
}

fn client(gateway: &Gateway, pace: Duration) {
    let mut client = Client::connect(gateway.address());
    // Everybody reads from here on, on a machine that is busy with a thousand threads.
    let patience = Some(Duration::from_secs(120));
    client
        .stream()
        .set_read_timeout(patience)
        .expect("a socket");
    client.send("GET /cold HTTP/1.1\r\nHost: shop.example\r\n\r\n");
    let head = client.head().expect("a head");
    assert_eq!(head.status(), 200);
    assert_eq!(head.get("content-length"), Some(&*SIZE.to_string()));
    let ahead = client.ahead();
    read_and_compare(client.stream(), &ahead, pace);
}

#[test]
fn a_thousand_clients_of_a_cold_object_cost_one_fetch_and_one_copy() {
    raise_descriptor_limit();
    let gate = Arc::new(Gate::default());
    let (at_gate, fetches) = (Arc::clone(&gate), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&fetches);
    let origin = Origin::new(move |peer| {
        while let Some(request) = peer.request()? {
            if !request.head.contains("/cold") {
                peer.send(super::response("Cache-Control: no-store\r\n", "warm"))?;
                continue;
            }
            counted.fetch_add(1, SeqCst);
            at_gate.pass();
            peer.send(format!(
                "HTTP/1.1 200 OK\r\nCache-Control: max-age=600\r\nContent-Length: {SIZE}\r\n\r\n"
            ))?;
            let body: Vec<u8> = (0..SIZE).map(byte_at).collect();
            for piece in body.chunks(PIECE) {
                peer.send(piece)?;
                std::thread::sleep(Duration::from_millis(10));
            }
        }
        Ok(())
    });
    let gateway = cached(&origin);
    let _warm = get(&gateway, "/warm", "");
    let before = gateway.resident_kib();
    let mut most = 0;
    std::thread::scope(|scope| {
        for number in 0..CLIENTS {
            let gateway = &gateway;
            // The first one is slow; nobody else waits for it.
            let pace = Duration::from_millis(if number == 0 { 5 } else { 0 });
            std::thread::Builder::new()
                .stack_size(256 << 10)
                .spawn_scoped(scope, move || client(gateway, pace))
                .expect("a thread");
        }
        gateway.wait_for_metric("http_server_active_requests", "", CLIENTS as f64);
        gate.open();
        while gateway.metric("http_server_active_requests", "") > 0.5 {
            most = most.max(gateway.resident_kib());
            std::thread::sleep(Duration::from_millis(50));
        }
    });
    let grown = most.saturating_sub(before) >> 10;
    assert!(
        grown < 64,
        "the gateway grew by {grown} MiB for a body of 10 MiB"
    );
    assert_eq!(fetches.load(SeqCst), 1, "fetches");
    assert!(is_hit(&get(&gateway, "/cold", "")));
    let collapsed = gateway.metric("tenfold_cache_requests_total", "result=\"collapsed\"");
    assert!(collapsed as usize >= CLIENTS - 1, "{collapsed} waited");
}
