//! Hit rates.

use std::collections::HashSet;
use std::num::NonZeroUsize;

use tenfold_cache::{Builder, Cache, Fill, Found, Key, Loaded, Namespace, Options};

use crate::optimum;
use crate::trace::Trace;

/// Shares of a trace's keys, in percent, that the cache has room for.
const SIZES: [usize; 4] = [1, 5, 10, 20];

/// Prints the table.
pub(crate) fn print(traces: &[Trace]) {
    println!("Hit rate in percent\n");
    println!(
        "| trace | requests | entries (share of keys) | LRU | moka | quick_cache | tenfold-cache | optimum |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for trace in traces {
        let distinct = trace.keys.iter().collect::<HashSet<_>>().len();
        for share in SIZES {
            let entries = (distinct * share / 100).max(1);
            let keys = &trace.keys;
            let rates = [
                lru(keys, entries),
                moka(keys, entries),
                bare(keys, entries),
                ours(keys, entries),
                optimum::hits(keys, entries),
            ]
            .map(|hits| format!("{:.2}", 100.0 * hits as f64 / keys.len() as f64));
            println!(
                "| {} | {} | {entries} ({share} %) | {} |",
                trace.name,
                keys.len(),
                rates.join(" | ")
            );
        }
    }
}

fn lru(keys: &[u32], entries: usize) -> usize {
    let mut cache = lru::LruCache::new(NonZeroUsize::new(entries).expect("at least one"));
    keys.iter()
        .filter(|key| cache.put(**key, ()).is_some())
        .count()
}

fn moka(keys: &[u32], entries: usize) -> usize {
    let cache = moka::sync::Cache::new(entries as u64);
    let request = |(at, key): &(usize, &u32)| {
        let hit = cache.get(*key).is_some();
        if !hit {
            cache.insert(**key, ());
        }
        // It tidies up in batches; without this it would hold more than it may for a while.
        if at % 64 == 0 {
            cache.run_pending_tasks();
        }
        hit
    };
    keys.iter().enumerate().filter(request).count()
}

fn bare(keys: &[u32], entries: usize) -> usize {
    let cache = quick_cache::sync::Cache::new(entries);
    let request = |key: &&u32| {
        let hit = cache.get(*key).is_some();
        if !hit {
            cache.insert(**key, ());
        }
        hit
    };
    keys.iter().filter(request).count()
}

fn ours(keys: &[u32], entries: usize) -> usize {
    let weight = weight();
    let cache = cache(weight * entries as u64, weight);
    let options = Options::default();
    let request = |key: &&u32| {
        let key = key_of(**key);
        if let Found::Fresh(_) = cache.look(key.as_str()) {
            return true;
        }
        if let Fill::Lead(filling) = cache.fill(&key) {
            let stored = filling.store(Loaded::value(0), None, &options);
            stored.expect("a value can be stored");
        }
        false
    };
    keys.iter().filter(request).count()
}

/// All keys weigh the same.
fn key_of(key: u32) -> Key {
    Key::new(&format!("{key:08x}")).expect("eight characters")
}

fn cache(bytes: u64, average: u64) -> Cache<u64> {
    Builder::new(Namespace::new("bench", 1), |_: &u64| 0)
        .memory(bytes)
        .average(average)
        .build()
}

/// What one entry weighs.
fn weight() -> u64 {
    let cache = cache(1 << 20, 256);
    if let Fill::Lead(filling) = cache.fill(&key_of(1)) {
        filling
            .store(Loaded::value(0), None, &Options::default())
            .expect("a value can be stored");
    }
    cache.statistics().bytes
}
