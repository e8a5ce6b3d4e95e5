//! What is promised of the adaptive limit, in simulated time: the same figures each time.

use crate::limiters::{Climbing, Limiter};
use crate::origin::{Result, run};
use crate::services::{WARM, all};

fn climb(name: &str, seed: u64) -> Result {
    let services = all();
    let service = services
        .iter()
        .find(|it| it.name == name)
        .expect("a service of that name");
    run(service, &mut Climbing::new(), WARM, seed)
}

/// Averages over three seeds: goodput, mean limit, 99th percentile in ms.
fn mean(name: &str) -> (f64, f64, f64) {
    let results = [1, 2, 3].map(|seed| climb(name, seed));
    let mean = |of: fn(&Result) -> f64| results.iter().map(of).sum::<f64>() / 3.0;
    (
        mean(|it| it.goodput),
        mean(|it| it.limit),
        mean(|it| it.p99) * 1e3,
    )
}

#[test]
fn it_finds_the_capacity_and_keeps_latency_low() {
    for name in [
        "constant",
        "exponential",
        "exponential, load 10 × C",
        "bimodal",
        "20 % fail",
    ] {
        let (goodput, limit, _) = mean(name);
        assert!(goodput >= 0.92, "{name}: {goodput}");
        assert!(
            (7.0..=16.0).contains(&limit),
            "{name}: {limit} for eight workers"
        );
    }
    let (_, _, p99) = mean("constant");
    assert!(p99 < 30.0, "{p99} ms: three times of what one takes alone");
}

#[test]
fn a_service_that_is_slower_for_good_neither_strangles_it_nor_makes_it_creep() {
    for name in [
        "half as fast from 30 s on",
        "slower and slower, 4 × in 5 min",
    ] {
        for seed in [1, 2, 3] {
            let it = climb(name, seed);
            assert!(it.goodput >= 0.92, "{name}: {}", it.goodput);
            assert!(
                it.last <= 20.0 && it.most <= 30.0,
                "{name}: {} {}",
                it.last,
                it.most
            );
        }
    }
}

#[test]
fn it_follows_the_workers_up_and_down() {
    for seed in [1, 2, 3] {
        let more = climb("four times the workers from 30 s on", seed);
        assert!(
            more.goodput >= 0.9 && more.last >= 25.0,
            "{} {}",
            more.goodput,
            more.last
        );
        let fewer = climb("half the workers from 30 s on", seed);
        assert!(
            fewer.goodput >= 0.92 && fewer.last <= 14.0,
            "{} {}",
            fewer.goodput,
            fewer.last
        );
        let many = climb("200 workers", seed);
        assert!(
            many.goodput >= 0.92 && many.last <= 300.0,
            "{} {}",
            many.goodput,
            many.last
        );
    }
}

#[test]
fn refusals_of_the_service_count_as_too_much() {
    let (goodput, limit, _) = mean("refuses more than 12 at once");
    assert!(goodput >= 0.9, "{goodput}");
    assert!(limit <= 14.0, "{limit}");
}

#[test]
fn a_slow_server_among_three_costs_no_more_than_its_share() {
    let (goodput, limit, _) = mean("three servers, one ten times slower from 20 s on");
    assert!(goodput >= 0.8, "{goodput}");
    assert!(limit <= 120.0, "{limit}");
}

#[test]
fn without_load_the_limit_stays_where_it_is() {
    let services = all();
    let mut idle = services
        .into_iter()
        .find(|it| it.name == "exponential")
        .expect("a service");
    idle.load = |_| 0.3;
    let mut limiter = Climbing::new();
    let before = limiter.limit();
    let it = run(&idle, &mut limiter, WARM, 1);
    assert_eq!(it.last, f64::from(before));
    assert!(it.goodput > 0.95);
}

#[test]
fn no_second_is_lost_to_probing() {
    for seed in [1, 2, 3] {
        let it = climb("constant", seed);
        assert!(it.worst >= 0.9, "{}", it.worst);
    }
}
