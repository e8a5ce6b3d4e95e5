//! Patterns of paths as they are imported: what a prefix of characters becomes in a world of segments.
//!
//! nginx and HAProxy compare the beginning of a path as text: `/api` also takes `/apiary`. Our `/api/*` takes `/api` and what
//! is below it. What lies between the two is a *gap*, and matters where the source protected it.

use std::fmt;

use tenfold_gateway::route::pattern::PathPattern;

/// A path that a route is for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Pattern {
    pub(crate) segments: Vec<Segment>,
    /// What follows may be anything.
    pub(crate) is_prefix: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Segment {
    Literal(String),
    Capture(String),
}

impl Pattern {
    /// `/*`
    pub(crate) fn every() -> Self {
        Self {
            segments: Vec::new(),
            is_prefix: true,
        }
    }

    /// The one path. `None` if our syntax has no word for it.
    pub(crate) fn exact(path: &str) -> Option<Self> {
        Self::checked(path, false)
    }

    /// The path and all below it: of `/api` and of `/api/` the same.
    pub(crate) fn below(path: &str) -> Option<Self> {
        Self::checked(path.strip_suffix('/').unwrap_or(path), true)
    }

    fn checked(path: &str, is_prefix: bool) -> Option<Self> {
        let has_reserved = path.contains(['*', '{', '}', '?', '#', '%', '\\']);
        if has_reserved || path.chars().any(char::is_control) {
            return None;
        }
        let segments = match path.strip_prefix('/') {
            Some(inside) => inside.split('/').map(|part| Segment::Literal(part.into())),
            None if path.is_empty() && is_prefix => return Some(Self::every()),
            None => return None,
        };
        let pattern = Self {
            segments: segments.collect(),
            is_prefix,
        };
        pattern.is_valid().then_some(pattern)
    }

    /// True if the configuration takes it.
    pub(crate) fn is_valid(&self) -> bool {
        PathPattern::parse(&self.to_string()).is_ok()
    }

    /// The requests that both are for.
    pub(crate) fn and(&self, other: &Self) -> Option<Self> {
        let (short, long) = match self.segments.len() <= other.segments.len() {
            true => (self, other),
            false => (other, self),
        };
        let is_longer = long.segments.len() > short.segments.len();
        if (is_longer && !short.is_prefix) || !self.meets(other) {
            return None;
        }
        let mut segments = long.segments.clone();
        for (mine, theirs) in segments.iter_mut().zip(&short.segments) {
            if let (Segment::Capture(_), Segment::Literal(_)) = (&*mine, theirs) {
                *mine = theirs.clone();
            }
        }
        let is_prefix = match is_longer {
            true => long.is_prefix,
            false => long.is_prefix && short.is_prefix,
        };
        Some(Self {
            segments,
            is_prefix,
        })
    }

    /// True if no segment that both have contradicts.
    fn meets(&self, other: &Self) -> bool {
        let mut both = self.segments.iter().zip(&other.segments);
        both.all(|pair| match pair {
            (Segment::Literal(one), Segment::Literal(other)) => one == other,
            (Segment::Capture(_), Segment::Literal(text))
            | (Segment::Literal(text), Segment::Capture(_)) => !text.is_empty(),
            (Segment::Capture(_), Segment::Capture(_)) => true,
        })
    }

    /// True if every request that `other` is for is also one for this.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        let fits = self
            .segments
            .iter()
            .zip(&other.segments)
            .all(|pair| match pair {
                (Segment::Literal(one), Segment::Literal(other)) => one == other,
                (Segment::Literal(_), Segment::Capture(_)) => false,
                (Segment::Capture(_), Segment::Literal(text)) => !text.is_empty(),
                (Segment::Capture(_), Segment::Capture(_)) => true,
            });
        let (mine, theirs) = (self.segments.len(), other.segments.len());
        fits && match self.is_prefix {
            true => mine <= theirs,
            false => mine == theirs && !other.is_prefix,
        }
    }

    /// The text that every path of this begins with, with a `/` at the end if it is a prefix.
    pub(crate) fn literal_start(&self) -> String {
        let mut text = String::new();
        for segment in &self.segments {
            text.push('/');
            match segment {
                Segment::Literal(part) => text.push_str(part),
                Segment::Capture(_) => return text,
            }
        }
        text
    }

    /// Whether paths that begin with this text (as characters) can be among those that this is for.
    pub(crate) fn may_begin_with(&self, text: &str) -> bool {
        let start = self.literal_start();
        let is_open = self.is_prefix || self.segments.iter().any(is_capture);
        start.starts_with(text) || (is_open && text.starts_with(&start))
    }
}

fn is_capture(segment: &Segment) -> bool {
    matches!(segment, Segment::Capture(_))
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for segment in &self.segments {
            match segment {
                Segment::Literal(text) => write!(f, "/{text}")?,
                Segment::Capture(name) => write!(f, "/{{{name}}}")?,
            }
        }
        if self.is_prefix {
            f.write_str("/*")?;
        }
        Ok(())
    }
}

/// The text as it stands in a template: braces doubled.
pub(crate) fn escaped(text: &str) -> String {
    text.replace('{', "{{").replace('}', "}}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn below(path: &str) -> Pattern {
        Pattern::below(path).expect(path)
    }

    #[test]
    fn patterns_of_text() {
        assert_eq!(below("/").to_string(), "/*");
        assert_eq!(below("/api").to_string(), "/api/*");
        assert_eq!(below("/api/").to_string(), "/api/*");
        assert_eq!(Pattern::exact("/").expect("root").to_string(), "/");
        for odd in ["", "api", "/a*", "/{a}", "/a%20b", "/../a", "/a\n"] {
            assert_eq!(Pattern::exact(odd), None, "{odd}");
        }
    }

    #[test]
    fn what_two_have_in_common() {
        let and = |one: &Pattern, other: &Pattern| one.and(other).map(|both| both.to_string());
        let user = Pattern {
            segments: vec![
                Segment::Literal("users".into()),
                Segment::Capture("id".into()),
            ],
            is_prefix: true,
        };
        assert_eq!(and(&below("/a"), &below("/")).as_deref(), Some("/a/*"));
        assert_eq!(and(&below("/a"), &below("/b")), None);
        assert_eq!(
            and(&below("/users/admin"), &user).as_deref(),
            Some("/users/admin/*")
        );
        let exact = Pattern::exact("/a").expect("a path");
        assert_eq!(and(&exact, &below("/a")).as_deref(), Some("/a"));
        assert_eq!(and(&exact, &below("/a/b")), None);
        assert!(below("/a").covers(&exact) && !exact.covers(&below("/a")));
        assert!(below("/").may_begin_with("/wp-login"));
        assert!(!below("/wp-login").may_begin_with("/x"));
    }
}
