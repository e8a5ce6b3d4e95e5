//! Pictures on screens of several sizes, and lines.

use std::time::Duration;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use tenfold_load::results::{ErrorCount, ErrorKind, FORMAT, Generator, Interval, Results, Totals};
use tenfold_load::test::{Arrivals, Load, Mix, Phase, Protocol, Shard, Target};
use tenfold_load::threshold::Threshold;
use tenfold_load::{Progress, Test};

use super::lines::Lines;
use super::*;

fn test(is_open: bool) -> Test {
    let phase = |name: &str, seconds, is_warm_up| Phase {
        name: name.into(),
        duration: Duration::from_secs(seconds),
        load: match is_open {
            true => Load::Rate {
                from: 100.0,
                to: 200.0,
            },
            false => Load::Users { from: 10, to: 20 },
        },
        is_warm_up,
    };
    Test {
        name: "shop\x1b[2J".into(),
        target: Target {
            is_tls: false,
            host: "127.0.0.1".into(),
            port: 8080,
            base: String::new(),
            protocol: Protocol::Auto,
            is_insecure: false,
            ca: None,
            connections: 100,
            reuses: true,
            connect_timeout: Duration::from_secs(5),
            timeout: Duration::from_secs(30),
        },
        phases: vec![phase("warm-up", 10, true), phase("peak", 90, false)],
        arrivals: Arrivals::Even,
        scenarios: Vec::new(),
        mix: Mix::Random,
        replay: None,
        setup: Vec::new(),
        teardown: Vec::new(),
        feeds: Vec::new(),
        variables: Vec::new(),
        thresholds: ["p(95) < 10ms", "errors < 50%", "requests > 1000000"]
            .map(|text| Threshold::parse(text).expect(text))
            .to_vec(),
        seed: 1,
        threads: 1,
        shard: Shard::default(),
        start_at: None,
        grace: Duration::from_secs(5),
    }
}

fn results(seconds: u32) -> Results {
    let mut results = Results {
        format: FORMAT,
        name: String::new(),
        target: String::new(),
        is_open: true,
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
        errors: vec![ErrorCount {
            kind: ErrorKind::Timeout,
            message: "no answer\x1b within 1 s".into(),
            step: "buyer: GET /".into(),
            count: 3,
        }],
        generator: Generator::default(),
        environments: Vec::new(),
        thresholds: Vec::new(),
    };
    for at in 0..seconds {
        let mut one = Interval {
            at: f64::from(at),
            duration: 1.0,
            arrivals: 100 + u64::from(at),
            done: 98 + u64::from(at),
            failed: u64::from(at % 20 == 0),
            ..Interval::default()
        };
        if at % 20 == 0 {
            one.errors.insert(ErrorKind::Timeout, 1);
        }
        for index in 0..one.done {
            let micros = 4000 + index * 50 + u64::from(at) * 200;
            one.latency.record(Duration::from_micros(micros));
        }
        results.total.done += one.done;
        results.total.latency.add(&one.latency);
        results.series.push(one);
    }
    results
}

fn progress<'a>(test: &'a Test, results: &'a Results) -> Progress<'a> {
    Progress {
        test,
        results,
        elapsed: Duration::from_secs(results.series.len() as u64),
        phase: usize::from(results.series.len() >= 10),
        wanted: if test.is_open() { 147.3 } else { 14.0 },
        users: 12,
        in_flight: 7,
        lag: Some(Duration::from_micros(1500)),
        cpu: 0.42,
    }
}

/// The lines of the screen.
fn picture(progress: &Progress<'_>, width: u16, height: u16) -> Vec<String> {
    let mut view = View::default();
    view.look(progress);
    let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a screen");
    terminal
        .draw(|frame| draw::draw(frame, &view, progress))
        .expect("drawn");
    let buffer = terminal.backend().buffer();
    let line = |y| {
        let symbols = (0..width).map(|x| buffer[(x, y)].symbol());
        symbols.collect::<String>().trim_end().to_owned()
    };
    (0..height).map(line).collect()
}

#[test]
fn a_picture_says_what_matters() {
    let (test, results) = (test(true), results(45));
    let lines = picture(&progress(&test, &results), 80, 24);
    let all = lines.join("\n");
    assert_eq!(
        lines[0], "shop\u{fffd}[2J  phase 2/2 peak  http://127.0.0.1:8080",
        "{all}"
    );
    assert!(lines[1].ends_with("0:45 of 1:40"), "{all}");
    assert!(
        lines[2].starts_with("142 requests/s, 147.3 arrivals/s wanted   3 failed (0.056 %)"),
        "{all}"
    );
    assert!(
        lines[4].starts_with("last 10 s ") && lines[5].starts_with("whole "),
        "{all}"
    );
    for part in [
        "arrivals wanted/s",
        "p50  p95  p99",
        "errors  timeout 3",
        "3 × buyer: GET /: no answer\u{fffd} within 1 s",
        "thresholds  1 of 2 hold",
        "p(95) < 10ms: ",
        "lag p99 1.50 ms",
        "q, Ctrl-C end the test",
    ] {
        assert!(all.contains(part), "{part}\n{all}");
    }
    let is_braille = |c: char| ('\u{2801}'..='\u{28ff}').contains(&c);
    assert!(
        lines[7..17].iter().any(|line| line.contains(is_braille)),
        "{all}"
    );
}

#[test]
fn a_closed_model_has_users() {
    let (test, results) = (test(false), results(5));
    let all = picture(&progress(&test, &results), 140, 40).join("\n");
    assert!(all.contains("102 requests/s by 12 of 14 users"), "{all}");
    assert!(
        all.contains("warm-up (warm-up)") && !all.contains("wanted"),
        "{all}"
    );
}

#[test]
fn no_screen_is_too_small_and_nothing_is_no_panic() {
    let (test, some) = (test(true), results(3));
    let none = Results {
        series: Vec::new(),
        ..results(0)
    };
    for (width, height) in [(1, 1), (10, 3), (30, 10), (60, 15), (300, 100)] {
        picture(&progress(&test, &some), width, height);
        picture(&progress(&test, &none), width, height);
    }
}

#[test]
fn seconds_are_looked_at_once() {
    let test = test(true);
    let mut view = View::default();
    for seconds in [1, 2, 2, 5, 1] {
        let results = results(seconds);
        view.look(&progress(&test, &results));
        assert_eq!(view.seconds.len(), results.series.len());
        let failed = results.series.iter().map(|one| one.failed).sum::<u64>();
        assert_eq!(view.failed, failed);
    }
}

#[test]
fn lines_come_now_and_then() {
    let test = test(true);
    let mut lines = Lines::default();
    let mut said = Vec::new();
    for seconds in 0..=20 {
        let results = results(seconds);
        let progress = progress(&test, &results);
        said.extend(lines.next(&progress));
        assert_eq!(lines.next(&progress), None);
    }
    assert_eq!(said[0], "0:00 of 1:40  phase 1 of 2: warm-up (warm-up)\n");
    // A line each five seconds of a test of 100 s, and the phase when it begins.
    assert_eq!(said.len(), 5, "{said:#?}");
    assert!(
        said[1]
            .starts_with("0:05 of 1:40  100 requests/s, 102 arrivals/s wanted, 7 under way  p50 ")
    );
    assert!(
        said[1].contains("failed 1 (0.20 %): timeout 1"),
        "{}",
        said[1]
    );
    assert!(said[2].contains("phase 2 of 2: peak\n0:10 of 1:40"));
    assert!(said[4].contains("generator late: lag p99 1.50 ms"));
}

#[test]
fn keys_end_it() {
    let key = |code, modifiers| KeyEvent::new(code, modifiers);
    assert!(ends(key(KeyCode::Char('q'), KeyModifiers::NONE)));
    assert!(ends(key(KeyCode::Char('c'), KeyModifiers::CONTROL)));
    assert!(!ends(key(KeyCode::Char('c'), KeyModifiers::NONE)));
    assert!(!ends(key(KeyCode::Esc, KeyModifiers::NONE)));
}
