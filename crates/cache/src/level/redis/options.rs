//! How a Redis level is set up.

use std::fmt;
use std::time::Duration;

use crate::key::Namespace;

/// How to reach a Redis and what to keep there.
#[derive(Clone)]
pub struct RedisOptions {
    /// Where it is: `redis://host:port/db`, `redis+sentinel://host:port,host:port/MASTER`,
    /// `redis+cluster://host:port,host:port`, each with `user:password@` before the hosts, and with `rediss` for TLS.
    pub address: String,
    /// What all keys begin with. Levels with the same namespace at the same address share their content.
    pub namespace: Namespace,
    /// Its name in statistics and messages. Default `redis`.
    pub name: String,
    /// How long one command may take. Default 500 ms.
    pub timeout: Duration,
    /// How long connecting may take, the handshake included. Default 2 s.
    pub connect_timeout: Duration,
    /// A payload from this size on is compressed, in bytes. Default 1 KiB; `usize::MAX`: never.
    pub compress_above: usize,
    /// A larger record is not stored, in bytes: it would hold up everything behind it on the connection. Default
    /// 16 MiB, at most 512 MiB (the longest string in Redis).
    pub max_record: usize,
    /// About how many calls of `invalidate` the log remembers; a process that was away for longer drops its memory.
    /// Default 100,000.
    pub log_length: usize,
    /// How many tags keep a number of their own, and how many prefixes. Default 65,536 and 1,024. Beyond, the oldest
    /// is forgotten, and everything that was loaded before its invalidation counts as gone.
    pub max_tags: usize,
    /// See `max_tags`.
    pub max_prefixes: usize,
    /// Begin although it cannot be reached, and go on trying. Default false. A wrong password, an address that is not
    /// one, and a server of another kind are errors in any case.
    pub start_without: bool,
    /// Certificates in PEM to be trusted in place of the system's, for TLS.
    pub root_certificates: Option<Vec<u8>>,
    /// The user at the Sentinels, which have their own.
    pub sentinel_user: Option<String>,
    /// The password at the Sentinels.
    pub sentinel_password: Option<String>,
}

impl RedisOptions {
    /// The defaults for an address and a namespace.
    #[must_use]
    pub fn new(address: &str, namespace: &Namespace) -> Self {
        Self {
            address: address.to_owned(),
            namespace: namespace.clone(),
            name: "redis".into(),
            timeout: Duration::from_millis(500),
            connect_timeout: Duration::from_secs(2),
            compress_above: 1024,
            max_record: 16 << 20,
            log_length: 100_000,
            max_tags: 65_536,
            max_prefixes: 1_024,
            start_without: false,
            root_certificates: None,
            sentinel_user: None,
            sentinel_password: None,
        }
    }
}

impl fmt::Debug for RedisOptions {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = super::address::Address::parse(&self.address);
        let address = address.map_or_else(|_| "not valid".into(), |address| address.to_string());
        out.debug_struct("RedisOptions")
            .field("name", &self.name)
            .field("address", &address)
            .field("namespace", &self.namespace.prefix())
            .field("timeout", &self.timeout)
            .field("connect_timeout", &self.connect_timeout)
            .finish_non_exhaustive()
    }
}
