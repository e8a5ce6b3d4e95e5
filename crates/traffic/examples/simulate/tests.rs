//! The simulator against queueing theory, and what must hold whatever the algorithm.
//!
//! Sources: L. Kleinrock, "Queueing Systems" I, 1975 (M/M/1, M/M/c by Erlang's C formula); M. Mitzenmacher, "The Power of Two
//! Choices in Randomized Load Balancing", 2001, lemma 1 and corollary 1 (two choices).

use std::time::Duration;

use tenfold_traffic::{Algorithm, Outlier};

use crate::page;
use crate::report::{quantile, summarize};
use crate::rng::Rng;
use crate::scenario::{Cache, Fate, Keys, Probes, Scenario, Server, Work};
use crate::scenarios;
use crate::server::{Job, Working};
use crate::world::{Done, World};

const MEAN: f64 = 0.010;
const EXPONENTIAL: Work = Work::Exponential { mean: MEAN };

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Servers with exponential times, until about so many requests have come.
fn markovian(servers: Vec<Server>, load: f64, requests: f64) -> Scenario {
    let scenario = Scenario::new("markovian", servers, EXPONENTIAL, load);
    Scenario {
        end: Duration::from_secs_f64(requests / scenario.rate),
        keys: Keys::Even(100),
        ..scenario
    }
}

/// The mean response time in mean service times, without the first tenth, in which queues build up.
fn response(scenario: &Scenario, algorithm: Algorithm) -> f64 {
    let done = World::new(scenario, algorithm, 1).run();
    let settled = &done[done.len() / 10..];
    let sum: Duration = settled.iter().map(|done| done.ended - done.arrived).sum();
    sum.as_secs_f64() / settled.len() as f64 / MEAN
}

fn assert_close(is: f64, theory: f64, part: f64) {
    let error = is / theory - 1.0;
    assert!(error.abs() < part, "{is:.3} instead of {theory:.3}");
}

/// The mean response time of M/M/c in mean service times.
fn erlang(slots: u32, load: f64) -> f64 {
    let offered = f64::from(slots) * load;
    // Erlang's B by its recurrence, and C from B.
    let blocked = (1..=slots).fold(1.0, |b, n| offered * b / (f64::from(n) + offered * b));
    let waits = blocked / (1.0 - load * (1.0 - blocked));
    1.0 + waits / (f64::from(slots) * (1.0 - load))
}

#[test]
fn a_single_server_is_an_mm1_queue() {
    let scenario = markovian(Server::fleet(1, 1), 0.6, 120_000.0);
    assert_close(erlang(1, 0.6), 1.0 / (1.0 - 0.6), 1e-9);
    assert_close(response(&scenario, Algorithm::RoundRobin), 2.5, 0.03);
}

#[test]
fn a_server_with_slots_is_an_mmc_queue() {
    let scenario = markovian(Server::fleet(1, 4), 0.8, 120_000.0);
    assert_close(response(&scenario, Algorithm::P2c), erlang(4, 0.8), 0.04);
}

#[test]
fn random_splits_into_mm1_queues_and_the_shortest_queue_lies_between_them_and_one_queue() {
    let scenario = markovian(Server::fleet(4, 1), 0.6, 100_000.0);
    assert_close(response(&scenario, Algorithm::Random), 2.5, 0.04);
    let shortest = response(&scenario, Algorithm::LeastRequest);
    let one_queue = erlang(4, 0.6);
    assert!(
        one_queue < shortest && shortest < 0.6 * 2.5,
        "{one_queue} < {shortest}"
    );
}

#[test]
fn two_choices_are_as_good_as_mitzenmacher_says() {
    let scenario = markovian(Server::fleet(200, 1), 0.8, 120_000.0);
    // The mean response of a fleet without end: the sum of load^(2^i - 2) over i from 1 on.
    let theory: f64 = (1..8).map(|i| 0.8_f64.powi((1 << i) - 2)).sum();
    assert_close(response(&scenario, Algorithm::P2c), theory, 0.03);
}

/// Everything that can go wrong at once.
fn calamity() -> Scenario {
    let mut servers = Server::fleet(6, 2);
    servers[0].slowness = 5.0;
    servers[1].fate = Fate::FailsFast {
        at: at(3),
        after: Duration::from_millis(1),
    };
    servers[2].fate = Fate::Freezes {
        from: at(4),
        until: at(15),
    };
    servers[5].fate = Fate::Joins {
        at: at(5),
        coldness: 5.0,
        warming: at(5),
    };
    let work = Work::Lognormal {
        mean: MEAN,
        sigma: 1.0,
    };
    Scenario {
        probes: Some(Probes::default()),
        timeout: at(8),
        gateways: 2,
        workers: 2,
        end: at(12),
        measured: (at(0), at(12)),
        cache: Some(Cache { size: 50, hit: 0.5 }),
        keys: Keys::Zipf(1000, 1.0),
        ..Scenario::new("calamity", servers, work, 0.5)
    }
}

#[test]
fn every_arrival_ends_exactly_once_and_nothing_stays_under_way() {
    let scenario = calamity();
    for algorithm in Algorithm::ALL {
        let mut world = World::new(&scenario, algorithm, 7);
        world.finish();
        assert_eq!(world.left(), (0, 0), "{}", algorithm.name());
        // That none ended twice is asserted where they end.
        let done = World::new(&scenario, algorithm, 7).run();
        assert!(done.iter().all(|done| done.ended >= done.arrived));
        let failed = done.iter().filter(|done| done.is_failure).count();
        assert!(failed > 0 && failed < done.len() / 2, "{failed}");
    }
}

#[test]
fn a_seed_gives_the_same_run_and_every_algorithm_the_same_requests() {
    let scenario = calamity();
    let run = |algorithm, seed| World::new(&scenario, algorithm, seed).run();
    let first = run(Algorithm::P2c, 3);
    assert_eq!(first, run(Algorithm::P2c, 3));
    let arrivals = |done: &[Done]| done.iter().map(|done| done.arrived).collect::<Vec<_>>();
    assert_eq!(arrivals(&first), arrivals(&run(Algorithm::Maglev, 3)));
    assert_ne!(arrivals(&first), arrivals(&run(Algorithm::P2c, 4)));
}

#[test]
fn failing_fast_does_not_win() {
    let mut scenario = calamity();
    scenario.servers = Server::fleet(4, 4);
    scenario.servers[3].fate = Fate::FailsFast {
        at: at(0),
        after: Duration::from_millis(1),
    };
    let failed = |scenario: &Scenario, algorithm| summarize(scenario, algorithm, 1).failed;
    for is_ejecting in [false, true] {
        scenario.policy.outlier.consecutive_failures = if is_ejecting { 5 } else { 0 };
        for algorithm in Algorithm::ALL {
            let failed = failed(&scenario, algorithm);
            let is_by_load = matches!(
                algorithm,
                Algorithm::LeastRequest | Algorithm::P2c | Algorithm::PeakEwma
            );
            let is_held = failed < 0.02;
            assert_eq!(
                is_held,
                is_ejecting || is_by_load,
                "{}: {failed}",
                algorithm.name()
            );
        }
    }
}

#[test]
fn what_is_drawn_has_the_mean_it_says() {
    let works = [
        EXPONENTIAL,
        Work::Lognormal {
            mean: MEAN,
            sigma: 1.0,
        },
        Work::Bimodal {
            short: 0.005,
            long: 0.100,
            part: 0.05,
        },
    ];
    for work in works {
        let mut rng = Rng::new(1, 1);
        let sum: f64 = (0..100_000).map(|_| work.draw(&mut rng)).sum();
        assert_close(sum / 100_000.0, work.mean(), 0.02);
    }
    let sums = Keys::Zipf(1000, 1.0).sums();
    // The thousandth harmonic number is 7.485.
    assert_close(sums[0], 1.0 / 7.485, 0.001);
    assert_close(sums[1] - sums[0], 0.5 / 7.485, 0.001);
}

fn job(attempt: usize, key: u32) -> Job {
    Job {
        attempt,
        work: 1.0,
        key,
    }
}

#[test]
fn a_frozen_server_goes_on_where_it_was() {
    let mut spec = Server::fleet(1, 3).remove(0);
    spec.fate = Fate::Freezes {
        from: at(10),
        until: at(20),
    };
    let mut server = Working::new(spec, None, 1);
    let mut end_of = |begins: f64| {
        let started = server.take(job(0, 0), Duration::from_secs_f64(begins));
        let ends = started.expect("a slot is free").ends;
        ends.as_secs_f64()
    };
    assert_eq!(
        [end_of(8.5), end_of(9.75), end_of(15.0)],
        [9.5, 20.75, 21.0]
    );
}

#[test]
fn a_server_remembers_the_keys_it_was_asked_for_last() {
    let cache = Cache { size: 2, hit: 0.1 };
    let mut server = Working::new(Server::fleet(1, 9).remove(0), Some(cache), 9);
    let hits = [1, 2, 1, 3, 1, 2].map(|key| {
        let started = server.take(job(0, key), at(0)).expect("a slot is free");
        started.is_hit
    });
    assert_eq!(hits, [false, false, true, false, true, false]);
}

#[test]
fn quantiles_are_by_nearest_rank() {
    let sorted: Vec<_> = (1..=100).map(at).collect();
    let quantiles = [0.0, 0.5, 0.99, 1.0].map(|part| quantile(&sorted, part));
    assert_eq!(quantiles, [1, 50, 99, 100].map(at));
    assert_eq!(quantile(&[], 0.5), Duration::ZERO);
}

#[test]
fn the_page_shows_what_the_simulation_says() {
    let page = include_str!("../../../../docs/balancing.md");
    let scenarios = scenarios::all();
    for scenario in &scenarios {
        let title = format!("\n### {}\n", scenario.title);
        assert!(page.contains(&title), "run `make simulate`: {title}");
        assert!(
            page.contains(scenario.about),
            "run `make simulate`: {title}"
        );
    }
    let tables = "tables";
    let other = page::between(page, tables).expect("the markers are there");
    assert!(other.contains(tables) && other.len() < page.len());
    assert_eq!(page::between("no markers", tables), None);
    assert_eq!(
        Outlier::default().consecutive_failures,
        5,
        "the page says so"
    );
}
