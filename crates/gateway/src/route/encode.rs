//! Which bytes may stand where in a URI, and how the others are written (RFC 3986 section 2).

use super::normal::{is_unreserved, triplet};

/// A set of bytes that are written as they are; the others are percent-encoded.
#[derive(Clone, Copy)]
pub(super) struct Set {
    extra: &'static [u8],
    /// True if triplets are kept. Otherwise, and when it is a stray, `%` becomes `%25`.
    keeps_triplets: bool,
}

/// `sub-delims` and what else a path may have between slashes.
macro_rules! pchar {
    ($more:literal) => {
        concat!("!$&'()*+,;=:@", $more).as_bytes()
    };
}

/// A path. `[` and `]` are let through as every browser does; a backslash is not, which browsers take for a slash.
pub(super) const PATH: Set = Set {
    extra: pchar!("/[]"),
    keeps_triplets: true,
};
/// One segment of a path.
pub(super) const SEGMENT: Set = Set {
    extra: pchar!("[]"),
    keeps_triplets: true,
};
/// A whole query.
pub(super) const QUERY: Set = Set {
    extra: pchar!("/?[]"),
    keeps_triplets: true,
};
/// A value in a query: nothing that would begin another parameter, and no `+`, which would be read as a space.
pub(super) const PARAMETER: Set = Set {
    extra: b"!$'()*,:@/",
    keeps_triplets: true,
};
/// A host, with its port or in brackets.
pub(super) const HOST: Set = Set {
    extra: b"!$&'()*+,;=:[]",
    keeps_triplets: true,
};
/// A part of a host that a stranger chose.
pub(super) const LABEL: Set = Set {
    extra: b"",
    keeps_triplets: false,
};
/// A target that is forwarded as it came: everything visible, which is what the parser lets through, but `#`.
pub(super) const FORWARDED: Set = Set {
    extra: br##"!"$&'()*+,/:;<=>?@[\]^`{|}%"##,
    keeps_triplets: false,
};

/// Appends `value`; nothing but visible ASCII is ever written.
pub(super) fn push(out: &mut Vec<u8>, value: &[u8], set: Set) {
    for (at, byte) in value.iter().enumerate() {
        let is_kept = is_unreserved(*byte)
            || set.extra.contains(byte)
            || (set.keeps_triplets && *byte == b'%' && triplet(&value[at..]).is_some());
        if is_kept {
            out.push(*byte);
        } else {
            push_encoded(out, *byte);
        }
    }
}

/// Appends `%XX`.
pub(super) fn push_encoded(out: &mut Vec<u8>, byte: u8) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let digits = [
        DIGITS[usize::from(byte >> 4)],
        DIGITS[usize::from(byte & 15)],
    ];
    out.extend_from_slice(&[b'%', digits[0], digits[1]]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets() {
        for (value, set, expected) in [
            ("/a b/%2f%zz?\\", PATH, "/a%20b/%2f%25zz%3F%5C"),
            ("a/b", SEGMENT, "a%2Fb"),
            ("a=1&b[]=<x>#\r\n", QUERY, "a=1&b[]=%3Cx%3E%23%0D%0A"),
            ("a&b=c+d%20", PARAMETER, "a%26b%3Dc%2Bd%20"),
            ("u@[::1]:80/", HOST, "u%40[::1]:80%2F"),
            ("a.b:%2f@/", LABEL, "a.b%3A%252f%40%2F"),
            ("/a|%2f%z\\#\0\u{e9}", FORWARDED, "/a|%2f%z\\%23%00%C3%A9"),
        ] {
            let mut out = Vec::new();
            push(&mut out, value.as_bytes(), set);
            assert_eq!(String::from_utf8_lossy(&out), expected);
        }
    }
}
