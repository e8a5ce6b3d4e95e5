//! Searches against services that are formulas.

use super::*;

/// Goodput, latency of p95 in seconds, errors, and requests under way at a load.
type Service = fn(f64) -> (f64, f64, f64, f64);

/// Numbers from −1 to 1 that look like noise, and are the same in each run.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> f64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as f64 / f64::from(1u32 << 30) - 1.0
    }
}

fn objective() -> Objective {
    Objective {
        latency: Some((0.95, Duration::from_millis(300))),
        errors: 0.01,
    }
}

fn goodput_only() -> Objective {
    Objective {
        latency: None,
        errors: 0.01,
    }
}

fn answer((throughput, latency, errors, in_flight): (f64, f64, f64, f64)) -> Measured {
    Measured {
        throughput,
        latency: Some(Duration::from_secs_f64(latency)),
        errors,
        in_flight,
        is_valid: true,
    }
}

/// Runs a search to its end; `change` may spoil each measurement.
fn run(
    objective: Objective,
    bounds: Bounds,
    service: Service,
    mut change: impl FnMut(Step, &mut Measured),
) -> Outcome {
    let mut ramp = Ramp::new(objective, bounds).expect("in range");
    while let Some(step) = ramp.next_step() {
        assert!(
            step.load >= bounds.from && step.load <= bounds.to,
            "{step:?}"
        );
        assert!(!bounds.is_users || step.load.fract() == 0.0, "{step:?}");
        assert_eq!(ramp.next_step(), Some(step), "it can be asked again");
        let mut measured = answer(service(step.load));
        change(step, &mut measured);
        ramp.measured(measured);
    }
    let outcome = ramp.outcome();
    assert!(outcome.steps <= bounds.most);
    assert!(outcome.points.is_sorted_by(|a, b| a.load < b.load));
    outcome
}

fn quiet(_: Step, _: &mut Measured) {}

/// Three percent of noise in everything.
fn noisy(seed: u64) -> impl FnMut(Step, &mut Measured) {
    let mut noise = Noise(seed);
    move |_, measured| {
        measured.throughput *= 1.0 + 0.03 * noise.next();
        let latency = measured.latency.expect("some");
        measured.latency = Some(latency.mul_f64(1.0 + 0.03 * noise.next()));
    }
}

/// One server of 1,000 requests per second behind a queue: p95 of M/M/1 up to 30 s, as long as the test lets it grow.
fn queue(rate: f64) -> (f64, f64, f64, f64) {
    let spare: f64 = 1000.0 - rate;
    if spare <= 0.0 {
        return (1000.0, 30.0, 0.0, 30_000.0);
    }
    let mean = 1.0 / spare;
    (rate, (3.0 * mean).min(30.0), 0.0, rate * mean)
}

/// Eight workers of 10 ms, and as many users as there are without think time.
fn eight_workers(users: f64) -> (f64, f64, f64, f64) {
    let rate = users.min(8.0) * 100.0;
    (rate, users / rate * 1.5, 0.0, users)
}

/// α = 0.03, β = 0.0005, 95 requests per second alone: the peak is at 44 users.
fn usl(users: f64) -> (f64, f64, f64, f64) {
    let cost = 1.0 + 0.03 * (users - 1.0) + 0.0005 * users * (users - 1.0);
    let rate = 95.0 * users / cost;
    (rate, users / rate * 2.0, 0.0, users)
}

/// Takes 700 per second; from there on nearly everything fails, quickly.
fn collapses(rate: f64) -> (f64, f64, f64, f64) {
    if rate <= 700.0 {
        (rate, 0.02, 0.0, rate * 0.01)
    } else {
        (50.0, 0.02, 0.93, 300.0)
    }
}

/// Takes 700 per second; from there on most requests starve, without an error or a long wait for the rest.
fn starves(rate: f64) -> (f64, f64, f64, f64) {
    if rate <= 700.0 {
        (rate, 0.02, 0.0, rate * 0.01)
    } else {
        (50.0, 0.02, 0.0, 300.0)
    }
}

fn endless(rate: f64) -> (f64, f64, f64, f64) {
    (rate, 0.01, 0.0, rate * 0.01)
}

fn cause(outcome: &Outcome) -> Cause {
    match outcome.end {
        End::Found { cause, at } => {
            let knee = outcome.knee.as_ref().expect("found").load;
            // Beyond the fewest users who bring all there is, the next level may be anywhere.
            let is_close = at <= knee * CLOSE
                || outcome.is_users && (at - knee <= 1.0 || cause == Cause::Saturation);
            assert!(is_close && at > knee, "{outcome:?}");
            cause
        }
        _ => panic!("{outcome:?}"),
    }
}

fn knee(outcome: &Outcome) -> f64 {
    outcome.knee.as_ref().expect("there is one").load
}

/// Eight points or more, some of them beyond the knee.
fn bears_a_curve(outcome: &Outcome) {
    assert!(outcome.points.len() >= LEVELS, "{outcome:?}");
    let beyond = outcome.points.iter().filter(|one| one.load > knee(outcome));
    assert!(beyond.count() >= 3, "{outcome:?}");
}

#[test]
fn a_queue_breaks_the_objective_just_below_its_capacity() {
    let outcome = run(objective(), Bounds::new(10.0, 1e5, false), queue, quiet);
    // p95 is 300 ms with 10 requests per second to spare.
    assert!(
        knee(&outcome) > 940.0 && knee(&outcome) <= 990.0,
        "{outcome:?}"
    );
    assert_eq!(cause(&outcome), Cause::Latency);
    assert!(outcome.steps <= 25, "{}", outcome.steps);
    bears_a_curve(&outcome);
    // Arrivals that pile up are not driven far.
    assert!(outcome.points.iter().all(|one| one.load <= 2000.0));
    let words = outcome.to_string();
    assert!(words.starts_with("the knee is at 9"), "{words}");
    assert!(
        words.ends_with("answers took longer than the objective allows"),
        "{words}"
    );
}

#[test]
fn a_full_server_without_an_objective_is_saturated() {
    let outcome = run(goodput_only(), Bounds::new(10.0, 1e5, false), queue, quiet);
    assert_eq!(cause(&outcome), Cause::Saturation);
    // 95 % of the capacity, less the 5 % that the search leaves open.
    assert!(
        knee(&outcome) > 900.0 && knee(&outcome) <= 1000.0,
        "{outcome:?}"
    );
    bears_a_curve(&outcome);
}

#[test]
fn users_beyond_the_workers_only_wait() {
    let outcome = run(
        goodput_only(),
        Bounds::new(1.0, 500.0, true),
        eight_workers,
        quiet,
    );
    assert_eq!(cause(&outcome), Cause::Saturation);
    assert_eq!(knee(&outcome), 8.0);
    let words = outcome.to_string();
    assert!(words.starts_with("the knee is at 8 users"), "{words}");
    bears_a_curve(&outcome);
    let slow = run(
        objective(),
        Bounds::new(1.0, 500.0, true),
        eight_workers,
        quiet,
    );
    assert_eq!(cause(&slow), Cause::Saturation, "long before 300 ms");
}

#[test]
fn one_worker_is_busy_with_one_user() {
    let one = |users: f64| (100.0, users * 0.01, 0.0, users);
    let outcome = run(goodput_only(), Bounds::new(1.0, 500.0, true), one, quiet);
    assert_eq!((cause(&outcome), knee(&outcome)), (Cause::Saturation, 1.0));
    // Of more users to begin with it is not known whether fewer would do.
    let outcome = run(goodput_only(), Bounds::new(4.0, 500.0, true), one, quiet);
    assert!(
        matches!(outcome.end, End::BrokenFromStart { .. }),
        "{outcome:?}"
    );
}

#[test]
fn contention_and_coherency_have_a_knee_before_the_peak() {
    let outcome = run(goodput_only(), Bounds::new(1.0, 1000.0, true), usl, quiet);
    assert_eq!(cause(&outcome), Cause::Saturation);
    // 95 % of the peak's throughput come with 28 users.
    assert!((25.0..=29.0).contains(&knee(&outcome)), "{outcome:?}");
    bears_a_curve(&outcome);
    let best = outcome
        .points
        .iter()
        .map(|one| one.throughput)
        .fold(0.0, f64::max);
    let last = outcome.points.last().expect("some");
    assert!(
        last.throughput < best && last.load > 44.0,
        "the peak is behind: {outcome:?}"
    );
    // An objective that is broken before: 2 · N/X = 50 ms with 24 users.
    let strict = Objective {
        latency: Some((0.95, Duration::from_millis(50))),
        errors: 0.01,
    };
    let outcome = run(strict, Bounds::new(1.0, 1000.0, true), usl, quiet);
    assert_eq!(
        (cause(&outcome), knee(&outcome)),
        (Cause::Latency, exact(usl, 0.05))
    );
    let last = outcome.points.last().expect("some");
    assert!(
        last.load > 44.0,
        "the curve's peak is seen although the objective broke before: {outcome:?}"
    );
}

/// The most users whose p95 is within `bound`.
fn exact(service: Service, bound: f64) -> f64 {
    let mut users = 1.0;
    while service(users + 1.0).1 <= bound {
        users += 1.0;
    }
    users
}

#[test]
fn noise_moves_the_knee_by_little() {
    for seed in 0..50 {
        let outcome = run(
            objective(),
            Bounds::new(10.0, 1e5, false),
            queue,
            noisy(seed),
        );
        assert_eq!(cause(&outcome), Cause::Latency, "{seed}");
        assert!(
            (930.0..=1000.0).contains(&knee(&outcome)),
            "{seed}: {outcome:?}"
        );
        let outcome = run(
            goodput_only(),
            Bounds::new(1.0, 1000.0, true),
            usl,
            noisy(seed),
        );
        assert_eq!(cause(&outcome), Cause::Saturation, "{seed}");
        assert!(
            (21.0..=36.0).contains(&knee(&outcome)),
            "{seed}: {outcome:?}"
        );
        bears_a_curve(&outcome);
    }
}

#[test]
fn one_bad_window_in_ten_is_not_believed() {
    let mut right = 0;
    for seed in 0..50 {
        let mut noise = Noise(seed);
        let outcome = run(
            objective(),
            Bounds::new(10.0, 1e5, false),
            queue,
            |_, measured| {
                if noise.next() > 0.8 {
                    measured.latency = Some(Duration::from_secs(2));
                }
            },
        );
        right += u32::from((940.0..=990.0).contains(&knee(&outcome)));
    }
    // Two bad windows out of three at one of a dozen loads: 3 % each, a few runs in all.
    assert!(right >= 40, "{right}");
}

#[test]
fn what_collapses_is_found_and_spared() {
    let mut broken = 0;
    let outcome = run(
        objective(),
        Bounds::new(10.0, 1e5, false),
        collapses,
        |step, _| {
            broken += u32::from(step.load > 700.0);
            assert!(step.load <= 1280.0, "it is not pushed further: {step:?}");
        },
    );
    assert_eq!(cause(&outcome), Cause::Errors);
    assert!(
        knee(&outcome) > 665.0 && knee(&outcome) <= 700.0,
        "{outcome:?}"
    );
    assert!(broken <= 12, "{broken}");
    assert!(outcome.points.len() >= LEVELS);
}

#[test]
fn what_starves_in_silence_is_found_too() {
    let outcome = run(
        goodput_only(),
        Bounds::new(10.0, 1e5, false),
        starves,
        quiet,
    );
    assert_eq!(cause(&outcome), Cause::Saturation);
    assert!((600.0..=700.0).contains(&knee(&outcome)), "{outcome:?}");
}

#[test]
fn what_never_breaks_is_at_least_the_bound() {
    let outcome = run(objective(), Bounds::new(10.0, 500.0, false), endless, quiet);
    assert_eq!(outcome.end, End::NotReached);
    assert_eq!(knee(&outcome), 500.0);
    assert!(outcome.points.len() >= LEVELS, "{outcome:?}");
    assert!(
        outcome
            .to_string()
            .contains("no knee up to 500.0 arrivals/s")
    );
}

#[test]
fn what_is_broken_from_the_start_is_left_alone() {
    let slow: Service = |rate| (rate, 0.4, 0.0, rate * 0.4);
    let outcome = run(objective(), Bounds::new(10.0, 1000.0, false), slow, quiet);
    assert_eq!(
        outcome.end,
        End::BrokenFromStart {
            cause: Cause::Latency
        }
    );
    assert_eq!((outcome.knee.as_ref(), outcome.steps), (None, 2));
    assert!(outcome.to_string().contains("begin lower"));
    let dead = run(
        objective(),
        Bounds::new(10.0, 1000.0, false),
        endless,
        |_, measured| {
            measured.latency = None;
            measured.throughput = 0.0;
        },
    );
    assert_eq!(
        dead.end,
        End::BrokenFromStart {
            cause: Cause::NoAnswers
        }
    );
    assert_eq!(dead.steps, 1, "a dead service is not asked twice");
    let full = run(
        goodput_only(),
        Bounds::new(2000.0, 1e5, false),
        queue,
        quiet,
    );
    assert_eq!(
        full.end,
        End::BrokenFromStart {
            cause: Cause::Saturation
        }
    );
}

#[test]
fn a_generator_that_does_not_keep_up_says_nothing_of_the_service() {
    let outcome = run(
        objective(),
        Bounds::new(10.0, 1e5, false),
        endless,
        |step, measured| {
            measured.is_valid = step.load < 3000.0;
        },
    );
    assert_eq!(outcome.end, End::GeneratorLimit);
    assert_eq!(knee(&outcome), 2560.0);
    assert!(outcome.points.len() >= LEVELS);
    let never = run(
        objective(),
        Bounds::new(10.0, 1e5, false),
        endless,
        |_, measured| {
            measured.is_valid = false;
        },
    );
    assert_eq!(
        never.end,
        End::BrokenFromStart {
            cause: Cause::Generator
        }
    );
    let once = run(objective(), Bounds::new(10.0, 500.0, false), endless, {
        let mut count = 0;
        move |_, measured| {
            count += 1;
            measured.is_valid = count % 3 != 0;
        }
    });
    assert_eq!(once.end, End::NotReached, "a bad moment is measured again");
}

#[test]
fn a_step_after_too_much_begins_later() {
    let mut ramp = Ramp::new(objective(), Bounds::new(100.0, 1e4, false)).expect("in range");
    let first = ramp.next_step().expect("one");
    assert_eq!(
        (first.settle, first.measure),
        (Duration::from_secs(2), Duration::from_secs(10))
    );
    ramp.measured(answer((100.0, 5.0, 0.0, 500.0)));
    let again = ramp.next_step().expect("measured again");
    assert_eq!(
        (again.settle, again.measure),
        (Duration::from_secs(10), Duration::from_secs(20))
    );
}

#[test]
fn it_may_be_ended_at_any_time() {
    let mut ramp = Ramp::new(objective(), Bounds::new(10.0, 1e5, false)).expect("in range");
    assert_eq!(ramp.outcome().end, End::Unfinished);
    ramp.measured(answer(endless(10.0)));
    let outcome = ramp.outcome();
    assert_eq!((outcome.end, knee(&outcome)), (End::Unfinished, 10.0));
    let mut bounds = Bounds::new(10.0, 1e5, false);
    bounds.most = 5;
    let outcome = run(objective(), bounds, queue, quiet);
    assert_eq!((outcome.end, outcome.steps), (End::Unfinished, 5));
}

#[test]
fn bounds_that_cannot_be_are_refused() {
    let good = Bounds::new(1.0, 10.0, true);
    let refused = |objective, bounds| {
        Ramp::new(objective, bounds)
            .expect_err("refused")
            .to_string()
    };
    for bounds in [
        Bounds { from: 0.0, ..good },
        Bounds {
            from: f64::NAN,
            ..good
        },
        Bounds {
            to: f64::INFINITY,
            ..good
        },
        Bounds { from: 10.0, ..good },
        Bounds { from: 1.5, ..good },
        Bounds { most: 0, ..good },
        Bounds {
            measure: Duration::ZERO,
            ..good
        },
    ] {
        refused(objective(), bounds);
    }
    let late = Objective {
        latency: Some((1.0, Duration::from_secs(1))),
        errors: 0.0,
    };
    assert!(refused(late, good).contains("below 100"));
    assert!(
        refused(
            Objective {
                errors: 1.0,
                ..goodput_only()
            },
            good
        )
        .contains("below 1")
    );
}
