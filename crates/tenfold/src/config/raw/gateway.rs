//! The process and its listeners, as they are written.

use crate::config::read::table;
use crate::config::scalar::{
    Address, Count, FilePath, Network, SecretSource, Size, Time, Zone, choices,
};
use crate::config::shape::List;

table! {
    /// The process.
    pub(crate) struct Process {
        /// Worker threads. Without it one per core. Changing it needs a restart.
        workers: Count,
        /// Where to write one line of JSON per request: a file, or `-` for standard output. Changing it needs a restart.
        access_log: FilePath,
        /// Networks of proxies whose `X-Forwarded-*` and `Forwarded` fields are believed, for listeners that do not say.
        trusted_proxies: List<Network>,
        /// The zone in which this gateway stands: upstreams that do not name zones prefer servers of this one.
        zone: Zone,
        /// For requests under way to end when the process is told to stop.
        drain_timeout: Time = "25s",
        /// Client connections per worker. Without it 16384, or what the descriptor limit allows.
        max_connections: Count,
        /// Reload when the file, or one that it includes, changes.
        watch: bool = false,
    }
}

table! {
    /// Metrics, health and the API.
    pub(crate) struct Admin {
        /// Where to listen. On anything but a loopback address a token is needed.
        listen: Address = "127.0.0.1:9900",
        /// What callers have to know, sent as `Authorization: Bearer …`. At least 16 characters.
        token: SecretSource,
    }
}

table! {
    /// How long things may take.
    pub(crate) struct Timeouts {
        /// For a request's head to arrive, from its first byte.
        head: Time = "10s",
        /// Between two requests on a connection.
        idle: Time = "75s",
        /// Without any progress of a body, in either direction.
        body: Time = "30s",
        /// To connect to a server, before the next one is tried.
        connect: Time = "2s",
        /// For a server to begin its response, in each attempt.
        response: Time = "60s",
        /// From a request's arrival until its response begins, over all attempts, queues and waits. Without it there is no such limit.
        deadline: Time,
        /// Without a byte in an upgraded connection (WebSocket).
        tunnel: Time = "1h",
    }
}

table! {
    /// How much of things there may be.
    pub(crate) struct Limits {
        /// Largest request body.
        max_body: Size = "4GiB",
        /// Largest head of a request, from 1KiB to 64KiB.
        max_head: Size = "64KiB",
    }
}

table! {
    /// An address that clients connect to.
    pub(crate) struct Listener {
        /// Where to listen. Port 0 takes a free one.
        listen: Address => required,
        /// What is spoken.
        protocol: Protocol = "http",
        /// Networks of proxies whose `X-Forwarded-*` and `Forwarded` fields are believed. Without it those of `[gateway]`.
        trusted_proxies: List<Network>,
        /// For a request's head to arrive. Without it `head` of `[timeouts]`.
        head_timeout: Time,
        /// Between two requests on a connection. Without it `idle` of `[timeouts]`.
        idle_timeout: Time,
        /// Largest head of a request. Without it `max_head` of `[limits]`.
        max_head: Size,
    }
    later ["tls"]
}

choices! {
    /// What a listener speaks.
    pub(crate) enum Protocol {
        /// HTTP/1.1.
        Http = "http",
    }
    later ["tcp", "udp", "postgres"]
}
