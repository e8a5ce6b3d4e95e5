//! What becomes of each kind of answer.

use std::collections::VecDeque;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, UnixListener};

use super::super::exchange;
use super::*;

/// What a server does with a connection.
#[derive(Clone)]
enum Do {
    /// Answers and closes.
    Say(&'static str),
    /// Answers and leaves the connection open.
    SayAndWait(&'static str),
    /// Answers without reading the request, and closes.
    SayAtOnce(&'static str),
    /// Answers, then repeats this for ever.
    Repeat(&'static str, &'static str),
    Close,
}

/// A server that does one after the other, the last one again and again; what it was asked is noted down.
async fn server(script: Vec<Do>) -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let heads = Arc::clone(&asked);
    tokio::spawn(async move {
        let mut script = VecDeque::from(script);
        while let Ok((stream, _)) = listener.accept().await {
            let next = script[0].clone();
            if script.len() > 1 {
                script.pop_front();
            }
            tokio::spawn(serve(stream, next, Arc::clone(&heads)));
        }
    });
    (address, asked)
}

async fn serve<S>(mut stream: S, what: Do, heads: Arc<Mutex<Vec<String>>>)
where
    S: AsyncReadExt + AsyncWriteExt + Unpin,
{
    if !matches!(what, Do::Close | Do::SayAtOnce(_)) {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let Ok(byte) = stream.read_u8().await else {
                return;
            };
            head.push(byte);
        }
        heads.lock().unwrap().push(String::from_utf8(head).unwrap());
    }
    match what {
        Do::Say(text) | Do::SayAtOnce(text) => drop(stream.write_all(text.as_bytes()).await),
        Do::SayAndWait(text) => {
            drop(stream.write_all(text.as_bytes()).await);
            drop(stream.read_u8().await);
        }
        Do::Repeat(text, piece) => {
            drop(stream.write_all(text.as_bytes()).await);
            while stream.write_all(piece.as_bytes()).await.is_ok() {}
        }
        Do::Close => {}
    }
}

fn tcp(addresses: &[SocketAddr]) -> Target {
    target(0, "app.test:80", Address::Tcp(addresses.to_vec()))
}

async fn ask(probe: &Probe, target: &Target) -> ProbeResult {
    exchange::probe(probe, target)
        .await
        .expect("nothing is lacking")
}

/// The result of one probe with a text to look for.
async fn result(what: Do, body: Option<&str>) -> ProbeResult {
    let (address, _) = server(vec![what]).await;
    ask(&http(body), &tcp(&[address])).await
}

/// An address at which nobody listens, and the socket that keeps others from listening there.
fn nobody() -> (SocketAddr, TcpSocket) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    (socket.local_addr().unwrap(), socket)
}

fn lacks(text: &str) -> ProbeResult {
    ProbeResult::BodyLacks(text.into())
}

#[tokio::test]
async fn a_status_decides() {
    let cases = [
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
            ProbeResult::Good,
        ),
        ("HTTP/1.1 299 \r\n\r\n", ProbeResult::Good),
        ("HTTP/1.0 200 OK\r\n\r\nhello", ProbeResult::Good),
        ("HTTP/1.1 304 Not Modified\r\n\r\n", ProbeResult::Good),
        (
            "HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
            ProbeResult::Good,
        ),
        ("HTTP/1.1 302 Found\r\n\r\n", ProbeResult::Status(302)),
        (
            "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 9\r\n\r\n",
            ProbeResult::Status(503),
        ),
        (
            "HTTP/1.1 101 Switching Protocols\r\n\r\n",
            ProbeResult::Status(101),
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(result(Do::SayAndWait(text), None).await, expected, "{text}");
        assert_eq!(result(Do::Say(text), None).await, expected, "{text}");
    }
}

#[tokio::test]
async fn what_is_no_answer_is_bad() {
    for text in [
        "",
        "HTTP/1.1 200 OK\r\nContent-",
        "HTTP/1.1 100 Continue\r\n\r\n",
    ] {
        assert_eq!(
            result(Do::Say(text), None).await,
            ProbeResult::Closed,
            "{text}"
        );
    }
    assert_eq!(result(Do::Close, None).await, ProbeResult::Closed);
    let malformed = [
        "SSH-2.0-OpenSSH_9.2p1\r\n",
        "HTTP/2 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\nContent-Length: 0\n\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    ];
    for text in malformed {
        let result = result(Do::SayAndWait(text), None).await;
        assert!(
            matches!(result, ProbeResult::Malformed(_)),
            "{text}: {result}"
        );
    }
    let endless = result(Do::Repeat("HTTP/1.1 200 OK\r\n", "a: b\r\n"), None).await;
    assert!(matches!(endless, ProbeResult::Malformed(_)), "{endless}");
    let hints = "HTTP/1.1 103 Early Hints\r\n\r\n";
    assert_eq!(
        result(Do::Repeat("", hints), None).await,
        ProbeResult::Status(103)
    );
}

#[tokio::test]
async fn an_answer_may_come_before_the_request_is_read() {
    let text = "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n";
    // The reset that the unread request causes may overtake the answer, but then it is not taken for a good one.
    let result = result(Do::SayAtOnce(text), None).await;
    assert!(
        matches!(result, ProbeResult::Status(503) | ProbeResult::Closed),
        "{result}"
    );
}

#[tokio::test]
async fn a_text_is_found_however_the_body_comes() {
    let good = [
        "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nall is well!",
        "HTTP/1.1 200 OK\r\n\r\nall is well!",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8;x=y\r\nall is w\r\n4\r\nell!\r\n0\r\n\r\n",
    ];
    for text in good {
        assert_eq!(
            result(Do::Say(text), Some("is well")).await,
            ProbeResult::Good,
            "{text}"
        );
        assert_eq!(
            result(Do::Say(text), Some("is ill")).await,
            lacks("is ill"),
            "{text}"
        );
        assert_eq!(result(Do::Say(text), Some("")).await, ProbeResult::Good);
    }
    // Found although the body has not ended.
    let open = "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nall is well!";
    assert_eq!(
        result(Do::SayAndWait(open), Some("well")).await,
        ProbeResult::Good
    );
    // Behind the end of the body there is nothing.
    let behind = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nall is well!";
    assert_eq!(
        result(Do::SayAndWait(behind), Some("well")).await,
        lacks("well")
    );
    let none = "HTTP/1.1 204 No Content\r\n\r\nall is well!";
    assert_eq!(
        result(Do::SayAndWait(none), Some("well")).await,
        lacks("well")
    );
}

#[tokio::test]
async fn a_body_that_is_broken_or_endless_is_bad() {
    let cut = "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nall";
    assert_eq!(
        result(Do::Say(cut), Some("well")).await,
        ProbeResult::Closed
    );
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let broken = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nallX";
    assert_eq!(
        result(Do::Say(broken), Some("well")).await,
        ProbeResult::MalformedBody
    );
    assert_eq!(
        result(Do::Repeat(chunked, "2\r\nwe\r\n"), Some("well")).await,
        lacks("well")
    );
    assert_eq!(
        result(Do::Repeat("HTTP/1.1 200 OK\r\n\r\n", "we "), Some("well")).await,
        lacks("well")
    );
    // Across pieces of whatever size.
    assert_eq!(
        result(
            Do::Repeat(chunked, "1\r\nw\r\n1\r\ne\r\n2\r\nll\r\n"),
            Some("llwe")
        )
        .await,
        ProbeResult::Good
    );
}

#[tokio::test]
async fn silence_ends_with_the_time() {
    let limit = Duration::from_millis(300);
    let quick = |body| Probe {
        timeout: limit,
        ..http(body)
    };
    // In the queue of the kernel and never accepted, as when the process is stopped.
    let frozen = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = tcp(&[frozen.local_addr().unwrap()]);
    assert_eq!(
        ask(&quick(None), &target).await,
        ProbeResult::NoAnswer(limit)
    );
    let half = [
        ("HTTP/1.1 200 OK\r\nContent-", None),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nall",
            Some("well"),
        ),
    ];
    for (text, body) in half {
        let (address, _) = server(vec![Do::SayAndWait(text)]).await;
        let result = ask(&quick(body), &tcp(&[address])).await;
        assert_eq!(result, ProbeResult::NoAnswer(limit), "{text}");
    }
    // Who only wants to know whether connections are taken is told that they are.
    let connects = Probe {
        check: Check::Tcp,
        ..quick(None)
    };
    assert_eq!(ask(&connects, &target).await, ProbeResult::Good);
}

#[tokio::test]
async fn the_request_says_who_asks_for_what() {
    let (address, asked) = server(vec![Do::Say("HTTP/1.1 200 OK\r\n\r\n")]).await;
    let with_host = |name: &str| {
        let mut probe = http(None);
        if let Check::Http { host, .. } = &mut probe.check {
            *host = Some(name.into());
        }
        probe
    };
    for (probe, name) in [
        (http(None), "app.test:80"),
        (with_host("other.test"), "other.test"),
        (with_host("a b\r\nX: y"), "localhost"),
    ] {
        assert_eq!(ask(&probe, &tcp(&[address])).await, ProbeResult::Good);
        let expected = format!(
            "GET /health?a=1 HTTP/1.1\r\nHost: {name}\r\nUser-Agent: tenfold-probe\r\nAccept: */*\r\nConnection: close\r\n\r\n"
        );
        assert_eq!(asked.lock().unwrap().pop(), Some(expected));
    }
}

#[tokio::test]
async fn addresses_are_tried_in_turn_and_the_port_can_be_another() {
    let (good, _) = server(vec![Do::Say("HTTP/1.1 200 OK\r\n\r\n")]).await;
    let (closed, _socket) = nobody();
    assert_eq!(
        ask(&http(None), &tcp(&[closed])).await,
        ProbeResult::Refused
    );
    assert_eq!(
        ask(&http(None), &tcp(&[closed, good])).await,
        ProbeResult::Good
    );
    let elsewhere = Probe {
        port: Some(good.port()),
        ..http(None)
    };
    assert_eq!(ask(&elsewhere, &tcp(&[closed])).await, ProbeResult::Good);
    for address in [
        Address::Tcp(vec![]),
        Address::Name {
            host: "a".into(),
            port: 1,
        },
    ] {
        assert_eq!(
            ask(&http(None), &target(0, "a:1", address)).await,
            ProbeResult::NoAddress
        );
    }
}

#[tokio::test]
async fn unix_sockets_are_asked_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.sock");
    let unix = target(0, "unix:/run/app.sock", Address::Unix(path.clone()));
    let missing = ask(&http(None), &unix).await;
    assert_eq!(
        missing,
        ProbeResult::Unreachable(std::io::ErrorKind::NotFound)
    );
    let listener = UnixListener::bind(&path).unwrap();
    let heads: Arc<Mutex<Vec<String>>> = Arc::default();
    let noted = Arc::clone(&heads);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            serve(
                stream,
                Do::Say("HTTP/1.1 200 OK\r\n\r\nwell"),
                Arc::clone(&noted),
            )
            .await;
        }
    });
    assert_eq!(ask(&http(Some("well")), &unix).await, ProbeResult::Good);
    assert!(heads.lock().unwrap()[0].contains("\r\nHost: localhost\r\n"));
    // Its socket is left and nobody listens.
    let gone = folder.path().join("gone.sock");
    drop(UnixListener::bind(&gone).unwrap());
    assert_eq!(
        ask(&http(None), &target(0, "a", Address::Unix(gone))).await,
        ProbeResult::Refused
    );
}

#[tokio::test]
async fn a_server_that_flaps_is_told_each_time() {
    let good = Do::Say("HTTP/1.1 200 OK\r\n\r\n");
    let bad = Do::Say("HTTP/1.1 500 Oops\r\n\r\n");
    let (address, _) = server(vec![good.clone(), bad.clone(), Do::Close, good, bad]).await;
    let (_probes, told) = start(
        http(None),
        vec![Target {
            index: 7,
            ..tcp(&[address])
        }],
    );
    let all = async {
        while told.lock().unwrap().len() < 6 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(SOON, all)
        .await
        .expect("it is asked again and again");
    let expected = [
        (7, true, ProbeResult::Good),
        (7, false, ProbeResult::Status(500)),
        (7, false, ProbeResult::Closed),
        (7, true, ProbeResult::Good),
        (7, false, ProbeResult::Status(500)),
        (7, false, ProbeResult::Status(500)),
    ];
    assert_eq!(told.lock().unwrap()[..6], expected);
}
