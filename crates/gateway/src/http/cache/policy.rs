//! What the operator wants for a route, as checked values.
//!
//! A policy can make the cache hold less than the server allows, or hold it longer. It can never make it hold what the server
//! forbids (`no-store`, `private`), nor what belongs to one client (`Authorization`, `Set-Cookie`).

use std::ops::RangeInclusive;

use super::control::MOST_SECONDS;

/// How one route's responses are cached. All times are in seconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Policy {
    /// What tells one resource from another.
    pub(crate) key: KeyPolicy,
    /// Requests that go past the cache.
    pub(crate) bypass: Vec<Condition>,
    /// Replaces what the server says, for statuses below 400 that it may store without `no-cache`.
    pub(crate) lifetime: Option<u32>,
    /// When the server says nothing and nothing can be guessed, for statuses that may be guessed for; 0 is none.
    pub(crate) default_lifetime: u32,
    /// Lengthens shorter lifetimes, under the same conditions as `lifetime`.
    pub(crate) min_lifetime: u32,
    /// Shortens longer ones.
    pub(crate) max_lifetime: u32,
    /// By status, when the server says nothing; the first that fits.
    pub(crate) negative: Vec<(RangeInclusive<u16>, u32)>,
    /// By up to how much of itself a lifetime is shortened at random, in per cent, so that what was stored together does not
    /// expire together. Never lengthened: that would be more than the server allows.
    pub(crate) jitter_percent: u8,
    /// When the server says nothing about it.
    pub(crate) stale_while_revalidate: u32,
    /// When the server says nothing about it.
    pub(crate) stale_if_error: u32,
    /// The largest body, in bytes.
    pub(crate) max_object: u64,
    /// What becomes of responses with `Set-Cookie` that are not declared `public`.
    pub(crate) set_cookie: SetCookie,
    /// Whether `max-age`, `no-cache` and the like in requests have an effect (`only-if-cached` and `no-store` always have). RFC 9111
    /// section 5.2.1 leaves it to the cache; without, a client cannot make the cache ask the server.
    pub(crate) honors_request: bool,
}

impl Default for Policy {
    /// The letter of RFC 9111: lifetimes as the server says or section 4.2.2 lets guess, stale only where it says so.
    fn default() -> Self {
        Self {
            key: KeyPolicy::default(),
            bypass: Vec::new(),
            lifetime: None,
            default_lifetime: 0,
            min_lifetime: 0,
            max_lifetime: MOST_SECONDS,
            negative: Vec::new(),
            jitter_percent: 0,
            stale_while_revalidate: 0,
            stale_if_error: 0,
            max_object: 64 << 20,
            set_cookie: SetCookie::Refuse,
            honors_request: true,
        }
    }
}

/// See [`Policy::set_cookie`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SetCookie {
    /// They are not stored.
    Refuse,
    /// They are stored without it.
    Remove,
}

/// What tells one resource from another, besides scheme, host and path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct KeyPolicy {
    pub(crate) query: Query,
    /// Parameters count in the order of their names.
    pub(crate) sorts_query: bool,
    /// Request fields, in small letters.
    pub(crate) headers: Vec<String>,
    /// Names of cookies, which are case-sensitive.
    pub(crate) cookies: Vec<String>,
}

/// Which parameters of the query count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Query {
    #[default]
    All,
    None,
    Only(Vec<Pattern>),
    Except(Vec<Pattern>),
}

/// A name, or with `*` at its end the beginning of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Pattern {
    Exact(Box<[u8]>),
    Prefix(Box<[u8]>),
}

impl Pattern {
    /// From what was written.
    pub(crate) fn new(text: &str) -> Self {
        match text.strip_suffix('*') {
            Some(prefix) => Self::Prefix(prefix.as_bytes().into()),
            None => Self::Exact(text.as_bytes().into()),
        }
    }

    pub(crate) fn fits(&self, name: &[u8]) -> bool {
        match self {
            Self::Exact(exact) => name == &**exact,
            Self::Prefix(prefix) => name.starts_with(prefix),
        }
    }
}

/// Something about a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Condition {
    /// It has this field (any case), with this value if one is given.
    Header { name: String, value: Option<String> },
    /// It has a cookie of such a name.
    Cookie(Pattern),
    /// It has a query parameter of such a name.
    Query(Pattern),
    /// Its path begins so.
    Path(String),
}

/// Parameters by which advertisers follow people; servers do not look at them. For `Query::Except`.
pub(crate) const TRACKING: [&str; 10] = [
    "utm_*", "gclid", "gbraid", "wbraid", "dclid", "fbclid", "msclkid", "mc_cid", "mc_eid", "_ga",
];
