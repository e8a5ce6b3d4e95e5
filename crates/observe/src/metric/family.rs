//! All series of one name, and how one of them is found among thousands.
//!
//! A gateway with 5,000 routes looks up 5,000 series of each family, once per worker, at its start and at every
//! reload. So a series is found by a hash of its labels; the order in which they were added is kept, because people
//! read expositions.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use indexmap::{Equivalent, IndexSet};

use super::Labels;
use super::cells::Cells;

/// What a family's series are, and how many numbers each has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Histogram,
    /// Counters that differ in one label, with the values that it has.
    CounterSet {
        label: &'static str,
        values: &'static [&'static str],
    },
}

/// All series of one name.
pub(super) struct Family {
    pub(super) name: &'static str,
    pub(super) help: &'static str,
    pub(super) kind: Kind,
    series: IndexSet<Arc<Series>>,
    /// Tells further series, and their values, at each scrape.
    enumerate: Option<Enumerate>,
}

/// Tells the series of a family, and their values.
pub(super) type Enumerate = Arc<dyn Fn() -> Vec<(Labels, f64)> + Send + Sync>;

/// One series.
pub(super) struct Series {
    pub(super) labels: Labels,
    pub(super) source: Source,
}

/// Where a series' value comes from.
pub(super) enum Source {
    Cells(Arc<Cells>),
    /// Computed when scraped.
    Read(Box<dyn Fn() -> f64 + Send + Sync>),
}

/// What a scrape takes out of a family, so that it can compute values and write text without its lock.
pub(super) struct View {
    pub(super) name: &'static str,
    pub(super) help: &'static str,
    pub(super) kind: Kind,
    pub(super) series: Vec<Arc<Series>>,
    pub(super) enumerate: Option<Enumerate>,
}

impl Family {
    pub(super) fn new(name: &'static str, help: &'static str, kind: Kind) -> Self {
        Self {
            name,
            help,
            kind,
            series: IndexSet::new(),
            enumerate: None,
        }
    }

    /// The cells of the series with these labels, if there are any.
    pub(super) fn find(&self, labels: &Labels) -> Option<Arc<Cells>> {
        match &self.series.get(&ByLabels(labels))?.source {
            Source::Cells(cells) => Some(Arc::clone(cells)),
            Source::Read(_) => None,
        }
    }

    /// Adds a series; it takes the place of one with the same labels.
    pub(super) fn add(&mut self, series: Series) {
        self.series.replace(Arc::new(series));
    }

    /// Has further series told at each scrape, by this instead of what did so before.
    pub(super) fn enumerate_by(&mut self, enumerate: Enumerate) {
        self.enumerate = Some(enumerate);
    }

    /// Drops the series whose cells nobody else holds. A scrape that is under way is nobody: it holds the series, not its
    /// cells.
    pub(super) fn forget_unused(&mut self) {
        self.series.retain(|series| match &series.source {
            Source::Cells(cells) => Arc::strong_count(cells) > 1,
            Source::Read(_) => true,
        });
        // A reload from 5,000 routes to 5 gives the memory back.
        self.series.shrink_to(self.series.len() * 2);
    }

    pub(super) fn view(&self) -> View {
        View {
            name: self.name,
            help: self.help,
            kind: self.kind,
            series: self.series.iter().map(Arc::clone).collect(),
            enumerate: self.enumerate.clone(),
        }
    }
}

// A series is its labels, as far as a family is concerned.
impl PartialEq for Series {
    fn eq(&self, other: &Self) -> bool {
        self.labels == other.labels
    }
}

impl Eq for Series {}

impl Hash for Series {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.labels.hash(state);
    }
}

/// Finds a series without making one.
#[derive(Hash)]
struct ByLabels<'a>(&'a Labels);

impl Equivalent<Arc<Series>> for ByLabels<'_> {
    fn equivalent(&self, series: &Arc<Series>) -> bool {
        *self.0 == series.labels
    }
}
