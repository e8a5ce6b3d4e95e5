//! The disk level: what survives a restart.
//!
//! # The problem
//! A cache that starts empty sends its whole load to the source. But a cache on disk that forgets a deletion in a crash
//! is worse than none: what was deleted comes back. And a page that was torn in two must never be served.
//!
//! # The idea
//! One log in a bounded number of files, and nothing else on disk: records and invalidations are appended in one order by
//! one thread, and the order alone says what is valid. An invalidation is in the log before it is acknowledged.
//! In memory is an index of 24 to 48 bytes per record (`index.rs`), rebuilt at the start from the files' footers. Room is
//! made by dropping the oldest file (`evict.rs`), and with it all invalidations that concern nothing any more.
//! What is damaged, and what follows from that, is in `segment.rs`. The log as the only structure is Bitcask's idea
//! (Sheehy and Smith, Bitcask: A Log-Structured Hash Table for Fast Key/Value Data, 2010), without its merging.
//!
//! # The trade-off
//! The index lies in memory, and eviction is first in, first out with a second chance. Values that are written and never
//! read cost as much disk as those that are used.

mod directory;
mod entry;
mod event;
mod evict;
mod index;
mod log;
mod numbers;
mod options;
mod pool;
mod queue;
mod recover;
mod roll;
mod segment;
mod shared;
mod state;
mod walk;
mod writer;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::{Semaphore, oneshot};

pub use directory::OpenError;
pub use options::DiskOptions;
pub use recover::Recovery;

use super::{Later, Lease, Level, LevelError, Record, Usage};
use crate::invalidate::Invalidation;
use crate::key::Key;
use directory::{Directory, failed};
use log::Log;
use pool::Pool;
use queue::{Order, Put, Queue, closed};
use shared::Shared;
use writer::Writer;

/// No entry is longer, so that its length leaves two bits of 32 free: 1 GiB.
const MAX_ENTRY: usize = (1 << 30) - 1;
/// A record of more bytes is put together by another thread than the caller's.
const LARGE: usize = 32 << 10;
/// One permit of the queue stands for so many bytes.
const PERMIT: usize = 1 << 10;
/// How long a record waits for room in the queue before it is refused.
const PATIENCE: Duration = Duration::from_secs(1);

/// A directory of files as a level of a cache.
///
/// Dropping it waits for what is under way. Only [`Level::close`] forces it to the medium, so that it counts after a
/// restart of the machine as well.
pub struct DiskLevel {
    shared: Arc<Shared>,
    queue: Arc<Queue>,
    room: Arc<Semaphore>,
    /// All of them stand for the whole queue.
    permits: usize,
    pool: Pool,
    writer: Option<JoinHandle<()>>,
    compress_above: usize,
    recovery: Recovery,
}

impl DiskLevel {
    /// Opens a directory, which is made if there is none, and takes in what is there. Blocks: in seconds, for tens of
    /// GiB.
    ///
    /// # Errors
    /// When the options make no sense, when another process uses the directory or it holds something else, and when
    /// the operating system refuses something.
    pub fn open(options: &DiskOptions) -> Result<Self, OpenError> {
        options.check()?;
        let path = &options.path;
        let (directory, doubt) = Directory::open(path)?;
        let shared = Arc::new(Shared::new(directory));
        let (end, recovery) = recover::recover(&shared, doubt)?;
        if options.sync {
            // What was written without it must be on the medium before the state says that everything is.
            let segments: Vec<_> = shared.segments().values().cloned().collect();
            for segment in segments {
                segment.sync().map_err(failed("sync", &segment.path))?;
            }
        }
        let noted = shared.directory.note(false, options.sync);
        noted.map_err(failed("write the state in", path))?;

        let mut log = Log::new(shared.clone(), options, end.last, end.next_segment);
        log.make_room(0)
            .map_err(|error| OpenError::Options(error.to_string()))?;
        let queue = Arc::new(Queue::default());
        let writer = Writer {
            log,
            queue: queue.clone(),
            max_entry: options.max_entry(),
            is_incomplete: false,
        };
        let pool = Pool::start(options.readers).map_err(failed("start threads for", path))?;
        let writer = std::thread::Builder::new()
            .name("disk-write".into())
            .spawn(move || writer.run())
            .map_err(failed("start a thread for", path))?;
        let permits = (options.queue_bytes / PERMIT).max(1);
        Ok(Self {
            shared,
            queue,
            room: Arc::new(Semaphore::new(permits)),
            permits,
            pool,
            writer: Some(writer),
            compress_above: options.compress_above,
            recovery,
        })
    }

    /// What was found when it was opened.
    pub fn recovery(&self) -> &Recovery {
        &self.recovery
    }

    /// Runs something on another thread.
    async fn elsewhere<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, LevelError> {
        let (reply, result) = oneshot::channel();
        let taken = self.pool.run(move || {
            if !reply.is_closed() {
                let _ = reply.send(job());
            }
        });
        if !taken {
            return Err(LevelError::Failed("the disk does not keep up".into()));
        }
        result.await.map_err(|_| died())
    }

    async fn put_record(
        &self,
        key: &Key,
        record: Record,
        lease: Lease,
    ) -> Result<bool, LevelError> {
        self.shared.check()?;
        if lease.epoch != self.shared.epoch {
            return Ok(false);
        }
        let tags = record.tags.iter().map(|tag| self.shared.secret().tag(tag));
        let tags = tags.collect();
        let length = record.payload.as_ref().map_or(0, bytes::Bytes::len);
        let permits = (length / PERMIT + 1).min(self.permits) as u32;
        let room = tokio::time::timeout(PATIENCE, self.room.clone().acquire_many_owned(permits))
            .await
            .map_err(|_| LevelError::Timeout)?
            .map_err(|_| closed())?;
        let compress_above = self.compress_above;
        let record = if length < LARGE {
            record.encode(compress_above)
        } else {
            self.elsewhere(move || record.encode(compress_above))
                .await?
        };
        let (reply, result) = oneshot::channel();
        self.queue.put(Put {
            key: key.clone(),
            hash: self.shared.secret().key(key.as_str()),
            tags,
            record,
            lease: lease.number,
            _room: room,
            reply,
        });
        result.await.map_err(|_| died())?
    }
}

impl Level for DiskLevel {
    fn name(&self) -> &str {
        "disk"
    }

    fn lease(&self) -> Option<Lease> {
        Some(Lease {
            epoch: self.shared.epoch,
            number: self.shared.number.load(Ordering::Acquire),
            fence: 0,
        })
    }

    fn get<'a>(&'a self, key: &'a Key) -> Later<'a, Result<Option<Record>, LevelError>> {
        Box::pin(async move {
            self.shared.check()?;
            let hash = self.shared.secret().key(key.as_str());
            if self.shared.index.get(hash).is_none() {
                return Ok(None);
            }
            let (shared, key) = (self.shared.clone(), key.clone());
            self.elsewhere(move || shared.read(key.as_str(), hash))
                .await?
        })
    }

    fn put<'a>(
        &'a self,
        key: &'a Key,
        record: Record,
        lease: Lease,
    ) -> Later<'a, Result<bool, LevelError>> {
        Box::pin(self.put_record(key, record, lease))
    }

    fn invalidate<'a>(&'a self, what: &'a [Invalidation]) -> Later<'a, Result<Lease, LevelError>> {
        let (reply, result) = oneshot::channel();
        // At once, and not when the future is first polled: whoever drops it has invalidated nevertheless.
        self.queue.invalidate(Order {
            what: what.to_vec(),
            reply,
        });
        Box::pin(async move { result.await.map_err(|_| died())? })
    }

    fn is_durable(&self) -> bool {
        true
    }

    fn note<'a>(&'a self, position: &'a str) -> Later<'a, Result<(), LevelError>> {
        Box::pin(async move {
            self.shared.check()?;
            let (shared, position) = (self.shared.clone(), position.to_owned());
            self.elsewhere(move || {
                let directory = &shared.directory;
                if directory.heard().as_deref() == Some(&position) {
                    return Ok(());
                }
                directory.note_heard(&position)
            })
            .await?
            .map_err(|error| LevelError::Failed(error.to_string()))
        })
    }

    fn noted(&self) -> Option<String> {
        self.shared.directory.heard()
    }

    fn usage(&self) -> Usage {
        Usage {
            entries: Some(self.shared.index.len()),
            bytes: Some(self.shared.bytes.load(Ordering::Relaxed)),
            evictions: self.shared.evictions.load(Ordering::Relaxed),
            corrupt: self.shared.corrupt.load(Ordering::Relaxed),
        }
    }

    fn close(&self) -> Later<'_, Result<(), LevelError>> {
        let (reply, result) = oneshot::channel();
        self.queue.stop(Some(reply));
        Box::pin(async move { result.await.map_err(|_| died())? })
    }
}

impl Drop for DiskLevel {
    fn drop(&mut self) {
        self.queue.stop(None);
        if let Some(writer) = self.writer.take() {
            // A panic has been reported by itself.
            let _ = writer.join();
        }
    }
}

impl std::fmt::Debug for DiskLevel {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("DiskLevel")
            .field("path", &self.shared.directory.path)
            .field("usage", &self.usage())
            .finish_non_exhaustive()
    }
}

fn died() -> LevelError {
    LevelError::Failed("a thread of the disk level has died, see its message".into())
}
