//! Which listeners there are: addresses that cannot be listened on beside each other become one.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::model::Listener;
use super::value::unique;

/// An address of the source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listen {
    /// What the listener is to be called, if the source says so.
    pub(crate) name: Option<String>,
    pub(crate) address: SocketAddr,
    /// Requests for hosts without a server of their own go to this server.
    pub(crate) is_default: bool,
    pub(crate) is_tls: bool,
}

/// The listeners of all servers, under their names.
#[derive(Debug, Default)]
pub(crate) struct Listeners {
    /// The addresses as written, with the index of the listener that stands for them.
    of_address: Vec<(SocketAddr, usize)>,
    listeners: Vec<(SocketAddr, bool)>,
    names: Vec<String>,
}

impl Listeners {
    /// Decides on the listeners for all of these. `[::]` takes IPv4 also, so that both together are one.
    pub(crate) fn new<'l>(all: &(impl Iterator<Item = &'l Listen> + Clone)) -> Self {
        let mut listeners = Self::default();
        let has = |ip: IpAddr, port| {
            let mut all = all.clone();
            all.any(|one| one.address == SocketAddr::new(ip, port))
        };
        for listen in all.clone() {
            let port = listen.address.port();
            let has_any6 = has(Ipv6Addr::UNSPECIFIED.into(), port);
            let has_any4 = has(Ipv4Addr::UNSPECIFIED.into(), port);
            let is_any = listen.address.ip().is_unspecified();
            // Beside a listener for all addresses there is none for one of them.
            let is_covered = match listen.address.ip() {
                IpAddr::V4(_) => has_any4 || has_any6,
                IpAddr::V6(_) => has_any6,
            };
            if !is_any && is_covered {
                continue;
            }
            let address = match is_any && has_any6 {
                true => SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), port),
                false => listen.address,
            };
            listeners.add(listen, address);
        }
        listeners
    }

    fn add(&mut self, listen: &Listen, address: SocketAddr) {
        let known = self
            .listeners
            .iter()
            .position(|(other, _)| *other == address);
        let index = known.unwrap_or_else(|| {
            let port = address.port();
            let name = match (&listen.name, port, listen.is_tls) {
                (Some(name), ..) => name.clone(),
                (None, 80, false) => "http".to_owned(),
                (None, 443, true) => "https".to_owned(),
                (None, port, false) => format!("http-{port}"),
                (None, port, true) => format!("https-{port}"),
            };
            let name = unique(&name, |name| self.names.iter().any(|other| other == name));
            self.names.push(name);
            self.listeners.push((address, listen.is_tls));
            self.listeners.len() - 1
        });
        if !self
            .of_address
            .iter()
            .any(|(other, _)| *other == listen.address)
        {
            self.of_address.push((listen.address, index));
        }
    }

    /// The index of the listener for an address; `None` if there is none.
    pub(crate) fn index(&self, address: SocketAddr) -> Option<usize> {
        let found = self.of_address.iter().find(|(other, _)| *other == address);
        found.map(|(_, index)| *index)
    }

    pub(crate) fn name(&self, index: usize) -> &str {
        self.names.get(index).map_or("", String::as_str)
    }

    pub(crate) fn len(&self) -> usize {
        self.names.len()
    }

    /// As tables.
    pub(crate) fn tables(&self) -> Vec<Listener> {
        let both = self.names.iter().zip(&self.listeners);
        both.map(|(name, (address, _))| {
            let mut listener = Listener {
                name: name.clone(),
                ..Listener::default()
            };
            listener.table.set("listen", address.to_string());
            listener
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_families_are_one_listener() {
        let listen = |text: &str| Listen {
            name: None,
            address: text.parse().expect("an address"),
            is_default: false,
            is_tls: false,
        };
        let all = [
            listen("0.0.0.0:80"),
            listen("[::]:80"),
            listen("10.0.0.1:80"),
        ];
        let listeners = Listeners::new(&all.iter());
        assert_eq!(listeners.len(), 1);
        assert_eq!(listeners.index(all[0].address), Some(0));
        assert_eq!(listeners.index(all[2].address), None);
        let table = &listeners.tables()[0].table;
        assert_eq!(table.get("listen"), Some(&"[::]:80".into()));
    }
}
