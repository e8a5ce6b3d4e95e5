//! Tags by which responses are purged: `Surrogate-Key: a b` (Fastly, Varnish) and `Cache-Tag: a, b` (Cloudflare, Akamai).
//!
//! A tag that was dropped would be a purge that misses. So a response with more tags than there is room for, or with one that cannot be a
//! tag, is not stored at all.

use smallvec::SmallVec;

use super::fields::Fields;

/// Tags of one response.
pub(crate) const MOST: usize = 128;
/// Bytes of one tag (Fastly's and Cloudflare's limit is 1,024).
pub(crate) const LONGEST: usize = 1024;

/// The tags of one response.
pub(crate) type Tags<'a> = SmallVec<[&'a [u8]; 8]>;

/// The tags of a response, each once, in their order and case. `None` if there are too many, or one is too long or has bytes that are
/// not visible ASCII.
pub(crate) fn of(fields: &(impl Fields + ?Sized)) -> Option<Tags<'_>> {
    let mut tags = Tags::new();
    let spaced = fields
        .values("surrogate-key")
        .flat_map(|value| value.split(|byte| matches!(byte, b' ' | b'\t')));
    let listed = fields
        .values("cache-tag")
        .flat_map(|value| value.split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii);
    for tag in spaced.chain(listed) {
        if tag.is_empty() || tags.contains(&tag) {
            continue;
        }
        let is_sound = tag.len() <= LONGEST && tag.iter().all(|byte| matches!(byte, b' '..=b'~'));
        (is_sound && tags.len() < MOST).then_some(())?;
        tags.push(tag);
    }
    Some(tags)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_fields() {
        let fields = [
            ("Surrogate-Key", "a  b\tc,d"),
            ("Cache-Tag", "a, e f ,,"),
            ("surrogate-key", "A"),
        ];
        let expected: [&[u8]; 6] = [b"a", b"b", b"c,d", b"A", b"e f", b""];
        assert_eq!(of(&fields[..]).unwrap()[..], expected[..5]);
        assert!(of(&[("X", "a")][..]).unwrap().is_empty());
    }

    #[test]
    fn there_are_bounds() {
        let many = |count: usize| {
            (0..count)
                .map(|at| at.to_string())
                .collect::<Vec<_>>()
                .join(" ")
        };
        let (most, more) = (many(MOST), many(MOST + 1));
        assert_eq!(
            of(&[("Surrogate-Key", most.as_str())][..]).unwrap().len(),
            MOST
        );
        assert_eq!(of(&[("Surrogate-Key", more.as_str())][..]), None);
        let long = "a".repeat(LONGEST + 1);
        assert_eq!(of(&[("Cache-Tag", long.as_str())][..]), None);
        assert_eq!(of(&[("Cache-Tag", "\u{e9}")][..]), None);
    }
}
