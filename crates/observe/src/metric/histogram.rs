//! A histogram of durations with fixed bounds.
//!
//! The bounds that OpenTelemetry recommends begin at 5 ms, which is where a proxy on a local network ends; so these begin at
//! 100 µs and go on to 10 s in steps of 1, 2.5, 5.

use std::time::Duration;

use super::cells::{Cells, Slot};

/// Upper bounds of the buckets, in nanoseconds. A last bucket has none.
pub const DURATION_BOUNDS: [u64; 16] = [
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    25_000_000,
    50_000_000,
    100_000_000,
    250_000_000,
    500_000_000,
    1_000_000_000,
    2_500_000_000,
    5_000_000_000,
    10_000_000_000,
];

/// Index of the sum, behind the buckets.
pub(super) const SUM: usize = DURATION_BOUNDS.len() + 1;

/// One worker's part of a histogram.
#[derive(Debug)]
pub struct Durations {
    slot: Slot,
}

impl Durations {
    pub(super) fn new(slot: Slot) -> Self {
        Self { slot }
    }

    /// Counts one duration.
    pub fn record(&self, duration: Duration) {
        self.slot
            .with(|cells, worker| record(cells, worker, duration));
    }
}

/// Counts one duration of a worker.
pub(super) fn record(cells: &Cells, worker: usize, duration: Duration) {
    let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
    let bucket = DURATION_BOUNDS.partition_point(|bound| *bound < nanos);
    cells.add(worker, bucket, 1);
    cells.add(worker, SUM, nanos);
}

/// What a histogram holds at a moment, over all workers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Distribution {
    /// Durations per bucket, of which each reaches up to the bound at its index in [`DURATION_BOUNDS`].
    pub counts: [u64; DURATION_BOUNDS.len() + 1],
    /// The sum of all durations, in nanoseconds.
    pub sum: u64,
}

impl Distribution {
    pub(super) fn read(cells: &Cells) -> Self {
        Self {
            counts: std::array::from_fn(|index| cells.sum(index)),
            sum: cells.sum(SUM),
        }
    }

    /// How many durations there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The duration that `share` (0 to 1) of all do not exceed; `None` if there are none. Within a bucket the
    /// durations are taken to be spread evenly, as Prometheus' `histogram_quantile` does; what lies beyond the last
    /// bound is told as that bound.
    #[must_use]
    pub fn quantile(&self, share: f64) -> Option<Duration> {
        let count = self.count();
        if count == 0 {
            return None;
        }
        let rank = share.clamp(0.0, 1.0) * count as f64;
        let mut before = 0.0;
        let mut lower = 0;
        for (bound, inside) in DURATION_BOUNDS.into_iter().zip(self.counts) {
            let inside = inside as f64;
            if inside > 0.0 && before + inside >= rank {
                let width = (bound - lower) as f64;
                let nanos = lower as f64 + width * (rank - before) / inside;
                return Some(Duration::from_secs_f64(nanos / 1e9));
            }
            before += inside;
            lower = bound;
        }
        Some(Duration::from_nanos(lower))
    }

    /// Adds what another one holds, for a quantile over several series.
    pub fn add(&mut self, other: &Self) {
        for (mine, theirs) in self.counts.iter_mut().zip(other.counts) {
            *mine = mine.saturating_add(theirs);
        }
        self.sum = self.sum.wrapping_add(other.sum);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_lie_within_the_bucket_that_holds_them() {
        let mut held = Distribution::default();
        assert_eq!(held.quantile(0.5), None);
        held.counts[3] = 50; // 0.5 to 1 ms
        held.counts[6] = 50; // 5 to 10 ms
        let micros = |share| {
            let quantile = held.quantile(share).expect("there are durations");
            quantile.as_micros()
        };
        assert_eq!(micros(0.25), 750);
        assert_eq!(micros(0.5), 1000);
        assert_eq!(micros(0.75), 7500);
        assert_eq!(micros(1.0), 10_000);
        assert_eq!(micros(7.0), 10_000, "more than all is all");
        assert_eq!(micros(0.0), 500);
    }

    #[test]
    fn what_is_beyond_the_last_bound_is_told_as_that_bound() {
        let mut held = Distribution::default();
        held.counts[16] = 3;
        assert_eq!(held.quantile(0.5), Some(Duration::from_secs(10)));
    }

    #[test]
    fn distributions_add_up() {
        let mut one = Distribution::default();
        one.counts[0] = 1;
        one.sum = 5;
        let mut sum = one;
        sum.add(&one);
        assert_eq!((sum.counts[0], sum.count(), sum.sum), (2, 2, 10));
    }
}
