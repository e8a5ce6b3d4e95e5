//! The exact sliding window: the times of all requests that it holds, for small limits.
//!
//! Eight keys share a set, its lock, and a piece of memory with as many times per key as the limit allows: a ring, of which the
//! oldest time is the one that the next request replaces, if it has left the window. What cannot fit into one word needs the
//! lock; it is held for some tens of nanoseconds, and only by requests of the same eight keys. With many clients what costs is memory that
//! is in no cache: two lines of the set, and of the ring one if the request is refused, all of it if it is counted.
//!
//! A full set forgets the key with the smallest count, as [`table`](super::table) does, and for the same reason.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::table::WAYS;
use super::{Key, Quota, Verdict, ticks, time};

/// The largest limit whose window is exact: 272 bytes per key.
pub const MOST_LOGGED: u64 = 32;

/// What is remembered, for all tiers: rings are as long as the largest limit.
pub(super) struct Logs {
    sets: Box<[Aligned]>,
    /// Times per key.
    length: usize,
    forgotten: AtomicUsize,
}

/// Two cache lines that are fetched together, where a set of 120 bytes would lie on up to three.
#[derive(Default)]
#[repr(align(128))]
struct Aligned(Mutex<Set>);

#[derive(Default)]
struct Set {
    /// Zero: empty.
    hashes: [u64; WAYS],
    /// Of the keys: how long a time counts is a question of the tier.
    tiers: [u32; WAYS],
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
    fn horizon(&self, now: u64) -> u64 {
        now.saturating_sub(self.window)
    }

    /// How many times of a ring count: newest first, they are a beginning of it.
    fn used(&self, ring: &[u64], now: u64) -> usize {
        let horizon = self.horizon(now);
        ring.partition_point(|at| *at > horizon)
    }

    /// What is to be said at `now` about a request of a cost of at most the limit.
    fn judge(&self, ring: &[u64], now: u64, cost: usize) -> Verdict {
        // When so many of the oldest have left that there is room. Of a ring of some cache lines a refusal needs to look at no other.
        let blocking = (cost > 0).then(|| ring[self.limit - cost]);
        if let Some(blocking) = blocking.filter(|at| *at > self.horizon(now)) {
            let retry_after = time((blocking + self.window).saturating_sub(now));
            return Verdict::Refused { retry_after };
        }
        let newest = match cost {
            0 => ring[0],
            _ => ring[0].max(now),
        };
        Verdict::Allowed {
            remaining: (self.limit.saturating_sub(self.used(ring, now) + cost)) as u64,
            reset: time((newest + self.window).saturating_sub(now)),
        }
    }
}

impl Logs {
    pub(super) fn new(max_keys: usize, longest: u64) -> Self {
        let sets = (max_keys / WAYS).max(1);
        Self {
            sets: (0..sets).map(|_| Aligned::default()).collect(),
            length: longest as usize,
            forgotten: AtomicUsize::new(0),
        }
    }

    /// What is decided at `now`; counted if it is allowed.
    pub(super) fn decide(&self, tiers: &[ExactWindow], key: Key, now: u64, cost: u64) -> Verdict {
        let window = tiers[key.tier()];
        if cost > window.limit as u64 {
            let retry_after = Duration::MAX;
            return Verdict::Refused { retry_after };
        }
        // Zero means nothing, so that time begins with 1.
        let (now, cost) = (now.max(1), cost as usize);
        let mut set = self.set(key.hash);
        let place = match set.find(key.hash) {
            Some(place) => place,
            None => {
                let place = set.make_room(self.length, tiers, now, &self.forgotten);
                (set.hashes[place], set.tiers[place]) = (key.hash, key.tier);
                place
            }
        };
        let ring = set.ring(place, self.length);
        let verdict = window.judge(ring, now, cost);
        if verdict.is_allowed() {
            ring.copy_within(..self.length - cost, cost);
            // Should the clock of another thread be behind, the order still holds.
            let newest = ring.get(cost).copied().unwrap_or_default().max(now);
            ring[..cost].fill(newest);
        }
        verdict
    }

    /// What would be decided.
    pub(super) fn look(&self, tiers: &[ExactWindow], key: Key, now: u64, cost: u64) -> Verdict {
        let window = tiers[key.tier()];
        if cost > window.limit as u64 {
            let retry_after = Duration::MAX;
            return Verdict::Refused { retry_after };
        }
        let (now, cost) = (now.max(1), cost as usize);
        let mut set = self.set(key.hash);
        match set.find(key.hash) {
            Some(place) => window.judge(set.ring(place, self.length), now, cost),
            None => window.judge(&[0; MOST_LOGGED as usize], now, cost),
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

    /// How many keys have a time that counts.
    pub(super) fn count(&self, tiers: &[ExactWindow], now: u64) -> usize {
        let of = |set: &Aligned| {
            let set = lock(set);
            let rings = set.times.chunks(self.length.max(1)).zip(set.tiers);
            rings
                .filter(|(ring, tier)| ring[0] > tiers[*tier as usize].horizon(now))
                .count()
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
        self.sets.len() * (size_of::<Aligned>() + times)
    }

    fn set(&self, hash: u64) -> MutexGuard<'_, Set> {
        let index = (u128::from(hash) * self.sets.len() as u128) >> 64;
        lock(&self.sets[index as usize])
    }
}

fn lock(set: &Aligned) -> MutexGuard<'_, Set> {
    // Nothing in there panics half way.
    set.0.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Set {
    fn find(&self, hash: u64) -> Option<usize> {
        self.hashes.iter().position(|other| *other == hash)
    }

    fn ring(&mut self, place: usize, length: usize) -> &mut [u64] {
        &mut self.times[place * length..(place + 1) * length]
    }

    /// A place whose ring is empty.
    fn make_room(
        &mut self,
        length: usize,
        tiers: &[ExactWindow],
        now: u64,
        forgotten: &AtomicUsize,
    ) -> usize {
        if self.times.is_empty() {
            self.times = vec![0; WAYS * length].into();
        }
        let used = |place: usize| {
            let ring = &self.times[place * length..(place + 1) * length];
            tiers[self.tiers[place] as usize].used(ring, now)
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
