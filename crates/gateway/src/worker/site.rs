//! One worker's view of the snapshot: the same, with connections.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tenfold_observe::metric::Registry;

use crate::snapshot::{Entry, Snapshot};
use crate::upstream::{Member, Upstream};
use crate::worker::clock::Clock;

/// What a worker does at the moment.
pub(crate) struct Site {
    pub(crate) snapshot: Arc<Snapshot>,
    upstreams: Vec<Rc<Upstream>>,
}

impl Site {
    /// A view of `snapshot`. What is still there of `old` stays with its connections; those to servers that have left are closed
    /// when their last response has ended.
    pub(crate) fn new(
        snapshot: Arc<Snapshot>,
        old: Option<&Self>,
        registry: &Registry,
        clock: &Rc<Clock>,
        worker: usize,
    ) -> Rc<Self> {
        let known: HashMap<&str, &Rc<Upstream>> = old
            .into_iter()
            .flat_map(|old| &old.upstreams)
            .map(|upstream| (upstream.shared.config.name.as_str(), upstream))
            .collect();
        let upstreams: Vec<_> = snapshot
            .upstreams
            .iter()
            .map(|shared| {
                let old = known.get(shared.config.name.as_str()).copied();
                match old {
                    Some(old) if Arc::ptr_eq(&old.shared, shared) => Rc::clone(old),
                    _ => Upstream::new(
                        Arc::clone(shared),
                        old.map(|old| &**old),
                        registry,
                        clock,
                        worker,
                    ),
                }
            })
            .collect();
        if let Some(old) = old {
            close_those_that_left(old, &upstreams);
        }
        Rc::new(Self {
            snapshot,
            upstreams,
        })
    }

    pub(crate) fn upstream(&self, index: usize) -> &Rc<Upstream> {
        &self.upstreams[index]
    }

    /// The same, if that is the index of one.
    pub(crate) fn upstream_at(&self, index: usize) -> Option<&Rc<Upstream>> {
        self.upstreams.get(index)
    }

    pub(crate) fn entry(&self, index: u32) -> &Entry {
        &self.snapshot.routes.entries[index as usize]
    }

    /// Drops pooled connections that are closed or too old.
    pub(crate) fn sweep(&self, now: Duration) {
        for upstream in &self.upstreams {
            upstream.sweep(now);
        }
    }
}

fn close_those_that_left(old: &Site, upstreams: &[Rc<Upstream>]) {
    let staying: std::collections::HashSet<*const Member> = upstreams
        .iter()
        .flat_map(|upstream| upstream.members())
        .map(Rc::as_ptr)
        .collect();
    let is_gone = |member: &&Rc<Member>| !staying.contains(&Rc::as_ptr(member));
    let members = old.upstreams.iter().flat_map(|old| old.members());
    for member in members.filter(is_gone) {
        member.idle.close(&member.metrics);
    }
}
