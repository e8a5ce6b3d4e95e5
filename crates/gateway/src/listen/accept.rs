//! The accept loop of a worker.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};

use crate::http::connection;
use crate::worker::Worker;

/// How long accepting pauses when the machine has no descriptor or memory left.
const PAUSE: Duration = Duration::from_millis(100);
/// How long nothing is said after it was said that accepting pauses.
const SILENCE: Duration = Duration::from_secs(60);

/// Accepts connections until `stop` is done; then takes what the kernel has already queued, and closes the socket.
pub(crate) async fn run(worker: Rc<Worker>, listener: TcpListener, stop: impl Future<Output = ()>) {
    let mut stop = std::pin::pin!(stop);
    let mut said = None;
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut stop => break,
            accepted = next(&worker, &listener) => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                start(&worker, stream, peer);
            }
            Err(error) if is_shortage(&error) => {
                worker.metrics.accept_pauses.increment();
                let now = worker.clock.read();
                if said.is_none_or(|said| now.saturating_sub(said) > SILENCE) {
                    said = Some(now);
                    tracing::warn!(%error, "cannot accept connections; pausing until it is possible again");
                }
                tokio::time::sleep(PAUSE).await;
            }
            // The client has gone before it was accepted.
            Err(error) => tracing::debug!(%error, "a connection could not be accepted"),
        }
    }
    // What is queued when the socket closes would be reset. (What arrives between the last look and the close still is;
    // handing the socket over to a new process, a later issue, closes that gap.)
    while let Poll::Ready(Ok((stream, peer))) =
        poll_fn(|cx| Poll::Ready(listener.poll_accept(cx))).await
    {
        start(&worker, stream, peer);
    }
}

/// The next connection, when there is room for one.
async fn next(worker: &Worker, listener: &TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
    worker
        .fewer_connections_than(worker.settings.limits.connections)
        .await;
    listener.accept().await
}

fn start(worker: &Rc<Worker>, stream: TcpStream, peer: SocketAddr) {
    // Responses are written in one piece; waiting for more (Nagle) could only delay them.
    let _already_gone = stream.set_nodelay(true);
    worker.metrics.connections_accepted.increment();
    let open = worker.open_connection();
    tokio::task::spawn_local(connection::run(Rc::clone(worker), stream, peer, open));
}

/// Linux: ENOMEM, ENFILE, EMFILE, ENOBUFS.
fn is_shortage(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(12 | 23 | 24 | 105))
}
