//! Load on real sockets, against servers that behave and servers that do not.

mod ends;
mod hostile;
mod http1;
mod http2;
mod models;
mod tls;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tenfold_load::scenario::{Scenario, Step};
use tenfold_load::test::{Load, Phase, Protocol, Target};
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
    let target = Target {
        protocol: Protocol::Http1,
        connections: 100,
        timeout: Duration::from_secs(10),
        ..Target::new(address.ip().to_string(), address.port())
    };
    let scenarios = vec![scenario("get", vec![Step::new("GET", "/")])];
    Test {
        grace: Duration::from_secs(5),
        ..Test::new(target, phases, scenarios)
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
