//! Servers that come and go through the API, while the gateway runs.

use std::collections::{BTreeSet, HashSet};
use std::fmt;

use super::{Control, Done, Phase};
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
    /// More servers have been added than an upstream may have.
    TooMany,
    /// Another process takes over, or the gateway ends: what is edited now would be lost.
    Leaving,
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
            Self::TooMany => write!(
                f,
                "an upstream takes at most {MOST} servers in this way; write them into a file of `discover`"
            ),
            Self::Leaving => f.write_str(LEAVING),
            Self::AlreadyThere(name) => write!(f, "the upstream has a server `{name}` already"),
        }
    }
}

/// Why nothing can be changed any more.
pub(super) const LEAVING: &str =
    "a new process is taking over, or the gateway is ending: ask again in a moment";

impl std::error::Error for EditError {}

/// Most servers of an upstream that come by edits: as many as a file of servers may have. Each has series of metrics.
const MOST: usize = 10_000;

/// The changes that were made to an upstream's servers while running: they hold until the process ends, over reloads, and are
/// handed over in an upgrade.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Edits {
    pub(super) added: Vec<Server>,
    pub(super) removed: BTreeSet<String>,
    pub(super) draining: BTreeSet<String>,
}

impl Edits {
    /// What becomes of the servers that are written down or were found.
    pub(crate) fn apply(&self, found: &[Server]) -> Vec<Server> {
        let added: HashSet<&str> = self.added.iter().map(|it| it.name.as_str()).collect();
        let stays = |server: &&Server| {
            !self.removed.contains(&server.name) && !added.contains(server.name.as_str())
        };
        let stay = found.iter().filter(stays);
        stay.chain(&self.added).cloned().collect()
    }

    /// True if that server gets no new requests.
    pub(crate) fn drains(&self, name: &str) -> bool {
        self.draining.contains(name)
    }

    /// What these changes and one more come to.
    fn and(&self, edit: &EndpointEdit, found: &[Server]) -> Result<Self, EditError> {
        let mut all = self.clone();
        let before = all.apply(found);
        let is_there = |servers: &[Server], name: &str| servers.iter().any(|it| it.name == name);
        for server in &edit.add {
            let name = &server.name;
            if let Address::Name { .. } = server.address {
                return Err(EditError::Unresolved(name.clone()));
            }
            if is_there(&before, name) || is_there(&all.added, name) {
                return Err(EditError::AlreadyThere(name.clone()));
            }
            if all.added.len() == MOST {
                return Err(EditError::TooMany);
            }
            all.removed.remove(name);
            all.added.push(server.clone());
        }
        let servers = all.apply(found);
        for name in edit.remove.iter().chain(&edit.drain).chain(&edit.undrain) {
            if !is_there(&servers, name) {
                return Err(EditError::NoServer(name.clone()));
            }
        }
        for name in &edit.undrain {
            all.draining.remove(name);
        }
        all.draining.extend(edit.drain.iter().cloned());
        for name in &edit.remove {
            all.added.retain(|server| server.name != *name);
            all.draining.remove(name);
            // What only edits know need not be remembered: whoever adds and removes for months must not fill the memory.
            if is_there(found, name) {
                all.removed.insert(name.clone());
            }
        }
        Ok(all)
    }
}

impl Control {
    /// Edits the servers of an upstream. What is edited so holds until the process ends, over reloads.
    pub(crate) fn edit(&self, upstream: &str, edit: &EndpointEdit) -> Result<Done, EditError> {
        let mut state = self.lock();
        if state.phase != Phase::Open {
            return Err(EditError::Leaving);
        }
        let managed = &mut state.managed;
        let index = managed.iter().position(|it| it.config.name == upstream);
        let index = index.ok_or_else(|| EditError::NoUpstream(upstream.to_owned()))?;
        let managed = &mut managed[index];
        managed.edits = managed.edits.and(edit, managed.found())?;
        managed.rebuild(self.now());
        Ok(self.publish_one(&mut state, index))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(name: &str) -> Server {
        Server {
            name: name.into(),
            address: Address::Unix(name.into()),
            weight: 1,
            zone: String::new(),
        }
    }

    fn names(servers: &[Server]) -> Vec<&str> {
        servers.iter().map(|it| it.name.as_str()).collect()
    }

    fn add(name: &str) -> EndpointEdit {
        EndpointEdit {
            add: vec![server(name)],
            ..EndpointEdit::default()
        }
    }

    fn remove(name: &str) -> EndpointEdit {
        EndpointEdit {
            remove: vec![name.into()],
            ..EndpointEdit::default()
        }
    }

    #[test]
    fn servers_that_come_and_go_leave_nothing_behind() {
        let found = [server("a")];
        let mut edits = Edits::default();
        for n in 0..1000 {
            let name = n.to_string();
            edits = edits.and(&add(&name), &found).unwrap();
            assert_eq!(names(&edits.apply(&found)), ["a", &name]);
            edits = edits.and(&remove(&name), &found).unwrap();
        }
        assert_eq!(edits, Edits::default());
    }

    #[test]
    fn what_was_found_and_removed_stays_away_until_it_is_added() {
        let found = [server("a"), server("b")];
        let removed = Edits::default().and(&remove("a"), &found).unwrap();
        assert_eq!(names(&removed.apply(&found)), ["b"]);
        let again = removed.and(&remove("a"), &found);
        assert_eq!(again, Err(EditError::NoServer("a".into())));
        let back = removed.and(&add("a"), &found).unwrap();
        assert_eq!(names(&back.apply(&found)), ["b", "a"]);
        let away = back.and(&remove("a"), &found).unwrap();
        assert_eq!(names(&away.apply(&found)), ["b"]);
        let there = away.and(&add("b"), &found);
        assert_eq!(there, Err(EditError::AlreadyThere("b".into())));
    }

    #[test]
    fn an_upstream_has_room_for_so_many() {
        let many = |count: usize| EndpointEdit {
            add: (0..count).map(|n| server(&n.to_string())).collect(),
            ..EndpointEdit::default()
        };
        let full = Edits::default().and(&many(MOST), &[]).unwrap();
        assert_eq!(full.and(&add("one"), &[]), Err(EditError::TooMany));
        let twice = EndpointEdit {
            add: vec![server("a"), server("a")],
            ..EndpointEdit::default()
        };
        let error = Edits::default().and(&twice, &[]);
        assert_eq!(error, Err(EditError::AlreadyThere("a".into())));
    }
}
