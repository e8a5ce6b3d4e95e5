//! Texts with holes.

/// A text, parts of which are filled in for each request.
#[derive(Clone, Debug, PartialEq)]
pub struct Template(String);

impl Template {
    /// A text without holes: what looks like one is meant as it stands.
    #[must_use]
    pub fn constant(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// Whether it has no holes.
    #[must_use]
    pub fn is_constant(&self) -> bool {
        true
    }

    pub(super) fn write(&self, into: &mut String) {
        into.push_str(&self.0);
    }
}
