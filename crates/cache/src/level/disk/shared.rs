//! What readers, the writer and the level itself have in common.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use bytes::Bytes;

use crate::invalidate::Verdict;
use crate::level::{LevelError, Record};

use super::directory::Directory;
use super::entry::{HEADER, Header, Kind, Place, Secret};
use super::event::Event;
use super::index::{Index, Slot};
use super::numbers::Numbers;
use super::segment::Segment;

/// How often a reader looks again when the record moves while it reads.
const ATTEMPTS: usize = 4;

/// The level's state in memory.
pub(super) struct Shared {
    pub(super) directory: Directory,
    pub(super) index: Index,
    numbers: RwLock<Numbers>,
    segments: RwLock<BTreeMap<u32, Arc<Segment>>>,
    /// Of this opening. A lease from before it is of no use: it may have missed something.
    pub(super) epoch: u64,
    /// The number of the last invalidation that was taken in.
    pub(super) number: AtomicU64,
    /// Bytes of all segments.
    pub(super) bytes: AtomicU64,
    pub(super) evictions: AtomicU64,
    pub(super) corrupt: AtomicU64,
    /// Why nothing can be done any more: the medium lost what it had taken, or the level was closed.
    pub(super) ended: OnceLock<String>,
}

/// An entry that was read and verified.
pub(super) struct Entry {
    pub(super) header: Header,
    bytes: Bytes,
}

impl Entry {
    pub(super) fn key(&self) -> &[u8] {
        &self.bytes[HEADER..HEADER + usize::from(self.header.key_length)]
    }

    pub(super) fn body(&self) -> Bytes {
        self.bytes
            .slice(HEADER + usize::from(self.header.key_length)..)
    }
}

impl Shared {
    pub(super) fn new(directory: Directory) -> Self {
        Self {
            directory,
            index: Index::new(),
            numbers: RwLock::default(),
            segments: RwLock::default(),
            epoch: super::state::new_secret().0[0],
            number: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            evictions: AtomicU64::new(0),
            corrupt: AtomicU64::new(0),
            ended: OnceLock::new(),
        }
    }

    pub(super) fn secret(&self) -> &Secret {
        &self.directory.secret
    }

    pub(super) fn numbers(&self) -> RwLockReadGuard<'_, Numbers> {
        self.numbers.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn numbers_mut(&self) -> RwLockWriteGuard<'_, Numbers> {
        self.numbers.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn segments(&self) -> RwLockReadGuard<'_, BTreeMap<u32, Arc<Segment>>> {
        self.segments.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn segments_mut(&self) -> RwLockWriteGuard<'_, BTreeMap<u32, Arc<Segment>>> {
        self.segments
            .write()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Fails once the level has ended.
    pub(super) fn check(&self) -> Result<(), LevelError> {
        match self.ended.get() {
            Some(why) => Err(LevelError::Failed(why.clone())),
            None => Ok(()),
        }
    }

    /// Applies what an entry in `segment` changes in the index. What it invalidates by number is the caller's.
    pub(super) fn apply(&self, event: &Event, segment: u32) {
        match *event {
            Event::Put {
                hash,
                offset,
                length,
                stale,
            } => {
                self.index
                    .insert(hash, Slot::new(segment, offset, length, stale));
            }
            Event::Remove { hash } => self.index.remove(hash),
            Event::Expire { hash } => self.index.expire(hash),
            Event::Wide { .. } if event.empties() => self.index.clear(),
            Event::Wide { .. } => {}
        }
    }

    /// Reads the record of a key. Blocks.
    pub(super) fn read(&self, key: &str, hash: u64) -> Result<Option<Record>, LevelError> {
        for _ in 0..ATTEMPTS {
            let Some(slot) = self.index.get(hash) else {
                return Ok(None);
            };
            let segment = self.segments().get(&slot.segment).cloned();
            let entry = match segment {
                Some(segment) => self.entry(&segment, slot)?,
                None => None,
            };
            let Some(entry) = entry else {
                if self
                    .index
                    .take_at(hash, slot.segment, slot.offset)
                    .is_some()
                {
                    return Ok(None);
                }
                continue;
            };
            if entry.key() != key.as_bytes() {
                return Ok(None);
            }
            let Ok(mut record) = Record::decode(&entry.body()) else {
                self.damaged(hash, slot);
                return Ok(None);
            };
            // Only now, so that what was invalidated while the disk was read is not given back.
            let Some(now) = self.index.touch(hash, slot) else {
                continue;
            };
            let verdict = self.judge(key, &record, entry.header.number);
            if verdict == Verdict::Gone {
                self.index.take_at(hash, slot.segment, slot.offset);
                return Ok(None);
            }
            if now.is_stale() || verdict == Verdict::Expired {
                record.fresh_until = 0;
            }
            return Ok(Some(record));
        }
        Ok(None)
    }

    /// What follows for a record with this number.
    pub(super) fn judge(&self, key: &str, record: &Record, number: u64) -> Verdict {
        let tags = record.tags.iter().map(|tag| self.secret().tag(tag));
        self.numbers().judge(key, tags, number)
    }

    /// Reads and verifies the entry at `slot`. `None`: it is damaged, which is noted.
    pub(super) fn entry(&self, segment: &Segment, slot: Slot) -> Result<Option<Entry>, LevelError> {
        let mut bytes = vec![0; slot.length()];
        match segment
            .file
            .read_exact_at(&mut bytes, u64::from(slot.offset))
        {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                self.corrupt.fetch_add(1, Ordering::Relaxed);
                return Ok(None);
            }
            Err(error) => {
                return Err(LevelError::Failed(format!(
                    "cannot read {}: {error}",
                    segment.path.display()
                )));
            }
        }
        let place = Place {
            segment: segment.id,
            offset: slot.offset,
        };
        let header = Header::parse(&bytes, place, self.secret()).filter(|header| {
            header.total() == bytes.len()
                && matches!(header.kind, Kind::Put | Kind::Stale)
                && header.matches(&bytes[HEADER..])
        });
        let Some(header) = header else {
            self.corrupt.fetch_add(1, Ordering::Relaxed);
            return Ok(None);
        };
        Ok(Some(Entry {
            header,
            bytes: bytes.into(),
        }))
    }

    fn damaged(&self, hash: u64, slot: Slot) {
        self.corrupt.fetch_add(1, Ordering::Relaxed);
        self.index.take_at(hash, slot.segment, slot.offset);
    }
}
