//! What variables and data hold.

use std::sync::Arc;

/// Longest value that is taken from an answer, in bytes: a page is no value, and 10,000 users keep theirs.
pub(super) const LONGEST: usize = 64 << 10;

/// A value of a variable. Users share what `setup` found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Value {
    text: Arc<str>,
    is_json: bool,
}

impl Value {
    pub(super) fn text(text: &str) -> Self {
        Self {
            text: text.into(),
            is_json: false,
        }
    }

    /// Anything of JSON that is no string keeps its kind.
    pub(super) fn of_json(value: &serde_json::Value) -> Self {
        match value {
            serde_json::Value::String(text) => Self::text(text),
            other => Self {
                text: other.to_string().into(),
                is_json: true,
            },
        }
    }

    pub(super) fn view(&self) -> View<'_> {
        View {
            text: &self.text,
            is_json: self.is_json,
        }
    }
}

/// A value that belongs to somebody else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct View<'v> {
    /// As it is written.
    pub text: &'v str,
    /// Whether that is JSON and no string: a number, `true`, `null`, a list, an object.
    pub is_json: bool,
}
