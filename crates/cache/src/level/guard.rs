//! What stands between the cache and a level that may fail: time limits, a circuit breaker, and a queue of the
//! invalidations that the level has missed.
//!
//! # The problem
//! A level that is down must cost nothing, and one that is slow not more than its time limit now and then. And a level
//! that comes back must not be believed before it has been told what was invalidated meanwhile.
//!
//! # The idea
//! After [`GuardOptions::failures`] calls in a row have failed, the level is not asked for a while (the breaker is
//! *open*), and then by one call at a time, until one succeeds. An invalidation that the level did not confirm is
//! queued; from then on the level is neither read nor written until the queue, in order, has been taken in, which
//! a task of its own sees to. The queue is bounded: when it is full, one "all" takes its place.
//!
//! # The trade-off
//! A level that missed a single invalidation is unused until it is told. Stale values would be the price of
//! using it, and a level below memory is there to save work, so work is what is paid.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::announce::{Announced, Announcements};
use super::{Claim, Confirmed, Lease, Level, LevelError, Record};
use crate::clock::after;
use crate::counters::Counters;
use crate::invalidate::{Invalidation, Target};
use crate::key::Key;

/// Limits for one level.
#[derive(Debug, Clone)]
pub struct GuardOptions {
    /// How long a read may take. Default 100 ms: longer than any healthy level on the same site needs, shorter than
    /// a reader notices.
    pub read_timeout: Duration,
    /// How long a write or an invalidation may take. Default 1 s.
    pub write_timeout: Duration,
    /// So many failures in a row open the breaker. Default 5.
    pub failures: u32,
    /// For how long it is open the first time; it doubles with each failed attempt. Default 500 ms.
    pub open: Duration,
    /// And at most so long. Default 10 s.
    pub open_max: Duration,
    /// So many missed invalidations are kept; more become one "all". Default 10,000.
    pub missed: usize,
}

impl Default for GuardOptions {
    fn default() -> Self {
        Self {
            read_timeout: Duration::from_millis(100),
            write_timeout: Duration::from_secs(1),
            failures: 5,
            open: Duration::from_millis(500),
            open_max: Duration::from_secs(10),
            missed: 10_000,
        }
    }
}

/// Whether a level is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LevelState {
    /// It is.
    Up,
    /// It failed too often just now, and is tried again soon.
    Open,
    /// It has to be told what it missed first.
    Behind,
}

/// A level with its limits.
pub(crate) struct Guarded {
    level: Arc<dyn Level>,
    options: GuardOptions,
    breaker: Mutex<Breaker>,
    missed: Mutex<Missed>,
    /// Held by whoever tells the level what it missed.
    telling: tokio::sync::Mutex<()>,
    announced: Arc<Announcements>,
    counters: LevelCounters,
}

/// What is counted for a level.
pub(crate) struct LevelCounters(Counters);

/// The counters of a level. They share the cells of [`crate::counters::Count`] by number.
pub(crate) type LevelCount = crate::counters::Count;

#[derive(Default)]
struct Breaker {
    failures: u32,
    /// While open: when the next attempt may be made.
    retry_at: Option<Instant>,
    opened: u32,
    last: Option<LevelError>,
}

#[derive(Default)]
struct Missed {
    queue: VecDeque<Invalidation>,
    /// Whether a task is about to tell the level.
    replaying: bool,
}

impl Guarded {
    pub(crate) fn new(level: Arc<dyn Level>, options: GuardOptions) -> Arc<Self> {
        Arc::new(Self {
            level,
            options,
            breaker: Mutex::default(),
            missed: Mutex::default(),
            telling: tokio::sync::Mutex::default(),
            announced: Arc::default(),
            counters: LevelCounters(Counters::new()),
        })
    }

    pub(crate) fn level(&self) -> &Arc<dyn Level> {
        &self.level
    }

    pub(crate) fn name(&self) -> &str {
        self.level.name()
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.counters.0
    }

    pub(crate) fn state(&self) -> LevelState {
        if !lock(&self.missed).queue.is_empty() {
            LevelState::Behind
        } else if lock(&self.breaker).retry_at.is_some() {
            LevelState::Open
        } else {
            LevelState::Up
        }
    }

    /// The last failure, if the level has not succeeded since.
    pub(crate) fn last_error(&self) -> Option<LevelError> {
        lock(&self.breaker).last.clone()
    }

    /// How many invalidations wait for the level.
    pub(crate) fn behind(&self) -> usize {
        lock(&self.missed).queue.len()
    }

    /// The level's number; `None` while nothing may be stored in it.
    pub(crate) fn lease(&self) -> Option<Lease> {
        if self.state() == LevelState::Behind {
            None
        } else {
            self.level.lease()
        }
    }

    pub(crate) async fn get(&self, key: &Key) -> Result<Option<Record>, LevelError> {
        let before = self.announced.now();
        let found = self
            .call(self.options.read_timeout, || self.level.get(key))
            .await
            .map(|found| {
                let record = before.applied(key, found?)?;
                self.announced.now().applied(key, record)
            });
        self.counters().one(match &found {
            Ok(Some(_)) => LevelCount::Hits,
            Ok(None) => LevelCount::Misses,
            Err(LevelError::Timeout) => LevelCount::LoadTimeouts,
            Err(_) => LevelCount::LoadFailures,
        });
        found
    }

    pub(crate) async fn put(
        &self,
        key: &Key,
        record: Record,
        lease: Lease,
    ) -> Result<bool, LevelError> {
        let stored = self
            .call(self.options.write_timeout, || {
                self.level.put(key, record, lease)
            })
            .await;
        self.counters().one(match &stored {
            Ok(true) => LevelCount::Stores,
            Ok(false) => LevelCount::Overtaken,
            Err(_) => LevelCount::LoadFailures,
        });
        stored
    }

    pub(crate) async fn claim(&self, key: &Key, limit: Duration) -> Result<Claim, LevelError> {
        self.call(self.options.read_timeout, || self.level.claim(key, limit))
            .await
    }

    pub(crate) async fn release(&self, key: &Key, fence: u64) {
        // What is not given back ends by itself.
        let _ = self
            .call(self.options.read_timeout, || self.level.release(key, fence))
            .await;
    }

    /// Waits until the other processes have taken in what led to `lease`.
    pub(crate) async fn confirmed(
        &self,
        lease: Lease,
        limit: Duration,
    ) -> Result<Confirmed, LevelError> {
        self.call(limit.saturating_add(self.options.read_timeout), || {
            self.level.confirmed(lease, limit)
        })
        .await
    }

    /// What was invalidated in the level after a position. It is a few reads of the level in a row.
    pub(crate) async fn missed_since(
        &self,
        position: &str,
    ) -> Result<Option<Vec<Invalidation>>, LevelError> {
        let limit = self.options.write_timeout.saturating_mul(5);
        match timeout(limit, self.level.missed_since(position)).await {
            Ok(missed) => missed,
            Err(_) => Err(LevelError::Timeout),
        }
    }

    pub(crate) async fn close(&self) -> Result<(), LevelError> {
        let told = self.tell().await;
        let limit = self.options.write_timeout.saturating_mul(5);
        let closed = match timeout(limit, self.level.close()).await {
            Ok(closed) => closed,
            Err(_) => Err(LevelError::Timeout),
        };
        told.and(closed)
    }

    /// Until this is dropped, nothing is read from the level that these invalidations concern: it is about to be told.
    pub(crate) fn announce(&self, what: &Invalidation) -> Announced {
        self.announced.add(what)
    }

    /// Takes in invalidations; what the level does not confirm now, it is told later.
    pub(crate) async fn invalidate(
        self: &Arc<Self>,
        what: &[Invalidation],
    ) -> Result<Lease, LevelError> {
        self.counters()
            .add(LevelCount::Invalidations, what.len() as u64);
        if lock(&self.missed).queue.is_empty() {
            // A cancelled caller must not lose what may have been taken in only in part.
            let mut unconfirmed = Unconfirmed {
                guard: self,
                what: Some(what),
            };
            let done = self
                .attempt(self.options.write_timeout, || self.level.invalidate(what))
                .await;
            if done.is_ok() {
                unconfirmed.what = None;
            }
            return done;
        }
        self.miss(what);
        Err(LevelError::Open)
    }

    /// One call of the level, unless it must not be asked now.
    async fn call<'a, T>(
        &'a self,
        limit: Duration,
        call: impl FnOnce() -> super::Later<'a, Result<T, LevelError>>,
    ) -> Result<T, LevelError> {
        if !lock(&self.missed).queue.is_empty() {
            return Err(LevelError::Open);
        }
        self.attempt(limit, call).await
    }

    async fn attempt<'a, T>(
        &'a self,
        limit: Duration,
        call: impl FnOnce() -> super::Later<'a, Result<T, LevelError>>,
    ) -> Result<T, LevelError> {
        self.admit()?;
        let result = match timeout(limit, call()).await {
            Ok(result) => result,
            Err(_) => Err(LevelError::Timeout),
        };
        self.report(result.as_ref().err());
        result
    }

    /// Whether the breaker lets a call through. Of an open one, only the first after its time does, and puts the next
    /// attempt off.
    fn admit(&self) -> Result<(), LevelError> {
        let mut breaker = lock(&self.breaker);
        let Some(retry_at) = breaker.retry_at else {
            return Ok(());
        };
        let now = Instant::now();
        if now < retry_at {
            return Err(LevelError::Open);
        }
        breaker.retry_at = Some(after(now, self.pause(breaker.opened)));
        Ok(())
    }

    fn report(&self, error: Option<&LevelError>) {
        let mut breaker = lock(&self.breaker);
        let Some(error) = error else {
            // Also a success that had begun before the breaker opened: the level answers.
            *breaker = Breaker::default();
            return;
        };
        breaker.last = Some(error.clone());
        breaker.failures = breaker.failures.saturating_add(1);
        // A level that says itself that it is cut off costs no time, and knows best when it is back.
        if breaker.failures >= self.options.failures && *error != LevelError::CutOff {
            breaker.retry_at = Some(after(Instant::now(), self.pause(breaker.opened)));
            breaker.opened = breaker.opened.saturating_add(1);
        }
    }

    fn pause(&self, opened: u32) -> Duration {
        self.options
            .open
            .saturating_mul(1 << opened.min(16))
            .min(self.options.open_max)
    }

    /// Notes what the level has missed, and sees to it that it is told.
    pub(crate) fn miss(self: &Arc<Self>, what: &[Invalidation]) {
        let mut missed = lock(&self.missed);
        missed.queue.extend(what.iter().cloned());
        if missed.queue.len() > self.options.missed {
            missed.queue.clear();
            missed.queue.push_back(Invalidation {
                target: Target::All,
                mode: crate::invalidate::Mode::Hard,
            });
        }
        if !missed.replaying && tokio::runtime::Handle::try_current().is_ok() {
            missed.replaying = true;
            tokio::spawn(replay(Arc::downgrade(self)));
        }
    }

    /// Tells the level what it has missed.
    async fn tell(&self) -> Result<(), LevelError> {
        let _alone = self.telling.lock().await;
        loop {
            let batch: Vec<_> = lock(&self.missed).queue.iter().take(500).cloned().collect();
            if batch.is_empty() {
                return Ok(());
            }
            self.attempt(self.options.write_timeout, || self.level.invalidate(&batch))
                .await?;
            let mut missed = lock(&self.missed);
            // An overflow may have put an "all" in place of the whole queue meanwhile.
            if missed.queue.len() >= batch.len()
                && missed
                    .queue
                    .iter()
                    .zip(&batch)
                    .all(|(one, other)| one == other)
            {
                missed.queue.drain(..batch.len());
            }
        }
    }
}

/// Tries to tell a level what it has missed until it has been told, or is no more.
async fn replay(guard: std::sync::Weak<Guarded>) {
    let mut pause = Duration::from_millis(50);
    loop {
        tokio::time::sleep(pause).await;
        let Some(guard) = guard.upgrade() else { return };
        let told = guard.tell().await;
        let mut missed = lock(&guard.missed);
        if told.is_ok() && missed.queue.is_empty() {
            missed.replaying = false;
            return;
        }
        // The breaker decides when the level is really asked.
        pause = (pause * 2).min(Duration::from_millis(500));
    }
}

/// Queues an invalidation that was not confirmed, whatever became of its call.
struct Unconfirmed<'a> {
    guard: &'a Arc<Guarded>,
    what: Option<&'a [Invalidation]>,
}

impl Drop for Unconfirmed<'_> {
    fn drop(&mut self) {
        if let Some(what) = self.what {
            self.guard.miss(what);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
