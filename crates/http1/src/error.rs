//! What can be wrong with a message. Which status code answers it is the caller's to say.

use std::{fmt, io};

/// A head that is not HTTP/1.1, or not HTTP/1.1 that can be forwarded safely.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeadError {
    /// The start line is not `method SP target SP version` or `version SP status SP [reason]`.
    StartLine,
    /// The request target has none of the four forms of RFC 9112 section 3.2, or a byte that no URI has.
    Target,
    /// The version is not `HTTP/1.0` or `HTTP/1.1`.
    Version,
    /// A field line is malformed: its name, a space before the colon, a control byte in its value,
    /// or a folded line (RFC 9112 section 5).
    Field,
    /// A line that ends in a bare LF, or holds a bare CR (RFC 9112 section 2.2).
    LineEnding,
    /// The request line alone is longer than the limit.
    TargetTooLong,
    /// The head is longer than the limit, or has too many fields.
    TooLarge,
    /// `Host` is missing, doubled or malformed (RFC 9112 section 3.2).
    Host,
    /// `Content-Length` is malformed, or two of them differ (RFC 9112 section 6.3).
    ContentLength,
    /// `Content-Length` beside `Transfer-Encoding`: the classic of request smuggling (section 6.1).
    LengthAndCoding,
    /// `Transfer-Encoding` where it may not be, repeated, or not ending in `chunked`.
    TransferEncoding,
    /// A transfer coding other than `chunked` (RFC 9112 section 6.1 asks for 501).
    UnknownCoding,
}

impl HeadError {
    /// A stable, bounded name for metrics and logs.
    #[must_use]
    pub fn kind(self) -> &'static str {
        match self {
            Self::StartLine => "bad_start_line",
            Self::Target => "bad_target",
            Self::Version => "bad_version",
            Self::Field => "bad_field",
            Self::LineEnding => "bad_line_ending",
            Self::TargetTooLong => "target_too_long",
            Self::TooLarge => "head_too_large",
            Self::Host => "bad_host",
            Self::ContentLength => "bad_content_length",
            Self::LengthAndCoding => "length_and_coding",
            Self::TransferEncoding => "bad_transfer_encoding",
            Self::UnknownCoding => "unknown_transfer_coding",
        }
    }
}

impl fmt::Display for HeadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::StartLine => "the first line is not a valid HTTP/1.1 start line",
            Self::Target => "the request target is malformed",
            Self::Version => "the HTTP version is not supported; HTTP/1.1 and HTTP/1.0 are",
            Self::Field => "a header field is malformed",
            Self::LineEnding => "a line does not end in CR LF",
            Self::TargetTooLong => "the request target is too long",
            Self::TooLarge => "the header section is too large",
            Self::Host => "the Host field is missing, repeated or malformed",
            Self::ContentLength => "the Content-Length is malformed, or two of them differ",
            Self::LengthAndCoding => "Content-Length and Transfer-Encoding exclude each other",
            Self::TransferEncoding => "the Transfer-Encoding is malformed or not allowed here",
            Self::UnknownCoding => "the only transfer coding that is supported is chunked",
        })
    }
}

impl std::error::Error for HeadError {}

/// A body whose framing is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyError {
    /// A chunk's size line or its end is malformed (RFC 9112 section 7.1).
    Chunk,
    /// The trailer section is malformed, too large, or tries to change the framing (section 7.1.2).
    Trailer,
    /// The stream ended before the body did (RFC 9112 section 8).
    Truncated,
}

impl BodyError {
    /// A stable, bounded name for metrics and logs.
    #[must_use]
    pub fn kind(self) -> &'static str {
        match self {
            Self::Chunk => "bad_chunk",
            Self::Trailer => "bad_trailer",
            Self::Truncated => "body_truncated",
        }
    }
}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Chunk => "a chunk of the body is malformed",
            Self::Trailer => "the trailer section is malformed",
            Self::Truncated => "the body ended early",
        })
    }
}

impl std::error::Error for BodyError {}

/// Why no head could be read from a stream.
#[derive(Debug)]
pub enum ReadError {
    /// The stream ended or failed inside a head, or (for a client) before one.
    Closed,
    /// The stream failed.
    Io(io::Error),
    /// What arrived is not an acceptable head.
    Head(HeadError),
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("the connection was closed before a whole head arrived"),
            Self::Io(error) => write!(f, "reading failed: {error}"),
            Self::Head(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ReadError {}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<HeadError> for ReadError {
    fn from(error: HeadError) -> Self {
        Self::Head(error)
    }
}
