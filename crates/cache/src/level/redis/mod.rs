//! A Redis as a level that several processes share: one server, Sentinel, or a cluster.
//!
//! # The problem
//! Between loading a value and storing it, another process may invalidate it; between two commands, a connection may
//! break, a process may be paused, a server may lose what it had confirmed. The old value must not come back in any of
//! these cases.
//!
//! # The idea
//! Invalidations are numbered by one counter per namespace (`script`, `lua/`). The numbers of tags and prefixes lie
//! beside the counter, and are told to every process through a bounded log, a Redis Stream (`feed`); each keeps a
//! table of them (`table`) and holds it against what it reads. A key's own invalidation leaves its number where the
//! value lay, a tombstone, and the value that is to be stored is held against it in a script, in one step (`stored`).
//! Every number belongs to an *epoch*; a process that finds that the server went back begins a new one, and with it all
//! that is stored counts as gone (`local`).
//!
//! # The trade-off
//! - A tag's invalidation reaches other processes through the log, within milliseconds, but not in the moment in which
//!   `invalidate` returns: a counter in each read would make that exact, and one node of a cluster the bottleneck of
//!   all. [`Level::confirmed`] waits for it. A key's is exact.
//! - Redis copies to its replicas late. What it had confirmed and lost in a failover is found out by any process that
//!   knew of it, and costs the content of the level. In a cluster, a lost tombstone is made up for by the tables of
//!   the processes that run; one that starts just then may read the value until its lifetime ends. Set
//!   `min-replicas-to-write` where that matters.
//! - `maxmemory-policy` should be `volatile-lru` or `volatile-lfu`: then the numbers stay, and tombstones, being young,
//!   are the last to go. Lost numbers are noticed, and cost the content of the level. With `noeviction`, a full server
//!   refuses invalidations too.

mod address;
mod call;
mod dial;
mod error;
mod feed;
mod link;
mod local;
mod member;
mod message;
mod missed;
mod options;
mod remote;
mod script;
mod stored;
mod table;

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::AbortHandle;

pub use error::ConnectError;
pub use options::RedisOptions;
pub use remote::{Remote, Script};

use self::dial::Dialler;
use self::link::Link;
use self::local::{Local, Moment};
use self::stored::Names;
use self::table::Table;
use super::{Claim, Confirmed, Later, Lease, Level, LevelError, Record, Sink, Usage};
use crate::invalidate::Invalidation;
use crate::key::Key;

/// A Redis as a level.
pub struct RedisLevel {
    shared: Arc<Shared>,
    tasks: Vec<AbortHandle>,
}

/// What the calls and the tasks of a level share.
struct Shared {
    options: RedisOptions,
    /// Names this process in the log and among the members.
    id: String,
    names: Names,
    link: Link,
    timeout: Duration,
    max_tags: usize,
    max_prefixes: usize,
    local: RwLock<Local>,
    sinks: RwLock<Vec<Arc<dyn Sink>>>,
    /// More of the log has been taken in.
    moved: Notify,
    /// All numbers have been read.
    ready: Notify,
    corrupt: AtomicU64,
}

impl Shared {
    fn local(&self) -> RwLockReadGuard<'_, Local> {
        self.local.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn local_mut(&self) -> RwLockWriteGuard<'_, Local> {
        self.local.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn sinks(&self) -> Vec<Arc<dyn Sink>> {
        self.sinks
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn is_certain(&self) -> bool {
        self.local().is_certain(Moment::now())
    }
}

impl RedisLevel {
    /// Connects to a Redis and reads what has been invalidated there. Must be called within a Tokio runtime, on which
    /// the level's tasks then run.
    ///
    /// # Errors
    /// When the options cannot be right, the server is not of the kind that the address says, or it denies access;
    /// and, unless [`RedisOptions::start_without`] is set, when it cannot be reached.
    pub async fn connect(options: RedisOptions) -> Result<Arc<Self>, ConnectError> {
        let link = Link::new(Dialler::new(&options)?, options.timeout);
        let shared = Arc::new(Shared {
            id: format!("{}-{:016x}", std::process::id(), fastrand::u64(..)),
            names: Names::new(options.namespace.prefix()),
            link,
            timeout: options.timeout,
            max_tags: options.max_tags.max(1),
            max_prefixes: options.max_prefixes.max(1),
            local: RwLock::new(Local::new(Table::new(
                options.max_tags,
                options.max_prefixes,
            ))),
            sinks: RwLock::default(),
            moved: Notify::new(),
            ready: Notify::new(),
            corrupt: AtomicU64::new(0),
            options,
        });
        let reached = match shared.reach().await {
            Ok(()) => true,
            Err(error) if error.is_transient() && shared.options.start_without => false,
            Err(error) => return Err(error),
        };
        let link = shared.clone();
        let tasks = [
            tokio::spawn(async move { link.link.keep().await }),
            tokio::spawn(feed::run(shared.clone())),
            tokio::spawn(member::report(shared.clone())),
        ];
        let level = Self {
            shared,
            tasks: tasks
                .iter()
                .map(tokio::task::JoinHandle::abort_handle)
                .collect(),
        };
        if reached && !level.synced().await && !level.shared.options.start_without {
            return Err(ConnectError::timeout(level.shared.link.address()));
        }
        Ok(Arc::new(level))
    }

    /// Why it has not been reached yet, after it was to begin without ([`RedisOptions::start_without`]).
    #[must_use]
    pub fn missing(&self) -> Option<String> {
        self.shared.link.missing()
    }

    /// Waits for the first reading of all numbers.
    async fn synced(&self) -> bool {
        let waiting = async {
            loop {
                let ready = self.shared.ready.notified();
                if self.shared.is_certain() {
                    return;
                }
                ready.await;
            }
        };
        tokio::time::timeout(self.shared.options.connect_timeout, waiting)
            .await
            .is_ok()
    }
}

impl Drop for RedisLevel {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

impl fmt::Debug for RedisLevel {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("RedisLevel")
            .field("options", &self.shared.options)
            .finish_non_exhaustive()
    }
}

impl Level for RedisLevel {
    fn name(&self) -> &str {
        &self.shared.options.name
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn lease(&self) -> Option<Lease> {
        self.shared.local().lease(Moment::now())
    }

    fn get<'a>(&'a self, key: &'a Key) -> Later<'a, Result<Option<Record>, LevelError>> {
        Box::pin(self.shared.get(key))
    }

    fn put<'a>(
        &'a self,
        key: &'a Key,
        record: Record,
        lease: Lease,
    ) -> Later<'a, Result<bool, LevelError>> {
        Box::pin(self.shared.put(key, record, lease))
    }

    fn invalidate<'a>(&'a self, what: &'a [Invalidation]) -> Later<'a, Result<Lease, LevelError>> {
        Box::pin(self.shared.invalidate(what))
    }

    fn attach(&self, sink: Arc<dyn Sink>) {
        self.shared
            .sinks
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .push(sink);
    }

    fn claim<'a>(&'a self, key: &'a Key, limit: Duration) -> Later<'a, Result<Claim, LevelError>> {
        Box::pin(self.shared.claim(key, limit))
    }

    fn release<'a>(&'a self, key: &'a Key, fence: u64) -> Later<'a, Result<(), LevelError>> {
        Box::pin(self.shared.release(key, fence))
    }

    fn confirmed(&self, lease: Lease, limit: Duration) -> Later<'_, Result<Confirmed, LevelError>> {
        Box::pin(self.shared.confirmed(lease, limit))
    }

    fn position(&self) -> Option<String> {
        self.shared.position()
    }

    fn missed_since<'a>(
        &'a self,
        position: &'a str,
    ) -> Later<'a, Result<Option<Vec<Invalidation>>, LevelError>> {
        Box::pin(self.shared.missed_since(position))
    }

    fn usage(&self) -> Usage {
        Usage {
            corrupt: self.shared.corrupt.load(Ordering::Relaxed),
            ..Usage::default()
        }
    }

    fn close(&self) -> Later<'_, Result<(), LevelError>> {
        Box::pin(async {
            for task in &self.tasks {
                task.abort();
            }
            self.shared.local_mut().unsynced();
            self.shared
                .sinks
                .write()
                .unwrap_or_else(PoisonError::into_inner)
                .clear();
            self.shared.leave().await
        })
    }
}
