//! Numbers that are known, and numbers that are only known to lie somewhere.

use serde::Serialize;

use super::random::Random;
use crate::invalid::{Invalid, check};

/// An input.
///
/// Within a range every number is taken to be equally likely, and none outside of it possible. That is the plainest reading of
/// "between 300 and 500", and with it the answer's spread is a wide one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Value {
    /// Just this.
    Exact(f64),
    /// Something from `low` to `high`.
    Range {
        /// The lowest it may be.
        low: f64,
        /// The highest it may be.
        high: f64,
    },
}

impl From<f64> for Value {
    fn from(exact: f64) -> Self {
        Self::Exact(exact)
    }
}

impl From<std::ops::RangeInclusive<f64>> for Value {
    fn from(range: std::ops::RangeInclusive<f64>) -> Self {
        Self::Range {
            low: *range.start(),
            high: *range.end(),
        }
    }
}

impl Value {
    /// The value, or the middle of the range.
    #[must_use]
    pub fn middle(self) -> f64 {
        match self {
            Self::Exact(value) => value,
            Self::Range { low, high } => low + 0.5 * (high - low),
        }
    }

    /// Whether there is something to draw.
    #[must_use]
    pub fn is_range(self) -> bool {
        matches!(self, Self::Range { low, high } if low < high)
    }

    pub(super) fn draw(self, random: &mut Random) -> f64 {
        match self {
            Self::Exact(value) => value,
            Self::Range { low, high } => low + random.share() * (high - low),
        }
    }

    /// That all of it passes `is_right`, and that its ends are in order.
    pub(super) fn check(
        self,
        what: &'static str,
        is_right: fn(f64) -> bool,
        must: &'static str,
    ) -> Result<(), Invalid> {
        match self {
            Self::Exact(value) => {
                check(what, value, is_right(value), must)?;
            }
            Self::Range { low, high } => {
                check(what, low, is_right(low), must)?;
                check(what, high, is_right(high), must)?;
                check(
                    what,
                    high,
                    high >= low,
                    "at least the lower end of its range",
                )?;
            }
        }
        Ok(())
    }
}

/// What many draws came to. Without ranges, all three are the same.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    /// One of twenty draws is below.
    pub p5: f64,
    /// The median.
    pub p50: f64,
    /// One of twenty draws is above.
    pub p95: f64,
}

impl Spread {
    /// Of at least one number. Each percentile is one of the numbers (nearest rank), so that replicas stay whole.
    pub(super) fn of(mut all: Vec<f64>) -> Self {
        all.sort_by(f64::total_cmp);
        let rank = |share: f64| {
            let rank = (share * all.len() as f64).ceil() as usize;
            all[rank.clamp(1, all.len()) - 1]
        };
        Self {
            p5: rank(0.05),
            p50: rank(0.5),
            p95: rank(0.95),
        }
    }

    /// Whether the three are one number.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.p5 == self.p95
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_the_nearest_ranks() {
        let spread = Spread::of((1..=100).rev().map(f64::from).collect());
        assert_eq!((spread.p5, spread.p50, spread.p95), (5.0, 50.0, 95.0));
        assert!(Spread::of(vec![3.0]).is_exact());
    }

    #[test]
    fn draws_stay_in_their_range() {
        let mut random = Random::new(7);
        let value = Value::from(3.0..=5.0);
        let drawn: Vec<f64> = (0..10_000).map(|_| value.draw(&mut random)).collect();
        assert!(drawn.iter().all(|one| (3.0..=5.0).contains(one)));
        let spread = Spread::of(drawn);
        assert!(
            (spread.p5 - 3.1).abs() < 0.03 && (spread.p95 - 4.9).abs() < 0.03,
            "{spread:?}"
        );
        assert_eq!(value.middle(), 4.0);
        assert_eq!(Value::from(2.0).draw(&mut random), 2.0);
    }
}
