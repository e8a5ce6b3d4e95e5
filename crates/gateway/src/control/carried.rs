//! What one process hands over to the next in an upgrade, besides the sockets: the edits of endpoints, which no file knows.

use std::collections::HashMap;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::edit::Edits;
use super::managed::Managed;
use super::{Control, Phase};
use crate::config::{Address, Server};

/// What a process knows that its configuration does not say. An older or newer one may know more or less.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Carried {
    upstreams: HashMap<String, Upstream>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Upstream {
    /// It has servers with addresses.
    has_servers: bool,
    added: Vec<Added>,
    removed: Vec<String>,
    draining: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Added {
    name: String,
    at: At,
    weight: u32,
    zone: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum At {
    Tcp(Vec<SocketAddr>),
    Unix(PathBuf),
}

/// Everything that the process before this one has handed over.
#[derive(Debug, Default)]
pub struct Inheritance {
    /// Its listening sockets; those that no listener asks for are closed.
    pub sockets: Vec<TcpListener>,
    /// What its configuration does not say.
    pub carried: Carried,
}

impl Control {
    /// What another process needs to take over. From here on nothing can be changed, until [`stay`](Self::stay): the other one would
    /// not know.
    pub(crate) fn hand_over(&self) -> io::Result<Inheritance> {
        let mut state = self.lock();
        let inheritance = Inheritance {
            sockets: state.sockets.copies()?,
            carried: Carried::of(&state.managed),
        };
        if state.phase == Phase::Open {
            state.phase = Phase::HandingOver;
        }
        Ok(inheritance)
    }

    /// No other process has taken over.
    pub(crate) fn stay(&self) {
        let mut state = self.lock();
        if state.phase == Phase::HandingOver {
            state.phase = Phase::Open;
        }
    }

    /// True while nothing can be changed.
    pub(crate) fn is_leaving(&self) -> bool {
        self.lock().phase != Phase::Open
    }

    /// Lets go of the sockets, so that they close when the workers close theirs, for good.
    pub(crate) fn close_sockets(&self) {
        let mut state = self.lock();
        state.phase = Phase::Closed;
        state.sockets.close();
    }
}

impl Carried {
    pub(super) fn of(all: &[Managed]) -> Self {
        let upstream = |managed: &Managed| {
            let Edits {
                added,
                removed,
                draining,
            } = managed.edits.clone();
            let upstream = Upstream {
                has_servers: managed.has_servers(),
                added: added.into_iter().filter_map(Added::new).collect(),
                removed: removed.into_iter().collect(),
                draining: draining.into_iter().collect(),
            };
            (managed.config.name.clone(), upstream)
        };
        Self {
            upstreams: all.iter().map(upstream).collect(),
        }
    }

    /// The edits of an upstream.
    pub(super) fn edits(&self, upstream: &str) -> Edits {
        let known = self.upstreams.get(upstream).cloned().unwrap_or_default();
        Edits {
            added: known.added.into_iter().map(Server::from).collect(),
            removed: known.removed.into_iter().collect(),
            draining: known.draining.into_iter().collect(),
        }
    }

    /// True if the process before had servers for that upstream.
    pub(super) fn had_servers(&self, upstream: &str) -> bool {
        self.upstreams
            .get(upstream)
            .is_some_and(|known| known.has_servers)
    }
}

impl Added {
    fn new(server: Server) -> Option<Self> {
        let at = match server.address {
            Address::Tcp(addresses) => At::Tcp(addresses),
            Address::Unix(path) => At::Unix(path),
            // Never added: nobody would resolve it.
            Address::Name { .. } => return None,
        };
        Some(Self {
            name: server.name,
            at,
            weight: server.weight,
            zone: server.zone,
        })
    }
}

impl From<Added> for Server {
    fn from(added: Added) -> Self {
        let Added {
            name,
            at,
            weight,
            zone,
        } = added;
        let address = match at {
            At::Tcp(addresses) => Address::Tcp(addresses),
            At::Unix(path) => Address::Unix(path),
        };
        Self {
            name,
            address,
            weight,
            zone,
        }
    }
}
