//! How many requests of one key may be under way.
//!
//! The word is a count, with half of the key's hash beside it: a count alone would look the same for the key that had the place
//! before, and a release could reach the wrong one.

use std::time::Duration;

use super::{Key, Limiter, Quota, Verdict};

const COUNT_MASK: u64 = (1 << 32) - 1;

/// Most at once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Concurrency {
    most: u64,
}

impl Concurrency {
    pub(super) fn new(quota: &Quota) -> Self {
        Self { most: quota.burst }
    }

    pub(super) fn decide(&self, state: u64, hash: u64, cost: u64) -> (Option<u64>, Verdict) {
        let used = under_way(state);
        // A cost may be anything.
        if used.saturating_add(cost) > self.most {
            let retry_after = match cost > self.most {
                true => Duration::MAX,
                false => Duration::ZERO,
            };
            return (None, Verdict::Refused { retry_after });
        }
        let verdict = Verdict::Allowed {
            remaining: self.most - used - cost,
            reset: Duration::ZERO,
        };
        (Some(mark(hash) | (used + cost)), verdict)
    }
}

/// The state after `cost` have ended.
pub(super) fn release(state: u64, hash: u64, cost: u64) -> u64 {
    match state & !COUNT_MASK == mark(hash) {
        true => mark(hash) | under_way(state).saturating_sub(cost),
        false => state,
    }
}

/// How many are under way.
pub(super) fn under_way(state: u64) -> u64 {
    state & COUNT_MASK
}

fn mark(hash: u64) -> u64 {
    // The largest mark is left out, so that no state is the table's mark of a locked place.
    (hash << 32).min(u64::MAX << 33)
}

/// A request that is under way, until it is dropped.
#[derive(Debug)]
pub struct Permit<'l> {
    limiter: &'l Limiter,
    key: Key,
    cost: u64,
}

impl<'l> Permit<'l> {
    pub(super) fn new(limiter: &'l Limiter, key: Key, cost: u64) -> Self {
        Self { limiter, key, cost }
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.limiter.leave(self.key, self.cost);
    }
}
