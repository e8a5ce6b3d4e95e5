//! A disk above a shared level: what others invalidate while its process is not there.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the message")]

mod support;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use support::{Shelf, key, over};
use tenfold_cache::level::disk::{DiskLevel, DiskOptions};
use tenfold_cache::{Builder, Cache, Invalidation, Loaded, Namespace, Options};

type Never = std::convert::Infallible;

fn start(directory: &Path, shelf: &Arc<Shelf>) -> Cache<u64> {
    let disk = DiskLevel::open(&DiskOptions::new(directory, 2 << 20)).unwrap();
    Builder::<u64>::serde(Namespace::new("test", 1))
        .level(Arc::new(disk))
        .level(shelf.side(1))
        .build()
}

async fn read(cache: &Cache<u64>, name: &str, fresh: u64) -> u64 {
    let load = move |_| async move { Ok::<_, Never>(Loaded::value(fresh).tags(["t"])) };
    let options = Options::lifetime(Duration::from_secs(600));
    let value = cache.get_or_load(&key(name), &options, load).await.unwrap();
    cache.settled().await;
    value.unwrap()
}

async fn end(cache: Cache<u64>) {
    cache.close().await.unwrap();
}

#[tokio::test]
async fn what_was_invalidated_while_the_process_was_away_is_not_read_from_its_disk() {
    for what in [
        Invalidation::key(&key("k")),
        Invalidation::tag("t"),
        Invalidation::prefix("k"),
        Invalidation::all(),
    ] {
        let (directory, shelf) = (tempfile::tempdir().unwrap(), Shelf::new());
        let first = start(directory.path(), &shelf);
        assert_eq!(read(&first, "k", 1).await, 1);
        assert_eq!(read(&first, "other", 1).await, 1);
        end(first).await;
        over(&shelf, 2)
            .invalidate(std::slice::from_ref(&what))
            .await;

        // One that reads nothing before it ends has not caught up by that.
        end(start(directory.path(), &shelf)).await;
        let second = start(directory.path(), &shelf);
        assert_eq!(read(&second, "k", 2).await, 2, "{what:?}");
        let looks = start_looking(&second).await;
        end(second).await;

        // What was not invalidated is still there, and so is what has been loaded since.
        let third = start(directory.path(), &shelf);
        assert_eq!(read(&third, "k", 3).await, 2);
        assert_eq!(start_looking(&third).await, looks);
        assert!(third.statistics().levels[0].hits > 0, "the disk is read");
        end(third).await;
    }
}

async fn start_looking(cache: &Cache<u64>) -> Option<u64> {
    let found = cache.get(&key("other")).await;
    found.and_then(|entry| entry.value().copied())
}

#[tokio::test]
async fn a_look_and_a_view_wait_for_what_was_missed_as_well() {
    let (directory, shelf) = (tempfile::tempdir().unwrap(), Shelf::new());
    let first = start(directory.path(), &shelf);
    assert_eq!(read(&first, "k", 1).await, 1);
    end(first).await;
    over(&shelf, 2).remove(&key("k")).await;
    let second = start(directory.path(), &shelf);
    for below in second.held_below(&key("k")).await {
        assert!(below.held.unwrap().is_none(), "{}", below.level);
    }
    end(second).await;
    let third = start(directory.path(), &shelf);
    assert!(third.get(&key("k")).await.is_none());
    end(third).await;
}

#[tokio::test]
async fn a_shared_level_that_does_not_say_what_was_missed_costs_the_disk_and_no_time() {
    let (directory, shelf) = (tempfile::tempdir().unwrap(), Shelf::new());
    let first = start(directory.path(), &shelf);
    assert_eq!(read(&first, "k", 1).await, 1);
    end(first).await;
    over(&shelf, 2).remove(&key("k")).await;

    shelf.delay_millis.store(60_000, Ordering::SeqCst);
    let second = start(directory.path(), &shelf);
    let began = std::time::Instant::now();
    assert_eq!(read(&second, "k", 2).await, 2);
    assert!(began.elapsed() < Duration::from_secs(20));
    shelf.delay_millis.store(0, Ordering::SeqCst);
}
