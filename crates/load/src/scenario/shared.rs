//! What all users have in common.

use std::sync::atomic::{AtomicU64, Ordering};

use super::User;
use crate::test::{Mix, Test};

/// What all users of a generator have in common: how far sessions and data have been taken, and what `setup` found. One for all threads.
#[derive(Debug)]
pub struct Shared {
    sessions: AtomicU64,
    weights: Vec<f64>,
}

impl Shared {
    /// Of a test that has not begun.
    #[must_use]
    pub fn new(test: &Test) -> Self {
        let weights = match &test.mix {
            Mix::Random | Mix::Exact => test.scenarios.iter().map(|one| one.weight).collect(),
            Mix::Markov(markov) => markov.start.clone(),
        };
        Self {
            sessions: AtomicU64::new(0),
            weights,
        }
    }

    /// After `setup`: what this user knows is what all others begin with.
    pub fn begin_with(&self, user: &User) {
        let _ = user;
    }

    /// The number of a session that nobody else has.
    pub(super) fn next_session(&self) -> u64 {
        self.sessions.fetch_add(1, Ordering::Relaxed)
    }

    pub(super) fn weights(&self) -> &[f64] {
        &self.weights
    }
}
