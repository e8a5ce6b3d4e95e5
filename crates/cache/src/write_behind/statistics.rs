//! What a queue has done and what waits, as a snapshot.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::Handle;

/// A snapshot. Counts are since the queue was opened, and never go back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WriteBehindStatistics {
    /// Changes that the store does not have yet.
    pub pending: usize,
    /// Of them: those that are with the store just now.
    pub in_flight: usize,
    /// What they weigh, in bytes.
    pub pending_bytes: usize,
    /// How long the oldest has waited: how far the store is behind.
    pub oldest: Option<Duration>,
    /// Changes accepted, replayed ones included.
    pub accepted: u64,
    /// Of them: from the log, at opening.
    pub replayed: u64,
    /// Changes that the store took.
    pub written: u64,
    /// Changes that were not written because a newer one of their key had come.
    pub coalesced: u64,
    /// Changes that were handed to the store once more.
    pub retries: u64,
    /// Changes that were given up: see [`dead_letters`](super::dead_letters).
    pub dead: u64,
    /// Calls of the store.
    pub batches: u64,
    /// Of them: those that failed, for some changes or all.
    pub failed_batches: u64,
    /// Bytes of the log.
    pub log_bytes: u64,
    /// Files of the log.
    pub log_files: u64,
    /// What could not be done to the log.
    pub log_failures: u64,
    /// Bytes that were cut off at opening, as the torn end of a crash.
    pub torn_bytes: u64,
    /// What the store said when it failed last.
    pub last_error: Option<Arc<str>>,
    /// What was wrong with the log last.
    pub last_log_error: Option<Arc<str>>,
}

impl WriteBehindStatistics {
    pub(super) fn read<V: Clone>(handle: &Handle<V>) -> Self {
        let (progress, gauge) = (&handle.shared.progress, &handle.gauge);
        let state = handle.shared.queue.lock();
        let counts = state.counts.clone();
        let (in_flight, oldest) = (state.flying(), state.oldest(Instant::now()));
        drop(state);
        Self {
            pending: counts.pending,
            in_flight,
            pending_bytes: counts.bytes,
            oldest,
            accepted: counts.accepted,
            replayed: handle.replayed,
            written: counts.written,
            coalesced: counts.coalesced,
            retries: counts.retries,
            dead: counts.dead,
            batches: progress.batches.load(Ordering::Relaxed),
            failed_batches: progress.failed_batches.load(Ordering::Relaxed),
            log_bytes: gauge.bytes.load(Ordering::Relaxed),
            log_files: gauge.files.load(Ordering::Relaxed),
            log_failures: gauge.failures.load(Ordering::Relaxed),
            torn_bytes: handle.torn_bytes,
            last_error: text(&progress.last_error),
            last_log_error: text(&gauge.last_error),
        }
    }
}

pub(super) fn text(text: &Mutex<Option<Arc<str>>>) -> Option<Arc<str>> {
    text.lock().unwrap_or_else(PoisonError::into_inner).clone()
}
