//! Rate limits: who is counted by what, how much each may have, and where it is counted.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;
use tenfold_traffic::limit::{Algorithm, Quota};
use tenfold_traffic::resilience::priority::Priority;

use super::cache::Redis;

/// A limit. Routes name those that hold for them; two routes with the same one share what it counts.
#[derive(Clone, Debug, PartialEq)]
pub struct Limit {
    /// Its name in metrics, in response fields and in the API; unique.
    pub name: String,
    /// What a client is told apart by, all of it together.
    pub key: Vec<KeyPart>,
    /// Bits of an IPv4 address that count, 0 to 32.
    pub ipv4_prefix: u8,
    /// Bits of an IPv6 address that count, 0 to 128.
    pub ipv6_prefix: u8,
    /// How is counted.
    pub algorithm: Algorithm,
    /// What a client may have that is in no tier.
    pub quota: Quota,
    /// How much requests of those who are in no tier matter, in place of what the route says.
    pub priority: Option<Priority>,
    /// Other quotas for some; the first tier that a client is in counts.
    pub tiers: Vec<Tier>,
    /// The field in which clients send their API key, in lower case.
    pub api_key_header: String,
    /// It counts, and refuses nobody.
    pub is_dry_run: bool,
    /// When responses tell how much is left.
    pub fields: Fields,
    /// Most clients that are remembered.
    pub max_keys: usize,
    /// Counted together with other gateways.
    pub shared: Option<Shared>,
}

impl Limit {
    /// A token bucket by client address.
    #[must_use]
    pub fn new(name: &str, quota: Quota) -> Self {
        Self {
            name: name.to_owned(),
            key: vec![KeyPart::ClientIp],
            ipv4_prefix: 32,
            ipv6_prefix: 64,
            algorithm: Algorithm::TokenBucket,
            quota,
            priority: None,
            tiers: Vec::new(),
            api_key_header: API_KEY_HEADER.to_owned(),
            is_dry_run: false,
            fields: Fields::Refused,
            max_keys: MAX_KEYS,
            shared: None,
        }
    }

    /// All quotas: that of no tier, then those of the tiers.
    #[must_use]
    pub fn quotas(&self) -> Vec<Quota> {
        let tiers = self.tiers.iter().map(|tier| tier.quota);
        std::iter::once(self.quota).chain(tiers).collect()
    }
}

/// The field in which API keys are sent unless a limit says otherwise.
pub const API_KEY_HEADER: &str = "x-api-key";

/// Clients that a limit remembers unless it says otherwise: 1.6 MB.
pub const MAX_KEYS: usize = 100_000;

/// Something that tells clients apart. Where a request does not have it, its address stands in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyPart {
    /// Its address, or what trusted proxies say it is, as far as the prefix goes.
    ClientIp,
    /// A field, in lower case.
    Header(String),
    /// A cookie.
    Cookie(String),
    /// The route.
    Route,
    /// Nothing: all clients together.
    Global,
}

impl fmt::Display for KeyPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ClientIp => f.write_str("client_ip"),
            Self::Header(name) => write!(f, "header:{name}"),
            Self::Cookie(name) => write!(f, "cookie:{name}"),
            Self::Route => f.write_str("route"),
            Self::Global => f.write_str("global"),
        }
    }
}

/// A quota for some clients: those for which any of the conditions holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Tier {
    /// Its name; unique within the limit.
    pub name: String,
    /// What each of them may have.
    pub quota: Quota,
    /// Their networks.
    pub networks: Vec<IpNet>,
    /// Fields (in lower case) and their values, believed only from trusted proxies.
    pub headers: Vec<(String, String)>,
    /// The API keys that they send.
    pub api_keys: ApiKeys,
    /// How much their requests matter, in place of what the route says.
    pub priority: Option<Priority>,
}

impl Tier {
    /// True if the address is in one of the networks.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|net| net.contains(&address))
    }
}

/// API keys, of which only digests are kept: neither a log nor the time that a look-up takes tells anything about them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ApiKeys {
    digests: BTreeSet<[u8; 32]>,
}

impl ApiKeys {
    /// Adds a key.
    pub fn add(&mut self, key: &[u8]) {
        self.digests.insert(digest(&[key]));
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.digests.len()
    }

    /// True if there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.digests.is_empty()
    }

    /// True if it is one of them.
    #[must_use]
    pub fn contains(&self, key: &[u8]) -> bool {
        !self.is_empty() && self.digests.contains(&digest(&[key]))
    }
}

impl fmt::Debug for ApiKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKeys({})", self.len())
    }
}

/// SHA-256 of some parts, each with its length.
pub(crate) fn digest(parts: &[&[u8]]) -> [u8; 32] {
    let mut context = ring::digest::Context::new(&ring::digest::SHA256);
    for part in parts {
        context.update(&(part.len() as u64).to_le_bytes());
        context.update(part);
    }
    let mut bytes = [0; 32];
    bytes.copy_from_slice(context.finish().as_ref());
    bytes
}

/// When responses have `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers-10).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fields {
    /// Never.
    Never,
    /// Only with 429.
    #[default]
    Refused,
    /// With every response.
    Always,
}

/// Where gateways count together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shared {
    /// The Redis.
    pub redis: Redis,
    /// How long a request may wait for it.
    pub timeout: Duration,
    /// What holds while it does not answer.
    pub on_failure: OnFailure,
}

/// What holds while the store of a shared limit does not answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFailure {
    /// Each gateway counts for itself.
    #[default]
    Local,
    /// Everything is allowed.
    Open,
    /// Everything is refused.
    Closed,
}

impl OnFailure {
    /// As it is written.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Open => "open",
            Self::Closed => "closed",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_recognised_and_not_shown() {
        let mut keys = ApiKeys::default();
        assert!(!keys.contains(b""));
        keys.add(b"hunter2-hunter2-hunter2");
        assert!(keys.contains(b"hunter2-hunter2-hunter2"));
        assert!(!keys.contains(b"hunter2-hunter2-hunter") && !keys.contains(b""));
        assert_eq!(format!("{keys:?}"), "ApiKeys(1)");
    }

    #[test]
    fn a_digest_keeps_parts_apart() {
        assert_ne!(digest(&[b"ab", b"c"]), digest(&[b"a", b"bc"]));
        assert_ne!(digest(&[b"a"]), digest(&[b"a", b""]));
    }
}
