//! Asking name servers.
//!
//! hickory does the protocol (UDP, TCP when an answer is truncated, several name servers, repeating). What is done here, because
//! a program that runs for months needs it otherwise than one that looks up a name and exits:
//!
//! - `/etc/resolv.conf` and `/etc/hosts` are read again when they change;
//! - nothing is cached, because whoever asks here asks when a time to live is over;
//! - A and AAAA are told apart, so that one which cannot be had does not take the other away;
//! - the search list is walked so that a name server that fails never makes a name mean something else: if the name that
//!   answered before cannot be asked for, that is a failure, whatever the next suffix would give.

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hickory_resolver::proto::rr::Name;

use super::ask::{self, Service};
use super::known::{Addresses, Reply};
use super::system::{Files, System, View};

/// For a look-up as a whole, with all names of the search list.
const LIMIT: Duration = Duration::from_secs(5);
/// How often names of `/etc/hosts` are looked up again, in seconds: they have no time to live, and it costs a `stat`.
const HOSTS_TTL: u32 = 5;
/// An address that is written as one does not change.
const FIXED_TTL: u32 = u32::MAX;

/// Looks up names. Shared by all upstreams.
pub(crate) struct Resolver {
    system: Mutex<System>,
}

impl Resolver {
    /// As the system is set up: `/etc/resolv.conf` and `/etc/hosts`, read again when they change.
    pub(crate) fn system() -> Self {
        Self::with_files(Files {
            resolv_conf: "/etc/resolv.conf".into(),
            hosts: "/etc/hosts".into(),
            port: 53,
        })
    }

    /// Asks these name servers, and knows neither a search list nor `/etc/hosts`.
    #[cfg(test)]
    pub(super) fn with_servers(servers: &[std::net::SocketAddr]) -> Self {
        Self {
            system: Mutex::new(System::fixed(servers)),
        }
    }

    pub(super) fn with_files(files: Files) -> Self {
        Self {
            system: Mutex::new(System::of_files(files)),
        }
    }

    /// The settings as they are now.
    fn view(&self) -> View {
        let system = self.system.lock();
        system.unwrap_or_else(PoisonError::into_inner).view()
    }

    /// The addresses of a host. `before` is the full name that answered the last time and is set to the one that answers now.
    pub(super) async fn addresses(&self, host: &str, before: &mut Option<Name>) -> Addresses {
        if let Ok(address) = host.parse::<IpAddr>() {
            return split([address], FIXED_TTL);
        }
        let view = self.view();
        let name = match Name::from_utf8(host) {
            Ok(name) => name,
            Err(error) => return broken(&format!("this cannot be a name: {error}")),
        };
        if let Some(addresses) = view.in_hosts(&name) {
            return split(addresses, HOSTS_TTL);
        }
        let walk = ask::walk(&view, &name, before, ask::pair, ask::of_both);
        match tokio::time::timeout(LIMIT, walk).await {
            Ok(answer) => answer,
            Err(_) => broken(&too_late()),
        }
    }

    /// The records of a service.
    pub(super) async fn services(&self, name: &str, before: &mut Option<Name>) -> Reply<Service> {
        let view = self.view();
        let name = match Name::from_utf8(name) {
            Ok(name) => name,
            Err(error) => return Reply::Failed(format!("this cannot be a name: {error}")),
        };
        let walk = ask::walk(&view, &name, before, ask::services, ask::of_one);
        match tokio::time::timeout(LIMIT, walk).await {
            Ok(reply) => reply,
            Err(_) => Reply::Failed(too_late()),
        }
    }
}

fn too_late() -> String {
    format!(
        "the name servers did not answer within {} s",
        LIMIT.as_secs()
    )
}

fn broken(why: &str) -> Addresses {
    Addresses {
        v4: Reply::Failed(why.to_owned()),
        v6: Reply::Failed(why.to_owned()),
    }
}

/// Addresses that do not come from a name server.
fn split(addresses: impl IntoIterator<Item = IpAddr>, ttl: u32) -> Addresses {
    let (v4, v6): (Vec<_>, Vec<_>) = addresses.into_iter().partition(IpAddr::is_ipv4);
    let reply = |addresses: Vec<_>| match addresses.is_empty() {
        true => Reply::Absent {
            no_such_name: false,
        },
        false => Reply::Found(addresses, ttl),
    };
    Addresses {
        v4: reply(v4),
        v6: reply(v6),
    }
}
