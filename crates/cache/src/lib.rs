//! A multi-level object cache. (The overview is being written.)

mod builder;
mod cache;
pub mod clock;
mod codec;
mod counters;
mod entry;
mod error;
pub mod flight;
pub mod invalidate;
pub mod key;
pub mod level;
mod loaded;
mod options;
mod statistics;

pub use builder::Builder;
pub use cache::{
    Cache, Fill, Filling, Found, Held, HeldBelow, Invalidated, Outcome, Progress, Warmed,
};
pub use clock::Clock;
pub use codec::{Codec, MessagePack, Plain};
pub use entry::{Entry, Tag};
pub use error::{Error, Failure};
pub use flight::Waiter;
pub use invalidate::{Invalidation, Mode, Target};
pub use key::{Key, KeyBuilder, KeyError, Namespace};
pub use loaded::{Context, Loaded, MAX_LABEL, MAX_LABELS};
pub use options::Options;
pub use statistics::{LevelStatistics, Statistics};
