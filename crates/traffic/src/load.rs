//! How loaded an endpoint is: requests under way, how long it takes, how often it fails.
//!
//! # Failing fast must not win
//! A server that answers 500 at once is always idle and always quick, so that a balancer which looks at load or latency
//! would send it everything. Therefore each endpoint has a decaying share of failures, and its load counts
//! `1 / (1 - share)²` times: 1.02 times with 1 % failures, 4 times with half, about 4,000 times when it only fails. The share
//! fades when nobody asks, so that the endpoint is tried again, a few times per second at most. A failure does not
//! lower the latency estimate either.
//!
//! # Latency
//! An exponentially weighted moving average by time that jumps up to every peak and comes down slowly (Finagle's peak EWMA;
//! `com.twitter.finagle.loadbalancer.PeakEwma`, decay time 10 s).
//!
//! Updates are a load and a store without a lock: one that is lost between two workers is one sample less. Value and time are
//! packed into one word, so that they are never torn.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use crate::outcome::Outcome;

/// After this long without news an estimate weighs a third (1/e). Finagle's and linkerd's default.
pub(crate) const DECAY: Duration = Duration::from_secs(10);
/// How much one attempt moves the share of failures: ten failures in a row bring it to 0.74.
const STEP: f32 = 1.0 / 8.0;
/// A share below this is none, so that well endpoints need not write it.
const NEGLIGIBLE: f32 = 1.0 / 1024.0;
/// The success share that even an endpoint which only fails is credited with: its load counts at most 64² times.
const LEAST_SUCCESS: f32 = 1.0 / 64.0;
const TICKS_PER_SECOND: u32 = 100_000;

/// Written with every request by every worker: on a cache line of its own.
#[derive(Debug, Default)]
#[repr(align(64))]
pub(crate) struct Load {
    in_flight: AtomicU32,
    latency: Average,
    failing: Average,
}

/// A latency estimate in microseconds; zero if there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Estimate {
    /// As of the last answer.
    pub(crate) raw: f32,
    /// Faded since.
    pub(crate) faded: f32,
}

impl Load {
    #[inline]
    pub(crate) fn in_flight(&self) -> u32 {
        self.in_flight.load(Relaxed)
    }

    pub(crate) fn begin(&self) {
        self.in_flight.fetch_add(1, Relaxed);
    }

    pub(crate) fn end(&self) {
        self.in_flight.fetch_sub(1, Relaxed);
    }

    /// Takes in an attempt.
    pub(crate) fn observe(&self, now: Duration, outcome: Outcome, latency: Duration) {
        let now = ticks(now);
        let micros = (latency.as_secs_f32() * 1e6).max(1.0);
        match outcome {
            Outcome::Answered { is_failure: false } | Outcome::TimedOut => {
                self.latency.observe_peak(now, micros);
            }
            Outcome::Answered { is_failure: true } | Outcome::Broken => {
                let (known, _) = self.latency.get();
                if known > 0.0 && micros > known {
                    self.latency.observe_peak(now, micros);
                }
            }
            Outcome::ConnectFailed => {}
        }
        self.observe_failing(now, outcome.is_failure());
    }

    /// It took at least this long, and was not waited for any longer.
    pub(crate) fn outpaced(&self, now: Duration, waited: Duration) {
        self.latency
            .observe_peak(ticks(now), (waited.as_secs_f32() * 1e6).max(1.0));
    }

    fn observe_failing(&self, now: u32, is_failure: bool) {
        if self.failing.is_unset() && !is_failure {
            return;
        }
        let share = self.failing.faded(now);
        let goal = if is_failure { 1.0 } else { 0.0 };
        let share = share + (goal - share) * STEP;
        self.failing
            .set(if share < NEGLIGIBLE { 0.0 } else { share }, now);
    }

    /// The latency estimate.
    #[inline]
    pub(crate) fn latency(&self, now: Duration) -> Estimate {
        let (raw, stamp) = self.latency.get();
        Estimate {
            raw,
            faded: raw * fading(stamp, ticks(now)),
        }
    }

    /// As of the last answer; zero if there was none.
    pub(crate) fn latency_at_last(&self) -> Duration {
        Duration::from_secs_f32(self.latency.get().0 / 1e6)
    }

    /// By how much its load counts for more because it fails: 1 for one that does not.
    #[inline]
    pub(crate) fn penalty(&self, now: Duration) -> f32 {
        if self.failing.is_unset() {
            return 1.0;
        }
        let success = (1.0 - self.failing.faded(ticks(now))).max(LEAST_SUCCESS);
        1.0 / (success * success)
    }
}

/// A number and the time it is from, in one word.
#[derive(Debug, Default)]
struct Average(AtomicU64);

impl Average {
    fn is_unset(&self) -> bool {
        self.0.load(Relaxed) == 0
    }

    fn get(&self) -> (f32, u32) {
        let word = self.0.load(Relaxed);
        (f32::from_bits((word >> 32) as u32), word as u32)
    }

    fn set(&self, value: f32, now: u32) {
        let stamp = if value == 0.0 { 0 } else { now };
        self.0
            .store(u64::from(value.to_bits()) << 32 | u64::from(stamp), Relaxed);
    }

    fn faded(&self, now: u32) -> f32 {
        let (value, stamp) = self.get();
        value * fading(stamp, now)
    }

    fn observe_peak(&self, now: u32, sample: f32) {
        let (old, stamp) = self.get();
        let keep = fading(stamp, now);
        self.set(sample.max(old * keep + sample * (1.0 - keep)), now);
    }
}

/// What is left of an estimate of `stamp`. Ticks wrap after twelve hours; one that seems to be from the future is as new as
/// can be.
fn fading(stamp: u32, now: u32) -> f32 {
    let elapsed = (now.wrapping_sub(stamp) as i32).max(0);
    (-(elapsed as f32) / (DECAY.as_secs() as f32 * TICKS_PER_SECOND as f32)).exp()
}

fn ticks(time: Duration) -> u32 {
    (time.as_secs() as u32)
        .wrapping_mul(TICKS_PER_SECOND)
        .wrapping_add(time.subsec_nanos() / (1_000_000_000 / TICKS_PER_SECOND))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAILED: Outcome = Outcome::Answered { is_failure: true };

    fn at(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    fn millis(load: &Load) -> f64 {
        load.latency_at_last().as_secs_f64() * 1e3
    }

    #[test]
    fn the_estimate_jumps_to_a_peak_and_comes_down_by_time() {
        let load = Load::default();
        load.observe(at(1.0), Outcome::GOOD, at(0.010));
        assert!((millis(&load) - 10.0).abs() < 0.01);
        load.observe(at(1.0), Outcome::GOOD, at(0.100));
        assert!((millis(&load) - 100.0).abs() < 0.1);
        load.observe(at(11.0), Outcome::GOOD, at(0.010));
        // After the decay time 1/e of the peak is left: 10 + 90/e.
        assert!((millis(&load) - 43.1).abs() < 0.2, "{}", millis(&load));
        assert!((load.latency(at(21.0)).faded / 1e3 - 43.1 * 0.368).abs() < 0.2);
    }

    #[test]
    fn a_fast_failure_does_not_lower_the_estimate_and_a_slow_one_raises_it() {
        let load = Load::default();
        load.observe(at(1.0), FAILED, at(0.001));
        assert_eq!(load.latency(at(1.0)), Estimate::default(), "nothing known");
        load.observe(at(1.0), Outcome::GOOD, at(0.010));
        load.observe(at(50.0), FAILED, at(0.001));
        assert!((millis(&load) - 10.0).abs() < 0.01);
        load.observe(at(50.0), Outcome::TimedOut, at(2.0));
        assert!((millis(&load) - 2000.0).abs() < 1.0);
    }

    #[test]
    fn failures_make_load_count_for_more_until_they_fade() {
        let load = Load::default();
        assert_eq!(load.penalty(at(1.0)), 1.0);
        for _ in 0..100 {
            load.observe(at(1.0), FAILED, at(0.001));
        }
        let worst = load.penalty(at(1.0));
        assert!((4000.0..=4096.0).contains(&worst), "{worst}");
        assert!(
            (2.0..3.0).contains(&load.penalty(at(11.0))),
            "faded by time"
        );
        for _ in 0..200 {
            load.observe(at(1.0), Outcome::GOOD, at(0.001));
        }
        assert_eq!(load.penalty(at(1.0)), 1.0, "forgotten by good answers");
    }

    #[test]
    fn rare_failures_hardly_count() {
        let load = Load::default();
        let mut sum = 0.0;
        for number in 0..10_000 {
            let outcome = if number % 100 == 0 {
                FAILED
            } else {
                Outcome::GOOD
            };
            load.observe(at(1.0), outcome, at(0.001));
            sum += f64::from(load.penalty(at(1.0)));
        }
        assert!(sum / 10_000.0 < 1.03, "{}", sum / 10_000.0);
    }

    #[test]
    fn time_that_wraps_or_goes_back_does_no_harm() {
        let load = Load::default();
        load.observe(at(42_949.0), Outcome::GOOD, at(0.010));
        load.observe(at(42_951.0), Outcome::GOOD, at(0.010));
        load.observe(at(42_950.0), Outcome::GOOD, at(0.005));
        assert!((5.0..=10.1).contains(&millis(&load)), "{}", millis(&load));
    }
}
