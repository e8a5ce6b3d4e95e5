//! The registry under many series, reloads and scrapes.

use std::collections::HashSet;
use std::sync::mpsc;
use std::time::Duration;

use super::*;

const CLASSES: &[&str] = &["1xx", "2xx", "3xx", "4xx", "5xx"];

fn route(name: impl Into<String>) -> Labels {
    vec![("route", name.into())]
}

/// Fails unless the text is what OpenMetrics asks for: families named once and in one piece, no series twice, an end.
fn check(text: &str) {
    assert!(text.ends_with("# EOF\n"), "no end:\n{text}");
    let (mut families, mut series) = (HashSet::new(), HashSet::new());
    let mut current = String::new();
    for line in text.lines().filter(|line| *line != "# EOF") {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            current = rest.split(' ').next().expect("a name").to_owned();
            assert!(families.insert(current.clone()), "{current} is told twice");
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            assert_eq!(rest.split(' ').next(), Some(&*current), "{line}");
        } else {
            let (name, _value) = line.rsplit_once(' ').expect("a name and a value");
            assert!(
                name.starts_with(&current),
                "{name} stands in the family {current}"
            );
            assert!(series.insert(name.to_owned()), "{name} is there twice");
        }
    }
}

fn has(text: &str, line: &str) -> bool {
    text.lines().any(|have| have == line)
}

#[test]
fn every_series_of_thousands_is_found_again() {
    let registry = Registry::new(2);
    for worker in 0..2 {
        for index in 0..5_000 {
            let metric = registry.counter("hits", "Hits", route(format!("r{index}")));
            metric.slot(worker).add(index);
            assert_eq!(metric.sum(), index * (worker as u64 + 1));
        }
    }
    let text = registry.expose();
    check(&text);
    let count = |text: &str| text.lines().filter(|l| l.starts_with("hits_total")).count();
    assert_eq!(count(&text), 5_000);
    registry.forget_unused();
    assert_eq!(count(&registry.expose()), 0);
}

#[test]
fn what_leaves_is_forgotten_and_what_stays_counts_on() {
    let registry = Registry::new(1);
    let stays = registry.counter("hits", "Hits", route("stays")).slot(0);
    stays.add(7);
    let leaves = registry.counter("hits", "Hits", route("leaves")).slot(0);
    leaves.add(9);
    let durations = registry.durations("t_seconds", "Time", route("leaves"));
    durations.durations(0).record(Duration::from_millis(1));
    registry.read_gauge("read", "Read", Labels::new(), || 2.0);
    registry.forget_unused();
    assert!(has(&registry.expose(), "hits_total{route=\"leaves\"} 9"));

    drop((leaves, durations));
    registry.forget_unused();
    let text = registry.expose();
    check(&text);
    assert!(!text.contains("leaves"), "{text}");
    assert!(!text.contains("t_seconds"), "an empty family is left out");
    assert!(has(&text, "hits_total{route=\"stays\"} 7"));
    assert!(has(&text, "read 2.0"), "what is read has no handles");

    stays.add(1);
    let again = registry.counter("hits", "Hits", route("stays"));
    assert_eq!(again.sum(), 8);
    assert_eq!(registry.counter("hits", "Hits", route("leaves")).sum(), 0);
}

#[test]
fn a_scrape_under_way_does_not_keep_a_series() {
    let registry = Registry::new(1);
    drop(registry.counter("hits", "Hits", route("gone")));
    let view = registry.view(0).expect("a family");
    registry.forget_unused();
    assert_eq!(view.series.len(), 1);
    assert!(!registry.expose().contains("gone"));
}

#[test]
fn told_series_come_and_go_and_are_told_once() {
    let registry = Registry::new(1);
    let endpoints = Arc::new(Mutex::new(vec!["a", "b", "a"]));
    let shared = Arc::clone(&endpoints);
    let tell = move || {
        let endpoints = shared.lock().expect("not poisoned");
        let one = |(index, name): (usize, &&str)| (route(*name), index as f64);
        endpoints.iter().enumerate().map(one).collect()
    };
    registry.read_gauge("up", "Up", route("b"), || 10.0);
    registry.read_gauges("up", "Up", tell.clone());
    registry.read_counters("picks", "Picks", tell);
    let text = registry.expose();
    check(&text);
    for line in [
        "up{route=\"a\"} 0.0",
        "up{route=\"b\"} 10.0",
        "picks_total{route=\"b\"} 1.0",
    ] {
        assert!(has(&text, line), "{line} is missing in\n{text}");
    }
    *endpoints.lock().expect("not poisoned") = vec!["c"];
    let text = registry.expose();
    check(&text);
    assert!(has(&text, "picks_total{route=\"c\"} 0.0") && !text.contains("\"a\""));

    registry.read_counters("picks", "Picks", Vec::new);
    assert!(!registry.expose().contains("picks"), "the later one counts");
}

#[test]
fn a_worker_does_not_wait_for_what_a_scrape_computes() {
    let registry = Registry::new(1);
    let (reached, is_reached) = mpsc::channel();
    let (go_on, may_go_on) = mpsc::channel::<()>();
    let may_go_on = Mutex::new(may_go_on);
    registry.read_gauges("slow", "Slow", move || {
        reached.send(()).expect("the test waits for it");
        may_go_on
            .lock()
            .expect("one scrape")
            .recv()
            .expect("told to go on");
        vec![(Labels::new(), 1.0)]
    });
    let scraped = Arc::clone(&registry);
    let scrape = std::thread::spawn(move || scraped.expose());
    is_reached.recv().expect("the scrape begins");
    // Would never return if the scrape held the lock.
    registry.counter("new", "New", Labels::new()).slot(0).add(3);
    registry.forget_unused();
    go_on.send(()).expect("the scrape waits for it");
    let text = scrape.join().expect("the scrape ends");
    check(&text);
    assert!(has(&text, "slow 1.0"));
}

#[test]
fn a_set_of_counters_shares_a_line_and_is_exposed_as_several() {
    let registry = Registry::new(2);
    let set = |name| registry.counter_set("requests", "Requests", route(name), "class", CLASSES);
    let one = set("a");
    one.slot(0).increment(1);
    one.slot(1).increment(1);
    set("a").slot(1).increment(4);
    let other = set("b");
    other.slot(0).increment(0);
    assert_eq!((one.sum(1), one.sum(4), other.sum(4)), (2, 1, 0));
    let text = registry.expose();
    check(&text);
    for line in [
        "# TYPE requests counter",
        "requests_total{route=\"a\",class=\"2xx\"} 2",
        "requests_total{route=\"a\",class=\"5xx\"} 1",
        "requests_total{route=\"a\",class=\"3xx\"} 0",
        "requests_total{route=\"b\",class=\"1xx\"} 1",
    ] {
        assert!(has(&text, line), "{line} is missing in\n{text}");
    }
    drop(one);
    registry.forget_unused();
    assert!(!registry.expose().contains("route=\"a\""));
}

#[test]
fn names_that_need_it_are_escaped() {
    let registry = Registry::new(1);
    let _held = registry.counter("hits", "Hits", route("a\"b\\c\nd"));
    let text = registry.expose();
    check(&text);
    assert!(has(&text, r#"hits_total{route="a\"b\\c\nd"} 0"#), "{text}");
}

#[test]
#[should_panic(expected = "two kinds")]
fn a_name_has_one_kind() {
    let registry = Registry::new(1);
    let _held = registry.counter("hits", "Hits", Labels::new());
    registry.read_gauges("hits", "Hits", Vec::new);
}

#[test]
fn scrapes_lookups_and_reloads_at_the_same_time_lose_nothing() {
    let registry = Registry::new(2);
    let kept = registry.counter("kept", "Kept", Labels::new());
    std::thread::scope(|scope| {
        for worker in 0..2 {
            let (registry, kept) = (&registry, &kept);
            scope.spawn(move || {
                for index in 0..500 {
                    let name = route(format!("r{}", index % 50));
                    let slot = registry.counter("hits", "Hits", name).slot(worker);
                    slot.increment();
                    kept.slot(worker).increment();
                }
            });
        }
        for _ in 0..50 {
            check(&registry.expose());
            registry.forget_unused();
        }
    });
    assert!(has(&registry.expose(), "kept_total 1000"));
}
