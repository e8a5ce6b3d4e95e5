//! What a system takes before its objective breaks.
//!
//! # The idea
//! A curve of throughput is also one of mean response times (R = N/X), which only grows with concurrency. So the objective
//! says how many requests may be under way, and the curve how many are completed per second then. Past the peak more under
//! way complete fewer; the capacity is the peak's then.
//!
//! A curve knows means only. How much larger a percentile is depends on the system, and has to be given: measured
//! ([`measured_ratio`]), or assumed in so many words ([`Objective::exponential`]). Points whose latency *is* the percentile
//! need no curve ([`within_points`]).

use std::fmt;

use serde::Serialize;

use crate::invalid::{Invalid, below_one, positive};
use crate::model::usl::{Fit, Peak, Refusal, Usl};
use crate::points::Points;
use crate::text::{number, percentile, seconds};

/// A bound on the response time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Objective {
    percentile: Option<f64>,
    within: f64,
    ratio: f64,
}

impl Objective {
    /// The mean response time is at most `within` seconds.
    ///
    /// # Errors
    /// `within` is not above 0.
    pub fn mean(within: f64) -> Result<Self, Invalid> {
        Ok(Self {
            percentile: None,
            within: positive("the objective", within)?,
            ratio: 1.0,
        })
    }

    /// `percentile` (0.95: 95 of 100) of the requests take at most `within` seconds, where that percentile is `ratio` times the
    /// mean.
    ///
    /// # Errors
    /// A number out of its range.
    pub fn percentile(percentile: f64, within: f64, ratio: f64) -> Result<Self, Invalid> {
        below_one("the percentile", percentile)?;
        positive("the percentile", percentile)?;
        Ok(Self {
            percentile: Some(percentile),
            within: positive("the objective", within)?,
            ratio: positive("the ratio of percentile and mean", ratio)?,
        })
    }

    /// As [`Objective::percentile`], for response times that are exponential: the percentile is −ln(1−p) times the mean (p95: 3.0
    /// times, p99: 4.6 times). True of an M/M/1 queue; a system with rare slow requests has a longer tail.
    ///
    /// # Errors
    /// A number out of its range.
    pub fn exponential(percentile: f64, within: f64) -> Result<Self, Invalid> {
        below_one("the percentile", percentile)?;
        Self::percentile(percentile, within, -(1.0 - percentile).ln())
    }

    /// The longest mean response time in seconds that keeps it.
    #[must_use]
    pub fn mean_bound(&self) -> f64 {
        self.within / self.ratio
    }
}

impl fmt::Display for Objective {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let within = seconds(self.within);
        match self.percentile {
            None => write!(out, "a mean response time of at most {within}"),
            Some(share) => write!(out, "{} of at most {within}", percentile(share)),
        }
    }
}

/// What keeps capacity from being more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Bound {
    /// The objective: with more requests under way responses take too long.
    Objective,
    /// The peak: more requests under way complete fewer.
    Peak,
}

/// What is taken before the objective breaks.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Capacity {
    /// Requests per second.
    pub rate: f64,
    /// Requests under way then.
    pub concurrency: f64,
    /// What keeps it from being more.
    pub bound: Bound,
    /// Where it comes from, with its numbers.
    pub rule: String,
}

/// Why there is no capacity.
#[derive(Debug, Clone, PartialEq)]
pub enum CapacityError {
    /// The points do not bear it.
    Refusal(Refusal),
    /// Even one request alone takes longer than the objective.
    TooSlow {
        /// Seconds that the objective allows.
        allowed: f64,
        /// Seconds that one request takes (of the same measure: mean or percentile).
        alone: f64,
    },
    /// The points have no latency.
    NoLatency,
    /// The objective held at every point, and throughput was still growing.
    NeverBroken {
        /// The highest throughput that was measured, in requests per second: capacity is at least this.
        at_least: f64,
    },
}

impl fmt::Display for CapacityError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refusal(refusal) => refusal.fmt(out),
            Self::TooSlow { allowed, alone } => write!(
                out,
                "the objective allows {}, and at the lowest load it takes {} already: no load is low enough; make requests faster, or widen the objective",
                seconds(*allowed),
                seconds(*alone)
            ),
            Self::NoLatency => out.write_str(
                "the points have no latency, so that nothing is known of the objective: add a column `latency` (in seconds)",
            ),
            Self::NeverBroken { at_least } => write!(
                out,
                "the objective held at every point, so that the capacity is at least {} requests/s, and not known: raise the load until the objective breaks",
                number(*at_least)
            ),
        }
    }
}

impl std::error::Error for CapacityError {}

impl From<Refusal> for CapacityError {
    fn from(refusal: Refusal) -> Self {
        Self::Refusal(refusal)
    }
}

/// What the fitted system takes within `objective`; its peak if there is none.
///
/// # Errors
/// The objective holds for no load, or beyond what the points bear: past twice the highest measured concurrency, or at a
/// peak that no point lies beyond.
pub fn within(fit: &Fit, objective: Option<&Objective>) -> Result<Capacity, CapacityError> {
    let curve = fit.curve();
    let Some(objective) = objective else {
        return Ok(at_peak(
            fit.peak()?,
            "the curve's peak: more requests under way complete fewer",
        ));
    };
    let bound = objective.mean_bound();
    let too_slow = || CapacityError::TooSlow {
        allowed: objective.within,
        alone: curve.response_time(1.0) * objective.ratio,
    };
    let concurrency = curve.concurrency_within(bound).ok_or_else(too_slow)?;
    if curve
        .peak()
        .is_some_and(|peak| peak.concurrency <= concurrency)
    {
        let rule = format!(
            "{objective} holds up to the curve's peak, beyond which more requests under way complete fewer"
        );
        return Ok(at_peak(fit.peak()?, &rule));
    }
    let rate = fit.throughput(concurrency)?;
    let rule = format!(
        "{objective}{} allows {} requests under way (R = N/X), which complete {} requests/s",
        objective.ratio_words(),
        number(concurrency),
        number(rate)
    );
    Ok(Capacity {
        rate,
        concurrency,
        bound: Bound::Objective,
        rule,
    })
}

impl Objective {
    fn ratio_words(&self) -> String {
        if self.ratio == 1.0 {
            return String::new();
        }
        let (ratio, mean) = (number(self.ratio), seconds(self.mean_bound()));
        format!(" ({ratio} times the mean, which may be {mean})")
    }
}

fn at_peak(peak: Peak, words: &str) -> Capacity {
    let (rate, concurrency) = (peak.throughput, peak.concurrency);
    Capacity {
        rate,
        concurrency,
        bound: Bound::Peak,
        rule: format!(
            "{words}: {} requests/s with {} under way",
            number(rate),
            number(concurrency)
        ),
    }
}

/// What a curve drawn from the fit's uncertainty takes within `bound` seconds of mean response time, in requests per second: never
/// more than at its peak or at the concurrency `reach`.
pub(super) fn of_curve(curve: &Usl, bound: Option<f64>, reach: f64) -> f64 {
    let allowed = bound.map_or(Some(f64::INFINITY), |bound| curve.concurrency_within(bound));
    let peak = curve.peak().map_or(f64::INFINITY, |peak| peak.concurrency);
    allowed.map_or(0.0, |allowed| {
        curve.throughput(allowed.min(peak).min(reach))
    })
}

/// What was taken within `objective` according to points whose latency is of the objective's own measure (its percentile, or
/// the mean). Between the last level of load that kept it and the first that did not, both are taken to grow evenly.
///
/// # Errors
/// The points have no latency, keep the objective nowhere, or everywhere while throughput was still growing.
pub fn within_points(points: &Points, objective: &Objective) -> Result<Capacity, CapacityError> {
    let levels = points.levels().ok_or(CapacityError::NoLatency)?;
    let kept = levels
        .iter()
        .take_while(|one| one.2 <= objective.within)
        .count();
    if kept == 0 {
        return Err(CapacityError::TooSlow {
            allowed: objective.within,
            alone: levels[0].2,
        });
    }
    let mut candidates: Vec<(f64, f64)> = levels[..kept].iter().map(|one| (one.1, one.0)).collect();
    if let Some(broken) = levels.get(kept) {
        let last = levels[kept - 1];
        let share = (objective.within - last.2) / (broken.2 - last.2);
        let between = |from: f64, to: f64| from + share * (to - from);
        candidates.push((between(last.1, broken.1), between(last.0, broken.0)));
    }
    let best = (0..candidates.len())
        .max_by(|a, b| candidates[*a].0.total_cmp(&candidates[*b].0))
        .expect("one was kept");
    let (rate, concurrency) = candidates[best];
    let is_last = best + 1 == candidates.len();
    if is_last && kept == levels.len() {
        return Err(CapacityError::NeverBroken { at_least: rate });
    }
    let bound = if is_last {
        Bound::Objective
    } else {
        Bound::Peak
    };
    let rule = format!(
        "{objective} held up to {} requests under way, and the most completed within it were {} requests/s with {} under way (measured, evenly between levels of load)",
        number(candidates[candidates.len() - 1].1),
        number(rate),
        number(concurrency)
    );
    Ok(Capacity {
        rate,
        concurrency,
        bound,
        rule,
    })
}

/// How many times the mean response time the points' latency is, if that is a percentile: the median over all points of latency
/// ÷ (N/X).
///
/// # Errors
/// The points have no latency.
pub fn measured_ratio(points: &Points) -> Result<f64, CapacityError> {
    let mut all: Vec<f64> = points
        .levels()
        .ok_or(CapacityError::NoLatency)?
        .into_iter()
        .map(|(concurrency, throughput, latency)| latency * throughput / concurrency)
        .collect();
    all.sort_by(f64::total_cmp);
    Ok(all[all.len() / 2])
}

#[cfg(test)]
#[path = "capacity_tests.rs"]
mod tests;
