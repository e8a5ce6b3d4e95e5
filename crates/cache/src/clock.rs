//! Time for the cache: cheap to read, and two kinds of it.
//!
//! Lifetimes in memory are held against a monotonic clock, which nobody sets back. What is written to disk or to
//! Redis is read by another process, so it carries Unix time; a lifetime is converted where it passes from
//! one to the other, as what *remains* of it.
//!
//! A hit reads the clock, and reading the precise one costs as much as the look-up itself (about 20 ns). The coarse
//! clocks of Linux (`clock_gettime(2)`) cost a fifth and are at most one tick (1 to 4 ms) behind, which no lifetime
//! notices. Tests use a clock that they set.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use tokio::time::Instant;

/// A point in time in milliseconds since the cache's clock began.
pub(crate) type Millis = u64;

/// Far behind every time that a clock reads.
pub(crate) const NEVER: Millis = u64::MAX;

/// A clock of a cache.
#[derive(Debug, Clone)]
pub enum Clock {
    /// The machine's clocks.
    System,
    /// A clock that a test moves: milliseconds since its beginning.
    Manual(Arc<AtomicU64>),
}

impl Clock {
    /// A clock that stands still until [`Clock::advance`] moves it.
    #[must_use]
    pub fn manual() -> Self {
        Self::Manual(Arc::new(AtomicU64::new(0)))
    }

    /// Moves a manual clock forward.
    ///
    /// # Panics
    /// When this is the system's clock.
    pub fn advance(&self, by: Duration) {
        let Self::Manual(now) = self else {
            panic!("only a manual clock can be moved")
        };
        now.fetch_add(millis(by), Ordering::SeqCst);
    }

    pub(crate) fn now(&self) -> Millis {
        match self {
            Self::System => read(ClockId::MonotonicCoarse),
            Self::Manual(now) => now.load(Ordering::SeqCst),
        }
    }

    /// Milliseconds since 1970. A manual clock begins at 1970.
    pub(crate) fn unix(&self) -> u64 {
        match self {
            Self::System => read(ClockId::RealtimeCoarse),
            Self::Manual(now) => now.load(Ordering::SeqCst),
        }
    }
}

fn read(clock: ClockId) -> u64 {
    let time = clock_gettime(clock);
    // Neither clock is ever negative: monotonic time begins at 0, and Unix time did so in 1970.
    (time.tv_sec as u64) * 1000 + (time.tv_nsec as u64) / 1_000_000
}

/// A length of time in whole milliseconds; what is too long for that is for ever.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Beyond every process's life: about 30 years.
const FAR: Duration = Duration::from_secs(1 << 30);

/// The moment `by` after `now`; what no clock reaches is far away instead.
pub(crate) fn after(now: Instant, by: Duration) -> Instant {
    now + by.min(FAR)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_clocks_agree_with_the_standard_librarys() {
        let unix = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap()
            .as_millis() as u64;
        assert!(Clock::System.unix().abs_diff(unix) < 1000);
        assert!(Clock::System.now() > 0);
    }
}
