//! What goes on at the same time: an invalidation, a write or a reader that comes or goes in the middle of something else.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the message")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use support::{Shelf, key, over};
use tenfold_cache::{
    Builder, Cache, Clock, Codec, Error, Fill, Invalidation, Loaded, MessagePack, Namespace,
    Options,
};
use tokio::sync::Notify;
use tokio::time::timeout;

type Never = std::convert::Infallible;

const SOON: Duration = Duration::from_secs(10);

fn exact(seconds: u64) -> Options {
    Options::lifetime(Duration::from_secs(seconds)).jitter(0.0)
}

fn down() -> std::io::Error {
    std::io::Error::other("the database is down")
}

async fn read(cache: &Cache<u64>, name: &str, fresh: u64) -> u64 {
    let load = move |_| async move { Ok::<_, Never>(Loaded::value(fresh).tags(["t"])) };
    let value = cache
        .get_or_load(&key(name), &exact(60), load)
        .await
        .unwrap()
        .unwrap();
    cache.settled().await;
    value
}

/// A load that began and goes on until it is told to end.
async fn begin_load(cache: &Cache<u64>, value: u64) -> (Arc<Notify>, tokio::task::JoinHandle<()>) {
    let (began, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let reader = {
        let (cache, began, go) = (cache.clone(), began.clone(), go.clone());
        tokio::spawn(async move {
            let load = move |_| async move {
                began.notify_one();
                go.notified().await;
                Ok::<_, Never>(Loaded::value(value).tags(["t"]))
            };
            cache
                .get_or_load(&key("k"), &exact(60), load)
                .await
                .unwrap();
        })
    };
    began.notified().await;
    (go, reader)
}

#[tokio::test(start_paused = true)]
async fn readers_that_only_look_keep_nobody_from_loading() {
    let shelf = Shelf::new();
    let cache = over(&shelf, 1);
    shelf.delay_millis.store(10, Ordering::SeqCst);
    let looking = {
        let cache = cache.clone();
        tokio::spawn(async move {
            loop {
                cache.get(&key("k")).await;
            }
        })
    };
    tokio::task::yield_now().await;
    let load = |_| async { Ok::<_, Never>(7) };
    let loaded = cache.get_or_load(&key("k"), &exact(60), load).await;
    looking.abort();
    assert_eq!(loaded.unwrap(), Some(7));
}

#[tokio::test(start_paused = true)]
async fn a_look_does_not_wait_for_somebody_elses_load() {
    let shelf = Shelf::new();
    let cache = over(&shelf, 1);
    let (go, reader) = begin_load(&cache, 1).await;
    let name = key("k");
    let found = timeout(Duration::from_secs(1), cache.get(&name)).await;
    assert!(found.expect("it only looks").is_none());
    go.notify_one();
    reader.await.unwrap();
    assert_eq!(cache.get(&key("k")).await.unwrap().value(), Some(&1));
}

#[tokio::test]
async fn a_look_does_not_find_what_was_loaded_before_an_invalidation() {
    let shelf = Shelf::new();
    let cache = over(&shelf, 1);
    let (go, reader) = begin_load(&cache, 1).await;
    cache.invalidate(&[Invalidation::tag("t")]).await;
    let (found, ()) = tokio::join!(async { cache.get(&key("k")).await }, async {
        tokio::task::yield_now().await;
        go.notify_one();
    });
    assert!(found.is_none(), "whoever comes after it must not see it");
    reader.await.unwrap();
}

#[tokio::test]
async fn looks_at_the_same_time_ask_a_level_once_and_take_the_value_into_memory() {
    let shelf = Shelf::new();
    read(&over(&shelf, 1), "k", 7).await;
    let cache = over(&shelf, 2);
    let before = shelf.gets.load(Ordering::SeqCst);
    let name = key("k");
    let found = futures_util::future::join_all((0..20).map(|_| cache.get(&name))).await;
    assert!(
        found
            .iter()
            .all(|entry| entry.as_ref().unwrap().value() == Some(&7))
    );
    assert_eq!(shelf.gets.load(Ordering::SeqCst) - before, 1);
    cache.get(&name).await.unwrap();
    assert_eq!(shelf.gets.load(Ordering::SeqCst) - before, 1);
}

#[tokio::test(start_paused = true)]
async fn a_look_during_an_invalidation_leaves_nothing_old_in_memory() {
    let shelf = Shelf::new();
    read(&over(&shelf, 1), "k", 1).await;
    for what in [Invalidation::key(&key("k")), Invalidation::tag("t")] {
        let cache = over(&shelf, 2);
        shelf.delay_millis.store(50, Ordering::SeqCst);
        let name = key("k");
        let (_, ()) = tokio::join!(cache.get(&name), async {
            tokio::time::sleep(Duration::from_millis(10)).await;
            shelf.delay_millis.store(0, Ordering::SeqCst);
            cache.invalidate(&[what]).await;
        });
        assert_eq!(read(&cache, "k", 2).await, 2);
        cache.remove(&name).await;
        read(&over(&shelf, 1), "k", 1).await;
    }
}

#[tokio::test]
async fn a_value_that_was_removed_does_not_come_back_as_a_fallback() {
    let clock = Clock::manual();
    let cache = Builder::<u64>::serde(Namespace::new("test", 1))
        .clock(clock.clone())
        .build();
    let options = exact(10).stale(Duration::from_secs(1000));
    cache.set(&key("k"), 1, &options).await.unwrap();
    clock.advance(Duration::from_secs(20));
    let Fill::Lead(leader) = cache.fill(&key("k")) else {
        panic!("nobody leads")
    };
    let reader = {
        let (cache, options) = (cache.clone(), options.clone());
        tokio::spawn(async move {
            let fails = |_| async { Err::<u64, _>(down()) };
            cache.get_or_load(&key("k"), &options, fails).await
        })
    };
    while cache.statistics().coalesced == 0 {
        tokio::task::yield_now().await;
    }
    cache.remove(&key("k")).await;
    drop(leader);
    reader.await.unwrap().unwrap_err();
    let fails = |_| async { Err::<u64, _>(down()) };
    cache
        .get_or_load(&key("k"), &options, fails)
        .await
        .unwrap_err();
}

/// Has no bytes for 13.
struct Superstitious;

impl Codec<u64> for Superstitious {
    fn encode(&self, value: &u64) -> Result<Bytes, String> {
        match value {
            13 => Err("unlucky".into()),
            value => MessagePack.encode(value),
        }
    }

    fn decode(&self, bytes: Bytes) -> Result<u64, String> {
        MessagePack.decode(bytes)
    }
}

#[tokio::test]
async fn a_value_without_bytes_leaves_the_old_one_in_no_level() {
    for through in [false, true] {
        let shelf = Shelf::new();
        let cache = Builder::<u64>::serde(Namespace::new("test", 1))
            .codec(Superstitious)
            .level(shelf.side(1))
            .build();
        let other = over(&shelf, 2);
        read(&cache, "k", 1).await;
        read(&other, "k", 1).await;
        let error = if through {
            let write = || async { Ok::<_, Never>(()) };
            cache
                .write_through(&key("k"), 13, &exact(60), write)
                .await
                .unwrap_err()
        } else {
            cache.set(&key("k"), 13, &exact(60)).await.unwrap_err()
        };
        assert!(matches!(error, Error::Codec(_)), "{error}");
        assert_eq!(read(&other, "k", 13).await, 13, "through: {through}");
        assert_eq!(read(&over(&shelf, 3), "k", 13).await, 13);
    }
}

#[tokio::test]
async fn what_was_invalidated_during_a_write_is_in_no_level_of_ones_own() {
    for what in [
        Invalidation::key(&key("k")),
        Invalidation::tag("t"),
        Invalidation::prefix("k"),
    ] {
        let shelf = Shelf::new();
        shelf.private.store(true, Ordering::SeqCst);
        let cache = over(&shelf, 1);
        let other = cache.clone();
        let write = || async move {
            other.invalidate(&[what]).await;
            Ok::<_, Never>(())
        };
        let value = Loaded::value(1).tags(["t"]);
        cache
            .write_through(&key("k"), value, &exact(60), write)
            .await
            .unwrap();
        assert!(
            cache.get(&key("k")).await.is_none(),
            "whoever invalidated it knows something newer"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_invalidation_that_is_given_up_leaves_nothing_old_in_memory() {
    for what in [
        Invalidation::key(&key("k")),
        Invalidation::tag("t"),
        Invalidation::all().soft(),
    ] {
        let shelf = Shelf::new();
        let cache = over(&shelf, 1);
        read(&cache, "k", 1).await;
        shelf.delay_millis.store(500, Ordering::SeqCst);
        let telling = {
            let cache = cache.clone();
            tokio::spawn(async move { cache.invalidate(&[what]).await })
        };
        tokio::time::sleep(Duration::from_millis(10)).await;
        // The level has not heard of it yet, and answers a reader.
        shelf.delay_millis.store(0, Ordering::SeqCst);
        assert_eq!(read(&cache, "k", 2).await, 1);
        telling.abort();
        let _ = telling.await;
        assert_eq!(read(&cache, "k", 2).await, 2);
    }
}

#[tokio::test]
async fn a_write_may_change_another_key() {
    let cache = Builder::<u64>::serde(Namespace::new("test", 1)).build();
    for number in 0..1000 {
        let other = cache.clone();
        let write = || async move {
            other
                .set(&key(&format!("other{number}")), number, &exact(60))
                .await
        };
        let (name, options) = (key("k"), exact(60));
        let written = cache.write_through(&name, number, &options, write);
        timeout(SOON, written)
            .await
            .expect("two keys do not wait for each other")
            .unwrap();
    }
}

#[tokio::test]
async fn a_writer_that_waits_and_goes_away_leaves_no_lock() {
    let cache = Builder::<u64>::serde(Namespace::new("test", 1)).build();
    let (go, held) = (Arc::new(Notify::new()), Arc::new(AtomicBool::new(false)));
    let first = {
        let (cache, go, held) = (cache.clone(), go.clone(), held.clone());
        tokio::spawn(async move {
            let write = || async move {
                held.store(true, Ordering::SeqCst);
                go.notified().await;
                Ok::<_, Never>(())
            };
            cache
                .write_through(&key("k"), 1, &exact(60), write)
                .await
                .unwrap();
        })
    };
    while !held.load(Ordering::SeqCst) {
        tokio::task::yield_now().await;
    }
    let (name, options) = (key("k"), exact(60));
    let waits = timeout(Duration::from_millis(20), cache.set(&name, 2, &options));
    assert!(waits.await.is_err(), "the first one is not through");
    go.notify_one();
    first.await.unwrap();
    timeout(SOON, cache.set(&name, 3, &options))
        .await
        .expect("nobody has the lock")
        .unwrap();
    assert_eq!(cache.get(&name).await.unwrap().value(), Some(&3));
}

#[tokio::test]
async fn what_a_refresh_finds_to_be_gone_is_gone_from_the_levels_below() {
    let (shelf, clock) = (Shelf::new(), Clock::manual());
    let cache = Builder::<u64>::serde(Namespace::new("test", 1))
        .clock(clock.clone())
        .level(shelf.side(1))
        .build();
    let options = Options {
        negative_lifetime: Duration::ZERO,
        ..exact(60).eager(0.5)
    };
    cache.set(&key("k"), 1, &options).await.unwrap();
    clock.advance(Duration::from_secs(31));
    let gone = |_| async { Ok::<_, Never>(Loaded::absent()) };
    let first = cache.get_or_load(&key("k"), &options, gone).await.unwrap();
    assert_eq!(first, Some(1), "it is refreshed in the background");
    cache.settled().await;
    let second = cache.get_or_load(&key("k"), &options, gone).await.unwrap();
    assert_eq!(second, None);
}

#[tokio::test(start_paused = true)]
async fn what_another_process_invalidated_is_not_read_from_a_level_that_has_yet_to_be_told() {
    for what in [
        Invalidation::key(&key("k")),
        Invalidation::tag("t"),
        Invalidation::prefix("k"),
        Invalidation::all(),
    ] {
        let (near, far) = (Shelf::new(), Shelf::new());
        near.private.store(true, Ordering::SeqCst);
        let cache = Builder::<u64>::serde(Namespace::new("test", 1))
            .level(near.side(2))
            .level(far.side(2))
            .build();
        read(&cache, "k", 1).await;
        read(&cache, "other", 1).await;
        near.delay_millis.store(500, Ordering::SeqCst);
        over(&far, 1).invalidate(std::slice::from_ref(&what)).await;
        tokio::time::sleep(Duration::from_millis(10)).await;
        near.delay_millis.store(0, Ordering::SeqCst);
        assert_eq!(read(&cache, "k", 2).await, 2, "{what:?}");
    }
}

#[tokio::test]
async fn a_load_for_two_keys_stores_under_neither_what_was_removed_meanwhile() {
    let cache = Builder::<u64>::serde(Namespace::new("test", 1)).build();
    let lead = |cache: &Cache<u64>| match cache.fill(&key("page")) {
        Fill::Lead(filling) => filling,
        Fill::Wait(_) => panic!("somebody else leads"),
    };
    let filling = lead(&cache);
    cache.remove(&key("page in German")).await;
    assert!(filling.also(&key("page in German")).is_none());
    drop(filling);

    let filling = lead(&cache);
    let also = filling.also(&key("page in German")).unwrap();
    assert!(
        filling.also(&key("page in German")).is_none(),
        "it is being loaded"
    );
    cache.remove(&key("page in German")).await;
    also.store(Loaded::value(1), None, &exact(60)).unwrap();
    assert!(cache.get(&key("page in German")).await.is_none());
}
