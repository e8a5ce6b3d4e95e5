//! Heads: a start line and fields, kept as offsets into the buffer that they were read into.

use std::fmt;

use crate::buffer::Buffer;
use crate::framing::{Connection, Length};

/// A range of bytes, relative to the first byte of the head.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// Offset of the first byte.
    pub start: u32,
    /// Offset after the last byte.
    pub end: u32,
}

impl Span {
    /// The bytes of this range.
    #[must_use]
    pub fn of(self, bytes: &[u8]) -> &[u8] {
        &bytes[self.start as usize..self.end as usize]
    }

    /// True if the range has no bytes.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.start == self.end
    }
}

/// One field line, as offsets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// What the field is, if it is one that a proxy has to know.
    pub name: Name,
    /// Where its name stands. The line begins here.
    pub name_span: Span,
    /// Where its value stands, without the white space around it.
    pub value_span: Span,
    /// Offset after the line's CR LF.
    pub line_end: u32,
}

/// A field with its bytes.
#[derive(Clone, Copy, Debug)]
pub struct FieldRef<'a> {
    /// What the field is, if it is one that a proxy has to know.
    pub name: Name,
    /// The name as it was written.
    pub name_bytes: &'a [u8],
    /// The value, without the white space around it.
    pub value: &'a [u8],
    /// The whole line with its CR LF.
    pub line: &'a [u8],
}

/// The field names that a proxy has to know. Everything else is [`Name::Other`] and passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Name {
    /// `Accept`
    Accept,
    /// `Connection`
    Connection,
    /// `Content-Length`
    ContentLength,
    /// `Date`
    Date,
    /// `Expect`
    Expect,
    /// `Forwarded` (RFC 7239)
    Forwarded,
    /// `Host`
    Host,
    /// `HTTP2-Settings`, which belongs to the h2c upgrade only
    Http2Settings,
    /// `Keep-Alive`
    KeepAlive,
    /// `Proxy`, which no standard defines and CGI programs mistake for configuration (CVE-2016-5385)
    Proxy,
    /// `Proxy-Connection`, an old misspelling of `Connection`
    ProxyConnection,
    /// `TE`
    Te,
    /// `traceparent` (W3C Trace Context)
    Traceparent,
    /// `Trailer`
    Trailer,
    /// `Transfer-Encoding`
    TransferEncoding,
    /// `Upgrade`
    Upgrade,
    /// `User-Agent`
    UserAgent,
    /// `Via`
    Via,
    /// `X-Forwarded-For`
    XForwardedFor,
    /// `X-Forwarded-Host`
    XForwardedHost,
    /// `X-Forwarded-Port`
    XForwardedPort,
    /// `X-Forwarded-Proto`
    XForwardedProto,
    /// Any other `X-Forwarded-…`: back ends believe them too
    XForwardedOther,
    /// `X-Real-IP`
    XRealIp,
    /// `X-Request-Id`
    XRequestId,
    /// One of the above spelled with `_` for `-`: CGI and its heirs read both as the same name, so
    /// that it could stand in for a field that the proxy vouches for.
    Lookalike,
    /// Any other name.
    Other,
}

impl Name {
    /// Recognises a field name, in any case (RFC 9110 section 5.1).
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let candidates: &[(&[u8], Self)] = match bytes.len() {
            2 => &[(b"te", Self::Te)],
            3 => &[(b"via", Self::Via)],
            4 => &[(b"host", Self::Host), (b"date", Self::Date)],
            5 => &[(b"proxy", Self::Proxy)],
            6 => &[(b"accept", Self::Accept), (b"expect", Self::Expect)],
            7 => &[(b"upgrade", Self::Upgrade), (b"trailer", Self::Trailer)],
            9 => &[
                (b"forwarded", Self::Forwarded),
                (b"x-real-ip", Self::XRealIp),
            ],
            10 => &[
                (b"connection", Self::Connection),
                (b"user-agent", Self::UserAgent),
                (b"keep-alive", Self::KeepAlive),
            ],
            11 => &[(b"traceparent", Self::Traceparent)],
            12 => &[(b"x-request-id", Self::XRequestId)],
            14 => &[
                (b"content-length", Self::ContentLength),
                (b"http2-settings", Self::Http2Settings),
            ],
            15 => &[(b"x-forwarded-for", Self::XForwardedFor)],
            16 => &[
                (b"x-forwarded-host", Self::XForwardedHost),
                (b"x-forwarded-port", Self::XForwardedPort),
                (b"proxy-connection", Self::ProxyConnection),
            ],
            17 => &[
                (b"transfer-encoding", Self::TransferEncoding),
                (b"x-forwarded-proto", Self::XForwardedProto),
            ],
            _ => &[],
        };
        for (name, known) in candidates {
            match compare(bytes, name) {
                Likeness::Same => return *known,
                Likeness::Lookalike => return Self::Lookalike,
                Likeness::Different => {}
            }
        }
        match bytes
            .get(..FORWARDED_PREFIX.len())
            .map(|start| compare(start, FORWARDED_PREFIX))
        {
            Some(Likeness::Same | Likeness::Lookalike) => Self::XForwardedOther,
            Some(Likeness::Different) | None => Self::Other,
        }
    }
}

const FORWARDED_PREFIX: &[u8] = b"x-forwarded-";

enum Likeness {
    Same,
    Lookalike,
    Different,
}

/// Compares without regard to case, and notices `_` written for `-`.
fn compare(bytes: &[u8], name: &[u8]) -> Likeness {
    let mut likeness = Likeness::Same;
    for (byte, wanted) in bytes.iter().zip(name) {
        if byte.to_ascii_lowercase() != *wanted {
            if *byte != b'_' || *wanted != b'-' {
                return Likeness::Different;
            }
            likeness = Likeness::Lookalike;
        }
    }
    likeness
}

/// A request method. Methods are case-sensitive (RFC 9110 section 9.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// `GET`
    Get,
    /// `HEAD`
    Head,
    /// `POST`
    Post,
    /// `PUT`
    Put,
    /// `DELETE`
    Delete,
    /// `OPTIONS`
    Options,
    /// `PATCH`
    Patch,
    /// `CONNECT`
    Connect,
    /// `TRACE`
    Trace,
    /// Any other token.
    Other,
}

impl Method {
    /// Recognises a method.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        match bytes {
            b"GET" => Self::Get,
            b"HEAD" => Self::Head,
            b"POST" => Self::Post,
            b"PUT" => Self::Put,
            b"DELETE" => Self::Delete,
            b"OPTIONS" => Self::Options,
            b"PATCH" => Self::Patch,
            b"CONNECT" => Self::Connect,
            b"TRACE" => Self::Trace,
            _ => Self::Other,
        }
    }

    /// True if repeating the request has the same effect as sending it once (RFC 9110 section 9.2.2).
    #[must_use]
    pub fn is_idempotent(self) -> bool {
        matches!(
            self,
            Self::Get | Self::Head | Self::Put | Self::Delete | Self::Options | Self::Trace
        )
    }
}

/// A protocol version that this crate speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// HTTP/1.0
    Http10,
    /// HTTP/1.1
    Http11,
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_recognised_in_any_case() {
        for (bytes, name) in [
            (&b"Host"[..], Name::Host),
            (b"hOST", Name::Host),
            (b"X-Forwarded-For", Name::XForwardedFor),
            (b"TRANSFER-ENCODING", Name::TransferEncoding),
            (b"Transfer-Encodinh", Name::Other),
            (b"", Name::Other),
            (b"X-Custom", Name::Other),
        ] {
            assert_eq!(Name::of(bytes), name, "{}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn underscored_spellings_of_known_names_are_lookalikes() {
        for bytes in [
            &b"Content_Length"[..],
            b"x_forwarded-for",
            b"X_Request_Id",
            b"keep_alive",
        ] {
            assert_eq!(Name::of(bytes), Name::Lookalike);
        }
        assert_eq!(Name::of(b"my_header_"), Name::Other);
        for bytes in [
            &b"X-Forwarded-Prefix"[..],
            b"x_forwarded_Ssl",
            b"X-Forwarded-Client-Cert",
        ] {
            assert_eq!(Name::of(bytes), Name::XForwardedOther);
        }
    }

    #[test]
    fn post_and_patch_are_not_idempotent() {
        assert!(Method::of(b"PUT").is_idempotent());
        assert!(!Method::of(b"POST").is_idempotent());
        assert!(!Method::of(b"PATCH").is_idempotent());
        assert!(
            !Method::of(b"get").is_idempotent(),
            "methods are case-sensitive"
        );
    }
}
