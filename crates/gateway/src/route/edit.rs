//! What the server gets as its target.

use super::encode::{self, FORWARDED};
use super::fill::Filled;
use super::path;
use crate::config::route::PathEdit;

impl PathEdit {
    /// Reads the beginning that `strip` takes off, in normal form: `/api`, also written `/api/`.
    ///
    /// # Errors
    /// What is wrong, and what would be right.
    pub fn parse_strip(text: &str) -> Result<Self, String> {
        if !text.starts_with('/') {
            return Err(format!("a path begins with `/`: write `/{text}`"));
        }
        let trimmed = text.trim_end_matches('/');
        if trimmed.is_empty() {
            return Err("there is nothing before `/` to take off: leave `strip` out".into());
        }
        if trimmed.contains(['*', '{', '}']) {
            return Err(format!(
                "`{text}`: `strip` takes plain text off; write `rewrite = \"/{{rest}}\"` to leave what `*` stands for"
            ));
        }
        let segments: Result<Vec<String>, String> =
            trimmed[1..].split('/').map(path::literal).collect();
        Ok(Self::Strip(format!("/{}", segments?.join("/"))))
    }

    /// Appends the path and query that the server gets to `out` and returns true; or returns false if the server
    /// gets what the client sent. `replaces` is [`Normal::replaces`](super::Normal::replaces).
    ///
    /// What is appended begins with `/` (or is the `*` of `OPTIONS *`) and is visible ASCII without `#`.
    #[must_use]
    pub fn apply(&self, filled: &Filled<'_>, replaces: bool, out: &mut Vec<u8>) -> bool {
        let path = match self {
            Self::Keep => None,
            Self::Strip(prefix) => strip(filled.path, prefix),
            // `OPTIONS *` is about the server, not about a path (RFC 9110 section 9.3.7).
            Self::Rewrite(_) if !filled.path.starts_with(b"/") => None,
            Self::Rewrite(template) => {
                template.write_path(out, filled);
                if !template.sets_query() {
                    push_query(out, filled.query);
                }
                return true;
            }
        };
        let path = match path {
            None if !replaces => return false,
            None => filled.path,
            Some(path) => path,
        };
        if path.is_empty() {
            out.push(b'/');
        }
        encode::push(out, path, FORWARDED);
        push_query(out, filled.query);
        true
    }
}

fn push_query(out: &mut Vec<u8>, query: &[u8]) {
    if !query.is_empty() {
        out.push(b'?');
        encode::push(out, query, FORWARDED);
    }
}

/// What is left of a path without its beginning, if that ends where a segment does.
fn strip<'p>(path: &'p [u8], prefix: &str) -> Option<&'p [u8]> {
    let rest = path.strip_prefix(prefix.trim_end_matches('/').as_bytes())?;
    (rest.len() < path.len() && (rest.is_empty() || rest.starts_with(b"/"))).then_some(rest)
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::super::ask::Captures;
    use super::super::pattern::Template;
    use super::*;

    fn apply(
        edit: &PathEdit,
        path: &str,
        query: &str,
        rest: &str,
        replaces: bool,
    ) -> Option<String> {
        let filled = Filled {
            host: b"h",
            path: path.as_bytes(),
            query: query.as_bytes(),
            rest: rest.as_bytes(),
            client_ip: IpAddr::from([192, 0, 2, 1]),
            request_id: b"id",
            captures: Captures::default(),
        };
        let mut out = Vec::new();
        let is_new = edit.apply(&filled, replaces, &mut out);
        assert!(is_new || out.is_empty());
        is_new.then(|| String::from_utf8(out).expect("ASCII"))
    }

    #[test]
    fn kept() {
        assert_eq!(apply(&PathEdit::Keep, "/a", "b", "", false), None);
        assert_eq!(
            apply(&PathEdit::Keep, "/a", "b", "", true).as_deref(),
            Some("/a?b")
        );
        let odd = apply(&PathEdit::Keep, "/a|%2F\\", "b#c", "", true);
        assert_eq!(odd.as_deref(), Some("/a|%2F\\?b%23c"));
    }

    #[test]
    fn stripped() {
        let edit = PathEdit::parse_strip("/api").expect("a prefix");
        for (path, expected) in [
            ("/api", Some("/?q=1")),
            ("/api/", Some("/?q=1")),
            ("/api/v1", Some("/v1?q=1")),
            ("/api//v1", Some("//v1?q=1")),
            ("/apix", None),
            ("/other", None),
            ("*", None),
        ] {
            assert_eq!(
                apply(&edit, path, "q=1", "", false).as_deref(),
                expected,
                "{path}"
            );
        }
        // What is not stripped is still forwarded in normal form.
        assert_eq!(
            apply(&edit, "/apix", "", "", true).as_deref(),
            Some("/apix")
        );
        for by_hand in ["/", ""] {
            let edit = PathEdit::Strip(by_hand.into());
            assert_eq!(apply(&edit, "/a", "", "", false), None);
        }
    }

    #[test]
    fn what_strip_may_be() {
        let read = |text: &str| PathEdit::parse_strip(text);
        assert_eq!(read("/api/"), Ok(PathEdit::Strip("/api".into())));
        assert_eq!(
            read("/%61/caf\u{e9}"),
            Ok(PathEdit::Strip("/a/caf%C3%A9".into()))
        );
        for (text, hint) in [
            ("api", "write `/api`"),
            ("/", "nothing"),
            ("/api/*", "{rest}"),
            ("/{id}", "{rest}"),
            ("/a/../b", "never matches"),
        ] {
            let error = read(text).expect_err(text);
            assert!(error.contains(hint), "{text}: {error}");
        }
    }

    #[test]
    fn rewritten() {
        for (text, path, query, rest, expected) in [
            ("/v2/{rest}", "/v1/a/b", "q=1", "a/b", Some("/v2/a/b?q=1")),
            ("/v2/{rest}", "/v1", "", "", Some("/v2/")),
            (
                "/{rest}",
                "/v1//evil.org",
                "",
                "/evil.org",
                Some("/evil.org"),
            ),
            ("{path}", "//a", "", "", Some("/a")),
            ("/x?a=1", "/v1", "q=1", "", Some("/x?a=1")),
            ("/x?a=1{query}", "/v1", "q=1", "", Some("/x?a=1&q=1")),
            ("/x{query}", "/v1", "q=1", "", Some("/x?q=1")),
            ("/x?p={path}", "/a&b", "q=1", "", Some("/x?p=/a%26b")),
            ("https://{host}{path}", "/a", "", "", Some("/https://h/a")),
            ("/x", "*", "", "", None),
        ] {
            let edit = PathEdit::Rewrite(Template::parse(text, &[]).expect(text));
            assert_eq!(
                apply(&edit, path, query, rest, false).as_deref(),
                expected,
                "{text}"
            );
        }
    }
}
