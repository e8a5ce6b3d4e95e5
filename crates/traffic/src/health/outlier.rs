//! Ejection: an endpoint whose answers are bad is passed over for a while.
//!
//! It comes back by itself, since without requests it could never prove itself. Each further ejection lasts longer by the
//! first one's length, and each interval without one takes that back (Envoy's outlier detection). Who is
//! ejected is decided in [`Group`](crate::Group): it alone knows how many others are.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use super::{millis, still_to_come};
use crate::policy::Outlier;
use crate::state::Cause;

/// Whether an endpoint is ejected, and what speaks for it.
#[derive(Debug, Default)]
pub(crate) struct Ejection {
    /// Failures in a row.
    failures: AtomicU32,
    /// Milliseconds since the epoch at which the last ejection ends, or ended.
    until: AtomicU64,
    /// How many base lengths the last ejection lasted, less the quiet intervals since.
    times: AtomicU32,
    cause: AtomicU8,
    /// Nobody was told yet that the last ejection is over.
    is_end_untold: AtomicBool,
}

impl Ejection {
    /// Until when it is ejected, if it is.
    pub(crate) fn until(&self, now: Duration) -> Option<Duration> {
        still_to_come(self.until.load(Relaxed), now)
    }

    /// When its last ejection ended, if there was one that did.
    pub(crate) fn ended(&self, now: Duration) -> Option<Duration> {
        let until = self.until.load(Relaxed);
        (until != 0 && until <= millis(now)).then(|| Duration::from_millis(until))
    }

    /// Why it was ejected last.
    pub(crate) fn cause(&self) -> Cause {
        Cause::ALL[usize::from(self.cause.load(Relaxed)) % Cause::ALL.len()]
    }

    /// A good answer.
    pub(crate) fn succeeded(&self) {
        if self.failures.load(Relaxed) != 0 {
            self.failures.store(0, Relaxed);
        }
    }

    /// A failure. True if it is one too many in a row; then counting begins anew, so that an endpoint which may not be ejected
    /// does not ask again with every request.
    pub(crate) fn failed(&self, most: u32) -> bool {
        if most == 0 {
            return false;
        }
        let failures = self.failures.fetch_add(1, Relaxed).saturating_add(1);
        if failures >= most {
            self.failures.store(0, Relaxed);
        }
        failures >= most
    }

    /// Begins an ejection; returns how long it lasts. The caller has made sure that there is none, and that nobody else
    /// begins one.
    pub(crate) fn begin(&self, now: Duration, cause: Cause, policy: &Outlier) -> Duration {
        let times = self.times.load(Relaxed).saturating_add(1);
        let for_ = policy.eject.saturating_mul(times).min(policy.longest);
        // More times than the longest ejection has would only have to be taken back again.
        if for_ < policy.longest {
            self.times.store(times, Relaxed);
        }
        self.failures.store(0, Relaxed);
        self.cause.store(cause as u8, Relaxed);
        self.until.store(millis(now.saturating_add(for_)), Relaxed);
        self.is_end_untold.store(true, Relaxed);
        for_
    }

    /// True once after an ejection has ended.
    pub(crate) fn is_end_news(&self, now: Duration) -> bool {
        self.is_end_untold.load(Relaxed)
            && self.until(now).is_none()
            && self.is_end_untold.swap(false, Relaxed)
    }

    /// An interval has passed. If it was a quiet one the next ejection is shorter.
    pub(crate) fn interval_passed(&self, now: Duration, interval: Duration) {
        let is_quiet = self
            .ended(now)
            .is_some_and(|end| now >= end.saturating_add(interval));
        let times = self.times.load(Relaxed);
        if is_quiet && times > 0 {
            self.times.store(times - 1, Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn ejections_grow_to_the_longest_and_shrink_with_quiet_intervals() {
        let policy = Outlier {
            longest: at(90),
            ..Outlier::default()
        };
        let ejection = Ejection::default();
        let mut now = at(0);
        let eject = |now: &mut Duration| {
            let for_ = ejection.begin(*now, Cause::Latency, &policy);
            *now += for_;
            for_.as_secs()
        };
        let lengths = [(); 5].map(|()| eject(&mut now));
        assert_eq!(lengths, [30, 60, 90, 90, 90]);
        ejection.interval_passed(now, policy.interval);
        assert_eq!(eject(&mut now), 90, "no interval has passed since");
        for _ in 0..2 {
            now += policy.interval;
            ejection.interval_passed(now, policy.interval);
        }
        assert_eq!(eject(&mut now), 30, "all is forgiven");
    }

    #[test]
    fn the_end_is_told_once() {
        let ejection = Ejection::default();
        assert!(!ejection.is_end_news(at(1)));
        ejection.begin(at(1), Cause::SuccessRate, &Outlier::default());
        assert_eq!(ejection.until(at(30)), Some(at(31)));
        assert_eq!(ejection.cause(), Cause::SuccessRate);
        assert!(!ejection.is_end_news(at(30)));
        assert!(ejection.is_end_news(at(31)));
        assert!(!ejection.is_end_news(at(32)));
        assert_eq!(ejection.ended(at(32)), Some(at(31)));
    }

    #[test]
    fn failures_count_in_a_row_only() {
        let ejection = Ejection::default();
        for _ in 0..10 {
            assert!(!ejection.failed(3));
            assert!(!ejection.failed(3));
            ejection.succeeded();
        }
        assert!(!ejection.failed(0), "0 is never");
        ejection.failed(3);
        ejection.failed(3);
        assert!(ejection.failed(3));
    }
}
