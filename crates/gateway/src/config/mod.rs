//! What a gateway is told to do: values that have been checked.
//!
//! [`Settings`] hold for the life of the process; a [`Config`] is what a reload can change, as a whole or not at all.

pub mod cache;
pub mod limit;
pub mod listener;
pub mod route;
pub mod upstream;

pub use cache::Cache;
pub use limit::Limit;
pub use listener::Listener;
pub use route::Route;
use tenfold_observe::lines;
pub use upstream::{Address, Server, Upstream};

/// What stays the same for the life of a [`Gateway`](crate::Gateway).
#[derive(Clone, Debug)]
pub struct Settings {
    /// Number of worker threads, at least 1.
    pub workers: usize,
    /// Client connections per worker; when they are all taken, further ones wait in the kernel's queue.
    pub connections: usize,
    /// Where to write a line per request, if anywhere.
    pub access_log: Option<lines::Target>,
}

/// Most client connections per worker, unless descriptors are scarcer.
pub const CONNECTIONS: usize = 16_384;
/// Largest body of a request. Bodies are streamed, so that this protects the server's disk, not our memory.
pub const MAX_BODY: u64 = 4 << 30;

/// What a gateway does, as far as a reload can change it. Names are unique, and indexes are valid.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Config {
    /// Where clients connect.
    pub listeners: Vec<Listener>,
    /// Which requests go where.
    pub routes: Vec<Route>,
    /// The servers behind the gateway.
    pub upstreams: Vec<Upstream>,
    /// Where responses are kept.
    pub caches: Vec<Cache>,
    /// How much clients may have.
    pub limits: Vec<Limit>,
}

/// True for a field or a parameter whose value lets somebody in: it is not for everybody who may look at a gateway.
#[must_use]
pub fn sounds_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let words = [
        "auth",
        "cookie",
        "credential",
        "key",
        "passw",
        "secret",
        "session",
        "signature",
        "token",
    ];
    words.iter().any(|word| name.contains(word))
}
