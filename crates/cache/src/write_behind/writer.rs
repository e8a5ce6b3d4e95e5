//! The task that brings the queue to the store: several batches at a time, and after failures with growing pauses.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::Instant;

use super::Shared;
use super::appender::Command;
use super::frame::{Kind, Record};
use super::landing::Landed;
use super::queue::{Next, State};
use super::store::{Change, Failed, Store};
use crate::cache::Before;
use crate::clock::after;

/// What goes on, for statistics and for those who wait for the end.
#[derive(Debug, Default)]
pub(super) struct Progress {
    pub(super) batches: AtomicU64,
    pub(super) failed_batches: AtomicU64,
    pub(super) last_error: Mutex<Option<Arc<str>>>,
    /// How many wait for the queue to become empty: no lingering.
    pub(super) hurry: AtomicUsize,
    /// The pauses that are under way are to be cut short.
    pub(super) now: AtomicBool,
}

/// One who waits for the queue to become empty, as long as it lives.
pub(super) struct Hurry<'a>(&'a AtomicUsize);

impl<'a> Hurry<'a> {
    pub(super) fn new(waiting: &'a AtomicUsize) -> Self {
        waiting.fetch_add(1, Ordering::Relaxed);
        Self(waiting)
    }
}

impl Drop for Hurry<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

type Batch<V> = Arc<[Change<V>]>;

pub(super) struct Writer<V, S> {
    pub(super) shared: Arc<Shared<V>>,
    pub(super) store: Arc<S>,
    pub(super) commands: Sender<Command<V>>,
    pub(super) running: JoinSet<Result<(), Failed>>,
    pub(super) batches: HashMap<Id, Batch<V>>,
    /// Failures since the last success, and until when nothing is tried.
    pub(super) failures: u32,
    pub(super) pause: Option<Instant>,
}

impl<V: Clone + Send + Sync + 'static, S: Store<V>> Writer<V, S> {
    /// Writes for ever: whoever holds its task ends it.
    pub(super) async fn run(mut self) {
        loop {
            let wake = self.start(Instant::now());
            let shared = self.shared.clone();
            tokio::select! {
                Some(done) = self.running.join_next_with_id() => self.land(done).await,
                () = shared.queue.work.notified() => {
                    if shared.progress.now.swap(false, Ordering::Relaxed) {
                        self.pause = None;
                        shared.queue.lock().hurry();
                    }
                }
                () = sleep_until(wake) => {}
            }
        }
    }

    /// Hands over what may be. Returns when there may be more, if that is a matter of time.
    fn start(&mut self, now: Instant) -> Option<Instant> {
        if let Some(pause) = self.pause.filter(|pause| *pause > now) {
            return Some(pause);
        }
        self.pause = None;
        let shared = &self.shared;
        let hurry = shared.progress.hurry.load(Ordering::Relaxed) > 0;
        while self.running.len() < shared.options.concurrency {
            match shared.queue.lock().take(&shared.options, now, hurry) {
                Next::Batch(batch) => {
                    let batch: Batch<V> = batch.into();
                    shared.progress.batches.fetch_add(1, Ordering::Relaxed);
                    let (store, changes) = (self.store.clone(), batch.clone());
                    let shared = shared.clone();
                    let task = self.running.spawn(async move {
                        let before = shared.before(&changes).await;
                        let result = attributed(store.write(&changes).await, changes.len());
                        settle(&shared, &changes, before, &result).await;
                        result
                    });
                    self.batches.insert(task.id(), batch);
                }
                Next::At(due) => return Some(due),
                Next::Nothing => return None,
            }
        }
        None
    }

    async fn land(&mut self, done: Result<(Id, Result<(), Failed>), JoinError>) {
        let (id, result) = match done {
            Ok((id, result)) => (id, result),
            Err(error) => (error.id(), Err(Failed::Batch("the store panicked".into()))),
        };
        let Some(batch) = self.batches.remove(&id) else {
            return;
        };
        let now = Instant::now();
        if let Err(failed) = &result {
            self.shared
                .progress
                .failed_batches
                .fetch_add(1, Ordering::Relaxed);
            let mut last = self
                .shared
                .progress
                .last_error
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            *last = Some(failed.to_string().into());
        }
        match &result {
            Err(Failed::Batch(_)) => {
                self.failures = self.failures.saturating_add(1);
                self.pause = Some(after(now, self.shared.options.pause(self.failures)));
            }
            Ok(()) | Err(Failed::Items(_)) => self.failures = 0,
        }
        let dead = self.take_in(&batch, &result, now);
        for (at, reason) in &dead {
            self.give_up(&batch[*at], reason).await;
        }
    }

    /// Returns the places of what is to be given up, and why.
    fn take_in(
        &self,
        batch: &Batch<V>,
        result: &Result<(), Failed>,
        now: Instant,
    ) -> Vec<(usize, Box<str>)> {
        let mut state = self.shared.queue.lock();
        let mut landed = state.land(batch, result, &self.shared.options, now);
        let dead = std::mem::take(&mut landed.dead);
        self.tell(state, landed);
        dead
    }

    /// Moves a change to the file of dead letters.
    async fn give_up(&self, change: &Change<V>, reason: &str) {
        let kept = async {
            let (reply, answer) = oneshot::channel();
            let record = self
                .shared
                .record(&change.key, change.value.as_ref(), change.sequence)
                .ok()?;
            let reason = Record {
                kind: Kind::Reason,
                sequence: change.sequence,
                key: "".into(),
                payload: reason.to_owned().into(),
            };
            self.commands
                .send(Command::Dead {
                    record,
                    reason,
                    reply,
                })
                .ok()?;
            answer.await.ok()?.ok()
        };
        let kept = kept.await.is_some();
        self.given_up(change, kept);
        if kept {
            // Readers are to see what the store has.
            self.shared.forget(&change.key).await;
        }
    }

    fn given_up(&self, change: &Change<V>, kept: bool) {
        let mut landed = Landed {
            sequences: Vec::new(),
            files: Vec::new(),
            dead: Vec::new(),
        };
        let mut state = self.shared.queue.lock();
        if kept {
            state.counts.dead += 1;
            state.remove(change, &mut landed);
        } else {
            state.refused(change, &self.shared.options, Instant::now(), &mut landed);
        }
        self.tell(state, landed);
    }

    /// Tells the log, and those who wait, while the queue is still locked: whoever finds it empty can rely on the log
    /// having been told.
    fn tell(&self, state: MutexGuard<'_, State<V>>, landed: Landed) {
        if !landed.sequences.is_empty() {
            let Landed {
                sequences, files, ..
            } = landed;
            // The thread is gone only when everything ends.
            let _ = self.commands.send(Command::Landed { sequences, files });
        }
        drop(state);
        self.shared.landed.notify_waiters();
    }
}

/// Puts what has been written before the other processes once more: one of them may have loaded the old row from
/// the store while the new one waited here. Before the change leaves the queue, so that no reader here sees that.
async fn settle<V: Clone + Send + Sync + 'static>(
    shared: &Arc<Shared<V>>,
    batch: &Batch<V>,
    before: Vec<Before>,
    result: &Result<(), Failed>,
) {
    let refused: HashSet<usize> = match result {
        Err(Failed::Batch(_)) => return,
        Ok(()) => HashSet::new(),
        Err(Failed::Items(refused)) => refused.iter().map(|(at, _)| *at).collect(),
    };
    let mut all = JoinSet::new();
    // Without lower levels nobody has to be told, and there is nothing in `before`.
    for (at, before) in before.into_iter().enumerate() {
        if !refused.contains(&at) {
            let (shared, batch) = (shared.clone(), batch.clone());
            all.spawn(async move { shared.settle(&batch[at], &before).await });
        }
    }
    while all.join_next().await.is_some() {}
}

/// What the store said, if it can be: nobody knows what it means by a place that is not in the batch, and taking the rest for
/// written would lose a change.
fn attributed(result: Result<(), Failed>, places: usize) -> Result<(), Failed> {
    match result {
        Err(Failed::Items(refused)) if refused.iter().any(|(at, _)| *at >= places) => {
            let at = refused.iter().map(|(at, _)| *at).max().unwrap_or(places);
            let why = format!(
                "the store refused the change at place {at} of a batch of {places}: places count from 0"
            );
            Err(Failed::Batch(why.into()))
        }
        result => result,
    }
}

async fn sleep_until(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}
