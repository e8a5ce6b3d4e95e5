//! A request that has been admitted: its head, what is sent to the server, and the rest of its body.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tenfold_http1::body::Decoder;
use tenfold_http1::chunked::Output;
use tenfold_http1::framing::Length;
use tenfold_http1::{BodyError, Buffer, Method, RequestHead, Version};
use tenfold_traffic::resilience::deadline::Deadline;
use tokio::io::AsyncWrite;
use tokio::net::TcpStream;

use super::body::{Format, Pump, PumpError};
use super::client::Client;
use super::error::Failure;
use super::headers::IdSpan;
use super::route::{self, Way};
use super::told;
use crate::config::Route;
use crate::upstream::Stream;
use crate::worker::Worker;

/// Why a request could not be sent.
#[derive(Debug)]
pub(crate) enum SendError {
    /// The client's fault.
    Client(Failure),
    /// The server does not take it. It may have answered nevertheless.
    Upstream,
}

/// A request that no server sees.
pub(crate) struct Refused {
    pub(crate) head: RequestHead,
    pub(crate) failure: Failure,
    pub(crate) started: Duration,
}

/// A request on its way.
pub(crate) struct Request {
    pub(crate) head: RequestHead,
    pub(crate) way: Way,
    /// The head that the server gets, and as much of the body as had arrived with it. Kept whole, so that it can be sent again.
    out: Buffer,
    /// How much of `out` has been written.
    sent: u32,
    /// The rest of the body, if any.
    upload: Option<Box<Pump>>,
    pub(crate) started: Duration,
    deadline: Deadline,
    /// The client says how long it waits, and its servers are told what is left of that.
    tells_deadline: bool,
    id: IdSpan,
    /// Bytes behind the head that belong to this request.
    consumed: u32,
    /// Bytes of the body that are in `out`.
    early_bytes: u32,
}

impl Request {
    /// Checks what can be checked before a server is involved, and makes the head that it gets.
    pub(crate) fn admit(
        worker: &Worker,
        client: &Client,
        head: RequestHead,
        started: Duration,
    ) -> Result<Self, Refused> {
        let mut out = worker.buffers.head();
        let prepared = check(&head).and_then(|()| {
            let prepared = route::prepare(worker, client, &head, &mut out)?;
            check_length(&head, prepared.0.route().max_body)?;
            Ok(prepared)
        });
        let (way, id) = match prepared {
            Ok(prepared) => prepared,
            Err(failure) => {
                return Err(Refused {
                    head,
                    failure,
                    started,
                });
            }
        };
        // No server is to get anything of a request that is answered here.
        let sent = if way.local().is_some() || way.refusal().is_some() {
            small(out.len())
        } else {
            0
        };
        let (deadline, tells_deadline) = told::deadline_of(way.route(), &head, started);
        let mut request = Self {
            head,
            way,
            out,
            sent,
            upload: None,
            started,
            deadline,
            tells_deadline,
            id,
            consumed: 0,
            early_bytes: 0,
        };
        match request.take_body(worker) {
            Ok(()) => Ok(request),
            Err(failure) => Err(Refused {
                head: request.head,
                failure,
                started,
            }),
        }
    }

    /// Takes what has arrived of the body, and prepares for the rest.
    fn take_body(&mut self, worker: &Worker) -> Result<(), Failure> {
        let length = self.head.line().length;
        if length == Length::None {
            return Ok(());
        }
        let most = self.route().max_body;
        let mut decoder = Decoder::new(length);
        let step = decoder
            .decode(self.head.rest_mut(), Output::Chunked)
            .map_err(Failure::Body)?;
        self.early_bytes = match &decoder {
            Decoder::Chunked(chunked) => small(chunked.data_bytes() as usize),
            Decoder::Known(_) | Decoder::UntilClose(_) => small(step.consumed),
        };
        if u64::from(self.early_bytes) > most {
            return Err(Failure::BodyTooLarge);
        }
        self.out.push(&self.head.rest()[..step.produced]);
        let mut consumed = step.consumed;
        if !decoder.is_done() {
            let mut rest = worker.buffers.relay();
            rest.push(&self.head.rest()[step.consumed..]);
            consumed = self.head.rest().len();
            let pump = Pump::new(&worker.buffers, decoder, Format::Same, None, Some(rest))
                .map_err(Failure::Body)?;
            self.upload = Some(Box::new(pump.limit(most)));
        }
        self.consumed = small(consumed);
        Ok(())
    }

    pub(crate) fn route(&self) -> &Route {
        self.way.route()
    }

    /// When it is given up, whatever it waits for then.
    pub(crate) fn deadline(&self) -> Deadline {
        self.deadline
    }

    pub(crate) fn method(&self) -> Method {
        self.head.line().method
    }

    pub(crate) fn version(&self) -> Version {
        self.head.line().version
    }

    /// The request's identifier.
    pub(crate) fn id(&self) -> &[u8] {
        self.id.of(self.out.filled())
    }

    /// True if the client wants to go on after this request.
    pub(crate) fn persists(&self) -> bool {
        self.head.line().connection.persists(self.version())
    }

    /// Sends what has not been sent: the head, then the body as it arrives. Ready when all of it is written.
    ///
    /// # Errors
    /// See [`SendError`].
    pub(crate) fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        client: &mut TcpStream,
        upstream: &mut Stream,
    ) -> Poll<Result<(), SendError>> {
        while self.unsent() > 0 {
            let rest = &self.out.filled()[self.sent as usize..];
            match ready!(Pin::new(&mut *upstream).poll_write(cx, rest)) {
                Ok(0) | Err(_) => return Poll::Ready(Err(SendError::Upstream)),
                Ok(count) => self.sent += small(count),
            }
        }
        let Some(upload) = &mut self.upload else {
            return Poll::Ready(Ok(()));
        };
        let result = ready!(upload.poll(cx, client, upstream));
        Poll::Ready(result.map_err(|error| {
            let failure = match error {
                PumpError::Write => return SendError::Upstream,
                PumpError::Read | PumpError::Body(BodyError::Truncated) => Failure::ClientGone,
                PumpError::Body(error) => Failure::Body(error),
                PumpError::TooLarge => Failure::BodyTooLarge,
            };
            SendError::Client(failure)
        }))
    }

    /// Reads and forgets the rest of the body. Ready with true if its end was reached within `most` bytes.
    pub(crate) fn poll_discard(
        &mut self,
        cx: &mut Context<'_>,
        client: &mut TcpStream,
        most: u64,
    ) -> Poll<bool> {
        match &mut self.upload {
            Some(upload) => upload
                .poll_discard(cx, client, most)
                .map(|result| result.unwrap_or(false)),
            None => Poll::Ready(true),
        }
    }

    /// True if all of it has been written to the server.
    pub(crate) fn is_sent(&self) -> bool {
        self.unsent() == 0 && self.upload.as_ref().is_none_or(|upload| upload.is_done())
    }

    /// True if there is a part of the body that did not arrive with the head.
    pub(crate) fn has_upload(&self) -> bool {
        self.upload.is_some()
    }

    /// Bytes of `out` that have not been written.
    fn unsent(&self) -> usize {
        self.out.len() - self.sent as usize
    }

    /// True if nothing has been written to the server.
    pub(crate) fn is_unsent(&self) -> bool {
        self.sent == 0
    }

    /// Grows whenever sending makes progress.
    pub(crate) fn progress(&self) -> u64 {
        u64::from(self.sent) + self.upload.as_ref().map_or(0, |upload| upload.progress())
    }

    /// True if what holds up the upload is the server.
    pub(crate) fn waits_for_server(&self) -> bool {
        self.unsent() > 0
            || self
                .upload
                .as_ref()
                .is_none_or(|upload| upload.is_writing())
    }

    /// True if nothing of the body has moved but what came with the head.
    fn is_untouched(&self) -> bool {
        self.upload
            .as_ref()
            .is_none_or(|upload| upload.progress() == 0)
    }

    /// True if everything that was read from the client is still there.
    pub(crate) fn is_replayable(&self) -> bool {
        self.is_untouched() || self.upload.as_ref().is_some_and(|upload| upload.is_kept())
    }

    /// Keeps what passes of the body, up to `most` bytes, so that it can be sent again.
    pub(crate) fn keep_body(&mut self, most: u64) {
        if self.is_untouched()
            && let Some(upload) = &mut self.upload
        {
            upload.keep(most);
        }
    }

    /// It will not be sent again.
    pub(crate) fn forget_body(&mut self) {
        if let Some(upload) = &mut self.upload {
            upload.forget_kept();
        }
    }

    /// True if sending it to another server is harmless: it has not been seen, or seeing it twice changes nothing.
    pub(crate) fn may_repeat(&self) -> bool {
        self.is_replayable() && (self.is_unsent() || self.method().is_idempotent())
    }

    /// Puts another head in place of what the server was to get. Only for requests without a body. The identifier is where it
    /// was, or was not changed.
    pub(crate) fn replace_head(&mut self, head: Buffer) {
        debug_assert!(self.early_bytes == 0 && self.upload.is_none());
        let id = self.id().to_vec();
        self.out = head;
        self.id = super::headers::locate(self.out.filled(), &id);
        self.sent = 0;
    }

    /// What the server gets, as far as it is at hand: all of it, unless there is an upload.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.out.filled()
    }

    /// Tells the server that is asked `now` what is left, if the client says how long it waits. Before anything is sent.
    pub(crate) fn tell_deadline(&mut self, now: Duration) {
        if self.tells_deadline {
            let header = self.route().deadline_header.as_deref();
            let head = told::tell(self.bytes(), header, self.deadline.left(now));
            let mut out = self.out.pool().head();
            out.push(&head);
            let id = self.id().to_vec();
            self.out = out;
            self.id = super::headers::locate(self.out.filled(), &id);
        }
    }

    /// True if the servers are to be told how long the client waits.
    pub(crate) fn tells_deadline(&self) -> bool {
        self.tells_deadline
    }

    /// True if the client waits for `100 Continue` before it sends its body.
    pub(crate) fn waits_for_100(&self) -> bool {
        self.head.line().expects_continue && self.has_upload() && self.is_untouched()
    }

    /// Keeps no more memory than it needs, for a long time to come.
    pub(crate) fn shrink(&mut self) {
        self.head.shrink();
        self.out.shrink();
    }

    /// No server is to get anything more of what is at hand: another attempt has sent it, or nobody is to have it.
    pub(crate) fn mark_sent(&mut self) {
        self.sent = small(self.out.len());
    }

    /// Prepares for sending it again from the beginning: what was kept of the body follows the head then.
    pub(crate) fn rewind(&mut self) {
        self.sent = 0;
        if let Some(upload) = &mut self.upload {
            self.out.push(&upload.rewind());
        }
    }

    /// Bytes of the body that have been received.
    pub(crate) fn body_bytes(&self) -> u64 {
        match &self.upload {
            Some(upload) if upload.is_chunked() => upload.body_bytes(),
            Some(upload) => u64::from(self.early_bytes) + upload.body_bytes(),
            None => u64::from(self.early_bytes),
        }
    }

    /// Ends the request and returns what was read behind it: the beginning of the next one.
    pub(crate) fn into_rest(self) -> Buffer {
        match self.upload {
            Some(upload) => upload.into_rest().unwrap_or_else(|| self.out.pool().head()),
            None => self.head.into_rest(self.consumed as usize),
        }
    }
}

/// Lengths within a buffer; 32 bits keep a request's future small.
fn small(len: usize) -> u32 {
    u32::try_from(len).expect("a head and what came with it are far below 4 GiB")
}

fn check(head: &RequestHead) -> Result<(), Failure> {
    let line = head.line();
    if matches!(line.method, Method::Connect | Method::Trace) {
        return Err(Failure::Method);
    }
    if line.unknown_expectation {
        return Err(Failure::Expectation);
    }
    Ok(())
}

fn check_length(head: &RequestHead, most: u64) -> Result<(), Failure> {
    match head.line().length {
        Length::Known(length) if length > most => Err(Failure::BodyTooLarge),
        _ => Ok(()),
    }
}
