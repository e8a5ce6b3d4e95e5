//! Discovery against a name server and files that change.

mod dns;
mod file;
mod format;
mod lists;
mod names;
mod search;
mod update;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tenfold_traffic::Policy;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::{Discovery, Found, Resolver};
use crate::config::upstream::{Address, HashKey, Server, Source, Upstream};

/// Generous: the machine may be busy.
const SOON: Duration = Duration::from_secs(30);

fn upstream(servers: Vec<Server>, sources: Vec<Source>) -> Upstream {
    Upstream {
        concurrency: None,
        name: "shop".into(),
        policy: Policy::default(),
        hash: HashKey::default(),
        sticky: None,
        servers,
        sources,
        probe: None,
        retry: crate::config::upstream::Retry::default(),
        hedge: None,
        breaker: None,
        connect_timeout: Duration::from_secs(2),
        idle_timeout: Duration::from_secs(60),
        idle_connections: 256,
    }
}

fn named(host: &str, port: u16) -> Server {
    let address = Address::Name {
        host: host.into(),
        port,
    };
    Server {
        name: format!("{host}:{port}"),
        address,
        weight: 3,
        zone: "a".into(),
    }
}

fn fixed(address: &str) -> Server {
    let addresses = vec![address.parse().unwrap()];
    Server {
        name: address.into(),
        address: Address::Tcp(addresses),
        weight: 1,
        zone: String::new(),
    }
}

/// A discovery and what it tells.
struct Finding {
    discovery: Discovery,
    told: UnboundedReceiver<Found>,
}

impl Finding {
    fn start(upstream: &Upstream, resolver: Resolver) -> Self {
        let (sender, told) = unbounded_channel();
        let tell = move |found| drop(sender.send(found));
        let discovery = Discovery::start(upstream, Arc::new(resolver), tell);
        Self { discovery, told }
    }

    /// The next set, as a line per server: name, addresses, weight, zone.
    async fn next(&mut self) -> Vec<String> {
        let found = tokio::time::timeout(SOON, self.told.recv()).await;
        let found = found
            .expect("a set is told in time")
            .expect("discovery is alive");
        found.iter().map(line).collect()
    }

    /// Makes sure that nothing is told for a while.
    async fn is_silent_for(&mut self, pause: Duration) {
        let told = tokio::time::timeout(pause, self.told.recv()).await;
        assert!(told.is_err(), "told {told:?}");
    }
}

fn line(server: &Server) -> String {
    let at = match &server.address {
        Address::Tcp(addresses) => addresses
            .iter()
            .map(SocketAddr::to_string)
            .collect::<Vec<_>>()
            .join(" "),
        Address::Unix(path) => path.display().to_string(),
        Address::Name { .. } => panic!("{} was not resolved", server.name),
    };
    format!("{}=[{at}] {} {}", server.name, server.weight, server.zone)
        .trim_end()
        .to_owned()
}
