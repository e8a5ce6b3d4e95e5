//! Fields of a head, wherever it stands: in the buffer it was read into, or in a stored response.
//!
//! The rules ask for names and get bytes. They do not care whether these belong to a message that has just arrived or to one
//! that was written to a disk last week, and so freshness is computed by one function for both.

use tenfold_http1::head::{Head, StartLine};

/// Something that has fields.
pub(crate) trait Fields {
    /// Names and values in the order in which they were written; values without the white space around them.
    fn fields(&self) -> impl Iterator<Item = (&[u8], &[u8])>;

    /// The values of all fields of that name (any case), line by line.
    fn values<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'s [u8]> {
        self.fields()
            .filter(move |(field, _)| is(field, name))
            .map(|(_, value)| value)
    }

    /// The value of the first field of that name.
    fn first<'s>(&'s self, name: &'s str) -> Option<&'s [u8]> {
        self.values(name).next()
    }

    /// True if there is a field of that name.
    fn has(&self, name: &str) -> bool {
        self.first(name).is_some()
    }
}

impl<L: StartLine> Fields for Head<L> {
    fn fields(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        Head::fields(self).map(|field| (field.name_bytes, field.value))
    }
}

impl Fields for [(&[u8], &[u8])] {
    fn fields(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.iter().copied()
    }
}

impl Fields for [(&str, &str)] {
    fn fields(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.iter()
            .map(|(name, value)| (name.as_bytes(), value.as_bytes()))
    }
}

/// The field lines of a stored response: `name: value CR LF` each, as [`super::store::write`] makes them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lines<'a>(pub(crate) &'a [u8]);

impl<'a> Lines<'a> {
    /// Names, values and whole lines. What is no field line (a torn entry that passed its checksum cannot happen, but a
    /// panic here would take a worker with it) is passed over.
    pub(crate) fn lines(self) -> impl Iterator<Item = (&'a [u8], &'a [u8], &'a [u8])> {
        self.0
            .split_inclusive(|byte| *byte == b'\n')
            .filter_map(|line| {
                let colon = line.iter().position(|byte| *byte == b':')?;
                Some((&line[..colon], line[colon + 1..].trim_ascii(), line))
            })
    }
}

impl Fields for Lines<'_> {
    fn fields(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.lines().map(|(name, value, _)| (name, value))
    }
}

/// True if `field` is that name, in any case (RFC 9110 section 5.1).
pub(crate) fn is(field: &[u8], name: &str) -> bool {
    field.eq_ignore_ascii_case(name.as_bytes())
}

/// True for a token (RFC 9110 section 5.6.2).
pub(crate) fn is_token(bytes: &[u8]) -> bool {
    let in_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    !bytes.is_empty() && bytes.iter().all(in_token)
}

/// The members of a list (RFC 9110 section 5.6.1), trimmed, without empty ones. A comma within quotes does not separate;
/// an opening quote that is never closed takes the rest of the line.
pub(crate) fn members(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = value;
    std::iter::from_fn(move || {
        while !rest.is_empty() {
            let end = unquoted(rest, b',').unwrap_or(rest.len());
            let member = rest[..end].trim_ascii();
            rest = rest.get(end + 1..).unwrap_or_default();
            if !member.is_empty() {
                return Some(member);
            }
        }
        None
    })
}

/// Where `wanted` stands for the first time outside of quotes.
pub(crate) fn unquoted(bytes: &[u8], wanted: u8) -> Option<usize> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    bytes.iter().position(|&byte| {
        if is_escaped {
            is_escaped = false;
            return false;
        }
        match byte {
            b'\\' if is_quoted => is_escaped = true,
            b'"' => is_quoted = !is_quoted,
            _ => return byte == wanted && !is_quoted,
        }
        false
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts<'a>(bytes: impl Iterator<Item = &'a [u8]>) -> Vec<String> {
        bytes
            .map(|one| String::from_utf8_lossy(one).into_owned())
            .collect()
    }

    #[test]
    fn members_know_quotes() {
        for (value, expected) in [
            ("", vec![]),
            (" , ,", vec![]),
            ("a, b ,c", vec!["a", "b", "c"]),
            ("a=\"1,2\", b", vec!["a=\"1,2\"", "b"]),
            (r#"a="\",", b"#, vec![r#"a="\",""#, "b"]),
            ("a=\"1, b", vec!["a=\"1, b"]),
            ("a\\,b", vec!["a\\", "b"]),
        ] {
            assert_eq!(texts(members(value.as_bytes())), expected, "{value}");
        }
    }

    #[test]
    fn a_stored_head_has_the_same_fields() {
        let lines = Lines(b"A: 1\r\nb:  2 \r\nnonsense\r\na:3\r\nC: x");
        assert_eq!(texts(lines.values("a")), ["1", "3"]);
        assert_eq!(lines.first("B"), Some(&b"2"[..]));
        assert_eq!(lines.first("c"), Some(&b"x"[..]));
        assert!(!lines.has("nonsense"));
        assert_eq!(Lines(b"").fields().count(), 0);
    }
}
