//! What the tests of the Redis level share.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test binary is a crate of its own and uses a part"
)]

mod server;

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tenfold_cache::level::redis::{RedisLevel, RedisOptions};
use tenfold_cache::level::{Lease, Level, Record, Sink};
use tenfold_cache::{Invalidation, Key, Namespace};

pub use server::*;

/// How long anything may take before a test fails.
pub const LIMIT: Duration = Duration::from_secs(30);

pub fn namespace() -> Namespace {
    Namespace::new("shop", 2)
}

pub fn key(name: &str) -> Key {
    namespace()
        .key("item")
        .part(name)
        .build()
        .expect("a short key")
}

pub fn options(address: &str) -> RedisOptions {
    RedisOptions::new(address, &namespace())
}

pub async fn connect(address: &str) -> Arc<RedisLevel> {
    RedisLevel::connect(options(address))
        .await
        .expect("the server runs")
}

pub fn unix() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.expect("after 1970").as_millis() as u64
}

/// A record that is fresh for a minute and kept for two.
pub fn record(payload: &str, tags: &[&str]) -> Record {
    Record {
        created: unix(),
        fresh_until: unix() + 60_000,
        keep_until: unix() + 120_000,
        tags: tags.iter().map(|&tag| tag.into()).collect(),
        validator: None,
        payload: Some(Bytes::copy_from_slice(payload.as_bytes())),
    }
}

/// What a level has under a key.
pub async fn read(level: &RedisLevel, key: &Key) -> Option<String> {
    let found = level.get(key).await.expect("the server answers");
    found.map(|record| String::from_utf8(record.payload.expect("a value").to_vec()).expect("text"))
}

/// Stores a record with a lease from now.
pub async fn store(level: &RedisLevel, key: &Key, payload: &str, tags: &[&str]) -> bool {
    let lease = lease(level).await;
    level
        .put(key, record(payload, tags), lease)
        .await
        .expect("the server answers")
}

/// A lease, as soon as there is one.
pub async fn lease(level: &RedisLevel) -> Lease {
    eventually(|| async { level.lease() }).await
}

/// A lease from after `other`.
pub async fn lease_after(level: &RedisLevel, other: Lease) -> Lease {
    eventually(|| async {
        level
            .lease()
            .filter(|mine| (mine.epoch, mine.number) >= (other.epoch, other.number))
    })
    .await
}

/// Asks until there is an answer.
pub async fn eventually<T, F: Future<Output = Option<T>>>(mut ask: impl FnMut() -> F) -> T {
    let begin = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(begin.elapsed() < LIMIT, "it does not happen");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Writes down what it hears.
#[derive(Default)]
pub struct Ear {
    pub heard: Mutex<Vec<Option<Invalidation>>>,
}

impl Ear {
    pub fn on(level: &RedisLevel) -> Arc<Self> {
        let ear = Arc::new(Self::default());
        level.attach(ear.clone());
        ear
    }

    /// What was invalidated, in order.
    pub fn invalidations(&self) -> Vec<Invalidation> {
        self.heard
            .lock()
            .expect("no panic")
            .iter()
            .flatten()
            .cloned()
            .collect()
    }

    /// How often it was told that something may have been missed.
    pub fn gaps(&self) -> usize {
        self.heard
            .lock()
            .expect("no panic")
            .iter()
            .filter(|heard| heard.is_none())
            .count()
    }
}

impl Sink for Ear {
    fn invalidated(&self, what: &Invalidation) {
        self.heard
            .lock()
            .expect("no panic")
            .push(Some(what.clone()));
    }

    fn gap(&self) {
        self.heard.lock().expect("no panic").push(None);
    }
}
