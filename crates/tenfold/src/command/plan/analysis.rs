//! What the measurements say by themselves: whether they can be true, the curve, and the capacity within the objective.

use serde::Serialize;
use tenfold_capacity::model::littles::{self, Verdict, Window};
use tenfold_capacity::model::usl::{self, Fit, Judgement, Peak};
use tenfold_capacity::plan::{Capacity, Objective, measured_ratio, within, within_points};
use tenfold_capacity::text::{number, percent};
use tenfold_capacity::{Point, Points};

use super::source::{Level, Measurements};
use super::value::{Measure, Tail, Wanted};
use crate::command::Refusal;

/// Two ways to the capacity that differ by more than this are worth a word.
const APART: f64 = 0.2;

/// Whether Little's law holds.
#[derive(Debug, Default, Serialize)]
pub(super) struct Little {
    /// Levels with what it takes to check.
    pub(super) checked: usize,
    pub(super) holds: usize,
    pub(super) doubtful: usize,
    /// These are left out.
    pub(super) broken: usize,
}

/// The curve of the levels.
#[derive(Debug, Serialize)]
pub(super) struct Curve {
    pub(super) fit: Fit,
    pub(super) regime: Judgement,
    pub(super) peak: Option<Peak>,
    /// Why there is none.
    pub(super) no_peak: Option<String>,
}

/// Where the capacity comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum From {
    /// Between the measured levels.
    Points,
    /// Along the fitted curve.
    Curve,
}

/// Everything that follows from the measurements.
#[derive(Debug, Serialize)]
pub(super) struct Analysis {
    pub(super) origin: String,
    pub(super) levels: Vec<Level>,
    pub(super) left_out: Vec<Level>,
    pub(super) little: Little,
    pub(super) curve: Option<Curve>,
    /// Why there is none.
    pub(super) no_curve: Option<String>,
    /// As it was asked for: "p95 < 300 ms".
    pub(super) objective: Option<String>,
    /// Its seconds.
    pub(super) within: Option<f64>,
    /// How many times the mean its percentile is.
    pub(super) ratio: Option<f64>,
    /// Of all measured replicas together.
    pub(super) capacity: Option<Capacity>,
    pub(super) capacity_from: Option<From>,
    /// Why there is none.
    pub(super) no_capacity: Option<String>,
    pub(super) notes: Vec<String>,
    #[serde(skip)]
    pub(super) for_plan: Option<(From, Option<Objective>)>,
    /// With the objective's measure as latency.
    #[serde(skip)]
    pub(super) points: Points,
}

/// Looks at `measurements`.
pub(super) fn analyse(
    measurements: Measurements,
    wanted: Option<Wanted>,
    tail: Option<Tail>,
) -> Result<Analysis, Refusal> {
    let Measurements {
        origin,
        levels,
        mut notes,
    } = measurements;
    let (little, levels, left_out) = by_little(levels, &mut notes);
    let points = points(&levels, &origin, &notes)?;
    let curve = usl::fit(&points);
    let mut analysis = Analysis {
        origin,
        levels,
        left_out,
        little,
        no_curve: curve.as_ref().err().map(ToString::to_string),
        curve: curve.ok().map(|fit| Curve {
            regime: fit.regime(),
            peak: fit.peak().ok(),
            no_peak: fit.peak().err().map(|error| error.to_string()),
            fit,
        }),
        objective: wanted.map(|wanted| wanted.to_string()),
        within: wanted.map(|wanted| wanted.within),
        ratio: None,
        capacity: None,
        capacity_from: None,
        no_capacity: None,
        notes,
        for_plan: None,
        points,
    };
    analysis.find_capacity(wanted, tail)?;
    Ok(analysis)
}

/// Checks each level, and leaves out those that cannot be true.
fn by_little(levels: Vec<Level>, notes: &mut Vec<String>) -> (Little, Vec<Level>, Vec<Level>) {
    let mut little = Little::default();
    let (mut kept, mut left_out) = (Vec::new(), Vec::new());
    for level in levels {
        let (throughput, response_time) = match (level.window, level.mean) {
            (Some(window), _) => window,
            (None, Some(mean)) => (level.throughput, mean),
            (None, None) => {
                kept.push(level);
                continue;
            }
        };
        if !level.is_steady {
            notes.push(format!(
                "{}: requests piled up, the service did not keep up; its concurrency is the mean",
                level.place
            ));
            kept.push(level);
            continue;
        }
        let window = Window {
            concurrency: level.concurrency,
            throughput,
            response_time,
            think_time: 0.0,
        };
        let check = littles::check(&window);
        little.checked += 1;
        match check.as_ref().map(|check| check.verdict) {
            Ok(Verdict::Holds) => little.holds += 1,
            Ok(Verdict::Doubtful) => little.doubtful += 1,
            Ok(Verdict::Broken) | Err(_) => {
                little.broken += 1;
                let why = check.map_or_else(|error| error.to_string(), |check| check.to_string());
                notes.push(format!("{} is left out: {why}", level.place));
                left_out.push(level);
                continue;
            }
        }
        kept.push(level);
    }
    (little, kept, left_out)
}

fn points(levels: &[Level], origin: &str, notes: &[String]) -> Result<Points, Refusal> {
    let point = |level: &Level| Point {
        concurrency: level.concurrency,
        throughput: level.throughput,
        latency: level.of_objective,
    };
    Points::new(levels.iter().map(point).collect()).map_err(|error| {
        let why = notes
            .first()
            .map_or_else(|| error.to_string(), Clone::clone);
        Refusal::new(
            format!("{origin}: no point can be used: {why}"),
            "measure again; docs/capacity.md says what has to hold",
        )
    })
}

impl Analysis {
    /// More is left out than used: what is left is no measurement either.
    pub(super) fn is_bad(&self) -> bool {
        self.little.broken * 2 > self.little.checked
    }

    fn find_capacity(&mut self, wanted: Option<Wanted>, tail: Option<Tail>) -> Result<(), Refusal> {
        let invalid =
            |error: tenfold_capacity::Invalid| Refusal::new(error, "correct the objective");
        let Some(wanted) = wanted else {
            self.take(From::Curve, None, None);
            return Ok(());
        };
        self.ratio = self.ratio(wanted, tail);
        let objective = wanted
            .objective(self.ratio.unwrap_or(1.0))
            .map_err(invalid)?;
        let measured = within_points(&self.points, &objective);
        let curve = (self.ratio.is_some() || wanted.measure == Measure::Mean)
            .then_some(self.curve.as_ref())
            .flatten()
            .map(|curve| within(&curve.fit, Some(&objective)));
        match (measured, curve) {
            // What was measured needs no curve.
            (Ok(capacity), curve) => {
                if let Some(Ok(other)) = curve
                    && (other.rate / capacity.rate).ln().abs() > APART
                {
                    self.notes.push(format!(
                        "the curve would have it at {} requests/s: the capacity is taken from the points, which are measured",
                        number(other.rate)
                    ));
                }
                self.take(From::Points, Some(objective), Some(capacity));
            }
            (Err(_), Some(Ok(capacity))) => self.take(From::Curve, Some(objective), Some(capacity)),
            (Err(measured), Some(Err(curve))) if self.has_latency() => {
                self.no_capacity =
                    Some(format!("by the points, {measured}; by the curve, {curve}"));
            }
            (Err(_), Some(Err(curve))) => self.no_capacity = Some(curve.to_string()),
            (Err(measured), None) => {
                self.no_capacity = Some(self.without_curve(wanted, &measured.to_string()));
            }
        }
        Ok(())
    }

    fn without_curve(&self, wanted: Wanted, measured: &str) -> String {
        match &self.no_curve {
            Some(curve) if self.has_latency() => {
                format!("by the points, {measured}; and there is no curve: {curve}")
            }
            Some(curve) => curve.clone(),
            // There is one, and only the ratio is missing.
            None if self.has_latency() => measured.to_owned(),
            None => format!(
                "the points say nothing of {0}: measure it (--latency-is {0}), or say with --ratio how many times the mean it is",
                wanted.measure
            ),
        }
    }

    fn has_latency(&self) -> bool {
        self.points.iter().all(|one| one.latency.is_some())
    }

    /// How many times the mean the objective's percentile is: as measured, or else as said.
    fn ratio(&self, wanted: Wanted, tail: Option<Tail>) -> Option<f64> {
        let Measure::Quantile(share) = wanted.measure else {
            return None;
        };
        match tail {
            Some(tail) => Some(tail.ratio(share)),
            None => measured_ratio(&self.points).ok(),
        }
    }

    /// Takes the capacity; without one, the curve's peak.
    fn take(&mut self, from: From, objective: Option<Objective>, capacity: Option<Capacity>) {
        let capacity = match (capacity, &self.curve) {
            (Some(capacity), _) => Ok(capacity),
            (None, Some(curve)) => within(&curve.fit, None).map_err(|error| error.to_string()),
            (None, None) => Err(self.no_curve.clone().unwrap_or_default()),
        };
        match capacity {
            Ok(capacity) => {
                self.capacity = Some(capacity);
                self.capacity_from = Some(from);
                self.for_plan = Some((from, objective));
            }
            Err(why) => self.no_capacity = Some(why),
        }
    }

    /// Little's law in one line.
    pub(super) fn little_words(&self) -> String {
        let Little {
            checked,
            holds,
            doubtful,
            broken,
        } = self.little;
        if checked == 0 {
            return "not checked: that takes a mean latency".into();
        }
        let mut words = format!(
            "holds at {holds} of {checked} points (requests under way = rate × response time)"
        );
        if doubtful > 0 {
            words += &format!(", {doubtful} more are 5 to 10 % off");
        }
        if broken > 0 {
            words += &format!("; {broken} are further off and left out");
        }
        words
    }

    /// How sure the curve is.
    pub(super) fn curve_words(curve: &Curve) -> String {
        let fit = &curve.fit;
        let show = |one: &usl::Estimate| {
            format!(
                "{} ({} to {})",
                number(one.value),
                number(one.low),
                number(one.high)
            )
        };
        let mean = fit.residuals.iter().map(|one| one.measured).sum::<f64>()
            / fit.residuals.len().max(1) as f64;
        format!(
            "alpha {}, beta {}, gamma {} requests/s; R² {:.4}, points are typically {} off",
            show(&fit.alpha),
            show(&fit.beta),
            show(&fit.gamma),
            fit.r_squared,
            percent(fit.residual_error / mean)
        )
    }
}
