//! One case: every input a number, and what it comes to.

use std::fmt;

use serde::Serialize;

use super::capacity::{Capacity, of_curve};
use super::random::Random;
use super::{Inputs, Source, Value};
use crate::model::cholesky;
use crate::model::usl::{Fit, Usl};

/// What a replica may have too little of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Resource {
    /// Cores.
    Cpu,
    /// Bytes.
    Memory,
    /// Neither: responses take too long, or throughput peaks (contention, coherency, something behind the replicas).
    Objective,
}

impl fmt::Display for Resource {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Cpu => "CPU",
            Self::Memory => "memory",
            Self::Objective => "the objective",
        })
    }
}

/// The inputs as numbers, with what-ifs applied.
pub(super) struct Drawn {
    /// Today's peak, less what the cache will answer.
    pub(super) today: f64,
    pub(super) factor: f64,
    pub(super) response_time: Option<f64>,
    /// CPU-seconds per request, cores.
    pub(super) cpu: Option<(f64, f64)>,
    /// Bytes at rest, per request, limit.
    pub(super) memory: Option<(f64, f64, f64)>,
    /// Requests per second of one replica within the objective.
    pub(super) capacity: Option<f64>,
    pub(super) price: Option<f64>,
}

/// What one case comes to.
#[derive(Debug, Clone)]
pub(super) struct Outcome {
    pub(super) expected: f64,
    pub(super) planned: f64,
    pub(super) concurrency: Option<f64>,
    /// Before rounding up.
    pub(super) by_cpu: Option<f64>,
    pub(super) by_memory: Option<f64>,
    pub(super) by_objective: Option<f64>,
    pub(super) replicas: f64,
    pub(super) first: Resource,
    pub(super) per_replica: f64,
    pub(super) headroom: f64,
    pub(super) headroom_now: Option<f64>,
    pub(super) cost: Option<f64>,
}

/// How many times the response time before is the one after: 1 − s + s/k.
pub(super) fn slowness(share: f64, faster: f64) -> f64 {
    1.0 - share + share / faster
}

impl Drawn {
    /// The middle of every range, and the best curve.
    pub(super) fn middle(inputs: &Inputs<'_>, capacity: Option<&Capacity>) -> Self {
        Self::with(inputs, capacity, &mut Value::middle, |fit| *fit.curve())
    }

    /// A number from every range, and a curve from the fit's uncertainty.
    pub(super) fn random(
        inputs: &Inputs<'_>,
        capacity: Option<&Capacity>,
        random: &mut Random,
    ) -> Self {
        // Drawn first, so that the closures do not both borrow the generator.
        let curve = match inputs.measured.as_ref().map(|one| &one.source) {
            Some(Source::Fit { fit, .. }) => Some(draw_curve(fit, random)),
            _ => None,
        };
        let of_fit = |fit: &Fit| curve.unwrap_or(*fit.curve());
        Self::with(inputs, capacity, &mut |value| value.draw(random), of_fit)
    }

    fn with(
        inputs: &Inputs<'_>,
        capacity: Option<&Capacity>,
        pick: &mut dyn FnMut(Value) -> f64,
        curve: impl Fn(&Fit) -> Usl,
    ) -> Self {
        let what_if = &inputs.what_if;
        let hit_rate = pick(what_if.cache_hit_rate);
        let slowness = slowness(pick(what_if.query_share), pick(what_if.query_faster));
        let at_capacity = capacity.map(|one| one.concurrency / one.rate);
        let capacity = inputs
            .measured
            .as_ref()
            .zip(capacity)
            .map(|(measured, at_best)| {
                let rate = match &measured.source {
                    Source::Fit { fit, objective } => {
                        let curve = curve(fit);
                        let curve = curve.faster(slowness).unwrap_or(curve);
                        of_curve(&curve, objective.map(|one| one.mean_bound()), fit.reach())
                    }
                    // The same requests under way take less time; that the objective then allows more of them is not counted on.
                    Source::Points { .. } => at_best.rate / slowness,
                };
                rate / f64::from(measured.replicas)
            });
        let response_time = inputs.response_time.map(&mut *pick).or(at_capacity);
        Self {
            today: pick(inputs.today) * (1.0 - hit_rate),
            factor: pick(inputs.factor),
            response_time: response_time.map(|one| one * slowness),
            cpu: inputs
                .cpu
                .map(|one| (pick(one.per_request), pick(one.cores))),
            memory: inputs
                .memory
                .map(|one| (pick(one.at_rest), pick(one.per_request), pick(one.limit))),
            capacity,
            price: inputs.price.as_ref().map(|one| pick(one.per_replica_hour)),
        }
    }

    /// What this case comes to: the rule of the module's header.
    pub(super) fn outcome(&self, inputs: &Inputs<'_>) -> Outcome {
        let margins = &inputs.margins;
        let expected = self.today * self.factor;
        let planned = expected * margins.load;
        let concurrency = self.response_time.map(|time| planned * time);
        let left = 1.0 - margins.headroom;
        // How many requests per second one replica takes before each resource runs out.
        let cpu = self
            .cpu
            .map(|(per_request, cores)| cores * left / per_request);
        let memory =
            self.memory
                .zip(self.response_time)
                .map(|((rest, per_request, limit), time)| {
                    (limit * left - rest).max(0.0) / (per_request * time)
                });
        let (first, per_replica) = [
            (Resource::Cpu, cpu),
            (Resource::Memory, memory),
            (Resource::Objective, self.capacity),
        ]
        .into_iter()
        .filter_map(|(resource, rate)| Some((resource, rate?)))
        .min_by(|(_, a), (_, b)| a.total_cmp(b))
        .expect("an input without any resource is refused");
        let needed = up(planned / per_replica);
        let replicas = needed + f64::from(margins.spare);
        let now =
            |count: u32| f64::from(count.saturating_sub(margins.spare)) * per_replica / self.today;
        Outcome {
            expected,
            planned,
            concurrency,
            by_cpu: cpu.map(|rate| planned / rate),
            by_memory: memory.map(|rate| planned / rate),
            by_objective: self.capacity.map(|rate| planned / rate),
            replicas,
            first,
            per_replica,
            // Where nothing suffices, infinitely many replicas that take nothing.
            headroom: if needed.is_finite() {
                needed * per_replica / expected
            } else {
                0.0
            },
            headroom_now: inputs.replicas_now.map(now),
            cost: self.price.map(|price| replicas * price),
        }
    }
}

/// Rounded up to whole replicas, of which there is one at least. What is only rounding above a whole number is that number.
pub(super) fn up(replicas: f64) -> f64 {
    (replicas * (1.0 - 1e-12)).ceil().max(1.0)
}

/// A curve as likely as the fit says: normal around the best one, and on the right side of the bounds.
fn draw_curve(fit: &Fit, random: &mut Random) -> Usl {
    const TRIES: usize = 1000;
    let best = fit.curve();
    let lower = cholesky(&fit.covariance());
    for _ in 0..TRIES {
        let normal = [random.normal(), random.normal(), random.normal()];
        let off = |row: usize| -> f64 { (0..=row).map(|at| lower[row][at] * normal[at]).sum() };
        let (alpha, beta) = (best.alpha() + off(0), best.beta() + off(1));
        if let Ok(curve) = Usl::new(alpha, beta, best.gamma() + off(2)) {
            return curve;
        }
    }
    *best
}
