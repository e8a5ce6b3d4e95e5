//! A level for tests: records in a map that several caches share, as processes share a Redis, and that can be stopped,
//! slowed and held.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the message")]
#![allow(dead_code, reason = "each test file uses its share")]

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tenfold_cache::level::{Later, Lease, Level, LevelError, Record, Sink, Usage};
use tenfold_cache::{Builder, Cache, Invalidation, Key, Mode, Namespace, Target};

/// The shared side.
#[derive(Default)]
pub(crate) struct Shelf {
    state: Mutex<State>,
    pub(crate) down: AtomicBool,
    pub(crate) delay_millis: AtomicU64,
    pub(crate) gets: AtomicU64,
    pub(crate) puts: AtomicU64,
    /// It belongs to one process, as a disk does.
    pub(crate) private: AtomicBool,
}

#[derive(Default)]
struct State {
    number: u64,
    records: HashMap<Key, (Record, u64)>,
    keys: HashMap<Key, u64>,
    others: Vec<(Target, Mode, u64)>,
    log: Vec<Invalidation>,
    claims: HashMap<Key, u64>,
    fence: u64,
    ears: Vec<(usize, Arc<dyn Sink>)>,
}

/// One process's view of a shelf.
pub(crate) struct Side {
    shelf: Arc<Shelf>,
    id: usize,
}

impl Shelf {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    pub(crate) fn side(self: &Arc<Self>, id: usize) -> Arc<Side> {
        Arc::new(Side {
            shelf: self.clone(),
            id,
        })
    }

    pub(crate) fn has(&self, key: &Key) -> bool {
        self.state.lock().unwrap().records.contains_key(key)
    }

    pub(crate) fn record(&self, key: &Key) -> Option<Record> {
        self.state
            .lock()
            .unwrap()
            .records
            .get(key)
            .map(|(record, _)| record.clone())
    }

    async fn pass(&self) -> Result<(), LevelError> {
        let delay = self.delay_millis.load(Ordering::SeqCst);
        if delay > 0 {
            tokio::time::sleep(Duration::from_millis(delay)).await;
        } else {
            tokio::task::yield_now().await;
        }
        if self.down.load(Ordering::SeqCst) {
            Err(LevelError::Failed("connection refused".into()))
        } else {
            Ok(())
        }
    }
}

impl Level for Side {
    fn name(&self) -> &str {
        "shelf"
    }

    fn is_shared(&self) -> bool {
        !self.shelf.private.load(Ordering::SeqCst)
    }

    fn lease(&self) -> Option<Lease> {
        let number = self.shelf.state.lock().unwrap().number;
        Some(Lease {
            number,
            ..Lease::default()
        })
    }

    fn get<'a>(&'a self, key: &'a Key) -> Later<'a, Result<Option<Record>, LevelError>> {
        Box::pin(async move {
            self.shelf.gets.fetch_add(1, Ordering::SeqCst);
            self.shelf.pass().await?;
            let state = self.shelf.state.lock().unwrap();
            let Some((record, stamp)) = state.records.get(key) else {
                return Ok(None);
            };
            let mut record = record.clone();
            for (target, mode, number) in &state.others {
                let hit = match target {
                    Target::Tag(tag) => record.tags.contains(tag),
                    Target::Prefix(prefix) => key.as_str().starts_with(&**prefix),
                    Target::All => true,
                    Target::Key(_) => false,
                };
                match mode {
                    Mode::Hard if hit && number > stamp => return Ok(None),
                    Mode::Soft if hit && number > stamp => record.fresh_until = 0,
                    _ => {}
                }
            }
            Ok(Some(record))
        })
    }

    fn put<'a>(
        &'a self,
        key: &'a Key,
        record: Record,
        lease: Lease,
    ) -> Later<'a, Result<bool, LevelError>> {
        Box::pin(async move {
            self.shelf.puts.fetch_add(1, Ordering::SeqCst);
            self.shelf.pass().await?;
            let mut state = self.shelf.state.lock().unwrap();
            let overtaken = state
                .keys
                .get(key)
                .is_some_and(|number| *number > lease.number)
                || state
                    .records
                    .get(key)
                    .is_some_and(|(_, stamp)| *stamp > lease.number)
                || (lease.fence != 0
                    && state
                        .claims
                        .get(key)
                        .is_some_and(|fence| *fence > lease.fence));
            if !overtaken {
                state.records.insert(key.clone(), (record, lease.number));
            }
            Ok(!overtaken)
        })
    }

    fn invalidate<'a>(&'a self, what: &'a [Invalidation]) -> Later<'a, Result<Lease, LevelError>> {
        Box::pin(async move {
            self.shelf.pass().await?;
            let (number, ears) = {
                let mut state = self.shelf.state.lock().unwrap();
                for one in what {
                    state.number += 1;
                    state.log.push(one.clone());
                    let number = state.number;
                    match (&one.target, one.mode) {
                        (Target::Key(key), mode) => {
                            state.keys.insert(key.clone(), number);
                            match mode {
                                Mode::Hard => drop(state.records.remove(key)),
                                Mode::Soft => {
                                    if let Some((record, _)) = state.records.get_mut(key) {
                                        record.fresh_until = 0;
                                    }
                                }
                            }
                        }
                        (target, mode) => state.others.push((target.clone(), mode, number)),
                    }
                }
                (state.number, state.ears.clone())
            };
            for (id, ear) in ears {
                if id != self.id {
                    what.iter().for_each(|one| ear.invalidated(one));
                }
            }
            Ok(Lease {
                number,
                ..Lease::default()
            })
        })
    }

    fn attach(&self, sink: Arc<dyn Sink>) {
        self.shelf.state.lock().unwrap().ears.push((self.id, sink));
    }

    fn claim<'a>(
        &'a self,
        key: &'a Key,
        _limit: Duration,
    ) -> Later<'a, Result<tenfold_cache::level::Claim, LevelError>> {
        Box::pin(async move {
            self.shelf.pass().await?;
            let mut state = self.shelf.state.lock().unwrap();
            if state.claims.contains_key(key) {
                return Ok(tenfold_cache::level::Claim::Taken);
            }
            state.fence += 1;
            let fence = state.fence;
            state.claims.insert(key.clone(), fence);
            Ok(tenfold_cache::level::Claim::Granted { fence })
        })
    }

    fn release<'a>(&'a self, key: &'a Key, fence: u64) -> Later<'a, Result<(), LevelError>> {
        Box::pin(async move {
            let mut state = self.shelf.state.lock().unwrap();
            if state.claims.get(key) == Some(&fence) {
                state.claims.remove(key);
            }
            Ok(())
        })
    }

    fn position(&self) -> Option<String> {
        Some(self.shelf.state.lock().unwrap().number.to_string())
    }

    fn missed_since<'a>(
        &'a self,
        position: &'a str,
    ) -> Later<'a, Result<Option<Vec<Invalidation>>, LevelError>> {
        Box::pin(async move {
            self.shelf.pass().await?;
            let from = position.parse::<usize>().unwrap();
            Ok(Some(self.shelf.state.lock().unwrap().log[from..].to_vec()))
        })
    }

    fn usage(&self) -> Usage {
        Usage {
            entries: Some(self.shelf.state.lock().unwrap().records.len() as u64),
            ..Usage::default()
        }
    }
}

/// A cache of numbers over one side of a shelf.
pub(crate) fn over(shelf: &Arc<Shelf>, id: usize) -> Cache<u64> {
    Builder::<u64>::serde(Namespace::new("test", 1))
        .level(shelf.side(id))
        .build()
}

pub(crate) fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}
