//! What an endpoint did since somebody last looked: counted only where peers are compared.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use crate::outcome::Outcome;

/// Counters of one interval, on a cache line of their own.
#[derive(Debug, Default)]
#[repr(align(64))]
pub(crate) struct Interval {
    requests: AtomicU32,
    failures: AtomicU32,
    timed: AtomicU32,
    micros: AtomicU64,
}

/// What was counted.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Counts {
    pub(crate) requests: u32,
    pub(crate) failures: u32,
    /// Requests whose latency says something, and the sum of it.
    pub(crate) timed: u32,
    pub(crate) micros: u64,
}

impl Interval {
    /// Counts an attempt. One without a connection is not one of these: that is what pauses are for. The latency of a
    /// failure does not count, unless it is that there was no answer.
    pub(crate) fn observe(&self, outcome: Outcome, latency: Duration) {
        if outcome == Outcome::ConnectFailed {
            return;
        }
        self.requests.fetch_add(1, Relaxed);
        if outcome.is_failure() {
            self.failures.fetch_add(1, Relaxed);
        }
        if matches!(outcome, Outcome::GOOD | Outcome::TimedOut) {
            let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
            self.timed.fetch_add(1, Relaxed);
            self.micros.fetch_add(micros, Relaxed);
        }
    }

    /// Returns what was counted and begins anew.
    pub(crate) fn take(&self) -> Counts {
        Counts {
            requests: self.requests.swap(0, Relaxed),
            failures: self.failures.swap(0, Relaxed),
            timed: self.timed.swap(0, Relaxed),
            micros: self.micros.swap(0, Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latencies_of_failures_do_not_count_and_counters_begin_anew() {
        let interval = Interval::default();
        let millis = Duration::from_millis;
        interval.observe(Outcome::GOOD, millis(10));
        interval.observe(Outcome::Answered { is_failure: true }, millis(1));
        interval.observe(Outcome::TimedOut, millis(1000));
        interval.observe(Outcome::ConnectFailed, millis(1));
        let counts = Counts {
            requests: 3,
            failures: 2,
            timed: 2,
            micros: 1_010_000,
        };
        assert_eq!(interval.take(), counts);
        assert_eq!(interval.take(), Counts::default());
    }
}
