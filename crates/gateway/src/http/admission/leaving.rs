//! Noticing that a client leaves while its request waits here, and neither reads from it nor writes to it.
//!
//! A request under way is not watched: most are answered before anybody could leave, and it would cost each of them a waker.

use std::task::{Context, Poll};

use tokio::io::ReadBuf;
use tokio::net::TcpStream;

use crate::http::request::Request;

/// Watches a client, as long as anything can be seen of it.
pub(super) struct Leaving {
    is_watched: bool,
}

impl Leaving {
    /// What comes behind the request may be the rest of it, or the next one: with an upload nothing can be seen.
    pub(super) fn watch(request: &Request) -> Self {
        Self {
            is_watched: !request.has_upload(),
        }
    }

    /// The same, but whoever has said that nothing follows (`Connection: close`) may close its side and wait for the answer.
    pub(super) fn watch_lasting(request: &Request) -> Self {
        Self {
            is_watched: request.persists() && !request.has_upload(),
        }
    }

    /// Ready when the client has left.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, stream: &TcpStream) -> Poll<()> {
        if !self.is_watched {
            return Poll::Pending;
        }
        let mut byte = [0];
        match stream.poll_peek(cx, &mut ReadBuf::new(&mut byte)) {
            // A client that has closed its side is taken to be gone: of those that have to wait, hardly any is still there to read.
            Poll::Ready(Ok(0) | Err(_)) => Poll::Ready(()),
            // The next request; its end cannot be seen behind it.
            Poll::Ready(Ok(_)) => {
                self.is_watched = false;
                Poll::Pending
            }
            Poll::Pending => Poll::Pending,
        }
    }
}
