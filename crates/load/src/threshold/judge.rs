//! Whether thresholds hold.

use std::borrow::Cow;
use std::time::Duration;

use super::{Metric, Scope, Statistic, Threshold, Unit};
use crate::Results;
use crate::report::text::{bytes, number, percent, seconds};
use crate::results::{Histogram, PhaseResult, Totals, Verdict};

/// Judges all of them. One that ended the test before (its verdict in `results` says so) does not hold, whatever came after it.
#[must_use]
pub fn judge(thresholds: &[Threshold], results: &Results) -> Vec<Verdict> {
    let verdict = |threshold: &Threshold| {
        let mut verdict = one(threshold, results, f64::INFINITY);
        verdict.aborted = results.thresholds.iter().any(|earlier| {
            earlier.aborted
                && earlier.threshold == verdict.threshold
                && earlier.scope == verdict.scope
        });
        verdict.holds &= !verdict.aborted;
        verdict
    };
    thresholds.iter().map(verdict).collect()
}

/// The first threshold for which a test is to be ended now. Nothing measured yet is no reason, and neither is a number that is
/// still growing towards what is asked for.
#[must_use]
pub fn aborts(thresholds: &[Threshold], results: &Results, elapsed: Duration) -> Option<Verdict> {
    let due = |one: &&Threshold| one.abort && elapsed >= one.abort_after && !one.awaits_the_end();
    // Whole seconds are what threads have handed over.
    let until = elapsed.as_secs() as f64;
    let broken = |threshold: &Threshold| {
        let part = part(threshold, results, until).ok()?;
        let measured = part.measure(threshold)?;
        let is_broken = !threshold.operator.holds(measured, threshold.value);
        is_broken.then(|| Verdict {
            aborted: true,
            ..one(threshold, results, until)
        })
    };
    thresholds.iter().filter(due).find_map(broken)
}

fn one(threshold: &Threshold, results: &Results, until: f64) -> Verdict {
    let (measured, holds) = match part(threshold, results, until) {
        Err(why) => (why, false),
        Ok(part) => match part.measure(threshold) {
            None => (part.why_nothing(), false),
            Some(measured) => (
                part.words(threshold, measured),
                threshold.operator.holds(measured, threshold.value),
            ),
        },
    };
    Verdict {
        threshold: threshold.text.clone(),
        scope: threshold.scope.clone(),
        measured,
        holds,
        aborted: false,
    }
}

/// What a threshold applies to.
struct Part<'r> {
    totals: Cow<'r, Totals>,
    /// How long it took, seconds.
    duration: f64,
}

/// Of what was measured `until` then, in seconds from the beginning: phases that are not over have the length that is planned.
fn part<'r>(threshold: &Threshold, results: &'r Results, until: f64) -> Result<Part<'r>, String> {
    let passed = |phase: &PhaseResult| phase.duration.min((until - phase.start).max(0.0));
    let measured = results.phases.iter().filter(|phase| !phase.is_warm_up);
    let duration = measured.map(passed).sum();
    match &threshold.scope {
        None => Ok(Part {
            totals: Cow::Borrowed(&results.total),
            duration,
        }),
        Some(Scope::Phase(name)) => {
            let phase = results.phases.iter().find(|phase| phase.name == *name);
            let phase = phase.ok_or_else(|| format!("there was no phase `{name}`"))?;
            Ok(Part {
                totals: Cow::Borrowed(&phase.totals),
                duration: passed(phase),
            })
        }
        Some(scope) => {
            let steps = results.steps.iter().filter(|step| match scope {
                Scope::Step { scenario, name } => {
                    step.name == *name && scenario.as_ref().is_none_or(|it| *it == step.scenario)
                }
                Scope::Group(name) => step.group.as_ref() == Some(name),
                Scope::Phase(_) => false,
            });
            let mut sum: Option<Totals> = None;
            for step in steps {
                sum.get_or_insert_default().add(&step.totals);
            }
            let totals = sum.ok_or_else(|| format!("there was no {scope}"))?;
            Ok(Part {
                totals: Cow::Owned(totals),
                duration,
            })
        }
    }
}

impl Part<'_> {
    /// The number in the threshold's unit; `None` without a sample.
    fn measure(&self, threshold: &Threshold) -> Option<f64> {
        let totals = &*self.totals;
        if totals.done == 0 {
            return None;
        }
        let counted = match threshold.metric {
            Metric::Latency(statistic) => return time(&totals.latency, statistic),
            Metric::Service(statistic) => return time(&totals.service, statistic),
            Metric::Errors => totals.failed,
            Metric::Requests => totals.done,
            Metric::Status(from, to) => totals.answers(from..=to),
            Metric::Received => totals.received_bytes,
            Metric::Sent => totals.sent_bytes,
        };
        let counted = counted as f64;
        match threshold.unit {
            Unit::Share => Some(counted / totals.done as f64),
            Unit::PerSecond | Unit::BytesPerSecond => {
                (self.duration > 0.0).then(|| counted / self.duration)
            }
            Unit::Count | Unit::Bytes | Unit::Seconds => Some(counted),
        }
    }

    fn why_nothing(&self) -> String {
        match (self.totals.done, self.totals.due) {
            (0, 0) => "no request was made".to_owned(),
            (0, due) => format!("none of {due} requests ended"),
            _ => "nothing was measured".to_owned(),
        }
    }

    fn words(&self, threshold: &Threshold, measured: f64) -> String {
        let done = self.totals.done;
        match threshold.unit {
            Unit::Seconds => seconds(measured),
            Unit::Share => {
                let count = (measured * done as f64).round();
                format!(
                    "{} ({} of {})",
                    percent(measured),
                    number(count),
                    number(done as f64)
                )
            }
            Unit::Count => number(measured),
            Unit::PerSecond => format!("{}/s", number(measured)),
            Unit::Bytes => bytes(measured),
            Unit::BytesPerSecond => format!("{}/s", bytes(measured)),
        }
    }
}

/// In seconds.
fn time(histogram: &Histogram, statistic: Statistic) -> Option<f64> {
    let time = match statistic {
        Statistic::Quantile(share) => histogram.quantile(share),
        Statistic::Mean => histogram.mean(),
        Statistic::Min => histogram.min(),
        Statistic::Max => histogram.max(),
    };
    time.map(|time| time.as_secs_f64())
}

#[cfg(test)]
mod tests;
