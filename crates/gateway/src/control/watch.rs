//! Keeping an upstream up to date: what discovery finds, and what probes say.

use std::sync::{Arc, Weak};

use super::Control;
use super::discover::Discovery;
use super::managed::{Current, Managed};
use super::probe::{ProbeResult, Probes};
use crate::config::{Address, Server, Upstream};
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
            let servers = &managed.shared().servers;
            let current = &managed.current;
            let start = |probe| self.probe(probe, servers, current);
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

    fn probe(
        &self,
        probe: &crate::config::upstream::Probe,
        servers: &[Server],
        current: &Arc<Current>,
    ) -> Probes {
        let (control, current) = (Weak::clone(&self.itself), Arc::clone(current));
        let (rise, fall) = (probe.rise, probe.fall);
        Probes::start(
            probe.clone(),
            servers,
            move |name: &str, result: ProbeResult| {
                let (Some(control), shared) = (control.upgrade(), current.get()) else {
                    return;
                };
                let members = shared.group.members();
                let Some(index) = members.iter().position(|it| it.endpoint.name() == name) else {
                    return;
                };
                let is_good = result.is_good();
                let change = shared
                    .group
                    .probed(index, control.now(), is_good, rise, fall);
                if let Some(change) = change {
                    changes::report(&shared, &change);
                    if !is_good {
                        tracing::warn!("upstream {}: {name}: {result}", shared.config.name);
                        control.wake_workers();
                    }
                }
            },
        )
    }
}
