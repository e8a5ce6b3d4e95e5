//! What waits for the writer.
//!
//! Invalidations overtake records: they are small, somebody waits for them, and a record that is written after
//! them is held against them. Records wait in a bounded number of bytes, which is the semaphore's concern
//! ([`super::DiskLevel`]); invalidations in a bounded number of orders.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::invalidate::Invalidation;
use crate::key::Key;
use crate::level::{Lease, LevelError};

/// So many bytes of records are written at once; then invalidations have their turn.
const BATCH: usize = 1 << 20;
/// So many orders to invalidate may wait.
const MAX_ORDERS: usize = 1 << 16;

/// A record to be stored.
pub(super) struct Put {
    pub(super) key: Key,
    pub(super) hash: u64,
    pub(super) tags: Vec<u64>,
    pub(super) record: Bytes,
    pub(super) lease: u64,
    /// Its share of the queue.
    pub(super) _room: OwnedSemaphorePermit,
    pub(super) reply: Reply<bool>,
}

/// Invalidations to be taken in together.
pub(super) struct Order {
    pub(super) what: Vec<Invalidation>,
    pub(super) reply: Reply<Lease>,
}

/// Who waits for the outcome. It may have given up.
pub(super) type Reply<T> = oneshot::Sender<Result<T, LevelError>>;

/// What the writer is to do next.
#[derive(Default)]
pub(super) struct Work {
    pub(super) orders: VecDeque<Order>,
    pub(super) puts: Vec<Put>,
    /// To be done after everything else, and the last that is done.
    pub(super) close: Option<Reply<()>>,
    /// Nothing comes after this.
    pub(super) stop: bool,
}

/// The queue.
#[derive(Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    wake: Condvar,
}

#[derive(Default)]
struct Waiting {
    orders: VecDeque<Order>,
    puts: VecDeque<Put>,
    close: Option<Reply<()>>,
    stopped: bool,
}

impl Queue {
    pub(super) fn put(&self, put: Put) {
        let mut waiting = self.lock();
        if waiting.stopped {
            drop(waiting);
            let _ = put.reply.send(Err(closed()));
            return;
        }
        waiting.puts.push_back(put);
        self.wake.notify_one();
    }

    pub(super) fn invalidate(&self, order: Order) {
        let mut waiting = self.lock();
        let refusal = if waiting.stopped {
            closed()
        } else if waiting.orders.len() >= MAX_ORDERS {
            LevelError::Failed("the disk does not keep up with invalidations".into())
        } else {
            waiting.orders.push_back(order);
            self.wake.notify_one();
            return;
        };
        drop(waiting);
        let _ = order.reply.send(Err(refusal));
    }

    /// Ends the queue. What waits in it is still done; with a `reply`, everything is then forced to the medium.
    pub(super) fn stop(&self, reply: Option<Reply<()>>) {
        let mut waiting = self.lock();
        if waiting.stopped {
            if let Some(reply) = reply {
                let _ = reply.send(Ok(()));
            }
            return;
        }
        waiting.stopped = true;
        waiting.close = reply;
        self.wake.notify_one();
    }

    /// Waits for work.
    pub(super) fn take(&self) -> Work {
        let mut waiting = self.lock();
        while waiting.orders.is_empty() && waiting.puts.is_empty() && !waiting.stopped {
            waiting = self
                .wake
                .wait(waiting)
                .unwrap_or_else(PoisonError::into_inner);
        }
        let mut work = Work {
            orders: std::mem::take(&mut waiting.orders),
            ..Work::default()
        };
        let mut bytes = 0;
        while bytes < BATCH
            && let Some(put) = waiting.puts.pop_front()
        {
            bytes += put.record.len();
            work.puts.push(put);
        }
        if waiting.stopped && waiting.puts.is_empty() {
            work.stop = true;
            work.close = waiting.close.take();
        }
        work
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) fn closed() -> LevelError {
    LevelError::Failed("the disk level has been closed".into())
}
