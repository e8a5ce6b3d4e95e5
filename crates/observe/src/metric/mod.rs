//! Metrics: counters, gauges and histograms that many workers write and a scrape sums up.
//!
//! A counter that all cores add to is a queue: its cache line travels with every request. So each worker
//! has a slot of its own, on cache lines of its own, and only the scrape, a few times a minute, reads all
//! of them. There is one writer per slot, so that an add is a plain load and store and not a locked
//! instruction.

mod cells;
mod encode;
mod histogram;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use cells::Cells;
pub use cells::Slot;
pub use histogram::{DURATION_BOUNDS, Durations};

/// Label names and values of one series. Values must come from a bounded set.
pub type Labels = Vec<(&'static str, String)>;

/// The metrics of a program.
pub struct Registry {
    workers: usize,
    families: Mutex<Vec<Family>>,
}

/// All series of one name.
struct Family {
    name: &'static str,
    help: &'static str,
    kind: Kind,
    series: Vec<Series>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Counter,
    Gauge,
    Histogram,
}

struct Series {
    labels: Labels,
    source: Source,
}

enum Source {
    Cells(Arc<Cells>),
    /// Computed when scraped.
    Read(Box<dyn Fn() -> f64 + Send + Sync>),
}

impl Registry {
    /// A registry for so many workers.
    #[must_use]
    pub fn new(workers: usize) -> Arc<Self> {
        Arc::new(Self {
            workers,
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
                source: Source::Read(Box::new(read)),
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
                source: Source::Read(Box::new(read)),
            },
        );
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
        if let Some(cells) = find(&families, name, &labels) {
            return cells;
        }
        let cells = Arc::new(Cells::new(self.workers, count));
        let source = Source::Cells(Arc::clone(&cells));
        add(&mut families, name, help, kind, Series { labels, source });
        cells
    }

    fn read(&self, name: &'static str, help: &'static str, kind: Kind, series: Series) {
        add(&mut self.lock(), name, help, kind, series);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Family>> {
        // Nothing in here can be left half done by a panic.
        self.families.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The cells of a series that is registered.
fn find(families: &[Family], name: &str, labels: &Labels) -> Option<Arc<Cells>> {
    let family = families.iter().find(|family| family.name == name)?;
    family
        .series
        .iter()
        .find_map(|series| match &series.source {
            Source::Cells(cells) if series.labels == *labels => Some(Arc::clone(cells)),
            _ => None,
        })
}

fn add(
    families: &mut Vec<Family>,
    name: &'static str,
    help: &'static str,
    kind: Kind,
    series: Series,
) {
    if let Some(family) = families.iter_mut().find(|family| family.name == name) {
        debug_assert_eq!(family.kind, kind, "{name} is registered as two kinds");
        family.series.push(series);
    } else {
        families.push(Family {
            name,
            help,
            kind,
            series: vec![series],
        });
    }
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

    /// The slot of a worker, as a histogram.
    #[must_use]
    pub fn durations(&self, worker: usize) -> Durations {
        Durations::new(self.slot(worker))
    }
}
