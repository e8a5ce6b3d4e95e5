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
use super::headers::{self, Persistence};
use super::request::Request;
use super::served::{Next, Served};
use super::tunnel;
use crate::upstream::{Connection, Pick};
use crate::worker::Worker;

/// How much of a request's body is read and thrown away, after a response came early, to keep the connection.
const MOST_DISCARDED: u64 = 256 * 1024;
/// For how long.
const LONGEST_DISCARDING: Duration = Duration::from_secs(2);

/// A response on its way.
pub(super) struct Response {
    status: u16,
    persistence: Persistence,
    /// The server's connection can be used again, if this response ends as it should.
    is_reusable: bool,
    download: Pump,
    upstream: Connection,
    pick: Pick,
}

impl Response {
    /// Makes the head that the client gets.
    ///
    /// # Errors
    /// When what has arrived of the body is malformed; the client has seen nothing then.
    pub(super) fn new(
        worker: &Worker,
        request: &Request,
        head: ResponseHead,
        upstream: Connection,
        pick: Pick,
    ) -> Result<Self, Failure> {
        let line = *head.line();
        let is_switching = line.status == 101;
        let length = if is_switching {
            Length::UntilClose
        } else {
            line.length
        };
        let format = match is_switching {
            true => Format::Same,
            false => headers::response_format(line.length, request.version()),
        };
        let persistence = match is_switching {
            // What the tunnel carried is no request, and nothing follows it.
            true => Persistence::Close,
            false => persistence(worker, request, &head, format),
        };
        let mut out = worker.buffers.head();
        if is_switching {
            headers::switching(&mut out, &head);
        } else {
            let date = || worker.clock.date(worker.clock.recent());
            headers::response(&mut out, &head, format, persistence, date);
        }
        let rest = head.into_rest(0);
        let download = Pump::new(
            &worker.buffers,
            Decoder::new(length),
            format,
            Some(out),
            Some(rest),
        )
        .map_err(|error| Failure::UpstreamInvalid(error.kind()))?;
        // A server that announces a body where there can be none may send it, and it would answer the next request.
        let is_reusable = length != Length::UntilClose
            && !line.declares_absent_body
            && line.connection.persists(line.version);
        Ok(Self {
            status: line.status,
            persistence,
            is_reusable,
            download,
            upstream,
            pick,
        })
    }

    /// Sends it.
    ///
    /// # Errors
    /// What broke on the way; the client has seen a part of it then.
    pub(super) async fn send(
        &mut self,
        worker: &Worker,
        client: &mut Client,
        request: &mut Request,
    ) -> Result<(), Failure> {
        if self.status == 101 {
            let tunnel = tunnel::run(
                worker,
                client,
                request,
                &mut self.upstream,
                &mut self.download,
            );
            return Box::pin(tunnel).await;
        }
        let mut relay = Relay {
            is_sending: !request.is_sent(),
            is_received: false,
            progress: 0,
        };
        poll_fn(|cx| relay.poll(cx, worker, client, request, self)).await
    }

    /// What became of it, and of the connections on both sides.
    pub(super) fn finish(
        self,
        worker: &Worker,
        request: &Request,
        result: Result<(), Failure>,
    ) -> Served {
        let next = match (result, self.persistence) {
            (Err(_), _) => Next::Cut,
            (Ok(()), Persistence::Close) => Next::Linger,
            (Ok(()), Persistence::Implied | Persistence::KeepAlive) => Next::KeepAlive,
        };
        let served = Served {
            status: self.status,
            sent: self.download.written(),
            endpoint: Some(self.pick.index),
            failure: result.err(),
            next,
        };
        if result.is_ok() {
            self.give_back(worker, request);
        }
        served
    }

    /// Keeps the server's connection for the next request, if nothing is left on it of this one.
    fn give_back(self, worker: &Worker, request: &Request) {
        let is_clean = self.download.into_rest().is_none() && request.is_sent();
        if is_clean && self.is_reusable {
            let member = worker.upstream.member(self.pick.index);
            member
                .idle
                .put(self.upstream, worker.clock.recent(), &member.metrics);
        }
    }
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
    is_sending: bool,
    is_received: bool,
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
        response: &mut Response,
    ) -> Poll<Result<(), Failure>> {
        let Response {
            upstream, download, ..
        } = response;
        let stream = client.connection.stream_mut();
        if self.is_sending {
            // Whoever ends the upload early: what the server says can still be passed on.
            self.is_sending = request
                .poll_send(cx, stream, upstream.stream_mut())
                .is_pending();
        }
        if !self.is_received {
            match download.poll(cx, upstream.stream_mut(), stream) {
                Poll::Ready(Err(error)) => return Poll::Ready(Err(blame(error))),
                Poll::Ready(Ok(())) => self.is_received = true,
                Poll::Pending => {}
            }
        }
        // A server that has said yes may go on reading; one that has said no does not want the rest.
        let is_wanted = (200..300).contains(&response.status);
        if self.is_received && !(self.is_sending && is_wanted) {
            return Poll::Ready(Ok(()));
        }
        let progress = download.progress() + request.progress();
        if progress != self.progress {
            self.progress = progress;
            client
                .timer
                .set(worker.clock.read(), worker.settings.timeouts.body);
        }
        if client.timer.is_due(cx) {
            return Poll::Ready(match (self.is_received, download.is_writing()) {
                (true, _) => Ok(()),
                (false, true) => Err(Failure::ClientGone),
                (false, false) => Err(Failure::UpstreamTimeout),
            });
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
        PumpError::TooLarge => Failure::UpstreamInvalid("body_too_large"),
    }
}

/// Reads the rest of a request that was answered early, so that the connection can go on; within reason.
pub(super) async fn discard(worker: &Worker, client: &mut Client, request: &mut Request) -> Next {
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
