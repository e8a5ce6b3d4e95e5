//! The seam to what is written to.

use std::fmt;

use crate::key::Key;

/// A change on its way to the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change<V> {
    /// What is to be changed.
    pub key: Key,
    /// What it is to have; `None`: it is to be deleted.
    pub value: Option<V>,
    /// The change's number, larger than that of every change before, across restarts. It is the token by which a store
    /// can tell a repetition, and refuse what comes too late: `UPDATE … WHERE sequence < $sequence`.
    pub sequence: u64,
    /// How often it has been refused by name before.
    pub refused: u32,
}

/// What is written to: a database.
///
/// Changes come **at least once**: after a failure, or a crash between the store's answer and the log's note of it, a
/// change comes again with the same sequence. The changes of one key come one after the other, in their order, and only
/// the newest of those that wait.
///
/// A call has no time limit from outside, because a write that is only abandoned may still arrive, and then after
/// a newer one. So set the store's own limit (a statement timeout), and compare sequences where the
/// connection may be cut off in the middle.
pub trait Store<V>: Send + Sync + 'static {
    /// Writes changes of different keys, in any order or all at once.
    ///
    /// # Errors
    /// What was not written; it is tried again.
    fn write(&self, changes: &[Change<V>]) -> impl Future<Output = Result<(), Failed>> + Send;
}

/// What a store did not write.
#[derive(Debug)]
pub enum Failed {
    /// Nothing, as far as is known: the store cannot be reached, or does not say what it minds. All of it is tried again,
    /// in ever smaller batches, so that a change that the store can never take ends up alone and holds up no other.
    Batch(Box<dyn std::error::Error + Send + Sync>),
    /// These changes, by their place in the slice, and why; the others are written. These are tried again at a longer and
    /// longer distance, up to [`give_up_after`](super::WriteBehindOptions::give_up_after) times.
    Items(Vec<(usize, Box<dyn std::error::Error + Send + Sync>)>),
}

impl<E: std::error::Error + Send + Sync + 'static> From<E> for Failed {
    fn from(error: E) -> Self {
        Self::Batch(Box::new(error))
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Batch(error) => write!(out, "{error}"),
            Self::Items(items) => match items.first() {
                Some((_, error)) => write!(out, "{} refused: {error}", items.len()),
                None => out.write_str("nothing refused"),
            },
        }
    }
}
