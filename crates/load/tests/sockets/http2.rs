//! HTTP/2: shared connections, streams that fail alone.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use bytes::Bytes;
use tenfold_load::scenario::{Step, Template};
use tenfold_load::test::Protocol;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;

use super::{done, errors, rate, scenario, test, users};

/// Runs a server in a thread of its own.
pub(crate) fn server<F: Future<Output = ()> + Send + 'static>(
    serve: impl FnOnce(TcpListener) -> F + Send + 'static,
) -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.set_nonblocking(true).expect("a socket");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            serve(TcpListener::from_std(listener).expect("a listener")).await;
        });
    });
    address
}

/// Answers by path: `/slow` after 300 ms, `/reset` not at all, `/echo` with the body, everything else at once.
pub(crate) async fn serve_http2(stream: impl AsyncRead + AsyncWrite + Unpin) {
    let Ok(mut connection) = h2::server::handshake(stream).await else {
        return;
    };
    while let Some(Ok((request, mut respond))) = connection.accept().await {
        tokio::spawn(async move {
            let path = request.uri().path().to_owned();
            let mut body = request.into_body();
            let mut content = Vec::new();
            while let Some(Ok(data)) = body.data().await {
                let _connection_gone = body.flow_control().release_capacity(data.len());
                content.extend_from_slice(&data);
            }
            match path.as_str() {
                "/slow" => tokio::time::sleep(Duration::from_millis(300)).await,
                "/reset" => return respond.send_reset(h2::Reason::REFUSED_STREAM),
                _ => {}
            }
            let status = if path == "/echo" && content != b"hello" {
                400
            } else {
                200
            };
            let response = http::Response::builder()
                .status(status)
                .body(())
                .expect("a response");
            if let Ok(mut stream) = respond.send_response(response, false) {
                let _client_gone = stream.send_data(Bytes::from(vec![b'x'; 100_000]), true);
            }
        });
    }
}

/// A server without TLS, and how many connections it has had.
fn plain() -> (SocketAddr, Arc<AtomicUsize>) {
    let connections = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&connections);
    let address = server(move |listener: TcpListener| async move {
        loop {
            let (stream, _) = listener.accept().await.expect("a connection");
            count.fetch_add(1, SeqCst);
            tokio::spawn(serve_http2(stream));
        }
    });
    (address, connections)
}

#[test]
fn users_share_a_connection_and_do_not_wait_for_each_other() {
    let (address, connections) = plain();
    let mut test = test(address, vec![users(20, 1.0)]);
    test.target.protocol = Protocol::Http2;
    test.scenarios = vec![scenario("slow", vec![Step::new("GET", "/slow")])];
    let results = done(test);
    assert_eq!(results.total.failed, 0, "{:?}", results.errors);
    // 20 users, 300 ms each: three or four rounds of 20.
    assert!(
        (40..=80).contains(&results.total.done),
        "{}",
        results.total.done
    );
    assert_eq!(connections.load(SeqCst), 2, "one to see that it is there");
    assert!(results.total.received_bytes >= results.total.done * 100_000);
}

#[test]
fn bodies_are_sent_and_a_stream_that_fails_fails_alone() {
    let (address, connections) = plain();
    let mut test = test(address, vec![rate(40.0, 0.5)]);
    test.target.protocol = Protocol::Http2;
    let mut echo = Step::new("POST", "/echo");
    echo.request.body = Template::constant("hello");
    let mut reset = scenario("reset", vec![Step::new("POST", "/reset")]);
    reset.weight = 1.0;
    test.scenarios = vec![scenario("echo", vec![echo]), reset];
    test.mix = tenfold_load::test::Mix::Exact;
    let results = done(test);
    let [echo, reset] = results.steps.as_slice() else {
        panic!("two steps")
    };
    assert_eq!(
        (echo.totals.done, echo.totals.failed),
        (10, 0),
        "{:?}",
        results.errors
    );
    assert_eq!((reset.totals.done, reset.totals.failed), (10, 10));
    assert_eq!(errors(&results), [("closed", 10)]);
    assert_eq!(connections.load(SeqCst), 2);
}
