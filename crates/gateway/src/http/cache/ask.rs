//! What the rules want to know of a request, read in one pass over its fields.
//!
//! On a hit this pass is most of what the rules cost: names are told apart by their length first, and nothing is copied.

use tenfold_http1::Method;

use super::control::{RequestControl, is_pragma_no_cache};
use super::fields::{Fields, is};
use super::key;
use super::policy::{Condition, Policy};

/// A request as its client sent it, without what a stranger cannot say: `Vary` and the key speak of that, not of what the
/// gateway makes of it.
#[derive(Debug)]
pub(crate) struct Request<'a, F: ?Sized> {
    pub(crate) method: Method,
    pub(crate) is_tls: bool,
    /// Host and port.
    pub(crate) authority: &'a [u8],
    /// Path and query.
    pub(crate) target: &'a [u8],
    /// It has a body, or fields that its server does not get: only the server can answer that.
    pub(crate) is_special: bool,
    pub(crate) fields: &'a F,
}

/// Whether the cache takes part at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Part {
    /// It may answer.
    #[default]
    Answers,
    /// The method is none that it answers; if it is unsafe, its response invalidates (see [`super::invalidate`]).
    Method,
    /// Only the server can answer, or the operator wants it to.
    Bypass,
}

/// What the rules want to know of a request.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ask<'a> {
    pub(crate) part: Part,
    pub(crate) control: RequestControl,
    pub(crate) is_get: bool,
    pub(crate) has_authorization: bool,
    pub(crate) has_cookie: bool,
    pub(crate) if_none_match: Once<'a>,
    pub(crate) if_modified_since: Once<'a>,
    pub(crate) range: Once<'a>,
    pub(crate) if_range: Once<'a>,
}

/// A field that is expected once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Once<'a> {
    #[default]
    Absent,
    Value(&'a [u8]),
    /// Several lines; nothing is concluded from it.
    Several,
}

impl<'a> Once<'a> {
    fn add(&mut self, value: &'a [u8]) {
        *self = match self {
            Self::Absent => Self::Value(value),
            Self::Value(_) | Self::Several => Self::Several,
        };
    }

    /// If there is exactly one.
    pub(crate) fn value(self) -> Option<&'a [u8]> {
        match self {
            Self::Value(value) => Some(value),
            Self::Absent | Self::Several => None,
        }
    }

    pub(crate) fn is_absent(self) -> bool {
        self == Self::Absent
    }
}

impl<'a> Ask<'a> {
    /// Reads a request.
    pub(crate) fn of(request: &Request<'a, impl Fields + ?Sized>, policy: &Policy) -> Self {
        let mut ask = Self {
            is_get: request.method == Method::Get,
            ..Self::default()
        };
        let (mut is_special, mut has_control, mut pragma) = (request.is_special, false, false);
        for (name, value) in request.fields.fields() {
            match name.len() {
                5 if is(name, "range") => ask.range.add(value),
                6 if is(name, "cookie") => ask.has_cookie = true,
                6 if is(name, "pragma") => pragma |= is_pragma_no_cache(value),
                7 if is(name, "upgrade") => is_special = true,
                8 if is(name, "if-range") => ask.if_range.add(value),
                8 if is(name, "if-match") => is_special = true,
                13 if is(name, "cache-control") => {
                    has_control = true;
                    ask.control.add_line(value);
                }
                13 if is(name, "if-none-match") => ask.if_none_match.add(value),
                13 if is(name, "authorization") => ask.has_authorization = true,
                17 if is(name, "if-modified-since") => ask.if_modified_since.add(value),
                13..=22 if is_special_name(name) => is_special = true,
                _ => {}
            }
        }
        ask.control.no_cache |= pragma && !has_control;
        if !policy.honors_request {
            ask.control = RequestControl {
                no_store: ask.control.no_store,
                only_if_cached: ask.control.only_if_cached,
                ..RequestControl::default()
            };
        }
        ask.part = match request.method {
            Method::Get | Method::Head if is_special || is_bypassed(request, policy) => {
                Part::Bypass
            }
            Method::Get | Method::Head => Part::Answers,
            _ => Part::Method,
        };
        ask
    }
}

/// Fields with which only the server can do something. `If-Match` and `If-Unmodified-Since` are not for caches (RFC 9111 section
/// 4.3.2). A body in a GET, a method and a path by another name are not in the key, and some servers look at them: an attacker
/// could plant an answer.
fn is_special_name(name: &[u8]) -> bool {
    match name.len() {
        13 => is(name, "x-http-method") || is(name, "x-rewrite-url"),
        14 => is(name, "x-original-url"),
        17 => is(name, "x-method-override"),
        19 => is(name, "if-unmodified-since"),
        22 => is(name, "x-http-method-override"),
        _ => false,
    }
}

fn is_bypassed(request: &Request<'_, impl Fields + ?Sized>, policy: &Policy) -> bool {
    policy.bypass.iter().any(|condition| match condition {
        Condition::Header { name, value } => request
            .fields
            .values(name)
            .any(|one| value.as_ref().is_none_or(|value| one == value.as_bytes())),
        Condition::Cookie(pattern) => {
            key::cookies(request.fields).any(|(name, _)| !name.is_empty() && pattern.fits(name))
        }
        Condition::Query(pattern) => key::has_parameter(request.target, pattern),
        Condition::Path(beginning) => request.target.starts_with(beginning.as_bytes()),
        Condition::Place { path, and_below } => {
            let end = request.target.iter().position(|byte| *byte == b'?');
            let own = &request.target[..end.unwrap_or(request.target.len())];
            let rest = own.strip_prefix(path.as_bytes());
            rest.is_some_and(|rest| rest.is_empty() || *and_below && rest[0] == b'/')
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::cache::policy::Pattern;

    fn ask<'a>(method: &str, fields: &'a [(&'a str, &'a str)], policy: &Policy) -> Ask<'a> {
        let request = Request {
            method: Method::of(method.as_bytes()),
            is_tls: false,
            authority: b"a",
            target: b"/path?q=1;s=2",
            is_special: false,
            fields,
        };
        Ask::of(&request, policy)
    }

    #[test]
    fn who_takes_part() {
        let policy = Policy {
            bypass: vec![
                Condition::Header {
                    name: "x-live".into(),
                    value: None,
                },
                Condition::Header {
                    name: "x-mode".into(),
                    value: Some("edit".into()),
                },
                Condition::Cookie(Pattern::new("session*")),
            ],
            ..Policy::default()
        };
        let none: &[(&str, &str)] = &[];
        for (method, fields, expected) in [
            ("GET", none, Part::Answers),
            ("HEAD", none, Part::Answers),
            ("POST", none, Part::Method),
            ("OPTIONS", none, Part::Method),
            ("M-SEARCH", none, Part::Method),
            ("GET", &[("If-Match", "\"a\"")], Part::Bypass),
            ("GET", &[("If-Unmodified-Since", "x")], Part::Bypass),
            ("GET", &[("X-HTTP-Method-Override", "DELETE")], Part::Bypass),
            ("GET", &[("X-Original-URL", "/evil")], Part::Bypass),
            ("GET", &[("x-rewrite-url", "/evil")], Part::Bypass),
            ("GET", &[("Upgrade", "websocket")], Part::Bypass),
            ("GET", &[("X-Live", "")], Part::Bypass),
            ("GET", &[("X-Mode", "edit")], Part::Bypass),
            ("GET", &[("X-Mode", "view")], Part::Answers),
            ("GET", &[("Cookie", "a=1; session_id=2")], Part::Bypass),
            ("GET", &[("Cookie", "a=session_id")], Part::Answers),
        ] {
            assert_eq!(
                ask(method, fields, &policy).part,
                expected,
                "{method} {fields:?}"
            );
        }
        for condition in [
            Condition::Query(Pattern::new("q")),
            Condition::Query(Pattern::new("s")),
            Condition::Path("/pa".into()),
        ] {
            let policy = Policy {
                bypass: vec![condition],
                ..Policy::default()
            };
            assert_eq!(ask("GET", &[], &policy).part, Part::Bypass);
        }
        let policy = Policy {
            bypass: vec![Condition::Query(Pattern::new("1"))],
            ..Policy::default()
        };
        assert_eq!(ask("GET", &[], &policy).part, Part::Answers);
        let with_body = Request {
            method: Method::Get,
            is_tls: false,
            authority: b"a",
            target: b"/",
            is_special: true,
            fields: none,
        };
        assert_eq!(Ask::of(&with_body, &policy).part, Part::Bypass);
    }

    #[test]
    fn paths_that_are_bypassed_end_where_segments_do() {
        for (path, and_below, target, expected) in [
            ("/a", false, "/a", Part::Bypass),
            ("/a", false, "/a?b=/c", Part::Bypass),
            ("/a", false, "/a/b", Part::Answers),
            ("/a", true, "/a", Part::Bypass),
            ("/a", true, "/a?b", Part::Bypass),
            ("/a", true, "/a/", Part::Bypass),
            ("/a", true, "/a/b?c", Part::Bypass),
            ("/a", true, "/ab", Part::Answers),
            ("/a", true, "/", Part::Answers),
            ("", true, "/b", Part::Bypass),
        ] {
            let path = path.to_owned();
            let policy = Policy {
                bypass: vec![Condition::Place { path, and_below }],
                ..Policy::default()
            };
            let none: &[(&str, &str)] = &[];
            let request = Request {
                method: Method::Get,
                is_tls: false,
                authority: b"a",
                target: target.as_bytes(),
                is_special: false,
                fields: none,
            };
            let part = Ask::of(&request, &policy).part;
            assert_eq!(part, expected, "{target} {:?}", policy.bypass);
        }
    }

    #[test]
    fn fields_are_read() {
        let policy = Policy::default();
        let fields = [
            ("RANGE", "r"),
            ("Cookie", "c"),
            ("if-none-match", "1"),
            ("If-None-Match", "2"),
            ("Authorization", "x"),
        ];
        let all = ask("GET", &fields, &policy);
        assert_eq!(
            (all.range.value(), all.has_cookie, all.has_authorization),
            (Some(&b"r"[..]), true, true)
        );
        assert_eq!(
            (all.if_none_match, all.if_modified_since),
            (Once::Several, Once::Absent)
        );
        assert!(
            ask("GET", &[("Pragma", "no-cache")], &policy)
                .control
                .no_cache
        );
        assert!(
            !ask(
                "GET",
                &[("Pragma", "no-cache"), ("Cache-Control", "max-age=5")],
                &policy
            )
            .control
            .no_cache
        );
        let deaf = Policy {
            honors_request: false,
            ..Policy::default()
        };
        let control = ask(
            "GET",
            &[(
                "Cache-Control",
                "no-cache, max-age=0, no-store, only-if-cached",
            )],
            &deaf,
        )
        .control;
        let expected = RequestControl {
            no_store: true,
            only_if_cached: true,
            ..RequestControl::default()
        };
        assert_eq!(control, expected);
    }
}
