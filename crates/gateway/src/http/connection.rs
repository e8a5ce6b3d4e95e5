//! A client's connection: one request after the other, until one side has had enough.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::{Poll, ready};
use std::time::Duration;

use tenfold_http1::{ReadError, RequestHead, Transport};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::client::Client;
use super::error::Failure;
use super::pipeline;
use super::served::Next;
use crate::listen::Listening;
use crate::worker::{OpenConnection, Worker};

/// How long a client may go on sending after the last response, most of it into the void: it might read the response only
/// when it has sent everything.
const LONGEST_LINGERING: Duration = Duration::from_secs(10);
/// How long it may be silent in that time.
const LINGERING_SILENCE: Duration = Duration::from_secs(2);
/// While draining, how long a connection may stay idle: a client that is just sending its next request gets an answer
/// and a `Connection: close`, where closing at once would have failed it.
const DRAINING_IDLE: Duration = Duration::from_secs(2);

/// Serves a connection until it ends.
pub(crate) async fn run(
    worker: Rc<Worker>,
    listening: Rc<Listening>,
    stream: TcpStream,
    peer: SocketAddr,
    _open: OpenConnection,
) {
    let mut client = Client::new(&worker, listening, stream, peer.ip());
    worker.clock.read();
    loop {
        let next = match next_request(&worker, &mut client).await {
            // Boxed, so that an idle connection does not keep the room that a request needs.
            Ok(Some(head)) => Box::pin(pipeline::serve(&worker, &mut client, head)).await,
            Ok(None) => return,
            Err(failure) => {
                Box::pin(pipeline::serve_unreadable(&worker, &mut client, failure)).await
            }
        };
        client.is_busy = next == Next::Cut;
        match next {
            Next::KeepAlive => {}
            Next::Linger => return Box::pin(linger(&worker, &mut client)).await,
            // Dropped while busy, it is reset.
            Next::Cut => return,
        }
    }
}

/// Waits for the next request. `None` when the connection is to be closed without a word.
async fn next_request(
    worker: &Worker,
    client: &mut Client,
) -> Result<Option<RequestHead>, Failure> {
    // The clock was read when the last request was recorded, or the connection accepted.
    let since = worker.clock.recent();
    client.timer.set(since, client.listening.idle_timeout.get());
    let mut has_begun = false;
    poll_fn(|cx| {
        let limits = client.listening.head_limits.get();
        match client.connection.poll_request(cx, &limits) {
            Poll::Ready(Ok(head)) => return Poll::Ready(Ok(head)),
            Poll::Ready(Err(ReadError::Head(error))) => {
                return Poll::Ready(Err(Failure::Head(error)));
            }
            Poll::Ready(Err(ReadError::Closed | ReadError::Io(_))) => return Poll::Ready(Ok(None)),
            Poll::Pending => {}
        }
        let is_idle = client.connection.is_idle();
        if !is_idle && !has_begun {
            has_begun = true;
            let timeout = client.listening.head_timeout.get();
            client.timer.set(worker.clock.read(), timeout);
        }
        if is_idle && client.is_leaving(worker) {
            client.timer.set_sooner(worker.clock.read(), DRAINING_IDLE);
        }
        if is_idle && worker.wants_room_of(since) {
            return Poll::Ready(Ok(None));
        }
        if client.timer.is_due(cx) {
            return Poll::Ready(if is_idle {
                Ok(None)
            } else {
                Err(Failure::ClientTimeout)
            });
        }
        Poll::Pending
    })
    .await
}

/// Ends the response and reads what the client is still sending, for a while: closing a socket with unread data resets
/// it, and the reset would overtake the response (RFC 9112 section 9.6).
async fn linger(worker: &Worker, client: &mut Client) {
    let Client {
        connection, timer, ..
    } = client;
    let stream = connection.stream_mut();
    let mut now = worker.clock.read();
    let end = now + LONGEST_LINGERING;
    timer.set(now, LINGERING_SILENCE);
    if !matches!(timer.limit(stream.shutdown()).await, Some(Ok(()))) {
        return;
    }
    while now < end {
        timer.set(now, LINGERING_SILENCE);
        let read = poll_fn(|cx| {
            ready!(stream.poll_readable(cx))?;
            worker.buffers.relay().poll_fill(cx, stream)
        });
        match timer.limit(read).await {
            Some(Ok(1..)) => now = worker.clock.read(),
            Some(Ok(0) | Err(_)) | None => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::worker::Worker;

    fn size_of_future<F>(
        _: impl FnOnce(Rc<Worker>, Rc<Listening>, TcpStream, SocketAddr, OpenConnection) -> F,
    ) -> usize {
        size_of::<F>()
    }

    fn size_of_served<'a, F>(
        _: impl FnOnce(&'a Worker, &'a mut Client, RequestHead) -> F,
    ) -> usize {
        size_of::<F>()
    }

    /// Ten thousand idle connections are ten thousand of these futures, and every request allocates one of those; above
    /// 1,032 bytes glibc's allocator leaves its fast path (docs/performance.md).
    #[test]
    fn futures_stay_small() {
        let idle = size_of_future(run);
        assert!(idle <= 512, "an idle connection's future has {idle} bytes");
        let busy = size_of_served(pipeline::serve);
        assert!(busy <= 1032, "a request's future has {busy} bytes");
    }
}
