//! Answers with the rules that they came from.

use serde::Serialize;

use super::capacity::Capacity;
use super::draw::{Drawn, Outcome, up};
use super::words::Words;
use super::{Inputs, Plan, Resource, Spread};
use crate::text::number;

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
    const RATE: &str = "requests/s";
    let words = Words {
        inputs,
        middle,
        outcome: middle.outcome(inputs),
    };
    let price = inputs.price.as_ref();
    let currency = price.map_or("", |one| one.currency.as_str());
    let all = Draws(outcomes);
    let per_month = || format!("cost per hour × {} h", number(MONTH));
    Plan {
        capacity,
        expected_rate: all.answer("expected rate", RATE, words.expected(), |one| one.expected),
        planned_rate: all.answer("planned rate", RATE, words.planned(), |one| one.planned),
        concurrency: all.maybe(
            "under way",
            "requests",
            || words.concurrency(),
            |one| one.concurrency,
        ),
        replicas: replicas(&all, &words),
        per_replica: all.answer("one replica takes", RATE, words.per_replica(), |one| {
            one.per_replica
        }),
        first_to_run_out: first(outcomes),
        headroom: all.answer(
            "headroom",
            "times the expected rate",
            words.headroom(),
            |one| one.headroom,
        ),
        headroom_now: all.maybe(
            "headroom today",
            "times today's peak",
            || words.headroom_now(),
            |one| one.headroom_now,
        ),
        cost_per_hour: all.maybe("cost per hour", currency, || words.cost(), |one| one.cost),
        cost_per_month: all.maybe("cost per month", currency, per_month, |one| {
            Some(one.cost? * MONTH)
        }),
        unknown: unknown(inputs),
    }
}

fn replicas(all: &Draws<'_>, words: &Words<'_>) -> Replicas {
    const UNIT: &str = "replicas";
    Replicas {
        total: all.answer("replicas", UNIT, words.total(), |one| one.replicas),
        by_cpu: all.maybe(
            "replicas by CPU",
            UNIT,
            || words.by_cpu(),
            |one| one.by_cpu.map(up),
        ),
        by_memory: all.maybe(
            "replicas by memory",
            UNIT,
            || words.by_memory(),
            |one| one.by_memory.map(up),
        ),
        by_objective: all.maybe(
            "replicas by the objective",
            UNIT,
            || words.by_objective(),
            |one| one.by_objective.map(up),
        ),
    }
}

/// What all draws came to; at least one.
struct Draws<'a>(&'a [Outcome]);

impl Draws<'_> {
    fn answer(
        &self,
        name: &'static str,
        unit: &str,
        rule: String,
        of: impl Fn(&Outcome) -> f64,
    ) -> Answer {
        Answer {
            name,
            unit: unit.to_owned(),
            value: Spread::of(self.0.iter().map(of).collect()),
            rule,
        }
    }

    /// None if the draws have no such number, of which either all of them have one or none.
    fn maybe(
        &self,
        name: &'static str,
        unit: &str,
        rule: impl Fn() -> String,
        of: impl Fn(&Outcome) -> Option<f64>,
    ) -> Option<Answer> {
        let all: Vec<f64> = self.0.iter().map(of).collect::<Option<_>>()?;
        Some(Answer {
            name,
            unit: unit.to_owned(),
            value: Spread::of(all),
            rule: rule(),
        })
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
