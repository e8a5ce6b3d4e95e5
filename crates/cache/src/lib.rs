//! A multi-level object cache. (The overview is being written.)

pub mod clock;
mod entry;
pub mod flight;
pub mod invalidate;
pub mod key;
pub mod level;
mod options;

pub use clock::Clock;
pub use entry::{Entry, Tag};
pub use invalidate::{Invalidation, Mode, Target};
pub use key::{Key, KeyBuilder, KeyError, Namespace};
pub use options::Options;
