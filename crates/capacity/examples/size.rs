//! From a load test's points to replicas: `cargo run -p tenfold-capacity --example size -- points.csv`, or without a file on
//! points of its own.

use std::error::Error;

use tenfold_capacity::Points;
use tenfold_capacity::model::{littles, usl};
use tenfold_capacity::plan::{Cpu, Inputs, Measured, Memory, Objective, Plan, Source, plan};

/// One replica of a shop, its mean latency in seconds.
const POINTS: &str = "\
concurrency,throughput,latency
1,95,0.0105
2,184,0.0109
4,345,0.0116
8,609,0.0131
16,955,0.0168
32,1243,0.0257
48,1290,0.0372
64,1255,0.0510
96,1120,0.0857
";

#[expect(clippy::print_stdout, reason = "it is a program")]
fn main() -> Result<(), Box<dyn Error>> {
    let text = match std::env::args_os().nth(1) {
        Some(path) => std::fs::read(path)?,
        None => POINTS.as_bytes().to_vec(),
    };
    let points = Points::parse(&text)?;
    for check in littles::check_points(&points) {
        println!("{check}");
    }
    let fit = usl::fit(&points)?;
    println!("\n{}", fit.regime().words);
    for (name, one) in [
        ("alpha", fit.alpha),
        ("beta", fit.beta),
        ("gamma", fit.gamma),
    ] {
        println!(
            "{name} {:.6} ({:.6} to {:.6})",
            one.value, one.low, one.high
        );
    }
    println!("R² {:.4}\n", fit.r_squared);
    show(&plan(&inputs(&fit)?, 1)?);
    Ok(())
}

/// 300 to 400 requests per second today, ten times that expected, and a cache that is to answer 60 to 75 % of it.
fn inputs(fit: &usl::Fit) -> Result<Inputs<'_>, Box<dyn Error>> {
    let mut inputs = Inputs::new(300.0..=400.0, 10.0);
    inputs.cpu = Some(Cpu::measured(1.4, 955.0, 2.0)?);
    inputs.memory = Some(Memory::measured(180e6, 240e6, 32.0, 512e6)?);
    inputs.measured = Some(Measured {
        source: Source::Fit {
            fit,
            objective: Some(Objective::exponential(0.95, 0.1)?),
        },
        replicas: 1,
    });
    inputs.replicas_now = Some(2);
    inputs.what_if.cache_hit_rate = (0.6..=0.75).into();
    Ok(inputs)
}

#[expect(clippy::print_stdout, reason = "it is a program")]
fn show(plan: &Plan) {
    for answer in plan.answers() {
        let value = &answer.value;
        println!(
            "{:<26} {:>8.1} (p5 {:.1}, p95 {:.1}) {}\n    {}",
            answer.name, value.p50, value.p5, value.p95, answer.unit, answer.rule
        );
    }
    for one in &plan.first_to_run_out {
        println!(
            "{} runs out first in {:.0} % of the cases",
            one.resource,
            one.share * 100.0
        );
    }
    for one in &plan.unknown {
        println!("{one}");
    }
}
