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
//! taken in twice, which costs a few loads. A shared level that cannot be reached at the start is not waited for: until it is,
//! the content of the disk is served, as it is by a process that has lost touch; then all of it is dropped.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::{Cache, Inner};
use crate::invalidate::Invalidation;
use crate::level::{Guarded, LevelError, LevelState};

/// Between two notes.
const PAUSE: Duration = Duration::from_millis(500);
/// Invalidations that a level is told at once.
const BATCH: usize = 1000;

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
    /// Tells the levels that outlive the process what they have missed, and goes on keeping note of it. To be called once, in
    /// a Tokio runtime that goes on, before anything is read; without a durable level above a shared one it does nothing.
    pub async fn catch_up(&self) {
        for (number, shared) in self.0.levels.iter().enumerate() {
            let above = &self.0.levels[..number];
            if !shared.level().is_shared() || above.is_empty() {
                continue;
            }
            for level in above.iter().filter(|level| level.level().is_durable()) {
                if let Some(missed) = missed(shared, level).await {
                    for some in missed.chunks(BATCH) {
                        // What fails is queued by the guard, and the level not read before.
                        let _ = level.invalidate(some).await;
                    }
                }
            }
            tokio::spawn(keep_note(Arc::downgrade(&self.0)));
        }
        self.0.note().await;
    }
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
    match shared.level().missed_since(&note).await {
        Ok(Some(missed)) => Some(missed),
        Ok(None) => all(),
        Err(LevelError::CutOff) => None,
        Err(_) => all(),
    }
}

impl<V> Inner<V> {
    /// Notes how far the shared levels have been heard, if all that was heard has been taken in.
    pub(super) async fn note(&self) {
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
