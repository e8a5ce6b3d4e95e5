//! Validation (RFC 9111 section 4.3): asking the server whether what is stored is still good, and telling clients that theirs is.

use super::ask::{Ask, Once};
use super::control::ResponseControl;
use super::date::{self, Millis};
use super::fields::{Fields, Lines, is, members};
use super::policy::Policy;
use super::store::Kept;
use super::stored::{Flags, Stored};

/// Bytes of entity tags in one question: beyond them, the remaining variants are not asked about.
const MOST_TAGS: usize = 2048;

/// True for an entity tag that can be sent and compared (RFC 9110 section 8.8.3). Quotes may be missing, as some servers' do; what could
/// be taken for several tags is none.
pub(crate) fn is_usable(tag: &[u8]) -> bool {
    let opaque = tag.strip_prefix(b"W/").unwrap_or(tag);
    let opaque = match opaque {
        [b'"', inside @ .., b'"'] => inside,
        _ if opaque.is_empty() || opaque.contains(&b',') || opaque == b"*" => return false,
        _ => opaque,
    };
    let is_plain = |byte: &u8| *byte > b' ' && *byte != b'"' && *byte != 0x7f;
    tag.len() <= 512 && opaque.iter().all(is_plain)
}

/// Appends the field lines that ask the server about stored responses: the tags of all variants of the address (most recent first), and the
/// date of the one that is wanted (RFC 9111 section 4.3.1).
pub(crate) fn write_conditions<'a>(
    out: &mut Vec<u8>,
    etags: impl Iterator<Item = &'a [u8]>,
    last_modified: Option<&[u8]>,
) {
    let start = out.len();
    for tag in etags {
        if out.len() - start + tag.len() > MOST_TAGS {
            break;
        }
        let is_first = out.len() == start;
        out.extend_from_slice(if is_first { b"If-None-Match: " } else { b", " });
        out.extend_from_slice(tag);
    }
    if out.len() > start {
        out.extend_from_slice(b"\r\n");
    }
    if let Some(date) = last_modified {
        out.extend_from_slice(b"If-Modified-Since: ");
        out.extend_from_slice(date);
        out.extend_from_slice(b"\r\n");
    }
}

/// True for fields of a client's request that are not sent when the cache fetches for itself: its own conditions take their place, and it
/// wants the whole.
pub(crate) fn is_replaced(name: &[u8]) -> bool {
    match name.len() {
        5 => is(name, "range"),
        8 => is(name, "if-range"),
        13 => is(name, "if-none-match"),
        17 => is(name, "if-modified-since"),
        _ => false,
    }
}

/// True if the client has the stored response already, and 304 is the answer (RFC 9110 section 13.2.2, RFC 9111 section 4.3.2): the tags
/// decide, the date only where there are none. Conditions are for what would be a success.
pub(crate) fn is_not_modified(
    ask: &Ask<'_>,
    stored: &Stored,
    etag: Option<&[u8]>,
    now: Millis,
) -> bool {
    if !(200..300).contains(&stored.status) {
        return false;
    }
    match (ask.if_none_match, ask.if_modified_since) {
        (Once::Several, _) => false,
        (Once::Value(tags), _) => {
            tags == b"*" || etag.is_some_and(|etag| members(tags).any(|tag| is_weakly(tag, etag)))
        }
        (Once::Absent, Once::Value(since)) => {
            date::parse(since, now).is_some_and(|since| stored.modified <= since)
        }
        (Once::Absent, Once::Absent | Once::Several) => false,
    }
}

/// Weak comparison (RFC 9110 section 8.8.3.2).
fn is_weakly(a: &[u8], b: &[u8]) -> bool {
    opaque(a) == opaque(b)
}

fn opaque(tag: &[u8]) -> &[u8] {
    tag.strip_prefix(b"W/").unwrap_or(tag)
}

/// True if a stored field goes with a 304: not those that describe the body that is not there (RFC 9110 section 15.4.5).
pub(crate) fn goes_with_304(name: &[u8]) -> bool {
    const BODY: [&str; 7] = [
        "content-type",
        "content-encoding",
        "content-language",
        "content-length",
        "content-md5",
        "content-range",
        "content-digest",
    ];
    !BODY.iter().any(|field| is(name, field))
}

/// A stored response that the server was asked about.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Candidate<'a> {
    pub(crate) etag: Option<&'a [u8]>,
    pub(crate) last_modified: Option<&'a [u8]>,
}

/// Which of the candidates (most recent first) a 304 speaks of (RFC 9111 section 4.3.4). `None` if it speaks of none of them: then it must not be
/// used, and the server is asked again without conditions.
///
/// A 304 without a validator, which many servers send in spite of RFC 9110 section 15.4.5, speaks of the only one that was asked about.
pub(crate) fn select(
    candidates: &[Candidate<'_>],
    response: &(impl Fields + ?Sized),
) -> Option<usize> {
    let is_strong = |tag: &[u8]| !tag.starts_with(b"W/");
    if let Some(tag) = response.first("etag") {
        return candidates.iter().position(|candidate| {
            candidate
                .etag
                .is_some_and(|etag| match is_strong(tag) && is_strong(etag) {
                    true => etag == tag,
                    false => is_weakly(etag, tag),
                })
        });
    }
    if let Some(date) = response.first("last-modified") {
        return candidates
            .iter()
            .position(|candidate| candidate.last_modified == Some(date));
    }
    (candidates.len() == 1).then_some(0)
}

/// Appends the fields of a stored response with those of the 304 that confirmed it, line by line (RFC 9111 section 3.2). The result is
/// then admitted like a new response.
///
/// Not taken over: what is never stored, and what describes the stored body, for that has stayed. `Set-Cookie` only if the 304 is declared `public`.
pub(crate) fn merge(
    out: &mut Vec<u8>,
    stored: Lines<'_>,
    fresh: &(impl Fields + ?Sized),
    policy: &Policy,
) {
    let control = ResponseControl::of(fresh);
    let kept = Kept::of(fresh, &control, policy);
    let has_etag = stored.has("etag");
    let describes_body = |name: &[u8]| {
        let names = ["content-encoding", "content-range", "content-md5"];
        names.iter().any(|known| is(name, known)) || has_etag && is(name, "etag")
    };
    let is_taken = |name: &[u8]| {
        kept.keeps(name) && !describes_body(name) && (control.public || !is(name, "set-cookie"))
    };
    let is_replaced = |name: &[u8]| {
        is_taken(name)
            && fresh
                .fields()
                .any(|(other, _)| other.eq_ignore_ascii_case(name))
    };
    for (name, _, line) in stored.lines().filter(|(name, ..)| !is_replaced(name)) {
        debug_assert!(line.starts_with(name), "a line begins with its name");
        out.extend_from_slice(line);
    }
    for (name, value) in fresh.fields().filter(|(name, _)| is_taken(name)) {
        out.extend_from_slice(name);
        out.extend_from_slice(b": ");
        out.extend_from_slice(value);
        out.extend_from_slice(b"\r\n");
    }
}

/// What a response to HEAD says about a stored response to GET (RFC 9111 section 4.3.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HeadEffect {
    /// It is the same: its fields are brought up to date with [`merge`].
    Update,
    /// It is another: what is stored is stale.
    Expire,
    /// Nothing can be concluded.
    Nothing,
}

/// See [`HeadEffect`]; `length` is that of the stored body.
pub(crate) fn head_effect(
    stored: &Stored,
    fields: Lines<'_>,
    length: u64,
    status: u16,
    response: &(impl Fields + ?Sized),
) -> HeadEffect {
    if stored.status != 200 || status != 200 {
        return HeadEffect::Nothing;
    }
    let is_same = |name: &str| match response.first(name) {
        Some(value) => fields.first(name) == Some(value),
        None => true,
    };
    let same_length = match response.first("content-length") {
        Some(value) => tenfold_http1::framing::decimal(value) == Some(length),
        None => true,
    };
    if is_same("etag") && is_same("last-modified") && same_length {
        HeadEffect::Update
    } else {
        HeadEffect::Expire
    }
}

/// The two facts about dates that are kept: seconds for `If-Modified-Since`, and what the date is worth. A `Last-Modified` is strong if the response
/// was made at least a second later (RFC 9110 section 8.8.2.2).
pub(super) fn dates(fields: &(impl Fields + ?Sized), received: Millis) -> (i64, Flags) {
    let mut flags = Flags::default();
    let made = super::freshness::date(fields, received);
    let modified = fields
        .first("last-modified")
        .and_then(|value| date::parse(value, received));
    flags.set(Flags::LAST_MODIFIED, modified.is_some());
    let is_strong = modified
        .zip(made)
        .is_some_and(|(modified, made)| modified < made);
    flags.set(Flags::STRONG_DATE, is_strong);
    let received = received.div_euclid(1000);
    (modified.or(made).unwrap_or(received), flags)
}
