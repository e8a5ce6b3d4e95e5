//! The token bucket as GCRA: a bucket is a moment.
//!
//! Instead of tokens and the time of their last count, one number is kept: the *theoretical arrival time* at which the bucket
//! would be full again. A request moves it by its cost times the interval; it is allowed while that moment is no further away
//! than the burst takes to fill. There is nothing to refill and no timer, one word can be changed in one step, and a moment that
//! has passed says the same as no memory at all: a key that is idle needs no entry.

use super::{LONGEST, Quota, Verdict, time};

/// A bucket's measures, in ticks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct TokenBucket {
    /// Between two requests at the rate.
    interval: u64,
    /// How many at once.
    burst: u64,
}

impl TokenBucket {
    pub(super) fn new(quota: &Quota) -> Self {
        Self {
            interval: quota.rate.interval(),
            burst: quota.burst,
        }
    }

    /// The same at a share of the rate.
    pub(super) fn at(self, share: f64) -> Self {
        let interval = (self.interval as f64 / share) as u64;
        Self {
            // The burst may not take so long that it overflows.
            interval: interval.min(LONGEST / self.burst.max(1)).max(1),
            burst: self.burst,
        }
    }

    /// What is decided at `now`, and the next state if the request counts.
    #[inline]
    pub(super) fn decide(&self, state: u64, now: u64, cost: u64) -> (Option<u64>, Verdict) {
        if cost > self.burst {
            let retry_after = std::time::Duration::MAX;
            return (None, Verdict::Refused { retry_after });
        }
        let depth = self.interval * self.burst;
        // A state of a larger burst, before a reload, counts as an empty bucket.
        let next = state.clamp(now, now.saturating_add(depth)) + self.interval * cost;
        let debt = next - now;
        if debt > depth {
            let retry_after = time(debt - depth);
            return (None, Verdict::Refused { retry_after });
        }
        let verdict = Verdict::Allowed {
            remaining: (depth - debt) / self.interval,
            reset: time(debt),
        };
        (Some(next), verdict)
    }

    /// The state after a charge is taken back.
    pub(super) fn give_back(&self, state: u64, cost: u64) -> u64 {
        state.saturating_sub(self.interval.saturating_mul(cost))
    }

    /// Charges whatever is there, but no deeper than empty.
    pub(super) fn charge(&self, state: u64, now: u64, cost: u64) -> u64 {
        let empty = now.saturating_add(self.interval * self.burst);
        let next = state
            .max(now)
            .saturating_add(self.interval.saturating_mul(cost));
        next.min(empty)
    }
}

/// How much of the past a state still holds: zero for one that may be forgotten.
#[inline]
pub(super) fn debt(state: u64, now: u64) -> u64 {
    state.saturating_sub(now)
}
