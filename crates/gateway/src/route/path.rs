//! Patterns of paths: `/exact`, `/prefix/*`, `/users/{id}/orders/*`.
//!
//! Literal segments are kept in the normal form of [`normal`](super::normal), the one that requests are matched in.

use std::fmt;

use super::normal::{decode, triplet};
use super::pattern::{PathPattern, Segment};
use super::template;

impl PathPattern {
    /// What `/*` means: every path.
    #[must_use]
    pub fn every() -> Self {
        Self {
            segments: Vec::new(),
            is_prefix: true,
        }
    }

    /// Reads `/exact`, `/prefix/*` or `/users/{id}/orders/*`.
    ///
    /// # Errors
    /// What is wrong, and what would be right.
    pub fn parse(text: &str) -> Result<Self, String> {
        let Some(inside) = text.strip_prefix('/') else {
            return Err(if text.is_empty() || text == "*" {
                "a path begins with `/`: write `/*` for every path".into()
            } else {
                format!("a path begins with `/`: write `/{text}`")
            });
        };
        let mut parts: Vec<&str> = inside.split('/').collect();
        let is_prefix = parts.last() == Some(&"*");
        if is_prefix {
            parts.pop();
        }
        let mut segments = Vec::with_capacity(parts.len());
        for part in parts {
            let segment = segment(part)?;
            if matches!(segment, Segment::Capture(_)) && segments.contains(&segment) {
                return Err(format!(
                    "`{part}` is there twice: give each capture its own name"
                ));
            }
            segments.push(segment);
        }
        Ok(Self {
            segments,
            is_prefix,
        })
    }

    /// The names of its captures, in their order.
    pub fn captures(&self) -> impl Iterator<Item = &str> {
        self.segments.iter().filter_map(|segment| match segment {
            Segment::Capture(name) => Some(&**name),
            Segment::Literal(_) => None,
        })
    }
}

fn segment(part: &str) -> Result<Segment, String> {
    if part.contains('*') {
        return Err(
            "`*` stands alone at the end: write `/prefix/*`, or `{name}` for one segment".into(),
        );
    }
    if part.contains(['{', '}']) {
        let name = part
            .strip_prefix('{')
            .and_then(|rest| rest.strip_suffix('}'));
        let name = name
            .filter(|name| !name.contains(['{', '}']))
            .ok_or_else(|| {
                format!("`{part}`: a capture is a whole segment in braces, such as `/{{name}}/`")
            })?;
        check_capture(name)?;
        return Ok(Segment::Capture(name.into()));
    }
    literal(part).map(Segment::Literal)
}

fn check_capture(name: &str) -> Result<(), String> {
    if name.is_empty() {
        return Err("a capture needs a name: write `{name}`".into());
    }
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if !name.chars().all(is_allowed) {
        return Err(format!(
            "`{{{name}}}`: the name of a capture has letters, digits and `_` only (no pattern)"
        ));
    }
    if template::place(name).is_some() {
        return Err(format!(
            "`{{{name}}}` already means something in templates: choose another name"
        ));
    }
    Ok(())
}

/// The normal form of a segment that was written by hand.
pub(super) fn literal(part: &str) -> Result<String, String> {
    if part.contains(['?', '#']) {
        return Err(format!(
            "`{part}`: a path ends before `?` and `#`: use `query` for parameters"
        ));
    }
    if part.chars().any(char::is_control) {
        return Err(format!("{part:?}: a path has no control characters"));
    }
    let stray = part
        .bytes()
        .enumerate()
        .find(|(at, byte)| *byte == b'%' && triplet(&part.as_bytes()[*at..]).is_none());
    if stray.is_some() {
        return Err(format!(
            "`{part}`: two hexadecimal digits follow a `%`; write `%25` for the sign itself"
        ));
    }
    // Clients send everything beyond visible ASCII encoded.
    let mut encoded = String::with_capacity(part.len());
    for byte in part.bytes() {
        if byte.is_ascii_graphic() {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    let mut normal = Vec::with_capacity(encoded.len());
    decode(encoded.as_bytes(), &mut normal);
    if matches!(&normal[..], b"." | b"..") {
        return Err(format!(
            "`{part}` never matches: `.` and `..` are resolved before paths are compared"
        ));
    }
    Ok(String::from_utf8(normal).expect("what is decoded or encoded here is ASCII"))
}

impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for segment in &self.segments {
            match segment {
                Segment::Literal(text) => write!(f, "/{text}")?,
                Segment::Capture(name) => write!(f, "/{{{name}}}")?,
            }
        }
        match (self.is_prefix, self.segments.is_empty()) {
            (true, _) => f.write_str("/*"),
            (false, true) => f.write_str("/"),
            (false, false) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (text, shown) in [
            ("/", "/"),
            ("/*", "/*"),
            ("/a", "/a"),
            ("/a/", "/a/"),
            ("/a/*", "/a/*"),
            ("/a//b", "/a//b"),
            ("//*", "//*"),
            ("/users/{id}/orders/*", "/users/{id}/orders/*"),
            ("/%61%2f%7E", "/a%2F~"),
            ("/caf\u{e9} au lait", "/caf%C3%A9%20au%20lait"),
            ("/a;b=c|d", "/a;b=c|d"),
        ] {
            let pattern = PathPattern::parse(text).expect(text);
            assert_eq!(pattern.to_string(), shown);
            assert_eq!(PathPattern::parse(shown), Ok(pattern));
        }
        assert_eq!(PathPattern::parse("/*"), Ok(PathPattern::every()));
    }

    #[test]
    fn mistakes_are_told() {
        for (text, hint) in [
            ("", "`/*`"),
            ("*", "`/*`"),
            ("api/*", "write `/api/*`"),
            ("/a*", "stands alone"),
            ("/*/a", "stands alone"),
            ("/**", "stands alone"),
            ("/{}", "needs a name"),
            ("/{a}/{a}", "twice"),
            ("/{a", "in braces"),
            ("/a}", "in braces"),
            ("/x{a}", "whole segment"),
            ("/{a}{b}", "whole segment"),
            ("/{a-b}", "letters, digits"),
            ("/{id:[0-9]+}", "letters, digits"),
            ("/{rest}", "already means"),
            ("/{host}", "already means"),
            ("/a?b=c", "`query`"),
            ("/a#b", "before `?`"),
            ("/a\n", "control"),
            ("/%zz", "%25"),
            ("/a/../b", "never matches"),
            ("/%2e%2E", "never matches"),
        ] {
            let error = PathPattern::parse(text).expect_err(text);
            assert!(error.contains(hint), "{text}: {error}");
        }
    }
}
