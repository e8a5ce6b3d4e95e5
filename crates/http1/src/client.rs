//! The client's side of a connection: reading responses.

use std::task::{Context, Poll};

use crate::connection::Connection;
use crate::error::ReadError;
use crate::head::ResponseHead;
use crate::name::Method;
use crate::parse::{self, Limits};
use crate::transport::Transport;

impl<S: Transport> Connection<S> {
    /// Reads the head of the next response to a request of that method, interim responses (1xx) included.
    ///
    /// # Errors
    /// [`ReadError::Closed`] when the stream ends before a whole head, [`ReadError::Head`] when the head is refused; the
    /// connection is of no further use then.
    pub fn poll_response(
        &mut self,
        cx: &mut Context<'_>,
        limits: &Limits,
        method: Method,
    ) -> Poll<Result<ResponseHead, ReadError>> {
        self.poll_head(cx, limits, false, |bytes, fields| {
            parse::response(bytes, fields, limits, method)
        })
        .map(|result| result?.ok_or(ReadError::Closed))
    }
}
