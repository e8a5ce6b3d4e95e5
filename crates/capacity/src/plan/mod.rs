//! The plan: how many replicas it takes for N times today's peak, what runs out first, and what it costs.
//!
//! # The rule
//! 1. Expected rate = today's peak × N × (1 − what a cache answers). Planned for is twice that: an expected peak is a guess of
//!    people, and the day on which it is wrong is the one that counts.
//! 2. Requests under way = rate × response time (Little's law).
//! 3. By CPU: rate × CPU-seconds of a request ÷ (cores × 0.8). By memory: requests under way × bytes of one ÷ (limit × 0.8 − bytes at
//!    rest). By the objective: rate ÷ what one replica was measured to take within it.
//! 4. Replicas = the largest of them, rounded up, and one more, so that one may fail.
//!
//! Each answer carries the rule that it came from, with its numbers. An input may be a range; then all of them are drawn
//! from their ranges many times over, and answers are the 5th, 50th and 95th percentile.
//!
//! # What it refuses
//! To plan with nothing measured, with a curve beyond its points, with a percentile from nothing but a mean ([`Objective`]
//! wants their ratio), or where no number of replicas suffices. What was not measured (only CPU, say) is named in
//! [`Plan::unknown`].
//!
//! Source: Little 1961 and Denning and Buzen 1978 ([`littles`](crate::model::littles)); the safety factors are this project's and can
//! be set ([`Margins`]).

mod answer;
mod capacity;
mod draw;
mod error;
mod input;
mod random;
mod value;
mod words;

use serde::Serialize;

pub use answer::{Answer, Replicas, Share};
pub use capacity::{
    Bound, Capacity, CapacityError, Objective, measured_ratio, within, within_points,
};
pub use draw::Resource;
pub use error::PlanError;
pub use input::{Cpu, Inputs, Margins, Measured, Memory, Price, Source, WhatIf};
pub use value::{Spread, Value};

use draw::{Drawn, Outcome};
use random::Random;

/// How often ranges are drawn from. The 95th percentile of ten thousand draws lies between the true 94.6th and 95.4th.
pub const DRAWS: usize = 10_000;

/// What it takes, and why. Everything in it can be printed as it is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Plan {
    /// What a replica takes within the objective as it was measured (before what-ifs), if that was asked for.
    pub capacity: Option<Capacity>,
    /// N times today's peak, less what the cache answers.
    pub expected_rate: Answer,
    /// What is planned for: twice the expected rate.
    pub planned_rate: Answer,
    /// Requests under way at the planned rate, if the response time is known.
    pub concurrency: Option<Answer>,
    /// How many replicas, altogether and by each resource.
    pub replicas: Replicas,
    /// What one replica takes before the first resource runs out, with its headroom kept.
    pub per_replica: Answer,
    /// What runs out first; with ranges, how often each is the first.
    pub first_to_run_out: Vec<Share>,
    /// How many times the expected rate the planned replicas take after the loss.
    pub headroom: Answer,
    /// How many times today's peak the replicas of today take after the loss, if their number was given.
    pub headroom_now: Option<Answer>,
    /// Per hour, if there is a price.
    pub cost_per_hour: Option<Answer>,
    /// Per month of 730 hours.
    pub cost_per_month: Option<Answer>,
    /// What was not measured, and what the plan is worth without it.
    pub unknown: Vec<String>,
}

impl Plan {
    /// All answers in the order in which they follow from each other.
    #[must_use]
    pub fn answers(&self) -> Vec<&Answer> {
        let replicas = &self.replicas;
        [
            Some(&self.expected_rate),
            Some(&self.planned_rate),
            self.concurrency.as_ref(),
        ]
        .into_iter()
        .chain(
            [
                &replicas.by_cpu,
                &replicas.by_memory,
                &replicas.by_objective,
            ]
            .map(Option::as_ref),
        )
        .chain([
            Some(&replicas.total),
            Some(&self.per_replica),
            Some(&self.headroom),
        ])
        .chain(
            [
                &self.headroom_now,
                &self.cost_per_hour,
                &self.cost_per_month,
            ]
            .map(Option::as_ref),
        )
        .flatten()
        .collect()
    }
}

/// Plans for `inputs`. The same `seed` gives the same draws; without ranges it changes nothing.
///
/// ```
/// use tenfold_capacity::plan::{Cpu, Inputs, Memory, plan};
///
/// let mut inputs = Inputs::new(400.0, 10.0);
/// inputs.response_time = Some(0.1.into());
/// inputs.cpu = Some(Cpu { per_request: 0.002.into(), cores: 2.0.into() });
/// inputs.memory = Some(Memory { at_rest: 200e6.into(), per_request: 1e6.into(), limit: 1e9.into() });
/// let plan = plan(&inputs, 1)?;
/// // 8,000 requests/s × 2 ms ÷ 1.6 cores = 10; 800 under way × 1 MB ÷ 600 MB = 1.3; and one that may fail.
/// assert_eq!(plan.replicas.total.value.p50, 11.0);
/// # Ok::<(), tenfold_capacity::plan::PlanError>(())
/// ```
///
/// # Errors
/// An input out of its range, or too little measured for an answer; the text says what to measure.
pub fn plan(inputs: &Inputs<'_>, seed: u64) -> Result<Plan, PlanError> {
    inputs.check()?;
    let capacity = inputs
        .measured
        .as_ref()
        .map(Measured::capacity)
        .transpose()?;
    let middle = Drawn::middle(inputs, capacity.as_ref());
    let mut random = Random::new(seed);
    let count = if inputs.is_uncertain() { DRAWS } else { 1 };
    let outcomes: Vec<Outcome> = if count == 1 {
        vec![middle.outcome(inputs)]
    } else {
        (0..count)
            .map(|_| Drawn::random(inputs, capacity.as_ref(), &mut random).outcome(inputs))
            .collect()
    };
    refuse_the_impossible(inputs, &outcomes)?;
    Ok(answer::plan(inputs, capacity, &middle, &outcomes))
}

/// In more than one of twenty cases no number of replicas suffices: the 95th percentile would be infinite.
fn refuse_the_impossible(inputs: &Inputs<'_>, outcomes: &[Outcome]) -> Result<(), PlanError> {
    let impossible: Vec<&Outcome> = outcomes
        .iter()
        .filter(|one| one.replicas.is_infinite())
        .collect();
    let share = impossible.len() as f64 / outcomes.len() as f64;
    match impossible.first() {
        Some(first) if share >= 0.05 => Err(PlanError::Impossible {
            resource: first.first,
            share,
            headroom: inputs.margins.headroom,
        }),
        _ => Ok(()),
    }
}
