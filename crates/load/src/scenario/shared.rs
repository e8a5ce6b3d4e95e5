//! What all users have in common.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use fastrand::Rng;

use super::User;
use super::feed::Position;
use super::mix::Chooser;
use super::value::Value;
use crate::test::Test;

/// What all users of a generator have in common: how far sessions and data have been taken, and what `setup` found. One for all threads.
#[derive(Debug)]
pub struct Shared {
    sessions: AtomicU64,
    chooser: Chooser,
    positions: Vec<Position>,
    given: OnceLock<Vec<Option<Value>>>,
}

impl Shared {
    /// Of a test that has not begun.
    #[must_use]
    pub fn new(test: &Test) -> Self {
        Self {
            sessions: AtomicU64::new(0),
            chooser: Chooser::new(test),
            positions: test.feeds.iter().map(|_| Position::default()).collect(),
            given: OnceLock::new(),
        }
    }

    /// After `setup`: what this user knows is what all others begin with. Only the first call does anything.
    pub fn begin_with(&self, user: &User) {
        // Whoever comes second finds it done.
        let _known = self.given.set(user.variables().to_vec());
    }

    /// The number of a session that nobody else here has.
    pub(super) fn next_session(&self) -> u64 {
        self.sessions.fetch_add(1, Ordering::Relaxed)
    }

    pub(super) fn chooser(&self) -> &Chooser {
        &self.chooser
    }

    /// What `setup` found.
    pub(super) fn given(&self) -> &[Option<Value>] {
        self.given.get().map_or(&[], Vec::as_slice)
    }

    /// The next row of a feed; `None` if it has none left.
    pub(super) fn take(&self, test: &Test, feed: usize, rng: &mut Rng) -> Option<usize> {
        self.positions
            .get(feed)?
            .take(test.feeds.get(feed)?, test.shard, rng)
    }
}
