//! The response goes to the client, while the rest of the request may still go to the server.

use std::future::poll_fn;
use std::task::{Context, Poll};
use std::time::Duration;

use tenfold_http1::body::Decoder;
use tenfold_http1::framing::Length;
use tenfold_http1::{ResponseHead, Version};

use super::body::{Format, Pump, PumpError};
use super::client::Client;
use super::error::Failure;
use super::forward::Answer;
use super::headers::{self, Persistence};
use super::pipeline::{Next, Served};
use super::request::{Request, SendError};
use super::tunnel;
use crate::upstream::Connection;
use crate::worker::Worker;

/// How much of a request's body is read and thrown away, after a response came early, to keep the connection.
const MOST_DISCARDED: u64 = 256 * 1024;
/// For how long.
const LONGEST_DISCARDING: Duration = Duration::from_secs(2);

/// Sends the response. An error is one before its first byte; whatever breaks later is in [`Served`].
pub(super) async fn respond(
    worker: &Worker,
    client: &mut Client,
    request: &mut Request,
    answer: Answer,
) -> Result<Served, Failure> {
    let Answer {
        head,
        mut upstream,
        pick,
    } = answer;
    let line = *head.line();
    if line.status == 101 {
        return Ok(Box::pin(tunnel::run(worker, client, request, upstream, &pick, head)).await);
    }
    let format = headers::response_format(line.length, request.version());
    let persistence = persistence(worker, request, &head, format);
    let mut out = worker.buffers.head();
    headers::response(
        &mut out,
        &head,
        request.method(),
        format,
        persistence,
        || worker.clock.date(worker.clock.recent()),
    );
    let decoder = Decoder::new(line.length);
    let rest = head.into_rest(0);
    let download = Pump::new(&worker.buffers, decoder, format, Some(out), Some(rest))
        .map_err(|error| Failure::UpstreamInvalid(error.kind()))?;

    let mut relay = Relay {
        download,
        is_sending: !request.is_sent(),
        progress: 0,
    };
    let result = poll_fn(|cx| relay.poll(cx, worker, client, request, &mut upstream)).await;
    let served = Served {
        status: line.status,
        sent: relay.download.written(),
        endpoint: Some(pick.index),
        failure: result.err(),
        next: Next::Cut,
    };
    if served.failure.is_some() {
        return Ok(served);
    }
    let is_clean = relay.download.into_rest().is_none() && line.length != Length::UntilClose;
    if is_clean && request.is_sent() && line.connection.persists(line.version) {
        let member = worker.upstream.member(pick.index);
        member
            .idle
            .put(upstream, worker.clock.recent(), &member.metrics);
    }
    let next = match persistence {
        Persistence::Close if request.is_sent() => Next::Close,
        Persistence::Close => Next::Linger,
        _ if request.is_sent() => Next::KeepAlive,
        _ => Box::pin(discard(worker, client, request)).await,
    };
    Ok(Served { next, ..served })
}

/// Whether the client's connection goes on after this response, and how that is said.
fn persistence(
    worker: &Worker,
    request: &Request,
    head: &ResponseHead,
    format: Format,
) -> Persistence {
    // Without an end of its own, the body ends with the connection.
    let is_until_close = match head.line().length {
        Length::UntilClose => format == Format::Same,
        Length::Chunked => format == Format::Data,
        Length::None | Length::Known(_) => false,
    };
    // Nobody knows whether a client that waits for 100 and gets this instead will send the body (RFC 9110 section 10.1.1).
    let is_body_uncertain = request.head.line().expects_continue && !request.is_sent();
    if is_until_close || is_body_uncertain || !request.persists() || worker.is_draining() {
        Persistence::Close
    } else if request.version() == Version::Http10 {
        Persistence::KeepAlive
    } else {
        Persistence::Implied
    }
}

/// Both directions of one exchange.
struct Relay {
    download: Pump,
    is_sending: bool,
    /// The sum of both directions' progress when the deadline was last moved.
    progress: u64,
}

impl Relay {
    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        worker: &Worker,
        client: &mut Client,
        request: &mut Request,
        upstream: &mut Connection,
    ) -> Poll<Result<(), Failure>> {
        let settings = &worker.settings;
        if self.is_sending {
            let stream = client.connection.stream_mut();
            match request.poll_send(cx, stream, upstream.stream_mut(), settings.limits.body) {
                Poll::Ready(Err(SendError::Client(failure))) => return Poll::Ready(Err(failure)),
                Poll::Ready(Ok(()) | Err(SendError::Upstream)) => self.is_sending = false,
                Poll::Pending => {}
            }
        }
        let target = client.connection.stream_mut();
        match self.download.poll(cx, upstream.stream_mut(), target) {
            Poll::Ready(result) => return Poll::Ready(result.map_err(blame)),
            Poll::Pending => {}
        }
        let progress = self.download.progress() + request.progress();
        if progress != self.progress {
            self.progress = progress;
            client
                .timer
                .set(worker.clock.read(), settings.timeouts.body);
        }
        if client.timer.is_due(cx) {
            let is_clients = self.download.is_writing();
            return Poll::Ready(Err(if is_clients {
                Failure::ClientGone
            } else {
                Failure::UpstreamTimeout
            }));
        }
        Poll::Pending
    }
}

fn blame(error: PumpError) -> Failure {
    match error {
        PumpError::Read => Failure::UpstreamBroken,
        PumpError::Body(tenfold_http1::BodyError::Truncated) => Failure::UpstreamBroken,
        PumpError::Body(error) => Failure::UpstreamInvalid(error.kind()),
        PumpError::Write => Failure::ClientGone,
    }
}

/// Reads the rest of a request that was answered early, so that the connection can go on; within reason.
async fn discard(worker: &Worker, client: &mut Client, request: &mut Request) -> Next {
    client.timer.set(worker.clock.read(), LONGEST_DISCARDING);
    let Client {
        connection, timer, ..
    } = client;
    let stream = connection.stream_mut();
    let most = request.body_bytes() + MOST_DISCARDED;
    match timer
        .limit(poll_fn(|cx| request.poll_discard(cx, stream, most)))
        .await
    {
        Some(true) => Next::KeepAlive,
        Some(false) | None => Next::Linger,
    }
}
