//! Passing over an endpoint that cannot be reached.
//!
//! After a failed connection, or [`BROKEN_IN_A_ROW`] broken ones, the endpoint is passed over for a while; each
//! further failure in a row doubles the while, from [`FIRST_PAUSE`] to [`LONGEST_PAUSE`]. When the pause is over the
//! endpoint simply takes part again: the next request is its probe, and one that fails before it was sent goes elsewhere at
//! no cost to the client. This needs no configuration and no peers, and reacts to the first failure; what an endpoint
//! *answers* is the business of [`outlier`](super::outlier).

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use super::{millis, still_to_come};

/// How long an endpoint is passed over after its first failure. Long enough that a dead endpoint costs
/// few attempts, short enough that a restarted one is back before anyone notices.
pub(crate) const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// How many requests in a row must break, each on a connection of its own, before the endpoint is passed over. A
/// connection that cannot be made says something about the server; one that breaks may say something about the
/// request, and one bad URL must not take every server out.
pub(crate) const BROKEN_IN_A_ROW: u32 = 3;
/// The longest pause after failures in a row.
pub(crate) const LONGEST_PAUSE: Duration = Duration::from_secs(8);

/// Whether an endpoint is passed over because it cannot be reached.
#[derive(Debug, Default)]
pub(crate) struct Pause {
    /// Failures in a row that each began a pause.
    failures: AtomicU32,
    /// Requests in a row that broke.
    broken: AtomicU32,
    /// Milliseconds since the epoch until which it is passed over.
    until: AtomicU64,
}

/// What a failure led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Paused {
    pub(crate) for_: Duration,
    /// It was well before: worth telling.
    pub(crate) is_first: bool,
}

impl Pause {
    /// Until when it is passed over, if it is.
    pub(crate) fn until(&self, now: Duration) -> Option<Duration> {
        still_to_come(self.until.load(Relaxed), now)
    }

    /// It answered. True if this is news.
    pub(crate) fn answered(&self) -> bool {
        // Loads only while it is well: a store on every answer would bounce the line between cores.
        if self.broken.load(Relaxed) != 0 {
            self.broken.store(0, Relaxed);
        }
        if self.failures.load(Relaxed) == 0 {
            return false;
        }
        self.until.store(0, Relaxed);
        self.failures.swap(0, Relaxed) != 0
    }

    /// A connection broke.
    pub(crate) fn broke(&self, now: Duration) -> Option<Paused> {
        let broken = self.broken.fetch_add(1, Relaxed).saturating_add(1);
        if broken < BROKEN_IN_A_ROW {
            return None;
        }
        self.failed(now)
    }

    /// No connection could be made.
    pub(crate) fn failed(&self, now: Duration) -> Option<Paused> {
        let until = self.until.load(Relaxed);
        // Several requests that were under way fail at once; only the first of them counts.
        if still_to_come(until, now).is_some() {
            return None;
        }
        let failures = self.failures.load(Relaxed).saturating_add(1);
        let for_ = length(failures);
        self.until
            .compare_exchange(until, millis(now + for_), Relaxed, Relaxed)
            .ok()?;
        let is_first = self.failures.swap(failures, Relaxed) == 0;
        Some(Paused { for_, is_first })
    }
}

fn length(failures: u32) -> Duration {
    let doubled = FIRST_PAUSE.saturating_mul(1 << failures.saturating_sub(1).min(16));
    doubled.min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn a_pause_ends_by_itself_and_an_answer_is_news_once() {
        let pause = Pause::default();
        assert_eq!(pause.until(at(0)), None);
        let paused = pause.failed(at(1000)).expect("the first");
        assert!(paused.is_first);
        assert_eq!(pause.until(at(1499)), Some(at(1500)));
        assert_eq!(pause.until(at(1500)), None);
        assert!(pause.answered(), "recovery is news");
        assert!(!pause.answered(), "once");
    }

    #[test]
    fn pauses_double_up_to_the_longest_and_start_anew_after_an_answer() {
        let pause = Pause::default();
        let mut now = at(0);
        let mut lengths = Vec::new();
        for _ in 0..7 {
            let paused = pause.failed(now).expect("not paused before");
            assert_eq!(paused.is_first, lengths.is_empty());
            now = pause.until(now).expect("passed over");
            lengths.push(paused.for_.as_millis());
        }
        assert_eq!(lengths, [500, 1000, 2000, 4000, 8000, 8000, 8000]);
        pause.answered();
        pause.failed(now);
        assert_eq!(pause.until(now), Some(now + FIRST_PAUSE));
    }

    #[test]
    fn failures_at_the_same_moment_count_once() {
        let pause = Pause::default();
        assert!(pause.failed(at(0)).is_some());
        for _ in 0..50 {
            assert_eq!(pause.failed(at(1)), None);
        }
        assert_eq!(pause.until(at(1)), Some(at(500)));
    }

    #[test]
    fn a_request_that_breaks_connections_does_not_take_the_endpoint_out() {
        let pause = Pause::default();
        for _ in 0..10 {
            for _ in 1..BROKEN_IN_A_ROW {
                assert_eq!(pause.broke(at(0)), None);
            }
            assert!(!pause.answered());
        }
        for _ in 1..BROKEN_IN_A_ROW {
            pause.broke(at(0));
        }
        assert!(pause.broke(at(0)).is_some(), "but many in a row do");
        assert!(pause.until(at(1)).is_some());
    }
}
