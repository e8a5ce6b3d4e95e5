//! The accept loop of a worker.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};

use super::Listening;
use crate::http::connection;
use crate::worker::Worker;

/// How long accepting pauses when the machine has no descriptor or memory left, or all connections are taken.
const PAUSE: Duration = Duration::from_millis(100);

/// Accepts connections until the listener is stopped; then takes what the kernel has already queued, and closes the socket.
pub(crate) async fn run(worker: &Rc<Worker>, listening: &Rc<Listening>, socket: TcpListener) {
    let mut stop = std::pin::pin!(listening.stopped());
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut stop => break,
            accepted = socket.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                tokio::select! {
                    () = &mut stop => {
                        start(worker, listening, stream, peer);
                        break;
                    }
                    () = make_room(worker) => start(worker, listening, stream, peer),
                }
            }
            Err(error) if is_shortage(&error) => {
                worker.metrics.accept_pauses.increment();
                if worker.may_complain() {
                    tracing::warn!(%error, "cannot accept connections; pausing until it is possible again");
                }
                tokio::time::sleep(PAUSE).await;
            }
            // The client has gone before it was accepted.
            Err(error) => tracing::debug!(%error, "a connection could not be accepted"),
        }
    }
    last(worker, listening, socket);
}

/// Takes what is queued: it would be reset when the socket closes. (What arrives between the last look and the close still
/// is, unless another process has the socket too, as in an upgrade.)
fn last(worker: &Rc<Worker>, listening: &Rc<Listening>, socket: TcpListener) {
    // The kernel is asked, and not the driver, which may not have heard of the newest connections.
    let Ok(socket) = socket.into_std() else {
        return;
    };
    loop {
        match socket.accept().and_then(|(stream, peer)| {
            stream.set_nonblocking(true)?;
            Ok((TcpStream::from_std(stream)?, peer))
        }) {
            Ok((stream, peer)) => start(worker, listening, stream, peer),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock || is_shortage(&error) => {
                return;
            }
            // The client has gone before it was accepted.
            Err(_) => {}
        }
    }
}

/// Waits until there is room for a connection; idle ones have to give theirs.
async fn make_room(worker: &Worker) {
    let most = worker.most_connections();
    if worker.connections() < most {
        return;
    }
    worker.metrics.accept_pauses.increment();
    while worker.connections() >= most {
        worker.shed_idle();
        let _not_yet = tokio::time::timeout(PAUSE, worker.fewer_connections_than(most)).await;
    }
    worker.stop_shedding();
}

fn start(worker: &Rc<Worker>, listening: &Rc<Listening>, stream: TcpStream, peer: SocketAddr) {
    // Responses are written in one piece; waiting for more (Nagle) could only delay them.
    let _already_gone = stream.set_nodelay(true);
    let open = worker.open_connection(listening);
    tokio::task::spawn_local(connection::run(
        Rc::clone(worker),
        Rc::clone(listening),
        stream,
        peer,
        open,
    ));
}

/// Linux: ENOMEM, ENFILE, EMFILE, ENOBUFS.
fn is_shortage(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(12 | 23 | 24 | 105))
}
