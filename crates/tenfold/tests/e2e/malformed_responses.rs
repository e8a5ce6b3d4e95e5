//! The same strictness towards what a server answers: 502, and the connection is not used again.

use tenfold_testkit::client;
use tenfold_testkit::origin::Origin;

use crate::gateway;

const TABLE: &[(&str, &str)] = &[
    (
        "length and coding",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ),
    (
        "differing lengths",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
    ),
    (
        "malformed length",
        "HTTP/1.1 200 OK\r\nContent-Length: 5a\r\n\r\nhello",
    ),
    (
        "unknown coding",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
    ),
    (
        "repeated coding",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ),
    (
        "coding in HTTP/1.0",
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ),
    (
        "folded line",
        "HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n",
    ),
    (
        "space before the colon",
        "HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n",
    ),
    ("bare LF", "HTTP/1.1 200 OK\nContent-Length: 0\n\n"),
    (
        "NUL in a value",
        "HTTP/1.1 200 OK\r\nX: a\0\r\nContent-Length: 0\r\n\r\n",
    ),
    ("bad version", "HTTP/2 200 OK\r\nContent-Length: 0\r\n\r\n"),
    ("bad status", "HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n"),
    (
        "status below 100",
        "HTTP/1.1 099 OK\r\nContent-Length: 0\r\n\r\n",
    ),
    ("not HTTP", "220 mail.example.com ESMTP\r\n\r\n"),
    (
        "unasked upgrade",
        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
    ),
    (
        "bad first chunk",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
    ),
];

#[test]
fn each_is_refused_with_502() {
    let origin = Origin::new(|peer| {
        while let Some(request) = peer.request()? {
            let index: usize = request.start_line()[5..]
                .split(' ')
                .next()
                .unwrap_or("")
                .parse()
                .expect("an index");
            peer.send(TABLE[index].1)?;
        }
        Ok(())
    });
    let gateway = gateway(&[&origin], &[]);
    for (index, (name, _)) in TABLE.iter().enumerate() {
        let response = client::get(gateway.address(), &format!("/{index}"));
        assert_eq!(response.status(), 502, "{name}: {}", response.head);
        assert_eq!(response.get("connection"), Some("close"), "{name}");
    }
    assert_eq!(
        origin.requests(),
        TABLE.len(),
        "an invalid response is not asked for again"
    );
    assert_eq!(
        gateway.metric("tenfold_upstream_connections_reused_total", ""),
        0.0
    );
    gateway.wait_for_metric(
        "tenfold_http_errors_total",
        "blame=\"upstream\"",
        TABLE.len() as f64,
    );
}

#[test]
fn a_head_that_never_ends_is_refused() {
    let origin = Origin::new(|peer| {
        peer.request()?;
        peer.send("HTTP/1.1 200 OK\r\n")?;
        loop {
            peer.send("X: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n")?;
        }
    });
    let gateway = gateway(&[&origin], &[]);
    assert_eq!(client::get(gateway.address(), "/").status(), 502);
}

/// What a server sends behind its response, or before it was asked, must never answer another client.
#[test]
fn bytes_behind_a_response_answer_nobody() {
    let origin = Origin::new(|peer| {
        while peer.request()?.is_some() {
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")?;
        }
        Ok(())
    });
    let gateway = gateway(&[&origin], &[]);
    for _ in 0..5 {
        assert_eq!(client::get(gateway.address(), "/").text(), "ok");
    }
    assert_eq!(
        gateway.metric("tenfold_upstream_connections_reused_total", ""),
        0.0
    );
}
