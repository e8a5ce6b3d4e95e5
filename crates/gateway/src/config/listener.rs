//! Where clients connect.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use ipnet::IpNet;

/// An address that clients connect to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// Its name in routes, metrics and logs; unique.
    pub name: String,
    /// Where to listen. Port 0 takes a free port.
    pub address: SocketAddr,
    /// Peers whose `X-Forwarded-*` and `Forwarded` fields are believed and continued.
    pub trusted_proxies: Vec<IpNet>,
    /// From a head's first byte to its last.
    pub head_timeout: Duration,
    /// Between two requests on a connection.
    pub idle_timeout: Duration,
    /// Size and number of fields of a request's head.
    pub head_limits: tenfold_http1::Limits,
}

impl Listener {
    /// True if both are the same socket: everything else about a listener can change while it is open.
    #[must_use]
    pub fn is_same_socket(&self, other: &Self) -> bool {
        // A free port is a port of its own for each name.
        self.address == other.address && (self.address.port() != 0 || self.name == other.name)
    }

    /// True if the fields that a peer at this address sends about the client are to be believed.
    #[must_use]
    pub fn trusts(&self, peer: IpAddr) -> bool {
        self.trusted_proxies
            .iter()
            .any(|network| network.contains(&peer))
    }
}

impl Default for Listener {
    /// What `tenfold run` listens on when nothing else is said.
    fn default() -> Self {
        Self {
            name: "default".into(),
            address: SocketAddr::from(([127, 0, 0, 1], 8080)),
            trusted_proxies: Vec::new(),
            // A head fits into a few packets; ten seconds are generous for the worst mobile link.
            head_timeout: Duration::from_secs(10),
            // As nginx: longer than a reader needs for a page, and than what browsers keep.
            idle_timeout: Duration::from_secs(75),
            head_limits: tenfold_http1::Limits::default(),
        }
    }
}
