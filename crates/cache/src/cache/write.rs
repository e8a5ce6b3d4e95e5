//! The paths of changes: setting, writing through, and invalidating.
//!
//! Memory is told first, then the lower levels from the farthest to the nearest, then memory again: a reader that
//! took an old value from a level just before it was told finds its flight grounded, or its entry removed, by the
//! second round.

use std::sync::Arc;
use std::time::Duration;

use super::missed::UnderWay;
use super::{Cache, Inner};
use crate::entry::Entry;
use crate::error::{Error, Failure};
use crate::invalidate::{Invalidation, Verdict};
use crate::key::Key;
use crate::level::{Confirmed, Guarded, Lease};
use crate::loaded::Loaded;
use crate::options::Options;

/// What became of an invalidation. All levels that are read have it; those that failed are not read until they do.
pub struct Invalidated {
    /// The levels that took it in, with their number.
    done: Vec<(Arc<Guarded>, Lease)>,
    /// The levels that did not.
    pub failures: Vec<Failure>,
}

impl Invalidated {
    /// Waits at most `limit` until the other processes that share a level have it, and says how many do.
    pub async fn confirmed(&self, limit: Duration) -> Confirmed {
        let mut sum = Confirmed::default();
        for (level, lease) in &self.done {
            // A level that fails now is counted as one where nobody confirmed.
            let here = level.confirmed(*lease, limit).await.unwrap_or_default();
            sum.confirmed += here.confirmed;
            sum.members += here.members;
        }
        sum
    }
}

impl<V: Clone + Send + Sync + 'static> Cache<V> {
    /// Invalidates. When this returns, no reader of this cache gets what was there before, and no load that began
    /// before stores what it brings.
    pub async fn invalidate(&self, what: &[Invalidation]) -> Invalidated {
        let _under_way = UnderWay::new(&self.0.under_way);
        what.iter().for_each(|one| self.0.forget(one));
        let mut told = Invalidated {
            done: Vec::new(),
            failures: Vec::new(),
        };
        let mut untold = Untold {
            cache: &self.0,
            levels: &self.0.levels,
            what,
        };
        while let Some((level, above)) = untold.levels.split_last() {
            // This one queues what it does not confirm.
            untold.levels = above;
            match level.invalidate(what).await {
                Ok(lease) => told.done.push((level.clone(), lease)),
                Err(error) => told.failures.push(Failure {
                    level: level.name().into(),
                    error,
                }),
            }
        }
        // Memory is told once more by the drop.
        drop(untold);
        told
    }

    /// Removes one key from every level.
    pub async fn remove(&self, key: &Key) -> Invalidated {
        self.invalidate(&[Invalidation::key(key)]).await
    }

    /// Cache-aside: stores a value that the caller has. Other processes drop what they had.
    ///
    /// # Errors
    /// [`Error::Levels`]: a level did not take it in; it is not read before it has dropped the old value. [`Error::Codec`]:
    /// it has no bytes, and is in memory only.
    pub async fn set(
        &self,
        key: &Key,
        value: impl Into<Loaded<V>>,
        options: &Options,
    ) -> Result<(), Error> {
        let _alone = self.0.changes.with(key).await;
        let before = self.before_write(key);
        self.set_alone(&before, key, value.into(), options).await
    }

    /// The same for a value that is only valid if nothing of it was invalidated since `before`; otherwise the key is removed.
    pub(crate) async fn set_since(
        &self,
        before: &Before,
        key: &Key,
        value: Loaded<V>,
        options: &Options,
    ) -> Result<(), Error> {
        let _alone = self.0.changes.with(key).await;
        self.set_alone(before, key, value, options).await
    }

    async fn set_alone(
        &self,
        before: &Before,
        key: &Key,
        value: Loaded<V>,
        options: &Options,
    ) -> Result<(), Error> {
        let mut undecided = Undecided {
            cache: self,
            key: Some(key),
        };
        let replaced = self.replace(key, value, options, before).await;
        undecided.key = None;
        replaced
    }

    /// Write-through: the store first, then every level. When `write` fails, the caller gets its error, nothing is cached,
    /// and what was cached is gone, because nobody knows how far the store got. The write is not taken back when the
    /// caller goes away in the middle; the cached value is then gone as well.
    ///
    /// # Errors
    /// [`Error::Store`]; or, when the store has the value, [`Error::Levels`] and [`Error::Codec`] as for [`Cache::set`].
    pub async fn write_through<F, E>(
        &self,
        key: &Key,
        value: impl Into<Loaded<V>>,
        options: &Options,
        write: impl FnOnce() -> F,
    ) -> Result<(), Error>
    where
        F: Future<Output = Result<(), E>>,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let _alone = self.0.changes.with(key).await;
        let before = self.before_write(key);
        let mut undecided = Undecided {
            cache: self,
            key: Some(key),
        };
        let written = write().await;
        if let Err(error) = written {
            undecided.key = None;
            self.remove(key).await;
            return Err(Error::Store(error.into().into()));
        }
        let replaced = self.replace(key, value.into(), options, &before).await;
        undecided.key = None;
        replaced
    }

    /// Puts a value in place of the old one, in every level. The caller holds the key's lock.
    ///
    /// Somebody else may have changed the row in the store between our write and this, and have told the cache before us. Who
    /// finds that anything was invalidated meanwhile besides its own key stores nothing: the next reader loads what is there.
    async fn replace(
        &self,
        key: &Key,
        loaded: Loaded<V>,
        options: &Options,
        before: &Before,
    ) -> Result<(), Error> {
        let inner = &*self.0;
        let _under_way = UnderWay::new(&inner.under_way);
        let options = &loaded.options.clone().unwrap_or_else(|| options.clone());
        let previous = inner.memory.peek(key.as_str());
        let made = inner.entry(key, loaded, previous.as_deref(), options, before.version);
        let (entry, stored) = match made {
            Ok((entry, stored)) => (Arc::new(entry), stored),
            Err(error) => {
                self.remove(key).await;
                return Err(error);
            }
        };
        inner.forget(&Invalidation::key(key));
        let is_below = stored && options.lower && !inner.levels.is_empty();
        // Without bytes it is kept in memory only, and the levels drop what they have all the same.
        let (record, unencoded) = match is_below.then(|| inner.record_of(&entry, options)) {
            Some(Err(error)) => (None, Some(error)),
            Some(Ok(record)) => (Some(record), None),
            None => (None, None),
        };
        let mut failures = Vec::new();
        let mut current = true;
        for (level, known) in inner.levels.iter().zip(&before.leases).rev() {
            let put = async {
                let lease = level.invalidate(&[Invalidation::key(key)]).await?;
                // A level of our own does not say what its number stands for, but everything that it is told has been
                // told to memory before.
                let overtaken = level.level().is_shared() && !follows(*known, lease);
                if overtaken || inner.is_overtaken(key, &entry, before) {
                    return Ok(false);
                }
                match &record {
                    Some(record) => level.put(key, record.clone(), lease).await,
                    None => Ok(true),
                }
            };
            match put.await {
                // Somebody else changed it after us: theirs is the newer one.
                Ok(put) => current &= put,
                Err(error) => failures.push(Failure {
                    level: level.name().into(),
                    error,
                }),
            }
        }
        inner.looks.ground(key, || ());
        inner.flights.ground(key, || {
            if stored && current && !inner.is_overtaken(key, &entry, before) {
                inner.memory.insert(key.clone(), entry);
            } else {
                inner.memory.remove(key.as_str());
            }
        });
        match unencoded {
            _ if !failures.is_empty() => Err(Error::Levels(failures.into())),
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    /// To be called before the store is asked to write.
    pub(crate) fn before_write(&self, key: &Key) -> Before {
        Before {
            changes: self.0.changes_of(key),
            version: self.0.invalidations.version(),
            leases: self.0.levels.iter().map(|level| level.lease()).collect(),
        }
    }
}

impl<V: Clone + 'static> Inner<V> {
    /// Whether anything of the entry was invalidated during its write, besides by the write.
    fn is_overtaken(&self, key: &Key, entry: &Entry<V>, before: &Before) -> bool {
        let verdict = self
            .invalidations
            .judge(key.as_str(), entry.tags(), before.version);
        self.changes_of(key) != before.changes + 1 || verdict != Verdict::Valid
    }
}

/// What everything stood at before a write.
pub(crate) struct Before {
    changes: u64,
    version: u64,
    leases: Box<[Option<Lease>]>,
}

/// Whether nothing was invalidated between the two besides what led to the second one.
fn follows(before: Option<Lease>, after: Lease) -> bool {
    before.is_some_and(|before| {
        before.epoch == after.epoch && before.number.checked_add(1) == Some(after.number)
    })
}

/// The levels that have yet to be told. When it is dropped, at the end or because the caller goes away before, they are on the
/// way to be told and not read until then, and memory is told once more.
struct Untold<'a, V: 'static> {
    cache: &'a Inner<V>,
    levels: &'a [Arc<Guarded>],
    what: &'a [Invalidation],
}

impl<V: 'static> Drop for Untold<'_, V> {
    fn drop(&mut self) {
        self.levels.iter().for_each(|level| level.miss(self.what));
        if !self.cache.levels.is_empty() {
            self.what.iter().for_each(|one| self.cache.forget(one));
        }
    }
}

/// Drops what is cached when a write is abandoned in the middle.
struct Undecided<'a, V: Clone + Send + Sync + 'static> {
    cache: &'a Cache<V>,
    key: Option<&'a Key>,
}

impl<V: Clone + Send + Sync + 'static> Drop for Undecided<'_, V> {
    fn drop(&mut self) {
        let Some(key) = self.key else { return };
        let what = Invalidation::key(key);
        self.cache.0.forget(&what);
        if !self.cache.0.levels.is_empty() && tokio::runtime::Handle::try_current().is_ok() {
            let cache = self.cache.clone();
            self.cache.spawn(async move {
                cache.invalidate(&[what]).await;
            });
        }
    }
}
