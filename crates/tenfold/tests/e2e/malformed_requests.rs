//! Requests that two parsers might understand differently: refused, and never seen by a server.

use tenfold_testkit::client::Client;
use tenfold_testkit::origin::Origin;

use crate::gateway;

/// Name, bytes, status. `{long}` stands for 70,000 letters, `{fields}` for 101 fields.
const TABLE: &[(&str, &str, u16)] = &[
    // Framing.
    (
        "length and coding",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    (
        "coding and length",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        400,
    ),
    (
        "differing lengths",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
        400,
    ),
    (
        "list of lengths",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\nhello",
        400,
    ),
    (
        "signed length",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nhello",
        400,
    ),
    (
        "negative length",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\nhello",
        400,
    ),
    (
        "hexadecimal length",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x5\r\n\r\nhello",
        400,
    ),
    (
        "length with a space",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5 5\r\n\r\nhello",
        400,
    ),
    (
        "empty length",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\nhello",
        400,
    ),
    (
        "length above 2^64",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551621\r\n\r\nhello",
        400,
    ),
    (
        "unknown coding",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        501,
    ),
    (
        "unknown coding alone",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        501,
    ),
    (
        "identity coding",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n",
        501,
    ),
    (
        "coding repeated in a list",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    (
        "coding repeated in fields",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    (
        "chunked not last",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
        400,
    ),
    (
        "empty coding",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n\r\n",
        400,
    ),
    (
        "coding with a vertical tab",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    (
        "coding in HTTP/1.0",
        "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    // Field lines.
    (
        "space before the colon",
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length : 5\r\n\r\nhello",
        400,
    ),
    (
        "folded line",
        "GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n",
        400,
    ),
    (
        "folded first line",
        "GET / HTTP/1.1\r\n Host: a\r\n\r\n",
        400,
    ),
    (
        "no colon",
        "GET / HTTP/1.1\r\nHost: a\r\nNonsense\r\n\r\n",
        400,
    ),
    (
        "empty name",
        "GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n",
        400,
    ),
    (
        "name with a space",
        "GET / HTTP/1.1\r\nHost: a\r\nA b: c\r\n\r\n",
        400,
    ),
    (
        "name with a bracket",
        "GET / HTTP/1.1\r\nHost: a\r\nA[b]: c\r\n\r\n",
        400,
    ),
    (
        "name above ASCII",
        "GET / HTTP/1.1\r\nHost: a\r\nN\u{e4}me: c\r\n\r\n",
        400,
    ),
    (
        "NUL in a value",
        "GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n",
        400,
    ),
    (
        "control byte in a value",
        "GET / HTTP/1.1\r\nHost: a\r\nX: a\x08b\r\n\r\n",
        400,
    ),
    (
        "DEL in a value",
        "GET / HTTP/1.1\r\nHost: a\r\nX: a\x7fb\r\n\r\n",
        400,
    ),
    (
        "bare CR in a value",
        "GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n",
        400,
    ),
    ("bare CR as a line end", "GET / HTTP/1.1\rHost: a\r\r", 400),
    ("bare LF as a line end", "GET / HTTP/1.1\nHost: a\n\n", 400),
    (
        "bare LF behind a field",
        "GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n",
        400,
    ),
    ("bare LF at the end", "GET / HTTP/1.1\r\nHost: a\r\n\n", 400),
    (
        "CR CR LF",
        "GET / HTTP/1.1\r\nHost: a\r\nX: a\r\r\n\r\n",
        400,
    ),
    // Host.
    ("no Host", "GET / HTTP/1.1\r\n\r\n", 400),
    (
        "two Hosts",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
        400,
    ),
    (
        "two Hosts in HTTP/1.0",
        "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n",
        400,
    ),
    ("empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", 400),
    (
        "Host with user information",
        "GET / HTTP/1.1\r\nHost: user@a\r\n\r\n",
        400,
    ),
    (
        "Host with a path",
        "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
        400,
    ),
    (
        "Host with a space",
        "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
        400,
    ),
    (
        "Host with a comma list of names",
        "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n",
        400,
    ),
    (
        "Host with a bad port",
        "GET / HTTP/1.1\r\nHost: a:80x\r\n\r\n",
        400,
    ),
    (
        "Host with a port above 65535",
        "GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n",
        400,
    ),
    (
        "Host with a broken IPv6 address",
        "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n",
        400,
    ),
    // Request line.
    ("empty method", " / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    (
        "method with a bracket",
        "G[ET / HTTP/1.1\r\nHost: a\r\n\r\n",
        400,
    ),
    ("two spaces", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("tab for a space", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    (
        "space in the target",
        "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n",
        400,
    ),
    (
        "control byte in the target",
        "GET /a\x01b HTTP/1.1\r\nHost: a\r\n\r\n",
        400,
    ),
    (
        "fragment in the target",
        "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n",
        400,
    ),
    (
        "target above ASCII",
        "GET /\u{e4} HTTP/1.1\r\nHost: a\r\n\r\n",
        400,
    ),
    (
        "target without a slash",
        "GET a HTTP/1.1\r\nHost: a\r\n\r\n",
        400,
    ),
    (
        "star without OPTIONS",
        "GET * HTTP/1.1\r\nHost: a\r\n\r\n",
        400,
    ),
    (
        "absolute target with user information",
        "GET http://u:p@a/ HTTP/1.1\r\nHost: a\r\n\r\n",
        400,
    ),
    (
        "absolute target of another scheme",
        "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n",
        400,
    ),
    (
        "absolute target without a host",
        "GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n",
        400,
    ),
    ("no version", "GET /\r\nHost: a\r\n\r\n", 400),
    (
        "nonsense for a version",
        "GET / HTTX/1.1\r\nHost: a\r\n\r\n",
        400,
    ),
    (
        "lower-case version",
        "GET / http/1.1\r\nHost: a\r\n\r\n",
        400,
    ),
    ("version 1.2", "GET / HTTP/1.2\r\nHost: a\r\n\r\n", 505),
    ("version 2.0", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
    (
        "HTTP/2 with prior knowledge",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        505,
    ),
    (
        "space behind the version",
        "GET / HTTP/1.1 \r\nHost: a\r\n\r\n",
        400,
    ),
    ("TLS on a plain port", "\x16\x03\x01\x02\0\x01\0\x01", 400),
    (
        "CONNECT",
        "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n",
        501,
    ),
    ("TRACE", "TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", 501),
    // Sizes.
    (
        "long target",
        "GET /{long} HTTP/1.1\r\nHost: a\r\n\r\n",
        414,
    ),
    (
        "long field",
        "GET / HTTP/1.1\r\nHost: a\r\nX: {long}\r\n\r\n",
        431,
    ),
    (
        "long field name",
        "GET / HTTP/1.1\r\nHost: a\r\n{long}: x\r\n\r\n",
        431,
    ),
    (
        "many fields",
        "GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n",
        431,
    ),
    // Expectations.
    (
        "unknown expectation",
        "GET / HTTP/1.1\r\nHost: a\r\nExpect: miracles\r\n\r\n",
        417,
    ),
    // Chunks that are malformed from the first byte on.
    (
        "chunk size with a sign",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n+5\r\nhello\r\n0\r\n\r\n",
        400,
    ),
    (
        "chunk size in 0x form",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n",
        400,
    ),
    (
        "chunk size with a space",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5 \r\nhello\r\n0\r\n\r\n",
        400,
    ),
    (
        "chunk size too long",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n00000000000000005\r\nhello\r\n0\r\n\r\n",
        400,
    ),
    (
        "chunk size with a bare LF",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n",
        400,
    ),
    (
        "bare LF in a chunk extension",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;a\nhello\r\n0\r\n\r\n",
        400,
    ),
    (
        "chunk longer than it says",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhellox\r\n0\r\n\r\n",
        400,
    ),
    (
        "trailer that changes the framing",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 5\r\n\r\n",
        400,
    ),
    (
        "folded trailer",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\n c\r\n\r\n",
        400,
    ),
];

fn expand(bytes: &str) -> Vec<u8> {
    let fields: String = (0..100).map(|at| format!("F{at}: x\r\n")).collect();
    bytes
        .replace("{long}", &"x".repeat(70_000))
        .replace("{fields}", &fields)
        .into_bytes()
}

#[test]
fn each_is_refused_and_reaches_no_server() {
    let origin = Origin::saying("must not be seen");
    let gateway = gateway(&[&origin], &[]);
    let mut wrong = Vec::new();
    for (name, bytes, status) in TABLE {
        let mut client = Client::connect(gateway.address());
        // A refusal may come before the last byte was sent.
        let _refused_early = client.try_send(expand(bytes));
        let response = match client.try_response() {
            Ok(response) => response,
            Err(error) => {
                wrong.push(format!("{name}: no response ({error})"));
                continue;
            }
        };
        if response.status() != *status || response.get("connection") != Some("close") {
            wrong.push(format!("{name}: {} instead of {status}", response.head));
        }
        if !client.is_closed() {
            wrong.push(format!("{name}: the connection stays open"));
        }
        if origin.requests() > 0 || origin.connections() > 1 {
            // One connection is the start's own look whether the server is up.
            wrong.push(format!("{name}: reached the server"));
            break;
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        TABLE.len(),
        wrong.join("\n")
    );
}

#[test]
fn a_request_behind_a_refused_one_is_not_answered() {
    let origin = Origin::saying("must not be seen");
    let gateway = gateway(&[&origin], &[]);
    let mut client = Client::connect(gateway.address());
    client.send(
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n\
         GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n",
    );
    assert_eq!(client.response().status(), 400);
    assert!(client.is_closed());
    assert_eq!(origin.requests(), 0);
}

/// A bad chunk behind good ones: the server must see a request that is cut short, never one that is complete.
#[test]
fn a_chunk_that_breaks_late_never_becomes_a_whole_request() {
    let origin = Origin::new(|peer| {
        let Some(mut message) = peer.head()? else {
            return Ok(());
        };
        let result = peer.body(&mut message);
        assert!(result.is_err(), "a broken body arrived whole");
        Ok(())
    });
    let gateway = gateway(&[&origin], &[]);
    for bad in [
        "5;x\nhello\r\n",
        "zz\r\n",
        "5\r\nhelloXX0\r\n\r\n",
        "0\r\nHost: b\r\n\r\n",
    ] {
        let mut client = Client::connect(gateway.address());
        client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
        std::thread::sleep(std::time::Duration::from_millis(50));
        client.send(bad);
        assert_eq!(client.response().status(), 400, "{bad:?}");
        assert!(client.is_closed());
    }
    gateway.wait_for_metric("tenfold_http_errors_total", "blame=\"client\"", 4.0);
}
