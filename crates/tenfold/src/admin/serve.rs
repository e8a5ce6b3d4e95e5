//! Connections of the admin side: how many, and for how long.
//!
//! The admin side is small, and must never become what brings the gateway down: whoever can reach it takes at most
//! [`MOST_CONNECTIONS`] descriptors, each for a limited time, whether it sends slowly, reads slowly or not at all.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;

/// Connections at the same time; further ones wait in the kernel's queue.
const MOST_CONNECTIONS: usize = 128;
/// For a request's head to arrive, and between two requests: longer than the interval of most scrapers.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a connection is kept. Whoever wants more connects again.
const LONGEST_CONNECTION: Duration = Duration::from_secs(600);
/// For the response that is under way when a connection's time is over.
const FAREWELL: Duration = Duration::from_secs(10);
/// Between two tries to accept, when none is possible.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// A browser's head with a few cookies; heads of tools are far smaller.
const LARGEST_HEAD: usize = 16 * 1024;

/// Serves until `stop` says true: then the socket is closed, idle connections are too, and those with a request when it is answered.
pub(super) async fn run(listener: TcpListener, router: Router, mut stop: watch::Receiver<bool>) {
    let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    tokio::select! {
        () = accept(listener, &router, &places, stop.clone()) => {}
        () = stopped(&mut stop) => {}
    }
    let all = u32::try_from(MOST_CONNECTIONS).expect("a small number");
    let _all_ended = places.acquire_many(all).await.is_ok();
}

async fn accept(
    listener: TcpListener,
    router: &Router,
    places: &Arc<Semaphore>,
    stop: watch::Receiver<bool>,
) {
    let mut is_failing = false;
    loop {
        let place = Arc::clone(places).acquire_owned().await;
        let place = place.expect("the semaphore is never closed");
        match listener.accept().await {
            Ok((stream, _)) => {
                is_failing = false;
                let (router, stop) = (router.clone(), stop.clone());
                tokio::spawn(async move {
                    // A client that breaks off is no news.
                    let _ended = serve(stream, router, stop).await;
                    drop(place);
                });
            }
            Err(error) => {
                if !std::mem::replace(&mut is_failing, true) {
                    tracing::warn!(%error, "the admin side cannot accept connections; it tries on");
                }
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Waits until it is said, or nobody is left to say it.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _sender_gone = stop.wait_for(|stop| *stop).await.map(|_| ());
}

async fn serve(
    stream: TcpStream,
    router: Router,
    mut stop: watch::Receiver<bool>,
) -> Result<(), io::Error> {
    stream.set_nodelay(true)?;
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .max_buf_size(LARGEST_HEAD)
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
    );
    let has_ended = tokio::select! {
        _ended = connection.as_mut() => true,
        () = tokio::time::sleep(LONGEST_CONNECTION) => false,
        () = stopped(&mut stop) => false,
    };
    if !has_ended {
        connection.as_mut().graceful_shutdown();
        let _at_last = timeout(FAREWELL, connection).await;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    async fn connect() -> TcpStream {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let router = Router::new().route("/", get(async || "hello"));
        let (keep, stop) = watch::channel(false);
        tokio::spawn(async move {
            run(listener, router, stop).await;
            drop(keep);
        });
        TcpStream::connect(address).await.expect("it listens")
    }

    // Time is paused: it leaps to the next timer whenever everybody waits.
    #[tokio::test(start_paused = true)]
    async fn a_head_that_does_not_come_whole_ends_the_connection() {
        let mut client = connect().await;
        let begin = tokio::time::Instant::now();
        client
            .write_all(b"GET / HTTP/1.1\r\nHo")
            .await
            .expect("sent");
        let mut rest = Vec::new();
        client.read_to_end(&mut rest).await.expect("closed");
        assert!(begin.elapsed() >= HEAD_TIMEOUT && begin.elapsed() < 2 * HEAD_TIMEOUT);
        assert!(!rest.starts_with(b"HTTP/1.1 200"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_ends_at_last_however_busy_it_is() {
        let mut client = connect().await;
        let begin = tokio::time::Instant::now();
        let mut response = [0; 4096];
        loop {
            let sent = client.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
            let read = client.read(&mut response).await;
            if sent.is_err() || !matches!(read, Ok(1..)) {
                break;
            }
            tokio::time::sleep(HEAD_TIMEOUT / 3).await;
            assert!(begin.elapsed() < 2 * LONGEST_CONNECTION, "it never ends");
        }
        assert!(begin.elapsed() >= LONGEST_CONNECTION);
    }

    #[tokio::test]
    async fn when_it_stops_it_answers_what_was_asked_and_nothing_else() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let slow = async || {
            tokio::time::sleep(Duration::from_millis(200)).await;
            "done"
        };
        let router = Router::new().route("/", get(async || "hello"));
        let (say, stop) = watch::channel(false);
        let serving = tokio::spawn(run(listener, router.route("/slow", get(slow)), stop));
        let mut idle = TcpStream::connect(address).await.expect("it listens");
        let request = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
        idle.write_all(request).await.expect("sent");
        assert!(idle.read(&mut [0; 4096]).await.expect("an answer") > 0);
        let mut busy = TcpStream::connect(address).await.expect("it listens");
        let request = b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n";
        busy.write_all(request).await.expect("sent");
        tokio::time::sleep(Duration::from_millis(50)).await;
        say.send_replace(true);
        let mut text = String::new();
        busy.read_to_string(&mut text).await.expect("closed");
        assert!(text.ends_with("done"), "{text}");
        assert_eq!(idle.read(&mut [0; 1]).await.expect("closed"), 0);
        serving.await.expect("it ends");
        assert!(TcpStream::connect(address).await.is_err(), "nobody listens");
    }
}
