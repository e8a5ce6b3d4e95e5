//! One side of an HTTP/1.1 connection: a stream and what has been read from it but not used yet.

use std::io;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use crate::buffer::{Buffer, Pool};
use crate::error::{HeadError, ReadError};
use crate::field::Field;
use crate::head::{Head, StartLine};
use crate::parse::Limits;
use crate::transport::Transport;

/// A connection. [`server`](crate::server) reads requests from one, [`client`](crate::client) responses.
///
/// While nothing has arrived it holds no buffer.
#[derive(Debug)]
pub struct Connection<S> {
    stream: S,
    unread: Option<Buffer>,
    /// How much of `unread` has been searched for the end of a head, so that a head which arrives byte by byte
    /// costs no more than one that arrives at once.
    searched: usize,
    pool: Rc<Pool>,
    reads_large: bool,
}

impl<S: Transport> Connection<S> {
    /// A server's side of a connection over `stream`, whose buffers come from `pool`: requests are
    /// small, and many wait at once.
    pub fn server(stream: S, pool: &Rc<Pool>) -> Self {
        Self {
            stream,
            unread: None,
            searched: 0,
            pool: Rc::clone(pool),
            reads_large: false,
        }
    }

    /// A client's side: responses bring their body along, and are passed on as soon as they are read.
    pub fn client(stream: S, pool: &Rc<Pool>) -> Self {
        Self {
            reads_large: true,
            ..Self::server(stream, pool)
        }
    }

    /// The byte stream, for bodies and for writing.
    pub fn stream(&self) -> &S {
        &self.stream
    }

    /// The byte stream, for bodies and for writing.
    pub fn stream_mut(&mut self) -> &mut S {
        &mut self.stream
    }

    /// True if nothing of a next message has arrived, as far as is known without a read.
    pub fn is_idle(&self) -> bool {
        self.unread.is_none()
    }

    /// Puts back what was read behind a message: the beginning of the next one.
    pub fn put_back(&mut self, rest: Buffer) {
        self.searched = 0;
        self.unread = (!rest.is_empty()).then_some(rest);
    }

    /// Takes what has been read but not used.
    pub fn take_unread(&mut self) -> Option<Buffer> {
        self.searched = 0;
        self.unread.take()
    }

    /// Reads a head that `parse` accepts, behind empty lines if they are allowed. `None` is a stream that ended between two messages.
    pub(crate) fn poll_head<L: StartLine>(
        &mut self,
        cx: &mut Context<'_>,
        limits: &Limits,
        skips_empty_lines: bool,
        parse: impl Fn(&[u8], &mut Vec<Field>) -> Result<Option<L>, HeadError>,
    ) -> Poll<Result<Option<Head<L>>, ReadError>> {
        loop {
            if skips_empty_lines {
                self.skip_empty_lines();
            }
            if let Some(buffer) = &mut self.unread {
                if self.searched == 0
                    || buffer.len() >= limits.head
                    || has_end(buffer.filled(), self.searched)
                {
                    let (bytes, fields) = buffer.parts();
                    if let Some(line) = parse(bytes, fields)? {
                        self.searched = 0;
                        let buffer = self.unread.take().expect("it is Some in this branch");
                        return Poll::Ready(Ok(Some(Head::new(buffer, line))));
                    }
                }
                self.searched = buffer.len();
            }
            match ready!(self.poll_more(cx)) {
                Ok(0) if self.unread.is_some() => return Poll::Ready(Err(ReadError::Closed)),
                Ok(0) => return Poll::Ready(Ok(None)),
                Ok(_) => {}
                Err(error) => return Poll::Ready(Err(error.into())),
            }
        }
    }

    /// Reads once; takes a buffer only when there is something to read, and keeps none that is empty.
    fn poll_more(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if let Some(buffer) = &mut self.unread {
            if !buffer.make_room() {
                // Unreachable with sane limits: a full buffer is above them and was refused before.
                return Poll::Ready(Err(io::ErrorKind::OutOfMemory.into()));
            }
            return buffer.poll_fill(cx, &mut self.stream);
        }
        ready!(self.stream.poll_readable(cx))?;
        let mut buffer = if self.reads_large {
            self.pool.relay()
        } else {
            self.pool.head()
        };
        let count = ready!(buffer.poll_fill(cx, &mut self.stream))?;
        if count > 0 {
            self.unread = Some(buffer);
        }
        Poll::Ready(Ok(count))
    }

    /// Drops empty lines in front of a request, which RFC 9112 section 2.2 asks a server to tolerate.
    fn skip_empty_lines(&mut self) {
        if let Some(buffer) = &mut self.unread {
            let mut skipped = 0;
            while buffer.filled().starts_with(b"\r\n") {
                buffer.consume(2);
                skipped += 2;
            }
            self.searched = self.searched.saturating_sub(skipped);
            if buffer.is_empty() {
                self.unread = None;
                self.searched = 0;
            }
        }
    }
}

/// True if an empty line ends behind byte `from`, be it with CR LF or with the bare LF that the parser then
/// refuses.
fn has_end(bytes: &[u8], from: usize) -> bool {
    let start = from.saturating_sub(3);
    memchr::memchr_iter(b'\n', &bytes[start..]).any(|at| {
        let rest = &bytes[start + at + 1..];
        rest.starts_with(b"\r\n") || rest.starts_with(b"\n")
    })
}
