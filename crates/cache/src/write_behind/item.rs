//! One change in the queue, and what is counted of all.

use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use crate::loaded::{Content, Loaded};

/// One change.
pub(super) struct Item<V> {
    /// The value with its tags and options, as the cache has it.
    pub(super) loaded: Loaded<V>,
    pub(super) sequence: u64,
    /// When the oldest change that this one stands for came.
    pub(super) since: Instant,
    /// The file of the log with its record.
    pub(super) file: u64,
    /// Its weight in the queue.
    pub(super) bytes: usize,
    /// From the log of a process before this one: its options are not known.
    pub(super) replayed: bool,
    /// What it takes of the queue's room, given back when it is dropped.
    pub(super) _room: Option<Room>,
    pub(super) tries: Tries,
}

pub(super) type Room = (OwnedSemaphorePermit, OwnedSemaphorePermit);

/// What became of it so far.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tries {
    /// Refusals by name.
    pub(super) refused: u32,
    /// Failures alone in a batch.
    pub(super) alone: u32,
    /// The largest batch it may be in.
    pub(super) limit: usize,
    /// When it is tried again, if it stands in `later`.
    pub(super) due: Option<Instant>,
}

impl Default for Tries {
    fn default() -> Self {
        Self {
            refused: 0,
            alone: 0,
            limit: usize::MAX,
            due: None,
        }
    }
}

/// What has been done since the beginning, and what is there.
#[derive(Debug, Default, Clone)]
pub(super) struct Counts {
    pub(super) pending: usize,
    pub(super) bytes: usize,
    pub(super) accepted: u64,
    pub(super) coalesced: u64,
    pub(super) written: u64,
    pub(super) retries: u64,
    pub(super) dead: u64,
}

impl<V> Item<V> {
    pub(super) fn value(&self) -> Option<&V> {
        match &self.loaded.content {
            Content::Value(value) => Some(value),
            Content::Absent | Content::NotModified => None,
        }
    }
}

impl Counts {
    pub(super) fn drop_one<V>(&mut self, item: &Item<V>) {
        self.pending -= 1;
        self.bytes -= item.bytes;
    }
}
