//! A running gateway's caches, as seen from outside: how they do, what they hold, and purging.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::cache::{CacheStatus, CachedEntry, Purge, PurgeError, Purged, Store};
use crate::run::Gateway;

impl Gateway {
    /// How its caches do, in the order of the configuration.
    #[must_use]
    pub fn caches(&self) -> Vec<CacheStatus> {
        let caches = &self.control.snapshot().caches;
        caches.iter().map(|cache| cache.status()).collect()
    }

    /// Purges a cache, or all of them; `is_soft`: what is stored becomes stale, and is kept for the case that the server fails.
    /// When this returns, every level has it or is not read until it does, and no answer that was asked for before is stored
    /// afterwards. Returns what became of it, by cache. Blocks, and is not to be called on a thread of a runtime.
    ///
    /// # Errors
    /// When there is no such cache, or something is wrong with the address. Nothing is purged then.
    pub fn purge(
        &self,
        cache: Option<&str>,
        what: &Purge,
        is_soft: bool,
    ) -> Result<Vec<(String, Purged)>, PurgeError> {
        let chosen = self.chosen(cache)?;
        let mut all = Vec::new();
        for cache in chosen {
            // An address that is wrong for one is wrong for all, and the first says so.
            let purged = self.control.block_on(cache.purge(what, is_soft));
            let purged = purged.map_err(PurgeError::Wrong)?;
            all.push((cache.config.name.clone(), purged));
        }
        Ok(all)
    }

    /// What is stored for an address, in a cache or in all of them. Walks through all of memory. Blocks, and is not to be
    /// called on a thread of a runtime.
    ///
    /// # Errors
    /// When there is no such cache, or something is wrong with the address.
    pub fn cached(&self, cache: Option<&str>, url: &str) -> Result<Vec<CachedEntry>, PurgeError> {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let now = i64::try_from(now.as_millis()).unwrap_or(i64::MAX);
        let mut all = Vec::new();
        for cache in self.chosen(cache)? {
            let found = self.control.block_on(cache.cached(url, now));
            all.extend(found.map_err(PurgeError::Wrong)?);
        }
        Ok(all)
    }

    /// The cache of that name, or all.
    fn chosen(&self, name: Option<&str>) -> Result<Vec<Arc<Store>>, PurgeError> {
        let snapshot = self.control.snapshot();
        let is_meant = |cache: &&Arc<Store>| name.is_none_or(|name| cache.config.name == name);
        let chosen: Vec<_> = snapshot.caches.iter().filter(is_meant).cloned().collect();
        if chosen.is_empty() {
            let known = snapshot
                .caches
                .iter()
                .map(|cache| cache.config.name.clone());
            return Err(PurgeError::NoCache(known.collect()));
        }
        Ok(chosen)
    }
}
