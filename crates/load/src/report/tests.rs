//! Reports of a test that never was.

use super::*;
use crate::results::Results;

fn narrow(width: usize) -> Style {
    let in_colour = false;
    Style { in_colour, width }
}

#[test]
fn a_summary_fits_its_terminal() {
    use unicode_width::UnicodeWidthStr;
    let mut results = fixture::results(1, 1.0);
    let invalid = &mut results.generator.invalid;
    invalid.push(
        "one start in a hundred was late, and here is a long text about it, longer than lines are"
            .into(),
    );
    for width in [60, 80, 120, 200] {
        let text = summary(&results, narrow(width));
        let widest = text.lines().map(UnicodeWidthStr::width).max();
        assert!(
            widest.is_some_and(|widest| widest <= width),
            "{width}:\n{text}"
        );
        for part in [
            "requests",
            "failed",
            "Thresholds",
            "Steps",
            "Errors",
            "Generator",
            "P95",
        ] {
            assert!(text.contains(part), "{part} at {width}:\n{text}");
        }
        assert!(!text.contains('\x1b'));
    }
    assert!(summary(&results, narrow(120)).contains("GET /search?q={word}"));
    let coloured = Style {
        in_colour: true,
        width: 80,
    };
    assert!(summary(&results, coloured).contains("\x1b[31mFAIL\x1b[0m"));
}

#[test]
fn hostile_names_do_not_command_the_terminal() {
    let hostile = fixture::hostile();
    for text in [
        summary(&hostile, narrow(80)),
        comparison(&hostile, &hostile, narrow(80)),
    ] {
        assert!(!text.contains('\x1b') && !text.contains('\u{202e}'));
    }
    assert!(summary(&hostile, narrow(80)).contains("INVALID"));
}

#[test]
fn json_comes_back_and_damage_is_told() {
    let results = fixture::results(1, 1.0);
    let text = json(&results);
    let back = read_json(&text).expect("what was written");
    assert_eq!(
        back.total.latency.quantile(0.95),
        results.total.latency.quantile(0.95)
    );
    assert_eq!(json(&back), text);
    let mut ends_at_once = results.clone();
    ends_at_once.series[90].duration = 0.0;
    assert!(read_json(&json(&ends_at_once)).is_ok());
    for (damaged, told) in [
        (text[..text.len() / 2].to_owned(), "cut short"),
        ("nonsense".to_owned(), "no results file"),
        ("{}".to_owned(), "no `format`"),
        (
            text.replacen("\"format\": 1", "\"format\": 7", 1),
            "format 7",
        ),
        (
            text.replacen("\"started\": 1795269732.0", "\"started\": -5", 1),
            "no time",
        ),
        (text.replacen("\"at\": 2.0", "\"at\": 1.0", 1), "order"),
        (text.replacen("\"name\"", "\"nom\"", 1), "damaged"),
    ] {
        let error = read_json(&damaged).expect_err(told).to_string();
        assert!(error.contains(told), "{told}: {error}");
    }
}

#[test]
fn csv_has_a_line_per_second_and_step() {
    let mut results = fixture::results(1, 1.0);
    results.steps[0].name = "=cmd|' /C calc'!A0, \"quoted\"".into();
    let series = csv(&results);
    assert_eq!(series.lines().count(), 1 + results.series.len());
    assert!(
        series
            .lines()
            .nth(1)
            .is_some_and(|line| line.starts_with("0,1,warm-up,true,"))
    );
    let steps = csv_steps(&results);
    assert_eq!(steps.lines().count(), 2 + results.steps.len());
    assert!(
        steps.contains("\"'=cmd|' /C calc'!A0, \"\"quoted\"\"\""),
        "{steps}"
    );
    let columns = |line: &str| line.split(',').count();
    assert_eq!(
        steps.lines().nth(1).map(columns),
        steps.lines().next().map(columns)
    );
}

fn judgement(old: &Results, new: &Results, name: &str) -> Judgement {
    let comparison = compare(old, new);
    let mut all = comparison.differences.iter();
    all.find(|one| one.name == name)
        .expect("a difference")
        .judgement
}

#[test]
fn the_same_service_twice_is_noise() {
    let mut told = 0;
    for seed in 1..=8 {
        let (old, new) = (
            fixture::results(seed, 1.0),
            fixture::results(seed + 100, 1.0),
        );
        for name in [
            "requests per second",
            "failed",
            "latency p50",
            "latency p95",
            "latency mean",
        ] {
            told += usize::from(judgement(&old, &new, name) != Judgement::Noise);
        }
    }
    // Forty at 99 %, of which those below 2 % are left out as well.
    assert!(told <= 2, "{told} of 40");
}

#[test]
fn what_is_slower_is_told() {
    let (old, new) = (fixture::results(1, 1.0), fixture::results(2, 1.15));
    assert_eq!(judgement(&old, &new, "latency p50"), Judgement::Worse);
    assert_eq!(judgement(&new, &old, "latency p50"), Judgement::Better);
    assert_eq!(
        judgement(&old, &new, "latency max"),
        Judgement::Unknown("one request")
    );
    assert_eq!(
        judgement(&old, &new, "latency p99.9"),
        Judgement::Unknown("too few requests")
    );
    assert_eq!(judgement(&old, &old, "latency p95"), Judgement::Noise);
    let text = comparison(&old, &new, narrow(80));
    assert!(text.contains("worse") && text.contains("+15"), "{text}");
}

#[test]
fn different_tests_are_not_judged() {
    let (old, mut new) = (fixture::results(1, 1.0), fixture::results(2, 2.0));
    new.phases[1].rate = Some((1.0, 2.0));
    assert_eq!(
        judgement(&old, &new, "latency p50"),
        Judgement::Unknown("not judged")
    );
    assert!(
        compare(&old, &new)
            .obstacle
            .is_some_and(|why| why.contains("phases"))
    );
    let mut short = fixture::results(2, 2.0);
    short.series.truncate(15);
    assert_eq!(
        judgement(&old, &short, "latency p50"),
        Judgement::Unknown("too short")
    );
}

#[test]
fn a_part_is_not_compared_with_the_whole_nor_one_test_with_another() {
    let parts = fixture::parts(1, 3);
    let whole = Results::merge(parts.clone()).expect("one test");
    let why = |old: &Results, new: &Results| compare(old, new).obstacle.unwrap_or_default();
    assert!(
        why(&parts[0], &whole).contains("1 of 3 generators"),
        "{}",
        why(&parts[0], &whole)
    );
    assert_eq!(why(&whole, &whole), "");
    assert_eq!(why(&parts[0], &parts[1]), "");
    let (old, mut new) = (fixture::results(1, 1.0), fixture::results(2, 2.0));
    new.steps[2].name = "DELETE /cart".to_owned();
    assert!(why(&old, &new).contains("steps"), "{}", why(&old, &new));
    // Of one step each: another address for the same is what one compares.
    let (mut one, mut other) = (old.clone(), old.clone());
    one.steps.truncate(1);
    other.steps.truncate(1);
    other.steps[0].name = "GET /new".to_owned();
    assert_eq!(why(&one, &other), "");
}

/// Every number of a text by another one.
fn numbers_changed(text: &str, mut pick: impl FnMut() -> Option<&'static str>) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(": ").map(|at| at + 2) {
        out.push_str(&rest[..start]);
        rest = &rest[start..];
        let end = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(rest.len());
        match pick().filter(|_| end > 0) {
            Some(other) => out.push_str(other),
            None => out.push_str(&rest[..end]),
        }
        rest = &rest[end..];
    }
    out + rest
}

#[test]
fn a_file_with_any_numbers_is_refused_or_shown() {
    let mut results = fixture::results(3, 1.0);
    results.series.truncate(12);
    let text = json(&results);
    let numbers = [
        "0",
        "1",
        "0.001",
        "18446744073709551615",
        "4294967295",
        "1e300",
        "-1",
        "70000",
    ];
    let (mut state, mut shown) = (7u64, 0);
    for round in 0..60 {
        let pick = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let is_changed = (state >> 40).is_multiple_of(200);
            let index = (state >> 33) as usize % numbers.len();
            // The format stays, or nothing else would be looked at.
            is_changed.then(|| numbers[index])
        };
        let changed = numbers_changed(&text, pick);
        let Ok(other) = read_json(&changed) else {
            continue;
        };
        shown += 1;
        let page = html(&results, Some(&other)) + &html(&other, None);
        assert!(!page.contains("NaN"), "round {round}");
        let text = summary(&other, narrow(80)) + &csv(&other) + &csv_steps(&other);
        assert!(!text.is_empty());
        let mut sum = results.clone();
        (sum.shards, sum.shard_count) = (vec![u32::from(other.shards == [0])], other.shard_count);
        let _either = sum.add(&other);
    }
    assert!(shown > 5, "only {shown} were shown");
}
