//! What must hold whatever the algorithm, and the parts by themselves.

use std::time::Duration;

use tenfold_traffic::{Algorithm, Outlier};

use crate::page;
use crate::report::{quantile, summarize};
use crate::scenario::{Cache, Fate, Keys, Probes, Scenario, Server, Work};
use crate::scenarios;
use crate::server::{Job, Working};
use crate::world::{Done, World};

const MEAN: f64 = 0.010;

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
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
