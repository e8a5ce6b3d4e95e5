//! Changes that a route makes to heads, after those that every proxy makes.
//!
//! The head is written as if there were none, and then edited line by line: so an edit also reaches the fields that the
//! gateway adds itself, and routes without edits pay nothing.

use std::borrow::Cow;
use std::rc::Rc;

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
}

impl Edits {
    pub(crate) fn new(edits: &FieldEdits) -> Self {
        let lower = |name: &String| name.to_ascii_lowercase().into_bytes().into_boxed_slice();
        let mut made = Self {
            left_out: edits.remove.iter().map(lower).collect(),
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
        let mut rest = out.filled();
        let mut is_first = true;
        while let Some(end) = memchr::memchr(b'\n', rest) {
            let (line, after) = rest.split_at(end + 1);
            rest = after;
            if line == b"\r\n" {
                break;
            }
            if std::mem::take(&mut is_first) || !self.leaves_out(line) {
                edited.push(line);
            }
        }
        edited.push(lines);
        edited.push(b"\r\n");
        *out = edited;
    }

    fn leaves_out(&self, line: &[u8]) -> bool {
        let name = &line[..memchr::memchr(b':', line).unwrap_or(line.len())];
        self.left_out
            .iter()
            .any(|other| is_spelling_of(name, other))
    }
}

/// True if `name` is `wanted` (in lower case) in any case, or with `_` for `-`: CGI and its heirs read both as one, and what a
/// route vouches for must not come from a client under the other spelling.
fn is_spelling_of(name: &[u8], wanted: &[u8]) -> bool {
    let is_same = |(byte, wanted): (&u8, &u8)| {
        byte.to_ascii_lowercase() == *wanted || (*byte, *wanted) == (b'_', b'-')
    };
    name.len() == wanted.len() && name.iter().zip(wanted).all(is_same)
}
