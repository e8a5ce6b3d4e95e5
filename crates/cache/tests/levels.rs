//! Several levels: promotion, writing, and what a level's failures do. The level is a double that can be stopped and
//! slowed; the real ones have tests of their own.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the message")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use support::{Shelf, key, over};
use tenfold_cache::level::{GuardOptions, LevelState};
use tenfold_cache::{Builder, Cache, Clock, Error, Invalidation, Loaded, Namespace, Options};

type Never = std::convert::Infallible;

fn exact(seconds: u64) -> Options {
    Options::lifetime(Duration::from_secs(seconds)).jitter(0.0)
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

#[tokio::test]
async fn what_one_process_loaded_another_one_finds() {
    let shelf = Shelf::new();
    let (one, two) = (over(&shelf, 1), over(&shelf, 2));
    assert_eq!(read(&one, "k", 1).await, 1);
    assert_eq!(read(&two, "k", 2).await, 1);
    assert_eq!(two.statistics().levels[0].hits, 1);
}

#[tokio::test]
async fn a_promoted_value_lives_only_as_long_as_it_had_left() {
    let (near, far, clock) = (Shelf::new(), Shelf::new(), Clock::manual());
    let make = |near: &Arc<Shelf>| {
        Builder::<u64>::serde(Namespace::new("test", 1))
            .clock(clock.clone())
            .level(near.side(1))
            .level(far.side(1))
            .build()
    };
    assert_eq!(read(&make(&Shelf::new()), "k", 1).await, 1);
    clock.advance(Duration::from_secs(50));
    let cache = make(&near);
    assert_eq!(read(&cache, "k", 2).await, 1);
    assert!(
        near.has(&key("k")),
        "it is taken into the level between as well"
    );
    assert_eq!(near.record(&key("k")).unwrap().fresh_until, 60_000);
    clock.advance(Duration::from_secs(11));
    assert_eq!(read(&cache, "k", 3).await, 3);
}

#[tokio::test]
async fn an_invalidation_reaches_every_level_and_the_other_process() {
    for what in [
        Invalidation::key(&key("a:k")),
        Invalidation::tag("t"),
        Invalidation::prefix("a:"),
        Invalidation::all(),
        Invalidation::key(&key("a:k")).soft(),
        Invalidation::tag("t").soft(),
        Invalidation::prefix("a:").soft(),
        Invalidation::all().soft(),
    ] {
        let shelf = Shelf::new();
        let (one, two) = (over(&shelf, 1), over(&shelf, 2));
        read(&one, "a:k", 1).await;
        read(&two, "a:k", 1).await;
        let told = one.invalidate(std::slice::from_ref(&what)).await;
        assert!(told.failures.is_empty());
        assert_eq!(read(&two, "a:k", 2).await, 2, "{what:?}");
        assert_eq!(read(&one, "a:k", 3).await, 2, "{what:?}");
    }
}

#[tokio::test]
async fn a_soft_invalidation_keeps_the_value_for_a_source_that_is_down() {
    let shelf = Shelf::new();
    let cache = over(&shelf, 1);
    let options = exact(60).stale(Duration::from_secs(60));
    cache
        .set(&key("k"), Loaded::value(1).tags(["t"]), &options)
        .await
        .unwrap();
    let fails = |_| async { Err::<u64, _>(std::io::Error::other("down")) };
    cache.invalidate(&[Invalidation::tag("t").soft()]).await;
    assert_eq!(
        cache.get_or_load(&key("k"), &options, fails).await.unwrap(),
        Some(1)
    );
    cache.invalidate(&[Invalidation::tag("t")]).await;
    cache
        .get_or_load(&key("k"), &options, fails)
        .await
        .unwrap_err();
}

#[tokio::test]
async fn a_level_that_is_down_costs_nothing_and_is_told_what_it_missed_before_it_is_believed() {
    let shelf = Shelf::new();
    let guard = GuardOptions {
        open: Duration::from_millis(50),
        ..GuardOptions::default()
    };
    let cache = Builder::<u64>::serde(Namespace::new("test", 1))
        .guarded_level(shelf.side(1), guard)
        .build();
    read(&cache, "old", 1).await;
    read(&cache, "kept", 1).await;
    shelf.down.store(true, Ordering::SeqCst);

    let told = cache.invalidate(&[Invalidation::key(&key("old"))]).await;
    assert_eq!(told.failures[0].error.to_string(), "connection refused");
    assert_eq!(cache.statistics().levels[0].state, LevelState::Behind);
    let gets = shelf.gets.load(Ordering::SeqCst);
    for number in 0..100 {
        assert_eq!(read(&cache, &format!("new{number}"), number).await, number);
    }
    assert_eq!(
        shelf.gets.load(Ordering::SeqCst),
        gets,
        "a level that is behind is not asked"
    );

    assert!(
        shelf.has(&key("old")),
        "the level still has what was invalidated"
    );
    shelf.down.store(false, Ordering::SeqCst);
    while cache.statistics().levels[0].state != LevelState::Up {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(!shelf.has(&key("old")));
    assert_eq!(read(&cache, "old", 2).await, 2);
    assert_eq!(cache.statistics().levels[0].last_error, None);
}

#[tokio::test]
async fn more_missed_invalidations_than_are_kept_become_all() {
    let shelf = Shelf::new();
    let guard = GuardOptions {
        open: Duration::from_millis(20),
        missed: 10,
        ..GuardOptions::default()
    };
    let cache = Builder::<u64>::serde(Namespace::new("test", 1))
        .guarded_level(shelf.side(1), guard)
        .build();
    read(&cache, "k", 1).await;
    shelf.down.store(true, Ordering::SeqCst);
    for number in 0..50 {
        cache.remove(&key(&number.to_string())).await;
    }
    assert!(cache.statistics().levels[0].behind <= 11);
    shelf.down.store(false, Ordering::SeqCst);
    while cache.statistics().levels[0].state != LevelState::Up {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let other = over(&shelf, 2);
    assert_eq!(read(&other, "k", 2).await, 2);
}

#[tokio::test(start_paused = true)]
async fn a_slow_level_is_waited_for_five_times_and_then_not_at_all() {
    let shelf = Shelf::new();
    let cache = over(&shelf, 1);
    shelf.delay_millis.store(2000, Ordering::SeqCst);
    let mut waited = Vec::new();
    for number in 0..8 {
        let began = tokio::time::Instant::now();
        let load = move |_| async move { Ok::<_, Never>(number) };
        let options = Options {
            lower: true,
            ..exact(60)
        };
        cache
            .get_or_load(&key(&number.to_string()), &options, load)
            .await
            .unwrap();
        waited.push(began.elapsed().as_millis());
    }
    assert_eq!(waited[0], 100);
    assert_eq!(waited[5..], [0, 0, 0], "{waited:?}");
    assert_eq!(cache.statistics().levels[0].state, LevelState::Open);
}

#[tokio::test]
async fn writing_through_leaves_nothing_stale_when_the_store_or_a_level_fails() {
    let shelf = Shelf::new();
    let (one, two) = (over(&shelf, 1), over(&shelf, 2));
    let write = |works: bool| {
        move || async move {
            if works {
                Ok(())
            } else {
                Err(std::io::Error::other("disk full"))
            }
        }
    };
    one.write_through(&key("k"), 1, &exact(60), write(true))
        .await
        .unwrap();
    assert_eq!(read(&two, "k", 9).await, 1);
    one.write_through(&key("k"), 2, &exact(60), write(true))
        .await
        .unwrap();
    assert_eq!(
        read(&two, "k", 9).await,
        2,
        "the other process dropped the old value"
    );

    let error = one
        .write_through(&key("k"), 3, &exact(60), write(false))
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "the store refused the write: disk full");
    assert_eq!(
        read(&one, "k", 8).await,
        8,
        "nobody knows what the store has now, so it is asked"
    );

    shelf.down.store(true, Ordering::SeqCst);
    let error = one
        .write_through(&key("k"), 4, &exact(60), write(true))
        .await
        .unwrap_err();
    assert!(
        matches!(&error, Error::Levels(failures) if &*failures[0].level == "shelf"),
        "{error}"
    );
    assert_eq!(read(&one, "k", 9).await, 4, "memory has what the store has");
    shelf.down.store(false, Ordering::SeqCst);
    one.close().await.unwrap();
    let three = over(&shelf, 3);
    assert_eq!(
        read(&three, "k", 10).await,
        10,
        "and the level no longer has the old one"
    );
}

#[tokio::test]
async fn a_write_that_is_abandoned_leaves_nothing_stale() {
    let shelf = Shelf::new();
    let cache = over(&shelf, 1);
    read(&cache, "k", 1).await;
    let abandoned = {
        let cache = cache.clone();
        tokio::spawn(async move {
            cache
                .write_through(
                    &key("k"),
                    2,
                    &exact(60),
                    std::future::pending::<Result<(), std::io::Error>>,
                )
                .await
        })
    };
    tokio::time::sleep(Duration::from_millis(20)).await;
    abandoned.abort();
    let _ = abandoned.await;
    cache.settled().await;
    assert_eq!(read(&cache, "k", 3).await, 3);
}

#[tokio::test]
async fn of_many_processes_one_loads() {
    let shelf = Shelf::new();
    let loads = Arc::new(AtomicUsize::new(0));
    let mut readers = tokio::task::JoinSet::new();
    for id in 0..10 {
        let (cache, loads) = (over(&shelf, id), loads.clone());
        readers.spawn(async move {
            let options = Options {
                single_process: true,
                ..exact(60)
            };
            let load = move |_| async move {
                loads.fetch_add(1, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_millis(60)).await;
                Ok::<_, Never>(7)
            };
            let value = cache.get_or_load(&key("k"), &options, load).await.unwrap();
            cache.settled().await;
            value
        });
    }
    assert!(
        readers
            .join_all()
            .await
            .into_iter()
            .all(|value| value == Some(7))
    );
    assert_eq!(loads.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn bytes_that_are_no_value_are_as_good_as_not_there() {
    let shelf = Shelf::new();
    let text = Builder::<String>::serde(Namespace::new("test", 1))
        .level(shelf.side(1))
        .build();
    text.set(&key("k"), "not a number".to_owned(), &exact(60))
        .await
        .unwrap();
    assert_eq!(read(&over(&shelf, 2), "k", 5).await, 5);
}

#[tokio::test]
async fn a_write_that_another_process_overtook_is_not_cached() {
    let shelf = Shelf::new();
    let (one, two) = (over(&shelf, 1), over(&shelf, 2));
    let other = two.clone();
    // The other process writes and tells the cache after our write of the store and before we tell the cache.
    let write = || async move {
        let stored = || async { Ok::<_, Never>(()) };
        other
            .write_through(&key("k"), 2, &exact(60), stored)
            .await
            .unwrap();
        Ok::<_, Never>(())
    };
    one.write_through(&key("k"), 1, &exact(60), write)
        .await
        .unwrap();
    assert_eq!(read(&one, "k", 2).await, 2, "the store has 2");
    assert_eq!(read(&two, "k", 2).await, 2);
    assert_eq!(read(&over(&shelf, 3), "k", 2).await, 2);
}

#[tokio::test]
async fn a_row_that_was_removed_during_a_write_is_not_cached() {
    let cache = Builder::<u64>::serde(Namespace::new("test", 1)).build();
    let other = cache.clone();
    let write = || async move {
        other.remove(&key("k")).await;
        Ok::<_, Never>(())
    };
    cache
        .write_through(&key("k"), 1, &exact(60), write)
        .await
        .unwrap();
    assert!(
        cache.get(&key("k")).await.is_none(),
        "whoever removed it knows something newer"
    );
}

#[tokio::test]
async fn an_invalidation_whose_caller_goes_away_reaches_every_level() {
    let (near, far) = (Shelf::new(), Shelf::new());
    let make = |near: &Arc<Shelf>| {
        let builder = Builder::<u64>::serde(Namespace::new("test", 1));
        builder.level(near.side(1)).level(far.side(1)).build()
    };
    let cache = make(&near);
    read(&cache, "k", 1).await;
    assert!(near.has(&key("k")) && far.has(&key("k")));
    far.delay_millis.store(50, Ordering::SeqCst);
    let name = key("k");
    let told = cache.remove(&name);
    // The farthest is asked first; the caller goes away before the nearest is.
    let answer = tokio::time::timeout(Duration::from_millis(5), told).await;
    assert!(answer.is_err(), "it was cut off");
    let is_told = || !near.has(&key("k")) && !far.has(&key("k"));
    tokio::time::timeout(Duration::from_secs(10), async {
        while !is_told() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .expect("both levels are told");
}

#[tokio::test]
async fn a_breaker_may_stay_open_for_ever() {
    let shelf = Shelf::new();
    let guard = GuardOptions {
        failures: 1,
        open: Duration::MAX,
        open_max: Duration::MAX,
        write_timeout: Duration::MAX,
        ..GuardOptions::default()
    };
    let cache = Builder::<u64>::serde(Namespace::new("test", 1))
        .guarded_level(shelf.side(1), guard)
        .build();
    shelf.down.store(true, Ordering::SeqCst);
    assert_eq!(read(&cache, "k", 1).await, 1);
    assert_eq!(cache.statistics().levels[0].state, LevelState::Open);
    cache.close().await.unwrap();
}
