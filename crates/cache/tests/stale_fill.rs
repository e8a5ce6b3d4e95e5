//! The stale-fill race, as a model: two processes with a cache each over one shared level, a source whose rows change,
//! loads that begin and end whenever they like, and invalidations by key, tag, prefix and all in between.
//!
//! A load reads the row when it begins and answers when it is let. The rule that must hold: after a row was changed
//! and its invalidation has returned, no cache that has been told answers with an older row, however the steps
//! interleave.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the message")]

mod support;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use proptest::prelude::*;
use support::{Shelf, key, over};
use tenfold_cache::{Cache, Invalidation, Loaded, Options};
use tokio::sync::oneshot;

const KEYS: [&str; 3] = ["a:1", "a:2", "b:1"];

#[derive(Debug, Clone)]
enum Step {
    /// A reader of `cache` reads a key; its load, if it makes one, waits.
    Read { cache: usize, key: usize },
    /// The load that has waited longest (or another one) answers.
    Answer { which: usize },
    /// The row changes, and the writer invalidates it through `cache`.
    Write { cache: usize, key: usize, by: By },
    /// Other tasks go on for some steps.
    Pass { turns: usize },
}

#[derive(Debug, Clone, Copy)]
enum By {
    Key,
    KeySoft,
    Tag,
    TagSoft,
    Prefix,
    All,
    Set,
    Through,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let by = prop_oneof![
        Just(By::Key),
        Just(By::KeySoft),
        Just(By::Tag),
        Just(By::TagSoft),
        Just(By::Prefix),
        Just(By::All),
        Just(By::Set),
        Just(By::Through)
    ];
    let step = prop_oneof![
        4 => (0..2_usize, 0..KEYS.len()).prop_map(|(cache, key)| Step::Read { cache, key }),
        4 => (0..4_usize).prop_map(|which| Step::Answer { which }),
        2 => (0..2_usize, 0..KEYS.len(), by).prop_map(|(cache, key, by)| Step::Write { cache, key, by }),
        2 => (1..6_usize).prop_map(|turns| Step::Pass { turns }),
    ];
    proptest::collection::vec(step, 1..60)
}

#[derive(Default)]
struct Source {
    rows: HashMap<usize, u64>,
    waiting: Vec<oneshot::Sender<()>>,
}

type Shared = Arc<Mutex<Source>>;

fn options() -> Options {
    Options::lifetime(Duration::from_secs(3600)).stale(Duration::from_secs(3600))
}

/// A read whose load takes its row at once and answers when it is let.
async fn read(cache: Cache<u64>, number: usize, source: Shared) -> Option<u64> {
    let load = move |_| async move {
        let (row, answer) = {
            let mut source = source.lock().unwrap();
            let (sender, receiver) = oneshot::channel();
            source.waiting.push(sender);
            (source.rows.get(&number).copied().unwrap_or(0), receiver)
        };
        let _ = answer.await;
        Ok::<_, std::convert::Infallible>(Loaded::value(row).tags([KEYS[number]]))
    };
    cache
        .get_or_load(&key(KEYS[number]), &options(), load)
        .await
        .unwrap()
}

async fn write(cache: &Cache<u64>, number: usize, by: By, source: &Shared) {
    let row = {
        let mut source = source.lock().unwrap();
        let row = source.rows.entry(number).or_default();
        *row += 1;
        *row
    };
    let name = key(KEYS[number]);
    let tagged = Loaded::value(row).tags([KEYS[number]]);
    let what = match by {
        By::Key => Invalidation::key(&name),
        By::KeySoft => Invalidation::key(&name).soft(),
        By::Tag => Invalidation::tag(KEYS[number]),
        By::TagSoft => Invalidation::tag(KEYS[number]).soft(),
        By::Prefix => Invalidation::prefix(&KEYS[number][..2]),
        By::All => Invalidation::all(),
        By::Set => return cache.set(&name, tagged, &options()).await.unwrap(),
        By::Through => {
            let stored = || async { Ok::<_, std::convert::Infallible>(()) };
            return cache
                .write_through(&name, tagged, &options(), stored)
                .await
                .unwrap();
        }
    };
    assert!(cache.invalidate(&[what]).await.failures.is_empty());
}

async fn run(steps: Vec<Step>) {
    let shelf = Shelf::new();
    let caches = [over(&shelf, 0), over(&shelf, 1)];
    let source = Shared::default();
    let mut readers = tokio::task::JoinSet::new();
    for step in steps {
        match step {
            Step::Read { cache, key } => {
                let (cache, source) = (caches[cache].clone(), source.clone());
                let least = source.lock().unwrap().rows.get(&key).copied().unwrap_or(0);
                readers.spawn(async move {
                    let found = read(cache, key, source).await.unwrap();
                    assert!(
                        found >= least,
                        "a reader that came when row {least} was in force got row {found} of {}",
                        KEYS[key]
                    );
                });
            }
            Step::Answer { which } => {
                let answer = {
                    let mut source = source.lock().unwrap();
                    let waiting = source.waiting.len();
                    (waiting > 0).then(|| source.waiting.remove(which % waiting))
                };
                answer.map(|answer| answer.send(()));
            }
            Step::Write { cache, key, by } => write(&caches[cache], key, by, &source).await,
            Step::Pass { turns } => {
                for _ in 0..turns {
                    tokio::task::yield_now().await;
                }
            }
        }
    }
    // Everything that is under way comes to its end, and nothing old is left anywhere.
    while !readers.is_empty() {
        let waiting = std::mem::take(&mut source.lock().unwrap().waiting);
        waiting
            .into_iter()
            .for_each(|answer| answer.send(()).unwrap_or_default());
        if let Ok(Some(done)) =
            tokio::time::timeout(Duration::from_millis(1), readers.join_next()).await
        {
            done.unwrap();
        }
    }
    for cache in &caches {
        cache.settled().await;
        for (number, name) in KEYS.iter().enumerate() {
            let row = source
                .lock()
                .unwrap()
                .rows
                .get(&number)
                .copied()
                .unwrap_or(0);
            if let Some(entry) = cache.get(&key(name)).await {
                assert_eq!(entry.value(), Some(&row), "{name} is old in a cache");
            }
        }
    }
    let late = over(&shelf, 9);
    for (number, name) in KEYS.iter().enumerate() {
        let row = source
            .lock()
            .unwrap()
            .rows
            .get(&number)
            .copied()
            .unwrap_or(0);
        if let Some(entry) = late.get(&key(name)).await {
            assert_eq!(
                entry.value(),
                Some(&row),
                "{name} is old in the shared level"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_loaded_before_an_invalidation_is_served_after_it(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(run(steps));
    }
}
