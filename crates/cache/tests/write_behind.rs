//! Writing behind: what the store gets, what readers see meanwhile, and what happens when the store or the room fails.

#![allow(clippy::unwrap_used, reason = "a test panics where it fails")]

mod support;

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use support::{Shelf, key, over};
use tenfold_cache::write_behind::{
    Change, Failed, LogError, Store, WriteBehind, WriteBehindOptions, WriteError, dead_letters,
};
use tenfold_cache::{Builder, Cache, Key, Loaded, MessagePack, Namespace, Options};
use tokio::sync::Semaphore;

type Never = std::convert::Infallible;

/// A store in memory that can be stopped, held, and told to refuse a key.
struct Fake {
    rows: Mutex<HashMap<Key, u64>>,
    calls: Mutex<Vec<Vec<Change<u64>>>>,
    down: AtomicBool,
    panics: AtomicBool,
    refused: Mutex<Option<Key>>,
    /// The key whose batch fails without a word of which.
    poisoned: Mutex<Option<Key>>,
    gate: Semaphore,
}

#[derive(Clone)]
struct Handle(Arc<Fake>);

impl Fake {
    fn open() -> Arc<Self> {
        Self::with_gate(Semaphore::MAX_PERMITS)
    }

    /// Lets so many calls through.
    fn with_gate(permits: usize) -> Arc<Self> {
        Arc::new(Self {
            rows: Mutex::default(),
            calls: Mutex::default(),
            down: AtomicBool::new(false),
            panics: AtomicBool::new(false),
            refused: Mutex::default(),
            poisoned: Mutex::default(),
            gate: Semaphore::new(permits),
        })
    }

    fn row(&self, name: &str) -> Option<u64> {
        self.rows.lock().unwrap().get(&key(name)).copied()
    }

    fn sequences(&self) -> Vec<u64> {
        let calls = self.calls.lock().unwrap();
        calls
            .iter()
            .flatten()
            .map(|change| change.sequence)
            .collect()
    }
}

impl Store<u64> for Handle {
    async fn write(&self, changes: &[Change<u64>]) -> Result<(), Failed> {
        let fake = &self.0;
        fake.gate.acquire().await.unwrap().forget();
        assert!(
            !fake.panics.swap(false, Ordering::SeqCst),
            "the store panics, as the test wants"
        );
        if fake.down.load(Ordering::SeqCst) {
            return Err(std::io::Error::other("connection refused").into());
        }
        let poisoned = fake.poisoned.lock().unwrap().clone();
        if changes
            .iter()
            .any(|change| Some(&change.key) == poisoned.as_ref())
        {
            return Err(Failed::Batch("a constraint, somewhere".into()));
        }
        let refused = fake.refused.lock().unwrap().clone();
        fake.calls.lock().unwrap().push(changes.to_vec());
        let mut failed = Vec::new();
        for (at, change) in changes.iter().enumerate() {
            if Some(&change.key) == refused.as_ref() {
                failed.push((at, "no such customer".into()));
                continue;
            }
            let mut rows = fake.rows.lock().unwrap();
            match change.value {
                Some(value) => drop(rows.insert(change.key.clone(), value)),
                None => drop(rows.remove(&change.key)),
            }
        }
        if failed.is_empty() {
            Ok(())
        } else {
            Err(Failed::Items(failed))
        }
    }
}

fn memory() -> Cache<u64> {
    Builder::<u64>::serde(Namespace::new("test", 1)).build()
}

fn quick() -> WriteBehindOptions {
    WriteBehindOptions {
        backoff: Duration::from_millis(1),
        ..WriteBehindOptions::default()
    }
}

async fn open(
    directory: &Path,
    options: WriteBehindOptions,
    store: &Arc<Fake>,
) -> WriteBehind<u64> {
    try_open(memory(), directory, options, store).await.unwrap()
}

async fn try_open(
    cache: Cache<u64>,
    directory: &Path,
    options: WriteBehindOptions,
    store: &Arc<Fake>,
) -> Result<WriteBehind<u64>, LogError> {
    WriteBehind::open(
        cache,
        directory,
        MessagePack,
        options,
        Handle(store.clone()),
    )
    .await
}

async fn put(queue: &WriteBehind<u64>, name: &str, value: u64) -> u64 {
    queue
        .put(&key(name), value, &Options::default())
        .await
        .unwrap()
        .sequence
}

async fn until(what: impl Fn() -> bool) {
    tokio::time::timeout(Duration::from_secs(20), async {
        while !what() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await
    .expect("it happens in time");
}

const LIMIT: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_change_is_seen_at_once_and_written_later() {
    let (directory, store) = (tempfile::tempdir().unwrap(), Fake::with_gate(0));
    let queue = open(directory.path(), quick(), &store).await;
    put(&queue, "a", 1).await;
    assert_eq!(
        queue.cache().get(&key("a")).await.unwrap().value(),
        Some(&1)
    );
    assert_eq!(
        (store.row("a"), queue.pending(&key("a"))),
        (None, Some(Some(1)))
    );
    let waiting = queue.statistics();
    assert_eq!(waiting.pending, 1);
    assert!(waiting.pending_bytes > 0 && waiting.oldest.is_some() && waiting.log_bytes > 0);
    store.gate.add_permits(10);
    queue.flush(LIMIT).await.unwrap();
    assert_eq!((store.row("a"), queue.pending(&key("a"))), (Some(1), None));
    queue.delete(&key("a"), &Options::default()).await.unwrap();
    assert_eq!(queue.cache().get(&key("a")).await.unwrap().value(), None);
    queue.close(LIMIT).await.unwrap();
    assert_eq!(store.row("a"), None);
    let done = queue.statistics();
    assert_eq!((done.written, done.pending, done.oldest), (2, 0, None));
}

#[tokio::test]
async fn readers_get_what_waits_even_if_memory_has_dropped_it() {
    let (directory, store) = (tempfile::tempdir().unwrap(), Fake::with_gate(0));
    store.rows.lock().unwrap().insert(key("a"), 1);
    let queue = open(directory.path(), quick(), &store).await;
    put(&queue, "a", 2).await;
    queue.cache().remove(&key("a")).await;
    let (a, options) = (key("a"), Options::lifetime(Duration::ZERO));
    let read = || {
        let store = store.clone();
        let load = move |_| async move { Ok::<_, Never>(store.row("a")) };
        queue.get_or_load(&a, &options, load)
    };
    assert_eq!(read().await.unwrap(), Some(2));
    queue.delete(&key("a"), &Options::default()).await.unwrap();
    queue.cache().remove(&key("a")).await;
    assert_eq!(read().await.unwrap(), None);
    store.gate.add_permits(10);
    queue.flush(LIMIT).await.unwrap();
    assert_eq!(read().await.unwrap(), None);
    store.rows.lock().unwrap().insert(key("a"), 3);
    queue.cache().remove(&key("a")).await;
    assert_eq!(read().await.unwrap(), Some(3), "the store is asked again");
}

#[tokio::test]
async fn a_load_that_began_before_a_change_is_not_stored_after_it() {
    let (directory, store) = (tempfile::tempdir().unwrap(), Fake::with_gate(0));
    let queue = open(directory.path(), quick(), &store).await;
    let (begun, go) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let reader = tokio::spawn({
        let (queue, begun, go) = (queue.clone(), begun.clone(), go.clone());
        async move {
            let load = move |_| async move {
                begun.add_permits(1);
                go.acquire().await.unwrap().forget();
                Ok::<_, Never>(1)
            };
            queue
                .get_or_load(&key("a"), &Options::default(), load)
                .await
                .unwrap()
        }
    });
    begun.acquire().await.unwrap().forget();
    put(&queue, "a", 2).await;
    go.add_permits(1);
    assert_eq!(reader.await.unwrap(), Some(1));
    assert_eq!(
        queue.cache().get(&key("a")).await.unwrap().value(),
        Some(&2)
    );
}

#[tokio::test]
async fn of_many_changes_of_a_key_the_newest_is_written() {
    let (directory, store) = (tempfile::tempdir().unwrap(), Fake::with_gate(0));
    let queue = open(directory.path(), quick(), &store).await;
    put(&queue, "a", 0).await;
    until(|| queue.statistics().in_flight == 1).await;
    let mut last = 0;
    for value in 1..=1000 {
        last = put(&queue, "a", value).await;
    }
    assert_eq!(
        (queue.statistics().pending, queue.statistics().coalesced),
        (2, 999)
    );
    store.gate.add_permits(10);
    queue.close(LIMIT).await.unwrap();
    assert_eq!(store.row("a"), Some(1000));
    let calls = store.sequences();
    assert_eq!((calls.len(), calls[1]), (2, last));
}

#[tokio::test]
async fn batches_have_the_size_and_the_number_that_was_asked_for() {
    let (directory, store) = (tempfile::tempdir().unwrap(), Fake::with_gate(0));
    let options = WriteBehindOptions {
        batch: 10,
        concurrency: 3,
        ..quick()
    };
    let queue = open(directory.path(), options, &store).await;
    for at in 0..95 {
        put(&queue, &format!("k{at}"), at).await;
    }
    let flying = queue.statistics();
    assert!(flying.batches == 3 && flying.in_flight <= 30, "{flying:?}");
    store.gate.add_permits(100);
    queue.close(LIMIT).await.unwrap();
    assert!(
        store
            .calls
            .lock()
            .unwrap()
            .iter()
            .all(|call| call.len() <= 10)
    );
    assert_eq!(store.rows.lock().unwrap().len(), 95);
}

#[tokio::test]
async fn what_lingers_shares_a_batch() {
    let (directory, store) = (tempfile::tempdir().unwrap(), Fake::open());
    let lingering = |linger| WriteBehindOptions { linger, ..quick() };
    let long = lingering(Duration::from_secs(3600));
    let queue = open(directory.path(), long, &store).await;
    for value in 0..50 {
        put(&queue, &format!("k{}", value % 5), value).await;
    }
    assert_eq!(
        (queue.statistics().pending, queue.statistics().coalesced),
        (5, 45)
    );
    queue.close(LIMIT).await.unwrap();
    let sizes = || {
        store
            .calls
            .lock()
            .unwrap()
            .iter()
            .map(Vec::len)
            .collect::<Vec<_>>()
    };
    assert_eq!(sizes(), [5], "who closes does not wait");

    let short = lingering(Duration::from_millis(20));
    let queue = open(directory.path(), short, &store).await;
    put(&queue, "a", 1).await;
    until(|| sizes() == [5, 1]).await;
}

#[tokio::test]
async fn a_store_that_was_down_gets_everything_in_order() {
    let (directory, store) = (tempfile::tempdir().unwrap(), Fake::open());
    store.down.store(true, Ordering::SeqCst);
    let options = WriteBehindOptions {
        batch: 7,
        max_backoff: Duration::from_millis(20),
        give_up_after: Some(1),
        ..quick()
    };
    let queue = open(directory.path(), options, &store).await;
    for value in 0..200 {
        put(&queue, &format!("k{}", value % 50), value).await;
    }
    until(|| queue.statistics().failed_batches > 5).await;
    assert!(
        queue
            .statistics()
            .last_error
            .unwrap()
            .contains("connection refused")
    );
    store.down.store(false, Ordering::SeqCst);
    queue.close(LIMIT).await.unwrap();
    for at in 0..50 {
        assert_eq!(store.row(&format!("k{at}")), Some(150 + at));
    }
    let statistics = queue.statistics();
    assert_eq!(
        (statistics.dead, statistics.pending),
        (0, 0),
        "an outage gives up nothing"
    );
    assert!(statistics.retries > 0);
}

#[tokio::test]
async fn a_change_that_the_store_never_takes_holds_up_no_other_and_no_file() {
    let (directory, store) = (tempfile::tempdir().unwrap(), Fake::open());
    *store.poisoned.lock().unwrap() = Some(key("bad"));
    let options = WriteBehindOptions {
        file_bytes: 1024,
        max_backoff: Duration::from_millis(5),
        ..quick()
    };
    let queue = open(directory.path(), options, &store).await;
    put(&queue, "bad", 1).await;
    for value in 0..500 {
        put(&queue, &format!("k{}", value % 7), value).await;
    }
    until(|| queue.statistics().pending == 1).await;
    for value in 0..500 {
        put(&queue, "other", value).await;
    }
    until(|| queue.statistics().pending == 1).await;
    let statistics = queue.statistics();
    assert!(statistics.log_bytes < 8 * 1024, "{statistics:?}");
    let unflushed = queue.close(Duration::from_millis(30)).await.unwrap_err();
    assert_eq!(unflushed.pending, 1);
    assert!(unflushed.to_string().contains("a constraint, somewhere"));

    *store.poisoned.lock().unwrap() = None;
    let queue = open(directory.path(), quick(), &store).await;
    assert_eq!(queue.statistics().replayed, 1);
    queue.close(LIMIT).await.unwrap();
    assert_eq!((store.row("bad"), store.row("other")), (Some(1), Some(499)));
}

#[tokio::test]
async fn what_is_given_up_goes_to_the_dead_letters_and_out_of_the_cache() {
    let (directory, store) = (tempfile::tempdir().unwrap(), Fake::open());
    *store.refused.lock().unwrap() = Some(key("bad"));
    let options = WriteBehindOptions {
        give_up_after: Some(3),
        ..quick()
    };
    let queue = open(directory.path(), options.clone(), &store).await;
    let sequence = put(&queue, "bad", 7).await;
    put(&queue, "good", 8).await;
    until(|| queue.statistics().dead == 1 && queue.statistics().pending == 0).await;
    until(|| matches!(queue.cache().look("bad"), tenfold_cache::Found::Missing)).await;
    let letters = dead_letters(directory.path()).unwrap();
    assert_eq!(letters.len(), 1);
    assert_eq!(
        (&*letters[0].key, letters[0].sequence, &*letters[0].reason),
        ("bad", sequence, "no such customer")
    );
    assert_eq!(letters[0].payload.as_deref(), Some(&[7][..]));
    let attempts = store
        .sequences()
        .iter()
        .filter(|one| **one == sequence)
        .count();
    assert_eq!((attempts, store.row("good")), (3, Some(8)));
    queue.close(LIMIT).await.unwrap();
    let queue = open(directory.path(), options, &store).await;
    assert_eq!(queue.statistics().replayed, 0);
}

#[tokio::test]
async fn a_store_that_panics_is_tried_again() {
    let (directory, store) = (tempfile::tempdir().unwrap(), Fake::open());
    store.panics.store(true, Ordering::SeqCst);
    let queue = open(directory.path(), quick(), &store).await;
    put(&queue, "a", 1).await;
    queue.close(LIMIT).await.unwrap();
    assert_eq!(store.row("a"), Some(1));
}

#[tokio::test]
async fn a_full_queue_pushes_back() {
    let (directory, store) = (tempfile::tempdir().unwrap(), Fake::with_gate(0));
    let options = WriteBehindOptions {
        queue_items: 3,
        batch: 1,
        concurrency: 1,
        ..quick()
    };
    let queue = open(directory.path(), options, &store).await;
    for at in 0..3 {
        put(&queue, &format!("k{at}"), at).await;
    }
    let full = queue.try_put(&key("k3"), 3, &Options::default()).await;
    assert!(matches!(full, Err(WriteError::Full)));
    let waits = tokio::spawn({
        let queue = queue.clone();
        async move { put(&queue, "k3", 3).await }
    });
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(!waits.is_finished());
    store.gate.add_permits(1);
    waits.await.unwrap();
    assert_eq!(queue.statistics().pending, 3);

    // Who waits for room learns that there will be none.
    let late = tokio::spawn({
        let queue = queue.clone();
        async move { queue.put(&key("k4"), 4, &Options::default()).await }
    });
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(
        queue
            .close(Duration::from_millis(20))
            .await
            .unwrap_err()
            .pending,
        3
    );
    assert!(matches!(late.await.unwrap(), Err(WriteError::Closed)));
}

#[tokio::test]
async fn the_queue_is_bounded_in_bytes_and_says_what_never_fits() {
    let (directory, store) = (tempfile::tempdir().unwrap(), Fake::with_gate(0));
    let options = WriteBehindOptions {
        queue_bytes: 400,
        ..quick()
    };
    let queue = open(directory.path(), options, &store).await;
    put(&queue, "a", 1).await;
    put(&queue, "b", 1).await;
    assert!(matches!(
        queue.try_put(&key("c"), 1, &Options::default()).await,
        Err(WriteError::Full)
    ));
    let long = key(&"k".repeat(300));
    let never = queue.put(&long, 1, &Options::default()).await;
    assert!(matches!(never, Err(WriteError::TooLarge { bytes, limit: 400 }) if bytes > 400));
    let nothing = queue
        .put(&key("a"), Loaded::not_modified(), &Options::default())
        .await;
    assert!(matches!(nothing, Err(WriteError::NotAChange)));
}

#[tokio::test]
async fn what_was_not_written_is_replayed_and_nothing_after_a_clean_close() {
    let (directory, store) = (tempfile::tempdir().unwrap(), Fake::with_gate(0));
    let queue = open(directory.path(), quick(), &store).await;
    let first = put(&queue, "a", 1).await;
    let last = put(&queue, "b", 2).await;
    queue.close(Duration::from_millis(5)).await.unwrap_err();
    assert!(matches!(
        queue.put(&key("c"), 1, &Options::default()).await,
        Err(WriteError::Closed)
    ));

    let cache = memory();
    cache.set(&key("b"), 1, &Options::default()).await.unwrap();
    let queue = try_open(cache, directory.path(), quick(), &store)
        .await
        .unwrap();
    assert_eq!(
        (queue.statistics().replayed, queue.pending(&key("b"))),
        (2, Some(Some(2)))
    );
    assert!(
        queue.cache().get(&key("b")).await.is_none(),
        "what the levels have is older"
    );
    store.gate.add_permits(100);
    queue.close(LIMIT).await.unwrap();
    assert_eq!((store.row("a"), store.row("b")), (Some(1), Some(2)));
    assert_eq!(store.sequences(), [first, last]);

    let queue = open(directory.path(), quick(), &store).await;
    assert_eq!(queue.statistics().replayed, 0);
    assert!(put(&queue, "c", 3).await > last, "numbers never come twice");
}

#[tokio::test]
async fn a_directory_belongs_to_one_queue() {
    let (directory, store) = (tempfile::tempdir().unwrap(), Fake::open());
    let queue = open(directory.path(), quick(), &store).await;
    let second = try_open(memory(), directory.path(), quick(), &store).await;
    assert!(matches!(second.err(), Some(LogError::Locked(_))));
    queue.close(LIMIT).await.unwrap();
    open(directory.path(), quick(), &store).await;
}

#[tokio::test]
async fn a_value_of_another_program_is_an_error_and_can_be_put_aside() {
    let (directory, store) = (tempfile::tempdir().unwrap(), Fake::with_gate(0));
    let cache = Builder::<String>::serde(Namespace::new("test", 1)).build();
    struct Down;
    impl Store<String> for Down {
        async fn write(&self, _: &[Change<String>]) -> Result<(), Failed> {
            Err(std::io::Error::other("down").into())
        }
    }
    let old = WriteBehind::open(cache, directory.path(), MessagePack, quick(), Down)
        .await
        .unwrap();
    old.put(&key("a"), "text".to_owned(), &Options::default())
        .await
        .unwrap();
    old.close(Duration::ZERO).await.unwrap_err();
    let error = try_open(memory(), directory.path(), quick(), &store)
        .await
        .err()
        .expect("it does not read");
    assert!(
        error.to_string().contains("`a`") && error.to_string().contains("`recover`"),
        "{error}"
    );
    let recover = WriteBehindOptions {
        recover: true,
        ..quick()
    };
    let queue = try_open(memory(), directory.path(), recover, &store)
        .await
        .unwrap();
    assert_eq!(queue.statistics().pending, 0);
    queue.close(LIMIT).await.unwrap();
    assert_eq!(&*dead_letters(directory.path()).unwrap()[0].key, "a");
    open(directory.path(), quick(), &store).await;
}

#[tokio::test]
async fn other_processes_drop_what_they_had_and_what_they_read_too_early() {
    let (directory, store, shelf) = (
        tempfile::tempdir().unwrap(),
        Fake::with_gate(0),
        Shelf::new(),
    );
    store.rows.lock().unwrap().insert(key("a"), 1);
    let other = over(&shelf, 2);
    let queue = try_open(over(&shelf, 1), directory.path(), quick(), &store)
        .await
        .unwrap();
    let loads = Arc::new(AtomicU64::new(0));
    let (a, options) = (key("a"), Options::default());
    let read = || {
        let (store, loads) = (store.clone(), loads.clone());
        other.get_or_load(&a, &options, move |_| async move {
            loads.fetch_add(1, Ordering::SeqCst);
            Ok::<_, Never>(store.row("a"))
        })
    };
    assert_eq!(read().await.unwrap(), Some(1));
    put(&queue, "a", 2).await;
    assert_eq!(
        (read().await.unwrap(), loads.load(Ordering::SeqCst)),
        (Some(2), 1),
        "from the shared level"
    );
    // The shared level loses it, and the other process reads the old row.
    other.remove(&key("a")).await;
    assert_eq!(read().await.unwrap(), Some(1));
    other.settled().await;
    assert_eq!(
        queue
            .get_or_load(&key("a"), &Options::default(), |_| async {
                Ok::<_, Never>(0)
            })
            .await
            .unwrap(),
        Some(2)
    );
    store.gate.add_permits(10);
    queue.flush(LIMIT).await.unwrap();
    assert_eq!(
        read().await.unwrap(),
        Some(2),
        "once it is written, all are told again"
    );
}

#[tokio::test]
async fn a_change_may_linger_until_it_is_flushed_and_a_file_grow_for_ever() {
    let directory = tempfile::tempdir().unwrap();
    let (store, options) = (
        Fake::open(),
        WriteBehindOptions {
            linger: Duration::MAX,
            backoff: Duration::MAX,
            max_backoff: Duration::MAX,
            file_bytes: u64::MAX,
            ..WriteBehindOptions::default()
        },
    );
    let queue = open(directory.path(), options, &store).await;
    store.down.store(true, Ordering::SeqCst);
    put(&queue, "a", 1).await;
    queue.flush(Duration::from_millis(50)).await.unwrap_err();
    store.down.store(false, Ordering::SeqCst);
    put(&queue, "b", 2).await;
    queue.close(Duration::from_secs(10)).await.unwrap();
    assert_eq!((store.row("a"), store.row("b")), (Some(1), Some(2)));
}

#[tokio::test]
async fn whoever_stops_waiting_for_the_end_leaves_nothing_behind() {
    let directory = tempfile::tempdir().unwrap();
    let (store, options) = (
        Fake::open(),
        WriteBehindOptions {
            linger: Duration::from_secs(3600),
            ..quick()
        },
    );
    let queue = open(directory.path(), options, &store).await;
    store.down.store(true, Ordering::SeqCst);
    put(&queue, "a", 1).await;
    // One waits on, one gives up.
    let waiting = {
        let queue = queue.clone();
        tokio::spawn(async move { queue.flush(Duration::from_secs(10)).await })
    };
    until(|| queue.statistics().failed_batches > 0).await;
    queue.flush(Duration::ZERO).await.unwrap_err();
    put(&queue, "b", 2).await;
    store.down.store(false, Ordering::SeqCst);
    waiting.await.unwrap().unwrap();
    assert_eq!((store.row("a"), store.row("b")), (Some(1), Some(2)));
    // One goes away. What comes then lingers again.
    store.down.store(true, Ordering::SeqCst);
    put(&queue, "c", 3).await;
    let limit = Duration::from_millis(5);
    let gone = tokio::time::timeout(limit, queue.flush(Duration::from_secs(10))).await;
    assert!(gone.is_err());
    store.down.store(false, Ordering::SeqCst);
    put(&queue, "d", 4).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(store.row("d"), None);
    queue.close(Duration::from_secs(10)).await.unwrap();
}

#[tokio::test]
async fn a_refusal_of_what_was_not_asked_loses_no_change() {
    struct Confused(Arc<Mutex<Vec<u64>>>);
    impl Store<u64> for Confused {
        async fn write(&self, changes: &[Change<u64>]) -> Result<(), Failed> {
            let mut seen = self.0.lock().unwrap();
            seen.extend(changes.iter().map(|change| change.sequence));
            match seen.len() {
                // It counts from one.
                1 => Err(Failed::Items(vec![(1, "no such customer".into())])),
                _ => Ok(()),
            }
        }
    }
    let (directory, seen) = (tempfile::tempdir().unwrap(), Arc::new(Mutex::default()));
    let store = Confused(Arc::clone(&seen));
    let opened = WriteBehind::open(memory(), directory.path(), MessagePack, quick(), store);
    let queue = opened.await.unwrap();
    let sequence = put(&queue, "a", 1).await;
    queue.close(Duration::from_secs(10)).await.unwrap();
    assert_eq!(*seen.lock().unwrap(), [sequence, sequence]);
}

#[tokio::test]
async fn what_another_process_changes_right_after_a_write_is_not_covered_up() {
    /// Another process changes the row after this one's write, and tells the cache, before the write is reported.
    struct Overtaken(Cache<u64>);
    impl Store<u64> for Overtaken {
        async fn write(&self, changes: &[Change<u64>]) -> Result<(), Failed> {
            self.0.remove(&changes[0].key).await;
            Ok(())
        }
    }
    for private in [false, true] {
        let shelf = Shelf::new();
        shelf.private.store(private, Ordering::SeqCst);
        let (cache, directory) = (over(&shelf, 1), tempfile::tempdir().unwrap());
        let store = Overtaken(if private {
            cache.clone()
        } else {
            over(&shelf, 2)
        });
        let opened =
            WriteBehind::open(cache.clone(), directory.path(), MessagePack, quick(), store);
        let queue = opened.await.unwrap();
        put(&queue, "k", 1).await;
        queue.flush(Duration::from_secs(10)).await.unwrap();
        let load = |_| async { Ok::<u64, Never>(2) };
        let (name, options) = (key("k"), Options::default());
        let read = queue.get_or_load(&name, &options, load).await;
        assert_eq!(read.unwrap(), Some(2), "private: {private}");
    }
}
