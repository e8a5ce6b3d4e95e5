//! What holds of the parsers for any input: fuzz targets and property tests call the same checks.

use super::control::{MOST_SECONDS, RequestControl, ResponseControl, named_fields};
use super::fields::{Fields, members, unquoted};
use super::vary::{Names, Vary};
use crate::http::range::{self, Range};

/// The input's lines as fields of that name.
fn lines<'a>(name: &'a [u8], input: &'a [u8]) -> Vec<(&'a [u8], &'a [u8])> {
    input
        .split(|byte| *byte == b'\n')
        .map(|line| (name, line.trim_ascii()))
        .collect()
}

/// `Cache-Control` and `CDN-Cache-Control`: no lifetime is longer than there are, what is forbidden stays forbidden whatever else is
/// said, and a line more never permits more.
///
/// # Panics
/// If that does not hold.
pub fn cache_control(input: &[u8]) {
    for name in [&b"Cache-Control"[..], b"CDN-Cache-Control"] {
        let fields = lines(name, input);
        let control = ResponseControl::of(&fields[..]);
        let all = [
            control.max_age,
            control.s_maxage,
            control.stale_while_revalidate,
            control.stale_if_error,
        ];
        assert!(all.iter().flatten().all(|seconds| *seconds <= MOST_SECONDS));
        let named = named_fields(&fields[..], control.source);
        assert!(named.iter().all(|name| !name.is_empty()));
        // The other way round it need not hold: names that cannot be names make a plain directive, which forbids more.
        assert!(!control.names_fields || !named.is_empty());
        let mut request = RequestControl::default();
        fields.iter().for_each(|(_, value)| request.add_line(value));
        assert!(
            request
                .max_age
                .is_none_or(|seconds| seconds <= MOST_SECONDS)
        );
    }
    let mut fields = lines(b"Cache-Control", input);
    let before = ResponseControl::of(&fields[..]);
    fields.push((b"cache-control", b"no-store, private, no-cache, max-age=5"));
    let after = ResponseControl::of(&fields[..]);
    assert!(after.no_store && after.private && after.no_cache);
    assert!(
        after
            .max_age
            .is_some_and(|seconds| seconds <= before.max_age.unwrap_or(5).min(5))
    );
    assert_eq!(
        (after.public, after.s_maxage),
        (before.public, before.s_maxage)
    );
}

/// `Vary`: names survive being stored, a `*` outside of quotes is never overlooked, and a request selects what it made.
///
/// # Panics
/// If that does not hold.
pub fn vary(input: &[u8]) {
    let fields = lines(b"Vary", input);
    let has_star = fields
        .iter()
        .flat_map(|(_, value)| members(value))
        .any(|member| member == b"*");
    match Vary::of(&fields[..]) {
        Vary::Everything => {}
        Vary::Nothing => assert!(!has_star),
        Vary::Names(names) => {
            assert!(!has_star);
            assert_eq!(Names::from_stored(names.as_str()).as_ref(), Some(&names));
        }
    }
    assert!(unquoted(input, b'*').is_none_or(|at| input[at] == b'*'));
    // The same input as the value of what is selected by.
    for name in ["accept-encoding", "accept-language", "cookie", "x"] {
        let Vary::Names(names) = Vary::of(&[("Vary", name)][..]) else {
            panic!("a name is a name");
        };
        let request = lines(name.as_bytes(), input);
        let key = |request: &[(&[u8], &[u8])]| {
            let mut out = Vec::new();
            names.write(&mut out, request).map(|()| out)
        };
        if let Some(once) = key(&request) {
            assert_eq!(once.iter().filter(|byte| **byte == b'\n').count(), 1);
            assert_ne!(Some(once), key(&[]), "what is there is not what is absent");
        }
        assert_eq!(request[..].has(name), !request.is_empty());
    }
}

/// `Range`: a part is within the body, not empty, and survives being asked for in the plainest way. The first byte says how large
/// the body is.
///
/// # Panics
/// If that does not hold.
pub fn range(input: &[u8]) {
    let Some((size, field)) = input.split_first() else {
        return;
    };
    let size = u64::from(*size);
    match range::parse(field, size) {
        Range::Whole => {}
        Range::Unsatisfiable => assert!(field.contains(&b'-')),
        Range::Part { start, end } => {
            assert!(start < end && end <= size);
            let plain = format!("bytes={start}-{}", end - 1);
            assert_eq!(
                range::parse(plain.as_bytes(), size),
                Range::Part { start, end }
            );
            let told = range::content_range(start, end, size);
            assert_eq!(told, format!("bytes {start}-{}/{size}", end - 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    /// Words of the grammar in any order, which random bytes hardly ever are.
    fn words() -> impl Strategy<Value = Vec<u8>> {
        let words = proptest::sample::select(vec![
            "max-age",
            "s-maxage",
            "no-cache",
            "private",
            "public",
            "no-store",
            "stale-while-revalidate",
            "=",
            "\"",
            ",",
            " ",
            ";",
            "\n",
            "-",
            "0",
            "7",
            "99999999999",
            "bytes=",
            "*",
            "Accept",
            "q=",
            "gzip",
            "identity",
            "en",
            "\\",
            "x-gzip",
            "(",
            ")",
            "?1",
            ":",
        ]);
        proptest::collection::vec(words, 0..16).prop_map(|words| words.concat().into_bytes())
    }

    proptest! {
        #[test]
        fn hold_for_words(mut input in words(), size: u8) {
            super::cache_control(&input);
            super::vary(&input);
            input.insert(0, size);
            super::range(&input);
        }

        #[test]
        fn hold_for_bytes(input in proptest::collection::vec(any::<u8>(), 0..64)) {
            super::cache_control(&input);
            super::vary(&input);
            super::range(&input);
        }
    }
}
