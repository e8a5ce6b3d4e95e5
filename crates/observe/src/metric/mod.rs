//! Metrics: counters, gauges and histograms that many workers write and a scrape sums up.
//!
//! A counter that all cores add to is a queue: its cache line travels with every request. So each worker
//! has a slot of its own, on cache lines of its own, and only the scrape, a few times a minute, reads all
//! of them. There is one writer per slot, so that an add is a plain load and store and not a locked
//! instruction.

mod cells;
mod encode;
mod histogram;
mod set;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use cells::Cells;
pub use cells::Slot;
pub use histogram::{DURATION_BOUNDS, Durations};
pub use set::{CounterSet, CounterSlots};

/// Label names and values of one series. Values must come from a bounded set.
pub type Labels = Vec<(&'static str, String)>;

/// The metrics of a program.
pub struct Registry {
    workers: usize,
    families: Mutex<Vec<Family>>,
}

/// All series of one name.
#[derive(Clone)]
struct Family {
    name: &'static str,
    help: &'static str,
    kind: Kind,
    series: Vec<Series>,
    /// Where the series of those labels stands, for those that have cells.
    places: HashMap<Labels, usize>,
    /// Series that are found out anew at each scrape.
    enumerated: Option<Arc<Enumerate>>,
}

/// The series of a family at this moment.
type Enumerate = dyn Fn() -> Vec<(Labels, f64)> + Send + Sync;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Counter,
    Gauge,
    Histogram,
}

#[derive(Clone)]
struct Series {
    labels: Labels,
    source: Source,
}

#[derive(Clone)]
enum Source {
    Cells(Arc<Cells>),
    /// Counters that differ in one label.
    Set(Arc<Cells>, &'static str, &'static [&'static str]),
    /// Computed when scraped.
    Read(Arc<dyn Fn() -> f64 + Send + Sync>),
}

impl Registry {
    /// A registry for so many workers, and one more slot (of that index) for whoever controls them.
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

    /// A gauge whose value is read at each scrape.
    pub fn read_gauge(
        &self,
        name: &'static str,
        help: &'static str,
        labels: Labels,
        read: impl Fn() -> f64 + Send + Sync + 'static,
    ) {
        self.read(
            name,
            help,
            Kind::Gauge,
            Series {
                labels,
                source: Source::Read(Arc::new(read)),
            },
        );
    }

    /// A counter whose value is read at each scrape.
    pub fn read_counter(
        &self,
        name: &'static str,
        help: &'static str,
        labels: Labels,
        read: impl Fn() -> f64 + Send + Sync + 'static,
    ) {
        self.read(
            name,
            help,
            Kind::Counter,
            Series {
                labels,
                source: Source::Read(Arc::new(read)),
            },
        );
    }

    /// Counters that differ in the value of one label, made if there are none yet: up to 16, on one cache line.
    ///
    /// # Panics
    /// If there are more.
    #[must_use]
    pub fn counter_set(
        &self,
        name: &'static str,
        help: &'static str,
        labels: Labels,
        label: &'static str,
        values: &'static [&'static str],
    ) -> CounterSet {
        assert!(values.len() <= 16, "{name}: a set has at most 16 counters");
        let source = |cells| Source::Set(cells, label, values);
        let cells = self.series(name, help, Kind::Counter, labels, values.len(), source);
        CounterSet::new(cells)
    }

    /// A gauge whose series come and go: they are found out at each scrape.
    pub fn read_gauges(
        &self,
        name: &'static str,
        help: &'static str,
        read: impl Fn() -> Vec<(Labels, f64)> + Send + Sync + 'static,
    ) {
        let mut families = self.lock();
        family(&mut families, name, help, Kind::Gauge).enumerated = Some(Arc::new(read));
    }

    /// Forgets the series of which nobody has a handle any more: what they counted has left. Returns how many.
    pub fn forget_unused(&self) -> usize {
        let mut forgotten = 0;
        for family in self.lock().iter_mut() {
            let before = family.series.len();
            family.series.retain(|series| match &series.source {
                Source::Cells(cells) | Source::Set(cells, ..) => Arc::strong_count(cells) > 1,
                Source::Read(_) => true,
            });
            if family.series.len() < before {
                forgotten += before - family.series.len();
                family.places = family
                    .series
                    .iter()
                    .enumerate()
                    .map(|(place, series)| (series.labels.clone(), place))
                    .collect();
            }
        }
        forgotten
    }

    fn cells(
        &self,
        name: &'static str,
        help: &'static str,
        kind: Kind,
        labels: Labels,
        count: usize,
    ) -> Arc<Cells> {
        self.series(name, help, kind, labels, count, Source::Cells)
    }

    fn series(
        &self,
        name: &'static str,
        help: &'static str,
        kind: Kind,
        labels: Labels,
        count: usize,
        source: impl FnOnce(Arc<Cells>) -> Source,
    ) -> Arc<Cells> {
        // One lock for both looking and adding: workers register the same series at the same time.
        let mut families = self.lock();
        let family = family(&mut families, name, help, kind);
        if let Some(place) = family.places.get(&labels)
            && let Source::Cells(cells) | Source::Set(cells, ..) = &family.series[*place].source
        {
            return Arc::clone(cells);
        }
        let cells = Arc::new(Cells::new(self.workers, count));
        let source = source(Arc::clone(&cells));
        family.add(Series { labels, source });
        cells
    }

    fn read(&self, name: &'static str, help: &'static str, kind: Kind, series: Series) {
        family(&mut self.lock(), name, help, kind).add(series);
    }

    /// A copy of everything, for those who take their time.
    fn families(&self) -> Vec<Family> {
        self.lock().clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Family>> {
        // Nothing in here can be left half done by a panic.
        self.families.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Family {
    fn add(&mut self, series: Series) {
        self.places.insert(series.labels.clone(), self.series.len());
        self.series.push(series);
    }
}

/// The family of that name, made if there is none yet.
fn family<'f>(
    families: &'f mut Vec<Family>,
    name: &'static str,
    help: &'static str,
    kind: Kind,
) -> &'f mut Family {
    let place = families.iter().position(|family| family.name == name);
    let place = place.unwrap_or_else(|| {
        families.push(Family {
            name,
            help,
            kind,
            series: Vec::new(),
            places: HashMap::new(),
            enumerated: None,
        });
        families.len() - 1
    });
    debug_assert_eq!(
        families[place].kind, kind,
        "{name} is registered as two kinds"
    );
    &mut families[place]
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry")
            .field("families", &self.lock().len())
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

    /// Counts a duration in the slot of a worker, for those who keep no handle of their own.
    pub fn record(&self, worker: usize, duration: std::time::Duration) {
        histogram::record(&self.cells, worker, duration);
    }

    /// The slot of a worker, as a histogram.
    #[must_use]
    pub fn durations(&self, worker: usize) -> Durations {
        Durations::new(self.slot(worker))
    }
}
