//! Which part of a stored response a request gets: the field itself is understood in [`crate::http::range`], and here it is decided
//! whether it counts.

use super::ask::Ask;
use super::date::{self, Millis};
use super::stored::{Flags, Stored};
use crate::http::range::{Range, parse};

/// What a request wants of a body of `size` bytes, stored with this entity tag. A body whose size is not known yet (it is still arriving)
/// is served whole.
pub(crate) fn wanted(
    ask: &Ask<'_>,
    stored: &Stored,
    etag: Option<&[u8]>,
    size: Option<u64>,
    now: Millis,
) -> Range {
    let (Some(field), Some(size)) = (ask.range.value(), size) else {
        return Range::Whole;
    };
    // Ranges are defined for GET, and for what would be 200 (sections 14.2 and 13.2.2).
    let is_for = ask.is_get && stored.status == 200;
    if !is_for || !is_allowed(ask, stored, etag, now) {
        return Range::Whole;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::cache::ask::Request;
    use crate::http::cache::policy::Policy;
    use crate::http::cache::stored::Span;
    use crate::http::range::Range::Whole;

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
                is_special: false,
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
