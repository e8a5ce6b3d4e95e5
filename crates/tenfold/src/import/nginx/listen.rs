//! `listen`: where clients connect.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::context::Context;
use super::parse::Directive;
use crate::import::ledger::{Note, Weight};
use crate::import::model::Listener;
use crate::import::value::unique;

/// What one `listen` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Listen {
    pub(super) address: SocketAddr,
    pub(super) is_default: bool,
    pub(super) is_tls: bool,
}

const TLS: &str = "TLS is not supported yet: until it is, this listens without TLS and on this machine only; put something that ends TLS in front";

/// Reads one; `None`, with a comment, if nothing can listen there.
pub(super) fn parse(
    context: &mut Context,
    directive: &Directive,
    all_tls: bool,
    notes: &mut Vec<Note>,
) -> Option<Listen> {
    let flags = &directive.args[directive.args.len().min(1)..];
    let has = |flag: &str| flags.iter().any(|one| one == flag);
    let is_tls = all_tls || has("ssl") || has("quic");
    let Some(mut address) = address(directive.first()) else {
        let advice = "clients are listened for at IP:PORT only";
        context.note(notes, directive, Weight::Differs, advice);
        return None;
    };
    if has("quic") {
        let advice = "HTTP/3 is not supported";
        context.note(notes, directive, Weight::Differs, advice);
        return None;
    }
    if has("proxy_protocol") {
        let advice = "the PROXY protocol is not supported yet: have the proxy in front send X-Forwarded-For, and name it in trusted_proxies; until then clients of this listener are refused";
        context.note(notes, directive, Weight::Differs, advice);
    } else if is_tls {
        context.note(notes, directive, Weight::Differs, TLS);
    } else {
        context.translated(directive);
    }
    if is_tls {
        address.set_ip(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    Some(Listen {
        address,
        is_default: has("default_server") || has("default"),
        is_tls,
    })
}

/// What a server without `listen` does.
pub(super) fn standard() -> Listen {
    Listen {
        address: SocketAddr::from(([0, 0, 0, 0], 80)),
        is_default: false,
        is_tls: false,
    }
}

fn address(text: &str) -> Option<SocketAddr> {
    let any = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    if let Ok(port) = text.parse::<u16>() {
        return (port > 0).then(|| SocketAddr::new(any, port));
    }
    if let Ok(ip) = text.trim_start_matches('[').trim_end_matches(']').parse() {
        return Some(SocketAddr::new(ip, 80));
    }
    let (host, port) = text.rsplit_once(':').unwrap_or((text, "80"));
    let port = port.parse::<u16>().ok().filter(|port| *port > 0)?;
    let ip = match host {
        "*" => any,
        "localhost" => IpAddr::V4(Ipv4Addr::LOCALHOST),
        _ => match host
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
        {
            Some(inside) => IpAddr::V6(inside.parse::<Ipv6Addr>().ok()?),
            None => IpAddr::V4(host.parse::<Ipv4Addr>().ok()?),
        },
    };
    Some(SocketAddr::new(ip, port))
}

/// The listeners of all servers, under their names.
#[derive(Debug, Default)]
pub(super) struct Listeners {
    /// The addresses as written, with the index of the listener that stands for them.
    of_address: Vec<(SocketAddr, usize)>,
    listeners: Vec<(SocketAddr, bool)>,
    names: Vec<String>,
}

impl Listeners {
    /// Decides on the listeners for all of these. `[::]` takes IPv4 also, so that both together are one.
    pub(super) fn new<'l>(all: &(impl Iterator<Item = &'l Listen> + Clone)) -> Self {
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
            let name = match (port, listen.is_tls) {
                (80, false) => "http".to_owned(),
                (443, true) => "https".to_owned(),
                (port, false) => format!("http-{port}"),
                (port, true) => format!("https-{port}"),
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
    pub(super) fn index(&self, address: SocketAddr) -> Option<usize> {
        let found = self.of_address.iter().find(|(other, _)| *other == address);
        found.map(|(_, index)| *index)
    }

    pub(super) fn name(&self, index: usize) -> &str {
        self.names.get(index).map_or("", String::as_str)
    }

    pub(super) fn len(&self) -> usize {
        self.names.len()
    }

    /// As tables.
    pub(super) fn tables(&self) -> Vec<Listener> {
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
    fn addresses() {
        for (text, expected) in [
            ("80", Some("0.0.0.0:80")),
            ("*:8080", Some("0.0.0.0:8080")),
            ("127.0.0.1", Some("127.0.0.1:80")),
            ("localhost:81", Some("127.0.0.1:81")),
            ("[::]:80", Some("[::]:80")),
            ("[::1]", Some("[::1]:80")),
            ("unix:/a", None),
            ("", None),
            ("0", None),
            ("example.com:80", None),
            ("1.2.3.4:70000", None),
        ] {
            let found = address(text).map(|address| address.to_string());
            assert_eq!(found.as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn both_families_are_one_listener() {
        let listen = |text: &str| Listen {
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
