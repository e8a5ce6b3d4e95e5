//! Serving: connections, and the end of it.
//!
//! HTTP/1.1 with connections that are kept. When the process is told to end it takes no new connection, closes those that are idle, finishes what is under
//! way and says `Connection: close` there, for at most [`GRACE`].

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Requests under way have so long to end.
pub(super) const GRACE: Duration = Duration::from_secs(5);

/// An idle connection is kept for longer than a gateway keeps its end (60 s), or a request could be on its way to a connection that is just being closed.
const IDLE: Duration = Duration::from_secs(75);

/// Largest head of a request, in bytes.
const HEAD: usize = 16 * 1024;

/// Takes an address to listen on.
///
/// # Errors
/// Why it cannot be had, and what to do.
pub(super) async fn listen(address: SocketAddr, option: &str) -> Result<TcpListener, String> {
    TcpListener::bind(address).await.map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => format!("{address} is taken by another program; choose another address with {option}, or port 0 for any that is free"),
        io::ErrorKind::PermissionDenied => format!("{address} may not be used by this user; choose a port above 1023 with {option}"),
        io::ErrorKind::AddrNotAvailable => format!("{address} is no address of this machine; choose one that is with {option}"),
        _ => format!("cannot listen on {address} ({option}): {error}"),
    })
}

/// Serves until `end` is ready, and then finishes what is under way.
pub(super) async fn serve(listener: TcpListener, router: Router, end: impl Future<Output = ()>) {
    let (ending, ended) = watch::channel(());
    let mut connections = JoinSet::new();
    let mut end = pin!(end);
    loop {
        tokio::select! {
            () = &mut end => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream, router.clone(), ended.clone()));
                }
                Err(error) => not_accepted(&error).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
    drop(listener);
    ending.send_replace(());
    let all = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(GRACE, all).await.is_err() {
        tracing::warn!(
            "{} connections were cut off: they did not end within {} s",
            connections.len(),
            GRACE.as_secs()
        );
    }
}

/// What goes wrong with one connection (it was reset before it was accepted) says nothing about the next; what goes wrong with all (no descriptors left)
/// gets a moment to pass.
async fn not_accepted(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    if !matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset
    ) {
        tracing::error!("cannot accept connections: {error}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn connection(stream: TcpStream, router: Router, mut ended: watch::Receiver<()>) {
    // An answer is written at once; waiting for more would only delay it. A connection that is gone already is found out below.
    let _gone = stream.set_nodelay(true);
    let service = TowerToHyperService::new(router);
    let mut serving = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(IDLE)
            .max_buf_size(HEAD)
            .serve_connection(TokioIo::new(stream), service)
    );
    let told = tokio::select! {
        _ = serving.as_mut() => return,
        told = ended.changed() => told,
    };
    // Whether it was told or the sender is gone: it is over.
    drop(told);
    serving.as_mut().graceful_shutdown();
    let _ended_somehow = serving.await;
}
