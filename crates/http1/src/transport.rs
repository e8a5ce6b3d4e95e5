//! The seam to the byte stream.

use std::io;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream};
use tokio::net::{TcpStream, UnixStream};

/// A byte stream that can say that it has something to read before a buffer is taken for it.
///
/// An idle connection waits with [`poll_readable`](Self::poll_readable) and holds no buffer; that is
/// what makes ten thousand idle connections cheap. The data itself must be read with
/// [`AsyncRead::poll_read`]: tokio clears a socket's readiness after a short read there, while
/// `try_read` needs a second, failing system call to learn the same.
pub trait Transport: AsyncRead + AsyncWrite + Unpin {
    /// Ready when a read would make progress, report the end of the stream, or fail.
    ///
    /// # Errors
    /// When the stream's driver has gone.
    fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;
}

impl Transport for TcpStream {
    fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_read_ready(cx)
    }
}

impl Transport for UnixStream {
    fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_read_ready(cx)
    }
}

/// For tests: an in-memory stream has no readiness of its own, so a buffer is taken early.
impl Transport for DuplexStream {
    fn poll_readable(&self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
