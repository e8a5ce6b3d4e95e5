//! The log's end: appending and writing.
//!
//! Entries are collected in a buffer and written with one system call. What they change in the index takes effect when
//! that has succeeded, and only then is anybody told. So what is acknowledged survives the death of the process, and
//! what is read is in the file.
//!
//! A write that fails is taken back by cutting the file where it was. Should that fail too, the file is left as it is
//! and the next segment names a number that no entry has: recovery then finds a hole, and drops what is older.

use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::clock::Clock;
use crate::level::LevelError;

use super::DiskOptions;
use super::entry::{Draft, HEADER, Kind, Place};
use super::event::Event;
use super::queue::Reply;
use super::segment::{FOOTER, START, Segment};
use super::shared::Shared;

/// How much of a footer one entry takes up, apart from a text.
const EVENT: usize = 32;
/// How often a write that found the disk full is tried again after a segment was given up.
const RETRIES: usize = 2;

/// The end of the log, in the hands of the one thread that writes.
pub(super) struct Log {
    pub(super) shared: Arc<Shared>,
    /// All segments together are at most so long.
    pub(super) limit: u64,
    /// A segment is sealed when it would become longer than this.
    pub(super) segment_bytes: u64,
    /// Whether invalidations are forced to the medium.
    pub(super) sync: bool,
    pub(super) clock: Clock,
    pub(super) active: Option<Active>,
    pub(super) buffer: Vec<u8>,
    staged: Vec<Staged>,
    /// The number of the next entry. None is given twice, whatever became of its entry.
    next: u64,
    /// The number of the last entry in the file, and in the buffer behind it.
    pub(super) written: u64,
    buffered: u64,
    /// The id of the next segment.
    pub(super) next_segment: Option<u32>,
}

/// The segment that is being written.
pub(super) struct Active {
    pub(super) segment: Arc<Segment>,
    /// The events so far, as the footer will have them; so many bytes of them are of entries in the file.
    pub(super) events: Vec<u8>,
    pub(super) events_written: usize,
}

/// An entry in the buffer.
struct Staged {
    event: Event,
    reply: Option<Reply<bool>>,
}

impl Log {
    /// `last`: the number of the last entry; `next_segment`: the first id that no segment has had.
    pub(super) fn new(
        shared: Arc<Shared>,
        options: &DiskOptions,
        last: u64,
        next_segment: Option<u32>,
    ) -> Self {
        Self {
            shared,
            limit: options.limit(),
            segment_bytes: options.segment_bytes(),
            sync: options.sync,
            clock: options.clock.clone(),
            active: None,
            buffer: Vec::new(),
            staged: Vec::new(),
            next: last + 1,
            written: last,
            buffered: last,
            next_segment,
        }
    }

    /// Gives out a number.
    pub(super) fn number(&mut self) -> u64 {
        let number = self.next;
        self.next += 1;
        number
    }

    /// Puts an entry into the buffer; its number, segment and offset.
    pub(super) fn append(
        &mut self,
        kind: Kind,
        hash: u64,
        key: &[u8],
        body: &[u8],
    ) -> Result<(u64, Place), LevelError> {
        let length = HEADER + key.len() + body.len();
        let event = EVENT + if kind == Kind::Wide { body.len() } else { 0 };
        if !self.has_room(length + event) {
            self.flush(false)?;
            self.make_room(length + event)?;
        }
        self.append_in_room(kind, hash, key, body, event)
    }

    /// The same without making room.
    pub(super) fn append_in_room(
        &mut self,
        kind: Kind,
        hash: u64,
        key: &[u8],
        body: &[u8],
        event: usize,
    ) -> Result<(u64, Place), LevelError> {
        self.roll(HEADER + key.len() + body.len() + event)?;
        let place = self.end()?;
        let number = self.number();
        let draft = Draft {
            kind,
            number,
            previous: self.buffered,
            hash,
            key,
            body,
        };
        draft.write(&mut self.buffer, place, self.shared.secret());
        self.buffered = number;
        Ok((number, place))
    }

    /// Notes what the entry just appended changes, and who waits for it.
    pub(super) fn stage(&mut self, event: Event, reply: Option<Reply<bool>>) {
        if let Some(active) = &mut self.active {
            event.write(&mut active.events);
        }
        self.staged.push(Staged { event, reply });
    }

    pub(super) fn has_room(&self, more: usize) -> bool {
        let events = self.active.as_ref().map_or(0, |active| active.events.len());
        let used = self.shared.bytes.load(Ordering::Relaxed) as usize + self.buffer.len() + events;
        (used + more + FOOTER + START + FOOTER) as u64 <= self.limit
    }

    pub(super) fn active_id(&self) -> Option<u32> {
        self.active.as_ref().map(|active| active.segment.id)
    }

    /// Writes the buffer out. With `force`, waits until it is on the medium.
    pub(super) fn flush(&mut self, force: bool) -> Result<(), LevelError> {
        let Some(active) = &self.active else {
            return Ok(());
        };
        let segment = active.segment.clone();
        let result = self.write_buffer(&segment).and_then(|()| {
            if force && self.sync {
                self.force(&segment)?;
            }
            Ok(())
        });
        let staged = std::mem::take(&mut self.staged);
        for Staged { event, reply } in staged {
            // An invalidation holds from now on even if it could not be written: until the process ends.
            if result.is_ok() || !matches!(event, Event::Put { .. }) {
                self.shared.apply(&event, segment.id);
            }
            if let Some(reply) = reply {
                let _ = reply.send(result.clone().map(|()| true));
            }
        }
        result
    }

    fn write_buffer(&mut self, segment: &Arc<Segment>) -> Result<(), LevelError> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let at = segment.length();
        segment.synced.store(false, Ordering::Release);
        let mut result = segment.file.write_all_at(&self.buffer, at);
        for _ in 0..RETRIES {
            let full = |error: &io::Error| error.kind() == io::ErrorKind::StorageFull;
            if !result.as_ref().is_err_and(full) || !self.evict(&mut None).unwrap_or(false) {
                break;
            }
            result = segment.file.write_all_at(&self.buffer, at);
        }
        let length = self.buffer.len() as u64;
        self.buffer.clear();
        if self.buffer.capacity() > 8 << 20 {
            self.buffer = Vec::new();
        }
        match result {
            Ok(()) => {
                segment.length.store(at + length, Ordering::Relaxed);
                self.shared.bytes.fetch_add(length, Ordering::Relaxed);
                self.written = self.buffered;
                if let Some(active) = &mut self.active {
                    active.events_written = active.events.len();
                }
                Ok(())
            }
            Err(error) => {
                self.take_back(segment, at);
                Err(cannot("write", segment, &error))
            }
        }
    }

    /// Undoes a write that failed.
    fn take_back(&mut self, segment: &Arc<Segment>, at: u64) {
        if segment.file.set_len(at).is_ok() {
            self.buffered = self.written;
            if let Some(active) = &mut self.active {
                active.events.truncate(active.events_written);
            }
            return;
        }
        // Nothing may follow what stands there now. `buffered` keeps the number that makes a hole.
        let length = segment.file.metadata().map_or(at, |about| about.len());
        segment.length.store(length, Ordering::Relaxed);
        self.shared
            .bytes
            .fetch_add(length.saturating_sub(at), Ordering::Relaxed);
        self.written = self.buffered;
        self.active = None;
    }
}

pub(super) fn cannot(action: &str, segment: &Segment, error: &io::Error) -> LevelError {
    LevelError::Failed(format!(
        "cannot {action} {}: {error}",
        segment.path.display()
    ))
}
