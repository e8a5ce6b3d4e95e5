//! Counters that differ in one label and share a cache line: a route's requests by status class.

use std::sync::Arc;

use super::cells::{Cells, Slot};

/// A set of counters.
#[derive(Clone, Debug)]
pub struct CounterSet {
    cells: Arc<Cells>,
}

impl CounterSet {
    pub(super) fn new(cells: Arc<Cells>) -> Self {
        Self { cells }
    }

    /// Adds 1 to the counter of that place, in the slot of a worker. Only that worker's thread may.
    pub fn increment(&self, worker: usize, place: usize) {
        self.cells.add(worker, place, 1);
    }

    /// The sum over the workers of the counter of that place.
    #[must_use]
    pub fn sum(&self, place: usize) -> u64 {
        self.cells.sum(place)
    }

    /// The slots of a worker.
    #[must_use]
    pub fn slot(&self, worker: usize) -> CounterSlots {
        CounterSlots {
            slot: Slot::new(&self.cells, worker),
        }
    }
}

/// One worker's part of a set.
#[derive(Debug)]
pub struct CounterSlots {
    slot: Slot,
}

impl CounterSlots {
    /// Adds 1 to the counter of that place.
    pub fn increment(&self, place: usize) {
        self.slot.add_at(place, 1);
    }
}
