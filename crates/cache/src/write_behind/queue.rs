//! What waits to be written: in order and coalesced per key. Decides, and does nothing itself.
//! What becomes of a batch that came back is in [`super::landing`].
//!
//! Each key has at most one change *flying*, that is in a call of the store, and at most one *waiting* behind it, the newest. A
//! key stands in the row of those that are ready only while nothing of it flies, so two changes of it are never with the
//! store at the same time, and never overtake each other.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::item::{Counts, Item};
use super::options::WriteBehindOptions;
use super::store::Change;
use crate::clock::after;
use crate::key::Key;
use crate::loaded::Loaded;

pub(super) struct Queue<V> {
    state: Mutex<State<V>>,
    /// Something became ready, or the queue empty.
    pub(super) work: Notify,
}

pub(super) struct State<V> {
    pub(super) keys: HashMap<Key, Pending<V>>,
    /// Keys whose waiting change may be taken, in the order in which they became so.
    pub(super) ready: VecDeque<Key>,
    /// Keys whose waiting change was refused, and when it is tried again.
    pub(super) later: BTreeMap<(Instant, u64), Key>,
    pub(super) counts: Counts,
}

pub(super) struct Pending<V> {
    pub(super) flying: Option<Item<V>>,
    pub(super) waiting: Option<Item<V>>,
}

/// Whether there is something to write.
pub(super) enum Next<V> {
    Batch(Vec<Change<V>>),
    /// Not before this moment.
    At(Instant),
    Nothing,
}

impl<V: Clone> Queue<V> {
    pub(super) fn new() -> Self {
        Self {
            state: Mutex::new(State {
                keys: HashMap::new(),
                ready: VecDeque::new(),
                later: BTreeMap::new(),
                counts: Counts::default(),
            }),
            work: Notify::new(),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State<V>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The newest change of a key that has not been written yet.
    pub(super) fn pending(&self, key: &Key) -> Option<Loaded<V>> {
        let state = self.lock();
        if state.keys.is_empty() {
            return None;
        }
        state
            .keys
            .get(key)
            .map(|pending| pending.newest().loaded.clone())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lock().keys.is_empty()
    }
}

impl<V> Pending<V> {
    fn newest(&self) -> &Item<V> {
        self.waiting
            .as_ref()
            .or(self.flying.as_ref())
            .expect("a key is pending by a change")
    }
}

impl<V: Clone> State<V> {
    /// Takes in a change. Returns the file with the record of the one that it takes the place of.
    pub(super) fn insert(&mut self, key: Key, mut item: Item<V>) -> Option<u64> {
        self.counts.accepted += 1;
        self.counts.pending += 1;
        self.counts.bytes += item.bytes;
        let Some(pending) = self.keys.get_mut(&key) else {
            self.ready.push_back(key.clone());
            self.keys.insert(
                key,
                Pending {
                    flying: None,
                    waiting: Some(item),
                },
            );
            return None;
        };
        let file = pending.newest().file;
        if let Some(old) = pending.waiting.take() {
            item.since = old.since;
            self.counts.drop_one(&old);
            self.counts.coalesced += 1;
            // What was refused is no longer wanted, and this may be what the store takes.
            if let Some(due) = old.tries.due {
                self.later.remove(&(due, old.sequence));
                self.ready.push_back(key);
            }
        }
        pending.waiting = Some(item);
        Some(file)
    }

    /// The next batch. What flies has to land by [`State::land`].
    pub(super) fn take(
        &mut self,
        options: &WriteBehindOptions,
        now: Instant,
        hurry: bool,
    ) -> Next<V> {
        while let Some(first) = self
            .later
            .first_entry()
            .filter(|first| first.key().0 <= now)
        {
            let key = first.remove();
            if let Some(item) = self
                .keys
                .get_mut(&key)
                .and_then(|pending| pending.waiting.as_mut())
            {
                item.tries.due = None;
            }
            self.ready.push_back(key);
        }
        let Some(first) = self.ready.front() else {
            return self
                .later
                .first_key_value()
                .map_or(Next::Nothing, |((due, _), _)| Next::At(*due));
        };
        let due = after(self.keys[first].newest().since, options.linger);
        if !hurry && due > now && self.ready.len() < options.batch {
            return Next::At(due);
        }
        let (mut batch, mut limit) = (Vec::new(), options.batch);
        while let Some(key) = self.ready.front() {
            let pending = self.keys.get_mut(key).expect("what is ready is pending");
            let waiting = pending.waiting.as_ref().expect("what is ready waits");
            limit = limit.min(waiting.tries.limit);
            if batch.len() >= limit {
                break;
            }
            batch.push(Change {
                key: key.clone(),
                value: waiting.value().cloned(),
                sequence: waiting.sequence,
                refused: waiting.tries.refused,
            });
            pending.flying = pending.waiting.take();
            self.ready.pop_front();
        }
        Next::Batch(batch)
    }

    /// Tries everything that was put off at once.
    pub(super) fn hurry(&mut self) {
        for ((_, _), key) in std::mem::take(&mut self.later) {
            if let Some(item) = self
                .keys
                .get_mut(&key)
                .and_then(|pending| pending.waiting.as_mut())
            {
                item.tries.due = None;
            }
            self.ready.push_back(key);
        }
    }

    /// Whether a change flies that no newer one waits behind, and whether it came from a log.
    pub(super) fn newest(&self, change: &Change<V>) -> Option<(&Loaded<V>, bool)> {
        let newest = self.keys.get(&change.key)?.newest();
        (newest.sequence == change.sequence).then_some((&newest.loaded, newest.replayed))
    }

    /// The newest changes whose records lie in `file`.
    pub(super) fn in_file(&self, file: u64) -> Vec<(Key, u64, Option<V>)> {
        let newest = self
            .keys
            .iter()
            .map(|(key, pending)| (key, pending.newest()));
        newest
            .filter(|(_, item)| item.file == file)
            .map(|(key, item)| (key.clone(), item.sequence, item.value().cloned()))
            .collect()
    }

    /// Notes that a change's record lies in another file now. `false`: it has landed meanwhile.
    pub(super) fn moved(&mut self, key: &Key, sequence: u64, to: u64) -> bool {
        let Some(pending) = self.keys.get_mut(key) else {
            return false;
        };
        let newest = pending.waiting.as_mut().or(pending.flying.as_mut());
        match newest.filter(|item| item.sequence == sequence) {
            Some(item) => {
                item.file = to;
                true
            }
            None => false,
        }
    }

    /// How long the oldest change has waited.
    pub(super) fn oldest(&self, now: Instant) -> Option<Duration> {
        let items = self
            .keys
            .values()
            .flat_map(|pending| [&pending.flying, &pending.waiting]);
        let oldest = items.flatten().map(|item| item.since).min();
        oldest.map(|since| now.saturating_duration_since(since))
    }

    /// How many changes are with the store.
    pub(super) fn flying(&self) -> usize {
        self.keys
            .values()
            .filter(|pending| pending.flying.is_some())
            .count()
    }
}

#[cfg(test)]
#[path = "queue_tests.rs"]
mod tests;
