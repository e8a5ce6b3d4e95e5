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
