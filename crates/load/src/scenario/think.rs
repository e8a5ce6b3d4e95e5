//! How long somebody thinks.

use std::time::Duration;

use fastrand::Rng;

/// How long somebody thinks.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Think {
    /// Not at all.
    #[default]
    Not,
    /// So long.
    Constant(Duration),
    /// Anything between the two is as likely.
    Uniform(Duration, Duration),
    /// Exponential with a mean, cut at a maximum (TPC-W: mean 7 s, most 70 s).
    Exponential {
        /// Before the cut.
        mean: Duration,
        /// Never longer than this.
        most: Duration,
    },
}

impl Think {
    /// A time.
    pub fn draw(&self, rng: &mut Rng) -> Duration {
        match *self {
            Self::Not => Duration::ZERO,
            Self::Constant(time) => time,
            Self::Uniform(from, to) => from + to.saturating_sub(from).mul_f64(rng.f64()),
            Self::Exponential { mean, most } => {
                // 1 - [0, 1) is never 0, whose logarithm is not finite.
                let seconds = mean.as_secs_f64() * -(1.0 - rng.f64()).ln();
                Duration::try_from_secs_f64(seconds)
                    .unwrap_or(most)
                    .min(most)
            }
        }
    }

    /// Its mean.
    #[must_use]
    pub fn mean(&self) -> Duration {
        match *self {
            Self::Not => Duration::ZERO,
            Self::Constant(time) => time,
            Self::Uniform(from, to) => from + to.saturating_sub(from) / 2,
            Self::Exponential { mean, .. } if mean.is_zero() => mean,
            // What the cut takes away is the tail's mean: m·e^(-most/m).
            Self::Exponential { mean, most } => {
                let cut = -(most.as_secs_f64() / mean.as_secs_f64());
                mean.mul_f64(-cut.exp_m1())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_its_mean_and_its_bounds() {
        let seconds = Duration::from_secs;
        let exponential = Think::Exponential {
            mean: seconds(7),
            most: seconds(10),
        };
        let mut rng = Rng::with_seed(3);
        for (think, from, to) in [
            (Think::Not, 0, 0),
            (Think::Constant(seconds(2)), 2, 2),
            (Think::Uniform(seconds(1), seconds(4)), 1, 4),
            (exponential, 0, 10),
        ] {
            let mut sum = 0.0;
            for _ in 0..100_000 {
                let time = think.draw(&mut rng);
                assert!((seconds(from)..=seconds(to)).contains(&time), "{time:?}");
                sum += time.as_secs_f64();
            }
            let (measured, mean) = (sum / 100_000.0, think.mean().as_secs_f64());
            assert!(
                (measured - mean).abs() <= 0.01 * mean,
                "{think:?}: {measured} {mean}"
            );
        }
    }

    #[test]
    fn nonsense_is_bounded() {
        let mut rng = Rng::with_seed(3);
        let backwards = Think::Uniform(Duration::from_secs(5), Duration::from_secs(1));
        assert_eq!(backwards.draw(&mut rng), Duration::from_secs(5));
        let none = Think::Exponential {
            mean: Duration::ZERO,
            most: Duration::from_secs(1),
        };
        assert_eq!(
            (none.draw(&mut rng), none.mean()),
            (Duration::ZERO, Duration::ZERO)
        );
    }
}
