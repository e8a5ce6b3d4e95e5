//! A limit that moves with how the service does: additive increase, multiplicative decrease.
//!
//! # The idea
//! The rate of every key is multiplied by one share, between a least one and 1. Once per interval it is looked at what came back:
//! if too many failed, or took longer than they should on average, the share is multiplied by 0.7; else it grows by a twentieth
//! of its range. That is AIMD (Chiu and Jain 1989): whoever shares a bottleneck ends up with the same share of it, and it is found
//! again after it has moved. Growing by addition takes 20 intervals from the least share to the whole.
//!
//! # The trade-off
//! It protects the service from what its clients ask for, evenly. It does not know its capacity: that is what adaptive concurrency
//! of an upstream is for. Intervals in which less than [`LEAST`] responses came say nothing, and let the share grow.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicU64, Ordering::AcqRel};
use std::time::Duration;

use super::QuotaError;

/// Responses in an interval below which their share of failures says nothing.
const LEAST: u64 = 10;
/// What is left of the share after a bad interval. 0.7 recovers faster than TCP's 0.5, and still sheds a threefold overload in four
/// intervals.
const DECREASE: f64 = 0.7;
/// Of the range, after a good one.
const INCREASE: f64 = 0.05;

/// When a limit is lowered and raised.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdaptivePolicy {
    /// The least share of the rate, above 0 and at most 1.
    pub least: f64,
    /// The share of failures above which it is lowered, 0 to 1.
    pub failures: f64,
    /// The average latency above which it is lowered; `None`: whatever it is.
    pub latency: Option<Duration>,
    /// How often it is looked at.
    pub interval: Duration,
}

impl Default for AdaptivePolicy {
    /// At least a tenth, 5 % of failures, any latency, once a second.
    fn default() -> Self {
        Self {
            least: 0.1,
            failures: 0.05,
            latency: None,
            interval: Duration::from_secs(1),
        }
    }
}

impl AdaptivePolicy {
    pub(super) fn check(&self) -> Result<(), QuotaError> {
        let is_good = self.least > 0.0
            && self.least <= 1.0
            && (0.0..=1.0).contains(&self.failures)
            && !self.interval.is_zero()
            && self.latency.is_none_or(|latency| !latency.is_zero());
        is_good.then_some(()).ok_or(QuotaError::Adaptive)
    }
}

/// The share that all keys of a limit have at the moment.
#[derive(Debug)]
pub struct Adaptive {
    policy: AdaptivePolicy,
    /// Bits of an `f64`.
    share: AtomicU64,
    /// When the interval ends, in nanoseconds; zero before the first response.
    until: AtomicU64,
    responses: AtomicU64,
    failures: AtomicU64,
    micros: AtomicU64,
}

impl Adaptive {
    /// The whole rate, until something is observed.
    #[must_use]
    pub fn new(policy: AdaptivePolicy) -> Self {
        Self {
            policy,
            share: AtomicU64::new(1.0_f64.to_bits()),
            until: AtomicU64::new(0),
            responses: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            micros: AtomicU64::new(0),
        }
    }

    /// The share of the rate that holds now.
    #[must_use]
    pub fn share(&self) -> f64 {
        f64::from_bits(self.share.load(Relaxed))
    }

    /// Takes in a response.
    pub fn observe(&self, now: Duration, is_failure: bool, latency: Duration) {
        self.responses.fetch_add(1, Relaxed);
        if is_failure {
            self.failures.fetch_add(1, Relaxed);
        }
        let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX >> 20);
        self.micros.fetch_add(micros, Relaxed);
        let now = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
        let until = self.until.load(Relaxed);
        if now < until {
            return;
        }
        let interval = u64::try_from(self.policy.interval.as_nanos()).unwrap_or(u64::MAX);
        // One of the threads ends the interval.
        let next = now.saturating_add(interval);
        if self
            .until
            .compare_exchange(until, next, AcqRel, Relaxed)
            .is_ok()
            && until > 0
        {
            self.end_interval(now.saturating_sub(until) / interval.max(1));
        }
    }

    /// Moves the share by what was observed, and by the intervals in which nothing was.
    fn end_interval(&self, silent: u64) {
        let responses = self.responses.swap(0, Relaxed);
        let failures = self.failures.swap(0, Relaxed);
        let micros = self.micros.swap(0, Relaxed);
        let AdaptivePolicy { least, latency, .. } = self.policy;
        let failing = failures as f64 / responses.max(1) as f64;
        let average = Duration::from_micros(micros / responses.max(1));
        let is_bad = responses >= LEAST
            && (failing > self.policy.failures || latency.is_some_and(|most| average > most));
        let step = (1.0 - least) * INCREASE;
        let moved = match is_bad {
            true => self.share() * DECREASE,
            false => self.share() + step,
        };
        let share = (moved + step * silent as f64).clamp(least, 1.0);
        self.share.store(share.to_bits(), Relaxed);
    }
}
