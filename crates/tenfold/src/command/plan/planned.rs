//! The plan itself, and what is beside it: each change before the peak, and waiting for a core.

use serde::Serialize;
use tenfold_capacity::model::erlang::Queue;
use tenfold_capacity::model::littles;
use tenfold_capacity::plan::{
    Inputs, Margins, Measured, Plan as Answers, PlanError, Resource, Source, Value, plan,
};
use tenfold_capacity::text::{number, percent, seconds};

use super::analysis::{Analysis, From};
use super::arguments::Plan;
use crate::command::Refusal;

/// A CPU that would have been this busy was measured wrongly, or the throughput was.
const IMPOSSIBLY_BUSY: f64 = 1.05;

/// A plan with a change, or why there is none.
#[derive(Debug, Serialize)]
pub(super) struct Changed {
    pub(super) change: String,
    pub(super) plan: Option<Answers>,
    pub(super) refused: Option<String>,
}

/// What the cores of a replica do at the planned load with the spare replicas lost.
#[derive(Debug, Serialize)]
pub(super) struct Cores {
    /// Requests per second for each.
    pub(super) rate: f64,
    /// Share of the cores that is busy (utilisation law).
    pub(super) utilisation: f64,
    /// Share of requests that wait for a core (Erlang C).
    pub(super) waiting: Option<f64>,
    /// What 95 % of the requests do not wait longer than, in seconds.
    pub(super) wait_p95: Option<f64>,
    pub(super) words: String,
}

/// Everything that was planned.
#[derive(Debug, Serialize)]
pub(super) struct Planned {
    pub(super) plan: Answers,
    pub(super) changes: Vec<Changed>,
    pub(super) cores: Option<Cores>,
}

/// What a plan is made from, today's peak apart: wrong numbers are told even if there is none.
pub(super) fn inputs<'a>(
    arguments: &Plan,
    analysis: Option<&'a Analysis>,
    today: Value,
) -> Result<Inputs<'a>, Refusal> {
    let invalid = |error: tenfold_capacity::Invalid| {
        Refusal::new(
            error,
            "correct the number; tenfold plan --help says what each is",
        )
    };
    let replica = &arguments.replica;
    let mut inputs = Inputs::new(today, arguments.load.factor);
    inputs.response_time = replica.response_time;
    inputs.replicas_now = arguments.load.replicas;
    inputs.price.clone_from(&replica.price);
    let rules = &arguments.rules;
    inputs.margins = Margins {
        headroom: rules.headroom,
        load: rules.margin,
        spare: rules.spare,
    };
    if let (Some(cpu), Some(cores)) = (&replica.cpu, replica.cores) {
        inputs.cpu = Some(cpu.with(cores).map_err(invalid)?);
    }
    if let (Some(memory), Some(at_rest), Some(limit)) = (
        &replica.memory,
        replica.memory_at_rest,
        replica.memory_limit,
    ) {
        inputs.memory = Some(memory.with(at_rest, limit).map_err(invalid)?);
    }
    if let Some(analysis) = analysis {
        let replicas = arguments.sources.measured_replicas;
        inputs.measured = source(analysis).map(|source| Measured { source, replicas });
        check_busy(&inputs, analysis, replicas)?;
    }
    Ok(inputs)
}

fn source(analysis: &Analysis) -> Option<Source<'_>> {
    match (analysis.for_plan?, &analysis.curve) {
        ((From::Points, Some(objective)), _) => Some(Source::Points {
            points: &analysis.points,
            objective,
        }),
        ((_, objective), Some(curve)) => Some(Source::Fit {
            fit: &curve.fit,
            objective,
        }),
        _ => None,
    }
}

/// Utilisation law: more than all cores cannot have been busy at what was measured.
fn check_busy(inputs: &Inputs<'_>, analysis: &Analysis, replicas: u32) -> Result<(), Refusal> {
    let Some(cpu) = &inputs.cpu else {
        return Ok(());
    };
    let highest = analysis
        .levels
        .iter()
        .map(|one| one.throughput)
        .fold(0.0, f64::max);
    let (least, most) = (ends(cpu.per_request).0, ends(cpu.cores).1);
    let busy = littles::utilisation(highest, least, most * f64::from(replicas)).unwrap_or(0.0);
    if busy <= IMPOSSIBLY_BUSY {
        return Ok(());
    }
    Err(Refusal::new(
        format!(
            "{} of CPU for each of {} requests/s, which were measured, would keep {} of {} cores busy",
            seconds(least),
            number(highest),
            percent(busy),
            number(most * f64::from(replicas))
        ),
        "correct --cpu or --cores; or say with --measured-replicas how many replicas took the load together",
    ))
}

fn ends(value: Value) -> (f64, f64) {
    match value {
        Value::Exact(value) => (value, value),
        Value::Range { low, high } => (low, high),
    }
}

/// Plans for `inputs`, and for each change.
pub(super) fn planned(arguments: &Plan, inputs: &Inputs<'_>) -> Result<Planned, PlanError> {
    let seed = arguments.rules.seed;
    let answers = plan(inputs, seed)?;
    let changes = arguments.load.what_if.iter().map(|change| {
        let mut inputs = inputs.clone();
        inputs.what_if = change.what_if;
        let plan = plan(&inputs, seed);
        Changed {
            change: change.name.clone(),
            refused: plan.as_ref().err().map(ToString::to_string),
            plan: plan.ok(),
        }
    });
    Ok(Planned {
        changes: changes.collect(),
        cores: cores(inputs, &answers),
        plan: answers,
    })
}

fn cores(inputs: &Inputs<'_>, plan: &Answers) -> Option<Cores> {
    let cpu = inputs.cpu.as_ref()?;
    let (per_request, cores) = (cpu.per_request.middle(), cpu.cores.middle());
    let left = plan.replicas.total.value.p50 - f64::from(inputs.margins.spare);
    let rate = plan.planned_rate.value.p50 / left.max(1.0);
    let utilisation = littles::utilisation(rate, per_request, cores).ok()?;
    // Half a core is a whole one for half of the time, of which Erlang's formulas know nothing.
    let queue = (cores >= 1.0)
        .then(|| Queue::new(cores.floor() as u32, rate, per_request).ok())
        .flatten();
    let waiting = queue.map(|queue| queue.wait_probability());
    let wait_p95 = queue.and_then(|queue| queue.wait_percentile(0.95).ok());
    let mut words = format!(
        "{} requests/s for each of {} replicas keep {} of its {} cores busy",
        number(rate),
        number(left),
        percent(utilisation),
        number(cores)
    );
    if let (Some(waiting), Some(wait)) = (waiting, wait_p95) {
        words += &format!(
            "; {} of the requests wait for a core, 95 % of all for at most {} (Erlang C)",
            percent(waiting),
            seconds(wait)
        );
    }
    Some(Cores {
        rate,
        utilisation,
        waiting,
        wait_p95,
        words,
    })
}

/// What runs out first, in words.
pub(super) fn first_words(plan: &Answers) -> String {
    let name = |resource: Resource| resource.to_string();
    match plan.first_to_run_out.as_slice() {
        [only] => name(only.resource),
        all => {
            let each: Vec<String> = all
                .iter()
                .map(|one| {
                    format!(
                        "{} in {} of the cases",
                        name(one.resource),
                        percent(one.share)
                    )
                })
                .collect();
            each.join(", ")
        }
    }
}
