//! From results of a load test to numbers of the rehearsal.

use std::time::Duration;

use tenfold_load::results::{Histogram, Interval, PhaseResult, StepResult};
use tenfold_load::scenario::Step;
use tenfold_load::{Results, Test};

use super::beside::Beside;
use super::measured::{Capacity, CpuUse, Failed, GeneratorUse, Level, Run, Second};
use super::mix::Mix;
use super::plan::{MOST_ERRORS, OBJECTIVE};

/// The step that pays: not idempotent by its method, but by the key that it carries.
const PAY: &str = "pay";
/// Different errors that are kept.
const ERRORS_KEPT: usize = 20;

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
        .filter(|phase| !phase.is_warm_up)
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

#[cfg(test)]
mod tests {
    use tenfold_load::results::{FORMAT, Generator, Totals};

    use super::super::mix::{Amount, Catalogue, LoadFile};
    use super::*;

    fn test() -> Test {
        let catalogue = Catalogue {
            products: 1000,
            customers: 10,
            categories: vec!["teapots".into()],
        };
        let file = LoadFile {
            name: "a test",
            target: "http://127.0.0.1:1",
            mix: Mix::Shopping,
            amount: Amount::Crowd {
                levels: vec![1, 2],
                each: Duration::from_secs(2),
            },
            catalogue: &catalogue,
            token: "secret",
            faster: 1.0,
            grace: Duration::from_secs(1),
            seed: 1,
        };
        file.test().expect("a right file")
    }

    fn totals(done: u64, failed: u64, millis: u64) -> Totals {
        let mut totals = Totals {
            due: done,
            done,
            failed,
            ..Totals::default()
        };
        for _ in 0..done {
            totals.latency.record(Duration::from_millis(millis));
        }
        totals
    }

    /// Each step was done ten times; of `failed` some failed.
    fn results(test: &Test, failed: &[(&str, u64)]) -> Results {
        let steps = test.scenarios.iter().flat_map(|scenario| {
            scenario.steps.iter().map(|step| {
                let failed = failed.iter().find(|(name, _)| *name == step.name);
                StepResult {
                    scenario: scenario.name.clone(),
                    group: None,
                    name: step.name.clone(),
                    totals: totals(10, failed.map_or(0, |(_, count)| *count), 5),
                }
            })
        });
        let steps: Vec<_> = steps.collect();
        let mut total = Totals::default();
        steps.iter().for_each(|step| total.add(&step.totals));
        Results {
            format: FORMAT,
            name: String::new(),
            target: String::new(),
            is_open: true,
            started: 0.0,
            duration: 4.0,
            ended_early: None,
            plan: None,
            shards: vec![0],
            shard_count: 1,
            phases: vec![PhaseResult {
                duration: 4.0,
                totals: total.clone(),
                ..PhaseResult::default()
            }],
            total,
            steps,
            series: vec![Interval {
                arrivals: 40,
                begun: 39,
                ..Interval::default()
            }],
            errors: Vec::new(),
            generator: Generator::default(),
            environments: Vec::new(),
            thresholds: Vec::new(),
        }
    }

    fn measured(failed: &[(&str, u64)]) -> Run {
        let test = test();
        let results = results(&test, failed);
        run(&test, &results, Mix::Shopping, 50.0, Beside::default())
    }

    #[test]
    fn a_page_was_seen_when_its_last_request_went_well() {
        // Fifteen scenarios, ten times each.
        let run = measured(&[]);
        assert_eq!(run.page_views, 150);
        assert!((run.page_views_per_second - 37.5).abs() < 1e-9);
        assert!(run.requests > run.page_views);
        let run = measured(&[("put into the cart", 4), ("cart", 3)]);
        assert_eq!((run.page_views, run.failed), (147, 7));
    }

    #[test]
    fn what_may_be_repeated_is_what_is_asked_for_and_paying() {
        let run = measured(&[("log in", 1), ("put into the cart", 2), ("register", 4)]);
        assert_eq!((run.failed, run.failed_idempotent), (7, 0));
        let run = measured(&[("pay", 1), ("home", 2), ("admin confirm", 4)]);
        assert_eq!((run.failed, run.failed_idempotent), (7, 3));
    }

    #[test]
    fn what_was_offered_is_what_was_begun_and_no_answer_is_a_failure() {
        let test = test();
        let mut results = results(&test, &[]);
        results.total.due += 5;
        let run = run(&test, &results, Mix::Shopping, 50.0, Beside::default());
        assert!((run.offered - 0.975).abs() < 1e-9);
        assert_eq!(run.failed, 5);
    }

    #[test]
    fn capacity_is_the_most_within_the_objective() {
        let test = test();
        let mut results = results(&test, &[]);
        let level = |users, done, failed, millis| PhaseResult {
            users: Some((users, users)),
            duration: 2.0,
            totals: totals(done, failed, millis),
            ..PhaseResult::default()
        };
        results.phases = vec![
            level(1, 100, 0, 10),
            level(2, 180, 0, 20),
            level(4, 190, 3, 30),
            level(8, 200, 0, 400),
        ];
        let found = capacity(&test, &results);
        let rates: Vec<_> = found
            .levels
            .iter()
            .map(|one| one.requests_per_second)
            .collect();
        assert_eq!(rates, [50.0, 90.0, 93.5, 100.0]);
        // Of four visitors too much failed, and eight waited too long.
        assert_eq!(
            found.page_views_per_second,
            Some(found.levels[1].page_views_per_second)
        );
        assert!(!found.may_be_more);
        results.phases.truncate(2);
        assert!(capacity(&test, &results).may_be_more);
        results.phases = vec![level(8, 200, 0, 400)];
        let none = capacity(&test, &results);
        assert!(none.page_views_per_second.is_none() && !none.may_be_more);
    }
}
