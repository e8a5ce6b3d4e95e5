//! What became of a request, and what follows for the client's connection.

use std::rc::Rc;
use std::time::Duration;

use super::error::Failure;
use crate::upstream::Member;

/// What happens to the client's connection after a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// It waits for the next request.
    KeepAlive,
    /// It is closed gently: the client may still be sending, and must be able to read the response.
    Linger,
    /// It is reset: the response is incomplete, and the client must see that.
    Cut,
}

/// How a request was answered.
pub(super) struct Served {
    pub(super) status: u16,
    /// Bytes that the client got.
    pub(super) sent: u64,
    /// The server that answered.
    pub(super) endpoint: Option<Rc<Member>>,
    /// What went wrong.
    pub(super) failure: Option<Failure>,
    /// When the last byte of the response was sent, if that was before the request had ended.
    pub(super) ended: Option<Duration>,
    pub(super) next: Next,
}
