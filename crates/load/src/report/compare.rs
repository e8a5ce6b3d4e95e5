//! Two tests side by side, and whether what differs is more than noise.
//!
//! # The problem
//! Two runs of the same test against the same service never give the same numbers. Requests of one run depend on each other (a
//! pause hits a thousand of them), so that a test over single requests finds everything significant.
//!
//! # The rule
//! Batches (A. M. Law, "Simulation Modeling and Analysis", section 9.5): the seconds outside of warm-ups that both runs have are
//! cut into 8 to 20 blocks of equal length, and each block of the new run is compared with the block of the old run at the same
//! place, so that ramps cancel out. A difference is **more than noise** if
//! 1. the blocks' differences pass Wilcoxon's signed-rank test at 99 % (two-sided, exact),
//! 2. it points in the same direction as the difference of the whole, and
//! 3. it is of a size that matters: 2 % of the old value; of the share of errors, 0.1 percentage points.
//!
//! Ranks, and not Student's t, because one pause of the service is a block a hundred times as slow, beside which a t-test sees
//! nothing else. For the same reason what happened in a few blocks only is not judged a difference between the runs.
//!
//! # The trade-off
//! The rule sees noise within the runs. What differs between runs (another neighbour on the machine, a cache that was warm) is
//! in neither of them: repeat a test before you believe a small difference. A maximum is one request and is never judged.

mod noise;
mod terminal;

use super::text::{number, percent, seconds};
use crate::Results;
use crate::results::{Histogram, Interval};
use noise::{FEWEST, beyond_noise, blocks};

pub use terminal::comparison;

/// What a difference has to be of the old value to matter.
const MATTERS: f64 = 0.02;
/// What a difference of shares of errors has to be.
const MATTERS_SHARE: f64 = 0.001;
/// Slower requests than a percentile that each block must have, or else the percentile is one request's.
const BEYOND: f64 = 3.0;
/// The rule in a sentence, for reports.
pub(super) const RULE: &str = "A difference is called better or worse if it is more than noise: the two runs are compared block by block \
     (8 to 20 blocks of seconds outside of warm-ups), the blocks' differences pass Wilcoxon's signed-rank test at 99 %, and it is \
     at least 2 % (of errors, 0.1 percentage points). What differs between runs is not in one run of each: repeat a test before you \
     believe a small difference.";

/// What differs between two tests.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// Why the whole cannot be judged, if it cannot.
    pub obstacle: Option<String>,
    /// Of the whole.
    pub differences: Vec<Difference>,
    /// Of each step that both have or one of them, not judged.
    pub steps: Vec<StepDifference>,
}

/// One number of both.
#[derive(Clone, Debug)]
pub struct Difference {
    /// Its name.
    pub name: &'static str,
    /// What it is a number of.
    pub quantity: Quantity,
    /// Before; `None` if nothing was measured.
    pub old: Option<f64>,
    /// Now.
    pub new: Option<f64>,
    /// What to think of it.
    pub judgement: Judgement,
}

/// What a number is a number of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
    /// Requests per second: more is better.
    Rate,
    /// A share of 1: less is better.
    Share,
    /// Of time: less is better.
    Seconds,
}

/// What to think of a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// More than noise.
    Better,
    /// More than noise.
    Worse,
    /// No more than noise, or too little to matter.
    Noise,
    /// Cannot be told, and why.
    Unknown(&'static str),
}

impl Judgement {
    /// In a word or some.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Better => "better",
            Self::Worse => "worse",
            Self::Noise => "within noise",
            Self::Unknown(why) => why,
        }
    }
}

/// A step of both.
#[derive(Clone, Debug)]
pub struct StepDifference {
    /// The scenario's name.
    pub scenario: String,
    /// The step's.
    pub name: String,
    /// p95 of latency in seconds, before and now.
    pub p95: (Option<f64>, Option<f64>),
    /// Share of failed requests, before and now.
    pub errors: (Option<f64>, Option<f64>),
}

/// A number of a part of a run.
#[derive(Clone, Copy)]
enum Measure {
    Rate,
    Errors,
    Mean,
    Quantile(f64),
    Max,
}

const MEASURES: [(&str, Measure); 8] = [
    ("requests per second", Measure::Rate),
    ("failed", Measure::Errors),
    ("latency mean", Measure::Mean),
    ("latency p50", Measure::Quantile(0.5)),
    ("latency p95", Measure::Quantile(0.95)),
    ("latency p99", Measure::Quantile(0.99)),
    ("latency p99.9", Measure::Quantile(0.999)),
    ("latency max", Measure::Max),
];

/// Compares a test with an earlier one.
#[must_use]
pub fn compare(old: &Results, new: &Results) -> Comparison {
    let obstacle = obstacle(old, new);
    let blocks = match obstacle {
        None => blocks(old, new),
        Some(_) => Vec::new(),
    };
    let difference = |(name, measure): (&'static str, Measure)| {
        let (before, now) = (whole(old, measure), whole(new, measure));
        Difference {
            name,
            quantity: measure.quantity(),
            old: before,
            new: now,
            judgement: judge(measure, before, now, &blocks, obstacle.is_some()),
        }
    };
    Comparison {
        differences: MEASURES.map(difference).to_vec(),
        steps: steps(old, new),
        obstacle,
    }
}

impl Measure {
    fn quantity(self) -> Quantity {
        match self {
            Self::Rate => Quantity::Rate,
            Self::Errors => Quantity::Share,
            Self::Mean | Self::Quantile(_) | Self::Max => Quantity::Seconds,
        }
    }

    /// Of some requests, or `None` if there are too few.
    fn of(self, done: u64, failed: u64, duration: f64, latency: &Histogram) -> Option<f64> {
        if self.quantity() != Quantity::Rate && done == 0 {
            return None;
        }
        let time = match self {
            Self::Rate => return (duration > 0.0).then(|| done as f64 / duration),
            Self::Errors => return Some(failed as f64 / done as f64),
            Self::Mean => latency.mean(),
            Self::Quantile(share) => latency.quantile(share),
            Self::Max => latency.max(),
        };
        time.map(|time| time.as_secs_f64())
    }

    /// Of a block.
    fn of_block(self, block: &Interval) -> Option<f64> {
        if let Self::Quantile(share) = self
            && (block.latency.count() as f64) * (1.0 - share) < BEYOND
        {
            return None;
        }
        self.of(block.done, block.failed, block.duration, &block.latency)
    }
}

fn whole(results: &Results, measure: Measure) -> Option<f64> {
    let total = &results.total;
    let duration = results.measured_duration();
    measure.of(total.done, total.failed, duration, &total.latency)
}

/// Why the two are not the same test.
fn obstacle(old: &Results, new: &Results) -> Option<String> {
    let is_same = |(one, two): (&crate::results::PhaseResult, &crate::results::PhaseResult)| {
        (one.is_warm_up, one.rate, one.users) == (two.is_warm_up, two.rate, two.users)
            && (one.start - two.start).abs() < 1.5
    };
    if old.is_open != new.is_open {
        return Some("one is an open model and the other a closed one".to_owned());
    }
    if old.phases.len() != new.phases.len() || !old.phases.iter().zip(&new.phases).all(is_same) {
        return Some("their phases differ, so that the load was not the same".to_owned());
    }
    let parts = |it: &Results| (it.shards.len(), it.shard_count);
    if parts(old) != parts(new) {
        let words = |(parts, count)| format!("{parts} of {count} generators");
        return Some(format!(
            "one has the load of {}, the other of {}",
            words(parts(old)),
            words(parts(new))
        ));
    }
    let names = |it: &Results| -> std::collections::BTreeSet<_> {
        let steps = it.steps.iter();
        steps
            .map(|step| (step.scenario.clone(), step.name.clone()))
            .collect()
    };
    // Of one step each: an address of before and of now is what one compares.
    let is_one = old.steps.len() == 1 && new.steps.len() == 1;
    if !is_one && names(old) != names(new) {
        return Some("their steps differ, so that they are different tests".to_owned());
    }
    [("old", old), ("new", new)]
        .iter()
        .find_map(|(name, results)| {
            let is_invalid = !results.doubts().is_empty();
            is_invalid.then(|| format!("the {name} run is invalid"))
        })
}

fn judge(
    measure: Measure,
    old: Option<f64>,
    new: Option<f64>,
    blocks: &[(Interval, Interval)],
    is_other_test: bool,
) -> Judgement {
    let (Some(old), Some(new)) = (old, new) else {
        return Judgement::Unknown("nothing to compare");
    };
    if is_other_test {
        return Judgement::Unknown("not judged");
    }
    if matches!(measure, Measure::Max) {
        return Judgement::Unknown("one request");
    }
    let pairs = blocks.iter();
    let differences = pairs.map(|(a, b)| Some(measure.of_block(b)? - measure.of_block(a)?));
    let differences: Option<Vec<f64>> = differences.collect();
    let Some(differences) = differences else {
        return Judgement::Unknown("too few requests");
    };
    if differences.len() < FEWEST {
        return Judgement::Unknown("too short");
    }
    let Some(direction) = beyond_noise(&differences) else {
        return Judgement::Noise;
    };
    let change = new - old;
    let least = match measure.quantity() {
        Quantity::Share => MATTERS_SHARE,
        Quantity::Rate | Quantity::Seconds => old * MATTERS,
    };
    if change.abs() < least || change * direction <= 0.0 {
        return Judgement::Noise;
    }
    match (measure.quantity() == Quantity::Rate) == (change > 0.0) {
        true => Judgement::Better,
        false => Judgement::Worse,
    }
}

fn steps(old: &Results, new: &Results) -> Vec<StepDifference> {
    let find = |results: &Results, scenario: &str, name: &str| {
        let mut steps = results.steps.iter();
        let found = steps.find(|step| step.scenario == scenario && step.name == name);
        let totals = found.map(|step| step.totals.clone()).unwrap_or_default();
        let p95 = totals.latency.quantile(0.95).map(|time| time.as_secs_f64());
        let errors = (totals.done > 0).then(|| totals.failed as f64 / totals.done as f64);
        (p95, errors)
    };
    let has = |results: &Results, scenario: &str, name: &str| {
        let mut steps = results.steps.iter();
        steps.any(|step| step.scenario == scenario && step.name == name)
    };
    let gone = old.steps.iter();
    let gone = gone.filter(|step| !has(new, &step.scenario, &step.name));
    let all = new.steps.iter().chain(gone);
    all.map(|step| {
        let before = find(old, &step.scenario, &step.name);
        let now = find(new, &step.scenario, &step.name);
        StepDifference {
            scenario: step.scenario.clone(),
            name: step.name.clone(),
            p95: (before.0, now.0),
            errors: (before.1, now.1),
        }
    })
    .collect()
}

impl Difference {
    /// A value of it for people.
    #[must_use]
    pub fn value(&self, value: Option<f64>) -> String {
        match (value, self.quantity) {
            (None, _) => "–".to_owned(),
            (Some(value), Quantity::Rate) => format!("{}/s", number(value)),
            (Some(value), Quantity::Share) => percent(value),
            (Some(value), Quantity::Seconds) => seconds(value),
        }
    }

    /// By how much, for people: in percent, of shares in percentage points.
    #[must_use]
    pub fn change(&self) -> String {
        let is_share = self.quantity == Quantity::Share;
        change(self.old, self.new, is_share)
    }
}

/// By how much it changed: in percent, of shares in percentage points.
pub(super) fn change(old: Option<f64>, new: Option<f64>, is_share: bool) -> String {
    match (old, new) {
        (Some(old), Some(new)) if is_share => match (new - old) * 100.0 {
            change if change.abs() < 0.005 => "±0 pp".to_owned(),
            change => format!("{change:+.2} pp"),
        },
        (Some(old), Some(new)) if old > 0.0 => match (new / old - 1.0) * 100.0 {
            change if change.abs() < 0.05 => "±0 %".to_owned(),
            change if change.abs() >= 1000.0 => format!("× {}", number(new / old)),
            change => format!("{change:+.1} %"),
        },
        _ => "–".to_owned(),
    }
}
