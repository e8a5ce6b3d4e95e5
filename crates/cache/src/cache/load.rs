//! The path of a load: the lower levels, then the loader within its time limits, then everything is stored, unless it
//! was invalidated meanwhile.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::{Cache, Outcome};
use crate::clock::{after, millis};
use crate::counters::Count;
use crate::entry::{Entry, Standing};
use crate::error::Error;
use crate::flight::Lead;
use crate::invalidate::Invalidation;
use crate::key::Key;
use crate::level::{Claim, Guarded, Lease, Record};
use crate::loaded::{Context, Loaded};
use crate::options::Options;

/// What each lower level stood at before a load began.
pub(super) type Leases = Box<[Option<Lease>]>;

/// What the lower levels have.
pub(super) enum Lower<V> {
    Fresh(Arc<Entry<V>>, Record, usize),
    Stale(Arc<Entry<V>>),
    Missing,
}

/// What a load brought.
pub(super) struct Brought<V> {
    pub(super) entry: Arc<Entry<V>>,
    /// It may be stored.
    pub(super) stored: bool,
    /// The cache had something else.
    pub(super) replaces: bool,
}

/// How often a process looks whether another one has finished its load.
const CLAIM_POLL: Duration = Duration::from_millis(25);

type Loading<R> = JoinHandle<Result<R, Box<dyn std::error::Error + Send + Sync>>>;

impl<V: Clone + Send + Sync + 'static> Cache<V> {
    /// Answers a miss.
    pub(super) async fn load<L, F, R, E>(
        &self,
        lead: Lead<Outcome<V>>,
        mut fallback: Option<Arc<Entry<V>>>,
        options: &Options,
        loader: L,
    ) where
        L: FnOnce(Context<V>) -> F + Send + 'static,
        F: Future<Output = Result<R, E>> + Send + 'static,
        R: Into<Loaded<V>> + Send + 'static,
        E: Into<Box<dyn std::error::Error + Send + Sync>> + Send + 'static,
    {
        if options.lower {
            self.catch_up_soon().await;
        }
        let mut leases = self.leases(options);
        let shared = options.single_process && options.lower;
        // One look at the lower levels, and while another process loads, one after another.
        let deadline = after(tokio::time::Instant::now(), options.hard_timeout);
        let mut fence = 0;
        loop {
            match self.lower(lead.key(), options, lead.stamp()).await {
                Lower::Fresh(entry, record, level) => {
                    self.give_back(lead.key(), fence).await;
                    return self.promote(lead, entry, record, level, &leases).await;
                }
                Lower::Stale(entry)
                    if fallback
                        .as_ref()
                        .is_none_or(|old| old.created() < entry.created()) =>
                {
                    fallback = Some(entry);
                }
                Lower::Stale(_) | Lower::Missing => {}
            }
            if !shared || fence != 0 {
                break;
            }
            match self.claim(lead.key(), options.hard_timeout).await {
                Claim::Granted { fence: 0 } => break,
                // Looked at once more: the one who had it may have stored in between.
                Claim::Granted { fence: granted } => fence = granted,
                Claim::Taken if tokio::time::Instant::now() >= deadline => break,
                Claim::Taken => tokio::time::sleep(CLAIM_POLL).await,
            }
        }
        if fence != 0
            && let Some(Some(lease)) = leases.last_mut()
        {
            lease.fence = fence;
        }
        self.ask(lead, fallback, options, loader, leases).await;
    }

    /// Refreshes a value that is still fresh: the lower levels have nothing newer.
    pub(super) async fn reload<L, F, R, E>(
        &self,
        lead: Lead<Outcome<V>>,
        previous: Arc<Entry<V>>,
        options: &Options,
        loader: L,
    ) where
        L: FnOnce(Context<V>) -> F + Send + 'static,
        F: Future<Output = Result<R, E>> + Send + 'static,
        R: Into<Loaded<V>> + Send + 'static,
        E: Into<Box<dyn std::error::Error + Send + Sync>> + Send + 'static,
    {
        let leases = self.leases(options);
        let key = lead.key().clone();
        let eager_again = self.0.clock.now().saturating_add(millis(options.throttle));
        self.ask(lead, Some(previous.clone()), options, loader, leases)
            .await;
        // If it failed, the old entry is still there, and somebody tries again after the throttle.
        if self.0.memory.holds(key.as_str(), &previous) {
            previous.refresh_at(eager_again);
        }
    }

    /// Runs the loader. At the hard limit the readers get an error or the stale value; the load may go on for as long
    /// again, and what it brings then is stored.
    async fn ask<L, F, R, E>(
        &self,
        lead: Lead<Outcome<V>>,
        fallback: Option<Arc<Entry<V>>>,
        options: &Options,
        loader: L,
        leases: Leases,
    ) where
        L: FnOnce(Context<V>) -> F + Send + 'static,
        F: Future<Output = Result<R, E>> + Send + 'static,
        R: Into<Loaded<V>> + Send + 'static,
        E: Into<Box<dyn std::error::Error + Send + Sync>> + Send + 'static,
    {
        self.0.counters.one(Count::Loads);
        let began = Instant::now();
        let context = Context {
            key: lead.key().clone(),
            previous: fallback.clone(),
        };
        // A task of its own, so that a panic ends it and nothing else.
        let mut loading: Loading<R> =
            tokio::spawn(async move { loader(context).await.map_err(Into::into) });
        let mut is_late = false;
        let joined = match timeout(options.hard_timeout, &mut loading).await {
            Ok(joined) => joined,
            Err(_) => {
                is_late = true;
                self.0.counters.one(Count::LoadTimeouts);
                self.0.counters.one(Count::LoadFailures);
                lead.publish(self.fall_back(
                    &lead,
                    fallback.as_ref(),
                    options,
                    Error::Timeout(options.hard_timeout),
                ));
                match timeout(options.hard_timeout, &mut loading).await {
                    Ok(joined) => joined,
                    Err(_) => {
                        loading.abort();
                        return;
                    }
                }
            }
        };
        let took = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.0.counters.add(Count::LoadMicros, took);
        let loaded = match joined {
            Ok(Ok(loaded)) => Ok(loaded.into()),
            Ok(Err(error)) => Err(Error::Load(error.into())),
            Err(error) if error.is_panic() => Err(Error::Panicked),
            Err(_) => Err(Error::Cancelled),
        };
        let effective = loaded
            .as_ref()
            .ok()
            .and_then(|loaded: &Loaded<V>| loaded.options.clone());
        let entry = loaded.and_then(|loaded| {
            self.0.entry(
                lead.key(),
                loaded,
                fallback.as_deref(),
                options,
                lead.stamp(),
            )
        });
        match entry {
            Ok((entry, stored)) => {
                let found = Brought {
                    entry: Arc::new(entry),
                    stored,
                    replaces: fallback.is_some(),
                };
                let options = effective.as_ref().unwrap_or(options);
                self.store(lead, found, options, leases).await;
            }
            Err(error) => {
                if !is_late {
                    self.0.counters.one(Count::LoadFailures);
                }
                let fence = fence_of(&leases);
                let key = lead.key().clone();
                let outcome = self.fall_back(&lead, fallback.as_ref(), options, error);
                // A stale value from a lower level is kept in memory as well, so that the throttle holds.
                let kept = outcome.as_ref().ok().cloned();
                lead.land(outcome, || {
                    if let Some(entry) = kept {
                        self.0.memory.insert(key.clone(), entry);
                    }
                });
                self.give_back(&key, fence).await;
            }
        }
    }

    /// Fail-safe: the stale value for some more time, if there is one that may be used.
    fn fall_back(
        &self,
        lead: &Lead<Outcome<V>>,
        fallback: Option<&Arc<Entry<V>>>,
        options: &Options,
        error: Error,
    ) -> Outcome<V> {
        let now = self.0.clock.now();
        let usable = fallback.filter(|entry| {
            !lead.is_grounded()
                && entry.standing(lead.key().as_str(), now, &self.0.invalidations) != Standing::Gone
        });
        let Some(entry) = usable else {
            return Err(error);
        };
        if entry.fresh_until() <= now {
            entry.postpone(now.saturating_add(millis(options.throttle)));
        }
        self.0.counters.one(Count::Stale);
        Ok(entry.clone())
    }

    /// Ends a flight with a loaded entry: into memory at once, into the lower levels before the task ends.
    async fn store(
        &self,
        lead: Lead<Outcome<V>>,
        loaded: Brought<V>,
        options: &Options,
        leases: Leases,
    ) {
        let key = lead.key().clone();
        if self.land(lead, &loaded) && options.lower {
            self.store_below(&key, &loaded, options, &leases).await;
        }
        self.give_back(&key, fence_of(&leases)).await;
    }

    /// The same for a flight that its caller drives: what is slow goes on in the background.
    pub(super) fn store_now(
        &self,
        lead: Lead<Outcome<V>>,
        loaded: Brought<V>,
        options: &Options,
        leases: Leases,
    ) {
        let key = lead.key().clone();
        if self.land(lead, &loaded) && options.lower && !self.0.levels.is_empty() {
            let (cache, options) = (self.clone(), options.clone());
            self.spawn(async move {
                cache.store_below(&key, &loaded, &options, &leases).await;
            });
        }
    }

    /// Puts what is in memory now into the lower levels.
    async fn store_below(&self, key: &Key, found: &Brought<V>, options: &Options, leases: &Leases) {
        if self.0.levels.is_empty() {
            return;
        }
        let record = found
            .stored
            .then(|| self.0.record_of(&found.entry, options));
        match record {
            Some(Ok(record)) => {
                self.put_lower(key, &record, leases, self.0.levels.len())
                    .await;
            }
            // They may have the value in whose place this one came, still fresh.
            _ if found.replaces => {
                for level in self.0.levels.iter().rev() {
                    // What fails is queued by the guard.
                    let _ = level.invalidate(&[Invalidation::key(key)]).await;
                }
            }
            _ => {}
        }
    }

    /// Puts a loaded entry into memory, if it may be stored, and ends its flight. `false`: it was invalidated meanwhile.
    fn land(&self, lead: Lead<Outcome<V>>, found: &Brought<V>) -> bool {
        let Brought { entry, stored, .. } = found;
        let key = lead.key().clone();
        let landed = lead.land(Ok(entry.clone()), || {
            if *stored {
                self.0.memory.insert(key.clone(), entry.clone());
            } else {
                // What was there has just been found out to be no longer so.
                self.0.memory.remove(key.as_str());
            }
        });
        if *stored {
            self.0.counters.one(if landed {
                Count::Stores
            } else {
                Count::Overtaken
            });
        }
        landed
    }

    /// Takes a value from a lower level into memory and into the levels between, with what remains of its lifetime.
    async fn promote(
        &self,
        lead: Lead<Outcome<V>>,
        entry: Arc<Entry<V>>,
        record: Record,
        level: usize,
        leases: &Leases,
    ) {
        let key = lead.key().clone();
        let landed = lead.land(Ok(entry.clone()), || {
            self.0.memory.insert(key.clone(), entry);
        });
        if landed {
            self.put_lower(&key, &record, leases, level).await;
        }
    }

    /// What the lower levels have, asked from the nearest to the farthest.
    pub(super) async fn lower(&self, key: &Key, options: &Options, stamp: u64) -> Lower<V> {
        let mut best: Option<Arc<Entry<V>>> = None;
        let levels = if options.lower { &*self.0.levels } else { &[] };
        let has_caught_up = self.0.has_caught_up();
        for (number, level) in levels.iter().enumerate() {
            if !has_caught_up && level.level().is_durable() {
                continue;
            }
            let Ok(Some(record)) = level.get(key).await else {
                continue;
            };
            let Some(entry) = self.0.entry_of(key, record.clone(), options, stamp) else {
                continue;
            };
            let entry = Arc::new(entry);
            match entry.standing(key.as_str(), self.0.clock.now(), &self.0.invalidations) {
                Standing::Fresh | Standing::Due => return Lower::Fresh(entry, record, number),
                Standing::Stale
                    if best
                        .as_ref()
                        .is_none_or(|best| best.created() < entry.created()) =>
                {
                    best = Some(entry);
                }
                Standing::Stale | Standing::Gone => {}
            }
        }
        best.map_or(Lower::Missing, Lower::Stale)
    }

    pub(super) fn leases(&self, options: &Options) -> Leases {
        self.0
            .levels
            .iter()
            .map(|level| options.lower.then(|| level.lease()).flatten())
            .collect()
    }

    /// Puts a record into the first `count` lower levels, those that were in step when its load began.
    pub(super) async fn put_lower(
        &self,
        key: &Key,
        record: &Record,
        leases: &Leases,
        count: usize,
    ) {
        for (level, lease) in self.0.levels.iter().zip(leases).take(count) {
            if let Some(lease) = lease {
                // What fails is counted by the guard; a level without the value is no harm.
                let _ = level.put(key, record.clone(), *lease).await;
            }
        }
    }

    /// The level that all processes share is the last one.
    fn shared(&self) -> Option<&Arc<Guarded>> {
        self.0.levels.last()
    }

    async fn claim(&self, key: &Key, limit: Duration) -> Claim {
        match self.shared() {
            // A level that fails keeps nobody from loading.
            Some(level) => level
                .claim(key, limit)
                .await
                .unwrap_or(Claim::Granted { fence: 0 }),
            None => Claim::Granted { fence: 0 },
        }
    }

    async fn give_back(&self, key: &Key, fence: u64) {
        if fence != 0
            && let Some(level) = self.shared()
        {
            level.release(key, fence).await;
        }
    }
}

fn fence_of(leases: &Leases) -> u64 {
    leases
        .last()
        .copied()
        .flatten()
        .map_or(0, |lease| lease.fence)
}
