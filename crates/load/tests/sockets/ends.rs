//! What is counted when a test ends, is ended, or is too much.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tenfold_load::scenario::{Extract, From, Pick, Step, Think};
use tenfold_load::test::{Arrivals, Load};
use tenfold_load::{Results, Stop, run};
use tenfold_testkit::origin::{Origin, ok};

use super::{done, errors, phase, rate, scenario, test, tried, users};

/// Arrivals that were due are begun or dropped, and what was begun is done: nobody is lost, nobody is counted twice.
fn nobody_is_lost(results: &Results) {
    let sum = |of: fn(&tenfold_load::results::Interval) -> u64| -> u64 {
        results.series.iter().map(of).sum()
    };
    let (arrivals, begun) = (sum(|it| it.arrivals), sum(|it| it.begun));
    if results.is_open {
        assert_eq!(arrivals, begun + results.generator.dropped);
    }
    assert_eq!(results.total.due, results.total.done);
    assert_eq!(results.total.latency.count(), results.total.done);
    assert_eq!(sum(|it| it.done), results.total.done);
}

/// A thousand times more than anybody can do: the test ends on time, says that it is worth nothing, and knows how many were due.
#[test]
fn a_rate_that_nobody_can_make_is_an_invalid_run_that_ends_on_time() {
    for arrivals in [Arrivals::Even, Arrivals::Poisson] {
        let origin = Origin::saying("here");
        let mut test = test(origin.address(), vec![rate(2e7, 1.5)]);
        (test.target.connections, test.threads, test.arrivals) = (4, 2, arrivals);
        let begun = Instant::now();
        let results = done(test);
        assert!(begun.elapsed() < Duration::from_secs(6));
        nobody_is_lost(&results);
        let due: u64 = results.series.iter().map(|it| it.arrivals).sum();
        assert!((due as f64 / 3e7 - 1.0).abs() < 0.01, "{due}");
        if arrivals == Arrivals::Even {
            assert_eq!(due, 30_000_000);
        }
        assert!(!results.generator.invalid.is_empty());
        assert_eq!(results.total.failed, 0, "{:?}", results.errors);
    }
}

#[test]
fn who_comes_in_the_last_moment_is_served() {
    for _ in 0..5 {
        let origin = Origin::saying("here");
        // The last one comes 20 microseconds before the end.
        let results = done(test(origin.address(), vec![rate(10.0, 0.400_02)]));
        nobody_is_lost(&results);
        assert_eq!((results.total.done, results.generator.dropped), (5, 0));
    }
}

#[test]
fn what_has_no_answer_at_the_end_of_the_grace_is_a_timeout_once() {
    let origin = Origin::new(|peer| {
        while let Some(request) = peer.request()? {
            if request.head.starts_with("GET /never") {
                peer.to_end()?;
            }
            peer.send(ok("quick"))?;
        }
        Ok(())
    });
    let mut test = test(origin.address(), vec![rate(20.0, 0.5)]);
    test.grace = Duration::from_millis(300);
    let steps = vec![Step::new("GET", "/quick"), Step::new("GET", "/never")];
    test.scenarios = vec![scenario("both", steps)];
    let begun = Instant::now();
    let results = done(test);
    assert!(begun.elapsed() < Duration::from_secs(3));
    nobody_is_lost(&results);
    assert_eq!(errors(&results), [("timeout", 10)], "{:?}", results.errors);
}

/// Those under way when somebody presses Ctrl-C get the answers that are about to come.
#[test]
fn a_stop_makes_no_timeouts_of_what_is_answered_at_once() {
    let origin = Origin::answering(|_| {
        std::thread::sleep(Duration::from_millis(200));
        ok("soon")
    });
    let test = Arc::new(test(origin.address(), vec![users(10, 60.0)]));
    let stop = Stop::default();
    let begun = Instant::now();
    let results = run(&test, &stop, &mut |progress| {
        (progress.elapsed > Duration::from_millis(700)).then(|| "enough".to_owned())
    });
    let results = results.expect("results");
    assert!(begun.elapsed() < Duration::from_secs(10));
    nobody_is_lost(&results);
    assert_eq!(results.total.failed, 0, "{:?}", results.errors);
    assert_eq!(results.ended_early.as_deref(), Some("enough"));
    assert!(!stop.is_stopped(), "the caller's own: other tests go on");
}

/// Users who think for half a minute leave when the ramp says so, and their return is no delay.
#[test]
fn users_who_think_leave_in_time() {
    let origin = Origin::saying("here");
    let down = phase(Load::Users { from: 10, to: 0 }, 1.0);
    let mut test = test(origin.address(), vec![users(10, 1.2), down, users(0, 1.2)]);
    test.scenarios[0].steps[0].think = Think::Constant(Duration::from_secs(30));
    let results = done(test);
    nobody_is_lost(&results);
    assert_eq!(results.total.done, 10);
    assert_eq!(results.series[0].users, 10);
    assert_eq!(results.series[2].users, 0, "nobody thinks on");
}

/// His answer takes until after he was to come back: he begins then, and that is nobody's delay.
#[test]
fn a_user_who_comes_back_late_is_not_late() {
    let origin = Origin::answering(|_| {
        std::thread::sleep(Duration::from_millis(700));
        ok("slow")
    });
    let phases = vec![users(1, 0.3), users(0, 0.1), users(1, 0.6)];
    let results = done(test(origin.address(), phases));
    assert_eq!(results.total.done, 2);
    let longest = results.total.latency.max().expect("two");
    assert!(longest < Duration::from_millis(900), "{longest:?}");
    assert!(
        results.generator.invalid.is_empty(),
        "{:?}",
        results.generator.invalid
    );
}

/// A session that failed does not think, and its place is free for others.
#[test]
fn a_failed_session_of_an_open_model_leaves() {
    let origin = Origin::answering(|_| b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n".to_vec());
    let mut first = Step::new("GET", "/1");
    first.think = Think::Constant(Duration::from_secs(30));
    let mut test = test(origin.address(), vec![rate(50.0, 0.5)]);
    test.target.connections = 2;
    test.scenarios = vec![scenario("two", vec![first, Step::new("GET", "/2")])];
    let results = done(test);
    nobody_is_lost(&results);
    assert_eq!((results.total.done, results.generator.dropped), (25, 0));
}

#[test]
fn a_defect_of_a_user_ends_the_test_with_an_error() {
    let origin = Origin::saying("here");
    let mut test = test(origin.address(), vec![rate(5.0, 60.0)]);
    test.threads = 2;
    // No variable has such a number: nothing but a defect makes this.
    test.scenarios[0].steps[0].extract = vec![Extract {
        variable: usize::MAX,
        from: From::Header("content-length".to_owned()),
        regex: None,
        pick: Pick::First,
        default: None,
    }];
    let begun = Instant::now();
    let error = tried(test).expect_err("its numbers are gone");
    assert!(error.message.contains("defect"), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(20));
}

#[test]
fn times_without_an_end_are_no_overflow() {
    let origin = Origin::saying("here");
    let mut test = test(origin.address(), vec![users(2, 0.3)]);
    (test.target.timeout, test.grace) = (Duration::MAX, Duration::MAX);
    test.scenarios[0].steps[0].think = Think::Constant(Duration::MAX);
    let results = done(test);
    assert_eq!((results.total.done, results.total.failed), (2, 0));
}

#[test]
fn teardown_is_done_also_when_the_test_never_began() {
    let origin = Origin::saying("here");
    let mut test = test(origin.address(), vec![rate(5.0, 1.0)]);
    test.teardown = vec![Step::new("DELETE", "/all")];
    test.start_at = Some(std::time::SystemTime::now() + Duration::from_secs(3600));
    let stop = Stop::default();
    stop.stop();
    let error = run(&Arc::new(test), &stop, &mut |_| None).expect_err("nothing was measured");
    assert!(error.message.contains("before the test began"), "{error}");
    assert_eq!(origin.requests(), 1);
}

#[test]
fn more_threads_than_connections_make_no_more_connections() {
    let origin = Origin::saying("here");
    let mut test = test(origin.address(), vec![rate(100.0, 0.5)]);
    (test.threads, test.target.connections) = (8, 2);
    let results = done(test);
    nobody_is_lost(&results);
    assert_eq!(results.total.done, 50);
    assert!(origin.connections() <= 3, "{}", origin.connections());
}

/// CPU time is that of the whole test, also of the part of a second at its end.
#[test]
fn the_last_part_of_a_second_costs_as_well() {
    let origin = Origin::saying("here");
    let results = done(test(origin.address(), vec![users(4, 0.8)]));
    assert!(results.generator.cpu_seconds > 0.0 && results.generator.cpu > 0.0);
}

#[test]
fn sessions_of_users_have_connections_of_their_own_if_that_is_said() {
    let origin = Origin::saying("here");
    let mut test = test(origin.address(), vec![users(2, 0.5)]);
    test.target.reuses = false;
    test.scenarios[0].steps[0].think = Think::Constant(Duration::from_millis(50));
    let results = done(test);
    assert_eq!(origin.connections() as u64, results.total.done + 1);
}
