//! The servers behind the gateway.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use tenfold_traffic::Policy;
use tenfold_traffic::resilience::bulkhead::Settings;
use tenfold_traffic::resilience::{breaker, budget, retry};

/// Servers that do the same.
#[derive(Clone, Debug, PartialEq)]
pub struct Upstream {
    /// Its name in routes, metrics and logs; unique.
    pub name: String,
    /// How to choose among the servers, and when not to choose one.
    pub policy: Policy,
    /// What a request is hashed by, for algorithms that hash.
    pub hash: HashKey,
    /// Keeps a client at the server that it was given first.
    pub sticky: Option<Sticky>,
    /// The servers that are written down.
    pub servers: Vec<Server>,
    /// Where further ones are found.
    pub sources: Vec<Source>,
    /// How servers are asked whether they are well.
    pub probe: Option<Probe>,
    /// How many requests may be under way to all of its servers, over all workers; without it there is no limit.
    pub concurrency: Option<Settings>,
    /// How requests are tried again.
    pub retry: Retry,
    /// When a second server is asked beside the first, if at all.
    pub hedge: Option<Hedge>,
    /// The circuit breaker of all servers together, if any; that of each is in `policy`.
    pub breaker: Option<breaker::Rules>,
    /// To make a connection.
    pub connect_timeout: Duration,
    /// How long an unused connection is kept.
    pub idle_timeout: Duration,
    /// Unused connections that a worker keeps to one server.
    pub idle_connections: usize,
}

impl Upstream {
    /// An upstream with the usual values, and no servers.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            policy: Policy::default(),
            hash: HashKey::default(),
            sticky: None,
            servers: Vec::new(),
            sources: Vec::new(),
            probe: None,
            concurrency: None,
            retry: Retry::default(),
            hedge: None,
            breaker: None,
            // Covers one lost SYN, which is repeated after a second.
            connect_timeout: Duration::from_secs(2),
            idle_timeout: Duration::from_secs(60),
            idle_connections: 256,
        }
    }
}

/// How requests are tried again.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Retry {
    /// When, and how often.
    pub rules: retry::Rules,
    /// How much all of it may cost.
    pub budget: budget::Rules,
    /// From the end of a request to the head of its response, if that is less than the route allows.
    pub per_try_timeout: Option<Duration>,
    /// Bytes of a request's body that are kept so that they can be sent again, beyond those that came with its head.
    pub replay: u64,
}

/// When a second server is asked beside the first.
#[derive(Clone, Debug, PartialEq)]
pub struct Hedge {
    /// After this percentile of the times that answers took: 0.5 to 0.999.
    pub percentile: f64,
    /// Not before this, however quick answers are.
    pub least: Duration,
}

/// One server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// As it was written, for people and metrics; unique within the upstream.
    pub name: String,
    /// Where it is.
    pub address: Address,
    /// Its share in proportion to the others, 1 to 1,000,000; 0 gets nothing but what is sticky.
    pub weight: u32,
    /// Where it stands; empty if that is not said.
    pub zone: String,
}

/// Where a server can be reached.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Address {
    /// By TCP; several addresses of one name are tried in turn. Empty if a name has not been resolved yet.
    Tcp(Vec<SocketAddr>),
    /// By a Unix socket.
    Unix(PathBuf),
    /// By a name that is resolved again when its time to live is over. Never an IP address.
    Name {
        /// The name.
        host: String,
        /// The port.
        port: u16,
    },
}

/// Where servers are found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Each address (A, AAAA) of a name is a server.
    Dns {
        /// The name.
        host: String,
        /// The port.
        port: u16,
    },
    /// Each target of a service (SRV) is a server: of the lowest priority that there is, with its weight.
    Srv {
        /// The whole name: `_http._tcp.shop.example.com`.
        name: String,
    },
    /// A file with a server per line, `ADDRESS [weight=N] [zone=NAME]`, `#` begins a comment; read again when it changes.
    File(PathBuf),
}

/// What a request is hashed by. Requests that lack it are spread at random.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum HashKey {
    /// The client's address.
    #[default]
    ClientIp,
    /// A field, in lower case.
    Header(String),
    /// A cookie.
    Cookie(String),
    /// The path and the query.
    Target,
}

/// Keeps a client at a server by a cookie, which names the server without giving its address away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sticky {
    /// The cookie's name.
    pub cookie: String,
    /// How long the browser keeps it; without, until it is closed.
    pub max_age: Option<Duration>,
    /// `Secure`: only over HTTPS.
    pub secure: bool,
}

/// How a server is asked whether it is well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// What is asked.
    pub check: Check,
    /// Between two probes, give or take a tenth.
    pub every: Duration,
    /// For the whole probe.
    pub timeout: Duration,
    /// Good probes in a row until a server takes part again; at least 1.
    pub rise: u32,
    /// Bad probes in a row until it is passed over; at least 1.
    pub fall: u32,
    /// Another port than the one for requests.
    pub port: Option<u16>,
}

/// What a probe asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Check {
    /// Whether it takes connections.
    Tcp,
    /// What it answers to GET.
    Http {
        /// Path and query.
        path: String,
        /// `Host`; the server's name if missing.
        host: Option<String>,
        /// Status codes that are good.
        status: Vec<RangeInclusive<u16>>,
        /// What the body (its first 64 KiB) must contain.
        body: Option<String>,
    },
}
