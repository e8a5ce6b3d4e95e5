//! What a cache looks like from outside at one moment: plain data, the same that the admin side sends as JSON.
//!
//! As in [`crate::Status`], counters only grow, and the names of the fields are the API's.

use serde::{Deserialize, Serialize};
use tenfold_cache::level::LevelState;
use tenfold_cache::{LevelStatistics, Statistics};
use tenfold_observe::metric::CounterSet;

use super::{FOUND, MISSING, Outcome, Store};

/// A cache.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CacheStatus {
    /// As configured.
    pub name: String,
    /// Requests to routes with this cache, by what it did for them.
    pub requests: CacheRequests,
    /// How long clients would have waited more without it, if each hit would have taken as long as a fetch on average: an
    /// estimate.
    pub saved_seconds: f64,
    /// Entries in memory, expired ones and those that say what an address varies by included.
    pub entries: u64,
    /// Bytes in memory, overhead included.
    pub bytes: u64,
    /// Bytes that memory may hold.
    pub capacity: u64,
    /// Entries removed from memory to make room.
    pub evictions: u64,
    /// Fetches from servers.
    pub loads: u64,
    /// Of these, those that brought no response.
    pub load_failures: u64,
    /// Fetches under way.
    pub loading: u64,
    /// Purges, and writes that made something invalid.
    pub invalidations: u64,
    /// Memory, and the levels below it.
    pub levels: Vec<CacheLevelStatus>,
}

/// Requests by what a cache did for them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CacheRequests {
    /// Answered from what is stored.
    pub hit: u64,
    /// Answered from what is stored although it is stale.
    pub stale: u64,
    /// The server said that what is stored still holds.
    pub revalidated: u64,
    /// Answered by the server for another request that came before.
    pub collapsed: u64,
    /// Answered by the server.
    pub miss: u64,
    /// The cache took no part.
    pub bypass: u64,
}

impl CacheRequests {
    /// The share of requests that did not need a fetch of their own; `None` before the first that could have been one.
    #[must_use]
    pub fn hit_rate(&self) -> Option<f64> {
        let without = self.answered();
        let all = without
            .saturating_add(self.revalidated)
            .saturating_add(self.miss);
        (all > 0).then(|| without as f64 / all as f64)
    }

    /// Requests that did not need a fetch of their own.
    #[must_use]
    pub fn answered(&self) -> u64 {
        self.hit
            .saturating_add(self.stale)
            .saturating_add(self.collapsed)
    }
}

/// A level of a cache.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CacheLevelStatus {
    /// `memory`, `disk`, `redis`.
    pub name: String,
    /// `up`: it is used. `open`: it failed too often just now, and is tried again soon. `behind`: it has to be told what was
    /// purged meanwhile, and is not read before.
    pub state: String,
    /// Look-ups that found something, fresh or stale: in memory one for each request, below it one for each read.
    pub hits: u64,
    /// Look-ups that found nothing.
    pub misses: u64,
    /// Reads and writes that failed.
    pub failures: u64,
    /// Reads that took too long.
    pub timeouts: u64,
    /// Entries stored.
    pub stores: u64,
    /// Purges that it has yet to be told.
    pub behind: u64,
    /// Why it failed, if it has not succeeded since.
    pub last_error: Option<String>,
    /// Entries; null if it does not know.
    pub entries: Option<u64>,
    /// Bytes; null if it does not know.
    pub bytes: Option<u64>,
    /// Entries removed to make room.
    pub evictions: u64,
    /// Entries that were found damaged, and not served.
    pub corrupt: u64,
}

/// The name of the first level.
pub(crate) const MEMORY: &str = "memory";

impl CacheLevelStatus {
    fn memory(all: &Statistics, looks: &CounterSet) -> Self {
        Self {
            name: MEMORY.to_owned(),
            state: "up".to_owned(),
            hits: looks.sum(FOUND),
            misses: looks.sum(MISSING),
            stores: all.stores,
            entries: Some(all.entries),
            bytes: Some(all.bytes),
            evictions: all.evictions,
            ..Self::default()
        }
    }

    fn below(level: &LevelStatistics) -> Self {
        let state = match level.state {
            LevelState::Up => "up",
            LevelState::Open => "open",
            LevelState::Behind => "behind",
        };
        Self {
            name: level.name.to_string(),
            state: state.to_owned(),
            hits: level.hits,
            misses: level.misses,
            failures: level.failures,
            timeouts: level.timeouts,
            stores: level.stores,
            behind: level.behind,
            last_error: level.last_error.as_ref().map(ToString::to_string),
            entries: level.usage.entries,
            bytes: level.usage.bytes,
            evictions: level.usage.evictions,
            corrupt: level.usage.corrupt,
        }
    }
}

impl Store {
    /// How it does.
    pub(crate) fn status(&self) -> CacheStatus {
        let all = self.engine.statistics();
        let of = |outcome: Outcome| self.results.sum(outcome as usize);
        let requests = CacheRequests {
            hit: of(Outcome::Hit),
            stale: of(Outcome::Stale),
            revalidated: of(Outcome::Revalidated),
            collapsed: of(Outcome::Collapsed),
            miss: of(Outcome::Miss),
            bypass: of(Outcome::Bypass),
        };
        let one_load = all.load_micros as f64 / 1e6 / all.loads.max(1) as f64;
        let below = all.levels.iter().map(CacheLevelStatus::below);
        CacheStatus {
            name: self.config.name.clone(),
            // Who waited for another's fetch has waited.
            saved_seconds: (requests.hit.saturating_add(requests.stale)) as f64 * one_load,
            requests,
            entries: all.entries,
            bytes: all.bytes,
            capacity: all.capacity,
            evictions: all.evictions,
            loads: all.loads,
            load_failures: all.load_failures,
            loading: all.loading,
            invalidations: all.invalidations,
            levels: std::iter::once(CacheLevelStatus::memory(&all, &self.looks))
                .chain(below)
                .collect(),
        }
    }
}
