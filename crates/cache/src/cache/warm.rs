//! Warming: filling a cache before its readers come.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Semaphore;

use super::Cache;
use crate::error::Error;
use crate::key::Key;
use crate::loaded::{Context, Loaded};
use crate::options::Options;

/// How far warming is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Keys that are in the cache now, or known to have no value.
    pub done: u64,
    /// Keys whose load failed.
    pub failed: u64,
}

/// What warming came to.
#[derive(Debug, Clone)]
pub struct Warmed {
    /// The counts.
    pub progress: Progress,
    /// The first failure.
    pub first_error: Option<(Key, Error)>,
}

impl<V: Clone + Send + Sync + 'static> Cache<V> {
    /// Loads what is not yet cached of `keys`, at most `concurrency` at the same time (at least 1). `progress` is called
    /// after each key. What is dropped in the middle stops at the next key.
    pub async fn warm<L, F, R, E>(
        &self,
        keys: impl IntoIterator<Item = Key>,
        options: &Options,
        concurrency: usize,
        loader: L,
        progress: impl Fn(Progress) + Send + Sync + 'static,
    ) -> Warmed
    where
        L: Fn(Context<V>) -> F + Clone + Send + 'static,
        F: Future<Output = Result<R, E>> + Send + 'static,
        R: Into<Loaded<V>> + Send + 'static,
        E: Into<Box<dyn std::error::Error + Send + Sync>> + Send + 'static,
    {
        let concurrency = u32::try_from(concurrency.max(1)).unwrap_or(u32::MAX);
        let room = Arc::new(Semaphore::new(concurrency as usize));
        let state = Arc::new(State {
            done: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            first: std::sync::Mutex::new(None),
            progress,
        });
        for key in keys {
            let Ok(place) = room.clone().acquire_owned().await else {
                break;
            };
            let (cache, options, loader, state) =
                (self.clone(), options.clone(), loader.clone(), state.clone());
            self.spawn(async move {
                let outcome = cache.get_or_load(&key, &options, loader).await;
                state.count(key, outcome.err());
                drop(place);
            });
        }
        // All places free: all keys done.
        let _ = room.acquire_many(concurrency).await;
        let first_error = state
            .first
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .take();
        Warmed {
            progress: state.now(),
            first_error,
        }
    }
}

struct State<P> {
    done: AtomicU64,
    failed: AtomicU64,
    first: std::sync::Mutex<Option<(Key, Error)>>,
    progress: P,
}

impl<P: Fn(Progress)> State<P> {
    fn count(&self, key: Key, error: Option<Error>) {
        match error {
            None => self.done.fetch_add(1, Ordering::Relaxed),
            Some(error) => {
                self.first
                    .lock()
                    .unwrap_or_else(std::sync::PoisonError::into_inner)
                    .get_or_insert((key, error));
                self.failed.fetch_add(1, Ordering::Relaxed)
            }
        };
        (self.progress)(self.now());
    }

    fn now(&self) -> Progress {
        Progress {
            done: self.done.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
        }
    }
}
