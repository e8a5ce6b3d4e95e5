//! From results of a load test to numbers of the rehearsal.

use std::time::Duration;

use tenfold_load::results::{Histogram, Interval, PhaseResult, StepResult};
use tenfold_load::scenario::Step;
use tenfold_load::{Results, Test};

use super::measured::{Capacity, CpuUse, Failed, GatewayUse, GeneratorUse, Level, Run, Second};
use super::mix::Mix;
use super::plan::{MOST_ERRORS, OBJECTIVE};

/// The step that pays: not idempotent by its method, but by the key that it carries.
const PAY: &str = "pay";
/// Different errors that are kept.
const ERRORS_KEPT: usize = 20;

/// What was measured beside the load test, from its beginning to its end.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Beside {
    pub(super) cpu: CpuUse,
    pub(super) gateway: Option<GatewayUse>,
}

/// A load for a while.
pub(super) fn run(test: &Test, results: &Results, mix: Mix, pages: f64, beside: Beside) -> Run {
    let seconds = results.measured_duration();
    let total = &results.total;
    let views = page_views(test, &results.steps);
    let (due, begun) = results.series.iter().fold((0, 0), |(due, begun), one| {
        (due + one.arrivals, begun + one.begun)
    });
    let unanswered = total.due.saturating_sub(total.done);
    let warm_ups = results.phases.iter().filter(|phase| phase.is_warm_up);
    let requests = results.phases.iter().map(|phase| phase.totals.done).sum();
    Run {
        mix,
        seconds,
        wanted_page_views_per_second: pages,
        offered: if due > 0 {
            begun as f64 / due as f64
        } else {
            1.0
        },
        page_views_per_second: per_second(views as f64, seconds),
        page_views: views,
        requests: total.done + unanswered,
        failed: total.failed + unanswered,
        failed_idempotent: failed_idempotent(test, &results.steps),
        p50_ms: at(&total.latency, 0.5),
        p95_ms: at(&total.latency, 0.95),
        p99_ms: at(&total.latency, 0.99),
        errors: results
            .errors
            .iter()
            .take(ERRORS_KEPT)
            .map(|error| Failed {
                kind: error.kind,
                what: error.message.clone(),
                step: error.step.clone(),
                count: error.count,
            })
            .collect(),
        cpu: CpuUse {
            requests,
            ..beside.cpu
        },
        gateway: beside.gateway,
        generator: generator(results),
        series: results.series.iter().map(second).collect(),
        warm_up_seconds: warm_ups.map(|phase| phase.duration).sum(),
        latency: total.latency.clone(),
    }
}

/// How much it takes, from numbers of visitors one after the other.
pub(super) fn capacity(test: &Test, results: &Results) -> Capacity {
    let total = &results.total;
    let views = page_views(test, &results.steps) as f64 / total.done.max(1) as f64;
    let levels: Vec<_> = results
        .phases
        .iter()
        .map(|phase| level(phase, views))
        .collect();
    let objective = OBJECTIVE.as_secs_f64() * 1e3;
    let is_within = |level: &&Level| {
        level.p95_ms.is_some_and(|p95| p95 <= objective) && level.failed <= MOST_ERRORS
    };
    let within = levels.iter().filter(is_within);
    let best = within.max_by(|a, b| a.page_views_per_second.total_cmp(&b.page_views_per_second));
    Capacity {
        page_views_per_second: best.map(|level| level.page_views_per_second),
        may_be_more: best.map(|level| level.visitors) == levels.last().map(|level| level.visitors),
        doubts: results.doubts(),
        levels,
    }
}

/// A phase with so many page views for each request.
fn level(phase: &PhaseResult, views: f64) -> Level {
    let totals = &phase.totals;
    let good = totals.done.saturating_sub(totals.failed) as f64;
    let rate = per_second(good, phase.duration);
    Level {
        visitors: phase.users.map_or(0, |(_, to)| to),
        page_views_per_second: rate * views,
        requests_per_second: rate,
        under_way: phase.in_flight,
        mean_ms: totals.latency.mean().map(millis),
        p95_ms: at(&totals.latency, 0.95),
        failed: totals.failed as f64 / totals.done.max(1) as f64,
    }
}

/// Page views that were delivered: good answers to the last request of each page.
fn page_views(test: &Test, results: &[StepResult]) -> u64 {
    let mut results = results.iter();
    let mut sum = 0;
    for scenario in &test.scenarios {
        let last = results.by_ref().take(scenario.steps.len()).last();
        sum += last.map_or(0, |step| step.totals.done - step.totals.failed);
    }
    sum
}

fn failed_idempotent(test: &Test, results: &[StepResult]) -> u64 {
    let steps = test.scenarios.iter().flat_map(|one| &one.steps);
    let failed = |(step, result): (&Step, &StepResult)| {
        let totals = &result.totals;
        let unanswered = totals.due.saturating_sub(totals.done);
        is_idempotent(step).then_some(totals.failed + unanswered)
    };
    steps.zip(results).filter_map(failed).sum()
}

fn is_idempotent(step: &Step) -> bool {
    matches!(step.request.method.as_str(), "GET" | "HEAD") || step.name == PAY
}

fn generator(results: &Results) -> GeneratorUse {
    let generator = &results.generator;
    GeneratorUse {
        late_p99_ms: at(&generator.lag, 0.99),
        busy: generator.cpu,
        doubts: results.doubts(),
    }
}

fn second(one: &Interval) -> Second {
    Second {
        at: one.at,
        seconds: one.duration,
        requests: one.done,
        failed: one.failed,
        p50_ms: at(&one.latency, 0.5),
        p95_ms: at(&one.latency, 0.95),
        p99_ms: at(&one.latency, 0.99),
    }
}

fn at(histogram: &Histogram, share: f64) -> Option<f64> {
    histogram.quantile(share).map(millis)
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn per_second(count: f64, seconds: f64) -> f64 {
    if seconds > 0.0 { count / seconds } else { 0.0 }
}

/// Seconds of a run, the warm-up left out, whose p95 was beyond the objective.
pub(super) fn beyond_objective(run: &Run) -> f64 {
    let objective = OBJECTIVE.as_secs_f64() * 1e3;
    let measured = run
        .series
        .iter()
        .filter(|one| one.at >= run.warm_up_seconds);
    let beyond = measured.filter(|one| one.p95_ms.is_some_and(|p95| p95 > objective));
    beyond.fold(0.0, |sum, one| sum + one.seconds)
}
