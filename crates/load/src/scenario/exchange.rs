//! What passes between a user and whoever sends his requests.

use std::time::Duration;

use crate::results::ErrorKind;

/// A request that is ready to be sent. Its buffers are used again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outgoing {
    /// The method.
    pub method: String,
    /// Path and query as the request line has them, the target's base included.
    pub path: String,
    /// Names and values, without Host and Content-Length.
    pub fields: Vec<(String, String)>,
    /// The body; empty if there is none.
    pub body: Vec<u8>,
}

impl Outgoing {
    /// Makes it empty, and keeps its memory.
    pub fn clear(&mut self) {
        self.method.clear();
        self.path.clear();
        self.fields.clear();
        self.body.clear();
    }
}

/// What came back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// Names in lower case, and values; only if [`Step::wants_fields`](super::Step::wants_fields).
    pub fields: Vec<(String, Vec<u8>)>,
    /// The body; only if [`Step::wants_body`](super::Step::wants_body).
    pub body: Vec<u8>,
    /// Bytes of the body, also if it is not wanted.
    pub size: u64,
    /// From sending the request to the end of this.
    pub time: Duration,
}

impl Answer {
    /// Makes it empty, and keeps its memory.
    pub fn clear(&mut self) {
        self.status = 0;
        self.fields.clear();
        self.body.clear();
        self.size = 0;
        self.time = Duration::ZERO;
    }

    /// The values of all fields of a name, which is in lower case.
    pub(super) fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        let fields = self.fields.iter();
        fields.filter_map(move |(field, value)| (field == name).then_some(value.as_slice()))
    }
}

/// Why a request failed, or was not sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Its kind.
    pub kind: ErrorKind,
    /// One sentence without a full stop, at most some hundred characters long.
    pub message: String,
}

impl Problem {
    pub(super) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
        }
    }
}
