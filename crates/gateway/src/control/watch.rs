//! Keeping an upstream up to date: what discovery finds, and what probes say.

use std::sync::{Arc, Weak};

use super::Control;
use super::discover::Discovery;
use super::managed::{Current, Managed, targets};
use super::probe::{ProbeResult, Probes};
use crate::config::upstream::Probe;
use crate::config::{Address, Server, Upstream};
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
            managed.discovery = is_dynamic.then(|| self.discover(&config));
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

    fn discover(&self, config: &Upstream) -> Discovery {
        let control = Weak::clone(&self.itself);
        let name = config.name.clone();
        Discovery::start(config, Arc::clone(&self.resolver), move |found| {
            if let Some(control) = control.upgrade() {
                control.change(&name, |managed, now| managed.set_found(found, now));
            }
        })
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
