//! The levels below memory: disk, a Redis nearby, a Redis Cluster.
//!
//! # The problem
//! A level is slower than memory and can fail; several processes may share it; and between the moment a value is
//! loaded and the moment it reaches the level, somebody may invalidate it. If it were stored then, the old value would
//! be back for a whole lifetime, for everybody.
//!
//! # The idea
//! Every level numbers the invalidations that it has taken in. A load takes a [`Lease`] on each level before it
//! begins: the number that the level stood at. The level refuses a record whose lease is older than the last
//! invalidation of its key, and holds a record's lease against those of its tags and of prefixes when it is read. So
//! the decision is made where the record lies and in one step, and not by a process that may have been paused.
//!
//! # The trade-off
//! This seam is `dyn`: a call costs an allocation, beside a system call at least.

mod announce;
pub mod disk;
mod guard;
pub(crate) mod memory;
pub mod record;
pub mod redis;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

pub(crate) use guard::Guarded;
pub use guard::{GuardOptions, LevelState};
pub use record::Record;

use crate::invalidate::Invalidation;
use crate::key::Key;

/// What a level gives back: a boxed future, so that levels can be put together at run time.
pub type Later<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A place below memory where records lie.
pub trait Level: Send + Sync + 'static {
    /// Its name in statistics and messages, as `disk` or `redis`.
    fn name(&self) -> &str;

    /// Whether other processes change what is in it.
    fn is_shared(&self) -> bool {
        false
    }

    /// The number that the level stands at, to be taken before a load begins. `None`: it does not know what the
    /// others have invalidated (it is cut off from them, or catches up), so nothing loaded now may be stored.
    fn lease(&self) -> Option<Lease>;

    /// The record of `key`, if there is one that has not been invalidated. One that has softly been comes as stale
    /// (its `fresh_until` is 0).
    fn get<'a>(&'a self, key: &'a Key) -> Later<'a, Result<Option<Record>, LevelError>>;

    /// Stores a record that was loaded after `lease` was taken. `false`: it was invalidated since, and not stored.
    fn put<'a>(
        &'a self,
        key: &'a Key,
        record: Record,
        lease: Lease,
    ) -> Later<'a, Result<bool, LevelError>>;

    /// Takes in invalidations, in this order, and tells the other processes that share the level. Returns a lease from
    /// after the last one. They are done, for every reader of this level, when this returns.
    fn invalidate<'a>(&'a self, what: &'a [Invalidation]) -> Later<'a, Result<Lease, LevelError>>;

    /// From now on, `sink` is told what other processes invalidate in this level.
    fn attach(&self, _sink: Arc<dyn Sink>) {}

    /// Asks to be the only process that loads `key` for at most `limit`. For efficiency only: it may be granted twice
    /// when a clock or a network plays up, and the fence in the lease then decides whose value is stored.
    fn claim<'a>(
        &'a self,
        _key: &'a Key,
        _limit: Duration,
    ) -> Later<'a, Result<Claim, LevelError>> {
        Box::pin(std::future::ready(Ok(Claim::Granted { fence: 0 })))
    }

    /// Gives back what [`Level::claim`] granted.
    fn release<'a>(&'a self, _key: &'a Key, _fence: u64) -> Later<'a, Result<(), LevelError>> {
        Box::pin(std::future::ready(Ok(())))
    }

    /// Waits at most `limit` until the other processes have taken in everything up to `lease`, and says how many have.
    fn confirmed(
        &self,
        _lease: Lease,
        _limit: Duration,
    ) -> Later<'_, Result<Confirmed, LevelError>> {
        Box::pin(std::future::ready(Ok(Confirmed::default())))
    }

    /// How far the process has passed on to its sinks what others invalidate here, in the level's own words; `None`: it
    /// does not know, or has nobody to hear of.
    fn position(&self) -> Option<String> {
        None
    }

    /// What was invalidated here after a [`Level::position`], by anybody. `None`: that cannot be told any more.
    ///
    /// # Errors
    /// [`LevelError::CutOff`]: it has never been in touch, and its sinks will hear of a gap when it is.
    fn missed_since<'a>(
        &'a self,
        _position: &'a str,
    ) -> Later<'a, Result<Option<Vec<Invalidation>>, LevelError>> {
        Box::pin(std::future::ready(Ok(None)))
    }

    /// Whether its content is there after the process has ended.
    fn is_durable(&self) -> bool {
        false
    }

    /// Keeps the position of a shared level with the content, in place of the last one.
    fn note<'a>(&'a self, _position: &'a str) -> Later<'a, Result<(), LevelError>> {
        Box::pin(std::future::ready(Ok(())))
    }

    /// What was noted last, maybe by a process before this one.
    fn noted(&self) -> Option<String> {
        None
    }

    /// What it holds.
    fn usage(&self) -> Usage;

    /// Writes out what is still under way. The level is not used afterwards.
    fn close(&self) -> Later<'_, Result<(), LevelError>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

/// A point in a level's row of invalidations, taken before a load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lease {
    /// Which row of numbers: a level that has lost its memory begins another one.
    pub epoch: u64,
    /// The number of the last invalidation that was taken in.
    pub number: u64,
    /// What [`Level::claim`] granted; 0: nothing.
    pub fence: u64,
}

/// The answer to a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// This process loads. `fence` goes into the lease of the record.
    Granted {
        /// Larger than that of every claim on this key before.
        fence: u64,
    },
    /// Another process loads it just now.
    Taken,
}

/// Who hears what other processes invalidate.
pub trait Sink: Send + Sync {
    /// Another process has invalidated this.
    fn invalidated(&self, what: &Invalidation);
    /// Something may have been missed: nothing from before now can be trusted.
    fn gap(&self);
}

/// How many processes have taken in an invalidation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Confirmed {
    /// So many other processes have.
    pub confirmed: usize,
    /// So many other processes share the level.
    pub members: usize,
}

/// What a level holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Records; `None`: the level does not know.
    pub entries: Option<u64>,
    /// Bytes; `None`: the level does not know.
    pub bytes: Option<u64>,
    /// Records that were removed to make room since the level was opened.
    pub evictions: u64,
    /// Records that were found damaged since the level was opened, and not served.
    pub corrupt: u64,
}

/// Why a level could not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LevelError {
    /// It did not answer in time.
    Timeout,
    /// It was not asked, because it failed too often just now.
    Open,
    /// It does not know what the others have invalidated.
    CutOff,
    /// It said that it cannot, or could not be reached: what it said.
    Failed(String),
}

impl fmt::Display for LevelError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Timeout => out.write_str("it did not answer in time"),
            Self::Open => {
                out.write_str("it failed too often just now and is not asked for a while")
            }
            Self::CutOff => {
                out.write_str("it is cut off from the other processes, or catches up with them")
            }
            Self::Failed(why) => out.write_str(why),
        }
    }
}

impl std::error::Error for LevelError {}
