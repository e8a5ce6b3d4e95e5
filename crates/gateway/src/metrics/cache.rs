//! What is counted of caches. Labels are their names and those of their levels, which the configuration bounds.

use std::sync::Arc;

use tenfold_observe::metric::{CounterSet, Labels, Registry};

use crate::cache::{CacheLevelStatus, CacheStatus, Outcome};
use crate::control::Control;

/// Requests to a cached route, by what the cache did for them.
pub(crate) fn results(registry: &Registry, cache: &str) -> CounterSet {
    registry.counter_set(
        "tenfold_cache_requests",
        "Requests to routes with a cache, by what it did for them",
        vec![("cache", cache.to_owned())],
        "result",
        &Outcome::NAMES,
    )
}

/// Requests that may be answered from a cache, by what its memory had for them.
pub(crate) fn looks(registry: &Registry, cache: &str) -> CounterSet {
    registry.counter_set(
        "tenfold_cache_looks",
        "Requests that may be answered from a cache, by whether its memory had something for them, fresh or stale",
        vec![("cache", cache.to_owned())],
        "result",
        &["found", "missing"],
    )
}

/// A metric: its name, what it is, and how it is read.
type Read<T> = (&'static str, &'static str, fn(&T) -> f64);

const GAUGES: [Read<CacheStatus>; 5] = [
    (
        "tenfold_cache_entries",
        "Entries in a cache's memory",
        |it| it.entries as f64,
    ),
    (
        "tenfold_cache_bytes",
        "Bytes in a cache's memory, overhead included",
        |it| it.bytes as f64,
    ),
    (
        "tenfold_cache_capacity_bytes",
        "Bytes that a cache's memory may hold",
        |it| it.capacity as f64,
    ),
    (
        "tenfold_cache_loading",
        "Fetches of a cache under way",
        |it| it.loading as f64,
    ),
    (
        // Not a counter: the average may sink.
        "tenfold_cache_saved_seconds",
        "Time that hits saved, if each would have taken as long as a fetch on average",
        |it| it.saved_seconds,
    ),
];

const COUNTERS: [Read<CacheStatus>; 4] = [
    (
        "tenfold_cache_loads",
        "Fetches from servers for a cache",
        |it| it.loads as f64,
    ),
    (
        "tenfold_cache_load_failures",
        "Fetches for a cache that brought no response",
        |it| it.load_failures as f64,
    ),
    (
        "tenfold_cache_evictions",
        "Entries removed from a cache's memory to make room",
        |it| it.evictions as f64,
    ),
    (
        "tenfold_cache_invalidations",
        "Purges, and writes that made something invalid",
        |it| it.invalidations as f64,
    ),
];

const LEVEL_GAUGES: [Read<CacheLevelStatus>; 2] = [
    (
        "tenfold_cache_level_up",
        "1 if the level is used, 0 while it is passed over",
        |it| f64::from(u8::from(it.state == "up")),
    ),
    (
        "tenfold_cache_level_behind",
        "Purges that the level has yet to be told",
        |it| it.behind as f64,
    ),
];

const LEVEL_COUNTERS: [Read<CacheLevelStatus>; 6] = [
    (
        "tenfold_cache_level_hits",
        "Look-ups in a level that found something, fresh or stale",
        |it| it.hits as f64,
    ),
    (
        "tenfold_cache_level_misses",
        "Look-ups in a level that found nothing",
        |it| it.misses as f64,
    ),
    (
        "tenfold_cache_level_failures",
        "Reads and writes of a level that failed",
        |it| it.failures as f64,
    ),
    (
        "tenfold_cache_level_timeouts",
        "Reads of a level that took too long",
        |it| it.timeouts as f64,
    ),
    (
        "tenfold_cache_level_stores",
        "Entries stored in a level",
        |it| it.stores as f64,
    ),
    (
        "tenfold_cache_level_evictions",
        "Entries removed from a level to make room",
        |it| it.evictions as f64,
    ),
];

/// What is read of the caches when it is asked for: they come and go.
pub(crate) fn read(registry: &Registry, control: &Arc<Control>) {
    for (name, help, value) in GAUGES {
        registry.read_gauges(name, help, caches(control, value));
    }
    for (name, help, value) in COUNTERS {
        registry.read_counters(name, help, caches(control, value));
    }
    for (name, help, value) in LEVEL_GAUGES {
        registry.read_gauges(name, help, levels(control, value));
    }
    for (name, help, value) in LEVEL_COUNTERS {
        registry.read_counters(name, help, levels(control, value));
    }
}

fn caches(
    control: &Arc<Control>,
    value: fn(&CacheStatus) -> f64,
) -> impl Fn() -> Vec<(Labels, f64)> + Send + Sync + 'static {
    let each = each(control);
    move || {
        let labels = |cache: &CacheStatus| vec![("cache", cache.name.clone())];
        each()
            .iter()
            .map(|cache| (labels(cache), value(cache)))
            .collect()
    }
}

fn levels(
    control: &Arc<Control>,
    value: fn(&CacheLevelStatus) -> f64,
) -> impl Fn() -> Vec<(Labels, f64)> + Send + Sync + 'static {
    let each = each(control);
    move || {
        let mut series = Vec::new();
        for cache in each() {
            for level in &cache.levels {
                let labels = vec![("cache", cache.name.clone()), ("level", level.name.clone())];
                series.push((labels, value(level)));
            }
        }
        series
    }
}

fn each(control: &Arc<Control>) -> impl Fn() -> Vec<CacheStatus> + Send + Sync + 'static {
    let control = Arc::downgrade(control);
    move || {
        let Some(control) = control.upgrade() else {
            return Vec::new();
        };
        let caches = &control.snapshot().caches;
        caches.iter().map(|cache| cache.status()).collect()
    }
}
