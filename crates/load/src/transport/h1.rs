//! HTTP/1.1, on crate http1.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use tenfold_http1::body::Decoder;
use tenfold_http1::chunked::Output;
use tenfold_http1::{
    Buffer, Connection, HeadError, Limits, Method, Pool, ReadError, ResponseHead, Transport,
};
use tokio::io::AsyncWrite;

use super::encode::Encoded;
use super::{Failure, Stream, Traffic};
use crate::results::ErrorKind;
use crate::scenario::{Answer, MOST_BODY, Step};

/// Bytes of a body after which others have their turn: the runtime's own measure counts reads, and a hundred of them with large buffers
/// take longer than what a start may be late by.
const TURN: usize = 256 << 10;

/// One connection.
pub(crate) struct Http1 {
    connection: Connection<Stream>,
}

impl Http1 {
    pub(crate) fn new(stream: Stream, pool: &Rc<Pool>) -> Self {
        Self {
            connection: Connection::client(stream, pool),
        }
    }

    /// Whether it can be used again, as far as is known here: nothing has come since the last answer, not even its end.
    pub(crate) fn is_usable(&mut self) -> bool {
        let cx = &mut Context::from_waker(Waker::noop());
        self.connection.is_idle() && self.connection.stream().poll_readable(cx).is_pending()
    }

    /// Sends a request and reads its answer; returns whether the connection may be used again.
    pub(crate) async fn exchange(
        &mut self,
        request: &Encoded,
        step: &Step,
        answer: &mut Answer,
        traffic: &mut Traffic,
    ) -> Result<bool, Failure> {
        let mut upload = Upload::new(&request.bytes);
        // At first: most requests are written at once, and then nobody thinks of it any more.
        poll_fn(|cx| {
            upload.poll(self.connection.stream_mut(), traffic, cx);
            Poll::Ready(())
        })
        .await;
        let head = match self.head(request.method(), &mut upload, traffic).await {
            Ok(head) => head,
            // What could not be written is why there is no answer.
            Err(failure) => return Err(upload.broken.as_ref().map_or(failure, closed)),
        };
        let line = *head.line();
        answer.status = line.status;
        if step.wants_fields() {
            for field in head.fields() {
                let name = String::from_utf8_lossy(field.name_bytes).to_ascii_lowercase();
                answer.fields.push((name, field.value.to_vec()));
            }
        }
        let keeps = step.wants_body();
        let rest = self.body(head, answer, keeps, &mut upload, traffic).await?;
        // The length that an answer to HEAD or a 304 tells is of what another request would bring: if it comes all the same, the
        // connection is not idle when it is to be used again.
        let persists =
            line.connection.persists(line.version) && rest.is_empty() && upload.is_complete();
        Ok(persists)
    }

    /// The head of the final response.
    async fn head(
        &mut self,
        method: Method,
        upload: &mut Upload<'_>,
        traffic: &mut Traffic,
    ) -> Result<ResponseHead, Failure> {
        let limits = Limits::default();
        loop {
            let read = poll_fn(|cx| {
                upload.poll(self.connection.stream_mut(), traffic, cx);
                self.connection.poll_response(cx, &limits, method)
            });
            let head = match read.await {
                Ok(head) => head,
                Err(error) => {
                    // The beginning of a head is part of what the server said.
                    let unread = self.connection.take_unread();
                    traffic.received += unread.map_or(0, |it| it.len()) as u64;
                    return Err(unreadable(error));
                }
            };
            traffic.received += u64::from(head.line().len);
            if head.line().status >= 200 {
                return Ok(head);
            }
            if head.line().status == 101 {
                return Err(Failure::new(
                    ErrorKind::Protocol,
                    "the server changed to another protocol, which was not asked for",
                ));
            }
            let rest = head.into_rest(0);
            self.connection.put_back(rest);
        }
    }

    /// Reads the body; what came behind it is what is left.
    async fn body(
        &mut self,
        head: ResponseHead,
        answer: &mut Answer,
        keeps: bool,
        upload: &mut Upload<'_>,
        traffic: &mut Traffic,
    ) -> Result<Buffer, Failure> {
        let mut decoder = Decoder::new(head.line().length);
        let mut turn = 0;
        let mut buffer = head.into_rest(0);
        loop {
            let step = decoder.decode(buffer.filled_mut(), Output::Data);
            let step =
                step.map_err(|error| Failure::new(ErrorKind::Protocol, error.to_string()))?;
            answer.size += step.produced as u64;
            if keeps {
                let room = MOST_BODY.saturating_sub(answer.body.len());
                let kept = &buffer.filled()[..step.produced.min(room)];
                answer.body.extend_from_slice(kept);
            }
            traffic.received += step.consumed as u64;
            turn += step.consumed;
            buffer.consume(step.consumed);
            if decoder.is_done() {
                return Ok(buffer);
            }
            if turn >= TURN {
                turn = 0;
                tokio::task::yield_now().await;
            }
            if !buffer.make_room() {
                return Err(Failure::new(
                    ErrorKind::Protocol,
                    "a part of the body's framing is too large",
                ));
            }
            let fill = |cx: &mut Context<'_>| -> Poll<io::Result<usize>> {
                upload.poll(self.connection.stream_mut(), traffic, cx);
                buffer.poll_fill(cx, self.connection.stream_mut())
            };
            match poll_fn(fill).await {
                Ok(0) => decoder
                    .end()
                    .map_err(|error| Failure::new(ErrorKind::Closed, error.to_string()))?,
                Ok(_) => {}
                Err(error) => return Err(closed(&error)),
            }
        }
    }
}

/// A request that is written while its answer may come already: a server that sends back what it receives, or refuses a body
/// before it has all of it, reads on only when somebody reads what it says.
struct Upload<'r> {
    left: &'r [u8],
    /// TLS: whether what was written may still be in its buffers.
    is_buffered: bool,
    /// Why the rest cannot be written; what the server said before may be there all the same.
    broken: Option<io::Error>,
}

impl<'r> Upload<'r> {
    fn new(bytes: &'r [u8]) -> Self {
        Self {
            left: bytes,
            is_buffered: false,
            broken: None,
        }
    }

    /// Writes as much as goes.
    #[inline]
    fn poll(&mut self, stream: &mut Stream, traffic: &mut Traffic, cx: &mut Context<'_>) {
        if !self.left.is_empty() || self.is_buffered {
            self.write(stream, traffic, cx);
        }
    }

    fn write(&mut self, stream: &mut Stream, traffic: &mut Traffic, cx: &mut Context<'_>) {
        while !self.left.is_empty() {
            match Pin::new(&mut *stream).poll_write(cx, self.left) {
                Poll::Pending => return,
                Poll::Ready(Ok(0)) => return self.give_up(io::ErrorKind::WriteZero.into()),
                Poll::Ready(Err(error)) => return self.give_up(error),
                Poll::Ready(Ok(count)) => {
                    traffic.sent += count as u64;
                    self.left = &self.left[count..];
                    self.is_buffered = matches!(stream, Stream::Tls(_));
                }
            }
        }
        if self.is_buffered {
            match Pin::new(&mut *stream).poll_flush(cx) {
                Poll::Pending => {}
                Poll::Ready(Ok(())) => self.is_buffered = false,
                Poll::Ready(Err(error)) => self.give_up(error),
            }
        }
    }

    fn give_up(&mut self, error: io::Error) {
        (self.left, self.is_buffered) = (&[], false);
        self.broken = Some(error);
    }

    /// Whether the server can have all of it.
    fn is_complete(&self) -> bool {
        self.left.is_empty() && !self.is_buffered && self.broken.is_none()
    }
}

fn closed(error: &io::Error) -> Failure {
    Failure::new(
        ErrorKind::Closed,
        format!("the connection broke: {}", plain(error)),
    )
}

fn unreadable(error: ReadError) -> Failure {
    match error {
        ReadError::Closed => Failure::new(
            ErrorKind::Closed,
            "the server closed the connection before its answer was complete",
        ),
        ReadError::Io(error) => closed(&error),
        ReadError::Head(error) => Failure::new(ErrorKind::Protocol, answer_is(error)),
    }
}

fn answer_is(error: HeadError) -> String {
    format!("the answer is no HTTP/1.1: {error}")
}

/// An error of the system without its number.
pub(crate) fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error") {
        Some(end) => text[..end].to_ascii_lowercase(),
        None => text,
    }
}
