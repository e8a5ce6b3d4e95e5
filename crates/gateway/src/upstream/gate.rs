//! A bulkhead of an upstream or of a route, with what is counted about it; and a request's place in it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use tenfold_traffic::resilience::bulkhead::{Bulkhead, Settings};
use tenfold_traffic::resilience::priority::Priority;
use tenfold_traffic::resilience::queue::Shed;

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

/// A request's place in a bulkhead, or none. Small, because every request has two: whose bulkhead it is knows whoever keeps it, and gives it
/// back.
#[derive(Debug, Default)]
pub(crate) struct Place(Option<Held>);

#[derive(Clone, Copy, Debug)]
struct Held {
    priority: Priority,
    /// Whether the server has done what was asked of it; missing if there is nothing to be said about it.
    is_good: Option<bool>,
}

impl Place {
    /// A place that was taken.
    pub(crate) fn of(priority: Priority) -> Self {
        Self(Some(Held {
            priority,
            is_good: None,
        }))
    }

    /// True if there is one.
    pub(crate) fn is_held(&self) -> bool {
        self.0.is_some()
    }

    /// Says how it went.
    pub(crate) fn judge(&mut self, is_good: bool) {
        if let Some(held) = &mut self.0 {
            held.is_good = Some(is_good);
        }
    }

    /// Nothing is to be said about how it went.
    pub(crate) fn unjudged(mut self) -> Self {
        if let Some(held) = &mut self.0 {
            held.is_good = None;
        }
        self
    }

    /// Gives it back, at `now` or a little later.
    pub(crate) fn give_back(&mut self, gate: Option<&Arc<Gate>>, now: Duration) {
        let (Some(held), Some(gate)) = (self.0.take(), gate) else {
            return;
        };
        match held.is_good {
            Some(is_good) => gate.bulkhead.finish(held.priority, now, is_good),
            None => gate.bulkhead.leave(held.priority),
        }
    }
}
