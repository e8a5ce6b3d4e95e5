//! Connections of users: HTTP/1.1 and HTTP/2, with and without TLS.
//!
//! # The idea
//! A [`Client`] is what one user sends requests with, one after the other. With HTTP/1.1 it is a connection of its own, with HTTP/2 a place on
//! one that users of the same thread share. It knows nothing of time: whoever waits too long drops the future and then the client.

pub(crate) mod connect;
pub(crate) mod encode;
mod h1;
mod h2;
mod tls;

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use tenfold_http1::{Pool, Transport};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use crate::results::ErrorKind;
use crate::scenario::{Answer, Outgoing, Step};
use crate::test::{Protocol, Target};

pub(crate) use tls::Tls;

/// Why there is no answer.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) kind: ErrorKind,
    pub(crate) message: Cow<'static, str>,
}

impl Failure {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind,
            message: message.into(),
        }
    }
}

/// What clients of one thread share.
pub(crate) struct Network {
    pub(crate) target: Rc<Target>,
    pub(crate) addresses: Vec<SocketAddr>,
    tls: Option<Tls>,
    pool: Rc<Pool>,
    /// Which address is next.
    next: Cell<usize>,
    /// HTTP/2: the connections that are shared.
    shared: RefCell<Vec<Rc<h2::Connection>>>,
    /// HTTP/2: most of those.
    most_shared: usize,
    /// HTTP/2: held by whoever opens one, so that a crowd that comes at once does not open one each.
    opening: tokio::sync::Mutex<()>,
}

impl Network {
    pub(crate) fn new(
        target: &Target,
        addresses: Vec<SocketAddr>,
        tls: Option<Tls>,
        most_shared: usize,
        first: usize,
    ) -> Rc<Self> {
        Rc::new(Self {
            target: Rc::new(target.clone()),
            addresses,
            tls,
            pool: Pool::new(),
            next: Cell::new(first),
            shared: RefCell::default(),
            most_shared: most_shared.max(1),
            opening: tokio::sync::Mutex::default(),
        })
    }

    /// The next of the target's addresses, in turn.
    fn address(&self) -> SocketAddr {
        let next = self.next.get();
        self.next.set(next.wrapping_add(1));
        self.addresses[next % self.addresses.len()]
    }
}

/// What a request costs besides time.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Traffic {
    pub(crate) sent: u64,
    pub(crate) received: u64,
}

/// A request, ready to be sent.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Request<'a> {
    /// One that is the same every time: its bytes in HTTP/1.1.
    Bytes(&'a encode::Encoded, &'a Outgoing),
    /// One that was put together just now.
    Parts(&'a Outgoing),
}

/// What one user sends requests with.
pub(crate) struct Client {
    network: Rc<Network>,
    state: State,
    /// Whether the connection was there before this user: it may have been about to end.
    is_shared: bool,
    /// Where requests are put together.
    scratch: encode::Encoded,
}

enum State {
    Closed,
    Http1(Box<h1::Http1>),
    Http2(Rc<h2::Connection>),
}

impl Client {
    pub(crate) fn new(network: &Rc<Network>) -> Self {
        Self {
            network: Rc::clone(network),
            state: State::Closed,
            is_shared: false,
            scratch: encode::Encoded::default(),
        }
    }

    /// Gives up the connection; the next request opens another.
    pub(crate) fn close(&mut self) {
        self.state = State::Closed;
    }

    /// Sends a request and reads the whole answer, over a connection that it opens if there is none.
    ///
    /// # Errors
    /// Why there is no answer; the connection is given up then.
    pub(crate) async fn exchange(
        &mut self,
        request: Request<'_>,
        step: &Step,
        answer: &mut Answer,
        traffic: &mut Traffic,
    ) -> Result<(), Failure> {
        let was_open = self.reopen();
        let first = self.attempt(request, step, answer, traffic).await;
        let Err(failure) = first else {
            return Ok(());
        };
        self.close();
        // A server may close a connection that idles at the very moment when it is used again: RFC 9110 section 9.2.2 has clients send
        // requests once more then, if nothing was heard (not even a part of a head) and repeating does no harm. What was never sent does none.
        let method = request.outgoing().method.as_bytes();
        let is_harmless = traffic.sent == 0 || tenfold_http1::Method::of(method).is_idempotent();
        let may_repeat = (was_open || self.is_shared)
            && failure.kind == ErrorKind::Closed
            && traffic.received == 0
            && is_harmless;
        if !may_repeat {
            return Err(failure);
        }
        let again = self.attempt(request, step, answer, traffic).await;
        if again.is_err() {
            self.close();
        }
        again
    }

    /// Whether there is a connection that can be used again.
    fn reopen(&mut self) -> bool {
        let is_usable = match &mut self.state {
            State::Closed => false,
            State::Http1(http1) => http1.is_usable(),
            State::Http2(connection) => connection.is_usable(),
        };
        if !is_usable {
            self.close();
        }
        is_usable
    }

    async fn attempt(
        &mut self,
        request: Request<'_>,
        step: &Step,
        answer: &mut Answer,
        traffic: &mut Traffic,
    ) -> Result<(), Failure> {
        answer.clear();
        self.is_shared = false;
        if matches!(self.state, State::Closed) {
            // Rare, and large.
            (self.state, self.is_shared) = Box::pin(self.open()).await?;
        }
        match &mut self.state {
            State::Http1(http1) => {
                let encoded = match request {
                    Request::Bytes(encoded, _) => encoded,
                    Request::Parts(outgoing) => {
                        self.scratch.encode(outgoing, &self.network.target);
                        &self.scratch
                    }
                };
                let persists = http1.exchange(encoded, step, answer, traffic).await?;
                if !persists {
                    self.close();
                }
                Ok(())
            }
            State::Http2(connection) => {
                let outgoing = request.outgoing();
                let target = &self.network.target;
                let connection = Rc::clone(connection);
                Box::pin(connection.exchange(outgoing, target, step, answer, traffic)).await
            }
            State::Closed => unreachable!("it was opened above"),
        }
    }

    /// A connection, and whether others use it already.
    async fn open(&self) -> Result<(State, bool), Failure> {
        let network = &self.network;
        if network.target.protocol == Protocol::Http2 {
            let (connection, is_shared) = h2::shared_or_new(network).await?;
            return Ok((State::Http2(connection), is_shared));
        }
        let (stream, is_http2) = connect::connect(network).await?;
        if is_http2 {
            // What it speaks was found out before the first phase.
            return Err(Failure::new(
                ErrorKind::Protocol,
                "the server changed from HTTP/1.1 to HTTP/2",
            ));
        }
        let http1 = h1::Http1::new(stream, &network.pool);
        Ok((State::Http1(Box::new(http1)), false))
    }
}

impl Request<'_> {
    fn outgoing(&self) -> &Outgoing {
        match self {
            Self::Bytes(_, outgoing) | Self::Parts(outgoing) => outgoing,
        }
    }
}

/// A stream to the target.
pub(crate) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Transport for Stream {
    fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(stream) => stream.poll_read_ready(cx),
            Self::Tls(stream) => {
                let (socket, tls) = stream.get_ref();
                // What was decrypted already makes no socket readable.
                if tls.wants_read() {
                    socket.poll_read_ready(cx)
                } else {
                    Poll::Ready(Ok(()))
                }
            }
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
