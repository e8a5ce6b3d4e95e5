//! What a gateway is told to do: values that have been checked.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use tenfold_observe::lines;
use tenfold_traffic::Algorithm;

/// Everything a [`Gateway`](crate::Gateway) needs to know.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where to listen. Port 0 takes a free port.
    pub listen: SocketAddr,
    /// Number of worker threads, at least 1.
    pub workers: usize,
    /// Where to send requests; at least one.
    pub servers: Vec<Server>,
    /// How to choose among them.
    pub balance: Algorithm,
    /// Peers whose `X-Forwarded-*` and `Forwarded` fields are believed and continued.
    pub trusted_proxies: Vec<IpNet>,
    /// How long things may take.
    pub timeouts: Timeouts,
    /// How much of things there may be.
    pub limits: Limits,
    /// Where to write a line per request, if anywhere.
    pub access_log: Option<lines::Target>,
}

impl Settings {
    /// True if the fields that a peer at this address sends about the client are to be believed.
    #[must_use]
    pub fn trusts(&self, peer: IpAddr) -> bool {
        self.trusted_proxies
            .iter()
            .any(|network| network.contains(&peer))
    }
}

/// One server behind the gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// As it was written, for people and metrics.
    pub name: String,
    /// Where it is.
    pub address: Address,
}

/// Where a server can be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// By TCP; several addresses of one name are tried in turn.
    Tcp(Vec<SocketAddr>),
    /// By a Unix socket.
    Unix(PathBuf),
}

/// How long things may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// From a head's first byte to its last.
    pub head: Duration,
    /// Between two requests on a client's connection.
    pub idle: Duration,
    /// Without a byte of a body moving, either way.
    pub body: Duration,
    /// To make a connection to a server.
    pub connect: Duration,
    /// From the end of a request to the head of its response.
    pub response: Duration,
    /// Without a byte moving in a tunnel (WebSocket).
    pub tunnel: Duration,
    /// How long an unused connection to a server is kept.
    pub upstream_idle: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        const fn seconds(count: u64) -> Duration {
            Duration::from_secs(count)
        }
        Self {
            // A head fits into a few packets; ten seconds are generous for the worst mobile link.
            head: seconds(10),
            // As nginx: longer than a reader needs for a page, and than what browsers keep.
            idle: seconds(75),
            body: seconds(30),
            // Covers one lost SYN, which is repeated after a second.
            connect: seconds(2),
            response: seconds(60),
            tunnel: seconds(3600),
            upstream_idle: seconds(60),
        }
    }
}

/// How much of things there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Size and number of fields of a head.
    pub head: tenfold_http1::Limits,
    /// Bytes of a request's body, without its framing.
    pub body: u64,
    /// Client connections per worker; when they are all taken, further ones wait in the kernel's queue.
    pub connections: usize,
    /// Unused connections that a worker keeps to one server.
    pub upstream_idle: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head: tenfold_http1::Limits::default(),
            // Bodies are streamed, so that this protects the server's disk, not our memory.
            body: 4 << 30,
            connections: 16_384,
            upstream_idle: 256,
        }
    }
}

pub mod listener;
pub mod route;
pub mod upstream;

/// What a gateway does, as far as a reload can change it. Names are unique, and indexes are valid.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Config {
    /// Where clients connect.
    pub listeners: Vec<listener::Listener>,
    /// Which requests go where.
    pub routes: Vec<route::Route>,
    /// The servers behind the gateway.
    pub upstreams: Vec<upstream::Upstream>,
}
