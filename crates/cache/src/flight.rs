//! Single flight: who loads a value, and who waits for it.
//!
//! # The problem
//! A popular value expires, a thousand readers miss it in the same millisecond, and the database that the cache
//! protects gets a thousand equal queries (a stampede).
//!
//! # The idea
//! The first reader *leads*: it loads. The others wait for what it publishes. The lead is a value: whatever
//! becomes of it (finished, failed, panicked, dropped with its task) its `Drop` ends the flight, and the waiters
//! learn of it at once.
//!
//! A flight is also what closes the stale-fill race for single keys. Storing a value ([`Lead::land`]) and
//! invalidating it ([`Flights::ground`]) happen under the same lock, that of the key's shard, and an
//! invalidation takes the flight off the map: what it brings is given to those who waited already, but never stored,
//! and whoever comes later begins a new flight.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::key::Key;

/// Locks of their own, so that keys seldom wait for each other. Loads are rare and slow beside these locks.
const SHARDS: usize = 64;

/// The loads that are under way. `T` is what a waiter gets.
pub struct Flights<T> {
    shards: Box<[Mutex<Shard<T>>]>,
    hasher: RandomState,
}

type Shard<T> = HashMap<Key, Flight<T>>;

struct Flight<T> {
    result: Arc<watch::Sender<Option<T>>>,
    stamp: u64,
}

/// What a reader that missed does.
#[must_use]
pub enum Begin<T: Clone> {
    /// Load it.
    Lead(Lead<T>),
    /// Wait for the one who does.
    Wait(Waiter<T>),
}

/// The right and the duty to load one value.
pub struct Lead<T: Clone> {
    flights: Arc<Flights<T>>,
    key: Key,
    result: Arc<watch::Sender<Option<T>>>,
    stamp: u64,
}

/// A reader's place in the queue.
pub struct Waiter<T> {
    result: watch::Receiver<Option<T>>,
    stamp: u64,
}

impl<T: Clone> Flights<T> {
    /// No loads.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            shards: (0..SHARDS).map(|_| Mutex::new(HashMap::new())).collect(),
            hasher: RandomState::new(),
        })
    }

    /// Leads the load of `key`, or waits for the reader that does. `stamp`: the number of the last invalidation, read
    /// before.
    pub fn begin(self: &Arc<Self>, key: &Key, stamp: u64) -> Begin<T> {
        let mut shard = self.shard(key);
        if let Some(flight) = shard.get(key) {
            return Begin::Wait(Waiter {
                result: flight.result.subscribe(),
                stamp: flight.stamp,
            });
        }
        let result = Arc::new(watch::Sender::new(None));
        shard.insert(
            key.clone(),
            Flight {
                result: result.clone(),
                stamp,
            },
        );
        Begin::Lead(Lead {
            flights: self.clone(),
            key: key.clone(),
            result,
            stamp,
        })
    }

    /// Ends the flight of a key for everybody who comes later, and keeps its result from being stored. `change` is
    /// made under the same lock: the removal of the value, or the storing of a newer one.
    pub fn ground<R>(&self, key: &Key, change: impl FnOnce() -> R) -> R {
        let mut shard = self.shard(key);
        shard.remove(key);
        change()
    }

    /// Makes a change of a key while no flight of it is under way; whether it did.
    pub(crate) fn between<R>(&self, key: &Key, change: impl FnOnce() -> R) -> Option<R> {
        let shard = self.shard(key);
        let is_free = !shard.contains_key(key);
        is_free.then(change)
    }

    /// How many loads are under way.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).len()).sum()
    }

    /// Whether no load is under way.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn shard(&self, key: &Key) -> MutexGuard<'_, Shard<T>> {
        // Which shard: any bits will do, the map's own hasher has other keys.
        lock(&self.shards[self.hasher.hash_one(key) as usize % SHARDS])
    }
}

/// The maps are whole after a panic: nothing is done to them that could be left half done.
fn lock<T>(shard: &Mutex<Shard<T>>) -> MutexGuard<'_, Shard<T>> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<T: Clone> Lead<T> {
    /// What is loaded.
    #[must_use]
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// The number of the last invalidation before it began.
    #[must_use]
    pub fn stamp(&self) -> u64 {
        self.stamp
    }

    /// A place among those who wait for it.
    #[must_use]
    pub fn waiter(&self) -> Waiter<T> {
        Waiter {
            result: self.result.subscribe(),
            stamp: self.stamp,
        }
    }

    /// Stores something while the flight goes on, unless the key has been invalidated since. Returns whether it did.
    pub fn store(&self, store: impl FnOnce()) -> bool {
        let shard = self.flights.shard(&self.key);
        let current = self.is_current(&shard);
        if current {
            store();
        }
        current
    }

    /// Gives the waiters their result while the flight goes on: a body that is still arriving.
    pub fn publish(&self, result: T) {
        self.result.send_replace(Some(result));
    }

    /// Whether the value has been invalidated since: a new flight may be under way.
    #[must_use]
    pub fn is_grounded(&self) -> bool {
        !self.is_current(&self.flights.shard(&self.key))
    }

    /// Ends the flight: stores its result by `store`, unless the key has been invalidated since, and wakes the waiters.
    /// Returns whether it was stored.
    pub fn land(self, result: T, store: impl FnOnce()) -> bool {
        let stored = {
            let mut shard = self.flights.shard(&self.key);
            let current = self.is_current(&shard);
            if current {
                store();
                shard.remove(&self.key);
            }
            current
        };
        self.publish(result);
        stored
    }

    fn is_current(&self, shard: &Shard<T>) -> bool {
        shard
            .get(&self.key)
            .is_some_and(|flight| Arc::ptr_eq(&flight.result, &self.result))
    }
}

impl<T: Clone> Drop for Lead<T> {
    fn drop(&mut self) {
        let mut shard = self.flights.shard(&self.key);
        if self.is_current(&shard) {
            shard.remove(&self.key);
        }
    }
}

impl<T: Clone> Waiter<T> {
    /// The number of the last invalidation before the load began.
    #[must_use]
    pub fn stamp(&self) -> u64 {
        self.stamp
    }

    /// What the leader published; `None` when it ended without a result.
    pub async fn result(&mut self) -> Option<T> {
        // An error means that the leader is gone; what it published before that still counts.
        let _ = self.result.wait_for(Option::is_some).await;
        self.result.borrow().clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> Key {
        Key::new("k").unwrap()
    }

    fn lead(flights: &Arc<Flights<u32>>) -> Lead<u32> {
        match flights.begin(&key(), 0) {
            Begin::Lead(lead) => lead,
            Begin::Wait(_) => panic!("somebody else leads"),
        }
    }

    fn wait(flights: &Arc<Flights<u32>>) -> Waiter<u32> {
        match flights.begin(&key(), 0) {
            Begin::Wait(waiter) => waiter,
            Begin::Lead(_) => panic!("nobody leads"),
        }
    }

    #[tokio::test]
    async fn those_who_come_later_get_the_leaders_result() {
        let flights = Flights::new();
        let lead = lead(&flights);
        let (mut one, mut two) = (wait(&flights), wait(&flights));
        let mut stored = 0;
        assert!(lead.land(7, || stored = 7));
        assert_eq!(
            (stored, one.result().await, two.result().await),
            (7, Some(7), Some(7))
        );
        assert!(flights.is_empty());
    }

    #[tokio::test]
    async fn a_leader_that_vanishes_frees_the_others() {
        let flights = Flights::new();
        let lead = lead(&flights);
        let mut waiter = wait(&flights);
        drop(lead);
        assert_eq!(waiter.result().await, None);
        assert!(flights.is_empty());
    }

    #[tokio::test]
    async fn an_invalidation_keeps_the_result_from_being_stored() {
        let flights = Flights::new();
        let old = lead(&flights);
        let mut early = wait(&flights);
        flights.ground(&key(), || ());
        let new = lead(&flights);
        let mut late = wait(&flights);
        assert!(!old.land(1, || panic!("an old value was stored")));
        assert!(new.land(2, || ()));
        assert_eq!(
            (early.result().await, late.result().await),
            (Some(1), Some(2))
        );
    }

    #[tokio::test]
    async fn a_result_can_be_given_out_before_the_flight_ends() {
        let flights = Flights::new();
        let lead = lead(&flights);
        lead.publish(1);
        let mut late = wait(&flights);
        assert_eq!(late.result().await, Some(1));
        drop(lead);
        assert!(flights.is_empty());
    }
}
