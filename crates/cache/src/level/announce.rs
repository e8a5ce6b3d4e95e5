//! Invalidations that a level is about to be told.
//!
//! # The problem
//! A process that hears what another one invalidated in a shared level drops it from memory at once and says that it has it. Its
//! own levels above the shared one, a disk, take longer, and until then a reader would find there what is gone.
//!
//! # The idea
//! What a level has yet to be told is noted beside it, and what it gives is held against that. The note is there before the
//! process says that it has the invalidation, and goes when the level has it, or has been found not to take it and is not
//! read until it does.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Record;
use crate::invalidate::{Invalidation, Mode, Target};
use crate::key::Key;

/// Notes of what a level is about to be told; few at any time.
#[derive(Default)]
pub(crate) struct Announcements(Mutex<Now>);

/// The notes at a moment.
#[derive(Default, Clone)]
pub(crate) struct Now(Vec<Arc<Invalidation>>);

/// A note. It goes when this is dropped.
pub(crate) struct Announced {
    all: Arc<Announcements>,
    what: Arc<Invalidation>,
}

impl Announcements {
    pub(crate) fn add(self: &Arc<Self>, what: &Invalidation) -> Announced {
        let what = Arc::new(what.clone());
        self.lock().0.push(what.clone());
        let all = self.clone();
        Announced { all, what }
    }

    pub(crate) fn now(&self) -> Now {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Now> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Announced {
    fn drop(&mut self) {
        self.all
            .lock()
            .0
            .retain(|one| !Arc::ptr_eq(one, &self.what));
    }
}

impl Now {
    /// What is left of a record of `key`.
    pub(crate) fn applied(&self, key: &Key, mut record: Record) -> Option<Record> {
        for Invalidation { target, mode } in self.0.iter().map(|one| &**one) {
            let is_meant = match target {
                Target::Key(meant) => meant == key,
                Target::Tag(tag) => record.tags.contains(tag),
                Target::Prefix(prefix) => key.as_str().starts_with(&**prefix),
                Target::All => true,
            };
            match mode {
                Mode::Hard if is_meant => return None,
                Mode::Soft if is_meant => record.fresh_until = 0,
                Mode::Hard | Mode::Soft => {}
            }
        }
        Some(record)
    }
}
