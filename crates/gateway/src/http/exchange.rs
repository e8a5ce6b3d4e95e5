//! One attempt: the request goes out, the head of the response comes back.
//!
//! Both at once: a server may answer before it has read the whole request (RFC 9112 section 9.5 hints at it for
//! errors), and a client may wait for `100 Continue` before it sends the body.

use std::future::poll_fn;
use std::task::{Context, Poll};
use std::time::Duration;

use tenfold_http1::buffer::RELAY;
use tenfold_http1::parse::MAX_FIELDS;
use tenfold_http1::{Limits, ReadError, ResponseHead, Version};
use tokio::io::AsyncWriteExt;

use super::client::Client;
use super::error::{Failure, Invalid};
use super::headers;
use super::request::{Request, SendError};
use crate::upstream::{Connection, Pick};
use crate::worker::Worker;

/// How large the head of a response may be: as large as can be. What a listener says is about its clients' requests.
pub(super) const RESPONSE_LIMITS: Limits = Limits {
    head: RELAY,
    fields: MAX_FIELDS,
};

/// Why there is no response.
#[derive(Clone, Copy, Debug)]
pub(super) enum ExchangeError {
    /// Another attempt would not help, or must not be made.
    Fatal(Failure),
    /// The connection broke before a response had begun.
    Broken,
    /// Probes say that the server is down, and another one may answer instead.
    Abandoned,
}

/// Who is asked.
pub(super) struct Parties<'a> {
    pub(super) pick: &'a Pick,
    pub(super) connection: &'a mut Connection,
    /// Somebody else may be asked if it goes down.
    pub(super) may_change: bool,
}

/// Sends the request and reads the head of the final response, passing interim ones on.
pub(super) fn run<'a>(
    worker: &'a Worker,
    client: &'a mut Client,
    request: &'a mut Request,
    parties: Parties<'a>,
    now: Duration,
) -> impl Future<Output = Result<ResponseHead, ExchangeError>> + 'a {
    // A client that waits for 100 sends its body when the server has spoken.
    let is_uploading = request.has_upload() && !request.head.line().expects_continue;
    let first = if is_uploading {
        request.route().timeouts.body
    } else {
        response_timeout(request)
    };
    client.timer.set(now, request.deadline().within(now, first));
    let Parties {
        pick,
        connection: upstream,
        may_change,
    } = parties;
    let mut sending = Sending {
        stays: !may_change || pick.member().endpoint.is_down(),
        ..Sending::default()
    };
    async move {
        loop {
            let head =
                poll_fn(|cx| sending.poll(cx, worker, client, request, pick, upstream)).await?;
            match head.line().status {
                101 if headers::upgrade_of(&request.head).is_some() => return Ok(head),
                101 => {
                    return Err(ExchangeError::Fatal(Failure::UpstreamInvalid(
                        Invalid::UnaskedUpgrade,
                    )));
                }
                100..200 => Box::pin(pass_interim(worker, client, request, upstream, head)).await?,
                _ => return Ok(head),
            }
        }
    }
}

/// How long a server may take to begin its answer: what the route allows, or less for one attempt of several.
fn response_timeout(request: &Request) -> Duration {
    let response = request.route().timeouts.response;
    let retry = &request.way.upstream().shared.config.retry;
    retry
        .per_try_timeout
        .map_or(response, |per_try| per_try.min(response))
}

/// How far sending has come.
#[derive(Default)]
struct Sending {
    /// All of it is written, or the server takes no more.
    is_over: bool,
    /// The server is not given up when it goes down: it was thought to be down when it was chosen, since nobody better was left, or no
    /// other attempt may follow.
    stays: bool,
    /// [`Request::progress`] when the deadline was last moved.
    progress: u64,
}

impl Sending {
    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        worker: &Worker,
        client: &mut Client,
        request: &mut Request,
        pick: &Pick,
        upstream: &mut Connection,
    ) -> Poll<Result<ResponseHead, ExchangeError>> {
        let stream = client.connection.stream_mut();
        if !self.is_over {
            match request.poll_send(cx, stream, upstream.stream_mut()) {
                Poll::Ready(Err(SendError::Client(failure))) => {
                    return Poll::Ready(Err(ExchangeError::Fatal(failure)));
                }
                // The server closed or reset its side; what it has said about the reason can still be read.
                Poll::Ready(Err(SendError::Upstream)) => self.is_over = true,
                Poll::Ready(Ok(())) => {
                    self.is_over = true;
                    if request.has_upload() || self.progress > 0 {
                        let (now, limit) = (worker.clock.read(), response_timeout(request));
                        client.timer.set(now, request.deadline().within(now, limit));
                    }
                }
                Poll::Pending if request.progress() != self.progress => {
                    self.progress = request.progress();
                    let (now, limit) = (worker.clock.read(), request.route().timeouts.body);
                    client.timer.set(now, request.deadline().within(now, limit));
                }
                Poll::Pending => {}
            }
        }
        match upstream.poll_response(cx, &RESPONSE_LIMITS, request.method()) {
            Poll::Ready(Ok(head)) => Poll::Ready(Ok(head)),
            Poll::Ready(Err(ReadError::Head(error))) => Poll::Ready(Err(ExchangeError::Fatal(
                Failure::UpstreamInvalid(Invalid::Head(error)),
            ))),
            Poll::Ready(Err(ReadError::Closed | ReadError::Io(_))) => {
                Poll::Ready(Err(ExchangeError::Broken))
            }
            Poll::Pending if client.timer.is_due(cx) => {
                let is_clients =
                    !self.is_over && !request.waits_for_server() && !request.waits_for_100();
                let failure = if is_clients {
                    Failure::ClientTimeout
                } else if request.deadline().has_passed(worker.clock.recent()) {
                    Failure::DeadlineExceeded
                } else {
                    Failure::UpstreamTimeout
                };
                Poll::Ready(Err(ExchangeError::Fatal(failure)))
            }
            Poll::Pending if !self.stays && is_given_up(worker, request, pick) => {
                Poll::Ready(Err(ExchangeError::Abandoned))
            }
            Poll::Pending => Poll::Pending,
        }
    }
}

/// True if probes say that the server is down, and somebody who is well may be asked instead.
fn is_given_up(worker: &Worker, request: &Request, pick: &Pick) -> bool {
    pick.member().endpoint.is_down()
        && request.may_repeat()
        && pick.has_other(worker.clock.recent())
}

/// Passes an interim response on, which HTTP/1.0 does not know (RFC 9110 section 15.2).
async fn pass_interim(
    worker: &Worker,
    client: &mut Client,
    request: &Request,
    upstream: &mut Connection,
    head: ResponseHead,
) -> Result<(), ExchangeError> {
    if request.version() == Version::Http11 {
        let mut out = worker.buffers.head();
        headers::interim(&mut out, &head);
        let write = client.connection.stream_mut().write_all(out.filled());
        match client.timer.limit(write).await {
            Some(Ok(())) => worker.metrics.sent_bytes.add(out.len() as u64),
            Some(Err(_)) | None => return Err(ExchangeError::Fatal(Failure::ClientGone)),
        }
    }
    upstream.put_back(head.into_rest(0));
    Ok(())
}
