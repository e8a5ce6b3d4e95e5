//! Rate limits, as they are written.

use crate::config::raw::route::PriorityName;
use crate::config::read::table;
use crate::config::scalar::{
    Count, FieldName, LimitKey, Network, Rate, SecretSource, Share, Text, Time, choices,
};
use crate::config::shape::{List, Named, OneOrMore};

table! {
    /// How much each client may have. Routes name the limits that hold for them with `limit`; two routes with the same one share
    /// what it counts. docs/rate-limits.md explains it.
    pub(crate) struct Limit {
        /// What clients are told apart by: `client_ip`, `header:NAME`, `cookie:NAME`, `route`, `global` (all together), or several of
        /// these, as `["client_ip", "route"]`. Where a request does not have one its address stands in.
        key: OneOrMore<LimitKey> = "client_ip",
        /// Bits of an IPv4 address that count.
        ipv4_prefix: Count = 32,
        /// Bits of an IPv6 address that count: a customer of a provider has at least a /64.
        ipv6_prefix: Count = 64,
        /// How is counted.
        algorithm: Algorithm = "token_bucket",
        /// How much over time, for all algorithms but `concurrency`: `"100/s"`, `"5000/m"`.
        rate: Rate,
        /// How much at once, for `token_bucket` and `adaptive`. Without it as much as the rate brings in a second, or in its own time if
        /// that is shorter.
        burst: Count,
        /// In what time a `sliding_window` counts. Without it that of the rate: `"100/m"` allows 100 in any minute.
        window: Time,
        /// How many requests may be under way at the same time, for `concurrency`.
        in_flight: Count,
        /// When an `adaptive` limit is lowered and raised.
        adaptive: Adaptive,
        /// Other quotas for some: `[limit.NAME.tier.premium]`. Of several that fit the first one in the file counts.
        tier: Named<Tier>,
        /// The tier of those who are in none. Without it the limit's own `rate` holds for them.
        default_tier: Text,
        /// The field in which clients send their API key, plain or as `Bearer KEY`.
        api_key_header: FieldName = "x-api-key",
        /// Counts what would be refused, and refuses nobody.
        dry_run: bool = false,
        /// When responses tell how much is left, in `RateLimit` and `RateLimit-Policy`.
        headers: Headers = "refused",
        /// Most clients that are remembered, 64 to 50000000; each takes 16 bytes. When all count, the one with the least used is forgotten.
        max_keys: Count = 100_000,
        /// Whether it is counted across all gateways, in the Redis of `[shared]`. For `token_bucket` and `sliding_window`.
        shared: bool = false,
        /// What holds while that Redis does not answer.
        on_store_failure: OnStoreFailure = "local",
        /// How long a request may wait for it. More than 500 ms is no more.
        store_timeout: Time = "5ms",
    }
}

table! {
    /// A quota for some clients: those for which any of `from`, `header` and `api_keys` holds.
    pub(crate) struct Tier {
        /// How much over time.
        rate: Rate,
        /// How much at once. Without it as much as the rate brings in a second, or in its own time if that is shorter.
        burst: Count,
        /// How many requests may be under way at the same time, for `concurrency`.
        in_flight: Count,
        /// Networks of its clients.
        from: List<Network>,
        /// Fields of the request and their values, as `{ x-plan = "premium" }`; believed only from proxies in `trusted_proxies`.
        header: Named<Text>,
        /// Where the API keys of its clients are: one per line, at least 16 characters each.
        api_keys: OneOrMore<SecretSource>,
        /// How much requests of its clients matter when there is more than can be done, in place of their route's `priority`.
        priority: PriorityName,
    }
}

table! {
    /// When an adaptive limit is lowered and raised, for all its clients by the same share.
    pub(crate) struct Adaptive {
        /// The least share of its rates that it allows.
        least: Share = "10%",
        /// It is lowered while a larger share of the responses has a status of 500 or more.
        failures: Share = "5%",
        /// It is lowered while responses take longer than this on average.
        latency: Time,
        /// How often it is looked at.
        interval: Time = "1s",
    }
}

table! {
    /// A limit of a route.
    pub(crate) struct Charge short name {
        /// The limit's name.
        name: Text => required,
        /// What a request of this route costs of it.
        cost: Count = 1,
    }
}

choices! {
    /// How is counted.
    pub(crate) enum Algorithm {
        /// A rate, with a burst at once (GCRA).
        TokenBucket = "token_bucket",
        /// So many in any window: exact up to 32, else weighted by how much of the last window is left.
        SlidingWindow = "sliding_window",
        /// A token bucket whose rate moves with failures and latency.
        Adaptive = "adaptive",
        /// So many requests under way at the same time.
        Concurrency = "concurrency",
    }
    later []
}

choices! {
    /// When responses have the fields `RateLimit` and `RateLimit-Policy`.
    pub(crate) enum Headers {
        /// Never.
        Never = "never",
        /// With 429.
        Refused = "refused",
        /// With every response.
        Always = "always",
    }
    later []
}

choices! {
    /// What holds while the Redis of a shared limit does not answer.
    pub(crate) enum OnStoreFailure {
        /// Each gateway counts for itself.
        Local = "local",
        /// Everything is allowed.
        Open = "open",
        /// Everything is refused, with 429.
        Closed = "closed",
    }
    later []
}
