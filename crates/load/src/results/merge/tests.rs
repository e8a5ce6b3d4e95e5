//! Parts of a test that never was.

use super::*;
use crate::report::{fixture, read_json};
use crate::results::Histogram;

#[test]
fn the_whole_is_the_sum_whatever_the_order() {
    let parts = fixture::parts(1, 3);
    let whole = Results::merge(parts.clone()).expect("one test");
    let again = Results::merge(parts.iter().rev().cloned()).expect("one test");
    assert_eq!(crate::report::json(&whole), crate::report::json(&again));
    let mut all = Histogram::default();
    for part in &parts {
        all.add(&part.total.latency);
    }
    assert_eq!(whole.total.latency, all);
    let sum = |count: fn(&Results) -> u64| parts.iter().map(count).sum::<u64>();
    assert_eq!(whole.total.done, sum(|it| it.total.done));
    assert_eq!(
        whole.errors.iter().map(|it| it.count).sum::<u64>(),
        sum(|it| it.total.failed)
    );
    for (index, step) in whole.steps.iter().enumerate() {
        let done = parts
            .iter()
            .map(|it| it.steps[index].totals.done)
            .sum::<u64>();
        assert_eq!(step.totals.done, done);
    }
    assert_eq!(whole.series.len(), parts[0].series.len());
    let done = |it: &Results| it.series.iter().map(|one| one.done).sum::<u64>();
    assert_eq!(done(&whole), parts.iter().map(done).sum::<u64>());
    assert_eq!(
        (&*whole.shards, whole.environments.len()),
        (&[0, 1, 2][..], 3)
    );
    assert!(whole.doubts().is_empty(), "{:?}", whole.doubts());
    // The rate of a phase was said for all together, and what is measured is three times a part's.
    assert_eq!(whole.phases[2].rate, parts[0].phases[2].rate);
    let in_flight: f64 = parts.iter().map(|it| it.phases[2].in_flight).sum();
    assert!((whole.phases[2].in_flight / in_flight - 1.0).abs() < 0.001);
    assert!(read_json(&crate::report::json(&whole)).is_ok());
}

#[test]
fn thresholds_are_judged_on_the_whole() {
    let mut parts = fixture::parts(1, 2);
    let set = |part: &mut Results, text: &str| {
        let threshold = crate::threshold::Threshold::parse(text).expect(text);
        part.thresholds = crate::threshold::judge(&[threshold], part);
    };
    let all: u64 = parts.iter().map(|it| it.total.done).sum();
    for part in &mut parts {
        set(part, &format!("requests == {all}"));
        assert!(!part.thresholds[0].holds);
    }
    let whole = Results::merge(parts.clone()).expect("one test");
    assert!(whole.thresholds[0].holds, "{:?}", whole.thresholds);
    parts[1].thresholds[0].aborted = true;
    let whole = Results::merge(parts).expect("one test");
    assert!(whole.thresholds[0].aborted && !whole.thresholds[0].holds);
}

#[test]
fn seconds_are_aligned_by_when_they_were() {
    let mut parts = fixture::parts(1, 2);
    parts[1].started = parts[0].started + 3.2;
    let whole = Results::merge(parts.clone()).expect("one test");
    assert_eq!(whole.started, parts[0].started);
    let is_about = |one: f64, two: f64| (one - two).abs() < 1e-6;
    assert!(is_about(whole.duration, 93.3), "{}", whole.duration);
    assert_eq!(whole.series.len(), parts[0].series.len() + 3);
    assert_eq!(whole.series[0].done, parts[0].series[0].done);
    assert_eq!(
        whole.series[5].done,
        parts[0].series[5].done + parts[1].series[2].done
    );
    let phase = &whole.phases[1];
    assert!(
        is_about(phase.start, 10.0) && is_about(phase.duration, 33.2),
        "{} {}",
        phase.start,
        phase.duration
    );
    assert!(whole.doubts()[0].starts_with("generators began 3.2 s apart"));
    // The first of the shards may also be the later one.
    let (first, second) = (parts[0].started + 9.0, parts[0].started);
    (parts[0].started, parts[1].started) = (first, second);
    let whole = Results::merge(parts.clone()).expect("one test");
    assert_eq!(whole.started, second);
    assert_eq!(whole.series[0].done, parts[1].series[0].done);
    assert_eq!(
        whole.series[9].done,
        parts[1].series[9].done + parts[0].series[0].done
    );
}

#[test]
fn missing_parts_make_it_invalid() {
    let mut parts = fixture::parts(1, 4);
    assert!(parts[2].doubts().is_empty());
    parts[0]
        .generator
        .invalid
        .push("start lag p99 was 4 ms".into());
    parts.remove(1);
    let whole = Results::merge(parts).expect("one test");
    assert_eq!(
        whole.doubts(),
        [
            "generator 1 of 4: start lag p99 was 4 ms",
            "results of 1 of 4 generators are missing: 2"
        ]
    );
}

#[test]
fn what_is_not_the_same_test_is_refused() {
    let parts = fixture::parts(1, 2);
    let refused = |change: fn(&mut Results), told: &str| {
        let mut other = parts[1].clone();
        change(&mut other);
        let mut whole = parts[0].clone();
        let error = whole.add(&other).expect_err(told).to_string();
        assert!(error.contains(told), "{told}: {error}");
        assert_eq!(whole, parts[0]);
    };
    refused(|it| it.shards = vec![0], "part 1 of 2 is there twice");
    refused(|it| it.name = "other".into(), "called");
    refused(|it| it.target = "http://other".into(), "targets");
    refused(|it| it.is_open = false, "an open and a closed model");
    refused(|it| it.shard_count = 3, "parts of 2 and of 3");
    refused(
        |it| it.phases[1].rate = Some((1.0, 2.0)),
        "phases `ramp` and `ramp`",
    );
    refused(|it| it.phases.truncate(1), "3 phases and 1");
    refused(
        |it| it.steps[0].name = "other".into(),
        "steps are not the same",
    );
    refused(|it| it.thresholds.clear(), "thresholds are not the same");
    refused(|it| it.started += 500.0, "410 s after the other had ended");
    assert!(Results::merge([]).is_err());
}

#[test]
fn a_part_that_ended_early_is_part_of_it() {
    let mut parts = fixture::parts(1, 2);
    parts[0].phases.truncate(2);
    parts[0].series.truncate(40);
    parts[0].duration = 40.0;
    parts[0].ended_early = Some("Ctrl-C".into());
    let whole = Results::merge(parts.clone()).expect("one test");
    assert_eq!(whole.phases.len(), 3);
    assert_eq!(whole.phases[2].totals, parts[1].phases[2].totals);
    assert_eq!(whole.ended_early.as_deref(), Some("Ctrl-C"));
}

#[test]
fn whoever_began_first_and_whoever_began_last_are_compared() {
    let mut parts = fixture::parts(1, 3);
    // No two neighbours are more than a second apart.
    let started = parts[0].started;
    (parts[1].started, parts[2].started) = (started + 0.8, started - 0.7);
    let whole = Results::merge(parts).expect("one test");
    assert!(
        whole.doubts()[0].starts_with("generators began 1.5 s apart"),
        "{:?}",
        whole.doubts()
    );
}

#[test]
fn parts_of_other_tests_are_refused() {
    let mut parts = fixture::parts(1, 2);
    (parts[0].plan, parts[1].plan) = (Some("a".to_owned()), Some("b".to_owned()));
    let error = Results::merge(parts.clone()).expect_err("different tests");
    assert!(error.message.contains("--seed"), "{error}");
    parts[1].plan = None;
    assert!(
        Results::merge(parts).is_ok(),
        "an older version did not write it"
    );
}
