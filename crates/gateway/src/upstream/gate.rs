//! A bulkhead of an upstream or of a route, with what is counted about it; and the places that a request has.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use tenfold_traffic::resilience::bulkhead::{Bulkhead, Settings};
use tenfold_traffic::resilience::priority::Priority;
use tenfold_traffic::resilience::queue::Shed;

use super::Upstream;
use crate::worker::clock::Clock;
use crate::worker::site::Site;

/// A bulkhead that outlives reloads, as long as there is to be one.
pub(crate) struct Gate {
    pub(crate) bulkhead: Arc<Bulkhead>,
    /// Requests that waited.
    queued: AtomicU64,
    /// Requests that were turned away, by priority and reason. Shared by the workers: being told no is no way that has to be fast.
    shed: [[AtomicU64; Shed::ALL.len()]; Priority::ALL.len()],
}

impl Gate {
    /// The gate for `settings`: the old one, if there was one.
    pub(crate) fn new(settings: Option<&Settings>, old: Option<&Arc<Self>>) -> Option<Arc<Self>> {
        let settings = settings?;
        if let Some(old) = old {
            old.bulkhead.configure(settings);
            return Some(Arc::clone(old));
        }
        Some(Arc::new(Self {
            bulkhead: Bulkhead::new(settings),
            queued: AtomicU64::new(0),
            shed: Default::default(),
        }))
    }

    pub(crate) fn count_queued(&self) {
        self.queued.fetch_add(1, Relaxed);
    }

    pub(crate) fn count_shed(&self, priority: Priority, shed: Shed) {
        self.shed[priority as usize][shed as usize].fetch_add(1, Relaxed);
    }

    pub(crate) fn queued(&self) -> u64 {
        self.queued.load(Relaxed)
    }

    /// How many of a priority were turned away for that reason.
    pub(crate) fn shed(&self, priority: Priority, shed: Shed) -> u64 {
        self.shed[priority as usize][shed as usize].load(Relaxed)
    }

    /// How many of a priority were turned away.
    pub(crate) fn shed_of(&self, priority: Priority) -> u64 {
        let all = Shed::ALL.into_iter();
        all.map(|shed| self.shed(priority, shed)).sum()
    }
}

/// The places that a request has in the bulkheads of its route and of its upstream; given back when dropped.
#[derive(Default)]
pub(crate) struct Places(Option<Held>);

struct Held {
    clock: Rc<Clock>,
    /// The rules in which the route is, and its index.
    route: Option<(Rc<Site>, u32)>,
    upstream: Option<Rc<Upstream>>,
    priority: Priority,
    /// Whether the server has done what was asked of it; missing if there is nothing to be said about it.
    is_good: Option<bool>,
}

impl Places {
    /// No place yet.
    pub(crate) fn new(clock: &Rc<Clock>, priority: Priority) -> Self {
        Self(Some(Held {
            clock: Rc::clone(clock),
            route: None,
            upstream: None,
            priority,
            is_good: None,
        }))
    }

    /// There is a place in the bulkhead of that route.
    pub(crate) fn add_route(&mut self, site: &Rc<Site>, index: u32) {
        if let Some(held) = &mut self.0 {
            held.route = Some((Rc::clone(site), index));
        }
    }

    /// There is a place in the bulkhead of that upstream.
    pub(crate) fn add_upstream(&mut self, upstream: &Rc<Upstream>) {
        if let Some(held) = &mut self.0 {
            held.upstream = Some(Rc::clone(upstream));
        }
    }

    /// Says how it went.
    pub(crate) fn judge(&mut self, is_good: bool) {
        if let Some(held) = &mut self.0 {
            held.is_good = Some(is_good);
        }
    }
}

impl Held {
    fn give_back(&self, gate: Option<&Arc<Gate>>) {
        let Some(gate) = gate else { return };
        match self.is_good {
            // The latest reading is at most as old as the latest byte of the response.
            Some(is_good) => {
                let now = self.clock.recent();
                gate.bulkhead.finish(self.priority, now, is_good);
            }
            None => gate.bulkhead.leave(self.priority),
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(upstream) = &self.upstream {
            self.give_back(upstream.shared.gate.as_ref());
        }
        if let Some((site, route)) = &self.route {
            self.give_back(site.entry(*route).gate.as_ref());
        }
    }
}
