//! Metrics: counters, gauges and histograms that many workers write and a scrape sums up.
//!
//! A counter that all cores add to is a queue: its cache line travels with every request. So each worker
//! has a slot of its own, on cache lines of its own, and only the scrape, a few times a minute, reads all
//! of them. There is one writer per slot, so that an add is a plain load and store and not a locked
//! instruction.
//!
//! Handles are looked up when something is built and live as long as it does. What a reload takes away drops its handles,
//! and [`Registry::forget_unused`] its series; what stays finds its series by its labels, and counts on.
//!
//! # The lock
//! It is held while a series is looked up or added, and by a scrape while it takes hold of one family's series; never
//! while a value is computed or text is written, because a worker that meets a new kind of error waits for it.

mod cells;
mod encode;
mod family;
mod histogram;
mod set;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

pub use cells::Slot;
use cells::{Cells, PER_LINE};
use family::{Enumerate, Family, Kind, Series, Source, View};
pub use histogram::{DURATION_BOUNDS, Distribution, Durations};
pub use set::{CounterSet, SetSlot};

/// Label names and values of one series. Values must come from a bounded set.
pub type Labels = Vec<(&'static str, String)>;

/// The metrics of a program. A name that is used for two kinds of metric is a mistake in the program, and panics.
pub struct Registry {
    workers: usize,
    families: Mutex<Families>,
}

/// Families in the order in which they were added. None is ever removed, so that an index stays valid.
#[derive(Default)]
struct Families {
    all: Vec<Family>,
    by_name: HashMap<&'static str, usize>,
}

impl Registry {
    /// A registry for so many workers, with one more slot (of that index) for whoever controls them.
    #[must_use]
    pub fn new(workers: usize) -> Arc<Self> {
        Arc::new(Self {
            workers: workers + 1,
            families: Mutex::default(),
        })
    }

    /// A counter's series, made if there is none yet. `name` has no `_total`; the exposition adds it.
    #[must_use]
    pub fn counter(&self, name: &'static str, help: &'static str, labels: Labels) -> Metric {
        Metric {
            cells: self.cells(name, help, Kind::Counter, labels, 1),
        }
    }

    /// A gauge's series, made if there is none yet. Its value is the sum over the workers.
    #[must_use]
    pub fn gauge(&self, name: &'static str, help: &'static str, labels: Labels) -> Metric {
        Metric {
            cells: self.cells(name, help, Kind::Gauge, labels, 1),
        }
    }

    /// A histogram of durations, made if there is none yet. `name` ends in `_seconds`.
    #[must_use]
    pub fn durations(&self, name: &'static str, help: &'static str, labels: Labels) -> Metric {
        let count = DURATION_BOUNDS.len() + 2;
        Metric {
            cells: self.cells(name, help, Kind::Histogram, labels, count),
        }
    }

    /// A counter's series for each of up to 16 `values` of a further `label`, made if there are none yet. They share a cache
    /// line per worker. `name` has no `_total`.
    ///
    /// # Panics
    /// If there are more than 16 values.
    #[must_use]
    pub fn counter_set(
        &self,
        name: &'static str,
        help: &'static str,
        labels: Labels,
        label: &'static str,
        values: &'static [&'static str],
    ) -> CounterSet {
        assert!(
            values.len() <= PER_LINE,
            "{name} has more counters than a line holds"
        );
        let kind = Kind::CounterSet { label, values };
        CounterSet::new(self.cells(name, help, kind, labels, values.len()))
    }

    /// A gauge whose value is read at each scrape, in place of one with the same labels.
    pub fn read_gauge(
        &self,
        name: &'static str,
        help: &'static str,
        labels: Labels,
        read: impl Fn() -> f64 + Send + Sync + 'static,
    ) {
        let source = Source::Read(Box::new(read));
        let mut families = self.lock();
        let family = families.family(name, help, Kind::Gauge);
        family.add(Series { labels, source });
    }

    /// A counter whose value is read at each scrape, in place of one with the same labels.
    pub fn read_counter(
        &self,
        name: &'static str,
        help: &'static str,
        labels: Labels,
        read: impl Fn() -> f64 + Send + Sync + 'static,
    ) {
        let source = Source::Read(Box::new(read));
        let mut families = self.lock();
        let family = families.family(name, help, Kind::Counter);
        family.add(Series { labels, source });
    }

    /// Gauges that are told at each scrape, for what comes and goes while the program runs. `read` takes the place of an
    /// earlier one of that name, and may take its time: no worker waits for it. Of several values with the same labels the
    /// first one counts.
    pub fn read_gauges(
        &self,
        name: &'static str,
        help: &'static str,
        read: impl Fn() -> Vec<(Labels, f64)> + Send + Sync + 'static,
    ) {
        let read: Enumerate = Arc::new(read);
        let mut families = self.lock();
        families.family(name, help, Kind::Gauge).enumerate_by(read);
    }

    /// The same as [`read_gauges`](Self::read_gauges) for counters.
    pub fn read_counters(
        &self,
        name: &'static str,
        help: &'static str,
        read: impl Fn() -> Vec<(Labels, f64)> + Send + Sync + 'static,
    ) {
        let read: Enumerate = Arc::new(read);
        let mut families = self.lock();
        let family = families.family(name, help, Kind::Counter);
        family.enumerate_by(read);
    }

    /// Drops the series that nobody can count in any more, because all handles to them are gone. To be called after a
    /// reload, when what it took away has been dropped; what is still in use is forgotten by a later call.
    pub fn forget_unused(&self) {
        for index in 0.. {
            // One family at a time: a worker that waits does not wait for all.
            match self.lock().all.get_mut(index) {
                Some(family) => family.forget_unused(),
                None => break,
            }
        }
    }

    fn cells(
        &self,
        name: &'static str,
        help: &'static str,
        kind: Kind,
        labels: Labels,
        count: usize,
    ) -> Arc<Cells> {
        // One lock for both: workers register the same series at the same time.
        let mut families = self.lock();
        let family = families.family(name, help, kind);
        if let Some(cells) = family.find(&labels) {
            return cells;
        }
        let cells = Arc::new(Cells::new(self.workers, count));
        let source = Source::Cells(Arc::clone(&cells));
        family.add(Series { labels, source });
        cells
    }

    /// What a scrape needs of the family at `index`, if there is one.
    fn view(&self, index: usize) -> Option<View> {
        self.lock().all.get(index).map(Family::view)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Families> {
        // Nothing in here can be left half done by a panic.
        self.families.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Families {
    fn family(&mut self, name: &'static str, help: &'static str, kind: Kind) -> &mut Family {
        let index = *self.by_name.entry(name).or_insert_with(|| {
            self.all.push(Family::new(name, help, kind));
            self.all.len() - 1
        });
        let family = &mut self.all[index];
        assert_eq!(family.kind, kind, "{name} is registered as two kinds");
        family
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry")
            .field("families", &self.lock().all.len())
            .finish_non_exhaustive()
    }
}

/// A series; each worker takes its own slot of it.
#[derive(Clone, Debug)]
pub struct Metric {
    cells: Arc<Cells>,
}

impl Metric {
    /// The slot of a worker. Only that worker's thread may write to it.
    #[must_use]
    pub fn slot(&self, worker: usize) -> Slot {
        Slot::new(&self.cells, worker)
    }

    /// Counts a duration in the slot of a worker, for those who keep no handle of their own. Only that worker's thread may.
    ///
    /// # Panics
    /// If this is no histogram.
    pub fn record(&self, worker: usize, duration: std::time::Duration) {
        histogram::record(&self.cells, worker, duration);
    }

    /// The slot of a worker, as a histogram.
    ///
    /// # Panics
    /// When a duration is recorded in what is no histogram.
    #[must_use]
    pub fn durations(&self, worker: usize) -> Durations {
        Durations::new(self.slot(worker))
    }

    /// The sum of a counter or gauge over all workers. A gauge that is below zero has wrapped around.
    #[must_use]
    pub fn sum(&self) -> u64 {
        self.cells.sum(0)
    }

    /// What a histogram holds.
    ///
    /// # Panics
    /// If this is no histogram.
    #[must_use]
    pub fn distribution(&self) -> Distribution {
        Distribution::read(&self.cells)
    }
}

#[cfg(test)]
mod tests;
