//! What has to be done because of an order, without the customer waiting for it.
//!
//! # The problem
//! An order that is placed and a message about it that is lost, or the other way round: two stores cannot be written to as one.
//!
//! # The idea
//! The event is a row, written in the order's transaction. A worker does what it says and marks it done, again in one transaction (`apply`): so it is
//! done once, whoever dies when. Any number of workers share the work: each takes rows that no other one has (`FOR UPDATE SKIP LOCKED`, `table`). With Redis
//! the events travel through a stream first (`stream`), as they would to services that have no access to this database.
//!
//! An event that fails does not hold up the others: it is tried again later, more and more seldom, and counted.
//!
//! # The trade-off
//! Workers look every quarter of a second, and the one in the process that sold is woken at once. A `NOTIFY` with each order would wake the others as well, but
//! transactions that notify are committed one after the other in all of Postgres, and an index look-up four times a second costs nothing.
//!
//! # Source
//! Chris Richardson, Microservices Patterns (2018), section 3.3: transactional outbox, polling publisher.

mod apply;
mod chores;
mod stream;
mod table;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

use crate::Error;
use crate::catalog::leaderboard::{Leaderboard, Sales};
use crate::database::Database;
use crate::redis_link::RedisLink;

use chores::Chores;
use stream::Stream;

/// How often a worker looks for events.
const LOOK: Duration = Duration::from_millis(250);
/// Events of one transaction at most.
const BATCH: i64 = 100;
/// Pause after something that is needed did not answer.
const PAUSE: Duration = Duration::from_secs(1);

/// An event that a worker has taken.
#[derive(Clone, Debug)]
struct Event {
    id: i64,
    kind: String,
    order: i64,
}

/// What one process did.
#[derive(Debug, Default)]
pub struct Counts {
    done: AtomicU64,
    failed: AtomicU64,
}

impl Counts {
    /// Events that were done.
    #[must_use]
    pub fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    /// Attempts at events that failed, and will be tried again.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }
}

/// The outbox as a process sees it. Clones are the same one.
#[derive(Clone, Debug)]
pub(crate) struct Outbox {
    database: Database,
    stream: Option<Stream>,
    leaderboard: Option<Leaderboard>,
    wake: Arc<Notify>,
    counts: Arc<Counts>,
}

impl Outbox {
    pub(crate) fn new(
        database: Database,
        redis: Option<RedisLink>,
        leaderboard: Option<Leaderboard>,
    ) -> Self {
        Self {
            database,
            stream: redis.map(Stream::new),
            leaderboard,
            wake: Arc::default(),
            counts: Arc::default(),
        }
    }

    /// Says that there is something in it.
    pub(crate) fn wake(&self) {
        self.wake.notify_one();
    }

    pub(crate) fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Works for ever.
    pub(crate) async fn run(self) {
        let mut chores = Chores::default();
        let mut was_well = true;
        loop {
            let outcome = self.round(&mut chores).await;
            match &outcome {
                Err(error) if was_well => tracing::warn!(%error, "the worker waits"),
                Ok(_) if !was_well => tracing::info!("the worker goes on"),
                _ => {}
            }
            was_well = outcome.is_ok();
            match outcome {
                Err(_) => tokio::time::sleep(PAUSE).await,
                // There may be more.
                Ok(done) if done > 0 => {}
                Ok(_) => {
                    let woken = tokio::time::timeout(LOOK, self.wake.notified());
                    let _woken_or_time = woken.await;
                }
            }
        }
    }

    /// Takes some events and does them; says how many there were.
    async fn round(&self, chores: &mut Chores) -> Result<usize, Error> {
        let taken = match &self.stream {
            None => self.take_from_table().await?,
            Some(stream) => self.take_from_stream(stream).await?,
        };
        chores.note(taken > 0);
        chores
            .run(&self.database, self.leaderboard.as_ref())
            .await?;
        Ok(taken)
    }

    /// After events were done: what is not in the same database.
    async fn tell(&self, done: usize, sales: &[Sales]) {
        self.counts.done.fetch_add(done as u64, Ordering::Relaxed);
        if let Some(board) = &self.leaderboard
            && let Err(error) = board.raise(sales).await
        {
            tracing::warn!(%error, "the leaderboard is behind; the table is read until it is filled again");
            board.distrust().await;
        }
    }
}
