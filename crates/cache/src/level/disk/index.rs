//! The index: where each key's record lies.
//!
//! It holds no keys, only their 64-bit keyed hashes, so that an object costs 20 bytes and the table's slack (24 to 48
//! bytes in all). The key is compared when the record is read. Two keys with the same hash push each other
//! out, like two writes to one key; nobody can bring that about without the directory's secret.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Each grows by itself, so that no reader waits while millions of entries move.
const SHARDS: usize = 64;

/// It was read since it was written: the second chance.
const READ: u32 = 1 << 31;
/// It was softly invalidated.
const STALE: u32 = 1 << 30;

/// Where a record lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) segment: u32,
    pub(super) offset: u32,
    length_and_flags: u32,
}

impl Slot {
    /// `length` is below 2^30 ([`super::MAX_ENTRY`]).
    pub(super) fn new(segment: u32, offset: u32, length: u32, stale: bool) -> Self {
        Self {
            segment,
            offset,
            length_and_flags: (length & !(READ | STALE)) | if stale { STALE } else { 0 },
        }
    }

    /// Bytes of the entry, header and key included.
    pub(super) fn length(self) -> usize {
        (self.length_and_flags & !(READ | STALE)) as usize
    }

    pub(super) fn is_stale(self) -> bool {
        self.length_and_flags & STALE != 0
    }

    pub(super) fn was_read(self) -> bool {
        self.length_and_flags & READ != 0
    }

    fn is_at(self, segment: u32, offset: u32) -> bool {
        self.segment == segment && self.offset == offset
    }
}

/// A hash as two halves: a table of `(u64, Slot)` would have four bytes of padding in each place.
type HalvedHash = [u32; 2];
type Shard = HashMap<HalvedHash, Slot, BuildHasherDefault<Ready>>;

/// The slots of all records.
pub(super) struct Index {
    shards: Box<[Mutex<Shard>]>,
}

impl Index {
    pub(super) fn new() -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
        }
    }

    pub(super) fn get(&self, hash: u64) -> Option<Slot> {
        self.shard(hash).get(&halves(hash)).copied()
    }

    /// Notes that the record at `slot` was read, and says how it stands now. `None`: it has been removed or replaced.
    pub(super) fn touch(&self, hash: u64, slot: Slot) -> Option<Slot> {
        let mut shard = self.shard(hash);
        let now = shard.get_mut(&halves(hash))?;
        if !now.is_at(slot.segment, slot.offset) {
            return None;
        }
        now.length_and_flags |= READ;
        Some(*now)
    }

    /// Sets where the record of a key lies; the slot that this replaces.
    pub(super) fn insert(&self, hash: u64, slot: Slot) -> Option<Slot> {
        self.shard(hash).insert(halves(hash), slot)
    }

    pub(super) fn remove(&self, hash: u64) {
        self.shard(hash).remove(&halves(hash));
    }

    pub(super) fn expire(&self, hash: u64) {
        if let Some(slot) = self.shard(hash).get_mut(&halves(hash)) {
            slot.length_and_flags |= STALE;
        }
    }

    /// Removes a key's slot if it is still this place.
    pub(super) fn take_at(&self, hash: u64, segment: u32, offset: u32) -> Option<Slot> {
        let mut shard = self.shard(hash);
        shard
            .get(&halves(hash))
            .filter(|slot| slot.is_at(segment, offset))?;
        shard.remove(&halves(hash))
    }

    /// Removes everything in a segment; how many records that were.
    pub(super) fn forget_segment(&self, segment: u32) -> u64 {
        let mut removed = 0;
        for shard in &self.shards {
            let mut shard = lock(shard);
            let before = shard.len();
            shard.retain(|_, slot| slot.segment != segment);
            removed += before - shard.len();
        }
        removed as u64
    }

    pub(super) fn clear(&self) {
        for shard in &self.shards {
            *lock(shard) = Shard::default();
        }
    }

    pub(super) fn len(&self) -> u64 {
        self.shards
            .iter()
            .map(|shard| lock(shard).len() as u64)
            .sum()
    }

    fn shard(&self, hash: u64) -> MutexGuard<'_, Shard> {
        // From the middle of the hash: a table uses its lowest bits for the place and its highest for the tag.
        lock(&self.shards[(hash >> 32) as usize % SHARDS])
    }
}

fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

fn halves(hash: u64) -> HalvedHash {
    [(hash >> 32) as u32, hash as u32]
}

/// Passes on what is a good hash already.
#[derive(Default)]
pub(super) struct Ready(u64);

impl Hasher for Ready {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks_exact(4) {
            let half = u32::from_ne_bytes(chunk.try_into().expect("four bytes"));
            self.write_u32(half);
        }
    }

    fn write_u32(&mut self, half: u32) {
        self.0 = (self.0 << 32) | u64::from(half);
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn write_usize(&mut self, _length: usize) {
        // The length of the array of halves, which is always the same.
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_in_the_table_takes_20_bytes() {
        assert_eq!(size_of::<(HalvedHash, Slot)>(), 20);
    }

    #[test]
    fn only_the_slot_that_was_meant_is_touched_or_taken() {
        let index = Index::new();
        let old = Slot::new(1, 100, 50, false);
        let new = Slot::new(2, 100, 60, false);
        index.insert(7, old);
        assert!(index.touch(7, old).unwrap().was_read());
        assert_eq!(index.insert(7, new).map(Slot::was_read), Some(true));
        assert_eq!(index.touch(7, old), None);
        assert_eq!(index.take_at(7, 1, 100), None);
        index.expire(7);
        let taken = index.take_at(7, 2, 100).unwrap();
        assert!(taken.is_stale() && !taken.was_read());
        assert_eq!(taken.length(), 60);
        assert_eq!(index.len(), 0);
    }

    #[test]
    fn many_keys_spread_and_a_segment_is_forgotten() {
        let index = Index::new();
        let hash = |number: u64| number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        for number in 0..10_000 {
            index.insert(hash(number), Slot::new((number % 10) as u32, 0, 1, false));
        }
        assert_eq!(index.len(), 10_000);
        assert_eq!(index.forget_segment(3), 1000);
        assert_eq!(index.get(hash(3)), None);
        assert!(index.get(hash(4)).is_some());
    }
}
