//! Looking into a cache without using it: what is there under which key, for people who wonder.
//!
//! Nothing here counts as a read of memory, and nothing makes an entry look wanted to the memory engine.

use std::sync::Arc;
use std::time::Duration;

use super::Cache;
use crate::clock::Millis;
use crate::entry::{Entry, Standing};
use crate::key::Key;
use crate::level::LevelError;
use crate::options::Options;

/// Something that a level holds.
#[derive(Debug)]
pub struct Held<V> {
    /// Under which key.
    pub key: Key,
    /// What.
    pub entry: Arc<Entry<V>>,
    /// For how long it is fresh; `None`: it is not any more.
    pub fresh: Option<Duration>,
    /// Its bytes in memory, overhead included.
    pub bytes: u64,
}

/// What a level below memory says when it is asked for a key.
#[derive(Debug)]
pub struct HeldBelow<V> {
    /// The level's name.
    pub level: Box<str>,
    /// What it has, if anything.
    pub held: Result<Option<Held<V>>, LevelError>,
}

impl<V: Clone + Send + Sync + 'static> Cache<V> {
    /// What memory holds under keys that begin so, `most` at most, in the order of the keys. Walks through all of memory, a
    /// shard at a time.
    #[must_use]
    pub fn held(&self, prefix: &str, most: usize) -> Vec<Held<V>> {
        let inner = &*self.0;
        let now = inner.clock.now();
        let mut all = Vec::new();
        inner.memory.each(|key, entry| {
            if !key.as_str().starts_with(prefix) {
                return;
            }
            match entry.standing(key.as_str(), now, &inner.invalidations) {
                Standing::Gone => {}
                _ => all.push(Held::new(key.clone(), Arc::clone(entry), now)),
            }
        });
        all.sort_by(|a, b| a.key.as_str().cmp(b.key.as_str()));
        all.truncate(most);
        all
    }

    /// What the levels below memory hold under a key. Counts as a read of theirs.
    pub async fn held_below(&self, key: &Key) -> Vec<HeldBelow<V>> {
        let inner = &*self.0;
        let mut all = Vec::new();
        self.catch_up().await;
        for level in &inner.levels {
            let found = level.get(key).await;
            let (now, stamp) = (inner.clock.now(), inner.invalidations.version());
            let held = found.map(|record| {
                let entry = inner.entry_of(key, record?, &Options::default(), stamp)?;
                Some(Held::new(key.clone(), Arc::new(entry), now))
            });
            all.push(HeldBelow {
                level: level.name().into(),
                held,
            });
        }
        all
    }

    /// Counts a load that the caller drove itself ([`Cache::fill`]): how long it took, and whether it brought something.
    pub fn count_load(&self, took: Duration, is_done: bool) {
        use crate::counters::Count;

        let counters = &self.0.counters;
        counters.one(Count::Loads);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        counters.add(Count::LoadMicros, micros);
        if !is_done {
            counters.one(Count::LoadFailures);
        }
    }
}

impl<V> Held<V> {
    fn new(key: Key, entry: Arc<Entry<V>>, now: Millis) -> Self {
        let left = entry.fresh_until().saturating_sub(now);
        Self {
            key,
            bytes: entry.weight(),
            fresh: (left > 0).then(|| Duration::from_millis(left)),
            entry,
        }
    }
}
