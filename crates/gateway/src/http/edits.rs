//! Changes that a route makes to heads, after those that every proxy makes.
//!
//! The head is written as if there were none, and then edited line by line: so an edit also reaches the fields that the
//! gateway adds itself, and routes without edits pay nothing.

use std::borrow::Cow;
use std::rc::Rc;
use std::sync::Arc;

use tenfold_http1::{Buffer, Pool};

use crate::config::route::FieldEdits;
use crate::route::Filled;
use crate::route::pattern::{Part, Template};

/// A route's edits, made ready.
#[derive(Debug, Default)]
pub(crate) struct Edits {
    /// Fields that are left out, in lower case.
    left_out: Vec<Box<[u8]>>,
    /// Lines that are the same for every request.
    fixed: Vec<u8>,
    /// The others.
    filled: Vec<(Box<[u8]>, Template)>,
    /// Those of the others that say who asks, in lower case.
    personal: Arc<[Box<[u8]>]>,
}

impl Edits {
    pub(crate) fn new(edits: &FieldEdits) -> Self {
        let lower = |name: &String| name.to_ascii_lowercase().into_bytes().into_boxed_slice();
        let mut made = Self {
            left_out: edits.remove.iter().map(lower).collect(),
            personal: personal(edits),
            ..Self::default()
        };
        made.left_out
            .extend(edits.set.iter().map(|(name, _)| lower(name)));
        for (name, value) in edits.set.iter().chain(&edits.add) {
            let is_fixed = value.parts.iter().all(|part| matches!(part, Part::Text(_)));
            if !is_fixed {
                made.filled.push((name.as_bytes().into(), value.clone()));
                continue;
            }
            made.fixed.extend_from_slice(name.as_bytes());
            made.fixed.extend_from_slice(b": ");
            for part in &value.parts {
                if let Part::Text(text) = part {
                    made.fixed.extend_from_slice(text.as_bytes());
                }
            }
            made.fixed.extend_from_slice(b"\r\n");
        }
        made
    }

    /// The fields, in lower case, that tell the server who asks: by the client's address, or for each request another one.
    pub(crate) fn personal(&self) -> &Arc<[Box<[u8]>]> {
        &self.personal
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.left_out.is_empty() && self.fixed.is_empty() && self.filled.is_empty()
    }

    /// The lines to be added. Values that turn out to be empty have none.
    pub(crate) fn lines<'e>(&'e self, request: &Filled<'_>) -> Cow<'e, [u8]> {
        if self.filled.is_empty() {
            return Cow::Borrowed(&self.fixed);
        }
        let mut lines = self.fixed.clone();
        let mut value = Vec::new();
        for (name, template) in &self.filled {
            value.clear();
            template.write_field(&mut value, request);
            if !value.is_empty() {
                lines.extend_from_slice(name);
                lines.extend_from_slice(b": ");
                lines.extend_from_slice(&value);
                lines.extend_from_slice(b"\r\n");
            }
        }
        Cow::Owned(lines)
    }

    /// Edits the head that is all of `out`.
    pub(crate) fn apply(&self, out: &mut Buffer, pool: &Rc<Pool>, lines: &[u8]) {
        let mut edited = pool.head();
        let head = out.filled();
        // Lines that stay are copied together.
        let (mut copied, mut at) = (0, 0);
        while let Some(end) = memchr::memchr(b'\n', &head[at..]) {
            let line = &head[at..=at + end];
            if line == b"\r\n" {
                break;
            }
            let is_first = at == 0;
            if !is_first && self.leaves_out(line) {
                edited.push(&head[copied..at]);
                copied = at + line.len();
            }
            at += line.len();
        }
        edited.push(&head[copied..at]);
        edited.push(lines);
        edited.push(b"\r\n");
        *out = edited;
    }

    fn leaves_out(&self, line: &[u8]) -> bool {
        self.left_out.iter().any(|name| {
            line.get(name.len()) == Some(&b':') && is_spelling_of(&line[..name.len()], name)
        })
    }
}

fn personal(edits: &FieldEdits) -> Arc<[Box<[u8]>]> {
    let says_who = |template: &Template| {
        let mut parts = template.parts.iter();
        parts.any(|part| matches!(part, Part::ClientIp | Part::RequestId))
    };
    let filled = edits.set.iter().chain(&edits.add);
    let personal = filled.filter(|(_, template)| says_who(template));
    personal
        .map(|(name, _)| name.to_ascii_lowercase().into_bytes().into())
        .collect()
}

/// True if `name` is `wanted` (in lower case) in any case, or with `_` for `-`: CGI and its heirs read both as one, and what a
/// route vouches for must not come from a client under the other spelling.
fn is_spelling_of(name: &[u8], wanted: &[u8]) -> bool {
    let is_same = |(byte, wanted): (&u8, &u8)| {
        byte.to_ascii_lowercase() == *wanted || (*byte, *wanted) == (b'_', b'-')
    };
    name.len() == wanted.len() && name.iter().zip(wanted).all(is_same)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The head without what is left out, and with `new: 1`.
    fn edited(left_out: &[&str], head: &str) -> String {
        let edits = Edits {
            left_out: left_out.iter().map(|name| name.as_bytes().into()).collect(),
            ..Edits::default()
        };
        let pool = Pool::new();
        let mut out = pool.head();
        out.push(head.as_bytes());
        edits.apply(&mut out, &pool, b"new: 1\r\n");
        String::from_utf8(out.filled().to_vec()).unwrap()
    }

    #[test]
    fn lines_are_left_out_in_every_spelling() {
        let head =
            "GET / HTTP/1.1\r\nHost: a\r\nX-A: 1\r\nx_a: 2\r\nX-Ab: 3\r\nX: 4\r\nLast: 5\r\n\r\n";
        for (left_out, expected) in [
            (
                &[][..],
                "Host: a\r\nX-A: 1\r\nx_a: 2\r\nX-Ab: 3\r\nX: 4\r\nLast: 5",
            ),
            (&["x-a"], "Host: a\r\nX-Ab: 3\r\nX: 4\r\nLast: 5"),
            (&["host", "x", "last"], "X-A: 1\r\nx_a: 2\r\nX-Ab: 3"),
            (&["x-a", "x-ab"], "Host: a\r\nX: 4\r\nLast: 5"),
            (
                &["x-none", "get / http/1.1"],
                "Host: a\r\nX-A: 1\r\nx_a: 2\r\nX-Ab: 3\r\nX: 4\r\nLast: 5",
            ),
        ] {
            let expected = format!("GET / HTTP/1.1\r\n{expected}\r\nnew: 1\r\n\r\n");
            assert_eq!(edited(left_out, head), expected, "{left_out:?}");
        }
        assert_eq!(
            edited(&["a"], "HTTP/1.1 200 OK\r\n\r\n"),
            "HTTP/1.1 200 OK\r\nnew: 1\r\n\r\n"
        );
    }
}
