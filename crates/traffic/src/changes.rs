//! A number that moves whenever something about an upstream's endpoints changes.
//!
//! A balancer keeps a view of who takes part, so that a pick reads one number instead of the state of every
//! endpoint. The price is that whatever changes a state must [`bump`](Changes::bump), after it has stored it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What the balancers of an upstream watch. Lives as long as the upstream, over all of its generations.
#[derive(Debug, Default)]
pub struct Changes {
    version: AtomicU64,
    ejecting: Mutex<()>,
}

impl Changes {
    /// Of a new upstream.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Differs from an earlier one if something changed in between. Read it before the states themselves: then
    /// a change that comes in between is seen twice and not never.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// Says that something has changed.
    pub fn bump(&self) {
        self.version.fetch_add(1, Ordering::Release);
    }

    /// Ejections are decided one at a time: between counting the ejected and ejecting one more nobody else may.
    /// Taken only by somebody who is about to eject.
    pub(crate) fn ejecting(&self) -> MutexGuard<'_, ()> {
        self.ejecting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bump_is_seen() {
        let changes = Changes::new();
        let before = changes.version();
        changes.bump();
        assert_ne!(changes.version(), before);
    }
}
