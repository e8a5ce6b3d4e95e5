//! Keeping an upstream up to date: what discovery finds, and what probes say.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Weak};

use super::discover::Discovery;
use super::edit::Edits;
use super::managed::{Current, Managed, targets};
use super::probe::{ProbeResult, Probes};
use super::{Control, State};
use crate::config::upstream::Probe;
use crate::config::{Address, Config, Server, Upstream};
use crate::snapshot::SharedUpstream;
use crate::upstream::changes;

impl Control {
    /// Starts, changes or stops discovery and probes, where what they do is not what they did `before`.
    pub(super) fn watch(&self, managed: &mut Managed, before: Option<&Upstream>) {
        let config = Arc::clone(&managed.config);
        let is_same_servers =
            before.is_some_and(|it| it.servers == config.servers && it.sources == config.sources);
        let _runtime = self.runtime.enter();
        if !is_same_servers {
            let is_named = |server: &Server| matches!(server.address, Address::Name { .. });
            let is_dynamic = !config.sources.is_empty() || config.servers.iter().any(is_named);
            match &managed.discovery {
                Some(discovery) if is_dynamic => discovery.update(&config),
                _ => {
                    managed.discovered_by = self.discoveries.fetch_add(1, Relaxed) + 1;
                    let number = managed.discovered_by;
                    managed.discovery = is_dynamic.then(|| self.discover(&config, number));
                }
            }
        }
        if before.is_none_or(|before| before.probe != config.probe) {
            let (shared, current) = (managed.shared(), &managed.current);
            let start = |probe| self.probe(probe, shared, current);
            managed.probes = config.probe.as_ref().map(start);
            if managed.probes.is_none() {
                managed.shared().group.forget_probes(self.now());
            }
        }
    }

    fn discover(&self, config: &Upstream, number: u64) -> Discovery {
        let control = Weak::clone(&self.itself);
        Discovery::start(config, Arc::clone(&self.resolver), move |found| {
            if let Some(control) = control.upgrade() {
                control.found(number, found);
            }
        })
    }

    /// Takes in what a discovery has found. One that was ended while it waited for the lock is no longer known.
    fn found(&self, number: u64, found: Vec<Server>) {
        let mut state = self.lock();
        let is_it = |it: &Managed| it.discovered_by == number;
        if let Some(index) = state.managed.iter().position(is_it) {
            state.managed[index].set_found(found, self.now());
            self.publish_one(&mut state, index);
        } else if let Some(index) = state.coming.iter().position(is_it) {
            let now = self.arrival(&state);
            state.coming[index].set_found(found, now);
        }
    }

    /// Begins to resolve the names of upstreams that are new in `config`, which is to be applied when
    /// [`are_newcomers_settled`](Self::are_newcomers_settled): until then nobody could answer their requests.
    pub(crate) fn prepare(&self, config: &Config) {
        let mut state = self.lock();
        state.coming.clear();
        for upstream in &config.upstreams {
            let is_known = |it: &Managed| it.config.name == upstream.name;
            if !state.managed.iter().any(is_known) {
                let managed = self.newcomer(&mut state, upstream);
                state.coming.push(managed);
            }
        }
    }

    /// True if all upstreams that are about to come have heard of their servers.
    pub(crate) fn are_newcomers_settled(&self) -> bool {
        self.lock().coming.iter().all(Managed::is_settled)
    }

    /// An upstream that is about to come without any server, although the process before this one had some.
    pub(crate) fn worse_than_before(&self) -> Option<String> {
        let state = self.lock();
        let is_worse =
            |it: &&Managed| !it.has_servers() && state.carried.had_servers(&it.config.name);
        state
            .coming
            .iter()
            .find(is_worse)
            .map(|it| it.config.name.clone())
    }

    /// An upstream that was not there before: the one that was prepared, or a new one.
    pub(super) fn newcomer(&self, state: &mut State, config: &Upstream) -> Managed {
        let coming = &mut state.coming;
        if let Some(index) = coming.iter().position(|it| *it.config == *config) {
            return coming.swap_remove(index);
        }
        let edits = match state.snapshot.generation {
            0 => state.carried.edits(&config.name),
            _ => Edits::default(),
        };
        let now = self.arrival(state);
        let mut managed = Managed::new(Arc::new(config.clone()), edits, now);
        self.watch(&mut managed, None);
        managed
    }

    fn probe(&self, probe: &Probe, shared: &SharedUpstream, current: &Arc<Current>) -> Probes {
        let (control, current) = (Weak::clone(&self.itself), Arc::clone(current));
        let (rise, fall) = (probe.rise, probe.fall);
        let tell = move |id: usize, is_good: bool, result: ProbeResult| {
            let (Some(control), shared) = (control.upgrade(), current.get()) else {
                return;
            };
            let mut members = shared.group.members().iter();
            let Some(index) = members.position(|it| it.endpoint.id() as usize == id) else {
                return;
            };
            let now = control.now();
            let change = shared.group.probed(index, now, is_good, rise, fall);
            if let Some(change) = change {
                if !is_good {
                    let name = shared.group.members()[index].endpoint.name();
                    tracing::warn!("upstream {}: {name}: probe: {result}", shared.config.name);
                }
                changes::report(&shared, &change);
                if !is_good {
                    control.wake_workers();
                }
            }
        };
        Probes::start(probe.clone(), targets(shared), tell)
    }
}
