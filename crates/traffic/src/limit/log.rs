//! The exact sliding window: the times of all requests that it holds, for small limits.
//!
//! Eight keys share a set, its lock, and a piece of memory with as many times per key as the limit allows: a ring, of which the
//! oldest time is the one that the next request replaces, if it has left the window. What cannot fit into one word needs the
//! lock; it is held for some tens of nanoseconds, and only by requests of the same eight keys.
//!
//! A full set forgets the key with the smallest count, as [`table`](super::table) does, and for the same reason.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::table::WAYS;
use super::{Quota, Verdict, ticks, time};

/// The largest limit whose window is exact: 264 bytes per key.
pub const MOST_LOGGED: u64 = 32;

/// What is remembered, for all tiers: rings are as long as the largest limit.
pub(super) struct Logs {
    sets: Box<[Mutex<Set>]>,
    /// Times per key.
    length: usize,
    forgotten: AtomicUsize,
}

#[derive(Default)]
struct Set {
    /// Zero: empty.
    hashes: [u64; WAYS],
    /// The rings of all keys, one behind the other. Made with the first key. A time of zero counts for nothing.
    times: Box<[u64]>,
}

/// A window's measures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct ExactWindow {
    limit: usize,
    window: u64,
}

impl ExactWindow {
    pub(super) fn new(quota: &Quota) -> Self {
        Self {
            limit: quota.rate.count as usize,
            window: ticks(quota.rate.per).max(1),
        }
    }

    /// The earliest moment that counts is the one after this.
    pub(super) fn horizon(&self, now: u64) -> u64 {
        now.saturating_sub(self.window)
    }
}

impl Logs {
    pub(super) fn new(max_keys: usize, longest: u64) -> Self {
        let sets = (max_keys / WAYS).max(1);
        Self {
            sets: (0..sets).map(|_| Mutex::default()).collect(),
            length: longest as usize,
            forgotten: AtomicUsize::new(0),
        }
    }

    /// What is decided at `now`; counted if it is allowed and `counts`.
    pub(super) fn decide(
        &self,
        hash: u64,
        window: ExactWindow,
        now: u64,
        cost: u64,
        counts: bool,
    ) -> Verdict {
        if cost > window.limit as u64 {
            let retry_after = Duration::MAX;
            return Verdict::Refused { retry_after };
        }
        // Zero means nothing, so that time begins with 1.
        let (now, cost) = (now.max(1), cost as usize);
        let mut set = self.set(hash);
        let place = set.find(hash);
        let place = match place {
            Some(place) => place,
            None if counts => {
                let place = set.make_room(self.length, window.horizon(now), &self.forgotten);
                set.hashes[place] = hash;
                place
            }
            None => {
                return Verdict::Allowed {
                    remaining: window.limit as u64,
                    reset: Duration::ZERO,
                };
            }
        };
        let ring = set.ring(place, self.length);
        // Newest first: what counts is a beginning of it.
        let horizon = window.horizon(now);
        let used = ring.partition_point(|at| *at > horizon);
        if used + cost > window.limit {
            // When so many of the oldest have left that there is room.
            let blocking = ring[window.limit - cost];
            let retry_after = time((blocking + window.window).saturating_sub(now));
            return Verdict::Refused { retry_after };
        }
        if counts {
            ring.copy_within(..self.length - cost, cost);
            // Should the clock of another thread be behind, the order still holds.
            let newest = ring.get(cost).copied().unwrap_or_default().max(now);
            ring[..cost].fill(newest);
        }
        let newest = ring.first().copied().unwrap_or_default();
        Verdict::Allowed {
            remaining: (window.limit - used - if counts { cost } else { 0 }) as u64,
            reset: time((newest + window.window).saturating_sub(now)),
        }
    }

    /// Takes the newest times of a key back.
    pub(super) fn give_back(&self, hash: u64, cost: u64) {
        let mut set = self.set(hash);
        if let Some(place) = set.find(hash) {
            let ring = set.ring(place, self.length);
            let cost = (cost as usize).min(ring.len());
            ring.copy_within(cost.., 0);
            let length = ring.len();
            ring[length - cost..].fill(0);
        }
    }

    /// How many keys have a time behind `horizon`.
    pub(super) fn count(&self, horizon: u64) -> usize {
        let of = |set: &Mutex<Set>| {
            let set = lock(set);
            let rings = set.times.chunks(self.length.max(1));
            rings.filter(|ring| ring[0] > horizon).count()
        };
        self.sets.iter().map(of).sum()
    }

    pub(super) fn forgotten(&self) -> usize {
        self.forgotten.load(Relaxed)
    }

    pub(super) fn capacity(&self) -> usize {
        self.sets.len() * WAYS
    }

    /// Bytes of memory when every set has had a key.
    pub(super) fn bytes(&self) -> usize {
        let times = WAYS * self.length * size_of::<u64>();
        self.sets.len() * (size_of::<Mutex<Set>>() + times)
    }

    fn set(&self, hash: u64) -> MutexGuard<'_, Set> {
        let index = (u128::from(hash) * self.sets.len() as u128) >> 64;
        lock(&self.sets[index as usize])
    }
}

fn lock(set: &Mutex<Set>) -> MutexGuard<'_, Set> {
    // Nothing in there panics half way.
    set.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Set {
    fn find(&self, hash: u64) -> Option<usize> {
        self.hashes.iter().position(|other| *other == hash)
    }

    fn ring(&mut self, place: usize, length: usize) -> &mut [u64] {
        &mut self.times[place * length..(place + 1) * length]
    }

    /// A place whose ring is empty.
    fn make_room(&mut self, length: usize, horizon: u64, forgotten: &AtomicUsize) -> usize {
        if self.times.is_empty() {
            self.times = vec![0; WAYS * length].into();
        }
        let used = |place: usize| {
            let ring = &self.times[place * length..(place + 1) * length];
            ring.partition_point(|at| *at > horizon)
        };
        let rank = |place: &usize| (used(*place), self.hashes[*place] != 0);
        let place = (0..WAYS).min_by_key(rank).unwrap_or_default();
        if used(place) > 0 {
            forgotten.fetch_add(1, Relaxed);
        }
        self.ring(place, length).fill(0);
        place
    }
}
