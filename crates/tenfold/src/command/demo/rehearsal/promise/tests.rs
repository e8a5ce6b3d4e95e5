use super::super::fixture;
use super::super::measured::{PriceChange, Rehearsal};
use super::*;

fn judged(rehearsal: &Rehearsal) -> Vec<Promise> {
    promises(Evidence {
        before: &rehearsal.stages[0],
        tuned: &rehearsal.stages[2],
        night: &rehearsal.night,
        books: &rehearsal.books,
    })
}

/// Verdicts after a change, by the names of those that are not kept.
fn after(change: impl FnOnce(&mut Rehearsal)) -> Vec<(&'static str, Verdict)> {
    let mut rehearsal = fixture::rehearsal();
    change(&mut rehearsal);
    judged(&rehearsal)
        .into_iter()
        .filter(|one| one.verdict != Verdict::Kept)
        .map(|one| {
            assert!(!one.why.is_empty(), "{}", one.name);
            (one.name, one.verdict)
        })
        .collect()
}

#[test]
fn all_of_them_are_kept_by_good_numbers() {
    let promises = judged(&fixture::rehearsal());
    assert_eq!(promises.len(), 6);
    for one in &promises {
        assert_eq!(one.verdict, Verdict::Kept, "{}: {}", one.name, one.why);
        assert!(one.why.is_empty() && !one.measured.is_empty());
    }
    assert_eq!(exit_code(&promises), 0);
}

/// A change of the numbers, and what it breaks.
type Case = (fn(&mut Rehearsal), &'static str, Verdict);

#[test]
fn each_of_them_can_be_broken() {
    let cases: [Case; 15] = [
        (
            |it| it.stages[2].normal.p95_ms = it.stages[0].normal.p95_ms,
            "half_the_response_time",
            Verdict::Broken,
        ),
        (
            |it| it.stages[2].normal.p50_ms = it.stages[0].normal.p50_ms.map(|p50| p50 * 0.51),
            "half_the_response_time",
            Verdict::Broken,
        ),
        (
            |it| it.stages[0].normal.generator.late_p99_ms = it.stages[0].normal.p95_ms,
            "half_the_response_time",
            Verdict::Unproven,
        ),
        (
            |it| it.stages[0].normal.requests = 19,
            "half_the_response_time",
            Verdict::Unproven,
        ),
        (
            |it| it.stages[0].normal.offered = 0.9,
            "half_the_response_time",
            Verdict::Unproven,
        ),
        (
            |it| it.stages[2].peak.p95_ms = Some(251.0),
            "ten_times_the_traffic",
            Verdict::Broken,
        ),
        (
            |it| {
                it.stages[2].peak.p95_ms = Some(260.0);
                it.stages[2].peak.generator.late_p99_ms = Some(40.0);
            },
            "ten_times_the_traffic",
            Verdict::Unproven,
        ),
        (
            |it| it.stages[2].peak.failed = 1,
            "ten_times_the_traffic",
            Verdict::Broken,
        ),
        (
            |it| it.stages[2].peak.page_views_per_second *= 0.7,
            "ten_times_the_traffic",
            Verdict::Broken,
        ),
        (
            |it| it.stages[2].peak.offered = 0.98,
            "ten_times_the_traffic",
            Verdict::Unproven,
        ),
        (
            |it| it.stages[2].peak.gateway.as_mut().expect("it has one").miss += 100_000,
            "from_the_cache",
            Verdict::Broken,
        ),
        (
            |it| it.stages[2].normal.gateway = None,
            "from_the_cache",
            Verdict::Unproven,
        ),
        (
            |it| it.night.price.visible_after_ms = Some(1001.0),
            "price_within_a_second",
            Verdict::Broken,
        ),
        (
            |it| it.books.is_balanced = false,
            "books_balanced",
            Verdict::Broken,
        ),
        (
            |it| {
                it.night.run.failed = 1;
                it.night.run.failed_idempotent = 1;
            },
            "nothing_lost_in_the_bad_night",
            Verdict::Broken,
        ),
    ];
    for (index, (change, name, verdict)) in cases.into_iter().enumerate() {
        assert_eq!(after(change), [(name, verdict)], "case {index}");
    }
}

#[test]
fn a_price_has_more_ways_to_be_wrong() {
    let with = |change: fn(&mut PriceChange)| {
        let broken = after(|it| change(&mut it.night.price));
        broken.first().map(|(_, verdict)| *verdict)
    };
    assert_eq!(with(|it| it.went_back = true), Some(Verdict::Broken));
    assert_eq!(with(|it| it.visible_after_ms = None), Some(Verdict::Broken));
    assert_eq!(with(|it| it.failed = it.looks), Some(Verdict::Unproven));
    assert_eq!(with(|it| it.visible_after_ms = Some(0.0)), None);
}

#[test]
fn requests_that_may_not_be_repeated_are_told_and_break_nothing() {
    let mut rehearsal = fixture::rehearsal();
    rehearsal.night.run.failed = 3;
    let promises = judged(&rehearsal);
    assert!(
        promises[5].measured.contains("3 of those that may not"),
        "{}",
        promises[5].measured
    );
    assert_eq!(promises[5].verdict, Verdict::Kept);
}

#[test]
fn a_broken_promise_weighs_more_than_an_unproven_one() {
    let mut rehearsal = fixture::rehearsal();
    rehearsal.stages[2].normal.gateway = None;
    assert_eq!(exit_code(&judged(&rehearsal)), 3);
    rehearsal.books.is_balanced = false;
    assert_eq!(exit_code(&judged(&rehearsal)), 1);
}
