//! Answers with the rules that they came from.

use serde::Serialize;

use super::capacity::Capacity;
use super::draw::{Drawn, Outcome, slowness, up};
use super::{Inputs, Plan, Resource, Spread, Value};
use crate::text::{bytes, number, percent, seconds};

/// Hours of a month: 365 days of 24, by twelve.
const MONTH: f64 = 730.0;

/// One number of a plan.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Answer {
    /// What it is.
    pub name: &'static str,
    /// Of what: "requests/s".
    pub unit: String,
    /// The number.
    pub value: Spread,
    /// How it follows, with the numbers in it; of ranges the middle.
    pub rule: String,
}

/// How many replicas.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Replicas {
    /// The largest of the others, and one more.
    pub total: Answer,
    /// So that CPU suffices.
    pub by_cpu: Option<Answer>,
    /// So that memory suffices.
    pub by_memory: Option<Answer>,
    /// So that the objective holds.
    pub by_objective: Option<Answer>,
}

/// How often a resource is the first to run out.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Share {
    /// Which.
    pub resource: Resource,
    /// In which share of the draws: 1 without ranges.
    pub share: f64,
}

/// A plan from all draws, and from the middle for its words.
pub(super) fn plan(
    inputs: &Inputs<'_>,
    capacity: Option<Capacity>,
    middle: &Drawn,
    outcomes: &[Outcome],
) -> Plan {
    let words = Words {
        inputs,
        middle,
        outcome: middle.outcome(inputs),
    };
    let spread = |of: &dyn Fn(&Outcome) -> f64| Spread::of(outcomes.iter().map(of).collect());
    let answer = |name, unit: &str, of: &dyn Fn(&Outcome) -> f64, rule: String| Answer {
        name,
        unit: unit.to_owned(),
        value: spread(of),
        rule,
    };
    // None for all draws or for none of them.
    let maybe =
        |name, unit: &str, of: &dyn Fn(&Outcome) -> Option<f64>, rule: &dyn Fn() -> String| {
            of(&words.outcome)?;
            Some(answer(
                name,
                unit,
                &|one| of(one).unwrap_or(f64::NAN),
                rule(),
            ))
        };
    let currency = inputs
        .price
        .as_ref()
        .map_or("", |one| one.currency.as_str());
    Plan {
        capacity,
        expected_rate: answer(
            "expected rate",
            "requests/s",
            &|one| one.expected,
            words.expected(),
        ),
        planned_rate: answer(
            "planned rate",
            "requests/s",
            &|one| one.planned,
            words.planned(),
        ),
        concurrency: maybe("under way", "requests", &|one| one.concurrency, &|| {
            words.concurrency()
        }),
        replicas: Replicas {
            total: answer("replicas", "replicas", &|one| one.replicas, words.total()),
            by_cpu: maybe(
                "replicas by CPU",
                "replicas",
                &|one| one.by_cpu.map(up),
                &|| words.by_cpu(),
            ),
            by_memory: maybe(
                "replicas by memory",
                "replicas",
                &|one| one.by_memory.map(up),
                &|| words.by_memory(),
            ),
            by_objective: maybe(
                "replicas by the objective",
                "replicas",
                &|one| one.by_objective.map(up),
                &|| words.by_objective(),
            ),
        },
        per_replica: answer(
            "one replica takes",
            "requests/s",
            &|one| one.per_replica,
            words.per_replica(),
        ),
        first_to_run_out: first(outcomes),
        headroom: answer(
            "headroom",
            "times the expected rate",
            &|one| one.headroom,
            words.headroom(),
        ),
        headroom_now: maybe(
            "headroom today",
            "times today's peak",
            &|one| one.headroom_now,
            &|| words.headroom_now(),
        ),
        cost_per_hour: maybe("cost per hour", currency, &|one| one.cost, &|| words.cost()),
        cost_per_month: maybe(
            "cost per month",
            currency,
            &|one| one.cost.map(|cost| cost * MONTH),
            &|| format!("cost per hour × {} h", number(MONTH)),
        ),
        unknown: unknown(inputs),
    }
}

fn first(outcomes: &[Outcome]) -> Vec<Share> {
    let share = |resource| {
        let count = outcomes.iter().filter(|one| one.first == resource).count();
        count as f64 / outcomes.len() as f64
    };
    let mut all: Vec<Share> = [Resource::Cpu, Resource::Memory, Resource::Objective]
        .map(|resource| Share {
            resource,
            share: share(resource),
        })
        .into_iter()
        .filter(|one| one.share > 0.0)
        .collect();
    all.sort_by(|a, b| b.share.total_cmp(&a.share));
    all
}

fn unknown(inputs: &Inputs<'_>) -> Vec<String> {
    let missing = [
        (
            inputs.cpu.is_none(),
            "CPU was not measured: the answer holds only if CPU does not run out first",
        ),
        (
            inputs.memory.is_none(),
            "memory was not measured: the answer holds only if memory does not run out first",
        ),
        (
            inputs.measured.is_none(),
            "no points of a load test were given: whether responses stay fast enough at this load is not known",
        ),
    ];
    missing
        .into_iter()
        .filter(|(is_missing, _)| *is_missing)
        .map(|(_, words)| words.to_owned())
        .collect()
}

/// A value as a reader wants it: a range with both ends.
fn show(value: Value, text: impl Fn(f64) -> String) -> String {
    match value {
        Value::Range { low, high } if low < high => format!("{} to {}", text(low), text(high)),
        exact => text(exact.middle()),
    }
}

/// The rules, in words.
struct Words<'a> {
    inputs: &'a Inputs<'a>,
    middle: &'a Drawn,
    outcome: Outcome,
}

impl Words<'_> {
    fn expected(&self) -> String {
        let Inputs {
            today,
            factor,
            what_if,
            ..
        } = self.inputs;
        let cache = if what_if.cache_hit_rate.middle() > 0.0 {
            format!(
                " × (1 − {} that the cache answers)",
                show(what_if.cache_hit_rate, percent)
            )
        } else {
            String::new()
        };
        format!(
            "{} requests/s at today's peak × {}{cache} = {} requests/s",
            show(*today, number),
            show(*factor, number),
            number(self.outcome.expected)
        )
    }

    fn planned(&self) -> String {
        format!(
            "{} requests/s expected × {}, because an expected peak is a guess = {} requests/s",
            number(self.outcome.expected),
            number(self.inputs.margins.load),
            number(self.outcome.planned)
        )
    }

    fn slowness(&self) -> f64 {
        let what_if = &self.inputs.what_if;
        slowness(what_if.query_share.middle(), what_if.query_faster.middle())
    }

    fn response_time(&self) -> String {
        let what_if = &self.inputs.what_if;
        let time = self.middle.response_time.unwrap_or_default();
        let slowness = self.slowness();
        if slowness == 1.0 {
            return seconds(time);
        }
        format!(
            "{} × (1 − {share} + {share} ÷ {} for the faster query)",
            seconds(time / slowness),
            show(what_if.query_faster, number),
            share = show(what_if.query_share, number),
        )
    }

    fn concurrency(&self) -> String {
        format!(
            "Little's law: {} requests/s × {} = {} under way",
            number(self.outcome.planned),
            self.response_time(),
            number(self.outcome.concurrency.unwrap_or_default())
        )
    }

    fn left(&self) -> String {
        let headroom = self.inputs.margins.headroom;
        format!(
            "{} ({} headroom)",
            number(1.0 - headroom),
            percent(headroom)
        )
    }

    fn rounded(replicas: Option<f64>) -> String {
        let replicas = replicas.unwrap_or_default();
        format!(
            "{}, rounded up to {}",
            number(replicas),
            number(up(replicas))
        )
    }

    fn by_cpu(&self) -> String {
        let Some(cpu) = &self.inputs.cpu else {
            return String::new();
        };
        format!(
            "{} requests/s × {} of CPU ÷ ({} cores × {}) = {}",
            number(self.outcome.planned),
            show(cpu.per_request, seconds),
            show(cpu.cores, number),
            self.left(),
            Self::rounded(self.outcome.by_cpu)
        )
    }

    fn by_memory(&self) -> String {
        let Some(memory) = &self.inputs.memory else {
            return String::new();
        };
        format!(
            "{} under way × {} ÷ ({} limit × {} − {} at rest) = {}",
            number(self.outcome.concurrency.unwrap_or_default()),
            show(memory.per_request, bytes),
            show(memory.limit, bytes),
            self.left(),
            show(memory.at_rest, bytes),
            Self::rounded(self.outcome.by_memory)
        )
    }

    fn by_objective(&self) -> String {
        let measured = self.inputs.measured.as_ref().map_or(1, |one| one.replicas);
        let faster = if self.slowness() == 1.0 {
            ""
        } else {
            " (with the faster query)"
        };
        let together = if measured > 1 {
            format!(" (1/{measured} of what {measured} took together)")
        } else {
            String::new()
        };
        format!(
            "{} requests/s ÷ {} requests/s that one replica takes within the objective{together}{faster} = {}",
            number(self.outcome.planned),
            number(self.middle.capacity.unwrap_or_default()),
            Self::rounded(self.outcome.by_objective)
        )
    }

    fn total(&self) -> String {
        let spare = self.inputs.margins.spare;
        format!(
            "the largest of these ({} for {}) + {spare} so that {spare} may fail = {}",
            number(self.outcome.replicas - f64::from(spare)),
            self.outcome.first,
            number(self.outcome.replicas)
        )
    }

    fn per_replica(&self) -> String {
        format!(
            "{} is the first to run out, at {} requests/s",
            self.outcome.first,
            number(self.outcome.per_replica)
        )
    }

    fn headroom(&self) -> String {
        let spare = f64::from(self.inputs.margins.spare);
        format!(
            "{} replicas, {} of them lost, × {} requests/s ÷ {} requests/s expected = {}",
            number(self.outcome.replicas),
            number(spare),
            number(self.outcome.per_replica),
            number(self.outcome.expected),
            number(self.outcome.headroom)
        )
    }

    fn headroom_now(&self) -> String {
        format!(
            "{} replicas today, {} of them lost, × {} requests/s ÷ {} requests/s at today's peak = {}",
            self.inputs.replicas_now.unwrap_or_default(),
            self.inputs.margins.spare,
            number(self.outcome.per_replica),
            number(self.middle.today),
            number(self.outcome.headroom_now.unwrap_or_default())
        )
    }

    fn cost(&self) -> String {
        let Some(price) = &self.inputs.price else {
            return String::new();
        };
        format!(
            "{} replicas × {} {} per hour",
            number(self.outcome.replicas),
            show(price.per_replica_hour, number),
            price.currency
        )
    }
}
