//! Heads: a start line and fields, kept as offsets into the buffer that they were read into.

use std::fmt;

use crate::buffer::Buffer;
use crate::field::{FieldRef, Span};
use crate::framing::{Connection, Length};
use crate::name::{Method, Name, Version};

/// What the parser found out about a request, apart from its fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestLine {
    /// Length of the head in bytes, with the empty line that ends it.
    pub len: u32,
    /// The method.
    pub method: Method,
    /// Where the method stands.
    pub method_span: Span,
    /// Where the path and query of the target stand; empty means `/` (or `*` for `OPTIONS`).
    pub target: Span,
    /// True if the target was in absolute form, whose authority overrides `Host` (RFC 9112 section 3.2.2).
    pub absolute: bool,
    /// Where the authority stands: of an absolute target, else of `Host`; empty in HTTP/1.0 without one.
    pub authority: Span,
    /// The version.
    pub version: Version,
    /// How the body is framed.
    pub length: Length,
    /// What the `Connection` field says.
    pub connection: Connection,
    /// True if the client waits for `100 Continue`.
    pub expects_continue: bool,
    /// True if `Expect` asks for something else (answered with 417, RFC 9110 section 10.1.1).
    pub unknown_expectation: bool,
}

/// What the parser found out about a response, apart from its fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatusLine {
    /// Length of the head in bytes, with the empty line that ends it.
    pub len: u32,
    /// The status code, 100 to 999 (those above 599 mean nothing, and some servers send them).
    pub status: u16,
    /// The declared `Content-Length`, which may describe a body that is not there (HEAD, 304).
    pub content_length: Option<u64>,
    /// True if a body was declared where there is none: a server that sends it after all would answer the next request.
    pub declares_absent_body: bool,
    /// Where the reason phrase stands; may be empty.
    pub reason: Span,
    /// The version.
    pub version: Version,
    /// How the body is framed.
    pub length: Length,
    /// What the `Connection` field says.
    pub connection: Connection,
}

/// A head in the buffer that it was read into: `L` is its parsed start line.
///
/// Bytes that arrived behind the head are still in the buffer; see [`Head::rest`].
pub struct Head<L> {
    buffer: Buffer,
    line: L,
}

/// The head of a request.
pub type RequestHead = Head<RequestLine>;
/// The head of a response.
pub type ResponseHead = Head<StatusLine>;

/// A parsed start line; says how long the whole head is.
pub trait StartLine: Copy {
    /// Length of the head in bytes, with the empty line that ends it.
    fn head_len(&self) -> usize;
}

impl StartLine for RequestLine {
    fn head_len(&self) -> usize {
        self.len as usize
    }
}

impl StartLine for StatusLine {
    fn head_len(&self) -> usize {
        self.len as usize
    }
}

impl<L: StartLine> Head<L> {
    pub(crate) fn new(buffer: Buffer, line: L) -> Self {
        Self { buffer, line }
    }

    /// The parsed start line.
    #[must_use]
    pub fn line(&self) -> &L {
        &self.line
    }

    /// The bytes of the head.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.buffer.filled()[..self.line.head_len()]
    }

    /// The fields, in the order in which they were written.
    pub fn fields(&self) -> impl Iterator<Item = FieldRef<'_>> {
        let bytes = self.bytes();
        self.buffer.fields().iter().map(move |field| FieldRef {
            name: field.name,
            name_bytes: field.name_span.of(bytes),
            value: field.value_span.of(bytes),
            line: &bytes[field.name_span.start as usize..field.line_end as usize],
        })
    }

    /// The value of the first field of that name.
    #[must_use]
    pub fn get(&self, name: Name) -> Option<&[u8]> {
        self.fields()
            .find(|field| field.name == name)
            .map(|field| field.value)
    }

    /// The bytes that arrived behind the head: the beginning of a body, or the next message.
    #[must_use]
    pub fn rest(&self) -> &[u8] {
        &self.buffer.filled()[self.line.head_len()..]
    }

    /// The same, to be decoded in place.
    #[must_use]
    pub fn rest_mut(&mut self) -> &mut [u8] {
        let len = self.line.head_len();
        &mut self.buffer.filled_mut()[len..]
    }

    /// Keeps no more memory than it needs; see [`Buffer::shrink`].
    pub fn shrink(&mut self) {
        self.buffer.shrink();
    }

    /// Gives up the head and keeps the buffer without it and without the first `count` bytes behind it.
    #[must_use]
    pub fn into_rest(mut self, count: usize) -> Buffer {
        self.buffer.consume(self.line.head_len() + count);
        self.buffer
    }
}

impl RequestHead {
    /// The method as it was written.
    #[must_use]
    pub fn method_bytes(&self) -> &[u8] {
        self.line.method_span.of(self.bytes())
    }

    /// Path and query, in origin form or `*`.
    #[must_use]
    pub fn target(&self) -> &[u8] {
        if !self.line.target.is_empty() {
            return self.line.target.of(self.bytes());
        }
        if self.line.method == Method::Options {
            b"*"
        } else {
            b"/"
        }
    }

    /// The authority that the request is for; empty only in HTTP/1.0.
    #[must_use]
    pub fn authority(&self) -> &[u8] {
        self.line.authority.of(self.bytes())
    }
}

impl ResponseHead {
    /// The reason phrase; may be empty.
    #[must_use]
    pub fn reason(&self) -> &[u8] {
        self.line.reason.of(self.bytes())
    }
}

impl<L: StartLine + fmt::Debug> fmt::Debug for Head<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.line.fmt(f)
    }
}
