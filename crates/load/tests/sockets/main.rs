//! Load on real sockets, against servers that behave and servers that do not.

mod http1;
mod http2;
mod models;
mod tls;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tenfold_load::scenario::{Scenario, Step};
use tenfold_load::test::{Arrivals, Load, Mix, Phase, Protocol, Shard, Target};
use tenfold_load::{Results, RunError, Stop, Test, run};

/// A phase of a rate that stays.
fn rate(rate: f64, seconds: f64) -> Phase {
    phase(
        Load::Rate {
            from: rate,
            to: rate,
        },
        seconds,
    )
}

/// A phase of users who stay.
fn users(users: u32, seconds: f64) -> Phase {
    phase(
        Load::Users {
            from: users,
            to: users,
        },
        seconds,
    )
}

fn phase(load: Load, seconds: f64) -> Phase {
    Phase {
        name: "load".to_owned(),
        duration: Duration::from_secs_f64(seconds),
        load,
        is_warm_up: false,
    }
}

/// A test that asks for `/`.
fn test(address: SocketAddr, phases: Vec<Phase>) -> Test {
    Test {
        name: "test".to_owned(),
        target: Target {
            is_tls: false,
            host: address.ip().to_string(),
            port: address.port(),
            base: String::new(),
            protocol: Protocol::Http1,
            is_insecure: false,
            ca: None,
            connections: 100,
            reuses: true,
            connect_timeout: Duration::from_secs(5),
            timeout: Duration::from_secs(10),
        },
        phases,
        arrivals: Arrivals::Even,
        scenarios: vec![scenario("get", vec![Step::new("GET", "/")])],
        mix: Mix::Random,
        replay: None,
        setup: Vec::new(),
        teardown: Vec::new(),
        feeds: Vec::new(),
        variables: Vec::new(),
        thresholds: Vec::new(),
        seed: 1,
        threads: 1,
        shard: Shard::default(),
        start_at: None,
        grace: Duration::from_secs(5),
    }
}

fn scenario(name: &str, steps: Vec<Step>) -> Scenario {
    Scenario {
        name: name.to_owned(),
        weight: 1.0,
        steps,
    }
}

fn done(test: Test) -> Results {
    tried(test).expect("the test can be done")
}

fn tried(test: Test) -> Result<Results, RunError> {
    run(&Arc::new(test), &Stop::default(), &mut |_| None)
}

/// Kinds of errors and how often.
fn errors(results: &Results) -> Vec<(&'static str, u64)> {
    let errors = results.errors.iter();
    errors
        .map(|error| (error.kind.name(), error.count))
        .collect()
}
