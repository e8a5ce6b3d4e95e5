//! The stale-fill race against a real server: a value that was loaded before an invalidation of its key, its tag or a
//! prefix of its key is never read after it.
//!
//! The source is a version per key that only grows. Once at a time, with all interleavings that a generator thinks of;
//! and many at once, with those that the machine brings about.

#[path = "support/redis/mod.rs"]
mod support;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use proptest::prelude::*;
use support::*;
use tenfold_cache::level::redis::RedisLevel;
use tenfold_cache::level::{Lease, Level};
use tenfold_cache::{Invalidation, Key};

const CLIENTS: usize = 3;
const KEYS: usize = 3;

#[derive(Debug, Clone)]
enum Step {
    /// A client takes a lease and reads the source.
    Begin {
        client: usize,
        key: usize,
    },
    /// It stores what it has read, if it has.
    End {
        client: usize,
        key: usize,
    },
    /// The source changes, and a client invalidates.
    Change {
        client: usize,
        key: usize,
        how: usize,
    },
    Read {
        client: usize,
        key: usize,
    },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (0..7_usize, 0..CLIENTS, 0..KEYS, 0..8_usize).prop_map(
        |(kind, client, key, how)| match kind {
            0 | 1 => Step::Begin { client, key },
            2 | 3 => Step::End { client, key },
            4 => Step::Change { client, key, how },
            _ => Step::Read { client, key },
        },
    );
    proptest::collection::vec(step, 1..40)
}

/// An invalidation of a key, in one of eight ways.
fn how(number: usize, key: &Key) -> Invalidation {
    let what = match number % 4 {
        0 => Invalidation::key(key),
        1 => Invalidation::tag(&tag(key)),
        2 => Invalidation::prefix(key.as_str()),
        _ => Invalidation::all(),
    };
    if number >= 4 { what.soft() } else { what }
}

fn tag(key: &Key) -> String {
    format!("tag-{key}")
}

/// What is read: the version, unless it is marked as stale.
async fn fresh(level: &RedisLevel, key: &Key) -> Option<u64> {
    let record = level.get(key).await.expect("the server answers")?;
    let payload = record.payload.expect("a value");
    let version = std::str::from_utf8(&payload)
        .expect("text")
        .parse()
        .expect("a version");
    (record.fresh_until > 0).then_some(version)
}

/// Invalidates, and waits until every client has heard of it.
async fn invalidate(level: &RedisLevel, what: Invalidation) {
    let lease = level.invalidate(&[what]).await.expect("the server answers");
    loop {
        let confirmed = level
            .confirmed(lease, LIMIT)
            .await
            .expect("the server answers");
        if confirmed.confirmed == CLIENTS - 1 {
            return;
        }
    }
}

async fn play(levels: &[Arc<RedisLevel>], steps: &[Step]) -> Result<(), TestCaseError> {
    static ROUND: AtomicU64 = AtomicU64::new(0);
    let round = ROUND.fetch_add(1, Ordering::Relaxed);
    let keys: Vec<Key> = (0..KEYS)
        .map(|number| key(&format!("{round}-{number}")))
        .collect();
    let mut source = [1_u64; KEYS];
    let mut loads: HashMap<(usize, usize), (Lease, u64)> = HashMap::new();
    for step in steps {
        match *step {
            Step::Begin { client, key } => {
                loads.insert((client, key), (lease(&levels[client]).await, source[key]));
            }
            Step::End { client, key } => {
                if let Some((lease, version)) = loads.remove(&(client, key)) {
                    let name = &keys[key];
                    let value = record(&version.to_string(), &["x", &tag(name)]);
                    levels[client]
                        .put(name, value, lease)
                        .await
                        .expect("the server answers");
                }
            }
            Step::Change {
                client,
                key,
                how: number,
            } => {
                source[key] += 1;
                let what = how(number, &keys[key]);
                let lease = levels[client].invalidate(std::slice::from_ref(&what)).await;
                let lease = lease.expect("the server answers");
                // Who invalidates sees it at once, and so do all others when it is a key. The rest they hear, and
                // until then they may hold a lease that is too old: it must do no harm.
                for (other, level) in levels.iter().enumerate() {
                    let at_once = other == client || number % 4 == 0;
                    if !at_once {
                        lease_after(level, lease).await;
                    }
                    let seen = fresh(level, &keys[key]).await;
                    prop_assert!(seen.is_none_or(|seen| seen == source[key]), "{:?}", step);
                }
            }
            Step::Read { client, key } => {
                let seen = fresh(&levels[client], &keys[key]).await;
                prop_assert!(
                    seen.is_none_or(|seen| seen == source[key]),
                    "{:?} {:?}",
                    step,
                    seen
                );
            }
        }
    }
    Ok(())
}

#[test]
fn no_interleaving_brings_an_old_value_back() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    let server = Server::start(&[]);
    let levels: Vec<_> = runtime.block_on(async {
        let mut levels = Vec::new();
        for _ in 0..CLIENTS {
            levels.push(connect(&server.address()).await);
        }
        levels
    });
    let config = ProptestConfig {
        cases: 300,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    proptest!(config, |(steps in steps())| runtime.block_on(play(&levels, &steps))?);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_at_once_never_read_what_was_invalidated() {
    let server = Server::start(&[]);
    let mut levels = Vec::new();
    for _ in 0..CLIENTS {
        levels.push(connect(&server.address()).await);
    }
    let source: Arc<Vec<AtomicU64>> = Arc::new((0..KEYS).map(|_| AtomicU64::new(1)).collect());
    let floor: Arc<Vec<AtomicU64>> = Arc::new((0..KEYS).map(|_| AtomicU64::new(0)).collect());
    let mut tasks = Vec::new();
    for (client, level) in levels.iter().enumerate() {
        for kind in 0..4 {
            let (level, source, floor) = (level.clone(), source.clone(), floor.clone());
            tasks.push(tokio::spawn(async move {
                let mut random = fastrand::Rng::with_seed((client * 4 + kind) as u64);
                let mut hits = 0;
                for _ in 0..if kind == 0 { 40 } else { 800 } {
                    let at = random.usize(..KEYS);
                    let key = key(&at.to_string());
                    match kind {
                        0 => {
                            let version = source[at].fetch_add(1, Ordering::SeqCst) + 1;
                            invalidate(&level, how(random.usize(..8), &key)).await;
                            floor[at].fetch_max(version, Ordering::SeqCst);
                        }
                        1 | 2 => {
                            let lease = lease(&level).await;
                            let version = source[at].load(Ordering::SeqCst);
                            tokio::time::sleep(std::time::Duration::from_micros(random.u64(..500)))
                                .await;
                            let value = record(&version.to_string(), &[&tag(&key)]);
                            level
                                .put(&key, value, lease)
                                .await
                                .expect("the server answers");
                        }
                        _ => {
                            let at_least = floor[at].load(Ordering::SeqCst);
                            if let Some(seen) = fresh(&level, &key).await {
                                assert!(seen >= at_least, "{key}: {seen} after {at_least}");
                                hits += 1;
                            }
                        }
                    }
                }
                hits
            }));
        }
    }
    let mut hits = 0;
    for task in tasks {
        hits += task.await.expect("no client failed");
    }
    assert!(hits > 0, "nothing was ever read, so nothing was shown");
}
