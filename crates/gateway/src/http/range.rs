//! Which part of a file or of a stored response a client wants (RFC 9110 section 14): pure functions.
//!
//! One range is served. Several at once are answered with the whole, as section 14.2 allows: nothing that is common
//! asks for them, and their answer can be larger than the whole (CVE-2011-3192).

/// What a `Range` field asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Range {
    /// All of it: the field is malformed, of another unit, or asks for several parts.
    Whole,
    /// These bytes.
    Part {
        /// Of the first byte, from 0.
        start: u64,
        /// Behind the last byte; more than `start`.
        end: u64,
    },
    /// Nothing that there is.
    Unsatisfiable,
}

/// Understands the field for a body of `size` bytes.
pub(crate) fn parse(field: &[u8], size: u64) -> Range {
    let Some((unit, set)) = split_once(field, b'=') else {
        return Range::Whole;
    };
    let Some((first, last)) = split_once(set.trim_ascii(), b'-') else {
        return Range::Whole;
    };
    if !unit.eq_ignore_ascii_case(b"bytes") {
        return Range::Whole;
    }
    match (number(first), number(last)) {
        // The last so many bytes, or all if there are fewer.
        (None, Some(0)) if first.is_empty() => Range::Unsatisfiable,
        (None, Some(_)) if first.is_empty() && size == 0 => Range::Whole,
        (None, Some(most)) if first.is_empty() => Range::Part {
            start: size.saturating_sub(most),
            end: size,
        },
        (Some(start), None) if last.is_empty() => part(start, u64::MAX, size),
        (Some(start), Some(last)) if start <= last => part(start, last.saturating_add(1), size),
        _ => Range::Whole,
    }
}

fn part(start: u64, end: u64, size: u64) -> Range {
    if start >= size {
        return Range::Unsatisfiable;
    }
    Range::Part {
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
    use super::Range::{Part, Unsatisfiable, Whole};
    use super::*;

    #[test]
    fn ranges() {
        let part = |start, end| Part { start, end };
        for (field, size, expected) in [
            ("bytes=0-0", 10, part(0, 1)),
            ("bytes=0-9", 10, part(0, 10)),
            ("bytes=0-", 10, part(0, 10)),
            ("bytes=3-5", 10, part(3, 6)),
            ("bytes=9-", 10, part(9, 10)),
            ("bytes=5-99", 10, part(5, 10)),
            ("bytes=5-99999999999999999999999", 10, part(5, 10)),
            ("bytes=5-18446744073709551615", 10, part(5, 10)),
            ("bytes=-1", 10, part(9, 10)),
            ("bytes=-10", 10, part(0, 10)),
            ("bytes=-11", 10, part(0, 10)),
            ("bytes=-99999999999999999999999", 10, part(0, 10)),
            ("Bytes=1-2", 10, part(1, 3)),
            ("bytes= 1-2 ", 10, part(1, 3)),
            ("bytes=10-", 10, Unsatisfiable),
            ("bytes=10-20", 10, Unsatisfiable),
            ("bytes=99999999999999999999999-", 10, Unsatisfiable),
            ("bytes=-0", 10, Unsatisfiable),
            ("bytes=0-", 0, Unsatisfiable),
            ("bytes=0-0", 0, Unsatisfiable),
            ("bytes=-0", 0, Unsatisfiable),
            ("bytes=-5", 0, Whole),
            ("bytes=5-4", 10, Whole),
            ("bytes=0-1,3-4", 10, Whole),
            ("bytes=0-1,", 10, Whole),
            ("bytes=", 10, Whole),
            ("bytes=-", 10, Whole),
            ("bytes=--1", 10, Whole),
            ("bytes=1-2-3", 10, Whole),
            ("bytes=+1-2", 10, Whole),
            ("bytes=a-b", 10, Whole),
            ("bytes=a-", 10, Whole),
            ("bytes=-b", 10, Whole),
            ("bytes=1 -2", 10, Whole),
            ("bytes 0-1", 10, Whole),
            ("bytes", 10, Whole),
            ("", 10, Whole),
            ("lines=0-1", 10, Whole),
            (" bytes=0-1", 10, Whole),
        ] {
            assert_eq!(parse(field.as_bytes(), size), expected, "{field} of {size}");
        }
    }

    #[test]
    fn parts_are_named_by_their_first_and_last_byte() {
        assert_eq!(content_range(2, 6, 10), "bytes 2-5/10");
        assert_eq!(unsatisfied(10), "bytes */10");
    }
}
