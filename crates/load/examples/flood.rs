//! As many requests as a few users can make, over one thread: what the generator itself costs.
//!
//! `cargo run --release -p tenfold-load --example flood -- HOST PORT USERS SECONDS [RATE|0 [THINK SECONDS]]`; also tells how much memory it took.

use std::sync::Arc;
use std::time::Duration;

use tenfold_load::scenario::{Scenario, Step, Think};
use tenfold_load::test::{Load, Phase, Protocol, Target};
use tenfold_load::{Stop, Test, run};

#[expect(clippy::print_stdout, reason = "its result")]
fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [host, port, users, seconds, rest @ ..] = arguments.as_slice() else {
        println!("usage: flood HOST PORT USERS SECONDS [RATE]");
        return;
    };
    let users: u32 = users.parse().expect("a number of users");
    let rest: Vec<f64> = rest
        .iter()
        .map(|it| it.parse().expect("a number"))
        .collect();
    let mut step = Step::new("GET", "/");
    if let Some(think) = rest.get(1) {
        step.think = Think::Uniform(Duration::ZERO, Duration::from_secs_f64(think * 2.0));
    }
    let load = match rest.first() {
        Some(&rate) if rate > 0.0 => Load::Rate {
            from: rate,
            to: rate,
        },
        _ => Load::Users {
            from: users,
            to: users,
        },
    };
    let target = Target {
        protocol: Protocol::Http1,
        connections: users as usize,
        ..Target::new(host.clone(), port.parse().expect("a port"))
    };
    let phase = Phase {
        name: "all".to_owned(),
        duration: Duration::from_secs_f64(seconds.parse().expect("seconds")),
        load,
        is_warm_up: false,
    };
    let scenario = Scenario {
        name: "get".to_owned(),
        weight: 1.0,
        steps: vec![step],
    };
    let test = Arc::new(Test::new(target, vec![phase], vec![scenario]));
    match run(&test, &Stop::default(), &mut |_| None) {
        Ok(results) => {
            let total = &results.total;
            let cpu = results.generator.cpu_seconds;
            println!(
                "{} done, {} failed in {:.2} s; {:.0} per CPU second; p50 {:?} p99 {:?} max {:?}; lag p99 {:?}; cpu {:.2}; in flight {:.1}; {} at most; {:?} {:?}",
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
                peak(),
                results.generator.invalid,
                results.errors,
            );
        }
        Err(error) => println!("{error}"),
    }
}

/// The most memory that this process had at once.
fn peak() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.unwrap_or_default().trim().to_owned()
}
