//! Bytes to offsets: the parsers for heads. Pure functions; what they refuse never gets further.
//!
//! `httparse` finds the fields (with SIMD), and this module adds the strictness that it leaves to its caller: every line
//! ends in CR LF, the target and the authority are well-formed, and the framing is unambiguous.

use std::mem::MaybeUninit;

use crate::buffer::RELAY;
use crate::error::HeadError;
use crate::field::{Field, Span};
use crate::framing::{Facts, Length};
use crate::head::{RequestLine, StatusLine};
use crate::name::{Method, Name, Version};
use crate::target;

/// The largest number of fields that can be allowed.
pub const MAX_FIELDS: usize = 100;

/// How large a head may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes from the first of the start line to the last of the empty line; at most [`RELAY`].
    pub head: usize,
    /// Number of field lines; at most [`MAX_FIELDS`].
    pub fields: usize,
}

impl Default for Limits {
    /// 64 KiB and 100 fields. RFC 9112 section 3 asks for at least 8000 bytes of request line; cookies
    /// and tokens of real applications need several times that.
    fn default() -> Self {
        Self {
            head: RELAY,
            fields: MAX_FIELDS,
        }
    }
}

type Uninit<'b> = [MaybeUninit<httparse::Header<'b>>; MAX_FIELDS];

/// Parses the head of a request at the beginning of `bytes` and leaves its fields in `fields`.
///
/// `None` means that the head is not complete yet.
///
/// # Errors
/// When the head can no longer become an acceptable one.
pub fn request(
    bytes: &[u8],
    fields: &mut Vec<Field>,
    limits: &Limits,
) -> Result<Option<RequestLine>, HeadError> {
    fields.clear();
    // httparse skips empty lines before a request; the reader has done so already, and strictly.
    if bytes.first() == Some(&b'\n') || (bytes.first() == Some(&b'\r') && bytes.len() > 1) {
        return Err(HeadError::LineEnding);
    }
    let mut headers: Uninit<'_> = [const { MaybeUninit::uninit() }; MAX_FIELDS];
    let allowed = limits.fields.min(MAX_FIELDS);
    let mut parsed = httparse::Request::new(&mut []);
    let len = match parsed.parse_with_uninit_headers(bytes, &mut headers[..allowed]) {
        Ok(httparse::Status::Complete(len)) if len <= limits.head => len,
        Ok(httparse::Status::Complete(_)) => return Err(HeadError::TooLarge),
        Ok(httparse::Status::Partial) => return partial(bytes, limits, HeadError::TargetTooLong),
        Err(error) => {
            return Err(head_error(error, bytes, |line| {
                line.splitn(3, |b| *b == b' ').nth(2)
            }));
        }
    };
    let (Some(method_text), Some(target_text)) = (parsed.method, parsed.path) else {
        return Err(HeadError::StartLine);
    };
    let version = version_of(parsed.version);
    let method_span = span_of(bytes, method_text.as_bytes());
    let target_span = span_of(bytes, target_text.as_bytes());
    let first_line_end = target_span.end as usize + " HTTP/1.1\r\n".len();
    if bytes.get(first_line_end - 2) != Some(&b'\r') {
        return Err(HeadError::LineEnding);
    }

    let method = Method::of(method_text.as_bytes());
    let target = target::split(bytes, target_span, method)?;
    let mut found = Found::default();
    collect(bytes, len, parsed.headers, fields, |name, value, span| {
        found.add(name, value, span)
    })?;
    if found.host.is_none() && version == Version::Http11 {
        return Err(HeadError::Host);
    }
    Ok(Some(RequestLine {
        len: offset(len),
        method,
        method_span,
        target: target.path,
        absolute: target.authority.is_some(),
        authority: target.authority.or(found.host).unwrap_or_default(),
        version,
        length: found.facts.request(version)?,
        connection: found.facts.connection,
        expects_continue: found.expects_continue && version == Version::Http11,
        unknown_expectation: found.unknown_expectation,
    }))
}

/// What the fields of a request say.
#[derive(Default)]
struct Found {
    facts: Facts,
    host: Option<Span>,
    expects_continue: bool,
    unknown_expectation: bool,
}

impl Found {
    fn add(&mut self, name: Name, value: &[u8], span: Span) -> Result<(), HeadError> {
        match name {
            Name::Host => {
                if self.host.replace(span).is_some() || !target::is_authority(value) {
                    return Err(HeadError::Host);
                }
            }
            Name::Expect if value.eq_ignore_ascii_case(b"100-continue") => {
                self.expects_continue = true;
            }
            Name::Expect => self.unknown_expectation = true,
            _ => self.facts.add(name, value),
        }
        Ok(())
    }
}

/// Parses the head of a response at the beginning of `bytes` and leaves its fields in `fields`.
///
/// `method` is that of the request, on which the framing depends. `None` means that the head is not
/// complete yet.
///
/// # Errors
/// When the head can no longer become an acceptable one.
pub fn response(
    bytes: &[u8],
    fields: &mut Vec<Field>,
    limits: &Limits,
    method: Method,
) -> Result<Option<StatusLine>, HeadError> {
    fields.clear();
    if matches!(bytes.first(), Some(b'\r' | b'\n')) {
        return Err(HeadError::StartLine);
    }
    let mut headers: Uninit<'_> = [const { MaybeUninit::uninit() }; MAX_FIELDS];
    let allowed = limits.fields.min(MAX_FIELDS);
    let mut parsed = httparse::Response::new(&mut []);
    let len = match httparse::ParserConfig::default().parse_response_with_uninit_headers(
        &mut parsed,
        bytes,
        &mut headers[..allowed],
    ) {
        Ok(httparse::Status::Complete(len)) if len <= limits.head => len,
        Ok(httparse::Status::Complete(_)) => return Err(HeadError::TooLarge),
        Ok(httparse::Status::Partial) => return partial(bytes, limits, HeadError::TooLarge),
        Err(error) => {
            return Err(head_error(error, bytes, |line| {
                line.split(|b| *b == b' ').next()
            }));
        }
    };
    let status = parsed
        .code
        .filter(|code| *code >= 100)
        .ok_or(HeadError::StartLine)?;
    let first_line_end = memchr::memchr(b'\n', bytes).ok_or(HeadError::StartLine)? + 1;
    if !bytes[..first_line_end].ends_with(b"\r\n") {
        return Err(HeadError::LineEnding);
    }
    // "HTTP/1.1 200 reason"; httparse gives no span for a reason with bytes above 0x7f.
    let reason_start = "HTTP/1.1 200 ".len().min(first_line_end - 2);
    let reason = Span {
        start: offset(reason_start),
        end: offset(first_line_end - 2),
    };
    let version = version_of(parsed.version);
    let mut facts = Facts::default();
    collect(bytes, len, parsed.headers, fields, |name, value, _| {
        facts.add(name, value);
        Ok(())
    })?;
    let length = facts.response(version, method, status)?;
    Ok(Some(StatusLine {
        len: offset(len),
        status,
        content_length: facts.content_length(),
        declares_absent_body: length == Length::None && facts.declares_body(),
        reason,
        version,
        length,
        connection: facts.connection,
    }))
}

/// Notes down where each field stands, checks that every line ends in CR LF, and shows each to `visit`.
fn collect(
    bytes: &[u8],
    len: usize,
    headers: &[httparse::Header<'_>],
    fields: &mut Vec<Field>,
    mut visit: impl FnMut(Name, &[u8], Span) -> Result<(), HeadError>,
) -> Result<(), HeadError> {
    if !bytes[..len].ends_with(b"\r\n\r\n") {
        return Err(HeadError::LineEnding);
    }
    for (index, header) in headers.iter().enumerate() {
        let name_span = span_of(bytes, header.name.as_bytes());
        let line_end = headers.get(index + 1).map_or(offset(len - 2), |next| {
            span_of(bytes, next.name.as_bytes()).start
        });
        if bytes[line_end as usize - 2] != b'\r' {
            return Err(HeadError::LineEnding);
        }
        let name = Name::of(header.name.as_bytes());
        // An empty value may be a constant of httparse's, outside of the buffer.
        let value_span = if header.value.is_empty() {
            Span {
                start: line_end - 2,
                end: line_end - 2,
            }
        } else {
            span_of(bytes, header.value)
        };
        visit(name, header.value, value_span)?;
        fields.push(Field {
            name,
            name_span,
            value_span,
            line_end,
        });
    }
    Ok(())
}

/// Checks a trailer section (field lines and the empty line) and calls `visit` with each line.
///
/// # Errors
/// When it is malformed.
pub(crate) fn trailers(bytes: &[u8], mut visit: impl FnMut(&Field)) -> Result<(), HeadError> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_FIELDS];
    let parsed = match httparse::parse_headers(bytes, &mut headers) {
        Ok(httparse::Status::Complete((len, parsed))) if len == bytes.len() => parsed,
        _ => return Err(HeadError::Field),
    };
    let mut fields = Vec::new();
    collect(bytes, bytes.len(), parsed, &mut fields, |_, _, _| Ok(()))?;
    fields.iter().for_each(&mut visit);
    Ok(())
}

/// An incomplete head: fine while there is room for the rest of it.
fn partial<T>(
    bytes: &[u8],
    limits: &Limits,
    first_line: HeadError,
) -> Result<Option<T>, HeadError> {
    if bytes.len() < limits.head {
        return Ok(None);
    }
    let is_in_first_line = memchr::memchr(b'\n', bytes).is_none();
    Err(if is_in_first_line {
        first_line
    } else {
        HeadError::TooLarge
    })
}

/// Translates httparse's error. A version that looks like one is a version that we do not speak;
/// `pick` finds it in the first line.
fn head_error(
    error: httparse::Error,
    bytes: &[u8],
    pick: impl Fn(&[u8]) -> Option<&[u8]>,
) -> HeadError {
    match error {
        httparse::Error::HeaderName | httparse::Error::HeaderValue => HeadError::Field,
        httparse::Error::NewLine => HeadError::LineEnding,
        httparse::Error::TooManyHeaders => HeadError::TooLarge,
        httparse::Error::Token | httparse::Error::Status => HeadError::StartLine,
        httparse::Error::Version => {
            let end = bytes.iter().position(|byte| matches!(byte, b'\r' | b'\n'));
            let version = pick(&bytes[..end.unwrap_or(bytes.len())]).unwrap_or_default();
            match version {
                [b'H', b'T', b'T', b'P', b'/', major, b'.', minor]
                    if major.is_ascii_digit() && minor.is_ascii_digit() =>
                {
                    HeadError::Version
                }
                _ => HeadError::StartLine,
            }
        }
    }
}

fn version_of(minor: Option<u8>) -> Version {
    if minor == Some(1) {
        Version::Http11
    } else {
        Version::Http10
    }
}

/// Where a slice of `bytes` lies in it.
fn span_of(bytes: &[u8], part: &[u8]) -> Span {
    let start = part.as_ptr().addr() - bytes.as_ptr().addr();
    Span {
        start: offset(start),
        end: offset(start + part.len()),
    }
}

fn offset(at: usize) -> u32 {
    u32::try_from(at).expect("a head is at most 64 KiB")
}
