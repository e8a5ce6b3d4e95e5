//! Write-behind: a change is acknowledged when it is in a local log, and reaches the store later.
//!
//! # The problem
//! A database that is slow or down for a minute makes every writer wait or fail, and a counter that changes a thousand
//! times a second is written a thousand times. Holding changes in memory and writing them later solves both, and loses them
//! when the process dies.
//!
//! # The idea
//! [`WriteBehind::put`] writes the change to a local log, puts it into the cache (other processes drop what they had), and
//! returns. A task brings the changes to the [`Store`] in batches, ordered and coalesced per key, again and again until the
//! store has taken them. After `kill -9` the next [`WriteBehind::open`] of the same directory goes on where the log ends.
//!
//! As long as a change waits, the store has the old value, so a read must not fill the cache from there:
//! [`WriteBehind::get_or_load`] answers from the queue, even if memory has dropped the value. Read through it wherever keys are
//! written behind. Other processes have no such queue: one that misses in every shared level in that time reads the old
//! value, and keeps it until the change is written, when all of them are told once more.
//!
//! # The trade-off
//! * The store sees each change **at least once**, not exactly once; a change's sequence tells a repetition.
//! * The log is on one machine: when its disk is lost, so is what waited.
//! * The store cannot refuse a change before it is acknowledged. What must be checked there (a balance, a unique
//!   name) belongs into [`Cache::write_through`].
//! * A change costs a `write(2)`, and the queue a lock that reads of such keys take as well.

mod appender;
mod error;
mod found;
mod frame;
mod item;
mod landing;
mod log;
mod options;
mod queue;
mod shared;
mod statistics;
mod store;
mod writer;

#[cfg(test)]
mod log_tests;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::time::Duration;

use tokio::sync::{Notify, Semaphore, TryAcquireError, oneshot};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::Instant;

pub use appender::{DeadLetter, dead_letters};
pub use error::{LogError, Unflushed, WriteError};
pub use options::WriteBehindOptions;
pub use statistics::WriteBehindStatistics;
pub use store::{Change, Failed, Store};

use appender::{Appender, Command, Gauge};
use frame::Record;
use item::{Item, Room, Tries};
use log::{Log, Opened};
use queue::Queue;
use shared::Shared;
use writer::{Hurry, Progress, Writer};

use crate::cache::Cache;
use crate::codec::Codec;
use crate::error::{Error, Failure};
use crate::key::{Key, KeyBuilder};
use crate::loaded::{Content, Context, Loaded};
use crate::options::Options;

/// What a change weighs in the queue besides its key and its encoded value.
const OVERHEAD: usize = 128;
/// Locks for changes. Two keys with the same one wait for each other, which costs time only.
const ORDERS: usize = 1024;

/// A cache whose changes reach the store later. Cheap to clone; all clones are the same queue. When the last one is dropped
/// without [`WriteBehind::close`], what waits stays in the log for the next opening.
pub struct WriteBehind<V: Clone + Send + Sync + 'static>(Arc<Handle<V>>);

impl<V: Clone + Send + Sync + 'static> Clone for WriteBehind<V> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

struct Handle<V> {
    shared: Arc<Shared<V>>,
    commands: Sender<Command<V>>,
    items: Arc<Semaphore>,
    bytes: Arc<Semaphore>,
    gauge: Arc<Gauge>,
    writer: AbortHandle,
    closed: AtomicBool,
    replayed: u64,
    torn_bytes: u64,
}

/// What became of an accepted change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// Its number, as the store will get it.
    pub sequence: u64,
    /// The levels of the cache that could not be told. They are not read until they have been.
    pub failures: Box<[Failure]>,
}

impl<V> Drop for Handle<V> {
    fn drop(&mut self) {
        self.writer.abort();
    }
}

impl<V: Clone + Send + Sync + 'static> WriteBehind<V> {
    /// Opens the queue over a cache. Its log is in `directory`, which belongs to this queue alone. What the log still has is
    /// removed from the cache's levels, and written to the store before anything newer of the same key.
    ///
    /// # Errors
    /// [`LogError::Locked`], or when the log cannot be read. A torn end, as a crash leaves it, is no error: nothing in it was
    /// acknowledged.
    pub async fn open(
        cache: Cache<V>,
        directory: impl Into<PathBuf>,
        codec: impl Codec<V>,
        options: WriteBehindOptions,
        store: impl Store<V>,
    ) -> Result<Self, LogError> {
        let (options, directory) = (options.clamped(), directory.into());
        let (file_bytes, recover) = (options.file_bytes, options.recover);
        let path = directory.clone();
        let opened = tokio::task::spawn_blocking(move || Log::open(&path, file_bytes, recover));
        let Opened {
            mut log,
            pending,
            torn_bytes,
        } = opened
            .await
            .map_err(|error| LogError::io(&directory)(std::io::Error::other(error)))??;
        let shared = Arc::new(Shared {
            cache,
            codec: Arc::new(codec),
            queue: Arc::new(Queue::new()),
            options,
            progress: Progress::default(),
            orders: (0..ORDERS).map(|_| tokio::sync::Mutex::default()).collect(),
            landed: Notify::new(),
        });
        let items = Arc::new(Semaphore::new(shared.options.queue_items));
        let bytes = Arc::new(Semaphore::new(shared.options.queue_bytes));
        let replayed = shared.replay(pending, &mut log, &items, &bytes).await?;
        let (commands, receiver) = std::sync::mpsc::channel();
        let gauge = Arc::new(Gauge::default());
        let appender = Appender {
            log,
            queue: shared.queue.clone(),
            codec: shared.codec.clone(),
            sync: shared.options.sync,
            gauge: gauge.clone(),
        };
        std::thread::Builder::new()
            .name("write-behind".into())
            .spawn(move || appender.run(&receiver))
            .map_err(LogError::io(&directory))?;
        let writer = Writer {
            shared: shared.clone(),
            store: Arc::new(store),
            commands: commands.clone(),
            running: JoinSet::new(),
            batches: HashMap::new(),
            failures: 0,
            pause: None,
        };
        let writer = tokio::spawn(writer.run()).abort_handle();
        let closed = AtomicBool::new(false);
        Ok(Self(Arc::new(Handle {
            shared,
            commands,
            items,
            bytes,
            gauge,
            writer,
            closed,
            replayed,
            torn_bytes,
        })))
    }

    /// The cache in front.
    #[must_use]
    pub fn cache(&self) -> &Cache<V> {
        &self.0.shared.cache
    }

    /// Begins a key in the cache's namespace.
    #[must_use]
    pub fn key(&self, kind: &str) -> KeyBuilder {
        self.cache().key(kind)
    }

    /// Changes a value. When this returns, the change survives the end of the process, every reader of this cache sees it, and
    /// other processes have dropped what they had. Waits for room while the queue is full. It goes on in the
    /// background when its caller goes away after that.
    ///
    /// # Errors
    /// When the change was not accepted.
    pub async fn put(
        &self,
        key: &Key,
        value: impl Into<Loaded<V>>,
        options: &Options,
    ) -> Result<Accepted, WriteError> {
        let (record, loaded) = self.prepare(key, value.into(), options)?;
        let size = self.size(&record)?;
        // They end when the queue is closed.
        let one = self
            .0
            .items
            .clone()
            .acquire_owned()
            .await
            .map_err(|_| WriteError::Closed)?;
        let bytes = self
            .0
            .bytes
            .clone()
            .acquire_many_owned(size)
            .await
            .map_err(|_| WriteError::Closed)?;
        self.accept(key, record, loaded, (one, bytes)).await
    }

    /// The same, without waiting for room.
    ///
    /// # Errors
    /// [`WriteError::Full`], or when the change was not accepted for another reason.
    pub async fn try_put(
        &self,
        key: &Key,
        value: impl Into<Loaded<V>>,
        options: &Options,
    ) -> Result<Accepted, WriteError> {
        let (record, loaded) = self.prepare(key, value.into(), options)?;
        let size = self.size(&record)?;
        let one = self
            .0
            .items
            .clone()
            .try_acquire_owned()
            .map_err(|error| no_room(&error))?;
        let bytes = self
            .0
            .bytes
            .clone()
            .try_acquire_many_owned(size)
            .map_err(|error| no_room(&error))?;
        self.accept(key, record, loaded, (one, bytes)).await
    }

    /// Deletes a value. As [`WriteBehind::put`]; the cache remembers for [`Options::negative_lifetime`] that there is none.
    ///
    /// # Errors
    /// When the change was not accepted.
    pub async fn delete(&self, key: &Key, options: &Options) -> Result<Accepted, WriteError> {
        self.put(key, Loaded::absent(), options).await
    }

    fn prepare(
        &self,
        key: &Key,
        mut loaded: Loaded<V>,
        options: &Options,
    ) -> Result<(Record, Loaded<V>), WriteError> {
        if self.0.closed.load(Ordering::Acquire) {
            return Err(WriteError::Closed);
        }
        let record = match &loaded.content {
            Content::Value(value) => self.0.shared.record(key, Some(value), 0)?,
            Content::Absent => self.0.shared.record(key, None, 0)?,
            Content::NotModified => return Err(WriteError::NotAChange),
        };
        loaded.options.get_or_insert_with(|| options.clone());
        Ok((record, loaded))
    }

    fn size(&self, record: &Record) -> Result<u32, WriteError> {
        let (bytes, limit) = (record.size() + OVERHEAD, self.0.shared.options.queue_bytes);
        match u32::try_from(bytes) {
            Ok(size) if bytes <= limit => Ok(size),
            _ => Err(WriteError::TooLarge { bytes, limit }),
        }
    }

    async fn accept(
        &self,
        key: &Key,
        record: Record,
        loaded: Loaded<V>,
        room: Room,
    ) -> Result<Accepted, WriteError> {
        let bytes = record.size() + OVERHEAD;
        let (handle, key) = (self.0.clone(), key.clone());
        // A task, so that a change which is in the log is shown as well, even if the caller goes away between.
        let task = tokio::spawn(async move {
            let shared = &handle.shared;
            let _alone = shared.order(&key).lock().await;
            if handle.closed.load(Ordering::Acquire) {
                return Err(WriteError::Closed);
            }
            let item = Item {
                loaded: loaded.clone(),
                sequence: 0,
                since: Instant::now(),
                file: 0,
                bytes,
                replayed: false,
                _room: Some(room),
                tries: Tries::default(),
            };
            let (reply, answer) = oneshot::channel();
            let command = Command::Append {
                record,
                key: key.clone(),
                item: Box::new(item),
                reply,
            };
            handle
                .commands
                .send(command)
                .map_err(|_| WriteError::Closed)?;
            let sequence = answer.await.map_err(|_| WriteError::Cancelled)??;
            let failures = match shared.cache.set(&key, loaded, &Options::default()).await {
                Err(Error::Levels(failures)) => failures,
                // Without a codec of its own the cache keeps nothing; reads come here until it is written.
                Ok(()) | Err(_) => Box::default(),
            };
            Ok(Accepted { sequence, failures })
        });
        task.await.unwrap_or(Err(WriteError::Cancelled))
    }

    /// The change of a key that the store does not have yet; the inner `None`: it is to be deleted.
    #[must_use]
    pub fn pending(&self, key: &Key) -> Option<Option<V>> {
        self.0
            .shared
            .queue
            .pending(key)
            .map(|loaded| value(loaded.content))
    }

    /// [`Cache::get_or_load`], except that a change that the store does not have yet counts as what the store has.
    ///
    /// # Errors
    /// As that one.
    pub async fn get_or_load<L, F, R, E>(
        &self,
        key: &Key,
        options: &Options,
        loader: L,
    ) -> Result<Option<V>, Error>
    where
        L: FnOnce(Context<V>) -> F + Send + 'static,
        F: Future<Output = Result<R, E>> + Send + 'static,
        R: Into<Loaded<V>> + Send + 'static,
        E: Into<Box<dyn std::error::Error + Send + Sync>> + Send + 'static,
    {
        if let Some(pending) = self.pending(key) {
            return Ok(pending);
        }
        let queue = self.0.shared.queue.clone();
        // Asked again after the load has begun: a change that comes later than this keeps the load from being stored.
        let load = move |context: Context<V>| async move {
            match queue.pending(&context.key) {
                Some(pending) => Ok(pending),
                None => loader(context).await.map(Into::into),
            }
        };
        self.0.shared.cache.get_or_load(key, options, load).await
    }

    /// Waits at most `limit` until nothing waits. Pauses after failures are cut short once.
    ///
    /// # Errors
    /// What was not written in time; it is tried further.
    pub async fn flush(&self, limit: Duration) -> Result<(), Unflushed> {
        let shared = &self.0.shared;
        let _hurry = Hurry::new(&shared.progress.hurry);
        shared.progress.now.store(true, Ordering::Relaxed);
        shared.queue.work.notify_one();
        let empty = async {
            loop {
                let landed = shared.landed.notified();
                tokio::pin!(landed);
                landed.as_mut().enable();
                if shared.queue.is_empty() {
                    return;
                }
                landed.await;
            }
        };
        let flushed = tokio::time::timeout(limit, empty).await;
        flushed.map_err(|_| Unflushed {
            pending: shared.queue.lock().counts.pending,
            limit,
            last_error: statistics::text(&shared.progress.last_error),
        })
    }

    /// Accepts nothing more, waits at most `limit` until everything is written, and gives the directory back. To be called
    /// before [`Cache::close`].
    ///
    /// # Errors
    /// What was not written in time; it is in the log, and the next opening goes on with it.
    pub async fn close(&self, limit: Duration) -> Result<(), Unflushed> {
        self.0.closed.store(true, Ordering::Release);
        self.0.items.close();
        self.0.bytes.close();
        // Whoever is past the look at `closed` has its lock: after this nobody logs anything.
        for order in &self.0.shared.orders {
            drop(order.lock().await);
        }
        let flushed = self.flush(limit).await;
        self.0.writer.abort();
        let (reply, closed) = oneshot::channel();
        if self.0.commands.send(Command::Close { reply }).is_ok() {
            // That the log could not be shortened shows in the statistics, and costs a repetition.
            let _ = closed.await;
        }
        flushed
    }

    /// What it has done and what waits.
    #[must_use]
    pub fn statistics(&self) -> WriteBehindStatistics {
        WriteBehindStatistics::read(&self.0)
    }
}

fn no_room(error: &TryAcquireError) -> WriteError {
    match error {
        TryAcquireError::NoPermits => WriteError::Full,
        TryAcquireError::Closed => WriteError::Closed,
    }
}

fn value<V>(content: Content<V>) -> Option<V> {
    match content {
        Content::Value(value) => Some(value),
        Content::Absent | Content::NotModified => None,
    }
}
