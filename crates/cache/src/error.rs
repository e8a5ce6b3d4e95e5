//! What can go wrong, as callers see it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::level::LevelError;

/// Why there is no value. Cheap to clone: all readers of one flight get the same.
#[derive(Debug, Clone)]
pub enum Error {
    /// The loader failed, and there was no stale value to fall back to.
    Load(Arc<dyn std::error::Error + Send + Sync>),
    /// The loader took longer than [`Options::hard_timeout`](crate::Options::hard_timeout).
    Timeout(Duration),
    /// The loader panicked. The panic itself went to the panic hook.
    Panicked,
    /// The loader answered "not modified", and there was nothing that could have been modified.
    NothingToRevalidate,
    /// The runtime stopped while the value was being loaded.
    Cancelled,
    /// The store refused a write: nothing was cached, and what was cached is gone.
    Store(Arc<dyn std::error::Error + Send + Sync>),
    /// The value could not be encoded or decoded for the lower levels.
    Codec(Arc<str>),
    /// Some levels did not take in a change. They are not read until they have.
    Levels(Box<[Failure]>),
}

/// A level that did not take in a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Which level.
    pub level: Box<str>,
    /// Why.
    pub error: LevelError,
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Load(error) => write!(out, "the loader failed: {error}"),
            Self::Timeout(limit) => write!(out, "the loader took longer than {limit:?}"),
            Self::Panicked => out.write_str("the loader panicked"),
            Self::NothingToRevalidate => {
                out.write_str("the loader answered \"not modified\" although the cache had no value: answer so only if `previous` is given")
            }
            Self::Cancelled => out.write_str("the runtime stopped while the value was being loaded"),
            Self::Store(error) => write!(out, "the store refused the write: {error}"),
            Self::Codec(why) => write!(out, "the value cannot be encoded for the lower levels: {why}"),
            Self::Levels(failures) => {
                out.write_str("not every level took in the change (they are not read until they have):")?;
                for failure in failures {
                    write!(out, " {}: {};", failure.level, failure.error)?;
                }
                Ok(())
            }
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Load(error) | Self::Store(error) => Some(&**error),
            _ => None,
        }
    }
}
