//! The path that routes are matched against.
//!
//! # The problem
//! `/public/../admin`, `/public/%2e%2e/admin` and `/%61dmin` all mean `/admin` to most servers. A gateway that compares
//! what was written sends them to the route of `/public/*`, and whatever guards `/admin` is walked past.
//!
//! # The idea
//! Two steps of RFC 3986 that do not change what a path means: percent-encoded unreserved characters are decoded and
//! the digits of the other triplets put in upper case (sections 6.2.2.1 and 6.2.2.2), and dot segments are removed
//! (section 6.2.2.3), in this order, so that `%2e` is a dot. What stands above the root is the root.
//!
//! A server behind the gateway may resolve dots otherwise than we do (merging `//` before, for one), so a path whose dot
//! segments were removed is also *forwarded* without them; see [`Normal::replaces`].
//!
//! # What is refused
//! A dot segment that is one only to servers which read more as separators than `/`: `/public/..%2Fadmin` and
//! `/public/..\admin` are a strange name to us and `/admin` to nginx or IIS, `/public/..;/admin` is `/admin` to servlet
//! containers (they strip parameters first). Nobody means such a path in good faith; see [`Normal::is_ambiguous`].
//!
//! # What is left alone, and why
//! - `%2F` and `%5C`: they are data, not separators; decoding them would make `/files/a%2Fb` another resource.
//! - `\`: no separator in a URI. Servers that take it for one (IIS) do so behind us; we cannot know, and turning it
//!   into `/` would break those for which it is a character.
//! - `//`: an empty segment is a segment (RFC 3986 section 3.3); object stores have keys with them. A server that
//!   merges slashes sees `/admin` in `//admin`: guard such a server by a route for what is *allowed*.
//! - Stray `%`: left, and nothing is decoded that would complete it: `%2%65` stays and does not become `%2e`.

use std::borrow::Cow;

use memchr::{memchr, memchr_iter, memchr2_iter, memrchr};

/// A path in normal form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Normal<'a> {
    /// What is matched.
    pub path: Cow<'a, [u8]>,
    /// True if dot segments were removed: then the server must get [`path`](Self::path) too, not what the client sent.
    pub replaces: bool,
    /// True if other servers may see dot segments where there are none for us: to be refused.
    pub is_ambiguous: bool,
}

/// Splits what stands in a request line into the path and the query without its `?`.
#[must_use]
pub fn split_query(target: &[u8]) -> (&[u8], &[u8]) {
    match memchr(b'?', target) {
        Some(at) => (&target[..at], &target[at + 1..]),
        None => (target, b""),
    }
}

/// Brings a path (without query) into normal form; one that does not begin with `/` (`OPTIONS *`) stays as it is.
/// Does not allocate for a path that is in normal form already; otherwise linear in its length.
#[must_use]
pub fn normalise(path: &[u8]) -> Normal<'_> {
    if !path.starts_with(b"/") || is_normal(path) {
        return Normal {
            path: Cow::Borrowed(path),
            replaces: false,
            is_ambiguous: false,
        };
    }
    let (path, replaces) = rewrite(path);
    // Those that everybody sees are gone.
    let is_ambiguous = memchr_iter(b'.', &path).any(|at| is_dot_segment(&path, at));
    Normal {
        path: Cow::Owned(path),
        replaces,
        is_ambiguous,
    }
}

/// False if [`rewrite`] may change something, or the path is ambiguous. `path` begins with `/`.
fn is_normal(path: &[u8]) -> bool {
    memchr2_iter(b'%', b'.', path).all(|at| {
        let from = &path[at..];
        if from[0] == b'.' {
            return !is_dot_segment(path, at);
        }
        triplet(from).is_none_or(|byte| {
            !is_unreserved(byte) && !from[1..3].iter().any(u8::is_ascii_lowercase)
        })
    })
}

/// True if the dot at that place is the first of a dot segment, to us or to a server that reads paths otherwise: what stands
/// around it is a slash, a backslash, one of them encoded, or the end; or parameters follow.
fn is_dot_segment(path: &[u8], at: usize) -> bool {
    let is_separator = |byte: Option<u8>| matches!(byte, Some(b'/' | b'\\'));
    let begins = match path[at - 1] {
        b'/' | b'\\' => true,
        b'F' | b'f' | b'C' | b'c' => at >= 3 && is_separator(triplet(&path[at - 3..])),
        _ => false,
    };
    if !begins {
        return false;
    }
    let after = &path[at + 1..];
    let after = after.strip_prefix(b".").unwrap_or(after);
    matches!(after.first(), None | Some(b'/' | b'\\' | b';')) || is_separator(triplet(after))
}

/// The normal form of a path that begins with `/`, and whether dot segments were removed (RFC 3986 section 5.2.4).
fn rewrite(path: &[u8]) -> (Vec<u8>, bool) {
    let mut out = Vec::with_capacity(path.len());
    let mut removed = false;
    let mut rest = Some(&path[1..]);
    while let Some(from) = rest {
        let (segment, after) = match memchr(b'/', from) {
            Some(at) => (&from[..at], Some(&from[at + 1..])),
            None => (from, None),
        };
        rest = after;
        let start = out.len();
        out.push(b'/');
        decode(segment, &mut out);
        let above = match &out[start + 1..] {
            b"." => start,
            // Above the root is the root.
            b".." => memrchr(b'/', &out[..start]).unwrap_or(0),
            _ => continue,
        };
        removed = true;
        out.truncate(above);
        if rest.is_none() {
            out.push(b'/');
        }
    }
    (out, removed)
}

/// Appends a segment with its unreserved characters decoded.
pub(super) fn decode(segment: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    let mut rest = segment;
    while let Some(at) = memchr(b'%', rest) {
        out.extend_from_slice(&rest[..at]);
        rest = &rest[at..];
        let len = match triplet(rest) {
            Some(byte) if is_unreserved(byte) && !completes(&out[start..], byte) => {
                out.push(byte);
                3
            }
            Some(_) => {
                out.extend(rest[..3].iter().map(u8::to_ascii_uppercase));
                3
            }
            None => {
                out.push(b'%');
                1
            }
        };
        rest = &rest[len..];
    }
    out.extend_from_slice(rest);
}

/// True if a stray `%` at the end of `out` would become a triplet, or the beginning of one, with `byte` behind it.
fn completes(out: &[u8], byte: u8) -> bool {
    byte.is_ascii_hexdigit() && matches!(out, [.., b'%'] | [.., b'%', _])
}

/// What the `%xx` at the beginning stands for.
pub(super) fn triplet(from: &[u8]) -> Option<u8> {
    let [b'%', high, low, ..] = from else {
        return None;
    };
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

/// RFC 3986 section 2.3.
pub(super) fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(path: &str, expected: &str, replaces: bool) {
        let normal = normalise(path.as_bytes());
        let text = String::from_utf8_lossy(&normal.path);
        assert_eq!((&*text, normal.replaces), (expected, replaces), "{path}");
    }

    #[test]
    fn what_is_normal_is_borrowed() {
        for path in [
            "/",
            "/a",
            "/a/",
            "/a.b/c..d/.e/..f/...",
            "//",
            "/a//b",
            "/%2F%5C%00%20",
            "/%",
            "/%2",
            "/%zz",
            "*",
            "",
            "/a;b/..c;d",
            "/a\\b",
            "/a%2F..b",
            "/%252e%252e/",
        ] {
            check(path, path, false);
            assert!(
                matches!(normalise(path.as_bytes()).path, Cow::Borrowed(_)),
                "{path}"
            );
        }
    }

    #[test]
    fn encodings() {
        check("/%61dmin", "/admin", false);
        check("/%7euser/%41%2d%5F", "/~user/A-_", false);
        check("/a%2fb%5c%c3%a9", "/a%2Fb%5C%C3%A9", false);
        check("/%00%0d%0a", "/%00%0D%0A", false);
    }

    #[test]
    fn dot_segments() {
        for (path, expected) in [
            ("/.", "/"),
            ("/..", "/"),
            ("/./", "/"),
            ("/../", "/"),
            ("/a/.", "/a/"),
            ("/a/..", "/"),
            ("/a/b/..", "/a/"),
            ("/a/./b", "/a/b"),
            ("/a/b/../../c", "/c"),
            ("/../../../etc/passwd", "/etc/passwd"),
            ("/public/../admin", "/admin"),
            ("/public/%2e%2E/admin", "/admin"),
            ("/public/.%2e/admin", "/admin"),
            ("/public/%2E./admin", "/admin"),
            ("/%2e/x", "/x"),
            ("/a//../b", "/a/b"),
            ("/a/..//b", "//b"),
            ("//..", "/"),
            ("/a/b/c/./../../g", "/a/g"),
        ] {
            check(path, expected, true);
        }
    }

    #[test]
    fn dot_segments_of_other_servers() {
        for path in [
            "/a/..;/b",
            "/a/.;b=c/d",
            "/a/..;",
            "/a\\..\\b",
            "/a\\..",
            "/a/..\\b",
            "/..%2Fadmin",
            "/a%2f..%2Fb",
            "/a%5c../b",
            "/a%5C.",
            "/a/.%2e%5cb",
            "/%2e%2fb",
            "/a%2F%2e%2e",
            "/x/../a/..%2Fb",
        ] {
            assert!(normalise(path.as_bytes()).is_ambiguous, "{path}");
        }
        for path in [
            "/a%2Fb.c",
            "/a%2F.b",
            "/a\\.b",
            "/a;.",
            "/a/...;",
            "/ac.",
            "/%2Fc./x",
            "/a%2F...",
            "/..a%2F",
            "/x/../a",
            "/%2e%2e/a",
            "*",
            "..\\a",
            "/a%252F../b",
        ] {
            assert!(!normalise(path.as_bytes()).is_ambiguous, "{path}");
        }
    }

    #[test]
    fn a_stray_percent_sign_is_never_completed() {
        for path in ["/%2%65%2%65/admin", "/%%32e", "/%%32%65", "/%2%45"] {
            let once = normalise(path.as_bytes()).path.into_owned();
            assert!(
                !once
                    .windows(3)
                    .any(|three| three.eq_ignore_ascii_case(b"%2e")),
                "{path}"
            );
            assert_eq!(normalise(&once).path, once, "{path}");
        }
        check("/%zz/%2e%2e/admin", "/admin", true);
    }

    #[test]
    fn a_long_hostile_path_is_linear() {
        let path = "/%2e%2e".repeat(100_000);
        check(&path, "/", true);
        let path = format!("{}{}", "/a".repeat(50_000), "/..".repeat(50_000));
        check(&path, "/", true);
    }

    proptest! {
        #[test]
        fn normalising_twice_changes_nothing(path in "/[%2eE./a56fF;\\\\]{0,24}") {
            let once = normalise(path.as_bytes()).path.into_owned();
            let twice = normalise(&once);
            prop_assert!(once.starts_with(b"/"));
            prop_assert_eq!(&*twice.path, &*once);
            prop_assert!(!twice.replaces);
        }

        #[test]
        fn no_dot_segment_is_left(path in "(/(\\.|%2e|%2E|a|%2F|%)*){0,8}") {
            let normal = normalise(path.as_bytes());
            let is_dots = |segment: &[u8]| segment == b"." || segment == b"..";
            prop_assert!(!normal.path.split(|byte| *byte == b'/').any(is_dots));
        }

        #[test]
        fn any_bytes(path in proptest::collection::vec(any::<u8>(), 0..40)) {
            let once = normalise(&path).path.into_owned();
            prop_assert!(once.len() <= path.len().max(1));
            prop_assert_eq!(&*normalise(&once).path, &*once);
        }
    }
}
