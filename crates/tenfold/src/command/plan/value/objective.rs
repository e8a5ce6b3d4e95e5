//! What must hold, and of which response times it speaks.

use std::fmt;
use std::str::FromStr;

use tenfold_capacity::Invalid;
use tenfold_capacity::plan::Objective;
use tenfold_capacity::text::{percentile, seconds};

use super::{PLAIN, SECONDS, exact, number_of};

/// Of which response times a latency speaks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::command::plan) enum Measure {
    Mean,
    /// 0 to 1.
    Quantile(f64),
}

impl FromStr for Measure {
    type Err = String;

    /// `mean`, `p95`, `p99.9`, `p(95)`.
    fn from_str(text: &str) -> Result<Self, String> {
        let hint = || format!("{text:?} is none of mean, p50, p95, p99.9 and the like");
        let lower = text.trim().to_ascii_lowercase();
        if matches!(lower.as_str(), "mean" | "avg" | "average") {
            return Ok(Self::Mean);
        }
        if matches!(lower.as_str(), "med" | "median") {
            return Ok(Self::Quantile(0.5));
        }
        let rest = lower.strip_prefix('p').ok_or_else(hint)?;
        let rest = rest
            .strip_prefix('(')
            .and_then(|rest| rest.strip_suffix(')'))
            .unwrap_or(rest);
        let share = number_of(rest).ok_or_else(hint)? / 100.0;
        if share > 0.0 && share < 1.0 {
            Ok(Self::Quantile(share))
        } else {
            Err(hint())
        }
    }
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mean => f.write_str("mean"),
            Self::Quantile(share) => f.write_str(&percentile(*share)),
        }
    }
}

/// What must hold: `p95 < 300ms`, `mean < 100ms`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::command::plan) struct Wanted {
    pub(in crate::command::plan) measure: Measure,
    /// Seconds.
    pub(in crate::command::plan) within: f64,
}

impl FromStr for Wanted {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let hint = "give an objective as 'p95 < 300ms' or 'mean < 100ms'";
        let (measure, within) = text.split_once('<').ok_or(hint)?;
        let within = within.strip_prefix('=').unwrap_or(within);
        let within = exact(within, SECONDS, "a time, for example 300ms")
            .map_err(|error| format!("{error}; {hint}"))?;
        if within <= 0.0 {
            return Err(hint.into());
        }
        Ok(Self {
            measure: measure.parse()?,
            within,
        })
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} < {}", self.measure, seconds(self.within))
    }
}

impl Wanted {
    /// For the crate, where the measure is `ratio` times the mean.
    pub(in crate::command::plan) fn objective(&self, ratio: f64) -> Result<Objective, Invalid> {
        match self.measure {
            Measure::Mean => Objective::mean(self.within),
            Measure::Quantile(share) => Objective::percentile(share, self.within, ratio),
        }
    }
}

/// How many times the mean the objective's percentile is, where nothing measured says it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::command::plan) enum Tail {
    Ratio(f64),
    Exponential,
}

impl FromStr for Tail {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "exponential" {
            return Ok(Self::Exponential);
        }
        let hint = "how many times the mean the percentile is (2.5), or exponential";
        exact(text, PLAIN, hint).map(Self::Ratio)
    }
}

impl Tail {
    pub(in crate::command::plan) fn ratio(self, share: f64) -> f64 {
        match self {
            Self::Ratio(ratio) => ratio,
            Self::Exponential => -(1.0 - share).ln(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objectives_and_measures() {
        let wanted: Wanted = "p95 < 300ms".parse().expect("one");
        assert_eq!(
            wanted,
            Wanted {
                measure: Measure::Quantile(0.95),
                within: 0.3
            }
        );
        assert_eq!("p(95)<=0.3s".parse::<Wanted>().expect("one"), wanted);
        assert_eq!(wanted.to_string(), "p95 < 300 ms");
        for name in ["p50", "p99.9", "p99.99", "p99.999", "p99.9999"] {
            assert_eq!(name.parse::<Measure>().expect(name).to_string(), name);
        }
        assert_eq!(
            "mean<1s".parse::<Wanted>().expect("one").measure,
            Measure::Mean
        );
        for bad in [
            "",
            "p95",
            "p95 > 300ms",
            "p0 < 1s",
            "p100 < 1s",
            "px < 1s",
            "p95 < 300",
            "p95 < 0ms",
            "< 1s",
        ] {
            assert!(bad.parse::<Wanted>().is_err(), "{bad}");
        }
    }
}
