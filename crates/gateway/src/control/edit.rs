//! Servers that come and go through the API, while the gateway runs.

use std::fmt;

use super::{Control, Done};
use crate::config::{Address, Server};

/// What is to be different about the servers of an upstream: all of it or nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndpointEdit {
    /// Servers that are added.
    pub add: Vec<Server>,
    /// Names of servers that get no more requests and are forgotten.
    pub remove: Vec<String>,
    /// Names of servers that get no more requests, for a while.
    pub drain: Vec<String>,
    /// Names of servers that get requests again.
    pub undrain: Vec<String>,
}

/// Why servers were not edited. Nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EditError {
    /// There is no upstream of that name.
    NoUpstream(String),
    /// The upstream has no server of that name.
    NoServer(String),
    /// The upstream has a server of that name already.
    AlreadyThere(String),
    /// A server is given by a name, which nobody would resolve.
    Unresolved(String),
}

impl fmt::Display for EditError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoUpstream(name) => write!(f, "there is no upstream `{name}`"),
            Self::NoServer(name) => write!(f, "the upstream has no server `{name}`"),
            Self::Unresolved(name) => write!(
                f,
                "`{name}` is a name; give an address, or add the name to the configuration, where it is resolved"
            ),
            Self::AlreadyThere(name) => write!(f, "the upstream has a server `{name}` already"),
        }
    }
}

impl std::error::Error for EditError {}

impl Control {
    /// Edits the servers of an upstream. What is edited so holds until the process ends, over reloads.
    pub(crate) fn edit(&self, upstream: &str, edit: &EndpointEdit) -> Result<Done, EditError> {
        let mut result = Ok(());
        let done = self.change(upstream, |managed, now| {
            let mut edits = managed.edits.clone();
            for name in &edit.undrain {
                edits.draining.remove(name);
            }
            let before = managed.servers(&edits);
            for server in &edit.add {
                if let Address::Name { .. } = server.address {
                    result = Err(EditError::Unresolved(server.name.clone()));
                    return;
                }
                if before.iter().any(|other| other.name == server.name) {
                    result = Err(EditError::AlreadyThere(server.name.clone()));
                    return;
                }
                edits.removed.remove(&server.name);
                edits.added.retain(|other| other.name != server.name);
                edits.added.push(server.clone());
            }
            let servers = managed.servers(&edits);
            for name in edit.remove.iter().chain(&edit.drain).chain(&edit.undrain) {
                if !servers.iter().any(|server| server.name == *name) {
                    result = Err(EditError::NoServer(name.clone()));
                    return;
                }
            }
            edits.draining.extend(edit.drain.iter().cloned());
            for name in &edit.remove {
                edits.added.retain(|server| server.name != *name);
                edits.draining.remove(name);
                edits.removed.insert(name.clone());
            }
            managed.edits = edits;
            managed.rebuild(now);
        });
        let done = done.ok_or_else(|| EditError::NoUpstream(upstream.to_owned()))?;
        result.map(|()| done)
    }
}
