//! `tenfold plan --results` on files as `tenfold load --json` writes them.

use std::time::Duration;

use tenfold_load::ramp::{Bounds, End, Measured, Objective, Ramp};
use tenfold_load::results::{FORMAT, Generator, Histogram, Interval, PhaseResult, Results, Totals};

use super::{answered, file, near, refused};

const SECONDS: usize = 10;

fn histogram(seconds: f64, count: u64) -> Histogram {
    let mut histogram = Histogram::default();
    for _ in 0..count {
        histogram.record(Duration::from_secs_f64(seconds));
    }
    histogram
}

fn empty() -> Results {
    Results {
        format: FORMAT,
        name: "ramp".into(),
        target: "http://127.0.0.1/".into(),
        is_open: false,
        started: 0.0,
        duration: 0.0,
        ended_early: None,
        plan: None,
        shards: vec![0],
        shard_count: 1,
        total: Totals::default(),
        phases: Vec::new(),
        steps: Vec::new(),
        series: Vec::new(),
        errors: Vec::new(),
        generator: Generator::default(),
        environments: Vec::new(),
        thresholds: Vec::new(),
    }
}

/// Adds ten seconds at a rate, each request taking `latency`; `due` of them were wanted, and `in_flight` were under way.
fn phase(results: &mut Results, due: u64, done: u64, latency: f64, in_flight: &[u32; SECONDS]) {
    let start = results.phases.len() as f64 * SECONDS as f64;
    for (second, in_flight) in in_flight.iter().enumerate() {
        results.series.push(Interval {
            at: start + second as f64,
            duration: 1.0,
            done,
            in_flight: *in_flight,
            latency: histogram(latency, done),
            ..Interval::default()
        });
    }
    let all = due * SECONDS as u64;
    results.phases.push(PhaseResult {
        name: format!("step {}", results.phases.len() + 1),
        start,
        duration: SECONDS as f64,
        in_flight: in_flight.iter().map(|one| f64::from(*one)).sum::<f64>() / SECONDS as f64,
        totals: Totals {
            due: all,
            done: all,
            latency: histogram(latency, all),
            ..Totals::default()
        },
        ..PhaseResult::default()
    });
}

/// Eight levels of a USL-shaped service, and a ninth that it does not keep up with.
fn ramp() -> Results {
    let mut results = empty();
    for users in [1_u32, 2, 4, 8, 16, 32, 48, 64] {
        let n = f64::from(users);
        let rate = rate(n);
        phase(
            &mut results,
            rate as u64,
            rate as u64,
            n / rate,
            &[users; SECONDS],
        );
    }
    phase(
        &mut results,
        2000,
        1100,
        0.5,
        &[100, 200, 300, 400, 500, 600, 700, 800, 900, 1000],
    );
    results
}

fn written(results: &Results) -> (tempfile::TempDir, String) {
    file(
        "ramp.json",
        &serde_json::to_string(results).expect("plain data"),
    )
}

#[test]
fn phases_are_levels_of_load() {
    let mut results = ramp();
    results.phases[0].is_warm_up = true;
    let (_folder, path) = written(&results);
    let json = answered(&["--results", &path, "--objective", "p95 < 40ms"]);
    let measured = &json["measurements"];
    assert_eq!(measured["levels"].as_array().map(Vec::len), Some(8));
    assert_eq!(measured["little"]["holds"], 7, "{measured}");
    let notes = measured["notes"].to_string();
    assert!(
        notes.contains("phase `step 1` is left out: it is a warm-up"),
        "{notes}"
    );
    assert!(
        notes.contains("phase `step 9`: requests piled up"),
        "{notes}"
    );
    // What ended in it, not what was due in it.
    near(&measured["levels"][7]["throughput"], 1100.0, 1e-6);
    // The constant latency is its own p95: 48 under way take 37.6 ms, 64 take 51.
    let rate = measured["capacity"]["rate"].as_f64().expect("a number");
    assert!((1270.0..1300.0).contains(&rate), "{rate}");
}

/// α = 0.03, β = 0.0005: the peak is 1,285 requests per second with 44 users.
fn rate(users: f64) -> f64 {
    95.0 * users / (1.0 + 0.03 * (users - 1.0) + 0.0005 * users * (users - 1.0))
}

#[test]
fn a_ramp_to_the_knee_bears_a_peak() {
    // With 20 ms the knee comes long before the peak.
    let objective = Objective {
        latency: Some((0.95, Duration::from_millis(20))),
        errors: 0.01,
    };
    let mut ramp = Ramp::new(objective, Bounds::new(1.0, 1000.0, true)).expect("in range");
    let mut results = empty();
    let mut sign = 1.0;
    while let Some(step) = ramp.next_step() {
        // Two percent up and down.
        sign = -sign;
        let done = (rate(step.load) * (1.0 + 0.02 * sign)).round();
        let latency = step.load / done;
        phase(
            &mut results,
            done as u64,
            done as u64,
            latency,
            &[step.load as u32; SECONDS],
        );
        ramp.measured(Measured {
            throughput: done,
            latency: Some(Duration::from_secs_f64(latency)),
            errors: 0.0,
            in_flight: step.load,
            is_valid: true,
        });
    }
    assert!(
        matches!(ramp.outcome().end, End::Found { .. }),
        "{}",
        ramp.outcome()
    );
    let (_folder, path) = written(&results);
    let json = answered(&["--results", &path]);
    let peak = &json["measurements"]["curve"]["peak"];
    near(&peak["concurrency"], 44.0, 5.0);
    near(&peak["throughput"], 1285.0, 40.0);
}

#[test]
fn several_files_are_one_set_of_points() {
    let mut first = ramp();
    let mut second = ramp();
    first.phases.truncate(4);
    second.phases.drain(..4);
    let ((_one, first), (_two, second)) = (written(&first), written(&second));
    let json = answered(&[
        "--results",
        &first,
        "--results",
        &second,
        "--objective",
        "mean < 40ms",
    ]);
    assert_eq!(
        json["measurements"]["levels"].as_array().map(Vec::len),
        Some(9)
    );
}

#[test]
fn runs_that_say_nothing_of_the_service_are_refused() {
    let mut invalid = ramp();
    invalid.generator.invalid = vec!["start lag p99 is 20 ms".into()];
    let mut ramped = ramp();
    for phase in &mut ramped.phases {
        phase.users = Some((1, 100));
    }
    let mut dead = ramp();
    for second in &mut dead.series {
        second.failed = second.done;
    }
    for (results, why) in [
        (
            invalid,
            "the run is invalid, its numbers are the generator's and not the service's: start lag p99 is 20 ms",
        ),
        (ramped, "load changed during it"),
        (dead, "nothing was answered well in it"),
        (empty(), "it has no phases"),
    ] {
        let (_folder, path) = written(&results);
        let errors = refused(2, &["--results", &path]);
        assert!(errors.contains(&path) && errors.contains(why), "{errors}");
    }
}

#[test]
fn files_that_are_none_are_named() {
    let good = serde_json::to_string(&ramp()).expect("plain data");
    for (text, why) in [
        (String::new(), "is no results file: EOF"),
        ("{}".to_owned(), "it says no format"),
        ("[1, 2]".to_owned(), "is no results file"),
        (
            good.replace("\"format\":1", "\"format\":99"),
            "has the format 99, and this version reads 1",
        ),
        (good[..good.len() / 2].to_owned(), "line 1 column"),
        (
            good.replace("\"is_open\":false,", ""),
            "missing field `is_open`",
        ),
    ] {
        let (_folder, path) = file("bad.json", &text);
        let errors = refused(2, &["--results", &path]);
        assert!(errors.contains(&path) && errors.contains(why), "{errors}");
    }
}

#[test]
fn absurd_numbers_do_no_harm() {
    let mut results = ramp();
    for (at, phase) in results.phases.iter_mut().enumerate() {
        phase.in_flight = [0.0, -1.0, f64::MAX, 1e300][at % 4];
        phase.duration = [0.0, -5.0, 1e300][at % 3];
    }
    for second in &mut results.series {
        second.done = u64::MAX;
        second.duration = -1.0;
    }
    let (_folder, path) = written(&results);
    assert!(refused(2, &["--results", &path, "--objective", "p95 < 1s"]).contains(&path));
}

#[test]
fn a_part_of_several_generators_bears_nothing() {
    let mut part = ramp();
    (part.shards, part.shard_count) = (vec![0, 2], 3);
    let (_folder, path) = written(&part);
    let said = refused(2, &["--results", &path]);
    for part in ["2 of 3 generators", "tenfold load merge"] {
        assert!(said.contains(part), "{said}");
    }
}
