//! When a name is looked up again, and what is said about it when that fails.

use std::time::Duration;

use super::known::Trouble;
use crate::control::jitter::jittered;

/// However short its time to live is, a name is asked for once a second: 0 means "do not cache", not "ask without a pause".
const SHORTEST: Duration = Duration::from_secs(1);
/// However long its time to live is: a mistake with a time to live of a day would else last a day.
const LONGEST: Duration = Duration::from_secs(300);
/// The longest pause between two attempts of which the first failed.
const LONGEST_BACK_OFF: Duration = Duration::from_secs(30);

/// The rhythm of one name's look-ups.
#[derive(Debug, Default)]
pub(super) struct Pace {
    failures: u32,
    rng: fastrand::Rng,
}

impl Pace {
    /// After an answer that holds for `ttl` seconds.
    pub(super) fn after_answer(&mut self, ttl: u32) -> Duration {
        self.failures = 0;
        let pause = Duration::from_secs(u64::from(ttl)).clamp(SHORTEST, LONGEST);
        jittered(pause, &mut self.rng).max(SHORTEST)
    }

    /// After a failure: 1 s, 2 s, 4 s … 30 s.
    pub(super) fn after_failure(&mut self) -> Duration {
        let doublings = self.failures.min(5);
        self.failures = self.failures.saturating_add(1);
        let pause = (SHORTEST * 2_u32.pow(doublings)).min(LONGEST_BACK_OFF);
        jittered(pause, &mut self.rng)
    }
}

/// Says once that a name cannot be looked up, and once that it can again.
#[derive(Debug)]
pub(super) struct Outage {
    upstream: String,
    name: String,
    is_on: bool,
}

impl Outage {
    pub(super) fn new(upstream: &str, name: &str) -> Self {
        Self {
            upstream: upstream.to_owned(),
            name: name.to_owned(),
            is_on: false,
        }
    }

    /// A look-up failed; so many addresses or servers of an earlier one are kept.
    pub(super) fn begin(&mut self, trouble: &Trouble, kept: usize) {
        let Self { upstream, name, .. } = self;
        if std::mem::replace(&mut self.is_on, true) {
            tracing::debug!(%upstream, %name, error = %trouble, kept, "still cannot be looked up");
        } else if kept == 0 {
            tracing::warn!(%upstream, %name, error = %trouble, "a name cannot be looked up: it has no servers until it can");
        } else {
            tracing::warn!(%upstream, %name, error = %trouble, kept, "a name cannot be looked up: what it had is kept");
        }
    }

    /// A look-up succeeded.
    pub(super) fn end(&mut self) {
        if std::mem::replace(&mut self.is_on, false) {
            tracing::info!(upstream = %self.upstream, name = %self.name, "a name can be looked up again");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_about(pause: Duration, seconds: f64) -> bool {
        (0.899 * seconds..1.101 * seconds).contains(&pause.as_secs_f64())
    }

    #[test]
    fn the_time_to_live_is_honoured_within_limits() {
        let mut pace = Pace::default();
        for _ in 0..100 {
            assert!(is_about(pace.after_answer(60), 60.0));
            assert!(is_about(pace.after_answer(86_400), 300.0));
            assert!(is_about(pace.after_answer(u32::MAX), 300.0));
            for ttl in [0, 1] {
                let pause = pace.after_answer(ttl);
                assert!(pause >= SHORTEST && is_about(pause, 1.0));
            }
        }
    }

    #[test]
    fn failures_are_tried_again_less_and_less_often() {
        let mut pace = Pace::default();
        for seconds in [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0] {
            assert!(is_about(pace.after_failure(), seconds));
        }
        pace.after_answer(1);
        assert!(is_about(pace.after_failure(), 1.0));
        pace.failures = u32::MAX - 1;
        assert!(is_about(pace.after_failure(), 30.0));
    }
}
