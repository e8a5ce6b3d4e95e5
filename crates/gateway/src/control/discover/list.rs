//! From what the sources list and what the names mean to one set of servers. Pure.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};

use super::ask::Service;
use super::file::is_host_name;
use crate::config::upstream::{Address, Server};

/// The addresses of the names that have been looked up; a name that is still being looked up for the first time is not in it.
pub(super) type Answered = HashMap<String, Vec<IpAddr>>;

/// What one source lists.
#[derive(Debug)]
pub(super) enum List {
    /// The servers that are written down.
    Static(Vec<Server>),
    /// Each address of a name.
    Each {
        /// The name.
        host: String,
        /// The port.
        port: u16,
    },
    /// The servers of a file or a service.
    Changing(Changing),
}

/// A list that changes.
///
/// A new one takes the place of the old one when all names in it have been looked up: if it took it at once, servers would be
/// missing for the time of a look-up, and all of them if all of them are new.
#[derive(Debug, Default)]
pub(super) struct Changing {
    current: Option<Vec<Server>>,
    next: Option<Vec<Server>>,
}

impl List {
    /// The names that must be looked up.
    pub(super) fn hosts(&self) -> Vec<&str> {
        match self {
            Self::Static(servers) => hosts(servers).collect(),
            Self::Each { host, .. } => vec![host],
            Self::Changing(Changing { current, next }) => current
                .iter()
                .chain(next)
                .flat_map(|servers| hosts(servers))
                .collect(),
        }
    }

    /// Takes in a new version.
    pub(super) fn replace(&mut self, servers: Vec<Server>) {
        if let Self::Changing(changing) = self {
            changing.next = Some(servers);
        }
    }

    /// Goes over to the new version, if all its names have been looked up or if it must be.
    pub(super) fn settle(&mut self, answered: &Answered, at_once: bool) {
        if let Self::Changing(changing) = self
            && let Some(next) = changing
                .next
                .take_if(|next| at_once || hosts(next).all(|host| answered.contains_key(host)))
        {
            changing.current = Some(next);
        }
    }

    /// True if nothing more is to be waited for.
    pub(super) fn is_settled(&self, answered: &Answered) -> bool {
        let is_listed = match self {
            Self::Changing(changing) => changing.current.is_some() && changing.next.is_none(),
            _ => true,
        };
        is_listed && self.hosts().iter().all(|host| answered.contains_key(*host))
    }

    /// The servers, with the addresses that are known. A written server is among them even if it has none yet.
    fn servers(&self, answered: &Answered) -> Vec<Server> {
        match self {
            Self::Static(servers) => servers
                .iter()
                .map(|server| with_addresses(server, answered))
                .collect(),
            Self::Each { host, port } => {
                let addresses = answered.get(host).into_iter().flatten();
                addresses
                    .map(|ip| at(SocketAddr::new(*ip, *port)))
                    .collect()
            }
            Self::Changing(changing) => {
                let all = changing.current.iter().flatten();
                let known = all.filter(|server| match &server.address {
                    Address::Name { host, .. } => answered.contains_key(host),
                    Address::Tcp(_) | Address::Unix(_) => true,
                });
                known
                    .map(|server| with_addresses(server, answered))
                    .collect()
            }
        }
    }
}

/// All servers, in the order of the lists. Of several with the same name the first one counts.
pub(super) fn assemble<'l>(
    lists: impl IntoIterator<Item = &'l List>,
    answered: &Answered,
) -> Vec<Server> {
    let mut seen = HashSet::new();
    let all = lists.into_iter().flat_map(|list| list.servers(answered));
    all.filter(|server| seen.insert(server.name.clone()))
        .collect()
}

/// The targets of the lowest priority as servers, in the order of their names. `None` if there is nothing that could be one, and
/// it is not said either that the service is not offered.
pub(super) fn of_services(services: &[Service]) -> Option<Vec<Server>> {
    let lowest = services.iter().map(|service| service.priority).min();
    let chosen = services.iter().filter(|one| Some(one.priority) == lowest);
    // RFC 2782: the target `.` says that the service is decidedly not offered.
    let is_offered =
        |one: &&Service| one.port > 0 && (is_host_name(&one.target) || is_ip(&one.target));
    let offered = chosen.filter(is_offered);
    let server = |service: &Service| {
        let address = match service.target.parse() {
            Ok(ip) => Address::Tcp(vec![SocketAddr::new(ip, service.port)]),
            Err(_) => Address::Name {
                // Complete already: the search list must not make something else of it.
                host: format!("{}.", service.target),
                port: service.port,
            },
        };
        Server {
            name: format!("{}:{}", service.target, service.port),
            address,
            weight: u32::from(service.weight.max(1)),
            zone: String::new(),
        }
    };
    let mut servers: Vec<Server> = offered.map(server).collect();
    servers.sort_by(|a, b| a.name.cmp(&b.name).then(a.weight.cmp(&b.weight)));
    servers.dedup_by(|a, b| a.name == b.name);
    servers.truncate(super::known::MOST);
    let is_refused = services.iter().any(|one| one.target.is_empty());
    (is_refused || !servers.is_empty()).then_some(servers)
}

fn is_ip(text: &str) -> bool {
    text.parse::<IpAddr>().is_ok()
}

fn hosts(servers: &[Server]) -> impl Iterator<Item = &str> {
    servers.iter().filter_map(|server| match &server.address {
        Address::Name { host, .. } => Some(host.as_str()),
        Address::Tcp(_) | Address::Unix(_) => None,
    })
}

fn with_addresses(server: &Server, answered: &Answered) -> Server {
    let Address::Name { host, port } = &server.address else {
        return server.clone();
    };
    let addresses = answered.get(host).into_iter().flatten();
    let address = Address::Tcp(addresses.map(|ip| SocketAddr::new(*ip, *port)).collect());
    Server {
        address,
        ..server.clone()
    }
}

fn at(address: SocketAddr) -> Server {
    Server {
        name: address.to_string(),
        address: Address::Tcp(vec![address]),
        weight: 1,
        zone: String::new(),
    }
}
