//! Parts of a stored response (RFC 9110 section 14).
//!
//! One range is served. Several at once are answered with the whole body, as section 14.2 allows: nothing that is common asks for them,
//! and their answer can be larger than the body (CVE-2011-3192).

use super::ask::Ask;
use super::date::{self, Millis};
use super::stored::{Flags, Stored};

/// What of a stored body a client gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// All of it, with the stored status.
    Whole,
    /// These bytes, with 206.
    Part {
        /// Of the first byte, from 0.
        start: u64,
        /// Behind the last byte; more than `start`.
        end: u64,
    },
    /// Nothing that there is: 416.
    Unsatisfiable,
}

/// What a request wants of a body of `size` bytes, stored with this entity tag. A body whose size is not known yet (it is still arriving)
/// is served whole.
pub(crate) fn wanted(
    ask: &Ask<'_>,
    stored: &Stored,
    etag: Option<&[u8]>,
    size: Option<u64>,
    now: Millis,
) -> Wanted {
    let (Some(field), Some(size)) = (ask.range.value(), size) else {
        return Wanted::Whole;
    };
    // Ranges are defined for GET, and for what would be 200 (sections 14.2 and 13.2.2).
    let is_for = ask.is_get && stored.status == 200;
    if !is_for || !is_allowed(ask, stored, etag, now) {
        return Wanted::Whole;
    }
    parse(field, size)
}

/// `If-Range` (section 13.1.5): what the client has must be the same, byte by byte, and only a strong validator says so.
fn is_allowed(ask: &Ask<'_>, stored: &Stored, etag: Option<&[u8]>, now: Millis) -> bool {
    if ask.if_range.is_absent() {
        return true;
    }
    let Some(value) = ask.if_range.value() else {
        return false;
    };
    if value.starts_with(b"\"") {
        return etag == Some(value);
    }
    let is_strong = stored.flags.has(Flags::LAST_MODIFIED) && stored.flags.has(Flags::STRONG_DATE);
    is_strong && date::parse(value, now) == Some(stored.modified)
}

/// Understands a `Range` field for a body of `size` bytes.
pub(crate) fn parse(field: &[u8], size: u64) -> Wanted {
    let Some((unit, set)) = split_once(field, b'=') else {
        return Wanted::Whole;
    };
    let Some((first, last)) = split_once(set.trim_ascii(), b'-') else {
        return Wanted::Whole;
    };
    if !unit.eq_ignore_ascii_case(b"bytes") {
        return Wanted::Whole;
    }
    match (number(first), number(last)) {
        // The last so many bytes, or all if there are fewer.
        (None, Some(0)) if first.is_empty() => Wanted::Unsatisfiable,
        (None, Some(_)) if first.is_empty() && size == 0 => Wanted::Whole,
        (None, Some(most)) if first.is_empty() => Wanted::Part {
            start: size.saturating_sub(most),
            end: size,
        },
        (Some(start), None) if last.is_empty() => part(start, u64::MAX, size),
        (Some(start), Some(last)) if start <= last => part(start, last.saturating_add(1), size),
        _ => Wanted::Whole,
    }
}

fn part(start: u64, end: u64, size: u64) -> Wanted {
    if start >= size {
        return Wanted::Unsatisfiable;
    }
    Wanted::Part {
        start,
        end: end.min(size),
    }
}

fn split_once(bytes: &[u8], at: u8) -> Option<(&[u8], &[u8])> {
    let at = bytes.iter().position(|&byte| byte == at)?;
    Some((&bytes[..at], &bytes[at + 1..]))
}

/// Digits only. What is too large is as large as can be.
fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(digits.iter().fold(0_u64, |number, digit| {
        number
            .saturating_mul(10)
            .saturating_add(u64::from(digit - b'0'))
    }))
}

/// The value of `Content-Range` for a part; `end` is behind the last byte.
pub(crate) fn content_range(start: u64, end: u64, size: u64) -> String {
    format!("bytes {start}-{}/{size}", end.saturating_sub(1))
}

/// The value of `Content-Range` in a 416.
pub(crate) fn unsatisfied(size: u64) -> String {
    format!("bytes */{size}")
}

#[cfg(test)]
mod tests {
    use super::Wanted::{Part, Unsatisfiable, Whole};
    use super::*;
    use crate::http::cache::ask::Request;
    use crate::http::cache::policy::Policy;
    use crate::http::cache::stored::Span;

    #[test]
    fn ranges() {
        let part = |start, end| Part { start, end };
        for (field, size, expected) in [
            ("bytes=0-1", 11, part(0, 2)),
            ("bytes=1-", 11, part(1, 11)),
            ("bytes=-1", 11, part(10, 11)),
            ("bytes=5-99", 10, part(5, 10)),
            ("bytes=5-18446744073709551615", 10, part(5, 10)),
            ("bytes=-99999999999999999999999", 10, part(0, 10)),
            ("Bytes= 1-2 ", 10, part(1, 3)),
            ("bytes=10-", 10, Unsatisfiable),
            ("bytes=99999999999999999999999-", 10, Unsatisfiable),
            ("bytes=-0", 10, Unsatisfiable),
            ("bytes=0-", 0, Unsatisfiable),
            ("bytes=-5", 0, Whole),
            ("bytes=5-4", 10, Whole),
            ("bytes=0-1,3-4", 10, Whole),
            ("bytes=", 10, Whole),
            ("bytes=-", 10, Whole),
            ("bytes=+1-2", 10, Whole),
            ("bytes=1 -2", 10, Whole),
            ("bytes", 10, Whole),
            ("", 10, Whole),
            ("lines=0-1", 10, Whole),
        ] {
            assert_eq!(parse(field.as_bytes(), size), expected, "{field} of {size}");
        }
        assert_eq!(content_range(2, 6, 10), "bytes 2-5/10");
        assert_eq!(unsatisfied(10), "bytes */10");
    }

    #[test]
    fn conditions() {
        const THEN: &str = "Sun, 09 Sep 2001 01:46:40 GMT";
        const BEFORE: &str = "Sun, 09 Sep 2001 01:46:39 GMT";
        let wanted = |method: &str, status, etag: &str, is_strong, fields: &[(&str, &str)]| {
            let mut flags = Flags::default();
            flags.set(Flags::LAST_MODIFIED, true);
            flags.set(Flags::STRONG_DATE, is_strong);
            let stored = Stored {
                born: 0,
                fresh_until: 0,
                modified: 1_000_000_000,
                stale_while_revalidate: 0,
                stale_if_error: 0,
                etag: Span::default(),
                status,
                flags,
            };
            let method = tenfold_http1::Method::of(method.as_bytes());
            let request = Request {
                method,
                is_tls: false,
                authority: b"a",
                target: b"/",
                has_body: false,
                fields,
            };
            let ask = Ask::of(&request, &Policy::default());
            super::wanted(&ask, &stored, Some(etag.as_bytes()), Some(10), 0) != Whole
        };
        let range = ("Range", "bytes=0-1");
        assert!(wanted("GET", 200, "\"a\"", true, &[range]));
        assert!(!wanted("HEAD", 200, "\"a\"", true, &[range]));
        assert!(!wanted("GET", 404, "\"a\"", true, &[range]));
        assert!(!wanted("GET", 200, "\"a\"", true, &[range, range]));
        for (etag, is_strong, value, expected) in [
            ("\"a\"", true, "\"a\"", true),
            ("\"a\"", true, "\"b\"", false),
            ("W/\"a\"", true, "W/\"a\"", false),
            ("W/\"a\"", true, "\"a\"", false),
            ("\"a\"", true, THEN, true),
            ("\"a\"", true, BEFORE, false),
            ("\"a\"", false, THEN, false),
            ("\"a\"", true, "", false),
        ] {
            let allowed = wanted("GET", 200, etag, is_strong, &[range, ("If-Range", value)]);
            assert_eq!(allowed, expected, "{etag} {is_strong} {value}");
        }
        assert!(!wanted(
            "GET",
            200,
            "\"a\"",
            true,
            &[range, ("If-Range", "\"a\""), ("If-Range", "\"a\"")]
        ));
    }
}
