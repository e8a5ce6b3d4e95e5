//! Open and closed models, phases, ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use tenfold_load::import::replay::{Methods, Replay};
use tenfold_load::scenario::{Step, Think};
use tenfold_load::test::{Arrivals, Load, Mix, Shard};
use tenfold_load::threshold::Threshold;
use tenfold_load::{Stop, run};
use tenfold_testkit::origin::{Origin, ok};

use super::{done, phase, rate, scenario, test, users};

/// An origin that stops for a time, `after` its first request: as a whole, as a process does.
fn stopping(after: Duration, time: Duration) -> Origin {
    let begun = std::sync::OnceLock::new();
    Origin::answering(move |_| {
        let begun = *begun.get_or_init(Instant::now);
        let passed = begun.elapsed();
        if passed > after && passed < after + time {
            std::thread::sleep(after + time - passed);
        }
        ok("here")
    })
}

/// Gil Tene's point: with arrivals that do not wait, everybody who would have come during a stop is in the numbers; users who wait for their answers
/// have hardly noticed.
#[test]
fn a_stop_is_in_the_latencies_of_all_who_came_during_it() {
    let stop = Duration::from_millis(1000);
    let origin = stopping(Duration::from_secs(1), stop);
    let results = done(test(origin.address(), vec![rate(100.0, 4.0)]));
    assert_eq!(
        (results.total.done, results.total.failed),
        (400, 0),
        "{:?}",
        results.errors
    );
    let latency = &results.total.latency;
    // A quarter of the arrivals fell into the stop, and waited for 0 to 1 s.
    let late = 400 - latency.count_up_to(Duration::from_millis(500));
    assert!((45..=60).contains(&late), "{late}");
    assert!(
        latency.max() >= Some(Duration::from_millis(970)),
        "{:?}",
        latency.max()
    );

    let origin = stopping(Duration::from_secs(1), stop);
    let mut closed = test(origin.address(), vec![users(1, 4.0)]);
    closed.scenarios[0].steps[0].think = Think::Constant(Duration::from_millis(10));
    let results = done(closed);
    let late = results.total.done
        - results
            .total
            .latency
            .count_up_to(Duration::from_millis(500));
    assert_eq!(late, 1, "the one user waited once");
}

/// One connection, and each answer takes 100 ms: of 20 per second half can be served, and the others' wait is latency.
#[test]
fn waiting_for_a_connection_is_latency_and_no_service_time() {
    let origin = Origin::answering(|_| {
        std::thread::sleep(Duration::from_millis(100));
        ok("slow")
    });
    let mut test = test(origin.address(), vec![rate(20.0, 1.0)]);
    test.target.connections = 1;
    let results = done(test);
    assert!(
        results.generator.waited >= 8,
        "{}",
        results.generator.waited
    );
    let (latency, service) = (&results.total.latency, &results.total.service);
    assert!(
        latency.max() > Some(Duration::from_millis(400)),
        "{:?}",
        latency.max()
    );
    assert!(
        service.quantile(0.5) < Some(Duration::from_millis(300)),
        "{:?}",
        service.quantile(0.5)
    );
    // Whoever had no turn until the end never began.
    let begun: u64 = results.series.iter().map(|it| it.begun).sum();
    assert_eq!(begun + results.generator.dropped, 20);
    assert!(results.generator.dropped > 0);
    let invalid = results.generator.invalid.join(" ");
    assert!(invalid.contains("never begun"), "{invalid}");
}

#[test]
fn phases_have_their_own_numbers_and_warm_ups_are_left_out() {
    let origin = Origin::saying("here");
    let mut warm_up = rate(50.0, 1.0);
    (warm_up.name, warm_up.is_warm_up) = ("warm".to_owned(), true);
    let ramp = phase(
        Load::Rate {
            from: 0.0,
            to: 100.0,
        },
        1.0,
    );
    let mut test = test(origin.address(), vec![warm_up, ramp, rate(20.0, 1.0)]);
    test.threads = 2;
    let results = done(test);
    let counts: Vec<_> = results
        .phases
        .iter()
        .map(|phase| phase.totals.done)
        .collect();
    assert_eq!(counts, [50, 50, 20]);
    assert_eq!((results.total.done, results.steps[0].totals.done), (70, 70));
    assert_eq!(results.series.iter().map(|it| it.done).sum::<u64>(), 120);
    assert_eq!(origin.requests(), 120);
}

#[test]
fn users_come_and_go() {
    let origin = Origin::saying("here");
    let ramp = phase(Load::Users { from: 0, to: 20 }, 1.0);
    let mut test = test(origin.address(), vec![ramp, users(20, 1.2)]);
    test.scenarios[0].steps[0].think = Think::Constant(Duration::from_millis(50));
    test.threads = 2;
    let results = done(test);
    assert_eq!(results.total.failed, 0, "{:?}", results.errors);
    assert_eq!(results.series[1].users, 20);
    assert_eq!(
        origin.connections(),
        21,
        "one each, and one to see that it is there"
    );
    // 20 users who need 50 ms and a little: at most 400 per second.
    let second = results.phases[1].totals.done as f64 / 1.2;
    assert!((150.0..=400.0).contains(&second), "{second}");
}

#[test]
fn several_generators_make_exactly_the_arrivals_of_one() {
    let origin = Origin::saying("here");
    let mut sum: Option<tenfold_load::Results> = None;
    for index in 0..3 {
        let mut part = test(origin.address(), vec![rate(101.0, 1.0)]);
        part.shard = Shard { index, count: 3 };
        part.arrivals = Arrivals::Even;
        let results = done(part);
        match &mut sum {
            None => sum = Some(results),
            Some(sum) => {
                // They ran one after the other here.
                let results = tenfold_load::Results {
                    started: sum.started,
                    ..results
                };
                sum.add(&results).expect("parts of one test");
            }
        }
    }
    assert_eq!(sum.expect("three").total.done, 101);
    assert_eq!(origin.requests(), 101);
}

#[test]
fn a_stop_from_outside_reports_what_was_measured() {
    let origin = Origin::saying("here");
    let test = Arc::new(test(origin.address(), vec![rate(100.0, 60.0)]));
    let stop = Stop::default();
    let begun = Instant::now();
    let mut looks = 0;
    let results = run(&test, &stop, &mut |_| {
        looks += 1;
        stop.stop();
        None
    });
    let results = results.expect("results");
    assert!(begun.elapsed() < Duration::from_secs(20));
    assert!(looks >= 1 && results.total.done > 5);
    assert_eq!(results.ended_early.as_deref(), Some("it was interrupted"));
    assert!(results.phases[0].duration < 20.0);
}

#[test]
fn a_threshold_that_aborts_ends_the_test() {
    let origin = Origin::answering(|_| b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n".to_vec());
    let mut test = test(origin.address(), vec![rate(50.0, 60.0)]);
    let mut threshold = Threshold::parse("errors < 10%")
        .expect("a threshold")
        .aborting(true);
    threshold.abort_after = Duration::from_secs(1);
    test.thresholds = vec![threshold];
    let begun = Instant::now();
    let results = done(test);
    assert!(begun.elapsed() < Duration::from_secs(30));
    assert!(
        results.ended_early.is_some()
            && results.thresholds[0].aborted
            && !results.thresholds[0].holds
    );
}

#[test]
fn no_samples_are_no_success() {
    let origin = Origin::saying("here");
    let mut test = test(origin.address(), vec![rate(0.0, 1.0)]);
    test.thresholds = vec![Threshold::parse("p(95) < 300ms").expect("a threshold")];
    let results = done(test);
    assert_eq!(
        (results.total.done, results.thresholds[0].holds),
        (0, false)
    );
}

#[test]
fn setup_and_teardown_are_done_once_and_not_counted() {
    let (setups, teardowns) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (theirs, others) = (Arc::clone(&setups), Arc::clone(&teardowns));
    let origin = Origin::answering(move |request| {
        theirs.fetch_add(usize::from(request.head.starts_with("POST /setup")), SeqCst);
        others.fetch_add(usize::from(request.head.starts_with("DELETE /all")), SeqCst);
        ok("fine")
    });
    let mut test = test(origin.address(), vec![rate(20.0, 0.5)]);
    test.setup = vec![Step::new("POST", "/setup")];
    test.teardown = vec![Step::new("DELETE", "/all")];
    test.scenarios = vec![scenario(
        "two",
        vec![Step::new("GET", "/1"), Step::new("GET", "/2")],
    )];
    let results = done(test);
    assert_eq!((setups.load(SeqCst), teardowns.load(SeqCst)), (1, 1));
    assert!(results.total.done >= 18 && results.total.done <= 20);
}

#[test]
fn a_setup_that_fails_is_named_and_nothing_is_measured() {
    let origin = Origin::answering(|_| b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n".to_vec());
    let mut test = test(origin.address(), vec![rate(20.0, 60.0)]);
    test.setup = vec![Step::new("POST", "/login")];
    let error = super::tried(test).expect_err("it is not let in");
    assert!(
        error.message.contains("setup, step `POST /login`") && error.message.contains("403"),
        "{error}"
    );
}

#[test]
fn a_log_is_replayed_with_its_own_timing_and_several_times_as_fast() {
    let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
    let theirs = Arc::clone(&seen);
    let origin = Origin::answering(move |request| {
        let line = request.head.lines().next().unwrap_or_default().to_owned();
        theirs
            .lock()
            .expect("no panic")
            .push((Instant::now(), line));
        ok("fine")
    });
    let log = "1.2.3.4 - - [27/Nov/2026:20:00:00 +0000] \"GET /a?x=1 HTTP/1.1\" 200 5\n\
               1.2.3.4 - - [27/Nov/2026:20:00:10 +0000] \"HEAD /b HTTP/1.1\" 200 5\n\
               1.2.3.4 - - [27/Nov/2026:20:00:12 +0000] \"POST /pay HTTP/1.1\" 200 5\n\
               1.2.3.4 - - [27/Nov/2026:20:00:20 +0000] \"GET /c HTTP/1.1\" 200 5\n";
    let replay = Replay::parse(log.as_bytes(), 20.0, Methods::Safe).expect("a log");
    let mut test = test(origin.address(), vec![rate(1.0, 1.2)]);
    test.target.base = "/shop".to_owned();
    test.threads = 2;
    test.replay = Some(Arc::new(replay));
    let results = done(test);
    assert_eq!(
        (results.total.done, results.total.failed),
        (3, 0),
        "{:?}",
        results.errors
    );
    let seen = seen.lock().expect("no panic");
    let lines: Vec<_> = seen.iter().map(|it| it.1.as_str()).collect();
    assert_eq!(
        lines,
        [
            "GET /shop/a?x=1 HTTP/1.1",
            "HEAD /shop/b HTTP/1.1",
            "GET /shop/c HTTP/1.1"
        ]
    );
    let apart = seen[2].0 - seen[0].0;
    assert!(apart >= Duration::from_millis(990), "{apart:?}");
}

/// Users who are done sooner come sooner again, and take the next turn: not one that was theirs beforehand.
#[test]
fn an_exact_split_is_one_of_users_too() {
    let origin = Origin::saying("hello");
    let slow = |name: &str, millis| {
        let mut step = Step::new("GET", "/");
        step.think = Think::Constant(Duration::from_millis(millis));
        scenario(name, vec![step])
    };
    let mut test = test(origin.address(), vec![users(4, 1.5)]);
    test.scenarios = vec![slow("quick", 5), slow("slow", 100)];
    test.mix = Mix::Exact;
    test.threads = 2;
    let results = done(test);
    let counts: Vec<_> = results.steps.iter().map(|step| step.totals.done).collect();
    assert!(
        counts[0] > 10 && counts[0].abs_diff(counts[1]) <= 5,
        "{counts:?}"
    );
}
