//! What waits to be written: in order and coalesced per key. Decides, and does nothing itself.
//!
//! Each key has at most one change *flying*, that is in a call of the store, and at most one *waiting* behind it, the newest. A
//! key stands in the row of those that are ready only while nothing of it flies, so two changes of it are never with the
//! store at the same time, and never overtake each other.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit};
use tokio::time::Instant;

use super::options::WriteBehindOptions;
use super::store::{Change, Failed};
use crate::clock::after;
use crate::key::Key;
use crate::loaded::{Content, Loaded};

pub(super) struct Queue<V> {
    state: Mutex<State<V>>,
    /// Something became ready, or the queue empty.
    pub(super) work: Notify,
}

pub(super) struct State<V> {
    keys: HashMap<Key, Pending<V>>,
    /// Keys whose waiting change may be taken, in the order in which they became so.
    ready: VecDeque<Key>,
    /// Keys whose waiting change was refused, and when it is tried again.
    later: BTreeMap<(Instant, u64), Key>,
    pub(super) counts: Counts,
}

/// What has been done since the beginning, and what is there.
#[derive(Debug, Default, Clone)]
pub(super) struct Counts {
    pub(super) pending: usize,
    pub(super) bytes: usize,
    pub(super) accepted: u64,
    pub(super) coalesced: u64,
    pub(super) written: u64,
    pub(super) retries: u64,
    pub(super) dead: u64,
}

struct Pending<V> {
    flying: Option<Item<V>>,
    waiting: Option<Item<V>>,
}

/// One change.
pub(super) struct Item<V> {
    /// The value with its tags and options, as the cache has it.
    pub(super) loaded: Loaded<V>,
    pub(super) sequence: u64,
    /// When the oldest change that this one stands for came.
    pub(super) since: Instant,
    /// The file of the log with its record.
    pub(super) file: u64,
    /// Its weight in the queue.
    pub(super) bytes: usize,
    /// From the log of a process before this one: its options are not known.
    pub(super) replayed: bool,
    /// What it takes of the queue's room, given back when it is dropped.
    pub(super) _room: Option<Room>,
    pub(super) tries: Tries,
}

pub(super) type Room = (OwnedSemaphorePermit, OwnedSemaphorePermit);

/// What became of it so far.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tries {
    /// Refusals by name.
    pub(super) refused: u32,
    /// Failures alone in a batch.
    alone: u32,
    /// The largest batch it may be in.
    limit: usize,
    /// When it is tried again, if it stands in `later`.
    due: Option<Instant>,
}

impl Default for Tries {
    fn default() -> Self {
        Self {
            refused: 0,
            alone: 0,
            limit: usize::MAX,
            due: None,
        }
    }
}

/// What a finished batch means for the log.
pub(super) struct Landed {
    /// The sequences that need not be written any more.
    pub(super) sequences: Vec<u64>,
    /// For each change that was its key's newest, the file with its record.
    pub(super) files: Vec<u64>,
    /// Places of changes that were refused for the last time, and why. They still fly.
    pub(super) dead: Vec<(usize, Box<str>)>,
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

    /// Takes in what the store said of a batch.
    pub(super) fn land(
        &mut self,
        batch: &[Change<V>],
        result: &Result<(), Failed>,
        options: &WriteBehindOptions,
        now: Instant,
    ) -> Landed {
        let mut landed = Landed {
            sequences: Vec::new(),
            files: Vec::new(),
            dead: Vec::new(),
        };
        match result {
            Ok(()) => batch
                .iter()
                .for_each(|change| self.written(change, &mut landed)),
            Err(Failed::Batch(_)) => {
                // To the front again, in their order.
                for change in batch.iter().rev() {
                    self.back(change, batch.len(), options, now, &mut landed);
                }
            }
            Err(Failed::Items(refused)) => {
                let refused: HashMap<usize, _> =
                    refused.iter().map(|(at, why)| (*at, why)).collect();
                for (at, change) in batch.iter().enumerate() {
                    match refused.get(&at) {
                        None => self.written(change, &mut landed),
                        Some(_)
                            if options
                                .give_up_after
                                .is_some_and(|most| change.refused + 1 >= most) =>
                        {
                            landed.dead.push((at, refused[&at].to_string().into()));
                        }
                        Some(_) => self.refused(change, options, now, &mut landed),
                    }
                }
            }
        }
        landed
    }

    fn written(&mut self, change: &Change<V>, landed: &mut Landed) {
        self.counts.written += 1;
        self.remove(change, landed);
    }

    /// A change that flew is done with, in one way or another.
    pub(super) fn remove(&mut self, change: &Change<V>, landed: &mut Landed) {
        let Some(pending) = self.keys.get_mut(&change.key) else {
            return;
        };
        let Some(item) = pending.flying.take() else {
            return;
        };
        self.counts.drop_one(&item);
        landed.sequences.push(item.sequence);
        if pending.waiting.is_some() {
            self.ready.push_back(change.key.clone());
        } else {
            landed.files.push(item.file);
            self.keys.remove(&change.key);
        }
    }

    /// A change of a batch that failed as a whole.
    fn back(
        &mut self,
        change: &Change<V>,
        together: usize,
        options: &WriteBehindOptions,
        now: Instant,
        landed: &mut Landed,
    ) {
        let Some(mut item) = self.unless_overtaken(change, landed) else {
            return;
        };
        item.tries.limit = (together / 2).max(1);
        if together == 1 {
            item.tries.alone = item.tries.alone.saturating_add(1);
            let pause = options.pause(item.tries.alone);
            self.postpone(&change.key, item, after(now, pause));
        } else {
            self.keys
                .get_mut(&change.key)
                .expect("it is pending")
                .waiting = Some(item);
            self.ready.push_front(change.key.clone());
        }
    }

    /// A change that was refused by name.
    pub(super) fn refused(
        &mut self,
        change: &Change<V>,
        options: &WriteBehindOptions,
        now: Instant,
        landed: &mut Landed,
    ) {
        let Some(mut item) = self.unless_overtaken(change, landed) else {
            return;
        };
        item.tries.refused = item.tries.refused.saturating_add(1);
        let pause = options.pause(item.tries.refused);
        self.postpone(&change.key, item, after(now, pause));
    }

    /// The change, to be tried again, unless a newer one of its key has come.
    fn unless_overtaken(&mut self, change: &Change<V>, landed: &mut Landed) -> Option<Item<V>> {
        self.counts.retries += 1;
        if self.keys.get(&change.key)?.waiting.is_some() {
            self.counts.coalesced += 1;
            self.remove(change, landed);
            return None;
        }
        self.keys.get_mut(&change.key)?.flying.take()
    }

    fn postpone(&mut self, key: &Key, mut item: Item<V>, due: Instant) {
        item.tries.due = Some(due);
        self.later.insert((due, item.sequence), key.clone());
        self.keys.get_mut(key).expect("it is pending").waiting = Some(item);
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

impl<V> Item<V> {
    fn value(&self) -> Option<&V> {
        match &self.loaded.content {
            Content::Value(value) => Some(value),
            Content::Absent | Content::NotModified => None,
        }
    }
}

impl Counts {
    fn drop_one<V>(&mut self, item: &Item<V>) {
        self.pending -= 1;
        self.bytes -= item.bytes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(sequence: u64) -> Item<u64> {
        Item {
            loaded: Loaded::value(sequence),
            sequence,
            since: Instant::now(),
            file: sequence,
            bytes: 10,
            replayed: false,
            _room: None,
            tries: Tries::default(),
        }
    }

    fn key(text: &str) -> Key {
        Key::new(text).unwrap()
    }

    fn batch(queue: &Queue<u64>, options: &WriteBehindOptions) -> Vec<Change<u64>> {
        match queue.lock().take(options, Instant::now(), false) {
            Next::Batch(batch) => batch,
            Next::At(_) | Next::Nothing => Vec::new(),
        }
    }

    fn sequences(batch: &[Change<u64>]) -> Vec<u64> {
        batch.iter().map(|change| change.sequence).collect()
    }

    fn down() -> Result<(), Failed> {
        Err(std::io::Error::other("down").into())
    }

    #[test]
    fn the_newest_waits_behind_the_one_that_flies() {
        let (queue, options) = (Queue::new(), WriteBehindOptions::default());
        assert_eq!(queue.lock().insert(key("a"), item(1)), None);
        let first = batch(&queue, &options);
        assert_eq!(sequences(&first), [1]);
        assert_eq!(queue.lock().insert(key("a"), item(2)), Some(1));
        assert_eq!(queue.lock().insert(key("a"), item(3)), Some(2));
        assert!(batch(&queue, &options).is_empty(), "one of a key at a time");
        let landed = queue.lock().land(&first, &Ok(()), &options, Instant::now());
        assert_eq!((landed.sequences, landed.files), (vec![1], vec![]));
        let second = batch(&queue, &options);
        assert_eq!(sequences(&second), [3]);
        let landed = queue
            .lock()
            .land(&second, &Ok(()), &options, Instant::now());
        assert_eq!((landed.sequences, landed.files), (vec![3], vec![3]));
        let counts = queue.lock().counts.clone();
        assert_eq!(
            (
                counts.pending,
                counts.bytes,
                counts.coalesced,
                counts.written
            ),
            (0, 0, 1, 2)
        );
        assert!(queue.is_empty());
    }

    #[test]
    fn a_failed_batch_comes_again_in_halves_until_each_is_alone() {
        let options = WriteBehindOptions {
            batch: 4,
            ..WriteBehindOptions::default()
        };
        let queue = Queue::new();
        for sequence in 1..=4 {
            queue
                .lock()
                .insert(key(&format!("k{sequence}")), item(sequence));
        }
        let mut seen = Vec::new();
        for _ in 0..3 {
            let taken = batch(&queue, &options);
            queue.lock().land(&taken, &down(), &options, Instant::now());
            seen.push(sequences(&taken));
        }
        assert_eq!(seen, [vec![1, 2, 3, 4], vec![1, 2], vec![1]]);
        // The first has been put off by now, and the others go on.
        assert_eq!(sequences(&batch(&queue, &options)), [2]);
        assert_eq!(sequences(&batch(&queue, &options)), [3, 4]);
    }

    #[test]
    fn what_failed_is_not_tried_again_when_a_newer_one_waits() {
        let (queue, options) = (Queue::new(), WriteBehindOptions::default());
        queue.lock().insert(key("a"), item(1));
        let first = batch(&queue, &options);
        queue.lock().insert(key("a"), item(2));
        let landed = queue.lock().land(&first, &down(), &options, Instant::now());
        assert_eq!(landed.sequences, [1]);
        assert_eq!(sequences(&batch(&queue, &options)), [2]);
    }

    #[test]
    fn a_newer_change_need_not_wait_for_the_refused_ones_pause() {
        let (queue, options) = (Queue::new(), WriteBehindOptions::default());
        queue.lock().insert(key("a"), item(1));
        let first = batch(&queue, &options);
        let refused = Err(Failed::Items(vec![(0, "no".into())]));
        queue
            .lock()
            .land(&first, &refused, &options, Instant::now());
        assert!(batch(&queue, &options).is_empty());
        queue.lock().insert(key("a"), item(2));
        assert_eq!(sequences(&batch(&queue, &options)), [2]);
        assert!(batch(&queue, &options).is_empty());
    }

    #[test]
    fn refusals_by_name_are_counted_and_outages_are_not() {
        let options = WriteBehindOptions {
            give_up_after: Some(2),
            backoff: Duration::ZERO,
            ..Default::default()
        };
        let queue = Queue::new();
        queue.lock().insert(key("a"), item(1));
        let refused = Err(Failed::Items(vec![(0, "no".into())]));
        for result in [
            down(),
            down(),
            down(),
            Err(Failed::Items(vec![(0, "no".into())])),
        ] {
            let taken = batch(&queue, &options);
            let landed = queue.lock().land(&taken, &result, &options, Instant::now());
            assert!(landed.dead.is_empty() && taken.len() == 1);
        }
        let taken = batch(&queue, &options);
        let mut landed = queue
            .lock()
            .land(&taken, &refused, &options, Instant::now());
        assert_eq!(landed.dead, [(0, "no".into())]);
        queue.lock().remove(&taken[0], &mut landed);
        assert!(queue.is_empty());
    }

    #[test]
    fn a_moved_record_is_known_where_it_lies() {
        let (queue, options) = (Queue::new(), WriteBehindOptions::default());
        queue.lock().insert(key("a"), item(1));
        assert_eq!(queue.lock().in_file(1), [(key("a"), 1, Some(1))]);
        assert!(queue.lock().moved(&key("a"), 1, 9));
        assert!(!queue.lock().moved(&key("a"), 2, 9) && !queue.lock().moved(&key("b"), 1, 9));
        let taken = batch(&queue, &options);
        assert_eq!(
            queue
                .lock()
                .land(&taken, &Ok(()), &options, Instant::now())
                .files,
            [9]
        );
    }
}
