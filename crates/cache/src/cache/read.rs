//! The path of a read: memory, then a load or another reader's load, within the reader's patience.

use std::sync::Arc;

use super::{Cache, Outcome};
use crate::clock::millis;
use crate::counters::Count;
use crate::entry::{Entry, Standing};
use crate::error::Error;
use crate::flight::{Begin, Waiter};
use crate::invalidate::Verdict;
use crate::key::Key;
use crate::loaded::{Context, Loaded};
use crate::options::Options;

/// How memory stands for a key.
#[derive(Debug)]
pub enum Found<V> {
    /// Fresh.
    Fresh(Arc<Entry<V>>),
    /// Fresh, and the caller is the one to refresh it in the background (eager refresh).
    Due(Arc<Entry<V>>),
    /// Of use as a fallback, or to be revalidated.
    Stale(Arc<Entry<V>>),
    /// Not there.
    Missing,
}

/// So often a reader begins anew because what it waited for was invalidated meanwhile, or its leader vanished. Then it takes
/// what it gets: under a constant rain of invalidations there is nothing newer to be had.
const ROUNDS: usize = 4;

impl<V: Clone + Send + Sync + 'static> Cache<V> {
    /// What memory has for a key. Never waits.
    #[inline]
    pub fn look(&self, key: &str) -> Found<V> {
        match self.glance(key) {
            Found::Due(entry) if !entry.takes_turn() => Found::Fresh(entry),
            found => found,
        }
    }

    /// The same without taking the turn to refresh what is due.
    #[inline]
    fn glance(&self, key: &str) -> Found<V> {
        let inner = &*self.0;
        let Some(entry) = inner.memory.get(key) else {
            inner.counters.one(Count::Misses);
            return Found::Missing;
        };
        match entry.standing(key, inner.clock.now(), &inner.invalidations) {
            Standing::Fresh => {
                self.count_hit(&entry);
                Found::Fresh(entry)
            }
            Standing::Due => {
                self.count_hit(&entry);
                Found::Due(entry)
            }
            Standing::Stale => {
                inner.counters.one(Count::Misses);
                Found::Stale(entry)
            }
            Standing::Gone => {
                inner.counters.one(Count::Misses);
                inner.memory.remove_entry(key, &entry);
                Found::Missing
            }
        }
    }

    #[inline]
    fn count_hit(&self, entry: &Entry<V>) {
        self.0.counters.one(Count::Hits);
        if entry.is_fallback() {
            self.0.counters.one(Count::Stale);
        }
        if entry.value().is_none() {
            self.0.counters.one(Count::Negative);
        }
    }

    /// Cache-aside: what the cache has, from any level, without loading. The entry's value may be "there is none".
    pub async fn get(&self, key: &Key) -> Option<Arc<Entry<V>>> {
        match self.glance(key.as_str()) {
            Found::Fresh(entry) | Found::Due(entry) => Some(entry),
            Found::Stale(_) | Found::Missing if self.0.levels.is_empty() => None,
            Found::Stale(_) | Found::Missing => Box::pin(self.look_below(key)).await,
        }
    }

    /// The value of a key, loaded if the cache does not have it fresh. Of many readers at the same time one loads and
    /// the others wait for it. The load is a task of its own: a reader that goes away does not end it.
    ///
    /// `None`: the loader said that there is none.
    ///
    /// # Errors
    /// When loading failed and there is no stale value to fall back to.
    #[inline]
    pub async fn get_or_load<L, F, R, E>(
        &self,
        key: &Key,
        options: &Options,
        loader: L,
    ) -> Result<Option<V>, Error>
    where
        L: FnOnce(Context<V>) -> F + Send + 'static,
        F: Future<Output = Result<R, E>> + Send + 'static,
        R: Into<Loaded<V>> + Send + 'static,
        E: Into<Box<dyn std::error::Error + Send + Sync>> + Send + 'static,
    {
        let fallback = match self.look(key.as_str()) {
            Found::Fresh(entry) => return Ok(entry.value().cloned()),
            Found::Due(entry) => {
                self.refresh(key, &entry, options, loader);
                return Ok(entry.value().cloned());
            }
            Found::Stale(entry) => Some(entry),
            Found::Missing => None,
        };
        // Boxed, so that the future of a hit stays small.
        Box::pin(self.miss(key, options, fallback, loader))
            .await
            .map(|entry| entry.value().cloned())
    }

    async fn miss<L, F, R, E>(
        &self,
        key: &Key,
        options: &Options,
        mut fallback: Option<Arc<Entry<V>>>,
        loader: L,
    ) -> Outcome<V>
    where
        L: FnOnce(Context<V>) -> F + Send + 'static,
        F: Future<Output = Result<R, E>> + Send + 'static,
        R: Into<Loaded<V>> + Send + 'static,
        E: Into<Box<dyn std::error::Error + Send + Sync>> + Send + 'static,
    {
        let mut loader = Some(loader);
        for round in 1.. {
            // Read before anything that is loaded for this reader.
            let version = self.0.invalidations.version();
            let (waiter, led) = match self.0.flights.begin(key, version) {
                Begin::Lead(lead) => {
                    if let Some(entry) = self.landed_meanwhile(key) {
                        lead.land(Ok(entry.clone()), || ());
                        return Ok(entry);
                    }
                    // What was removed since this reader looked must not come back; from now on that grounds the lead.
                    fallback = fallback.filter(|entry| self.0.memory.holds(key.as_str(), entry));
                    let Some(loader) = loader.take() else {
                        return Err(Error::Cancelled);
                    };
                    let waiter = lead.waiter();
                    let (cache, fallback, options) =
                        (self.clone(), fallback.clone(), options.clone());
                    self.spawn(async move { cache.load(lead, fallback, &options, loader).await });
                    (waiter, true)
                }
                Begin::Wait(waiter) => {
                    self.0.counters.one(Count::Coalesced);
                    (waiter, false)
                }
            };
            match self.wait(waiter, options, fallback.as_ref()).await {
                // What was loaded before this reader came may have been invalidated before it came.
                Some(Ok(entry))
                    if !led && round < ROUNDS && self.is_outdated(key, &entry, version) => {}
                Some(outcome) => return outcome,
                None if led || round == ROUNDS => return Err(Error::Cancelled),
                None => {}
            }
        }
        unreachable!("the last round returns")
    }

    /// The outcome of a flight, or the stale value when that takes too long; `None`: it ended without one.
    async fn wait(
        &self,
        mut waiter: Waiter<Outcome<V>>,
        options: &Options,
        fallback: Option<&Arc<Entry<V>>>,
    ) -> Option<Outcome<V>> {
        let (Some(limit), Some(stale)) = (options.soft_timeout, fallback) else {
            return waiter.result().await;
        };
        match tokio::time::timeout(limit, waiter.result()).await {
            Ok(outcome) => outcome,
            Err(_) => {
                // The readers after this one need not wait as long to learn the same.
                stale.postpone(self.0.clock.now().saturating_add(millis(options.throttle)));
                self.0.counters.one(Count::Stale);
                Some(Ok(stale.clone()))
            }
        }
    }

    /// What another reader stored between this reader's look and its lead.
    pub(super) fn landed_meanwhile(&self, key: &Key) -> Option<Arc<Entry<V>>> {
        let entry = self.0.memory.peek(key.as_str())?;
        let standing = entry.standing(key.as_str(), self.0.clock.now(), &self.0.invalidations);
        matches!(standing, Standing::Fresh | Standing::Due).then_some(entry)
    }

    /// Whether an entry was loaded before an invalidation of its tags that a reader who came at `version` must see. What
    /// fail-safe serves is old by nature, and asking a broken source again at once would not make it newer.
    pub(super) fn is_outdated(&self, key: &Key, entry: &Entry<V>, version: u64) -> bool {
        let stamp = entry.about().stamp;
        stamp < version
            && !entry.is_fallback()
            && self
                .0
                .invalidations
                .judge(key.as_str(), entry.tags(), stamp)
                != Verdict::Valid
    }

    /// Loads in the background what is still fresh.
    fn refresh<L, F, R, E>(&self, key: &Key, entry: &Arc<Entry<V>>, options: &Options, loader: L)
    where
        L: FnOnce(Context<V>) -> F + Send + 'static,
        F: Future<Output = Result<R, E>> + Send + 'static,
        R: Into<Loaded<V>> + Send + 'static,
        E: Into<Box<dyn std::error::Error + Send + Sync>> + Send + 'static,
    {
        let Begin::Lead(lead) = self.0.flights.begin(key, self.0.invalidations.version()) else {
            return;
        };
        if !self.0.memory.holds(key.as_str(), entry) {
            // It was removed since this reader looked. From now on that grounds the lead.
            return;
        }
        self.0.counters.one(Count::Refreshes);
        let (cache, previous, options) = (self.clone(), entry.clone(), options.clone());
        self.spawn(async move { cache.reload(lead, previous, &options, loader).await });
    }
}
