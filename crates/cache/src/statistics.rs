//! What a cache has done and what it holds, as a snapshot.

use crate::counters::{Count, Counters};
use crate::level::memory::Memory;
use crate::level::{Guarded, LevelError, LevelState, Usage};

/// A snapshot. Counts are since the cache was made, and never go back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statistics {
    /// Answered from memory with a fresh value.
    pub hits: u64,
    /// Of the hits: those which said that there is no value.
    pub negative_hits: u64,
    /// Not answered from memory.
    pub misses: u64,
    /// Answered with a stale value, because loading failed or took too long.
    pub stale: u64,
    /// Of the misses: those which waited for another reader's load.
    pub coalesced: u64,
    /// Loaders that ran.
    pub loads: u64,
    /// Of the loads: those which failed, or took too long.
    pub load_failures: u64,
    /// Of the failures: those which took too long.
    pub load_timeouts: u64,
    /// Of the loads: refreshes in the background.
    pub refreshes: u64,
    /// Of the loads: those which found that the old value still holds.
    pub not_modified: u64,
    /// Loaded, and not stored, because it had been invalidated meanwhile.
    pub overtaken: u64,
    /// Values stored in memory by loads.
    pub stores: u64,
    /// Entries removed from memory to make room.
    pub evictions: u64,
    /// Invalidations taken in.
    pub invalidations: u64,
    /// Loads under way.
    pub loading: u64,
    /// The time that all loads took, in microseconds.
    pub load_micros: u64,
    /// The time that hits saved, in microseconds, if each would have taken as long as a load on average.
    pub saved_micros: u64,
    /// Entries in memory, expired ones included.
    pub entries: u64,
    /// Bytes in memory, overhead included.
    pub bytes: u64,
    /// Bytes that memory may hold.
    pub capacity: u64,
    /// The levels below memory.
    pub levels: Vec<LevelStatistics>,
}

/// A snapshot of a level below memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LevelStatistics {
    /// Its name.
    pub name: Box<str>,
    /// Reads that found a record, fresh or stale.
    pub hits: u64,
    /// Reads that found none.
    pub misses: u64,
    /// Reads and writes that failed or were not made because it is not used just now.
    pub failures: u64,
    /// Reads that took too long.
    pub timeouts: u64,
    /// Records stored.
    pub stores: u64,
    /// Records that it refused, because they had been invalidated meanwhile.
    pub refused: u64,
    /// Invalidations that it was told, or will be.
    pub invalidations: u64,
    /// Whether it is used.
    pub state: LevelState,
    /// Invalidations that it has yet to be told.
    pub behind: u64,
    /// Its last failure, if it has not succeeded since.
    pub last_error: Option<LevelError>,
    /// What it holds.
    pub usage: Usage,
}

impl Statistics {
    pub(crate) fn read<V>(
        counters: &Counters,
        memory: &Memory<V>,
        loading: usize,
        levels: impl Iterator<Item = LevelStatistics>,
    ) -> Self {
        let read = |count| counters.read(count);
        let (hits, loads, load_micros) = (
            read(Count::Hits),
            read(Count::Loads),
            read(Count::LoadMicros),
        );
        Self {
            hits,
            negative_hits: read(Count::Negative),
            misses: read(Count::Misses),
            stale: read(Count::Stale),
            coalesced: read(Count::Coalesced),
            loads,
            load_failures: read(Count::LoadFailures),
            load_timeouts: read(Count::LoadTimeouts),
            refreshes: read(Count::Refreshes),
            not_modified: read(Count::NotModified),
            overtaken: read(Count::Overtaken),
            stores: read(Count::Stores),
            evictions: read(Count::Evictions),
            invalidations: read(Count::Invalidations),
            loading: loading as u64,
            load_micros,
            saved_micros: (u128::from(hits) * u128::from(load_micros) / u128::from(loads.max(1)))
                .try_into()
                .unwrap_or(u64::MAX),
            entries: memory.len() as u64,
            bytes: memory.weight(),
            capacity: memory.capacity(),
            levels: levels.collect(),
        }
    }

    /// The share of reads that memory answered; 0 before the first.
    #[must_use]
    pub fn hit_rate(&self) -> f64 {
        self.hits as f64 / (self.hits + self.misses).max(1) as f64
    }
}

impl LevelStatistics {
    pub(crate) fn read(level: &Guarded) -> Self {
        let read = |count| level.counters().read(count);
        Self {
            name: level.name().into(),
            hits: read(Count::Hits),
            misses: read(Count::Misses),
            failures: read(Count::LoadFailures),
            timeouts: read(Count::LoadTimeouts),
            stores: read(Count::Stores),
            refused: read(Count::Overtaken),
            invalidations: read(Count::Invalidations),
            state: level.state(),
            behind: level.behind() as u64,
            last_error: level.last_error(),
            usage: level.level().usage(),
        }
    }
}
