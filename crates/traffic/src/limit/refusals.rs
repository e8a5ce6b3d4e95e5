//! Refusals that are remembered, so that who counts elsewhere is not asked again before it could say anything else.

use std::time::Duration;

use super::table::Table;
use super::token_bucket::debt;
use super::{Key, ticks, time};

/// Who was refused, and until when. As much memory as a limiter's: 16 bytes per key.
pub struct Refusals {
    table: Table,
}

impl Refusals {
    /// Of at most so many keys (at least eight); of more, the one that ends soonest is forgotten.
    #[must_use]
    pub fn new(max_keys: usize) -> Self {
        Self {
            table: Table::new(max_keys),
        }
    }

    /// For how much longer a request of this cost is refused. One of another cost is another matter.
    #[must_use]
    pub fn rest(&self, now: Duration, key: Key, cost: u64) -> Option<Duration> {
        let state = self.table.get(place(key, cost))?;
        let rest = debt(state, ticks(now));
        (rest > 0).then(|| time(rest))
    }

    /// Remembers a refusal.
    pub fn remember(&self, now: Duration, key: Key, cost: u64, length: Duration) {
        let now = ticks(now);
        let until = now.saturating_add(ticks(length)).min(u64::MAX - 1);
        let debt = |state| debt(state, now);
        self.table
            .update(place(key, cost), debt, |_| (Some(until), ()));
    }
}

impl std::fmt::Debug for Refusals {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Refusals").finish_non_exhaustive()
    }
}

/// Costs are told apart: who cannot have five may have one.
fn place(key: Key, cost: u64) -> u64 {
    key.hash
        .wrapping_add(cost.wrapping_mul(0x9E37_79B9_7F4A_7C15))
        .max(1)
}
