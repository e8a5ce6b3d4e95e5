//! Whether an endpoint takes part.
//!
//! Judges, each with a state of its own, and all of them must agree: a [`Pause`](pause::Pause) after connections that
//! fail, an [`Ejection`](outlier::Ejection) after answers that are bad, [`Probes`](probe::Probes) that ask on their own,
//! a [`Breaker`](crate::resilience::breaker::Breaker) if the upstream has one.
//! None overrules another: a probe that succeeds does not end an ejection, since it may ask for less than the
//! requests that failed did.

pub(crate) mod interval;
pub(crate) mod outlier;
pub(crate) mod panic;
pub(crate) mod pause;
pub(crate) mod peers;
pub(crate) mod probe;
pub(crate) mod slow_start;

use std::time::Duration;

use crate::resilience::breaker;

/// What the judges say at a moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Standing {
    pub(crate) is_draining: bool,
    pub(crate) is_down: bool,
    pub(crate) ejected_until: Option<Duration>,
    pub(crate) paused_until: Option<Duration>,
    pub(crate) breaker: breaker::State,
}

impl Standing {
    /// Nothing speaks against it.
    pub(crate) fn is_well(&self) -> bool {
        !self.is_draining
            && !self.is_down
            && self.ejected_until.is_none()
            && self.paused_until.is_none()
            && self.may_pass()
    }

    /// It takes part when too few others do: it may answer badly, but it can be reached.
    pub(crate) fn helps_in_panic(&self) -> bool {
        !self.is_draining && self.paused_until.is_none() && self.may_pass()
    }

    /// Its breaker lets requests through, if only as trials. One that is open is never overruled, not even in a panic.
    pub(crate) fn may_pass(&self) -> bool {
        match self.breaker {
            breaker::State::Closed => true,
            breaker::State::Open { .. } => false,
            breaker::State::HalfOpen { has_room } => has_room,
        }
    }

    fn open_until(&self) -> Option<Duration> {
        match self.breaker {
            breaker::State::Open { until } => Some(until),
            _ => None,
        }
    }

    /// When time alone changes this.
    pub(crate) fn next_change(&self) -> Option<Duration> {
        let all = [self.ejected_until, self.paused_until, self.open_until()];
        all.into_iter().flatten().min()
    }

    /// When it takes part again as far as is known: that of probes is not.
    pub(crate) fn back_at(&self) -> Duration {
        if self.is_down {
            return Duration::MAX;
        }
        let zero = Duration::ZERO;
        self.ejected_until
            .unwrap_or(zero)
            .max(self.paused_until.unwrap_or(zero))
    }
}

/// Moments are kept as whole milliseconds in atomics; 0 means none.
pub(crate) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1)
}

/// The moment, if it is still to come.
pub(crate) fn still_to_come(until: u64, now: Duration) -> Option<Duration> {
    // Well endpoints have 0 here, so that the common case compares with a constant.
    (until != 0 && until > millis(now)).then(|| Duration::from_millis(until))
}
