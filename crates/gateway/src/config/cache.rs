//! Caches for responses: where they keep them, and by which policy.
//!
//! A policy can make the cache hold less than the server allows, or hold it longer. It can never make it hold what the server
//! forbids (`no-store`, `private`), nor what belongs to one client (`Authorization`, `Set-Cookie`).

use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

/// The longest lifetime in seconds, and what larger ones count as (RFC 9111 section 1.2.2).
pub const LONGEST: u32 = 1 << 31;

/// A cache. Routes name one; two routes with the same one share what it holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Cache {
    /// Its name in metrics and in the API; unique.
    pub name: String,
    /// Most bytes in memory: bodies, fields, keys and overhead.
    pub memory: u64,
    /// A level on disk, which outlives the process.
    pub disk: Option<Disk>,
    /// A level in Redis, which gateways share.
    pub redis: Option<Redis>,
    /// Addresses whose `PURGE` requests are obeyed. Everybody else's get 403.
    pub purge_from: Vec<IpNet>,
    /// What is cached, and how.
    pub policy: Policy,
}

impl Cache {
    /// A cache in memory with safe defaults.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            memory: DEFAULT_MEMORY,
            disk: None,
            redis: None,
            purge_from: Vec::new(),
            policy: Policy::default(),
        }
    }

    /// True if `peer` may purge.
    #[must_use]
    pub fn may_purge(&self, peer: IpAddr) -> bool {
        self.purge_from.iter().any(|net| net.contains(&peer))
    }
}

/// Memory of a cache that does not say: 256 MiB.
pub const DEFAULT_MEMORY: u64 = 256 << 20;

/// The expected size of an entry in bytes: what web pages and their parts have on the median.
pub(crate) const AVERAGE: u64 = 16 << 10;

/// The largest response in bytes, with its fields and overhead, that a cache with so much memory keeps there on this machine.
///
/// The engine divides its memory among shards, four per core, so that cores rarely wait for each other; it takes fewer where
/// one would have room for less than 32 entries.
#[must_use]
pub fn largest_in(memory: u64) -> u64 {
    let cores = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    let entries = (memory / AVERAGE).clamp(16, 1 << 28);
    let mut shards = (4 * cores).next_power_of_two();
    while shards > 1 && entries.div_ceil(shards) < 32 {
        shards /= 2;
    }
    memory.div_ceil(shards)
}

/// A cache's level on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disk {
    /// A folder of its own.
    pub path: PathBuf,
    /// Most bytes in it.
    pub size: u64,
}

/// A cache's level in Redis.
#[derive(Clone, PartialEq, Eq)]
pub struct Redis {
    /// `redis://`, `rediss://`, `redis+cluster://` or `redis+sentinel://`. It may hold a password, so it is not shown.
    pub url: String,
    /// What the keys begin with; gateways that are to share a cache have the same.
    pub namespace: String,
    /// How long a read may take before the cache goes on without.
    pub timeout: Duration,
}

impl std::fmt::Debug for Redis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Redis")
            .field("namespace", &self.namespace)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

/// How responses are cached. All times are in seconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// What tells one resource from another.
    pub key: KeyPolicy,
    /// Requests that go past the cache.
    pub bypass: Vec<Condition>,
    /// Replaces what the server says, for statuses below 400 that it may store without `no-cache`.
    pub lifetime: Option<u32>,
    /// When the server says nothing and nothing can be guessed, for statuses that may be guessed for; 0 is none.
    pub default_lifetime: u32,
    /// Lengthens shorter lifetimes, under the same conditions as `lifetime`.
    pub min_lifetime: u32,
    /// Shortens longer ones.
    pub max_lifetime: u32,
    /// By status, when the server says nothing; the first that fits.
    pub negative: Vec<(RangeInclusive<u16>, u32)>,
    /// By up to how much of itself a lifetime is shortened at random, in per cent, so that what was stored together does not
    /// expire together. Never lengthened: that would be more than the server allows.
    pub jitter_percent: u8,
    /// When the server says nothing about it.
    pub stale_while_revalidate: u32,
    /// When the server says nothing about it.
    pub stale_if_error: u32,
    /// The largest body, in bytes.
    pub max_object: u64,
    /// What becomes of responses with `Set-Cookie` that are not declared `public`.
    pub set_cookie: SetCookie,
    /// Whether `max-age`, `no-cache` and the like in requests have an effect (`only-if-cached` and `no-store` always have). RFC 9111
    /// section 5.2.1 leaves it to the cache; without, a client cannot make the cache ask the server.
    pub honors_request: bool,
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
            max_lifetime: LONGEST,
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
pub enum SetCookie {
    /// They are not stored.
    Refuse,
    /// They are stored without it.
    Remove,
}

/// What tells one resource from another, besides scheme, host and path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyPolicy {
    /// Which parameters of the query count.
    pub query: Query,
    /// Parameters count in the order of their names.
    pub sorts_query: bool,
    /// Request fields, in small letters.
    pub headers: Vec<String>,
    /// Names of cookies, which are case-sensitive.
    pub cookies: Vec<String>,
}

/// Which parameters of the query count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Query {
    /// All of them.
    #[default]
    All,
    /// None.
    None,
    /// These.
    Only(Vec<Pattern>),
    /// All but these.
    Except(Vec<Pattern>),
}

/// A name, or with `*` at its end the beginning of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// This name.
    Exact(Box<[u8]>),
    /// Names that begin so.
    Prefix(Box<[u8]>),
}

impl Pattern {
    /// From what was written.
    #[must_use]
    pub fn new(text: &str) -> Self {
        match text.strip_suffix('*') {
            Some(prefix) => Self::Prefix(prefix.as_bytes().into()),
            None => Self::Exact(text.as_bytes().into()),
        }
    }

    /// True if `name` is meant.
    #[must_use]
    pub fn fits(&self, name: &[u8]) -> bool {
        match self {
            Self::Exact(exact) => name == &**exact,
            Self::Prefix(prefix) => name.starts_with(prefix),
        }
    }
}

/// Something about a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// It has this field (any case), with this value if one is given.
    Header {
        /// The field's name.
        name: String,
        /// Its value; `None`: any.
        value: Option<String>,
    },
    /// It has a cookie of such a name.
    Cookie(Pattern),
    /// It has a query parameter of such a name.
    Query(Pattern),
    /// Its path begins so.
    Path(String),
    /// Its path is this.
    Place {
        /// The path, without `/` at its end.
        path: String,
        /// Or lies below it: `/a/b` for `/a`, but not `/ab`.
        and_below: bool,
    },
}

/// Parameters by which advertisers follow people; servers do not look at them. For `Query::Except`.
pub const TRACKING: [&str; 10] = [
    "utm_*", "gclid", "gbraid", "wbraid", "dclid", "fbclid", "msclkid", "mc_cid", "mc_eid", "_ga",
];

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn the_largest_response_is_what_the_engine_says() {
        let registry = tenfold_observe::metric::Registry::new(1);
        for memory in [1, 100 << 10, 1 << 20, 10_000_000, DEFAULT_MEMORY, 1 << 30] {
            let cache = Arc::new(Cache {
                memory,
                ..Cache::new("pages")
            });
            let store = crate::cache::Store::open(&cache, Box::default(), None, &registry);
            let store = store.expect("memory can be had");
            assert_eq!(largest_in(memory), store.engine.largest(), "{memory}");
        }
    }
}
