//! Changes of one key, one after the other.
//!
//! A lock for each key that is being changed, and none for any other: a write of one key may change others, and a store that
//! hangs on one key holds up no other. A fixed number of locks shared by hash would be cheaper, and lock up a write that changes
//! another key whenever the two happen to share one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Mutex as Lock, OwnedMutexGuard};

use crate::key::Key;

/// The locks of the keys that are being changed.
#[derive(Default)]
pub(super) struct Alone {
    locks: Mutex<HashMap<Key, Arc<Lock<()>>>>,
}

/// Whoever holds this is the only one to change the key, once the lock is there.
pub(super) struct Changing<'a> {
    alone: &'a Alone,
    key: &'a Key,
    lock: Arc<Lock<()>>,
    held: Option<OwnedMutexGuard<()>>,
}

impl Alone {
    /// Waits until nobody else changes the key.
    pub(super) async fn with<'a>(&'a self, key: &'a Key) -> Changing<'a> {
        let lock = self.locks().entry(key.clone()).or_default().clone();
        // Before the wait, so that one who gives up takes the lock away as well.
        let mut changing = Changing {
            alone: self,
            key,
            lock,
            held: None,
        };
        changing.held = Some(changing.lock.clone().lock_owned().await);
        changing
    }

    fn locks(&self) -> MutexGuard<'_, HashMap<Key, Arc<Lock<()>>>> {
        self.locks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Changing<'_> {
    fn drop(&mut self) {
        let mut locks = self.alone.locks();
        // The guard has one of its own, besides the table's and this one's. Nobody gets another while the table is locked.
        drop(self.held.take());
        if Arc::strong_count(&self.lock) == 2 {
            locks.remove(self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::time::timeout;

    #[tokio::test]
    async fn one_at_a_time_and_nothing_stays_behind() {
        let (alone, a, b) = (
            Alone::default(),
            Key::new("a").unwrap(),
            Key::new("b").unwrap(),
        );
        let first = alone.with(&a).await;
        let other = alone.with(&b).await;
        let soon = Duration::from_millis(5);
        assert!(timeout(soon, alone.with(&a)).await.is_err());
        assert_eq!(alone.locks().len(), 2);
        drop(other);
        assert_eq!(alone.locks().len(), 1);
        let (second, ()) = tokio::join!(alone.with(&a), async { drop(first) });
        assert!(timeout(soon, alone.with(&a)).await.is_err());
        drop(second);
        assert_eq!(alone.locks().len(), 0);
    }
}
