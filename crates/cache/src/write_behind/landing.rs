//! What becomes of a batch that the store has answered: written, tried again or given up.
//!
//! A batch that failed as a whole comes again in halves, so that a change which the store can never take ends up alone, and is
//! then put off for longer and longer, as one is that was refused by name. What a newer change of its key waits behind is
//! not tried again.

use std::collections::HashMap;

use tokio::time::Instant;

use super::item::Item;
use super::options::WriteBehindOptions;
use super::queue::State;
use super::store::{Change, Failed};
use crate::clock::after;
use crate::key::Key;

/// What a finished batch means for the log.
pub(super) struct Landed {
    /// The sequences that need not be written any more.
    pub(super) sequences: Vec<u64>,
    /// For each change that was its key's newest, the file with its record.
    pub(super) files: Vec<u64>,
    /// Places of changes that were refused for the last time, and why. They still fly.
    pub(super) dead: Vec<(usize, Box<str>)>,
}

impl<V: Clone> State<V> {
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
}
