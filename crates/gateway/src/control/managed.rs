//! One upstream as the control thread has it: where its servers come from, and what is known about them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tenfold_traffic::{Changes, Endpoint, Group, Member};

use super::discover::Discovery;
use super::edit::Edits;
use super::probe::{Probes, Target};
use crate::config::{Address, Server, Upstream};
use crate::snapshot::{Resilience, SharedUpstream};
use crate::upstream::gate::Gate;

/// An upstream and everything that keeps it up to date.
pub(crate) struct Managed {
    pub(crate) config: Arc<Upstream>,
    changes: Arc<Changes>,
    resilience: Arc<Resilience>,
    /// The state of the servers that there are.
    endpoints: HashMap<(String, Address), Arc<Endpoint>>,
    /// The servers that are written down or were found.
    found: Vec<Server>,
    pub(crate) edits: Edits,
    /// What the workers have, or are about to have.
    shared: Arc<SharedUpstream>,
    /// The same, for the callbacks of probes.
    pub(crate) current: Arc<Current>,
    pub(crate) discovery: Option<Discovery>,
    /// Which discovery it is: one that has ended may still have something to tell.
    pub(crate) discovered_by: u64,
    /// Discovery has answered, with whatever it found.
    has_heard: bool,
    pub(crate) probes: Option<Probes>,
    /// When outliers were last looked for.
    pub(crate) evaluated: Duration,
}

/// The latest generation of an upstream.
pub(crate) struct Current {
    shared: Mutex<Arc<SharedUpstream>>,
}

impl Current {
    pub(crate) fn get(&self) -> Arc<SharedUpstream> {
        Arc::clone(&self.shared.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn set(&self, shared: Arc<SharedUpstream>) {
        *self.shared.lock().unwrap_or_else(PoisonError::into_inner) = shared;
    }
}

impl Managed {
    /// A new upstream, whose servers are taken to be well. `now` is when they came, zero if they have been there before.
    pub(crate) fn new(config: Arc<Upstream>, edits: Edits, now: Duration) -> Self {
        let changes = Changes::new();
        let resilience = Arc::new(Resilience::default());
        let shared = Arc::new(SharedUpstream {
            group: Group::new(config.policy.clone(), Vec::new(), Arc::clone(&changes)),
            servers: Vec::new(),
            gate: Gate::new(config.concurrency.as_ref(), None),
            config: Arc::clone(&config),
            resilience: Arc::clone(&resilience),
        });
        let mut managed = Self {
            found: unresolved(&config.servers, &[]),
            config,
            changes,
            resilience,
            endpoints: HashMap::new(),
            edits,
            current: Arc::new(Current {
                shared: Mutex::new(Arc::clone(&shared)),
            }),
            shared,
            discovery: None,
            discovered_by: 0,
            has_heard: false,
            probes: None,
            evaluated: now,
        };
        managed.rebuild(now);
        managed
    }

    /// New settings. What was found stays until it is found anew.
    pub(crate) fn configure(&mut self, config: Arc<Upstream>, now: Duration) {
        if config.servers != self.config.servers || config.sources != self.config.sources {
            let old = &self.config.servers;
            let new = &config.servers;
            let was_written = |server: &&Server| {
                let mut written = old.iter().chain(new);
                written.any(|other| other.name == server.name)
            };
            let mut found = unresolved(&config.servers, &self.found);
            if !config.sources.is_empty() {
                let discovered = self.found.iter().filter(|server| !was_written(server));
                found.extend(discovered.cloned());
            }
            // Names that are all new mean nothing yet: the servers from before take the requests until they do.
            let has_address =
                |server: &Server| !matches!(&server.address, Address::Tcp(all) if all.is_empty());
            if found.is_empty() || found.iter().any(has_address) {
                self.found = found;
            }
        }
        if config.breaker.is_none() {
            self.resilience.breaker.reset();
        }
        self.config = config;
        self.rebuild(now);
    }

    /// The servers that discovery has found, the written ones among them.
    pub(crate) fn set_found(&mut self, found: Vec<Server>, now: Duration) {
        self.found = found;
        self.has_heard = true;
        self.rebuild(now);
    }

    /// True unless discovery has not answered yet.
    pub(crate) fn is_settled(&self) -> bool {
        self.has_heard || self.discovery.is_none()
    }

    /// The servers that are written down or were found.
    pub(crate) fn found(&self) -> &[Server] {
        &self.found
    }

    /// Makes the next generation from what is known now.
    pub(crate) fn rebuild(&mut self, now: Duration) {
        let servers = self.edits.apply(&self.found);
        let mut endpoints = HashMap::new();
        let mut members = Vec::new();
        for server in &servers {
            let key = (server.name.clone(), server.address.clone());
            let endpoint = self
                .endpoints
                .get(&key)
                .cloned()
                .unwrap_or_else(|| Endpoint::new(server.name.as_str(), &self.changes, now));
            endpoint.set_draining(self.edits.drains(&server.name));
            members.push(Member {
                endpoint: Arc::clone(&endpoint),
                weight: server.weight,
                zone: server.zone.clone(),
            });
            endpoints.insert(key, endpoint);
        }
        self.endpoints = endpoints;
        self.shared = Arc::new(SharedUpstream {
            group: Group::new(
                self.config.policy.clone(),
                members,
                Arc::clone(&self.changes),
            ),
            servers,
            gate: Gate::new(self.config.concurrency.as_ref(), self.shared.gate.as_ref()),
            config: Arc::clone(&self.config),
            resilience: Arc::clone(&self.resilience),
        });
        self.changes.bump();
        self.current.set(Arc::clone(&self.shared));
        if let Some(probes) = &mut self.probes {
            probes.update(targets(&self.shared));
        }
    }

    /// True if a server has an address.
    pub(crate) fn has_servers(&self) -> bool {
        let servers = &self.shared.servers;
        servers
            .iter()
            .any(|it| !matches!(&it.address, Address::Tcp(all) if all.is_empty()))
    }

    pub(crate) fn shared(&self) -> &Arc<SharedUpstream> {
        &self.shared
    }
}

/// Servers as they are written, with the addresses that their names had before; without any for those that had none.
fn unresolved(servers: &[Server], known: &[Server]) -> Vec<Server> {
    let resolve = |server: &Server| {
        let mut server = server.clone();
        if let Address::Name { .. } = server.address {
            let old = known.iter().find(|old| old.name == server.name);
            server.address = old.map_or(Address::Tcp(Vec::new()), |old| old.address.clone());
        }
        server
    };
    servers.iter().map(resolve).collect()
}

/// What is probed. Results are told under the endpoint's identifier, which unlike its place stays the same.
pub(crate) fn targets(shared: &SharedUpstream) -> Vec<Target> {
    let members = shared.group.members().iter();
    members
        .zip(&shared.servers)
        .map(|(member, server)| Target {
            index: member.endpoint.id() as usize,
            name: server.name.clone(),
            address: server.address.clone(),
        })
        .collect()
}
