//! A level whose reads have a time limit that can change while it is open.
//!
//! The engine's own limits are those that it was built with. To build it anew because of another `timeout` would empty memory,
//! and that on the day when somebody changes it because Redis is slow.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use tenfold_cache::level::{
    Claim, Confirmed, Later, Lease, Level, LevelError, Record, Sink, Usage,
};
use tenfold_cache::{Invalidation, Key};

/// A limit for reads, to be changed at any time.
#[derive(Debug)]
pub(super) struct Limit(AtomicU64);

impl Limit {
    pub(super) fn new(limit: Duration) -> Arc<Self> {
        let it = Self(AtomicU64::default());
        it.set(limit);
        Arc::new(it)
    }

    pub(super) fn set(&self, limit: Duration) {
        let micros = u64::try_from(limit.as_micros()).unwrap_or(u64::MAX);
        self.0.store(micros, Relaxed);
    }

    fn get(&self) -> Duration {
        Duration::from_micros(self.0.load(Relaxed))
    }
}

/// A level with such a limit.
pub(super) struct Patient {
    level: Arc<dyn Level>,
    limit: Arc<Limit>,
}

impl Patient {
    /// More than any limit is: so long the engine waits for a read, which ends sooner by itself.
    pub(super) const LONGEST: Duration = Duration::from_secs(3600);

    pub(super) fn new(level: Arc<dyn Level>, limit: Arc<Limit>) -> Arc<Self> {
        Arc::new(Self { level, limit })
    }
}

/// What `call` gives back within the limit.
async fn within<T>(
    limit: Duration,
    call: Later<'_, Result<T, LevelError>>,
) -> Result<T, LevelError> {
    let called = tokio::time::timeout(limit, call).await;
    called.unwrap_or(Err(LevelError::Timeout))
}

impl Level for Patient {
    fn name(&self) -> &str {
        self.level.name()
    }

    fn is_shared(&self) -> bool {
        self.level.is_shared()
    }

    fn lease(&self) -> Option<Lease> {
        self.level.lease()
    }

    fn get<'a>(&'a self, key: &'a Key) -> Later<'a, Result<Option<Record>, LevelError>> {
        Box::pin(within(self.limit.get(), self.level.get(key)))
    }

    fn put<'a>(
        &'a self,
        key: &'a Key,
        record: Record,
        lease: Lease,
    ) -> Later<'a, Result<bool, LevelError>> {
        self.level.put(key, record, lease)
    }

    fn invalidate<'a>(&'a self, what: &'a [Invalidation]) -> Later<'a, Result<Lease, LevelError>> {
        self.level.invalidate(what)
    }

    fn attach(&self, sink: Arc<dyn Sink>) {
        self.level.attach(sink);
    }

    fn claim<'a>(&'a self, key: &'a Key, limit: Duration) -> Later<'a, Result<Claim, LevelError>> {
        Box::pin(within(self.limit.get(), self.level.claim(key, limit)))
    }

    fn release<'a>(&'a self, key: &'a Key, fence: u64) -> Later<'a, Result<(), LevelError>> {
        Box::pin(within(self.limit.get(), self.level.release(key, fence)))
    }

    fn confirmed(&self, lease: Lease, limit: Duration) -> Later<'_, Result<Confirmed, LevelError>> {
        let longest = limit.saturating_add(self.limit.get());
        Box::pin(within(longest, self.level.confirmed(lease, limit)))
    }

    fn position(&self) -> Option<String> {
        self.level.position()
    }

    fn missed_since<'a>(
        &'a self,
        position: &'a str,
    ) -> Later<'a, Result<Option<Vec<Invalidation>>, LevelError>> {
        self.level.missed_since(position)
    }

    fn is_durable(&self) -> bool {
        self.level.is_durable()
    }

    fn note<'a>(&'a self, position: &'a str) -> Later<'a, Result<(), LevelError>> {
        self.level.note(position)
    }

    fn noted(&self) -> Option<String> {
        self.level.noted()
    }

    fn usage(&self) -> Usage {
        self.level.usage()
    }

    fn close(&self) -> Later<'_, Result<(), LevelError>> {
        self.level.close()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers after a while.
    struct Slow(Duration);

    impl Level for Slow {
        fn name(&self) -> &'static str {
            "slow"
        }

        fn lease(&self) -> Option<Lease> {
            None
        }

        fn get<'a>(&'a self, _: &'a Key) -> Later<'a, Result<Option<Record>, LevelError>> {
            Box::pin(async {
                tokio::time::sleep(self.0).await;
                Ok(None)
            })
        }

        fn put<'a>(
            &'a self,
            _: &'a Key,
            _: Record,
            _: Lease,
        ) -> Later<'a, Result<bool, LevelError>> {
            Box::pin(async { Ok(false) })
        }

        fn invalidate<'a>(&'a self, _: &'a [Invalidation]) -> Later<'a, Result<Lease, LevelError>> {
            Box::pin(async { Ok(Lease::default()) })
        }

        fn usage(&self) -> Usage {
            Usage::default()
        }
    }

    #[tokio::test]
    async fn another_limit_holds_from_the_next_read_on() {
        let limit = Limit::new(Duration::from_millis(1));
        let level = Patient::new(
            Arc::new(Slow(Duration::from_millis(100))),
            Arc::clone(&limit),
        );
        let key = Key::new("k").expect("sound");
        assert_eq!(level.get(&key).await.err(), Some(LevelError::Timeout));
        limit.set(Duration::from_secs(60));
        assert!(level.get(&key).await.is_ok());
    }
}
