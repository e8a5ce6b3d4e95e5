//! The simulator against queueing theory.
//!
//! Sources: L. Kleinrock, "Queueing Systems" I, 1975 (M/M/1, M/M/c by Erlang's C formula); M. Mitzenmacher, "The Power of Two
//! Choices in Randomized Load Balancing", 2001, lemma 1 and corollary 1 (two choices).

use std::time::Duration;

use tenfold_traffic::Algorithm;

use crate::rng::Rng;
use crate::scenario::{Keys, Scenario, Server, Work};
use crate::world::World;

const MEAN: f64 = 0.010;
const EXPONENTIAL: Work = Work::Exponential { mean: MEAN };

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
    let scenario = markovian(Server::fleet(1, 1), 0.6, 60_000.0);
    assert_close(erlang(1, 0.6), 1.0 / (1.0 - 0.6), 1e-9);
    assert_close(response(&scenario, Algorithm::RoundRobin), 2.5, 0.03);
}

#[test]
fn a_server_with_slots_is_an_mmc_queue() {
    let scenario = markovian(Server::fleet(1, 4), 0.7, 60_000.0);
    assert_close(response(&scenario, Algorithm::P2c), erlang(4, 0.7), 0.04);
}

#[test]
fn random_splits_into_mm1_queues_and_the_shortest_queue_lies_between_them_and_one_queue() {
    let scenario = markovian(Server::fleet(4, 1), 0.6, 60_000.0);
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
    let scenario = markovian(Server::fleet(200, 1), 0.8, 60_000.0);
    // The mean response of a fleet without end: the sum of load^(2^i - 2) over i from 1 on.
    let theory: f64 = (1..8).map(|i| 0.8_f64.powi((1 << i) - 2)).sum();
    assert_close(response(&scenario, Algorithm::P2c), theory, 0.03);
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
