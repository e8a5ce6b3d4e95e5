//! What can go wrong with the log and the queue.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Why a change was not accepted. Nothing of it will be written.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum WriteError {
    /// The queue has no room ([`try_put`](super::WriteBehind::try_put) only).
    Full,
    /// It is larger than the whole queue.
    TooLarge {
        /// Its size in bytes.
        bytes: usize,
        /// [`queue_bytes`](super::WriteBehindOptions::queue_bytes).
        limit: usize,
    },
    /// [`close`](super::WriteBehind::close) has been called.
    Closed,
    /// It has no bytes: what the codec said.
    Codec(Arc<str>),
    /// [`Loaded::not_modified`](crate::Loaded::not_modified) is no change.
    NotAChange,
    /// The log could not be written.
    Log(LogError),
    /// The runtime stopped in the middle, so that nobody knows whether it is in the log.
    Cancelled,
}

/// Why the log could not be opened or written.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum LogError {
    /// Another process, or another queue of this one, uses the directory.
    Locked(PathBuf),
    /// A file is not as it was written, and not as a crash leaves it: something after that place reads, or another file
    /// follows.
    Damaged {
        /// Which file.
        file: PathBuf,
        /// From which byte on it does not read.
        at: u64,
    },
    /// A file between others is missing.
    Missing(PathBuf),
    /// The codec does not read the value of a change: another program wrote it.
    Unreadable {
        /// The file's directory.
        directory: PathBuf,
        /// The change's key.
        key: Box<str>,
        /// What the codec said.
        why: Arc<str>,
    },
    /// The operating system said no.
    Io {
        /// What it was about.
        file: PathBuf,
        /// What it said.
        error: Arc<std::io::Error>,
    },
}

/// Not everything was written before the limit. What was not is in the log, and is written after the next opening.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unflushed {
    /// Changes that are left.
    pub pending: usize,
    /// The limit.
    pub limit: Duration,
    /// What the store said last, if it failed.
    pub last_error: Option<Arc<str>>,
}

impl LogError {
    pub(super) fn io(file: &Path) -> impl Fn(std::io::Error) -> Self {
        let file = file.to_owned();
        move |error| Self::Io {
            file: file.clone(),
            error: Arc::new(error),
        }
    }
}

impl fmt::Display for WriteError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => out.write_str(
                "the write-behind queue is full: the store is slower than the writers, or down",
            ),
            Self::TooLarge { bytes, limit } => {
                write!(
                    out,
                    "a change of {bytes} bytes never fits the write-behind queue of {limit}: raise `queue_bytes`"
                )
            }
            Self::Closed => out.write_str("the write-behind queue has been closed"),
            Self::Codec(why) => write!(
                out,
                "the value cannot be encoded for the write-behind log: {why}"
            ),
            Self::NotAChange => {
                out.write_str("\"not modified\" is no change: give a value, or delete")
            }
            Self::Log(error) => write!(out, "{error}; the change was not accepted"),
            Self::Cancelled => {
                out.write_str("the runtime stopped while the change was being logged")
            }
        }
    }
}

impl fmt::Display for LogError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Locked(directory) => {
                write!(
                    out,
                    "the write-behind log in {} is in use: give each process a directory of its own",
                    directory.display()
                )
            }
            Self::Damaged { file, at } => write!(
                out,
                "the write-behind log {} is damaged from byte {at} on, and not as a crash leaves it: restore it, or open with `recover` to go on without what does not read",
                file.display()
            ),
            Self::Missing(file) => write!(
                out,
                "the write-behind log lacks {}: restore it, or open with `recover` to go on without it",
                file.display()
            ),
            Self::Unreadable {
                directory,
                key,
                why,
            } => write!(
                out,
                "the codec does not read the value of `{key}` in the write-behind log in {} ({why}): write it with the program that logged it, or open with `recover` to move such changes to the file of dead letters",
                directory.display()
            ),
            Self::Io { file, error } => write!(out, "{}: {error}", file.display()),
        }
    }
}

impl fmt::Display for Unflushed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "{} changes were not written within {:?}; they are kept in the log",
            self.pending, self.limit
        )?;
        match &self.last_error {
            Some(error) => write!(out, " (the store said: {error})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for WriteError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Log(error) => Some(error),
            _ => None,
        }
    }
}

impl std::error::Error for LogError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { error, .. } => Some(&**error),
            _ => None,
        }
    }
}

impl std::error::Error for Unflushed {}
