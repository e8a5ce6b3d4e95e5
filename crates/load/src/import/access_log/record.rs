//! One line of an access log, whatever its format: what was asked for, when, by whom, and what became of it.

use std::borrow::Cow;

use super::{common, json};
use crate::import::lines::Line;

/// A request that a line tells of.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Record<'a> {
    /// When it came, nanoseconds since 1970; when it was answered, if the line does not say how long that took.
    pub(crate) at: i64,
    /// Whether the line's time is finer than a second.
    pub(crate) is_fine: bool,
    /// Who asked: an address in most logs.
    pub(crate) client: Cow<'a, str>,
    /// The method, upper case letters.
    pub(crate) method: Cow<'a, str>,
    /// The host that was asked, if the line says so.
    pub(crate) host: Option<Cow<'a, str>>,
    /// Path and query: begins with `/`, is visible ASCII, and has neither `{` nor a fragment.
    pub(crate) target: String,
    /// The status of the answer; 0 if there was none or the line does not say it.
    pub(crate) status: u16,
}

/// Why a line is passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It is none of the formats.
    Format(&'static str),
    /// It is, but nothing in it is a request that could be sent again: a scan, TLS to a port without it, an idle connection.
    NoRequest,
}

/// Reads a line.
pub(crate) fn read<'a>(line: &Line<'a>) -> Result<Record<'a>, Fault> {
    let bytes = match line {
        Line::TooLong => return Err(Fault::Format("longer than 64 KiB")),
        Line::Whole(bytes) => *bytes,
    };
    let Ok(text) = std::str::from_utf8(bytes) else {
        return Err(Fault::Format("neither ASCII nor UTF-8"));
    };
    match text.as_bytes().first() {
        None => Err(Fault::Format("empty")),
        Some(b'{') => json::read(text),
        Some(_) => common::read(text),
    }
}

/// A method as requests have it, or that there is none.
pub(super) fn method(text: Cow<'_, str>) -> Result<Cow<'_, str>, Fault> {
    let is_method = (3..=20).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte == b'-');
    match is_method {
        true => Ok(text),
        false => Err(Fault::NoRequest),
    }
}

/// A target as it can be sent: in origin form (RFC 9112 section 3.2.1), with what is not allowed there percent-encoded.
pub(super) fn target(bytes: &[u8]) -> Result<String, Fault> {
    let bytes = match bytes.first() {
        Some(b'/') => bytes,
        _ => origin_form(bytes).ok_or(Fault::NoRequest)?,
    };
    let end = memchr::memchr(b'#', bytes).unwrap_or(bytes.len());
    let mut out = String::with_capacity(end);
    for byte in &bytes[..end] {
        match byte {
            // A line that was split here tells of no request; `{` would look like a hole of a template.
            b'\r' | b'\n' | 0 => return Err(Fault::NoRequest),
            b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}' => {
                encode(&mut out, *byte);
            }
            b'!'..=b'~' => out.push(char::from(*byte)),
            _ => encode(&mut out, *byte),
        }
    }
    match out.is_empty() {
        true => Err(Fault::NoRequest),
        false => Ok(out),
    }
}

/// `http://host/path` as `/path`.
fn origin_form(bytes: &[u8]) -> Option<&[u8]> {
    let rest = bytes
        .strip_prefix(b"http://")
        .or_else(|| bytes.strip_prefix(b"https://"))?;
    let start = memchr::memchr(b'/', rest)?;
    Some(&rest[start..])
}

fn encode(out: &mut String, byte: u8) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    out.push('%');
    out.push(char::from(DIGITS[usize::from(byte >> 4)]));
    out.push(char::from(DIGITS[usize::from(byte & 15)]));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_can_be_sent() {
        let read = |text: &str| target(text.as_bytes());
        assert_eq!(read("/a?b=c#d").as_deref(), Ok("/a?b=c"));
        assert_eq!(read("https://shop.test/a").as_deref(), Ok("/a"));
        assert_eq!(read("/a b/ä/${x}").as_deref(), Ok("/a%20b/%C3%A4/$%7Bx%7D"));
        for text in [
            "",
            "*",
            "-",
            "shop.test:443",
            "http://shop.test",
            "/a\r\nHost: b",
        ] {
            assert_eq!(read(text), Err(Fault::NoRequest), "{text}");
        }
    }

    #[test]
    fn methods_are_those_of_requests() {
        for text in ["GET", "M-SEARCH", "PROPFIND"] {
            assert_eq!(method(text.into()).as_deref(), Ok(text));
        }
        for text in ["", "get", "\\x16\\x03", "GET "] {
            assert_eq!(method(text.into()), Err(Fault::NoRequest), "{text}");
        }
    }

    #[test]
    fn what_is_no_line_of_a_log_is_said_to_be_none() {
        for line in [
            Line::TooLong,
            Line::Whole(b""),
            Line::Whole(b"\xff\xfe\x00"),
            Line::Whole(b"hello"),
            Line::Whole(b"{"),
            Line::Whole(b"{}"),
        ] {
            assert!(matches!(read(&line), Err(Fault::Format(_))), "{line:?}");
        }
    }
}
