//! Making room: the oldest segment goes as a whole.
//!
//! First in, first out costs no writing besides, and lets every invalidation go together with the last record that it
//! could concern, because nothing older than the oldest segment remains. What it lacks is that it throws out what is in
//! use; so what was read since it was written gets a second chance and is appended anew (as in CLOCK; for flash caches:
//! readmission in McAllister et al., Kangaroo, SOSP 2021). At most half of a segment is, so that each one that goes
//! makes room.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;

use crate::invalidate::Verdict;
use crate::level::{LevelError, Record};

use super::entry::{HEADER, Kind};
use super::event::Event;
use super::index::Slot;
use super::log::{Log, cannot};
use super::segment::{Content, Segment};

/// How much of a footer a record takes up.
const EVENT: usize = 32;

/// Records that get a second chance.
#[derive(Default)]
pub(super) struct Survivors {
    records: Vec<Survivor>,
    bytes: usize,
}

struct Survivor {
    hash: u64,
    key: Bytes,
    body: Bytes,
    stale: bool,
}

impl Log {
    /// Drops the oldest segments until so many bytes more can be written. The buffer is empty.
    pub(super) fn make_room(&mut self, more: usize) -> Result<(), LevelError> {
        let mut survivors = Some(Survivors::default());
        while !self.has_room(more + survivors.as_ref().map_or(0, |kept| kept.bytes)) {
            if !self.evict(&mut survivors)? {
                return Err(LevelError::Failed(
                    "the disk cache has no room for this, whatever is removed".into(),
                ));
            }
        }
        for record in survivors.unwrap_or_default().records {
            self.write_anew(record)?;
        }
        Ok(())
    }

    /// Drops all segments but the active one.
    pub(super) fn drop_sealed(&mut self) -> Result<(), LevelError> {
        while self.evict(&mut None)? {}
        Ok(())
    }

    /// Drops the oldest segment, and collects what was read since it was written. `false`: there is only the active one.
    pub(super) fn evict(&mut self, survivors: &mut Option<Survivors>) -> Result<bool, LevelError> {
        let oldest = self.shared.segments().values().next().cloned();
        let Some(oldest) = oldest.filter(|oldest| Some(oldest.id) != self.active_id()) else {
            return Ok(false);
        };
        self.empty(&oldest, survivors);
        match std::fs::remove_file(&oldest.path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(cannot("remove", &oldest, &error));
            }
            _ => {}
        }
        let next = {
            let mut segments = self.shared.segments_mut();
            segments.remove(&oldest.id);
            segments.values().next().map(|next| next.previous)
        };
        self.shared
            .bytes
            .fetch_sub(oldest.length(), Ordering::Relaxed);
        if let Some(previous) = next {
            self.shared.numbers_mut().prune(previous);
        }
        Ok(true)
    }

    /// Takes everything in a segment out of the index.
    fn empty(&self, segment: &Arc<Segment>, survivors: &mut Option<Survivors>) {
        let shared = &self.shared;
        let mut evicted = 0;
        let content = segment
            .content(shared.secret())
            .unwrap_or_else(|_| Content {
                damaged: 1,
                ..Content::default()
            });
        for event in content.events {
            let Event::Put { hash, offset, .. } = event else {
                continue;
            };
            let Some(slot) = shared.index.take_at(hash, segment.id, offset) else {
                continue;
            };
            let survivor = survivors
                .as_mut()
                .filter(|kept| {
                    slot.was_read() && kept.bytes + slot.length() < segment.length() as usize / 2
                })
                .and_then(|kept| {
                    self.survivor(segment, hash, slot)
                        .map(|found| (kept, found))
                });
            match survivor {
                Some((kept, survivor)) => {
                    kept.bytes += slot.length() + EVENT;
                    kept.records.push(survivor);
                }
                None => evicted += 1,
            }
        }
        if content.damaged > 0 {
            // Its list of contents may lack something: the whole index is searched, which is slow and right.
            evicted += shared.index.forget_segment(segment.id);
        }
        shared.evictions.fetch_add(evicted, Ordering::Relaxed);
    }

    /// Reads a record that is to be kept. `None`: it is damaged, invalidated, or of no more use.
    fn survivor(&self, segment: &Segment, hash: u64, slot: Slot) -> Option<Survivor> {
        let entry = self.shared.entry(segment, slot).ok()??;
        let body = entry.body();
        let record = Record::decode(&body).ok()?;
        let key = std::str::from_utf8(entry.key()).ok()?;
        if record.keep_until <= self.clock.unix() {
            return None;
        }
        let verdict = self.shared.judge(key, &record, entry.header.number);
        (verdict != Verdict::Gone).then(|| Survivor {
            hash,
            key: Bytes::copy_from_slice(entry.key()),
            body,
            stale: slot.is_stale() || verdict == Verdict::Expired,
        })
    }

    fn write_anew(&mut self, record: Survivor) -> Result<(), LevelError> {
        let Survivor {
            hash,
            key,
            body,
            stale,
        } = record;
        let kind = if stale { Kind::Stale } else { Kind::Put };
        let (_, place) = self.append_in_room(kind, hash, &key, &body, EVENT)?;
        let event = Event::Put {
            hash,
            offset: place.offset,
            length: (HEADER + key.len() + body.len()) as u32,
            stale,
        };
        self.stage(event, None);
        Ok(())
    }
}
