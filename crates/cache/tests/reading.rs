//! Reading: single flight, the two lives of a value, time limits and what failures do.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the message")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use support::key;
use tenfold_cache::{Builder, Cache, Clock, Error, Invalidation, Loaded, Namespace, Options};
use tokio::sync::Notify;

type Never = std::convert::Infallible;

fn memory(clock: &Clock) -> Cache<u64> {
    Builder::<u64>::serde(Namespace::new("test", 1))
        .clock(clock.clone())
        .build()
}

fn exact(seconds: u64) -> Options {
    Options::lifetime(Duration::from_secs(seconds)).jitter(0.0)
}

fn boom() -> std::io::Error {
    std::io::Error::other("the database is down")
}

#[tokio::test]
async fn a_thousand_readers_load_once() {
    let cache = memory(&Clock::System);
    let (loads, go) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
    let mut readers = tokio::task::JoinSet::new();
    for _ in 0..1000 {
        let (cache, loads, go) = (cache.clone(), loads.clone(), go.clone());
        readers.spawn(async move {
            let load = move |_| async move {
                loads.fetch_add(1, Ordering::SeqCst);
                go.notified().await;
                Ok::<_, Never>(7)
            };
            cache
                .get_or_load(&key("k"), &exact(60), load)
                .await
                .unwrap()
        });
    }
    while cache.statistics().misses < 1000 {
        tokio::task::yield_now().await;
    }
    go.notify_one();
    assert!(
        readers
            .join_all()
            .await
            .into_iter()
            .all(|value| value == Some(7))
    );
    assert_eq!(loads.load(Ordering::SeqCst), 1);
    assert_eq!(cache.statistics().coalesced, 999);
}

#[tokio::test]
async fn a_loader_that_panics_frees_everybody_and_the_next_reader_loads_anew() {
    let cache = memory(&Clock::System);
    let mut readers = tokio::task::JoinSet::new();
    for _ in 0..10 {
        let cache = cache.clone();
        readers.spawn(async move {
            let load = |_| async {
                tokio::time::sleep(Duration::from_millis(20)).await;
                if true {
                    panic!("a defect in the loader, for the test")
                }
                Ok::<u64, Never>(1)
            };
            cache.get_or_load(&key("k"), &exact(60), load).await
        });
    }
    assert!(
        readers
            .join_all()
            .await
            .iter()
            .all(|outcome| matches!(outcome, Err(Error::Panicked)))
    );
    let again = cache
        .get_or_load(&key("k"), &exact(60), |_| async { Ok::<u64, Never>(2) })
        .await;
    assert_eq!(again.unwrap(), Some(2));
}

#[tokio::test]
async fn a_reader_that_goes_away_does_not_end_the_load() {
    let cache = memory(&Clock::System);
    let go = Arc::new(Notify::new());
    let gate = go.clone();
    let reader = tokio::spawn({
        let cache = cache.clone();
        async move {
            let load = move |_| async move {
                gate.notified().await;
                Ok::<u64, Never>(5)
            };
            cache.get_or_load(&key("k"), &exact(60), load).await
        }
    });
    while cache.statistics().loads == 0 {
        tokio::task::yield_now().await;
    }
    reader.abort();
    go.notify_one();
    cache.settled().await;
    assert_eq!(cache.get(&key("k")).await.unwrap().value(), Some(&5));
}

#[tokio::test]
async fn a_stale_value_serves_while_the_source_is_down_and_the_source_is_left_alone_for_the_throttle()
 {
    let clock = Clock::manual();
    let cache = memory(&clock);
    let options = exact(10).stale(Duration::from_secs(100));
    let loads = Arc::new(AtomicUsize::new(0));
    let read = |works: bool| {
        let (cache, options, loads) = (cache.clone(), options.clone(), loads.clone());
        async move {
            let load = move |_| async move {
                let number = loads.fetch_add(1, Ordering::SeqCst) as u64;
                if works { Ok(number) } else { Err(boom()) }
            };
            cache.get_or_load(&key("k"), &options, load).await
        }
    };
    assert_eq!(read(true).await.unwrap(), Some(0));
    clock.advance(Duration::from_secs(11));
    for _ in 0..5 {
        assert_eq!(read(false).await.unwrap(), Some(0));
    }
    assert_eq!(loads.load(Ordering::SeqCst), 2, "one attempt per throttle");
    clock.advance(Duration::from_secs(2));
    assert_eq!(read(true).await.unwrap(), Some(2));
    clock.advance(Duration::from_secs(111));
    let error = read(false).await.unwrap_err();
    assert_eq!(error.to_string(), "the loader failed: the database is down");
}

#[tokio::test(start_paused = true)]
async fn beyond_the_soft_limit_a_reader_takes_the_stale_value_and_the_load_goes_on() {
    let clock = Clock::manual();
    let cache = memory(&clock);
    let options = exact(10)
        .stale(Duration::from_secs(100))
        .timeouts(Some(Duration::from_millis(50)), Duration::from_secs(9));
    cache.set(&key("k"), 1, &options).await.unwrap();
    clock.advance(Duration::from_secs(11));
    let load = |_| async {
        tokio::time::sleep(Duration::from_secs(3)).await;
        Ok::<u64, Never>(2)
    };
    let began = tokio::time::Instant::now();
    assert_eq!(
        cache.get_or_load(&key("k"), &options, load).await.unwrap(),
        Some(1)
    );
    assert_eq!(began.elapsed().as_millis(), 50);
    cache.settled().await;
    assert_eq!(cache.get(&key("k")).await.unwrap().value(), Some(&2));
}

#[tokio::test(start_paused = true)]
async fn beyond_the_hard_limit_readers_fail_and_what_comes_later_is_stored() {
    let cache = memory(&Clock::System);
    let options = exact(60).timeouts(None, Duration::from_secs(1));
    let load = |_| async {
        tokio::time::sleep(Duration::from_millis(1500)).await;
        Ok::<u64, Never>(2)
    };
    let error = cache
        .get_or_load(&key("k"), &options, load)
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Timeout(limit) if limit == Duration::from_secs(1)));
    cache.settled().await;
    assert_eq!(cache.get(&key("k")).await.unwrap().value(), Some(&2));

    let never = |_| std::future::pending::<Result<u64, Never>>();
    cache
        .get_or_load(&key("other"), &options, never)
        .await
        .unwrap_err();
    cache.settled().await;
    assert_eq!(
        cache.statistics().loading,
        0,
        "a load that never ends is given up"
    );
}

#[tokio::test]
async fn absence_is_remembered_and_is_not_a_miss() {
    let clock = Clock::manual();
    let cache = memory(&clock);
    let load = |_| async { Ok::<_, Never>(None::<u64>) };
    assert_eq!(
        cache
            .get_or_load(&key("k"), &exact(60), load)
            .await
            .unwrap(),
        None
    );
    let known = cache
        .get(&key("k"))
        .await
        .expect("it is known that there is none");
    assert_eq!(known.value(), None);
    assert_eq!(cache.statistics().negative_hits, 1);
    clock.advance(Duration::from_secs(11));
    assert!(
        cache.get(&key("k")).await.is_none(),
        "the negative lifetime is 10 s"
    );
}

#[tokio::test]
async fn one_reader_refreshes_early_and_nobody_waits() {
    let clock = Clock::manual();
    let cache = memory(&clock);
    let options = exact(100).eager(0.8);
    cache.set(&key("k"), 1, &options).await.unwrap();
    let load = |_| async { Ok::<u64, Never>(2) };
    clock.advance(Duration::from_secs(79));
    assert_eq!(
        cache.get_or_load(&key("k"), &options, load).await.unwrap(),
        Some(1)
    );
    assert_eq!(cache.statistics().refreshes, 0);
    clock.advance(Duration::from_secs(2));
    for _ in 0..3 {
        assert_eq!(
            cache.get_or_load(&key("k"), &options, load).await.unwrap(),
            Some(1)
        );
    }
    cache.settled().await;
    assert_eq!(cache.get(&key("k")).await.unwrap().value(), Some(&2));
    assert_eq!(cache.statistics().refreshes, 1);
}

#[tokio::test]
async fn a_refresh_that_fails_leaves_the_value_and_is_tried_again() {
    let clock = Clock::manual();
    let cache = memory(&clock);
    let options = exact(100).eager(0.5);
    cache.set(&key("k"), 1, &options).await.unwrap();
    clock.advance(Duration::from_secs(60));
    for attempt in 1..=2 {
        let load = |_| async { Err::<u64, _>(boom()) };
        assert_eq!(
            cache.get_or_load(&key("k"), &options, load).await.unwrap(),
            Some(1)
        );
        cache.settled().await;
        assert_eq!(cache.statistics().refreshes, attempt);
        clock.advance(Duration::from_millis(1100));
    }
    assert_eq!(cache.get(&key("k")).await.unwrap().value(), Some(&1));
}

#[tokio::test]
async fn a_validator_and_tags_survive_not_modified() {
    let clock = Clock::manual();
    let cache = memory(&clock);
    let options = exact(10).stale(Duration::from_secs(100));
    let first = |_| async { Ok::<_, Never>(Loaded::value(1).validator("\"v1\"").tags(["t"])) };
    cache.get_or_load(&key("k"), &options, first).await.unwrap();
    for _ in 0..2 {
        clock.advance(Duration::from_secs(11));
        let again = |context: tenfold_cache::Context<u64>| async move {
            assert_eq!(
                context.previous.expect("the stale value").validator(),
                Some("\"v1\"")
            );
            Ok::<_, Never>(Loaded::<u64>::not_modified())
        };
        assert_eq!(
            cache.get_or_load(&key("k"), &options, again).await.unwrap(),
            Some(1)
        );
    }
    assert_eq!(cache.statistics().not_modified, 2);
    cache.invalidate(&[Invalidation::tag("t")]).await;
    assert!(cache.get(&key("k")).await.is_none());

    let nothing = |_| async { Ok::<_, Never>(Loaded::<u64>::not_modified()) };
    let error = cache
        .get_or_load(&key("new"), &options, nothing)
        .await
        .unwrap_err();
    assert!(matches!(error, Error::NothingToRevalidate));
}

#[tokio::test]
async fn the_loader_decides_on_the_options_in_view_of_the_value() {
    let clock = Clock::manual();
    let cache = memory(&clock);
    let load = |_| async { Ok::<_, Never>(Loaded::value(1).options(exact(5))) };
    cache
        .get_or_load(&key("k"), &exact(60), load)
        .await
        .unwrap();
    clock.advance(Duration::from_secs(6));
    assert!(cache.get(&key("k")).await.is_none());
}

#[tokio::test]
async fn jitter_shortens_a_lifetime_and_never_lengthens_it() {
    let clock = Clock::manual();
    let cache = memory(&clock);
    let options = Options::lifetime(Duration::from_secs(100)).jitter(0.5);
    for number in 0..200 {
        cache
            .set(&key(&number.to_string()), number, &options)
            .await
            .unwrap();
    }
    let alive = |cache: Cache<u64>| async move {
        let mut alive = 0;
        for number in 0..200 {
            alive += usize::from(cache.get(&key(&number.to_string())).await.is_some());
        }
        alive
    };
    clock.advance(Duration::from_secs(50));
    assert_eq!(alive(cache.clone()).await, 200);
    clock.advance(Duration::from_secs(25));
    let half = alive(cache.clone()).await;
    assert!(
        (50..150).contains(&half),
        "{half} of 200 are left in the middle"
    );
    clock.advance(Duration::from_secs(25));
    assert_eq!(alive(cache).await, 0);
}

#[tokio::test]
async fn memory_stays_within_its_size_and_evicts() {
    let size = 1 << 20;
    let cache = Builder::bytes(Namespace::new("test", 1))
        .memory(size)
        .average(1100)
        .build();
    let options = exact(60);
    for number in 0..4000 {
        cache
            .set(
                &key(&number.to_string()),
                bytes::Bytes::from(vec![0; 1000]),
                &options,
            )
            .await
            .unwrap();
        assert!(cache.statistics().bytes <= size);
    }
    let statistics = cache.statistics();
    assert!(
        statistics.entries > 600 && statistics.evictions > 3000,
        "{statistics:?}"
    );
    cache
        .set(&key("huge"), bytes::Bytes::from(vec![0; 2 << 20]), &options)
        .await
        .unwrap();
    assert!(
        cache.get(&key("huge")).await.is_none(),
        "what is larger than memory is not kept"
    );
}

#[tokio::test]
async fn warming_loads_with_bounded_concurrency_and_says_how_far_it_is() {
    let cache = memory(&Clock::System);
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (running, peak) = (now.clone(), most.clone());
    let load = move |context: tenfold_cache::Context<u64>| {
        let (running, peak) = (running.clone(), peak.clone());
        async move {
            peak.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(2)).await;
            running.fetch_sub(1, Ordering::SeqCst);
            if context.key.as_str() == "13" {
                Err(boom())
            } else {
                Ok(1_u64)
            }
        }
    };
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    let keys = (0..50).map(|number: u32| key(&number.to_string()));
    let warmed = cache
        .warm(keys, &exact(60), 4, load, move |_| {
            counted.fetch_add(1, Ordering::SeqCst);
        })
        .await;
    assert_eq!((warmed.progress.done, warmed.progress.failed), (49, 1));
    assert_eq!(warmed.first_error.unwrap().0, key("13"));
    assert_eq!(
        (most.load(Ordering::SeqCst), calls.load(Ordering::SeqCst)),
        (4, 50)
    );
}

#[tokio::test]
async fn no_time_is_too_long() {
    let shelf = support::Shelf::new();
    let cache = support::over(&shelf, 1);
    let long = Options {
        lifetime: Duration::MAX,
        lower_lifetime: Some(Duration::MAX),
        negative_lifetime: Duration::MAX,
        stale: Duration::MAX,
        throttle: Duration::MAX,
        soft_timeout: Some(Duration::MAX),
        hard_timeout: Duration::MAX,
        eager: Some(1.0),
        single_process: true,
        ..Options::default()
    };
    let load = |_| async { Ok::<_, Never>(7) };
    for _ in 0..2 {
        let value = cache.get_or_load(&key("k"), &long, load).await.unwrap();
        assert_eq!(value, Some(7));
    }
    cache.set(&key("l"), 8, &long).await.unwrap();
    let other = support::over(&shelf, 2);
    assert_eq!(other.get(&key("l")).await.unwrap().value(), Some(&8));
    cache.remove(&key("k")).await.confirmed(Duration::MAX).await;
}

#[tokio::test]
async fn labels_count_and_a_weight_that_cannot_be_is_only_large() {
    let cache = memory(&Clock::System);
    let tags: Vec<String> = (0..100).map(|number| format!("{number:01000}")).collect();
    let load = move |_| async move { Ok::<_, Never>(Loaded::value(1).tags(tags)) };
    cache
        .get_or_load(&key("k"), &exact(60), load)
        .await
        .unwrap();
    let bytes = cache.statistics().bytes;
    assert!(bytes >= 100 * 1000, "{bytes}");

    let cache = Builder::<u64>::new(Namespace::new("test", 1), |_| usize::MAX).build();
    let load = |_| async { Ok::<_, Never>(7) };
    let value = cache.get_or_load(&key("k"), &exact(60), load).await;
    assert_eq!(value.unwrap(), Some(7));
    assert_eq!(cache.statistics().entries, 0);
}

#[tokio::test]
async fn a_value_too_large_for_memory_replaces_the_old_one_by_nothing() {
    let cache = Builder::<u64>::new(Namespace::new("test", 1), |value| *value as usize).build();
    cache.set(&key("k"), 1, &exact(60)).await.unwrap();
    cache.set(&key("k"), 1 << 40, &exact(60)).await.unwrap();
    assert!(cache.get(&key("k")).await.is_none());
    cache.set(&key("k"), 1, &exact(60)).await.unwrap();
    cache.remove(&key("other")).await;
    for (lifetime, value) in [(0, 1), (60, 1 << 40)] {
        let options = exact(lifetime);
        let load = move |_| async move { Ok::<_, Never>(value) };
        cache.remove(&key("k")).await;
        cache
            .set(&key("k"), 1, &exact(0).stale(Duration::from_secs(9)))
            .await
            .unwrap();
        let loaded = cache.get_or_load(&key("k"), &options, load).await.unwrap();
        assert_eq!(loaded, Some(value));
        assert!(cache.get(&key("k")).await.is_none());
    }
}

#[tokio::test]
async fn the_largest_memory_that_can_be_asked_for_takes_none_at_once() {
    for average in [0, 1, u64::MAX] {
        let cache = Builder::<u64>::serde(Namespace::new("test", 1))
            .memory(u64::MAX)
            .average(average)
            .build();
        cache.set(&key("k"), 1, &exact(60)).await.unwrap();
        assert!(cache.get(&key("k")).await.is_some());
    }
    let none = Builder::<u64>::serde(Namespace::new("test", 1))
        .memory(0)
        .build();
    none.set(&key("k"), 1, &exact(60)).await.unwrap();
    assert!(none.get(&key("k")).await.is_none());
}

#[tokio::test]
async fn a_load_that_takes_too_long_and_fails_is_one_failure() {
    let cache = memory(&Clock::System);
    let options = exact(60).timeouts(None, Duration::from_millis(50));
    let load = |_| async {
        tokio::time::sleep(Duration::from_millis(60)).await;
        Err::<u64, _>(boom())
    };
    cache
        .get_or_load(&key("k"), &options, load)
        .await
        .unwrap_err();
    cache.settled().await;
    let seen = cache.statistics();
    assert_eq!(
        (seen.loads, seen.load_failures, seen.load_timeouts),
        (1, 1, 1)
    );
}

#[tokio::test]
async fn whoever_only_looks_takes_nobodys_turn_to_refresh() {
    let (shelf, clock) = (support::Shelf::new(), Clock::manual());
    let make = || {
        Builder::<u64>::serde(Namespace::new("test", 1))
            .clock(clock.clone())
            .level(shelf.side(1))
            .build()
    };
    let (cache, options) = (make(), exact(60).eager(0.5));
    let load = |_| async { Ok::<_, Never>(7) };
    cache.set(&key("k"), 1, &options).await.unwrap();
    clock.advance(Duration::from_secs(31));
    // Also one that has it from below.
    let late = make();
    let value = late.get_or_load(&key("k"), &options, load).await.unwrap();
    assert_eq!(value, Some(1));
    for cache in [&cache, &late] {
        assert_eq!(cache.held("", 9).len(), 1);
        assert_eq!(cache.get(&key("k")).await.unwrap().value(), Some(&1));
        let value = cache.get_or_load(&key("k"), &options, load).await.unwrap();
        assert_eq!((value, cache.statistics().refreshes), (Some(1), 1));
        cache.settled().await;
    }
}
