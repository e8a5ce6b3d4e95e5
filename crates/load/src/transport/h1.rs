//! HTTP/1.1, on crate http1.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use tenfold_http1::body::Decoder;
use tenfold_http1::chunked::Output;
use tenfold_http1::{
    Buffer, Connection, HeadError, Limits, Pool, ReadError, ResponseHead, Transport,
};
use tokio::io::AsyncWrite;

use super::encode::Encoded;
use super::{Failure, Stream, Traffic};
use crate::results::ErrorKind;
use crate::scenario::{Answer, MOST_BODY, Step};

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
        // A server that refuses a body answers and closes: what it said may be there although the rest cannot be written.
        let written = self.write(&request.bytes, traffic).await;
        let head = match (self.head(request, traffic).await, written) {
            (Ok(head), _) => head,
            (Err(_), Err(error)) => return Err(closed(&error)),
            (Err(failure), Ok(())) => return Err(failure),
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
        let rest = self.body(head, answer, keeps, traffic).await?;
        let persists =
            line.connection.persists(line.version) && rest.is_empty() && !line.declares_absent_body;
        Ok(persists)
    }

    async fn write(&mut self, bytes: &[u8], traffic: &mut Traffic) -> io::Result<()> {
        let mut left = bytes;
        let stream = self.connection.stream_mut();
        while !left.is_empty() {
            let count = poll_fn(|cx| Pin::new(&mut *stream).poll_write(cx, left)).await?;
            if count == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            traffic.sent += count as u64;
            left = &left[count..];
        }
        match stream {
            Stream::Plain(_) => Ok(()),
            // What was written is in its buffers.
            Stream::Tls(_) => poll_fn(|cx| Pin::new(&mut *stream).poll_flush(cx)).await,
        }
    }

    /// The head of the final response.
    async fn head(
        &mut self,
        request: &Encoded,
        traffic: &mut Traffic,
    ) -> Result<ResponseHead, Failure> {
        let limits = Limits::default();
        loop {
            let read = poll_fn(|cx| self.connection.poll_response(cx, &limits, request.method()));
            let head = read.await.map_err(unreadable)?;
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
        traffic: &mut Traffic,
    ) -> Result<Buffer, Failure> {
        let mut decoder = Decoder::new(head.line().length);
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
            buffer.consume(step.consumed);
            if decoder.is_done() {
                return Ok(buffer);
            }
            if !buffer.make_room() {
                return Err(Failure::new(
                    ErrorKind::Protocol,
                    "a part of the body's framing is too large",
                ));
            }
            let fill = |cx: &mut Context<'_>| -> Poll<io::Result<usize>> {
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
