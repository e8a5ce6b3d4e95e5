//! What a level that outlives the process has missed while the process was not there.
//!
//! # The problem
//! What others invalidate in a shared level is passed on to the levels above it. A disk above it keeps its content when the
//! process ends; what is invalidated until the process is back must not be served from it.
//!
//! # The idea
//! The durable level keeps a note of how far the shared one had been heard. At the start, what came after it in the shared
//! level's log is taken in before anything is read; if the log does not reach back that far, everything is.
//!
//! # The trade-off
//! The note is renewed now and then and never ahead of what the durable level has taken in, so that some invalidations are
//! taken in twice, which costs a few loads. The first reader below memory waits a moment for what was missed; if that takes
//! longer, readers go past the durable level until it is there. A shared level that cannot be reached at the start is not waited
//! for: until it is, the content of the disk is served, as it is by a process that has lost touch; then all of it is dropped.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

use super::{Cache, Inner};
use crate::invalidate::Invalidation;
use crate::level::{Guarded, LevelError, LevelState};

/// Between two notes.
const PAUSE: Duration = Duration::from_millis(500);
/// Invalidations that a level is told at once.
const BATCH: usize = 1000;
/// How long a reader waits for the durable levels to have caught up: as long as for a level's answer.
const PATIENCE: Duration = Duration::from_millis(100);

/// Whether the durable levels have been told what they missed.
#[derive(Debug)]
pub(super) struct CatchUp {
    is_begun: AtomicBool,
    is_over: watch::Sender<bool>,
}

impl CatchUp {
    /// `None`: no level that outlives the process stands above a shared one, so nothing can have been missed.
    pub(super) fn of(levels: &[Arc<Guarded>]) -> Option<Self> {
        let mut durable = levels
            .iter()
            .skip_while(|level| !level.level().is_durable());
        durable
            .any(|level| level.level().is_shared())
            .then(|| Self {
                is_begun: AtomicBool::new(false),
                is_over: watch::Sender::new(false),
            })
    }

    fn is_over(&self) -> bool {
        *self.is_over.borrow()
    }
}

/// Counts as under way for as long as it lives: an invalidation that not all levels have heard of.
pub(super) struct UnderWay<'a>(&'a AtomicU64);

impl<'a> UnderWay<'a> {
    pub(super) fn new(count: &'a AtomicU64) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count)
    }

    /// For one that has been counted already.
    pub(super) fn begun(count: &'a AtomicU64) -> Self {
        Self(count)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl<V: Clone + Send + Sync + 'static> Cache<V> {
    /// Waits until the levels that outlive the process have been told what they missed. Nobody has to call it: the first read
    /// below memory begins with it. It takes that time out of the first reads, and begins in the Tokio runtime of its caller
    /// what goes on for as long as the cache is used, to keep note of what the levels have heard.
    pub async fn catch_up(&self) {
        let Some(catch_up) = &self.0.catch_up else {
            return;
        };
        if !catch_up.is_begun.swap(true, Ordering::AcqRel) {
            tokio::spawn(run(Arc::downgrade(&self.0)));
        }
        // The cache is there, and so is what tells of the end.
        let _ = catch_up.is_over.subscribe().wait_for(|over| *over).await;
    }

    /// Waits a moment until the levels that outlive the process may be read. To be called before leases are taken: what is told
    /// to a level in between makes them worthless.
    pub(super) async fn catch_up_soon(&self) {
        if !self.0.has_caught_up() {
            let _ = timeout(PATIENCE, self.catch_up()).await;
        }
    }
}

/// Tells the durable levels what they have missed, and then keeps note of what they have heard.
async fn run<V: Send + Sync + 'static>(cache: Weak<Inner<V>>) {
    let Some(inner) = cache.upgrade() else { return };
    for (number, shared) in inner.levels.iter().enumerate() {
        if !shared.level().is_shared() {
            continue;
        }
        let above = inner.levels[..number].iter();
        for level in above.filter(|level| level.level().is_durable()) {
            if let Some(missed) = missed(shared, level).await {
                for some in missed.chunks(BATCH) {
                    // What fails is queued by the guard, and the level not read before.
                    let _ = level.invalidate(some).await;
                }
            }
        }
    }
    if let Some(catch_up) = &inner.catch_up {
        catch_up.is_over.send_replace(true);
    }
    inner.note().await;
    drop(inner);
    keep_note(cache).await;
}

/// What a durable level has missed of a shared one; `None`: that cannot be told yet, and a gap will be reported.
async fn missed(shared: &Guarded, level: &Guarded) -> Option<Vec<Invalidation>> {
    let all = || Some(vec![Invalidation::all()]);
    if level.level().usage().entries == Some(0) {
        return None;
    }
    let Some(note) = level.level().noted() else {
        return all();
    };
    match shared.missed_since(&note).await {
        Ok(Some(missed)) => Some(missed),
        Ok(None) => all(),
        Err(LevelError::CutOff) => None,
        Err(_) => all(),
    }
}

impl<V> Inner<V> {
    /// Whether the levels that outlive the process may be read.
    pub(super) fn has_caught_up(&self) -> bool {
        self.catch_up.as_ref().is_none_or(CatchUp::is_over)
    }

    /// Notes how far the shared levels have been heard, if all that was heard has been taken in.
    pub(super) async fn note(&self) {
        if !self.has_caught_up() {
            return;
        }
        for (number, shared) in self.levels.iter().enumerate() {
            // First the position: whatever led to it is under way by then, or done.
            let Some(position) = shared.level().position() else {
                continue;
            };
            if self.under_way.load(Ordering::SeqCst) > 0 {
                continue;
            }
            for level in &self.levels[..number] {
                let is_told = level.state() != LevelState::Behind;
                if is_told && level.level().is_durable() {
                    // An older note is only more work.
                    let _ = level.level().note(&position).await;
                }
            }
        }
    }
}

async fn keep_note<V: Send + Sync + 'static>(cache: Weak<Inner<V>>) {
    loop {
        tokio::time::sleep(PAUSE).await;
        let Some(cache) = cache.upgrade() else { return };
        cache.note().await;
    }
}
