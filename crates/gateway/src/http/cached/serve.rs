//! A stored response goes to a client.
//!
//! Head and body are written together, and most often in one system call: this is the path that has to be fast. A small body
//! is copied behind its head, because the kernel takes one slice cheaper than two; pieces of a larger one stay where they lie.

use std::future::poll_fn;
use std::io::IoSlice;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use tenfold_http1::{Buffer, Method, Version, write};
use tokio::io::AsyncWrite as _;

use crate::cache::body::Reader;
use crate::cache::object::{Body, Object};
use crate::http::cache::ask::Ask;
use crate::http::cache::fields::Lines;
use crate::http::cache::range as stored_range;
use crate::http::cache::status::CacheStatus;
use crate::http::cache::validate;
use crate::http::client::Client;
use crate::http::error::{Failure, reason};
use crate::http::range::{self, Range};
use crate::http::request::Request;
use crate::http::served::{Next, Served};
use crate::worker::Worker;

/// The name of this hop, as in [`crate::http::headers`].
const VIA: &[u8] = b"Via: 1.1 tenfold\r\n";
/// A body that makes no more than so many bytes together with its head is copied behind it: `writev` of two slices costs the
/// kernel more than `send` of one and copying this much together.
const JOINED: u64 = 4 << 10;
/// Pieces of a body that are written at once.
const SLICES: usize = 16;

/// Which part of an object's body.
#[derive(Clone, Copy)]
struct Part {
    skip: u64,
    take: u64,
    /// The length is not known, so that it has to be framed.
    is_chunked: bool,
}

/// A stored response, or what a client wants of it, ready to be sent. What can be done without waiting has been done: this is
/// part of the future of every request.
pub(in crate::http) struct Serving {
    object: Arc<Object>,
    reader: Option<Reader>,
    outgoing: Outgoing,
    status: u16,
    persists: bool,
}

/// Sends a stored response, or what the client wants of it.
/// With the reader of a body that is still arriving.
pub(super) async fn serve(
    worker: &Worker,
    client: &mut Client,
    request: &Request,
    (object, reader): (Arc<Object>, Option<Reader>),
    age: u32,
    status: &CacheStatus,
) -> Served {
    let mut serving = Serving::new(worker, client, request, object, age, status);
    // Who wants nothing of the body holds nobody up.
    serving.reader = reader.filter(|_| serving.outgoing.part.take > 0);
    serving.send(worker, client, request).await
}

impl Serving {
    /// Makes the head, and finds the part of the body.
    pub(super) fn new(
        worker: &Worker,
        client: &Client,
        request: &Request,
        object: Arc<Object>,
        age: u32,
        told: &CacheStatus,
    ) -> Self {
        let mut persists = request.persists() && !client.is_leaving(worker);
        let mut status = 0;
        let response = Stored {
            object: &object,
            age,
            told,
        };
        let (mut head, mut part) = head(worker, request, &response, &mut persists, &mut status);
        if let Some(lines) = request.way.response_lines() {
            let edits = &request.way.entry().response_edits;
            edits.apply(&mut head, &worker.buffers, lines);
        }
        if part.take.saturating_add(head.len() as u64) <= JOINED {
            match object.body() {
                Body::Small(body) => join(&mut head, &[body], &mut part),
                Body::Pieces(pieces) => join(&mut head, pieces, &mut part),
                Body::Arriving(_) => {}
            }
        }
        let outgoing = Outgoing {
            head,
            chunk: Bytes::new(),
            part,
            sent: 0,
        };
        Self {
            object,
            reader: None,
            outgoing,
            status,
            persists,
        }
    }

    /// Sends it.
    pub(in crate::http) async fn send(
        mut self,
        worker: &Worker,
        client: &mut Client,
        request: &Request,
    ) -> Served {
        let timeout = request.route().timeouts.body;
        let result = match self.object.body() {
            Body::Arriving(_) if self.outgoing.part.take > 0 => {
                let reader = self.reader.expect("what is arriving comes with its reader");
                let sending = self.outgoing.arriving(worker, client, reader, timeout);
                Box::pin(sending).await
            }
            Body::Arriving(_) => {
                let nothing: &[Bytes] = &[];
                self.outgoing.pieces(worker, client, nothing, timeout).await
            }
            Body::Small(body) => self.outgoing.pieces(worker, client, &[body], timeout).await,
            Body::Pieces(pieces) => self.outgoing.pieces(worker, client, pieces, timeout).await,
        };
        Served {
            status: self.status,
            sent: self.outgoing.sent,
            endpoint: None,
            failure: result.err(),
            ended: None,
            next: match (result, self.persists) {
                (Err(_), _) => Next::Cut,
                (Ok(()), true) => Next::KeepAlive,
                (Ok(()), false) => Next::Linger,
            },
        }
    }
}

/// What is to be said.
struct Stored<'a> {
    object: &'a Object,
    age: u32,
    told: &'a CacheStatus,
}

/// The head that the client gets, and the part of the body.
fn head(
    worker: &Worker,
    request: &Request,
    response: &Stored<'_>,
    persists: &mut bool,
    status: &mut u16,
) -> (Buffer, Part) {
    let object = response.object;
    let plan = request
        .way
        .plan()
        .expect("only what has a plan comes from the cache");
    let passed = plan.passed(&request.head);
    let asked = passed.request(plan.target(&request.head));
    let ask = Ask::of(&asked, &plan.store.config.policy);
    let now = worker.clock.unix(worker.clock.recent());
    let has_body = request.method() != Method::Head;
    let mut out = worker.buffers.head();

    let is_not_modified = validate::is_not_modified(&ask, &object.rules, object.etag(), now);
    let wanted = match is_not_modified {
        true => Range::Whole,
        false => stored_range::wanted(&ask, &object.rules, object.etag(), object.length(), now),
    };
    *status = match wanted {
        _ if is_not_modified => 304,
        Range::Whole => object.rules.status,
        Range::Part { .. } => 206,
        Range::Unsatisfiable => 416,
    };
    write::status_line(&mut out, *status, reason(*status).as_bytes());
    if is_not_modified {
        for (name, _, line) in Lines(object.fields()).lines() {
            if validate::goes_with_304(name) {
                out.push(line);
            }
        }
    } else {
        out.push(object.fields());
    }
    let nothing = Part {
        skip: 0,
        take: 0,
        is_chunked: false,
    };
    let part = match (wanted, object.length()) {
        _ if is_not_modified => nothing,
        (Range::Part { start, end }, Some(size)) => {
            let value = range::content_range(start, end, size);
            write::field(&mut out, b"Content-Range", value.as_bytes());
            write::content_length(&mut out, end - start);
            Part {
                skip: start,
                take: end - start,
                is_chunked: false,
            }
        }
        (Range::Unsatisfiable, Some(size)) => {
            write::field(
                &mut out,
                b"Content-Range",
                range::unsatisfied(size).as_bytes(),
            );
            write::content_length(&mut out, 0);
            nothing
        }
        (_, Some(_)) if object.rules.status == 204 => nothing,
        (_, Some(size)) => {
            write::content_length(&mut out, size);
            Part {
                skip: 0,
                take: size,
                is_chunked: false,
            }
        }
        (_, None) if request.version() == Version::Http10 => {
            // Its end is the connection's.
            *persists = false;
            Part {
                skip: 0,
                take: u64::MAX,
                is_chunked: false,
            }
        }
        (_, None) => {
            out.push(b"Transfer-Encoding: chunked\r\n");
            Part {
                skip: 0,
                take: u64::MAX,
                is_chunked: true,
            }
        }
    };
    out.push(b"Age: ");
    out.push_number(u64::from(response.age));
    out.push(b"\r\nCache-Status: ");
    out.push(&response.told.value());
    out.push(b"\r\n");
    out.push(VIA);
    if !*persists {
        out.push(b"Connection: close\r\n");
    } else if request.version() == Version::Http10 {
        out.push(b"Connection: keep-alive\r\n");
    }
    out.push(b"\r\n");
    let part = if has_body { part } else { nothing };
    (out, part)
}

/// What is being written.
struct Outgoing {
    /// The head, and for chunked bodies what comes before a piece.
    head: Buffer,
    /// The piece that is being written.
    chunk: Bytes,
    part: Part,
    sent: u64,
}

impl Outgoing {
    /// Writes the head and pieces that are all there.
    async fn pieces(
        &mut self,
        worker: &Worker,
        client: &mut Client,
        pieces: &[impl AsRef<[u8]>],
        timeout: Duration,
    ) -> Result<(), Failure> {
        let total = self.head.len() as u64 + self.part.take;
        let head_len = self.head.len();
        let mut is_waiting = false;
        while self.sent < total {
            let (head, part, sent) = (&self.head, self.part, self.sent);
            let written = poll_fn(|cx| {
                let mut slices = [IoSlice::new(&[]); SLICES];
                let count = gather(&mut slices, head.filled(), head_len, pieces, part, sent);
                let stream = Pin::new(client.connection.stream_mut());
                let result = match &slices[..count] {
                    [one] => stream.poll_write(cx, one),
                    several => stream.poll_write_vectored(cx, several),
                };
                match result {
                    Poll::Pending => {
                        if !std::mem::replace(&mut is_waiting, true) {
                            client.timer.set(worker.clock.read(), timeout);
                        }
                        if client.timer.is_due(cx) {
                            return Poll::Ready(Err(Failure::ClientGone));
                        }
                        Poll::Pending
                    }
                    Poll::Ready(Ok(0) | Err(_)) => Poll::Ready(Err(Failure::ClientGone)),
                    Poll::Ready(Ok(written)) => Poll::Ready(Ok(written)),
                }
            });
            self.sent += written.await? as u64;
            is_waiting = false;
        }
        Ok(())
    }

    /// Writes the head and a body that is still arriving.
    async fn arriving(
        &mut self,
        worker: &Worker,
        client: &mut Client,
        mut reader: Reader,
        timeout: Duration,
    ) -> Result<(), Failure> {
        let Part {
            mut skip,
            mut take,
            is_chunked,
        } = self.part;
        loop {
            let next = match reader.try_next() {
                Some(next) => next,
                None => {
                    // What there is goes out before waiting for more.
                    self.flush(worker, client, timeout).await?;
                    // The fetch has its own time limits, and ends the body when they are over.
                    reader.next().await
                }
            };
            let Some(mut piece) = next.map_err(|_| Failure::UpstreamBroken)? else {
                break;
            };
            let skipped = skip.min(piece.len() as u64);
            skip -= skipped;
            let piece = piece.split_off(skipped as usize);
            let piece = piece.slice(..(piece.len() as u64).min(take) as usize);
            if piece.is_empty() {
                continue;
            }
            take -= piece.len() as u64;
            if is_chunked {
                let (start, prefix) = write::chunk_prefix(piece.len());
                self.head.push(&prefix[start..]);
            }
            self.chunk = piece;
            self.flush(worker, client, timeout).await?;
            if is_chunked {
                self.head.push(b"\r\n");
            }
            if take == 0 {
                break;
            }
        }
        if is_chunked {
            self.head.push(b"0\r\n\r\n");
        } else if take > 0 && self.part.take != u64::MAX {
            return Err(Failure::UpstreamBroken);
        }
        self.flush(worker, client, timeout).await
    }

    /// Writes what is at hand.
    async fn flush(
        &mut self,
        worker: &Worker,
        client: &mut Client,
        timeout: Duration,
    ) -> Result<(), Failure> {
        client.timer.set(worker.clock.read(), timeout);
        while !self.head.is_empty() || !self.chunk.is_empty() {
            let (head, chunk) = (&mut self.head, &mut self.chunk);
            let written = poll_fn(|cx| {
                let both = [IoSlice::new(head.filled()), IoSlice::new(chunk)];
                match Pin::new(client.connection.stream_mut()).poll_write_vectored(cx, &both) {
                    Poll::Ready(Ok(0) | Err(_)) => Poll::Ready(Err(Failure::ClientGone)),
                    Poll::Ready(Ok(written)) => Poll::Ready(Ok(written)),
                    Poll::Pending if client.timer.is_due(cx) => {
                        Poll::Ready(Err(Failure::ClientGone))
                    }
                    Poll::Pending => Poll::Pending,
                }
            });
            let written = written.await?;
            self.sent += written as u64;
            let of_head = written.min(self.head.len());
            self.head.consume(of_head);
            let _sent = self.chunk.split_to(written - of_head);
            client.timer.set(worker.clock.read(), timeout);
        }
        Ok(())
    }
}

/// Moves what is wanted of the body behind the head.
fn join(head: &mut Buffer, pieces: &[impl AsRef<[u8]>], part: &mut Part) {
    for piece in pieces {
        let piece = piece.as_ref();
        let skipped = part.skip.min(piece.len() as u64);
        let rest = &piece[skipped as usize..];
        let taken = part.take.min(rest.len() as u64);
        head.push(&rest[..taken as usize]);
        part.skip -= skipped;
        part.take -= taken;
    }
}

/// Points `slices` at what comes after `sent` bytes; returns how many were needed.
fn gather<'a>(
    slices: &mut [IoSlice<'a>; SLICES],
    head: &'a [u8],
    head_len: usize,
    pieces: &'a [impl AsRef<[u8]>],
    part: Part,
    sent: u64,
) -> usize {
    let mut count = 0;
    let of_head = usize::try_from(sent).unwrap_or(usize::MAX).min(head_len);
    if of_head < head_len {
        slices[0] = IoSlice::new(&head[of_head..]);
        count = 1;
    }
    let body_sent = sent - of_head as u64;
    let mut skip = part.skip + body_sent;
    let mut left = part.take - body_sent;
    for piece in pieces {
        if count == SLICES || left == 0 {
            break;
        }
        let piece = piece.as_ref();
        let len = piece.len() as u64;
        if skip >= len {
            skip -= len;
            continue;
        }
        let here = (len - skip).min(left);
        slices[count] = IoSlice::new(&piece[skip as usize..(skip + here) as usize]);
        count += 1;
        left -= here;
        skip = 0;
    }
    count
}
