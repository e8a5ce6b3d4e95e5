//! Field lines as offsets into the buffer that they were read into.

use crate::name::Name;

/// A range of bytes, relative to the first byte of the head.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// Offset of the first byte.
    pub start: u32,
    /// Offset after the last byte.
    pub end: u32,
}

impl Span {
    /// The bytes of this range.
    #[must_use]
    pub fn of(self, bytes: &[u8]) -> &[u8] {
        &bytes[self.start as usize..self.end as usize]
    }

    /// True if the range has no bytes.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.start == self.end
    }
}

/// One field line, as offsets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// What the field is, if it is one that a proxy has to know.
    pub name: Name,
    /// Where its name stands. The line begins here.
    pub name_span: Span,
    /// Where its value stands, without the white space around it.
    pub value_span: Span,
    /// Offset after the line's CR LF.
    pub line_end: u32,
}

/// A field with its bytes.
#[derive(Clone, Copy, Debug)]
pub struct FieldRef<'a> {
    /// What the field is, if it is one that a proxy has to know.
    pub name: Name,
    /// The name as it was written.
    pub name_bytes: &'a [u8],
    /// The value, without the white space around it.
    pub value: &'a [u8],
    /// The whole line with its CR LF.
    pub line: &'a [u8],
}
