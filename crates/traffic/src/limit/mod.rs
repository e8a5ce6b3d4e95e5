//! How much of something one client may have: rates and requests under way, per key.
//!
//! # The problem
//! One greedy client must not use up what is there for all. Who a client is, is a question of keys: an address, a header, an
//! account. There may be millions of them, chosen by whoever attacks, and each request has to be decided in some tens of
//! nanoseconds by threads that share what they know.
//!
//! # The idea
//! What has to be remembered of a key fits into one word for every algorithm but one: the token bucket is GCRA (a *time*, see
//! `token_bucket.rs`), the sliding window two counters and the window's number, concurrency a count. So a key is 16
//! bytes in a table without locks (`table.rs`), and a decision is one compare-and-swap. The exact window of a small
//! limit keeps the times themselves, behind a small lock of its own.
//!
//! # The trade-off
//! The table is bounded. When a set of it is full of keys that all count, the one with the smallest debt is forgotten, and starts
//! anew. What that gives away is bounded by that debt, and whoever floods the table with keys that were seen once forgets those
//! first, and not itself: see `table.rs`.
//!
//! Sources: ITU-T I.371 annex A (GCRA); Brandur Leach, "Rate Limiting, Cells, and GCRA" (2015); Cloudflare, "How we built rate
//! limiting capable of scaling to millions of domains" (2017, the weighted window); Chiu and Jain 1989 (AIMD).

mod adaptive;
mod concurrency;
mod key;
mod limiter;
mod log;
mod quota;
mod refusals;
mod sliding_window;
mod table;
mod token_bucket;

#[cfg(test)]
mod tests;

use std::time::Duration;

pub use adaptive::{Adaptive, AdaptivePolicy};
pub use concurrency::Permit;
pub use key::{Key, KeyBuilder};
pub use limiter::{Algorithm, Limiter, Settings};
pub use log::MOST_LOGGED;
pub use quota::{MOST_BURST, MOST_IN_WINDOW, MOST_PER_SECOND, Quota, QuotaError, Rate};
pub use refusals::Refusals;

/// What is decided about a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may go on, and has been counted.
    Allowed {
        /// How many more of cost 1 would be allowed at this moment.
        remaining: u64,
        /// Until all of the quota is there again, if nothing else comes.
        reset: Duration,
    },
    /// It may not, and has not been counted.
    Refused {
        /// When one of the same cost would be allowed, if nothing else comes; [`Duration::MAX`] for one that costs more than the
        /// whole quota. Zero for concurrency: whenever another one ends.
        retry_after: Duration,
    },
}

impl Verdict {
    /// True if it may go on.
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        matches!(self, Self::Allowed { .. })
    }
}

/// Units of time within a nanosecond, so that the interval of a high rate is exact to 0.13 %. A word lasts for 146 years: also where
/// `now` is counted from 1970.
const TICKS_PER_NANO: u64 = 4;

/// The latest moment: what is added to it (a bucket that fills, a window) still fits into a word. 109 years.
const LATEST: u64 = u64::MAX / 4 * 3;

/// The longest that a bucket may take to fill, whatever becomes of its rate: 9 years.
const LONGEST: u64 = u64::MAX / 16;

/// A moment or a length of time in ticks; what does not fit is as long as can be.
#[inline]
fn ticks(time: Duration) -> u64 {
    let nanos = time
        .as_secs()
        .saturating_mul(1_000_000_000)
        .saturating_add(u64::from(time.subsec_nanos()));
    nanos.saturating_mul(TICKS_PER_NANO).min(LATEST)
}

#[inline]
fn time(ticks: u64) -> Duration {
    Duration::from_nanos(ticks / TICKS_PER_NANO)
}
