//! The response goes to the client, while the rest of the request may still go to the server.

use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use tenfold_http1::body::Decoder;
use tenfold_http1::framing::Length;
use tenfold_http1::{Buffer, ResponseHead, Version};
use tenfold_traffic::Outcome;

use super::body::{Format, Pump, PumpError};
use super::client::Client;
use super::error::{Failure, Invalid};
use super::forward::judge;
use super::headers::{self, Persistence};
use super::identity;
use super::request::{Request, SendError};
use super::served::{Next, Served};
use super::tunnel;
use crate::upstream::{Connection, Pick};
use crate::worker::Worker;

/// How much of a request's body is read and thrown away, after a response came early, to keep the connection.
const MOST_DISCARDED: u64 = 256 * 1024;
/// For how long.
const LONGEST_DISCARDING: Duration = Duration::from_secs(2);

/// How sending a response ended.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sent {
    /// The client has all of it.
    is_whole: bool,
    failure: Option<Failure>,
    /// When the client had all of it, if the request went on after that.
    ended: Option<Duration>,
}

impl Sent {
    /// What it says about the server, if the end of the response is missing for its sake.
    fn outcome(&self) -> Option<Outcome> {
        match self.failure? {
            Failure::UpstreamBroken | Failure::UpstreamInvalid(_) => Some(Outcome::Broken),
            Failure::UpstreamTimeout => Some(Outcome::TimedOut),
            _ => None,
        }
    }
}

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
    /// When what has arrived of the body is malformed; the client has seen nothing then. With the server whose doing it is.
    pub(super) fn new(
        worker: &Worker,
        client: &Client,
        request: &Request,
        head: ResponseHead,
        upstream: Connection,
        pick: Pick,
    ) -> Result<Self, (Failure, Pick)> {
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
            false => persistence(worker, client, request, &head, format),
        };
        let mut out = worker.buffers.head();
        if is_switching {
            headers::switching(&mut out, &head);
        } else {
            let date = || worker.clock.date(worker.clock.recent());
            headers::response(&mut out, &head, format, persistence, date);
        }
        edit(worker, request, &pick, &mut out);
        let rest = head.into_rest(0);
        let decoder = Decoder::new(length);
        let download = match Pump::new(&worker.buffers, decoder, format, Some(out), Some(rest)) {
            Ok(download) => download,
            Err(error) => return Err((Failure::UpstreamInvalid(Invalid::Body(error)), pick)),
        };
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

    /// The server that it comes from.
    pub(super) fn pick(&self) -> &Pick {
        &self.pick
    }

    /// Sends it.
    pub(super) async fn send(
        &mut self,
        worker: &Worker,
        client: &mut Client,
        request: &mut Request,
    ) -> Sent {
        if self.status == 101 {
            request.shrink();
            // Some idle tunnels would take all the places of an upstream, and an adaptive limit learns nothing while they do.
            self.pick.leave();
            let tunnel = tunnel::run(
                worker,
                client,
                request,
                &mut self.upstream,
                &mut self.download,
            );
            let failure = Box::pin(tunnel).await.err();
            return Sent {
                is_whole: failure.is_none(),
                failure,
                ended: None,
            };
        }
        let mut relay = Relay {
            is_sending: !request.is_sent(),
            ..Relay::default()
        };
        let result = poll_fn(|cx| relay.poll(cx, worker, client, request, self)).await;
        // What the client did wrong explains what the server did then.
        let failure = relay.failure.or(result.err());
        Sent {
            is_whole: result.is_ok(),
            failure,
            ended: relay.ended,
        }
    }

    /// What became of it, and of the connections on both sides.
    pub(super) fn finish(self, worker: &Worker, request: &Request, sent: Sent) -> Served {
        let next = match self.persistence {
            _ if !sent.is_whole => Next::Cut,
            Persistence::Close => Next::Linger,
            Persistence::Implied | Persistence::KeepAlive => Next::KeepAlive,
        };
        let served = Served {
            status: self.status,
            sent: self.download.written(),
            endpoint: Some(Rc::clone(self.pick.member())),
            failure: sent.failure,
            ended: sent.ended,
            next,
        };
        if sent.is_whole {
            self.give_back(worker, request);
        } else if let Some(outcome) = sent.outcome() {
            // It was judged by its head already, and well.
            judge(worker, &self.pick, outcome, worker.clock.recent());
        }
        served
    }

    /// Keeps the server's connection for the next request, if nothing is left on it of this one.
    fn give_back(self, worker: &Worker, request: &Request) {
        let is_clean = self.download.into_rest().is_none() && request.is_sent();
        if is_clean && self.is_reusable {
            let member = self.pick.member();
            member
                .idle
                .put(self.upstream, worker.clock.recent(), &member.metrics);
        }
    }
}

/// Changes what the route wants changed, and remembers the server for the client.
fn edit(worker: &Worker, request: &Request, pick: &Pick, out: &mut Buffer) {
    let sticky = pick.upstream.shared.config.sticky.as_ref();
    let cookie = sticky.and_then(|sticky| {
        let id = pick.member().endpoint.id();
        (identity::sticky(&request.head, &sticky.cookie) != Some(id))
            .then(|| identity::set_cookie(sticky, id))
    });
    let lines = request.way.response_lines();
    let cache = request.way.cache_status();
    if lines.is_none() && cookie.is_none() && cache.is_none() {
        return;
    }
    let mut lines = lines.unwrap_or_default().to_vec();
    if let Some(status) = cache {
        lines.extend_from_slice(b"Cache-Status: ");
        lines.extend_from_slice(&status.value());
        lines.extend_from_slice(b"\r\n");
    }
    lines.extend_from_slice(cookie.unwrap_or_default().as_bytes());
    let edits = &request.way.entry().response_edits;
    edits.apply(out, &worker.buffers, &lines);
}

/// Whether the client's connection goes on after this response, and how that is said.
fn persistence(
    worker: &Worker,
    client: &Client,
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
    if is_until_close || is_body_uncertain || !request.persists() || client.is_leaving(worker) {
        Persistence::Close
    } else if request.version() == Version::Http10 {
        Persistence::KeepAlive
    } else {
        Persistence::Implied
    }
}

/// Both directions of one exchange.
#[derive(Default)]
struct Relay {
    is_sending: bool,
    is_received: bool,
    /// When the response was complete, if the request was not.
    ended: Option<Duration>,
    /// What was wrong with the rest of the request.
    failure: Option<Failure>,
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
            let sending = request.poll_send(cx, stream, upstream.stream_mut());
            self.is_sending = sending.is_pending();
            if let Poll::Ready(Err(SendError::Client(failure))) = sending {
                self.failure = Some(failure);
            }
        }
        if !self.is_received {
            match download.poll(cx, upstream.stream_mut(), stream) {
                Poll::Ready(Err(error)) => return Poll::Ready(Err(blame(error))),
                Poll::Ready(Ok(())) => self.is_received = true,
                Poll::Pending => {}
            }
        }
        // A server that has said yes may go on reading; one that has said no does not want the rest, and a client that
        // waits for 100 will not send it.
        let is_wanted = (200..300).contains(&response.status) && !request.waits_for_100();
        if self.is_received && !(self.is_sending && is_wanted) {
            return Poll::Ready(Ok(()));
        }
        if self.is_received && self.ended.is_none() {
            self.ended = Some(worker.clock.read());
        }
        let progress = download.progress() + request.progress();
        if progress != self.progress {
            self.progress = progress;
            client
                .timer
                .set(worker.clock.read(), request.route().timeouts.body);
        }
        if client.timer.is_due(cx) {
            return Poll::Ready(self.late(request, response));
        }
        Poll::Pending
    }

    /// Nothing has moved for too long: whose fault that is.
    fn late(&mut self, request: &Request, response: &Response) -> Result<(), Failure> {
        let waits_for_upload = self.is_sending && !request.waits_for_server();
        if self.is_received {
            self.failure = waits_for_upload.then_some(Failure::ClientTimeout);
            return Ok(());
        }
        Err(match (response.download.is_writing(), waits_for_upload) {
            (true, _) => Failure::ClientGone,
            (false, true) => Failure::ClientTimeout,
            (false, false) => Failure::UpstreamTimeout,
        })
    }
}

fn blame(error: PumpError) -> Failure {
    match error {
        PumpError::Read => Failure::UpstreamBroken,
        PumpError::Body(tenfold_http1::BodyError::Truncated) => Failure::UpstreamBroken,
        PumpError::Body(error) => Failure::UpstreamInvalid(Invalid::Body(error)),
        PumpError::Write => Failure::ClientGone,
        // Responses have no limit.
        PumpError::TooLarge => Failure::UpstreamBroken,
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
