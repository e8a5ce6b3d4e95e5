//! `--ramp-to-knee`: one short test after the other, until it is known what the service takes.
//!
//! Which load is next is decided by [`tenfold_load::ramp`]. Each step is a test of its own: what piled up in one must not be measured in the next.

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use tenfold_load::ramp::{Bounds, Cause, End, Measured, Objective, Outcome, Ramp, Step};
use tenfold_load::results::Histogram;
use tenfold_load::test::{Load as Amount, Phase};
use tenfold_load::threshold::{Metric, Operator, Statistic, Threshold, Unit};
use tenfold_load::{Results, Test};

use super::super::Refusal;
use super::arguments::Load;
use super::{FAILED, INVALID, Making};

/// How long a step is measured if nothing is said.
const MEASURE: Duration = Duration::from_secs(10);
/// The share of failed requests that is allowed if nothing is said.
const ERRORS: f64 = 0.01;
/// The highest load is so many times the first one, if nothing is said.
const WIDEST: f64 = 1000.0;

/// What a search came to.
pub(super) struct Found {
    pub(super) outcome: Outcome,
    /// A phase for each step of which the numbers are the service's, for `tenfold plan --results`.
    pub(super) results: Results,
}

impl Found {
    /// 0 if a knee is known, or that there is none; 1 if no load is good; 3 if the generator was the limit.
    pub(super) fn code(&self) -> ExitCode {
        match (&self.outcome.end, &self.outcome.knee) {
            (End::GeneratorLimit, _) => ExitCode::from(INVALID),
            (End::BrokenFromStart { cause }, _) if *cause == Cause::Generator => {
                ExitCode::from(INVALID)
            }
            (End::BrokenFromStart { .. }, _) | (_, None) => ExitCode::from(FAILED),
            (End::Found { .. } | End::NotReached | End::Unfinished, Some(_)) => ExitCode::SUCCESS,
        }
    }
}

/// Looks for the knee.
pub(super) fn find(test: &Test, load: &Load, making: &Making) -> Result<Found, Refusal> {
    let is_users = !test.is_open();
    let objective = objective(&test.thresholds)?;
    let from = match test.phases.last().map(|phase| phase.load) {
        Some(Amount::Rate { to, .. }) => to,
        Some(Amount::Users { to, .. }) => f64::from(to),
        None => 0.0,
    };
    let mut bounds = Bounds::new(from, load.ramp_most.unwrap_or(from * WIDEST), is_users);
    bounds.measure = whole_seconds(load.duration.unwrap_or(MEASURE));
    let refused = |error| {
        Refusal::new(
            error,
            "give the first load with --rate or --users, and the highest with --ramp-most",
        )
    };
    let mut ramp = Ramp::new(objective, bounds).map_err(refused)?;
    let mut whole: Option<Results> = None;
    let mut number = 0;
    while let Some(step) = ramp.next_step() {
        number += 1;
        let results = match (making.make(one(test, &step, number)), &mut whole) {
            (Ok(results), _) => results,
            (Err(refusal), None) => return Err(refusal),
            // A service that the step before was too much for, or an interruption: what is known stays known.
            (Err(refusal), Some(whole)) => {
                let _gone = writeln!(io::stderr(), "step {number:>2}: {refusal}");
                whole.ended_early.get_or_insert(refusal.to_string());
                break;
            }
        };
        let measured = measured(&results, &step, &objective);
        say(number, &step, &measured, is_users);
        let was_ended = results.ended_early.is_some();
        whole = Some(match whole {
            None => results,
            // Numbers of the generator are none of the service; only if there are no others they are shown, and said to be so.
            Some(whole) if !measured.is_valid => whole,
            Some(whole) if !whole.generator.invalid.is_empty() => results,
            Some(whole) => whole.followed_by(results),
        });
        if was_ended {
            break;
        }
        ramp.measured(measured);
    }
    let mut whole =
        whole.ok_or_else(|| Refusal::new("no step was done", "give a load to begin with"))?;
    let outcome = ramp.outcome();
    whole.name = format!("{} (ramp to the knee)", test.name);
    Ok(Found {
        outcome,
        results: whole,
    })
}

/// The test of one step.
fn one(test: &Test, step: &Step, number: u32) -> Test {
    let amount = match test.is_open() {
        true => Amount::Rate {
            from: step.load,
            to: step.load,
        },
        // Users are whole.
        false => Amount::Users {
            from: step.load as u32,
            to: step.load as u32,
        },
    };
    let phase = |name: String, duration, is_warm_up| Phase {
        name,
        duration,
        load: amount,
        is_warm_up,
    };
    let mut one = test.clone();
    one.phases = vec![
        phase(
            format!("step {number} settles"),
            whole_seconds(step.settle),
            true,
        ),
        phase(format!("step {number}"), whole_seconds(step.measure), false),
    ];
    one.thresholds = Vec::new();
    // What is not answered soon after a step is too late for it in any case.
    one.grace = one.grace.min(step.measure);
    one.start_at = None;
    one
}

/// Seconds are what results are kept by.
fn whole_seconds(time: Duration) -> Duration {
    Duration::from_secs_f64(time.as_secs_f64().round().max(1.0))
}

/// What ended while the step was measured.
fn measured(results: &Results, step: &Step, objective: &Objective) -> Measured {
    let (from, time) = (
        whole_seconds(step.settle).as_secs_f64(),
        whole_seconds(step.measure).as_secs_f64(),
    );
    let within = results
        .series
        .iter()
        .filter(|one| one.at >= from && one.at < from + time);
    let mut latency = Histogram::default();
    let (mut done, mut failed) = (0, 0);
    for one in within {
        latency.add(&one.latency);
        done += one.done;
        failed += one.failed;
    }
    let share = objective.latency.map_or(0.95, |(share, _)| share);
    Measured {
        throughput: (done - failed) as f64 / time,
        latency: latency.quantile(share),
        errors: if done == 0 {
            0.0
        } else {
            failed as f64 / done as f64
        },
        in_flight: results.phases.last().map_or(0.0, |phase| phase.in_flight),
        is_valid: results.generator.invalid.is_empty(),
    }
}

fn say(number: u32, step: &Step, measured: &Measured, is_users: bool) {
    let what = if is_users { "users" } else { "arrivals/s" };
    let latency = measured.latency.map_or_else(
        || "-".to_owned(),
        |it| format!("{:.1} ms", it.as_secs_f64() * 1e3),
    );
    let note = if measured.is_valid {
        ""
    } else {
        ", the generator was the limit"
    };
    let _gone = writeln!(
        io::stderr(),
        "step {number:>2}: {:>9.1} {what} -> {:>9.1} good answers/s, {latency}, {:.1} % failed, {:.1} under way{note}",
        step.load,
        measured.throughput,
        measured.errors * 100.0,
        measured.in_flight,
    );
}

/// What thresholds say about latency and errors.
fn objective(thresholds: &[Threshold]) -> Result<Objective, Refusal> {
    let mut objective = Objective {
        latency: None,
        errors: ERRORS,
    };
    for threshold in thresholds {
        let is_bound = matches!(threshold.operator, Operator::Less | Operator::AtMost)
            && threshold.scope.is_none();
        match &threshold.metric {
            Metric::Latency(Statistic::Quantile(share))
                if is_bound && objective.latency.is_none() =>
            {
                objective.latency = Some((*share, Duration::from_secs_f64(threshold.value)));
            }
            Metric::Errors if is_bound && threshold.unit == Unit::Share => {
                objective.errors = threshold.value;
            }
            _ => {
                let what = format!("a ramp cannot look for the threshold `{}`", threshold.text);
                return Err(Refusal::new(
                    what,
                    "give one percentile of the latency and one share of errors, for example 'p(95) < 300ms' and 'errors < 1%'",
                ));
            }
        }
    }
    Ok(objective)
}
