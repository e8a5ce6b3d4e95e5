//! The sliding window as two counters: this window's, and the share of the last one's that still lies within reach.
//!
//! # The error
//! The share assumes that the last window's requests were spread evenly. If they were, the count is exact; Cloudflare found
//! 0.003 % of real requests decided wrongly. Who times its requests (all at the end of one window, and as many as the share
//! lets go throughout the next) can get up to twice the limit within *some* window, never more than the limit within an aligned
//! one, and never more than the limit per window over time. Up to [`MOST_LOGGED`](super::MOST_LOGGED) the window is exact instead ([`log`](super::log)).
//!
//! # The word
//! 24 bits of the window's number, 20 of the last count, 20 of this one's.

use std::time::Duration;

use super::{Quota, Verdict, ticks, time};

const COUNT_BITS: u32 = 20;
const COUNT_MASK: u64 = (1 << COUNT_BITS) - 1;
const NUMBER_MASK: u64 = (1 << 24) - 1;
/// A state that seems to be up to so many windows ahead is one, and whoever sees it so is late. Further ahead it is a very old one.
const MOST_LATE: u64 = 1 << 10;

/// A window's measures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct SlidingWindow {
    /// Most requests in a window.
    limit: u64,
    /// Its length in ticks.
    window: u64,
}

/// A state taken apart, as of now.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Counts {
    number: u64,
    last: u64,
    this: u64,
    /// Since the window began.
    elapsed: u64,
}

impl SlidingWindow {
    pub(super) fn new(quota: &Quota) -> Self {
        Self {
            limit: quota.rate.count,
            window: ticks(quota.rate.per).max(1),
        }
    }

    fn counts(&self, state: u64, now: u64) -> Counts {
        let number = (now / self.window) & NUMBER_MASK;
        let (last, this) = ((state >> COUNT_BITS) & COUNT_MASK, state & COUNT_MASK);
        let age = number.wrapping_sub(state >> (2 * COUNT_BITS)) & NUMBER_MASK;
        let (last, this) = match age {
            0 => (last, this),
            1 => (this, 0),
            // Time that goes back by a little is still that window: else whoever is late would wipe out what others have counted.
            age if age > NUMBER_MASK - MOST_LATE => {
                return Counts {
                    number: state >> (2 * COUNT_BITS),
                    last,
                    this,
                    elapsed: 0,
                };
            }
            _ => (0, 0),
        };
        Counts {
            number,
            last,
            this,
            elapsed: now % self.window,
        }
    }

    /// What `count` of the last window still counts for after `elapsed`, rounded up.
    fn share(&self, count: u64, elapsed: u64) -> u64 {
        let left = u128::from(self.window - elapsed);
        let share = (u128::from(count) * left).div_ceil(u128::from(self.window));
        share as u64
    }

    /// After how much of a window a last count has sunk to `wanted`.
    fn sunk(&self, count: u64, wanted: u64) -> u64 {
        if count <= wanted {
            return 0;
        }
        let left = u128::from(wanted) * u128::from(self.window) / u128::from(count);
        self.window - left as u64
    }

    /// What is decided at `now`, and the next state if the request counts.
    pub(super) fn decide(&self, state: u64, now: u64, cost: u64) -> (Option<u64>, Verdict) {
        let counts = self.counts(state, now);
        let used = counts.this + self.share(counts.last, counts.elapsed);
        let rest = self.window - counts.elapsed;
        if cost > self.limit {
            let retry_after = Duration::MAX;
            return (None, Verdict::Refused { retry_after });
        }
        if used + cost > self.limit {
            let wait = match self.limit.checked_sub(counts.this + cost) {
                Some(room) => self.sunk(counts.last, room) - counts.elapsed,
                None => rest + self.sunk(counts.this, self.limit - cost),
            };
            let retry_after = time(wait);
            return (None, Verdict::Refused { retry_after });
        }
        let this = counts.this + cost;
        let verdict = Verdict::Allowed {
            remaining: self.limit - used - cost,
            reset: time(rest + self.window),
        };
        (Some(pack(counts.number, counts.last, this)), verdict)
    }

    /// The state after a charge is taken back that was made at `now`, or not long before.
    pub(super) fn give_back(&self, state: u64, now: u64, cost: u64) -> u64 {
        let number = state >> (2 * COUNT_BITS);
        let (last, this) = ((state >> COUNT_BITS) & COUNT_MASK, state & COUNT_MASK);
        let ahead = number.wrapping_sub(now / self.window) & NUMBER_MASK;
        let from_this = match ahead {
            1 => 0,
            // It has left the window that counts, and the one before.
            2..=MOST_LATE => return state,
            // Nothing was charged since the state's window: so it was in that one, or the one before.
            _ => cost.min(this),
        };
        let from_last = (cost - from_this).min(last);
        pack(number, last - from_last, this - from_this)
    }

    /// Charges whatever is there, up to the limit.
    pub(super) fn charge(&self, state: u64, now: u64, cost: u64) -> u64 {
        let counts = self.counts(state, now);
        pack(
            counts.number,
            counts.last,
            counts.this.saturating_add(cost).min(self.limit),
        )
    }

    /// How much of the past a state still holds.
    pub(super) fn debt(&self, state: u64, now: u64) -> u64 {
        let counts = self.counts(state, now);
        counts.this + self.share(counts.last, counts.elapsed)
    }
}

fn pack(number: u64, last: u64, this: u64) -> u64 {
    number << (2 * COUNT_BITS) | last << COUNT_BITS | this
}
