//! As many requests as a few users can make, over one thread: what the generator itself costs.
//!
//! `cargo run --release -p tenfold-load --example flood -- HOST PORT USERS SECONDS [RATE]`

use std::sync::Arc;
use std::time::Duration;

use tenfold_load::scenario::{Scenario, Step};
use tenfold_load::test::{Arrivals, Load, Mix, Phase, Protocol, Shard, Target};
use tenfold_load::{Stop, Test, run};

#[expect(clippy::print_stdout, reason = "its result")]
fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [host, port, users, seconds, rest @ ..] = arguments.as_slice() else {
        println!("usage: flood HOST PORT USERS SECONDS [RATE]");
        return;
    };
    let users: u32 = users.parse().expect("a number of users");
    let load = match rest.first() {
        Some(rate) => {
            let rate = rate.parse().expect("a rate");
            Load::Rate {
                from: rate,
                to: rate,
            }
        }
        None => Load::Users {
            from: users,
            to: users,
        },
    };
    let test = Arc::new(Test {
        name: "flood".to_owned(),
        target: Target {
            is_tls: false,
            host: host.clone(),
            port: port.parse().expect("a port"),
            base: String::new(),
            protocol: Protocol::Http1,
            is_insecure: false,
            ca: None,
            connections: users as usize,
            reuses: true,
            connect_timeout: Duration::from_secs(2),
            timeout: Duration::from_secs(10),
        },
        phases: vec![Phase {
            name: "all".to_owned(),
            duration: Duration::from_secs_f64(seconds.parse().expect("seconds")),
            load,
            is_warm_up: false,
        }],
        arrivals: Arrivals::Even,
        scenarios: vec![Scenario {
            name: "get".to_owned(),
            weight: 1.0,
            steps: vec![Step::new("GET", "/")],
        }],
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
        grace: Duration::from_secs(2),
    });
    match run(&test, &Stop::default(), &mut |_| None) {
        Ok(results) => {
            let total = &results.total;
            let cpu = results.generator.cpu_seconds;
            println!(
                "{} done, {} failed in {:.2} s; {:.0} per CPU second; p50 {:?} p99 {:?} max {:?}; lag p99 {:?}; cpu {:.2}; in flight {:.1}; {:?} {:?}",
                total.done,
                total.failed,
                results.duration,
                total.done as f64 / cpu,
                total.latency.quantile(0.5),
                total.latency.quantile(0.99),
                total.latency.max(),
                results.generator.lag.quantile(0.99),
                results.generator.cpu,
                results.phases[0].in_flight,
                results.generator.invalid,
                results.errors,
            );
        }
        Err(error) => println!("{error}"),
    }
}
