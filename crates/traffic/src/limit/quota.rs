//! How much: a rate, and how much of it at once.

use std::fmt;
use std::time::Duration;

use super::{Algorithm, TICKS_PER_NANO, ticks};

/// The highest rate per second of one key: above, the interval between two requests is too short to be counted exactly.
pub const MOST_PER_SECOND: u64 = 10_000_000;
/// The largest burst.
pub const MOST_BURST: u64 = 1_000_000_000;
/// Most requests in one sliding window: two counters and the window's number share a word.
pub const MOST_IN_WINDOW: u64 = (1 << 20) - 2;
/// The longest time in which an empty bucket fills: a year. Longer ones are a mistake in the numbers.
const LONGEST_FILLING: Duration = Duration::from_secs(366 * 86_400);

/// So many in a length of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many, at least 1.
    pub count: u64,
    /// In what time; more than nothing.
    pub per: Duration,
}

impl Rate {
    /// So many per second.
    #[must_use]
    pub fn per_second(count: u64) -> Self {
        let per = Duration::from_secs(1);
        Self { count, per }
    }

    /// How many there are in a length of time, at least 1.
    #[must_use]
    pub fn within(&self, time: Duration) -> u64 {
        let share = time.as_secs_f64() / self.per.as_secs_f64();
        ((self.count as f64 * share).round() as u64).max(1)
    }

    /// Between two requests at this rate, in ticks, at least 1.
    pub(super) fn interval(&self) -> u64 {
        let count = u128::from(self.count.max(1));
        let per = u128::from(ticks(self.per));
        u64::try_from((per + count / 2) / count)
            .unwrap_or(u64::MAX)
            .max(1)
    }

    fn is_too_high(&self) -> bool {
        let shortest = 1_000_000_000 / MOST_PER_SECOND * TICKS_PER_NANO;
        self.interval() < shortest
    }
}

/// What one key may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Over time. A sliding window counts `count` in any window of `per`; concurrency ignores it.
    pub rate: Rate,
    /// At once: the depth of a token bucket, or how many may be under way for concurrency. A sliding window ignores it.
    pub burst: u64,
}

impl Quota {
    /// A rate, with a second's worth of it at once.
    #[must_use]
    pub fn new(rate: Rate) -> Self {
        let burst = match rate.per >= Duration::from_secs(1) {
            true => rate.count as f64 / rate.per.as_secs_f64(),
            false => rate.count as f64,
        };
        Self {
            rate,
            burst: (burst.ceil() as u64).max(1),
        }
    }

    /// The same with this burst.
    #[must_use]
    pub fn burst(self, burst: u64) -> Self {
        Self { burst, ..self }
    }

    /// Whether an algorithm can do this.
    ///
    /// # Errors
    /// What it cannot do.
    pub fn check(&self, algorithm: Algorithm) -> Result<(), QuotaError> {
        match algorithm {
            Algorithm::TokenBucket => self.check_bucket(),
            Algorithm::Adaptive(policy) => policy.check().and_then(|()| self.check_bucket()),
            Algorithm::SlidingWindow => self.check_window(),
            Algorithm::Concurrency if (1..1 << 31).contains(&self.burst) => Ok(()),
            Algorithm::Concurrency => Err(QuotaError::Burst),
        }
    }

    /// What a token bucket cannot do.
    fn check_bucket(&self) -> Result<(), QuotaError> {
        self.check_rate()?;
        if self.burst == 0 || self.burst > MOST_BURST {
            return Err(QuotaError::Burst);
        }
        if self.rate.is_too_high() {
            return Err(QuotaError::TooHigh);
        }
        let filling = self.rate.interval().checked_mul(self.burst);
        match filling {
            Some(filling) if filling <= ticks(LONGEST_FILLING) => Ok(()),
            _ => Err(QuotaError::TooSlow),
        }
    }

    /// What a sliding window cannot do.
    fn check_window(&self) -> Result<(), QuotaError> {
        self.check_rate()?;
        if self.rate.count > MOST_IN_WINDOW {
            return Err(QuotaError::Window);
        }
        Ok(())
    }

    fn check_rate(&self) -> Result<(), QuotaError> {
        if self.rate.count == 0 || self.rate.per.is_zero() {
            return Err(QuotaError::Zero);
        }
        if self.rate.per > LONGEST_FILLING {
            return Err(QuotaError::TooSlow);
        }
        Ok(())
    }
}

/// Why something is no quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuotaError {
    /// A count or a time is zero.
    Zero,
    /// A burst is 0 or above [`MOST_BURST`].
    Burst,
    /// More than [`MOST_PER_SECOND`].
    TooHigh,
    /// The burst takes more than a year to come back.
    TooSlow,
    /// More than [`MOST_IN_WINDOW`] in one window.
    Window,
    /// A share or a target of an adaptive limit is out of bounds.
    Adaptive,
    /// There is no tier at all.
    NoTier,
}

impl fmt::Display for QuotaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Zero => f.write_str("a rate and its time are more than nothing"),
            Self::Burst => write!(f, "a burst lies between 1 and {MOST_BURST}"),
            Self::TooHigh => write!(f, "a rate is at most {MOST_PER_SECOND} per second"),
            Self::TooSlow => {
                f.write_str("at this rate the burst takes more than a year to come back")
            }
            Self::Window => write!(
                f,
                "a window counts at most {MOST_IN_WINDOW}: take a token bucket, or a shorter window"
            ),
            Self::Adaptive => {
                f.write_str("shares lie between 0 and 1, and the latency is more than nothing")
            }
            Self::NoTier => f.write_str("a limit has at least one quota"),
        }
    }
}

impl std::error::Error for QuotaError {}
