//! The memory of a series: numbers per worker, on cache lines of their own.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Numbers on one cache line; two lines, because processors fetch them in pairs.
pub(super) const PER_LINE: usize = 16;

#[derive(Default)]
#[repr(align(128))]
struct Line([AtomicU64; PER_LINE]);

/// `count` numbers for each worker.
pub(super) struct Cells {
    workers: Vec<Box<[Line]>>,
}

impl Cells {
    pub(super) fn new(workers: usize, count: usize) -> Self {
        let lines = || {
            (0..count.div_ceil(PER_LINE))
                .map(|_| Line::default())
                .collect()
        };
        Self {
            workers: (0..workers.max(1)).map(|_| lines()).collect(),
        }
    }

    /// Adds to a number of a worker; only that worker's thread may.
    pub(super) fn add(&self, worker: usize, index: usize, count: u64) {
        let cell = cell(&self.workers[worker], index);
        cell.store(cell.load(Relaxed).wrapping_add(count), Relaxed);
    }

    /// The sum of the number at `index` over all workers. It wraps around, so that a worker may subtract what
    /// another one added.
    pub(super) fn sum(&self, index: usize) -> u64 {
        self.workers.iter().fold(0, |sum: u64, lines| {
            sum.wrapping_add(cell(lines, index).load(Relaxed))
        })
    }
}

impl fmt::Debug for Cells {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cells({} workers)", self.workers.len())
    }
}

fn cell(lines: &[Line], index: usize) -> &AtomicU64 {
    &lines[index / PER_LINE].0[index % PER_LINE]
}

/// One worker's part of a series.
#[derive(Debug)]
pub struct Slot {
    cells: Arc<Cells>,
    worker: usize,
}

impl Slot {
    pub(super) fn new(cells: &Arc<Cells>, worker: usize) -> Self {
        Self {
            cells: Arc::clone(cells),
            worker,
        }
    }

    /// Adds 1.
    pub fn increment(&self) {
        self.add(1);
    }

    /// Subtracts 1; for gauges.
    pub fn decrement(&self) {
        self.add_at(0, 1_u64.wrapping_neg());
    }

    /// Adds `count`.
    pub fn add(&self, count: u64) {
        self.add_at(0, count);
    }

    pub(super) fn with(&self, act: impl FnOnce(&Cells, usize)) {
        act(&self.cells, self.worker);
    }

    pub(super) fn add_at(&self, index: usize, count: u64) {
        self.cells.add(self.worker, index, count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_add_up_and_a_gauge_may_go_down_elsewhere() {
        let cells = Arc::new(Cells::new(3, 20));
        let slots: Vec<_> = (0..3).map(|worker| Slot::new(&cells, worker)).collect();
        slots[0].add(5);
        slots[1].decrement();
        slots[2].add_at(19, 7);
        assert_eq!((cells.sum(0), cells.sum(19)), (4, 7));
    }

    #[test]
    fn workers_do_not_share_cache_lines() {
        assert_eq!(size_of::<Line>(), 128);
        assert_eq!(align_of::<Line>(), 128);
    }
}
