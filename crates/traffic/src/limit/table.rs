//! What is remembered of keys: one word each, in a table of bounded size without locks on the way of a request.
//!
//! # The idea
//! The table is an array of sets of eight places, a cache line of hashes and one of states. A key belongs to two sets, so that
//! the table fills evenly, and takes the first place that is empty or *idle*: one whose state says no more than no memory
//! at all (its *debt* is zero). So nothing has to be swept. A known key is found by its hash and changed by compare-and-swap.
//!
//! Only a key that is not there takes a lock, one of 64, so that it cannot come in twice. To give a place to another key, its
//! state is first replaced by [`LOCKED`]: from then on nobody can change it for the key that had it.
//!
//! # Who is forgotten
//! When all sixteen places of a newcomer count, the key with the smallest debt is forgotten: the one that would be as good as
//! new soonest. Least recently seen would be wrong here: whoever has used up its limit could flood the table with addresses
//! (an IPv6 network has more than enough), be forgotten, and start with a full bucket. With the smallest debt that costs it
//! more requests than it gains: to be forgotten, sixteen others have to owe more than it does.
//! What is lost by a flood is what *little* clients owe: while it lasts, those who have sent a request or two may send that
//! many more.

use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicU64, AtomicUsize};
use std::sync::{Mutex, PoisonError};

/// Places of a set: a cache line of hashes.
pub(super) const WAYS: usize = 8;
/// Locks for newcomers.
const LOCKS: usize = 64;
/// The state of a place that is given to another key.
const LOCKED: u64 = u64::MAX;

#[derive(Default)]
#[repr(align(64))]
struct Set {
    hashes: [AtomicU64; WAYS],
    states: [AtomicU64; WAYS],
}

/// The table.
pub(super) struct Table {
    sets: Box<[Set]>,
    newcomers: Box<[Mutex<()>]>,
    forgotten: AtomicUsize,
}

/// A place of a key.
#[derive(Clone, Copy)]
struct Place<'t> {
    hash: &'t AtomicU64,
    state: &'t AtomicU64,
}

impl Table {
    /// A table for at most so many keys (at least eight).
    pub(super) fn new(max_keys: usize) -> Self {
        let sets = (max_keys / WAYS).max(1);
        Self {
            sets: (0..sets).map(|_| Set::default()).collect(),
            newcomers: (0..LOCKS).map(|_| Mutex::default()).collect(),
            forgotten: AtomicUsize::new(0),
        }
    }

    /// Changes the state of a key, 0 if it has none: `decide` returns the next one, or `None` to leave it as it is. It may be
    /// called several times; the last call counts.
    #[inline]
    pub(super) fn update<R>(
        &self,
        hash: u64,
        debt: impl Fn(u64) -> u64,
        mut decide: impl FnMut(u64) -> (Option<u64>, R),
    ) -> R {
        loop {
            let changed = match self.find(hash) {
                Some(place) => change(place, hash, &mut decide),
                None => self.newcomer(hash, &debt, &mut decide),
            };
            if let Some(result) = changed {
                return result;
            }
            // Its place is just being given to another key, or was.
            std::thread::yield_now();
        }
    }

    /// The state of a key, if it has one.
    pub(super) fn get(&self, hash: u64) -> Option<u64> {
        let place = self.find(hash)?;
        let state = place.state.load(Acquire);
        (state != LOCKED && place.hash.load(Acquire) == hash).then_some(state)
    }

    /// Changes the state of a key only if it has one.
    pub(super) fn change_known(&self, hash: u64, mut next: impl FnMut(u64) -> u64) {
        let Some(place) = self.find(hash) else { return };
        // If it is just being forgotten there is nothing to change any more.
        let _forgotten = change(place, hash, &mut |state| (Some(next(state)), ()));
    }

    /// How many keys count.
    pub(super) fn count(&self, debt: impl Fn(u64) -> u64) -> usize {
        let places = self.sets.iter().flat_map(Set::places);
        places.filter(|place| counts(place, &debt)).count()
    }

    /// Keys that counted and had to make room.
    pub(super) fn forgotten(&self) -> usize {
        self.forgotten.load(Relaxed)
    }

    /// How many keys it can hold.
    pub(super) fn capacity(&self) -> usize {
        self.sets.len() * WAYS
    }

    /// Bytes of memory, whatever is in it.
    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.sets) + size_of_val(&*self.newcomers)
    }

    fn homes(&self, hash: u64) -> [&Set; 2] {
        let count = self.sets.len();
        let index = |hash: u64| ((u128::from(hash) * count as u128) >> 64) as usize;
        let first = index(hash);
        // Another place for keys with the same first one: 2^64 divided by the golden ratio, as in Fibonacci hashing.
        let second = index(hash.rotate_left(32).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        [&self.sets[first], &self.sets[second]]
    }

    #[inline]
    fn find(&self, hash: u64) -> Option<Place<'_>> {
        self.homes(hash).into_iter().find_map(|set| {
            let known = set
                .hashes
                .iter()
                .position(|other| other.load(Acquire) == hash)?;
            Some(set.place(known))
        })
    }

    /// Decides about a key that is not there. `None`: it is there now.
    #[cold]
    fn newcomer<R>(
        &self,
        hash: u64,
        debt: impl Fn(u64) -> u64,
        decide: &mut impl FnMut(u64) -> (Option<u64>, R),
    ) -> Option<R> {
        let lock = &self.newcomers[hash as usize % LOCKS];
        let _only_once = lock.lock().unwrap_or_else(PoisonError::into_inner);
        if self.find(hash).is_some() {
            return None;
        }
        let (next, result) = decide(0);
        if let Some(next) = next {
            let place = self.make_room(hash, debt);
            place.hash.store(hash, Release);
            place.state.store(next, Release);
        }
        Some(result)
    }

    /// A place that is locked, and nobody's any more.
    fn make_room(&self, hash: u64, debt: impl Fn(u64) -> u64) -> Place<'_> {
        loop {
            // The emptier set first, or the table would be full long before it is.
            let mut homes = self.homes(hash);
            let counting = |set: &&Set| set.places().filter(|it| counts(it, &debt)).count();
            homes.sort_by_key(counting);
            let places = homes.into_iter().flat_map(Set::places);
            let open = places.filter_map(|place| {
                let state = place.state.load(Acquire);
                (state != LOCKED).then_some((place, state))
            });
            let rank =
                |(place, state): &(Place<'_>, u64)| (debt(*state), place.hash.load(Relaxed) != 0);
            let Some((place, state)) = open.min_by_key(rank) else {
                std::thread::yield_now();
                continue;
            };
            // Fails if it has been used meanwhile: then another one may owe less.
            if place
                .state
                .compare_exchange(state, LOCKED, AcqRel, Relaxed)
                .is_ok()
            {
                if debt(state) > 0 {
                    self.forgotten.fetch_add(1, Relaxed);
                }
                return place;
            }
        }
    }
}

impl Set {
    fn place(&self, index: usize) -> Place<'_> {
        Place {
            hash: &self.hashes[index],
            state: &self.states[index],
        }
    }

    fn places(&self) -> impl Iterator<Item = Place<'_>> {
        (0..WAYS).map(|index| self.place(index))
    }
}

fn counts(place: &Place<'_>, debt: impl Fn(u64) -> u64) -> bool {
    let state = place.state.load(Relaxed);
    state == LOCKED || debt(state) > 0
}

/// Changes a state in place. `None`: the place is not that key's any more.
#[inline]
fn change<R>(
    place: Place<'_>,
    hash: u64,
    decide: &mut impl FnMut(u64) -> (Option<u64>, R),
) -> Option<R> {
    let mut state = place.state.load(Acquire);
    loop {
        // In this order: whoever takes the place away changes the state first, so that the exchange below fails.
        if state == LOCKED || place.hash.load(Acquire) != hash {
            return None;
        }
        let (next, result) = decide(state);
        let Some(next) = next else {
            return Some(result);
        };
        match place
            .state
            .compare_exchange_weak(state, next, AcqRel, Acquire)
        {
            Ok(_) => return Some(result),
            Err(now) => state = now,
        }
    }
}
