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
    /// True if the fields that a peer at this address sends about the client are to be believed.
    #[must_use]
    pub fn trusts(&self, peer: IpAddr) -> bool {
        self.trusted_proxies
            .iter()
            .any(|network| network.contains(&peer))
    }
}
