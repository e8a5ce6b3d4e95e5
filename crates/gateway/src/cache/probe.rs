//! Levels that failed are asked now and then whether they are back.
//!
//! A level is tried by the requests that need it. While there are none, or memory has all that they want, one that is back would
//! be taken for gone, and the first requests of the next rush would find it so.

use std::sync::Arc;

use tenfold_cache::Key;
use tenfold_cache::level::LevelState;

use super::Store;

impl Store {
    /// Asks the levels that failed when they were last asked. To be called now and then; does not wait for them. What they have
    /// missed they are told by a task of the engine's.
    pub(crate) fn probe(self: &Arc<Self>) {
        let has_failed = |level: &tenfold_cache::LevelStatistics| {
            level.state == LevelState::Open
                || level.state == LevelState::Up && level.last_error.is_some()
        };
        if !self.engine.has_lower() || !self.engine.statistics().levels.iter().any(has_failed) {
            return;
        }
        // No address has this key. The breaker decides whether the level is really asked.
        let Ok(key) = Key::new(&format!("{}probe", self.prefix())) else {
            return;
        };
        let engine = self.engine.clone();
        tokio::spawn(async move {
            let _found = engine.held_below(&key).await;
        });
    }
}
