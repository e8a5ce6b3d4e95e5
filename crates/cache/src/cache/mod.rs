//! The cache: memory, the levels below it, and the loads under way.
//!
//! The path of a read is in [`read`], that of a look without a load in [`look`], that of a load in [`load`], those of changes in
//! [`write`].

mod alone;
mod fill;
mod inspect;
mod load;
mod look;
mod missed;
mod read;
mod warm;
mod write;

use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::watch;

use crate::builder::Builder;
use crate::clock::{Clock, Millis, NEVER, millis};
use crate::codec::Codec;
use crate::counters::{Count, Counters};
use crate::entry::{About, Entry, Extras};
use crate::error::Error;
use crate::flight::Flights;
use crate::invalidate::{Invalidation, Invalidations, Mode, Target};
use crate::key::{Key, KeyBuilder, Namespace};
use crate::level::memory::{Memory, OVERHEAD};
use crate::level::{Guarded, Record, Sink};
use crate::loaded::{Content, Loaded};
use crate::options::Options;
use crate::statistics::{LevelStatistics, Statistics};

use alone::Alone;
use missed::{CatchUp, UnderWay};

pub use fill::{Fill, Filling};
pub use inspect::{Held, HeldBelow};
pub use read::Found;
pub use warm::{Progress, Warmed};
pub(crate) use write::Before;
pub use write::Invalidated;

/// What the readers of a flight get.
pub type Outcome<V> = Result<Arc<Entry<V>>, Error>;

/// Says how many bytes a value has besides `size_of::<V>()`.
pub(crate) type Weigh<V> = Box<dyn Fn(&V) -> usize + Send + Sync>;

/// A cache of values of one type. Cheap to clone; all clones are the same cache.
pub struct Cache<V>(Arc<Inner<V>>);

impl<V> Clone for Cache<V> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

struct Inner<V> {
    namespace: Namespace,
    memory: Memory<V>,
    flights: Arc<Flights<Outcome<V>>>,
    /// Looks at the lower levels by who does not load. Apart from the loads: they bring nothing to who does.
    looks: Arc<Flights<Option<Arc<Entry<V>>>>>,
    invalidations: Invalidations,
    levels: Box<[Arc<Guarded>]>,
    catch_up: Option<CatchUp>,
    codec: Option<Arc<dyn Codec<V>>>,
    weigh: Weigh<V>,
    clock: Clock,
    counters: Arc<Counters>,
    /// How often keys were invalidated, by the hash of the key.
    changed: Box<[AtomicU64]>,
    /// How many keys were invalidated, and of each hash, which of them was the last one.
    key_changes: AtomicU64,
    changed_last: Box<[AtomicU64]>,
    /// Changes of one key are made one after the other, so that all levels end with the same one.
    changes: Alone,
    /// Invalidations that not all levels have heard of yet.
    under_way: AtomicU64,
    /// Every task in the background holds a receiver.
    tasks: watch::Sender<()>,
}

/// Counters of invalidated keys. Two keys with the same one take each other's invalidation for their own, which costs a load.
const CHANGED: usize = 1024;

impl<V: Clone + Send + Sync + 'static> Cache<V> {
    pub(crate) fn from_builder(builder: Builder<V>) -> Self {
        let counters = Arc::new(Counters::new());
        let levels: Box<[_]> = builder
            .levels
            .into_iter()
            .map(|(level, options)| Guarded::new(level, options))
            .collect();
        let inner = Arc::new(Inner {
            catch_up: CatchUp::of(&levels),
            levels,
            namespace: builder.namespace,
            memory: Memory::new(builder.memory, builder.average, counters.clone()),
            flights: Flights::new(),
            looks: Flights::new(),
            invalidations: Invalidations::default(),
            codec: builder.codec,
            weigh: builder.weigh,
            clock: builder.clock,
            counters,
            changes: Alone::default(),
            changed: (0..CHANGED).map(|_| AtomicU64::new(0)).collect(),
            key_changes: AtomicU64::new(0),
            changed_last: (0..CHANGED).map(|_| AtomicU64::new(0)).collect(),
            under_way: AtomicU64::new(0),
            tasks: watch::Sender::new(()),
        });
        for (number, level) in inner.levels.iter().enumerate() {
            level.level().attach(Arc::new(Ear {
                cache: Arc::downgrade(&inner),
                level: number,
            }));
        }
        Self(inner)
    }

    /// Begins a key in this cache's namespace.
    #[must_use]
    pub fn key(&self, kind: &str) -> KeyBuilder {
        self.0.namespace.key(kind)
    }

    /// The namespace of its keys.
    #[must_use]
    pub fn namespace(&self) -> &Namespace {
        &self.0.namespace
    }

    /// The largest value in bytes that the memory level takes in; larger ones are not kept in memory.
    #[must_use]
    pub fn largest(&self) -> u64 {
        self.0.memory.largest()
    }

    /// What it has done and what it holds.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        let inner = &*self.0;
        Statistics::read(
            &inner.counters,
            &inner.memory,
            inner.flights.len(),
            inner
                .levels
                .iter()
                .map(|level| LevelStatistics::read(level)),
        )
    }

    /// Waits for what goes on in the background, tells the levels what they missed, and closes them. The cache is not to be
    /// used afterwards.
    ///
    /// # Errors
    /// The levels that could not be closed in order.
    pub async fn close(&self) -> Result<(), Error> {
        self.settled().await;
        self.0.note().await;
        let mut failures = Vec::new();
        for level in &self.0.levels {
            if let Err(error) = level.close().await {
                failures.push(crate::error::Failure {
                    level: level.name().into(),
                    error,
                });
            }
        }
        if failures.is_empty() {
            Ok(())
        } else {
            Err(Error::Levels(failures.into()))
        }
    }

    /// Waits until no load and no write of a lower level is under way in the background.
    pub async fn settled(&self) {
        self.0.tasks.closed().await;
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let held = self.0.tasks.subscribe();
        tokio::spawn(async move {
            task.await;
            drop(held);
        });
    }
}

impl<V: 'static> Inner<V> {
    /// The entry for something that was loaded, and whether it may be stored.
    fn entry(
        &self,
        key: &Key,
        loaded: Loaded<V>,
        previous: Option<&Entry<V>>,
        options: &Options,
        stamp: u64,
    ) -> Result<(Entry<V>, bool), Error>
    where
        V: Clone,
    {
        let options = loaded.options.as_ref().unwrap_or(options);
        let (value, tags, validator) = match loaded.content {
            Content::Value(value) => (Some(value), loaded.tags.into(), loaded.validator),
            Content::Absent => (None, loaded.tags.into(), loaded.validator),
            Content::NotModified => {
                let previous = previous.ok_or(Error::NothingToRevalidate)?;
                self.counters.one(Count::NotModified);
                let about = previous.about();
                let validator = loaded
                    .validator
                    .or_else(|| about.validator().map(Into::into));
                (previous.value().cloned(), about.tags().into(), validator)
            }
        };
        let lifetime = if value.is_some() {
            options.lifetime
        } else {
            options.negative_lifetime
        };
        let now = self.clock.now();
        let (fresh_until, eager_at) = lives(now, lifetime, options);
        let stale = if value.is_some() {
            millis(options.stale)
        } else {
            0
        };
        let about = About {
            stamp,
            created: now,
            keep_until: fresh_until.saturating_add(stale),
            extras: Extras::new(tags, validator, eager_at),
        };
        // What is never fresh can still be asked about, or serve when the source fails.
        let stored = (!lifetime.is_zero() || stale > 0) && !loaded.unlabelled;
        Ok((self.weighed(key, value, about, fresh_until), stored))
    }

    fn weighed(&self, key: &Key, value: Option<V>, about: About, fresh_until: Millis) -> Entry<V> {
        // What `weigh` says is the user's, and may be anything.
        let of_value = value.as_ref().map_or(0, &self.weigh);
        let heap = of_value.saturating_add(key.as_str().len() + OVERHEAD);
        Entry::new(value, about, fresh_until, heap)
    }

    /// The entry of a record from a lower level, with what remains of its lives. `None`: it cannot be read.
    fn entry_of(
        &self,
        key: &Key,
        record: Record,
        options: &Options,
        stamp: u64,
    ) -> Option<Entry<V>> {
        let value = match record.payload {
            // Bytes that are no value come from another program under the same name and version. They are as good as
            // not there, and the next load writes over them.
            Some(payload) => Some(self.codec.as_ref()?.decode(payload).ok()?),
            None => None,
        };
        let (now, unix) = (self.clock.now(), self.clock.unix());
        let here = |there: u64| {
            if there > unix {
                now.saturating_add(there - unix)
            } else {
                now.saturating_sub(unix - there)
            }
        };
        let fresh_until = if record.fresh_until == 0 {
            0
        } else {
            here(record.fresh_until)
        };
        let eager_at = options.eager.map_or(NEVER, |share| {
            let whole = record.fresh_until.saturating_sub(record.created);
            here(record.created).saturating_add((whole as f64 * share) as u64)
        });
        let about = About {
            stamp,
            created: here(record.created),
            keep_until: here(record.keep_until),
            extras: Extras::new(record.tags, record.validator, eager_at),
        };
        Some(self.weighed(key, value, about, fresh_until))
    }

    /// The record of an entry for the lower levels.
    fn record_of(&self, entry: &Entry<V>, options: &Options) -> Result<Record, Error> {
        let (Some(codec), about) = (&self.codec, entry.about()) else {
            return Err(Error::Codec("the cache has no codec".into()));
        };
        let payload = match entry.value() {
            Some(value) => Some(
                codec
                    .encode(value)
                    .map_err(|why| Error::Codec(why.into()))?,
            ),
            None => None,
        };
        let (now, unix) = (self.clock.now(), self.clock.unix());
        let there = |here: Millis| {
            if here > now {
                unix.saturating_add(here - now)
            } else {
                unix.saturating_sub(now - here)
            }
        };
        let stale = about.keep_until.saturating_sub(entry.fresh_until());
        let fresh_until = match options.lower_lifetime {
            Some(lifetime) if entry.value().is_some() => {
                there(about.created).saturating_add(millis(lifetime))
            }
            _ => there(entry.fresh_until()),
        };
        Ok(Record {
            created: there(about.created),
            fresh_until,
            keep_until: fresh_until.saturating_add(stale),
            tags: about.tags().into(),
            validator: about.validator().map(Into::into),
            payload,
        })
    }

    /// How often the key has been invalidated, or another one with the same hash.
    fn changes_of(&self, key: &Key) -> u64 {
        self.changed[hash(key) % CHANGED].load(Ordering::Acquire)
    }

    /// Whether the key, or another one with the same hash, was invalidated after so many keys had been.
    fn changed_after(&self, key: &Key, key_changes: u64) -> bool {
        self.changed_last[hash(key) % CHANGED].load(Ordering::Acquire) > key_changes
    }

    /// Takes in an invalidation in memory.
    fn forget(&self, what: &Invalidation) {
        self.counters.one(Count::Invalidations);
        if let Target::Key(key) = &what.target {
            let at = hash(key) % CHANGED;
            self.changed[at].fetch_add(1, Ordering::AcqRel);
            let number = self.key_changes.fetch_add(1, Ordering::AcqRel) + 1;
            self.changed_last[at].fetch_max(number, Ordering::AcqRel);
            self.looks.ground(key, || ());
        }
        match (&what.target, what.mode) {
            (Target::Key(key), Mode::Hard) => {
                self.flights
                    .ground(key, || self.memory.remove(key.as_str()));
            }
            (Target::Key(key), Mode::Soft) => self.flights.ground(key, || {
                if let Some(entry) = self.memory.peek(key.as_str()) {
                    entry.expire();
                }
            }),
            (target, mode) => {
                self.invalidations.add(target, mode);
                if what.target == Target::All && what.mode == Mode::Hard {
                    // It could go lazily as well; this way its room is free at once.
                    self.memory.clear();
                }
            }
        }
    }
}

/// Of a key, the same in every cache.
fn hash(key: &Key) -> usize {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(key) as usize
}

/// Until when something loaded now is fresh, and when it is to be refreshed.
fn lives(now: Millis, lifetime: Duration, options: &Options) -> (Millis, Millis) {
    let whole = millis(lifetime);
    let off = (whole as f64 * options.jitter.clamp(0.0, 1.0) * fastrand::f64()) as u64;
    let fresh = whole.saturating_sub(off);
    let eager_at = match options.eager {
        Some(share) if whole > 0 => {
            now.saturating_add((fresh as f64 * share.clamp(0.0, 1.0)) as u64)
        }
        _ => NEVER,
    };
    (now.saturating_add(fresh), eager_at)
}

/// Hears for a cache what other processes invalidate in one of its levels.
struct Ear<V> {
    cache: std::sync::Weak<Inner<V>>,
    level: usize,
}

impl<V: Clone + Send + Sync + 'static> Sink for Ear<V> {
    fn invalidated(&self, what: &Invalidation) {
        let Some(cache) = self.cache.upgrade() else {
            return;
        };
        // The levels above this one have it from this one.
        let above: Vec<_> = cache.levels[..self.level].to_vec();
        // Before memory drops it, or a reader could bring it back from there.
        let announced: Vec<_> = above.iter().map(|level| level.announce(what)).collect();
        cache.forget(what);
        if above.is_empty() {
            return;
        }
        let what = what.clone();
        let cache = Cache(cache);
        // From this moment, and not when the task begins.
        cache.0.under_way.fetch_add(1, Ordering::SeqCst);
        cache.clone().spawn(async move {
            let _done = UnderWay::begun(&cache.0.under_way);
            for (level, announced) in above.iter().zip(announced).rev() {
                // What fails is queued by the guard.
                let _ = level.invalidate(std::slice::from_ref(&what)).await;
                drop(announced);
            }
            cache.0.forget(&what);
        });
    }

    fn gap(&self) {
        self.invalidated(&Invalidation::all());
    }
}
