//! The disk level, seen from outside: restarts, crashes, damage, full disks.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests as well")]
#![allow(clippy::needless_pass_by_value, reason = "anything that makes a name")]
#![allow(clippy::print_stdout, reason = "child processes tell their parents")]

mod crash;
mod damage;
mod eviction;
mod faults;
mod restart;

use std::path::Path;

use tenfold_cache::level::disk::{DiskLevel, DiskOptions};
use tenfold_cache::level::{Lease, Level, LevelError, Record};
use tenfold_cache::{Invalidation, Key};

/// A few MiB, so that segments are 64 KiB.
const SIZE: u64 = 2 << 20;

fn options(path: &Path) -> DiskOptions {
    DiskOptions {
        readers: 2,
        ..DiskOptions::new(path, SIZE)
    }
}

fn open(path: &Path) -> DiskLevel {
    DiskLevel::open(&options(path)).unwrap_or_else(|error| panic!("{error}"))
}

fn key(name: impl ToString) -> Key {
    Key::new(&name.to_string()).unwrap()
}

/// A record that is fresh for ever, with these tags.
fn record(value: impl AsRef<[u8]>, tags: &[&str]) -> Record {
    Record {
        created: 1,
        fresh_until: u64::MAX,
        keep_until: u64::MAX,
        tags: tags.iter().map(|&tag| tag.into()).collect(),
        validator: Some("v1".into()),
        payload: Some(value.as_ref().to_vec().into()),
    }
}

/// The level, with what the tests do most.
struct Disk(DiskLevel);

impl Disk {
    fn open(path: &Path) -> Self {
        Self(open(path))
    }

    fn lease(&self) -> Lease {
        self.0.lease().unwrap()
    }

    async fn put(&self, name: impl ToString, value: impl AsRef<[u8]>, tags: &[&str]) {
        let stored = self
            .0
            .put(&key(name), record(value, tags), self.lease())
            .await;
        assert_eq!(stored, Ok(true));
    }

    async fn get(&self, name: impl ToString) -> Option<Record> {
        self.0.get(&key(name)).await.unwrap()
    }

    /// The value, and whether it is stale.
    async fn value(&self, name: impl ToString) -> Option<(Vec<u8>, bool)> {
        let record = self.get(name).await?;
        Some((record.payload.unwrap().to_vec(), record.fresh_until == 0))
    }

    async fn invalidate(&self, what: Invalidation) -> Lease {
        self.0.invalidate(&[what]).await.unwrap()
    }

    async fn close(self) {
        self.0.close().await.unwrap();
    }
}

fn fresh(value: &str) -> Option<(Vec<u8>, bool)> {
    Some((value.into(), false))
}

fn stale(value: &str) -> Option<(Vec<u8>, bool)> {
    Some((value.into(), true))
}

/// The segments' files, in order.
fn segments(path: &Path) -> Vec<std::path::PathBuf> {
    let mut files: Vec<_> = std::fs::read_dir(path)
        .unwrap()
        .map(|file| file.unwrap().path())
        .filter(|file| file.extension().is_some_and(|extension| extension == "log"))
        .collect();
    files.sort();
    files
}

/// Bytes that do not compress, different for each seed.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    (0..length)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 32) as u8
        })
        .collect()
}

fn failure<T: std::fmt::Debug>(result: Result<T, LevelError>) -> String {
    match result {
        Err(LevelError::Failed(why)) => why,
        other => panic!("expected a failure, got {other:?}"),
    }
}
