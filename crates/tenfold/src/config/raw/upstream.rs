//! Upstreams, as they are written.

use crate::config::raw::resilience::{Breaker, Hedge, Retry};
use crate::config::read::table;
use crate::config::scalar::{
    ConcurrencyLimit, CookieName, Count, Endpoint, FilePath, Hash, NameAndPort, Number, Share,
    Statuses, Target, Text, Time, Zone, choices,
};
use crate::config::shape::{OneOrMore, Switch};

table! {
    /// Servers that do the same. At least one of `servers` and `discover` says which.
    pub(crate) struct Upstream {
        /// How to choose among the servers.
        balance: Balance = "p2c",
        /// What a request is hashed by, for `ring_hash` and `maglev`: `client_ip`, `header:NAME`, `cookie:NAME` or `target`.
        hash: Hash = "client_ip",
        /// For `ring_hash` and `maglev`: no server gets more than this many times its share of the requests under way.
        bounded_load: Number,
        /// The servers.
        servers: OneOrMore<Server>,
        /// Where further servers are found.
        discover: OneOrMore<Source>,
        /// How servers are asked whether they are well.
        health: Health,
        /// When a server is passed over for how it answers; `false` for never.
        outlier: Switch<Outlier>,
        /// How a request that fails is tried again. Without it a connection that cannot be made or breaks is made up for, within the same
        /// budget; `false` for never.
        retry: Switch<Retry>,
        /// When a second server is asked beside the first one, which takes long. Without it never.
        hedge: Switch<Hedge>,
        /// When servers that fail are no longer asked, for a while. Without it never.
        breaker: Switch<Breaker>,
        /// How long the share of a server that has just come (back) grows to its whole. Without it at once.
        slow_start: Time,
        /// Keeps a client at the server that it was given first, by a cookie.
        sticky: Switch<Sticky>,
        /// Zones in the order in which they are preferred; servers of others come last. Without it `zone` of `[gateway]`.
        zones: OneOrMore<Zone>,
        /// How much more than its share the healthy part of a zone can carry before the next zone gets some requests.
        overprovision: Share = "140%",
        /// When a smaller share of the servers than this is well, all take part: too few would only fall over in turn.
        panic: Share = "10%",
        /// How many requests may be under way to all of its servers, and how many may wait. Without it there is no limit.
        concurrency: Concurrency,
        /// To connect to a server, before the next one is tried. Without it `connect` of `[timeouts]`.
        connect_timeout: Time,
        /// How long an unused connection to a server is kept.
        idle_timeout: Time = "60s",
        /// Unused connections that a worker keeps to one server.
        idle_connections: Count = 256,
    }
    later ["limit", "priority", "tls"]
}

choices! {
    /// How to choose among servers; docs/balancing.md says which one when.
    pub(crate) enum Balance {
        /// Each in turn, in proportion to its weight.
        RoundRobin = "round_robin",
        /// The one with the fewest requests under way, in proportion to its weight.
        LeastRequest = "least_request",
        /// The less busy of two chosen at random.
        P2c = "p2c",
        /// The one whose answers come soonest, of two chosen at random.
        PeakEwma = "peak_ewma",
        /// By a hash of the client's address; for few servers.
        IpHash = "ip_hash",
        /// By a hash of `hash`, on a ring (ketama).
        RingHash = "ring_hash",
        /// By a hash of `hash`, in Maglev's table: more even than a ring.
        Maglev = "maglev",
        /// At random, in proportion to the weights.
        Random = "random",
    }
    later []
}

table! {
    /// A server.
    pub(crate) struct Server short address {
        /// Where it is: `HOST:PORT`, `http://HOST:PORT` or `unix:/PATH`. A name is resolved again when its time to live is over.
        address: Endpoint => required,
        /// Its share in proportion to the others; with 0 it gets only what is sticky.
        weight: Count = 1,
        /// The zone in which it stands.
        zone: Zone,
    }
}

table! {
    /// Where servers are found: exactly one of these.
    pub(crate) struct Source {
        /// Each address of this name is a server.
        dns: NameAndPort,
        /// Each target of this service is a server: `_http._tcp.app.internal`.
        srv: Text,
        /// A file with a server per line, `ADDRESS [weight=N] [zone=NAME]`; read again when it changes.
        file: FilePath,
    }
}

table! {
    /// How a server is asked whether it is well: by `GET` of a path, or by whether it takes connections.
    pub(crate) struct Health short path {
        /// What is asked for.
        path: Target,
        /// Only whether it takes connections.
        tcp: bool = false,
        /// Between two probes, give or take a tenth.
        every: Time = "2s",
        /// For the whole probe. Not longer than `every`.
        timeout: Time = "1s",
        /// Good probes in a row until a server takes part again.
        rise: Count = 2,
        /// Bad probes in a row until it is passed over.
        fall: Count = 3,
        /// Status codes that are good.
        status: Statuses = "200-399",
        /// What the body (its first 64 KiB) must contain.
        body: Text,
        /// `Host` of the probe. Without it the server's name.
        host: Text,
        /// Another port than the one for requests.
        port: Count,
    }
}

table! {
    /// How much goes on at the same time, over all workers, and what happens to what comes beyond that. docs/overload.md explains it.
    pub(crate) struct Concurrency short limit {
        /// As many as this, or `"adaptive"`: as many as are good for the servers, found by measuring.
        limit: ConcurrencyLimit => required,
        /// The lowest limit that is tried, for `"adaptive"`.
        min: Count = 4,
        /// The highest limit that is tried, for `"adaptive"`.
        max: Count = 1000,
        /// How many may wait; 0 for none. Whoever comes when all places are taken is answered with 503 at once.
        queue: Count = 1000,
        /// How long one may wait. Then it is answered with 503.
        queue_timeout: Time = "100ms",
        /// How long one may wait when the queue has not been empty for `interval`: then there is more than can be done, the newest goes
        /// first, and the old are told.
        target: Time = "5ms",
        /// How long the queue may be busy before that is called an overload.
        interval: Time = "100ms",
        /// Of the places, those that requests of priority `bulk` leave free while others come.
        reserve: Share = "10%",
    }
}

table! {
    /// When a server is passed over (ejected) for how it answers. A failure is a status of 500 or more, a broken connection, or
    /// no answer in time.
    pub(crate) struct Outlier {
        /// After so many failures in a row; 0 for never.
        consecutive_failures: Count = 5,
        /// When its success rate lies so many standard deviations below the mean of the others. Without it never.
        success_rate: Number,
        /// When its mean latency is so many times the median of the others. Without it never.
        latency: Number,
        /// How often rates and latencies are compared.
        interval: Time = "10s",
        /// Requests that a server must have had in an interval to be compared.
        least_requests: Count = 50,
        /// How long the first ejection lasts; each further one lasts longer by as much.
        eject: Time = "30s",
        /// The longest ejection.
        longest: Time = "5m",
        /// Of the servers, those that may be ejected at the same time.
        max_ejected: Share = "50%",
    }
}

table! {
    /// Keeps a client at a server by a cookie, which does not give the server's address away.
    pub(crate) struct Sticky {
        /// The cookie's name. Without it `tenfold-` and the upstream's name.
        cookie: CookieName,
        /// How long the browser keeps it. Without it until it is closed.
        max_age: Time,
        /// Only over HTTPS.
        secure: bool = false,
    }
}
