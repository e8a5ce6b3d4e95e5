//! Thresholds against results whose numbers are known.

use super::super::{Scope, Threshold, aborts, judge};
use crate::report::fixture;
use crate::results::{Results, Totals, Verdict};
use std::time::Duration;

/// 100 requests of 1 to 100 ms, of which 5 failed, in 10 s.
fn known() -> Results {
    let mut results = fixture::results(1, 1.0);
    let mut totals = Totals {
        due: 100,
        done: 100,
        failed: 5,
        sent_bytes: 1000,
        received_bytes: 50_000,
        ..Totals::default()
    };
    totals.statuses.extend([(200, 90), (304, 5), (503, 3)]);
    for millis in 1..=100 {
        totals.latency.record(Duration::from_millis(millis));
        totals.service.record(Duration::from_millis(1));
    }
    results.phases.truncate(2);
    results.phases[1].duration = 10.0;
    results.total = totals.clone();
    for step in &mut results.steps {
        step.totals = Totals::default();
    }
    results.steps[2].totals = totals;
    results.thresholds.clear();
    results
}

fn one(text: &str, scope: Option<Scope>, results: &Results) -> Verdict {
    let threshold = Threshold::parse(text).expect(text).of(scope);
    judge(&[threshold], results).remove(0)
}

#[test]
fn numbers_are_judged_as_they_are() {
    let results = known();
    for (text, holds, measured) in [
        ("p(95) < 95ms", false, "95.0 ms"),
        ("p(95) <= 95.1ms", true, "95.0 ms"),
        ("med < 51ms", true, "50.0 ms"),
        ("max > 100ms", true, "100 ms"),
        ("min < 1ms", false, "1.00 ms"),
        ("avg < 51ms", true, "50.5 ms"),
        ("service p(99) < 2ms", true, "1.00 ms"),
        ("errors < 5%", false, "5.00 % (5 of 100)"),
        ("errors <= 5%", true, "5.00 % (5 of 100)"),
        ("errors == 5", true, "5"),
        ("rate >= 10", true, "10/s"),
        ("rate > 10/s", false, "10/s"),
        ("requests == 100", true, "100"),
        ("2xx > 89%", true, "90.0 % (90 of 100)"),
        ("status(503) < 3", false, "3"),
        ("5xx < 4", true, "3"),
        ("received > 49kB", true, "50.0 kB"),
        ("sent > 100B/s", false, "100 B/s"),
    ] {
        let verdict = one(text, None, &results);
        assert_eq!(
            (verdict.holds, &*verdict.measured),
            (holds, measured),
            "{text}"
        );
    }
}

#[test]
fn parts_are_judged_alone() {
    let results = known();
    let step = |name: &str| Some(Scope::step(name));
    assert!(one("requests == 100", step("POST /cart"), &results).holds);
    let of = |scenario: &str| Scope::Step {
        scenario: Some(scenario.into()),
        name: "POST /cart".into(),
    };
    assert!(one("requests == 100", Some(of("buyer")), &results).holds);
    let verdict = one("requests == 100", Some(of("searcher")), &results);
    assert_eq!(verdict.measured, "there was no step POST /cart of searcher");
    assert!(
        one(
            "requests == 100",
            Some(Scope::Group("checkout".into())),
            &results
        )
        .holds
    );
    let warm_up = one(
        "requests > 500",
        Some(Scope::Phase("warm-up".into())),
        &results,
    );
    assert!(warm_up.holds, "{warm_up:?}");
    assert!(!one("requests > 0", Some(Scope::Phase("other".into())), &results).holds);
}

#[test]
fn without_samples_nothing_holds() {
    let mut results = known();
    let nothing = Some(Scope::step("GET /"));
    for text in [
        "p(95) < 1s",
        "errors < 1%",
        "errors == 0",
        "requests < 10",
        "5xx < 1%",
        "rate < 9",
    ] {
        let verdict = one(text, nothing.clone(), &results);
        assert_eq!(
            (verdict.holds, &*verdict.measured),
            (false, "no request was made"),
            "{text}"
        );
    }
    results.total = Totals {
        due: 7,
        ..Totals::default()
    };
    assert_eq!(
        one("errors == 0", None, &results).measured,
        "none of 7 requests ended"
    );
}

#[test]
fn an_abort_needs_time_and_samples() {
    let mut results = known();
    let abort = |text: &str| Threshold::parse(text).expect(text).aborting(true);
    let now = Duration::from_secs(10);
    let ended = aborts(&[abort("p(95) < 1ms")], &results, now).expect("an end");
    assert!(ended.aborted && !ended.holds && ended.measured == "95.0 ms");
    let early = Duration::from_secs(9);
    assert_eq!(aborts(&[abort("p(95) < 1ms")], &results, early), None);
    assert_eq!(aborts(&[abort("requests > 1000")], &results, now), None);
    assert_eq!(aborts(&[abort("p(95) < 1s")], &results, now), None);
    assert_eq!(
        aborts(
            &[abort("p(95) < 1ms").of(Some(Scope::step("none")))],
            &results,
            now
        ),
        None
    );
    let patient = Threshold::parse("p(95) < 1ms").expect("sound");
    assert_eq!(aborts(std::slice::from_ref(&patient), &results, now), None);
    // What ended the test does not hold at its end, even if it would by then.
    results.thresholds = vec![ended];
    results.total.latency.clear();
    results.total.latency.record(Duration::from_micros(10));
    let last = &judge(&[patient], &results)[0];
    assert!(last.aborted && !last.holds && last.measured == "10 µs");
}

/// Phases have the length that is planned until they are over.
#[test]
fn rates_of_a_test_under_way_are_of_its_time_until_then() {
    let mut results = known();
    (results.phases[1].start, results.phases[1].duration) = (10.0, 50.0);
    results.phases[1].totals = results.total.clone();
    let peak = Some(Scope::Phase(results.phases[1].name.clone()));
    let after = |seconds: u64, text: &str, scope: &Option<Scope>| {
        let threshold = Threshold::parse(text).expect(text).of(scope.clone());
        let elapsed = Duration::from_millis(seconds * 1000 + 150);
        aborts(&[threshold.aborting(true)], &results, elapsed)
    };
    for scope in [None, peak] {
        assert_eq!(after(20, "rate > 9/s", &scope), None);
        assert_eq!(after(20, "received > 4900B/s", &scope), None);
        let ended = after(20, "rate > 11/s", &scope).expect("an end");
        assert_eq!(ended.measured, "10/s");
        // In the first moment of what is measured there is no rate.
        assert_eq!(after(10, "rate > 9/s", &scope), None);
        // Behind its end it is as long as it was.
        assert_eq!(
            after(99, "rate > 2.1/s", &scope).expect("an end").measured,
            "2/s"
        );
    }
}
