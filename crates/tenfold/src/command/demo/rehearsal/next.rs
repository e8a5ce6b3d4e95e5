//! The plan for the next factor of ten, from what the rehearsal itself measured.
//!
//! A "replica" of this plan is a machine like this one with everything on it: shops, database, gateway. That is what was measured, and CPU
//! is what ran out; it says how much there has to be, not how it is to be divided.

use tenfold_capacity::model::usl;
use tenfold_capacity::plan::{
    Cpu, Inputs, Measured, Objective, Plan, PlanError, Source, measured_ratio, plan, within_points,
};
use tenfold_capacity::{Point, Points};
use tenfold_load::report::text::number;

use super::measured::{Level, Next, Run, StageResult};
use super::plan::{FACTOR, OBJECTIVE};

/// Plans from the tuned shop's peak and its levels.
pub(super) fn next(tuned: &StageResult) -> Next {
    let run = &tuned.peak;
    let today = run.requests as f64 / run.seconds.max(f64::MIN_POSITIVE);
    let cpu = cpu_per_request(run);
    let mut next = Next {
        today_requests_per_second: today,
        factor: FACTOR,
        cpu_ms_per_request: cpu * 1e3,
        plan: None,
        refused: Vec::new(),
        curve: None,
    };
    let points = points(&tuned.capacity.levels);
    if let Some(points) = &points {
        match usl::fit(points) {
            Ok(fit) => {
                let peak = match fit.peak() {
                    Ok(peak) => format!(
                        "most {} requests/s with {} under way",
                        number(peak.throughput.round()),
                        number(peak.concurrency.round())
                    ),
                    Err(why) => format!("its peak is not known: {why}"),
                };
                next.curve = Some(format!("{}; {peak}", fit.regime().words));
            }
            Err(why) => next.refused.push(format!("no curve: {why}")),
        }
    }
    let mut inputs = Inputs::new(today, FACTOR);
    inputs.replicas_now = Some(1);
    inputs.response_time = run.latency.mean().map(|mean| mean.as_secs_f64().into());
    inputs.cpu = (cpu > 0.0).then(|| Cpu {
        per_request: cpu.into(),
        cores: (run.cpu.cores as f64).into(),
    });
    match planned(&mut inputs, points.as_ref(), &mut next.refused) {
        Ok(plan) => next.plan = Some(plan),
        Err(why) => next.refused.push(why.to_string()),
    }
    next
}

/// With the levels if they bear a capacity, and else by CPU alone.
fn planned<'p>(
    inputs: &mut Inputs<'p>,
    points: Option<&'p Points>,
    refused: &mut Vec<String>,
) -> Result<Plan, PlanError> {
    if let Some(points) = points {
        let ratio = measured_ratio(points).unwrap_or(1.0);
        let objective = Objective::percentile(0.95, OBJECTIVE.as_secs_f64(), ratio)?;
        match within_points(points, &objective) {
            Ok(_) => {
                inputs.measured = Some(Measured {
                    source: Source::Points { points, objective },
                    replicas: 1,
                });
            }
            Err(why) => refused.push(format!("no capacity from the levels: {why}")),
        }
    }
    plan(inputs, 1)
}

/// CPU seconds of everything but the generator.
fn cpu_per_request(run: &Run) -> f64 {
    let cpu = &run.cpu;
    (cpu.shops + cpu.gateway + cpu.postgres) / cpu.requests.max(1) as f64
}

/// Levels with their p95 as latency; none if there is not one that answered.
fn points(levels: &[Level]) -> Option<Points> {
    let point = |level: &Level| {
        Some(Point {
            concurrency: level.under_way,
            throughput: level.requests_per_second,
            latency: Some(level.p95_ms? / 1e3),
        })
    };
    Points::new(levels.iter().filter_map(point).collect()).ok()
}

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::super::measured::Setup;
    use super::*;

    #[test]
    fn a_machine_like_this_one_is_counted_by_its_cpu_and_by_the_levels() {
        let rehearsal = fixture::rehearsal();
        let tuned = rehearsal.stage(Setup::Tuned).expect("it is there");
        let next = next(tuned);
        let plan = next.plan.expect("enough was measured");
        assert!(plan.replicas.by_cpu.is_some());
        assert!(plan.replicas.total.value.p50 >= 2.0);
        assert!(next.cpu_ms_per_request > 0.0);
    }

    #[test]
    fn three_levels_are_no_curve_and_cpu_answers_alone() {
        let mut rehearsal = fixture::rehearsal();
        let tuned = &mut rehearsal.stages[2];
        tuned.capacity.levels.truncate(3);
        let few = next(tuned);
        assert!(few.curve.is_none());
        assert!(few.refused[0].contains("no curve"), "{:?}", few.refused);
        assert!(few.plan.is_some());
        tuned.capacity.levels.clear();
        assert!(
            next(tuned)
                .plan
                .expect("by CPU")
                .replicas
                .by_objective
                .is_none()
        );
        tuned.peak.cpu = Default::default();
        let none = next(tuned);
        assert!(none.plan.is_none() && !none.refused.is_empty());
    }
}
