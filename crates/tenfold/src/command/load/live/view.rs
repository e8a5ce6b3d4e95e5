//! What a picture is made of: seconds that are over are looked at once.

use std::collections::BTreeMap;
use std::time::Duration;

use tenfold_load::results::{ErrorKind, Histogram, Interval, Verdict};
use tenfold_load::threshold::{Threshold, judge};
use tenfold_load::{Progress, Results};

/// How many of the last seconds the percentiles beside the plots are of: of one second alone they would be noise.
const RECENT: usize = 10;
/// Percentiles of a second.
pub(super) const SHARES: [f64; 3] = [0.5, 0.95, 0.99];

/// A second that is over.
#[derive(Clone, Debug, Default)]
pub(super) struct Second {
    pub(super) at: f64,
    /// Per second; of a closed model nothing is due.
    pub(super) arrivals: f64,
    pub(super) done: f64,
    /// Latencies in seconds, as [`SHARES`] says.
    pub(super) percentiles: [Option<f64>; 3],
}

impl Second {
    fn new(one: &Interval) -> Self {
        let per_second = |count: u64| count as f64 / one.duration.max(0.05);
        let at = |share| one.latency.quantile(share);
        Self {
            at: one.at,
            arrivals: per_second(one.arrivals),
            done: per_second(one.done),
            percentiles: SHARES.map(|share| at(share).map(|time| time.as_secs_f64())),
        }
    }
}

/// Percentiles of a while.
#[derive(Clone, Debug, Default)]
pub(super) struct Times {
    pub(super) percentiles: [Option<Duration>; 4],
    pub(super) max: Option<Duration>,
}

impl Times {
    fn new(histogram: &Histogram) -> Self {
        Self {
            percentiles: [0.5, 0.9, 0.95, 0.99].map(|share| histogram.quantile(share)),
            max: histogram.max(),
        }
    }
}

/// What is kept between pictures.
#[derive(Debug, Default)]
pub(super) struct View {
    pub(super) seconds: Vec<Second>,
    /// Of the last [`RECENT`] seconds.
    pub(super) recent: Times,
    /// Of everything outside of warm-ups.
    pub(super) whole: Times,
    /// By kind since the beginning, the most frequent first.
    pub(super) errors: Vec<(ErrorKind, u64)>,
    pub(super) failed: u64,
    pub(super) done: u64,
    pub(super) verdicts: Vec<Verdict>,
}

impl View {
    /// Takes in what is new.
    pub(super) fn look(&mut self, progress: &Progress<'_>) {
        let results = progress.results;
        let is_new = self.seconds.len() != results.series.len();
        if results.series.len() < self.seconds.len() {
            self.seconds.clear();
        }
        if !is_new {
            return;
        }
        // The last one may have been a part of its second when it was looked at.
        self.seconds.pop();
        let unseen = results.series.iter().skip(self.seconds.len());
        self.seconds.extend(unseen.map(Second::new));
        self.sum_up(results);
        let thresholds = &progress.test.thresholds;
        self.verdicts = judge(thresholds, results);
        let mut judged = thresholds.iter();
        // A number that is still to be reached is no failure yet.
        self.verdicts.retain(|verdict| {
            let awaits = judged.next().is_some_and(Threshold::awaits_the_end);
            verdict.holds || !awaits
        });
    }

    fn sum_up(&mut self, results: &Results) {
        let mut recent = Histogram::default();
        for one in results.series.iter().rev().take(RECENT) {
            recent.add(&one.latency);
        }
        self.recent = Times::new(&recent);
        self.whole = Times::new(&results.total.latency);
        let mut kinds: BTreeMap<ErrorKind, u64> = BTreeMap::new();
        (self.done, self.failed) = (0, 0);
        for one in &results.series {
            self.done += one.done;
            self.failed += one.failed;
            for (kind, count) in &one.errors {
                *kinds.entry(*kind).or_default() += count;
            }
        }
        self.errors = kinds.into_iter().collect();
        self.errors
            .sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    }
}
