//! The memory level: quick_cache (S3-FIFO), weighed by bytes.
//!
//! An entry weighs its key, its value, its labels and what the engine and the allocator add, so that the configured
//! size is what the process really takes. Expiry is not the engine's matter: it is in the entry, and an entry
//! that has expired goes when the engine needs its room.

use std::sync::Arc;

use quick_cache::sync::Cache as Engine;
use quick_cache::{DefaultHashBuilder, Lifecycle, OptionsBuilder, Weighter};

use crate::counters::{Count, Counters};
use crate::entry::Entry;
use crate::key::Key;

/// What an entry costs besides its bytes: the engine's slot and its share of the hash table at usual filling (about
/// 90 bytes), two allocations with their headers. Reckoned, not measured.
pub(crate) const OVERHEAD: u64 = 120;

pub(crate) struct Memory<V> {
    engine: Engine<Key, Arc<Entry<V>>, ByWeight, DefaultHashBuilder, Evictions>,
    capacity: u64,
}

#[derive(Clone)]
pub(crate) struct ByWeight;

impl<V> Weighter<Key, Arc<Entry<V>>> for ByWeight {
    fn weight(&self, _key: &Key, entry: &Arc<Entry<V>>) -> u64 {
        // Never 0: the engine never evicts what weighs nothing.
        entry.weight().max(1)
    }
}

#[derive(Clone)]
pub(crate) struct Evictions(Arc<Counters>);

/// What was evicted by a request is dropped after the engine's lock has been released.
impl<V> Lifecycle<Key, Arc<Entry<V>>> for Evictions {
    type RequestState = (Option<Arc<Entry<V>>>, Vec<Arc<Entry<V>>>);

    fn on_evict(&self, state: &mut Self::RequestState, _key: Key, entry: Arc<Entry<V>>) {
        self.0.one(Count::Evictions);
        match &mut state.0 {
            first @ None => *first = Some(entry),
            Some(_) => state.1.push(entry),
        }
    }
}

impl<V> Memory<V> {
    /// At most `capacity` bytes; `average`: the expected size of an entry in bytes, right within a factor of ten.
    pub(crate) fn new(capacity: u64, average: u64, counters: Arc<Counters>) -> Self {
        let items = usize::try_from(capacity / average.max(1))
            .unwrap_or(usize::MAX)
            .clamp(16, 1 << 28);
        let options = OptionsBuilder::new()
            .estimated_items_capacity(items)
            .weight_capacity(capacity)
            .build()
            .expect("both capacities are given");
        Self {
            engine: Engine::with_options(
                options,
                ByWeight,
                DefaultHashBuilder::default(),
                Evictions(counters),
            ),
            capacity,
        }
    }

    #[inline]
    pub(crate) fn get(&self, key: &str) -> Option<Arc<Entry<V>>> {
        self.engine.get(key)
    }

    pub(crate) fn peek(&self, key: &str) -> Option<Arc<Entry<V>>> {
        self.engine.peek(key)
    }

    /// Whether this very entry is there.
    pub(crate) fn holds(&self, key: &str, entry: &Arc<Entry<V>>) -> bool {
        self.peek(key)
            .is_some_and(|found| Arc::ptr_eq(&found, entry))
    }

    pub(crate) fn insert(&self, key: Key, entry: Arc<Entry<V>>) {
        self.engine.insert(key, entry);
    }

    pub(crate) fn remove(&self, key: &str) -> bool {
        self.engine.remove(key).is_some()
    }

    /// Removes this very entry, unless another one has taken its place.
    pub(crate) fn remove_entry(&self, key: &str, entry: &Arc<Entry<V>>) {
        self.engine
            .remove_if(key, |found| Arc::ptr_eq(found, entry));
    }

    /// Calls `see` with all that is there, without making it look wanted.
    pub(crate) fn each(&self, mut see: impl FnMut(&Key, &Arc<Entry<V>>)) {
        for (key, entry) in self.engine.iter() {
            see(&key, &entry);
        }
    }

    pub(crate) fn clear(&self) {
        self.engine.clear();
    }

    pub(crate) fn len(&self) -> usize {
        self.engine.len()
    }

    pub(crate) fn weight(&self) -> u64 {
        self.engine.weight()
    }

    pub(crate) fn capacity(&self) -> u64 {
        self.capacity
    }

    /// The largest entry that is taken in: the engine divides its room among shards.
    pub(crate) fn largest(&self) -> u64 {
        self.engine.shard_capacity()
    }
}
