//! Every balancing algorithm in the same situations, in simulated time: `make simulate`.
//!
//! # The problem
//! Which algorithm is best depends on what requests cost, on what is wrong with a server, and on who knows what; and a
//! measurement on one machine tells the machine's noise. Here the clock is simulated, so that an hour takes
//! seconds and the same seed gives the same figures.
//!
//! # The idea
//! Only servers, arrivals and time are simulated. Who gets a request, and who is passed over, is decided by the real types of
//! this crate, used as the gateway uses them. The simulator itself is held against queueing theory (`theory.rs`):
//! a simulation that is wrong about M/M/1 says nothing about anything else.
//!
//! # What it leaves out
//! Networks, connections, the gateway's own cost, and clients that send less when answers are slow: arrivals go on
//! whatever happens (an open system), which is what many independent visitors are like.

mod figure;
mod gateway;
mod page;
mod report;
mod rng;
mod scenario;
mod scenarios;
mod server;
mod table;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod theory;
mod world;

use std::path::Path;
use std::process::ExitCode;

/// Runs of each algorithm in each scenario, with different seeds.
const RUNS: u64 = 5;

#[expect(clippy::print_stdout, reason = "its result")]
fn main() -> ExitCode {
    let scenarios = scenarios::all();
    let results = report::run_all(&scenarios, RUNS);
    let tables = page::tables(&scenarios, &results);
    println!("{tables}");
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    let written = match std::env::args().nth(1).as_deref() {
        None => Ok(()),
        Some("--write") => page::write(&docs, &tables, &figure::draw(&scenarios, &results)),
        Some(other) => Err(format!("unknown argument {other}; there is only --write")),
    };
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("simulate: {error}");
            ExitCode::FAILURE
        }
    }
}
