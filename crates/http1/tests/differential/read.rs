//! Reading a stream of requests, with this crate and with hyper.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::body::{Body as _, Incoming};
use hyper::rt::ReadBufCursor;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use tenfold_http1::body::Decoder;
use tenfold_http1::chunked::Output;
use tenfold_http1::framing::Length;
use tenfold_http1::{BodyError, Connection, Limits, Method, Pool, ReadError, Transport};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What a reader made of a stream.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// The requests whose heads were accepted. Only the last may have a body that was not.
    pub(crate) messages: Vec<Message>,
    /// Where each of them begins, and last the one that was refused, if any. Only this crate tells.
    pub(crate) starts: Vec<usize>,
    /// Why reading stopped early, if this crate refused something.
    pub(crate) refusal: Option<&'static str>,
}

/// A request whose head was accepted.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) head: Head,
    pub(crate) body: Body,
}

/// What two readers of a head must agree on.
#[derive(Debug, PartialEq)]
pub(crate) struct Head {
    method: String,
    /// The authority of the target, unless it is in origin form.
    authority: Option<String>,
    path: String,
    /// The length of the body in bytes; `None` if it is chunked.
    length: Option<u64>,
}

#[derive(Debug, PartialEq)]
pub(crate) enum Body {
    Complete(Vec<u8>),
    /// Malformed, or cut off by the end of the stream.
    Broken,
}

/// The bytes of a client, in pieces. What is written to it vanishes.
struct Wire<'a> {
    input: &'a [u8],
    at: usize,
    piece: usize,
}

impl<'a> Wire<'a> {
    fn new(input: &'a [u8], piece: usize) -> Self {
        Self {
            input,
            at: 0,
            piece,
        }
    }

    fn take(&mut self, room: usize) -> &'a [u8] {
        let rest = &self.input[self.at..];
        let piece = &rest[..rest.len().min(self.piece).min(room)];
        self.at += piece.len();
        piece
    }
}

impl AsyncRead for Wire<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let piece = self.take(buf.remaining());
        buf.put_slice(piece);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire<'_> {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl Transport for Wire<'_> {
    fn poll_readable(&self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl hyper::rt::Read for Wire<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        mut buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let piece = self.take(buf.remaining());
        buf.put_slice(piece);
        Poll::Ready(Ok(()))
    }
}

impl hyper::rt::Write for Wire<'_> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        AsyncWrite::poll_write(self, cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        AsyncWrite::poll_flush(self, cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        AsyncWrite::poll_shutdown(self, cx)
    }
}

/// Reads as a proxy would that uses this crate.
pub(crate) async fn ours(input: &[u8], piece: usize) -> Outcome {
    let pool = Pool::new();
    let mut connection = Connection::server(Wire::new(input, piece), &pool);
    let mut outcome = Outcome::default();
    loop {
        let head = match poll_fn(|cx| connection.poll_request(cx, &Limits::default())).await {
            Ok(Some(head)) => head,
            Ok(None) => return outcome,
            Err(error) => {
                let unread = connection.take_unread().map_or(0, |rest| rest.len());
                outcome.starts.push(connection.stream().at - unread);
                outcome.refusal = match error {
                    ReadError::Head(error) => Some(error.kind()),
                    ReadError::Closed => None,
                    ReadError::Io(error) => unreachable!("the wire never fails: {error}"),
                };
                return outcome;
            }
        };
        let (line, unread) = (*head.line(), head.bytes().len() + head.rest().len());
        outcome.starts.push(connection.stream().at - unread);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let in_head = Head {
            method: text(head.method_bytes()),
            authority: line.absolute.then(|| text(head.authority())),
            path: match line.target.of(head.bytes()) {
                b"" if line.method == Method::Connect => String::new(),
                // As hyper sees it. To `target()` it is "*" in OPTIONS (RFC 9112 section 3.2.4).
                b"" => "/".to_owned(),
                path => text(path),
            },
            length: match line.length {
                Length::None => Some(0),
                Length::Known(bytes) => Some(bytes),
                Length::Chunked => None,
                Length::UntilClose => unreachable!("a request's body has an end"),
            },
        };

        let mut decoder = Decoder::new(line.length);
        let mut buffer = head.into_rest(0);
        let mut data = Vec::new();
        let result: Result<(), BodyError> = loop {
            match decoder.decode(buffer.filled_mut(), Output::Data) {
                Ok(step) => {
                    data.extend_from_slice(&buffer.filled()[..step.produced]);
                    buffer.consume(step.consumed);
                }
                Err(error) => break Err(error),
            }
            if decoder.is_done() {
                break Ok(());
            }
            assert!(
                buffer.make_room(),
                "what has to be shown again is smaller than a buffer"
            );
            let count = poll_fn(|cx| buffer.poll_fill(cx, connection.stream_mut())).await;
            if count.expect("the wire never fails") == 0 {
                break decoder.end();
            }
        };
        outcome.messages.push(Message {
            head: in_head,
            body: result.map_or(Body::Broken, |()| Body::Complete(data)),
        });
        if let Err(error) = result {
            outcome.refusal = (error != BodyError::Truncated).then(|| error.kind());
            return outcome;
        }
        if !line.connection.persists(line.version) {
            return outcome;
        }
        connection.put_back(buffer);
    }
}

/// Reads as a server that uses hyper would.
pub(crate) async fn hyper(input: &[u8], piece: usize) -> Outcome {
    let messages = RefCell::new(Vec::new());
    let service = service_fn(|request: Request<Incoming>| async {
        let (parts, mut body) = request.into_parts();
        let path = parts.uri.path_and_query().map_or("", |path| path.as_str());
        let head = Head {
            method: parts.method.to_string(),
            authority: parts.uri.authority().map(ToString::to_string),
            path: path.to_owned(),
            length: body.size_hint().exact(),
        };
        messages.borrow_mut().push(Message {
            head,
            body: Body::Broken,
        });
        let mut data = Vec::new();
        while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
            if let Ok(bytes) = frame?.into_data() {
                data.extend_from_slice(&bytes);
            }
        }
        messages
            .borrow_mut()
            .last_mut()
            .expect("it was pushed above")
            .body = Body::Complete(data);
        // Not a 2xx, which would end HTTP on the connection in answer to CONNECT.
        let mut response = Response::new(String::new());
        *response.status_mut() = StatusCode::NOT_FOUND;
        Ok::<_, hyper::Error>(response)
    });
    // Without half-close hyper drops a request whose client has stopped sending.
    let connection = http1::Builder::new()
        .half_close(true)
        .header_read_timeout(None)
        .serve_connection(Wire::new(input, piece), service);
    // How it ends is in the messages: hyper's error says no more than that it went no further.
    let _ = connection.await;
    Outcome {
        messages: messages.into_inner(),
        ..Outcome::default()
    }
}
