//! Two tests side by side, and whether what differs is more than noise.
//!
//! # The problem
//! Two runs of the same test against the same service never give the same numbers. Requests of one run depend on each other (a
//! pause hits a thousand of them), so that a test over single requests finds everything significant.
//!
//! # The rule
//! Batch means (A. M. Law, "Simulation Modeling and Analysis", section 9.5): the seconds outside of warm-ups that both runs have
//! are cut into 8 to 20 blocks of equal length, and each block of the new run is compared with the block of the old run at the
//! same place, so that ramps cancel out. A difference is **more than noise** if
//! 1. the mean of the blocks' differences is beyond Student's t at 99 % (paired, two-sided),
//! 2. it points in the same direction as the difference of the whole, and
//! 3. it is of a size that matters: 2 % of the old value; of the share of errors, 0.1 percentage points.
//!
//! # The trade-off
//! The rule sees noise within the runs. What differs between runs (another neighbour on the machine, a cache that was warm) is
//! in neither of them: repeat a test before you believe a small difference. A maximum is one request and is never judged.

use std::collections::BTreeMap;

use super::Style;
use super::summary::share;
use super::table::{Table, Tone, paint};
use super::text::{clean, moment, number, percent, seconds};
use crate::Results;
use crate::results::{Histogram, Interval};

/// Fewest blocks that say anything about their spread.
const FEWEST: usize = 8;
/// Most blocks: longer ones depend less on each other.
const MOST: usize = 20;
/// What a difference has to be of the old value to matter.
const MATTERS: f64 = 0.02;
/// What a difference of shares of errors has to be.
const MATTERS_SHARE: f64 = 0.001;
/// Slower requests than a percentile that each block must have, or else the percentile is one request's.
const BEYOND: f64 = 3.0;
/// Student's t, two-sided 99 %, for 7 to 19 degrees of freedom.
const STUDENT: [f64; MOST - FEWEST + 1] = [
    3.499, 3.355, 3.250, 3.169, 3.106, 3.055, 3.012, 2.977, 2.947, 2.921, 2.898, 2.878, 2.861,
];

/// The rule in a sentence, for reports.
pub(super) const RULE: &str = "A difference is called better or worse if it is more than noise: the two runs are compared block by block \
     (8 to 20 blocks of seconds outside of warm-ups), the mean of the differences is beyond Student's t at 99 %, and it is at \
     least 2 % (of errors, 0.1 percentage points). What differs between runs is not in one run of each: repeat a test before you \
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
    [("old", old), ("new", new)]
        .iter()
        .find_map(|(name, results)| {
            let is_invalid = !results.doubts().is_empty();
            is_invalid.then(|| format!("the {name} run is invalid"))
        })
}

/// Blocks at the same places in both.
fn blocks(old: &Results, new: &Results) -> Vec<(Interval, Interval)> {
    let mut before = BTreeMap::new();
    for one in seconds_of(old) {
        before.insert(one.at.round() as i64, one);
    }
    let both = seconds_of(new).filter_map(|now| {
        let at = now.at.round() as i64;
        before.get(&at).map(|before| (*before, now))
    });
    let both: Vec<_> = both.collect();
    let length = both.len().div_ceil(MOST).max(1);
    let sum = |chunk: &[(&Interval, &Interval)]| {
        let mut sums = (Interval::default(), Interval::default());
        for (old, new) in chunk {
            // `Interval::add` puts the same second together; these are one after the other.
            let duration = sums.0.duration + old.duration;
            sums.0.add(old);
            sums.0.duration = duration;
            let duration = sums.1.duration + new.duration;
            sums.1.add(new);
            sums.1.duration = duration;
        }
        sums
    };
    both.chunks_exact(length).map(sum).collect()
}

/// Whole seconds outside of warm-ups.
fn seconds_of(results: &Results) -> impl Iterator<Item = &Interval> {
    let seconds = results.series.iter();
    seconds.filter(|one| one.duration > 0.9 && !results.is_warm_up(one.at + one.duration / 2.0))
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
    let Some(mean) = beyond_noise(&differences) else {
        let is_short = differences.len() < FEWEST;
        return if is_short {
            Judgement::Unknown("too short")
        } else {
            Judgement::Noise
        };
    };
    let change = new - old;
    let least = match measure.quantity() {
        Quantity::Share => MATTERS_SHARE,
        Quantity::Rate | Quantity::Seconds => old * MATTERS,
    };
    if change.abs() < least || change * mean <= 0.0 {
        return Judgement::Noise;
    }
    match (measure.quantity() == Quantity::Rate) == (change > 0.0) {
        true => Judgement::Better,
        false => Judgement::Worse,
    }
}

/// The mean if it differs from zero at 99 % (Student's t).
fn beyond_noise(differences: &[f64]) -> Option<f64> {
    let student = *STUDENT.get(differences.len().checked_sub(FEWEST)?)?;
    let count = differences.len() as f64;
    let mean = differences.iter().sum::<f64>() / count;
    let squares = differences.iter().map(|one| (one - mean).powi(2));
    let error = (squares.sum::<f64>() / (count - 1.0) / count).sqrt();
    (mean.abs() > student * error).then_some(mean)
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

/// A comparison for a terminal.
#[must_use]
pub fn comparison(old: &Results, new: &Results, style: Style) -> String {
    let comparison = compare(old, new);
    let began = format!("Compared with the run of {}", moment(old.started));
    let mut out = paint(&began, Tone::Title, style.in_colour) + "\n";
    if let Some(why) = &comparison.obstacle {
        let text = format!("  differences are not judged: {why}\n");
        out += &paint(&text, Tone::Warn, style.in_colour);
    }
    let mut table = Table::new(&["", ">OLD", ">NEW", ">CHANGE", "MORE THAN NOISE?"]);
    for one in &comparison.differences {
        let tone = match one.judgement {
            Judgement::Better => Tone::Good,
            Judgement::Worse => Tone::Bad,
            Judgement::Noise | Judgement::Unknown(_) => Tone::Dim,
        };
        table.row(vec![
            (one.name.to_owned(), Tone::Dim),
            (one.value(one.old), Tone::Plain),
            (one.value(one.new), Tone::Plain),
            (one.change(), tone),
            (one.judgement.words().to_owned(), tone),
        ]);
    }
    out += &table.text(style);
    if comparison.steps.len() > 1 {
        out += &steps_text(&comparison.steps, style);
    }
    out
}

fn steps_text(steps: &[StepDifference], style: Style) -> String {
    let titles = [
        "STEP",
        "SCENARIO",
        ">P95 OLD",
        ">NEW",
        ">CHANGE",
        ">FAILED OLD",
        ">NEW",
    ];
    let mut table = Table::new(&titles);
    table.may_leave_out(&["SCENARIO", "FAILED OLD"]);
    let time = |value: Option<f64>| value.map_or("–".to_owned(), seconds);
    let part = |value: Option<f64>| value.map_or(share(0, 0), percent);
    for step in steps {
        table.row(vec![
            (clean(&step.name), Tone::Plain),
            (clean(&step.scenario), Tone::Dim),
            (time(step.p95.0), Tone::Plain),
            (time(step.p95.1), Tone::Plain),
            (change(step.p95.0, step.p95.1, false), Tone::Plain),
            (part(step.errors.0), Tone::Plain),
            (part(step.errors.1), Tone::Plain),
        ]);
    }
    "\n".to_owned() + &table.text(style)
}
