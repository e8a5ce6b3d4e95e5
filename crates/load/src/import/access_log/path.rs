//! Paths with the same meaning: `/product/17` and `/product/4711` are one page, `/product/{id}`.
//!
//! Numbers, UUIDs and long random words are told by their looks. Words that name things (`/product/red-shoes`) look like those
//! that name pages, and are told by how many there are at the same place: [`Rules`], which grow while a log is read.

use std::collections::{HashMap, HashSet};

/// Longest path that is looked at, in bytes; longer ones are attacks.
pub(super) const LONGEST: usize = 512;
/// Most segments.
const DEEPEST: usize = 32;

/// Where words name things: by what precedes them, which words are pages nevertheless.
#[derive(Clone, Debug, Default)]
pub(super) struct Rules(HashMap<String, HashSet<String>>);

impl Rules {
    /// From now on what follows `prefix` names things, except for `pages`.
    pub(super) fn add(&mut self, prefix: String, pages: impl IntoIterator<Item = String>) {
        self.0.entry(prefix).or_default().extend(pages);
    }

    /// Whether what follows `prefix` is known to name things.
    pub(super) fn has(&self, prefix: &str) -> bool {
        self.0.contains_key(prefix)
    }

    fn names_a_thing(&self, prefix: &str, word: &str) -> bool {
        let pages = self.0.get(prefix);
        !word.is_empty() && pages.is_some_and(|pages| !pages.contains(word))
    }
}

/// Writes the pattern of a path into `pattern`, and what stands at its holes into `values`. False if it is too long.
pub(super) fn pattern<'p>(
    path: &'p str,
    rules: &Rules,
    pattern: &mut String,
    values: &mut Vec<&'p str>,
) -> bool {
    pattern.clear();
    values.clear();
    let segments = path.strip_prefix('/').unwrap_or(path).split('/');
    if path.len() > LONGEST || segments.clone().count() > DEEPEST {
        return false;
    }
    for segment in segments {
        let is_thing = rules.names_a_thing(pattern, segment);
        pattern.push('/');
        match hole(segment) {
            Some((start, end, name)) => {
                pattern.push_str(&segment[..start]);
                pattern.push_str(name);
                pattern.push_str(&segment[end..]);
                values.push(&segment[start..end]);
            }
            None if is_thing => {
                pattern.push_str("{name}");
                values.push(segment);
            }
            None => pattern.push_str(segment),
        }
    }
    true
}

/// A pattern after rules were added.
pub(super) fn again(known: &str, rules: &Rules) -> String {
    let mut out = String::with_capacity(known.len());
    for segment in known.strip_prefix('/').unwrap_or(known).split('/') {
        let is_thing = !segment.contains('{') && rules.names_a_thing(&out, segment);
        out.push('/');
        out.push_str(if is_thing { "{name}" } else { segment });
    }
    out
}

/// Where in a segment something stands that is different for each thing.
fn hole(segment: &str) -> Option<(usize, usize, &'static str)> {
    let base = match segment.rsplit_once('.') {
        Some((base, ending)) if is_ending(ending) => base,
        _ => segment,
    };
    let whole = |name| Some((0, base.len(), name));
    if base.is_empty() {
        return None;
    }
    if is_number(base) {
        return whole("{id}");
    }
    if is_uuid(base) {
        return whole("{uuid}");
    }
    if is_random(base) {
        return whole("{token}");
    }
    // `product-17`, but not `iso-8859-1`.
    let start = base.rfind(['-', '_'])? + 1;
    let is_word = base[..start].bytes().all(|byte| !byte.is_ascii_digit());
    (start > 1 && is_word && is_number(&base[start..])).then_some((start, base.len(), "{id}"))
}

fn is_ending(text: &str) -> bool {
    (1..=5).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphabetic())
}

/// Numbers of things: as many digits as 64 bits have.
fn is_number(text: &str) -> bool {
    (1..=19).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// RFC 9562 section 4.
fn is_uuid(text: &str) -> bool {
    let places = text.bytes().enumerate();
    text.len() == 36
        && places.fold(true, |so_far, (place, byte)| {
            let wanted = match place {
                8 | 13 | 18 | 23 => byte == b'-',
                _ => byte.is_ascii_hexdigit(),
            };
            so_far && wanted
        })
}

/// Long, and with digits among its letters, as no word is: hashes, ULIDs, base64.
fn is_random(text: &str) -> bool {
    let count = |test: fn(&u8) -> bool| text.bytes().filter(test).count();
    let digits = count(u8::is_ascii_digit);
    let is_hex = text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_mixed = text
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'='))
        && count(u8::is_ascii_uppercase) > 2;
    digits > 2 && (is_hex && text.len() >= 16 || is_mixed && text.len() >= 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(path: &str, rules: &Rules) -> (String, Vec<String>) {
        let (mut out, mut values) = (String::new(), Vec::new());
        assert!(pattern(path, rules, &mut out, &mut values));
        (out, values.into_iter().map(str::to_owned).collect())
    }

    #[test]
    fn things_are_told_by_their_looks() {
        for (path, wanted) in [
            ("/", "/"),
            ("/cart", "/cart"),
            ("/product/17", "/product/{id}"),
            ("/product/17/", "/product/{id}/"),
            ("/product/17.html", "/product/{id}.html"),
            ("/red-shoes-17.html", "/red-shoes-{id}.html"),
            ("/api/v2/orders/8", "/api/v2/orders/{id}"),
            ("/o/0190a5b2-7c1e-7f3a-9d42-0123456789ab", "/o/{uuid}"),
            ("/o/d41d8cd98f00b204e9800998ecf8427e", "/o/{token}"),
            ("/o/01ARZ3NDEKTSV4RRFFQ69G5FAV", "/o/{token}"),
            ("/iso-8859-1", "/iso-8859-1"),
            ("/internationalisation", "/internationalisation"),
            ("/99999999999999999999", "/{token}"),
            ("//x", "//x"),
        ] {
            assert_eq!(of(path, &Rules::default()).0, wanted);
        }
    }

    #[test]
    fn words_name_things_where_a_rule_says_so() {
        let mut rules = Rules::default();
        rules.add("/product".to_owned(), ["new".to_owned()]);
        let (shoes, values) = of("/product/red-shoes/reviews/3", &rules);
        assert_eq!(shoes, "/product/{name}/reviews/{id}");
        assert_eq!(values, ["red-shoes", "3"]);
        assert_eq!(of("/product/new", &rules).0, "/product/new");
        assert_eq!(of("/product/", &rules).0, "/product/");
        assert_eq!(again("/product/hat/{id}", &rules), "/product/{name}/{id}");
        assert_eq!(again("/product/{id}", &rules), "/product/{id}");
    }

    #[test]
    fn attacks_have_no_pattern() {
        for path in ["/x".repeat(LONGEST), "/".repeat(DEEPEST + 2)] {
            let (mut out, mut values) = (String::new(), Vec::new());
            assert!(!pattern(&path, &Rules::default(), &mut out, &mut values));
        }
    }
}
