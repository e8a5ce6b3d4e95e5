//! Ways to find a concurrency limit, in simulated time: `cargo run --release -p tenfold-traffic --example adaptive`.
//!
//! docs/decisions/0005-adaptive-concurrency.md has the result and what follows from it.

mod limiters;
mod origin;
mod services;
#[cfg(test)]
mod tests;

use limiters::{Baseline, Climbing, Fixed, Gradient2, Limiter};

/// A way to find a limit: its name, and one that begins.
type Candidate = (&'static str, fn() -> Box<dyn Limiter>);

const CANDIDATES: [Candidate; 5] = [
    ("climbing", || Box::new(Climbing::new())),
    ("gradient2", || Box::new(Gradient2::new())),
    ("baseline", || Box::new(Baseline::new())),
    ("fixed 8", || Box::new(Fixed(8))),
    ("fixed 100", || Box::new(Fixed(100))),
];

#[expect(clippy::print_stdout, reason = "its result")]
fn main() {
    println!(
        "| service | limiter | goodput | worst second | p50 | p99 | limit, mean | at the end | most |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    for service in services::all() {
        for (name, limiter) in CANDIDATES {
            let it = origin::run(&service, &mut *limiter(), services::WARM, 1);
            println!(
                "| {} | {name} | {:.0} % | {:.0} % | {:.0} ms | {:.0} ms | {:.1} | {:.0} | {:.0} |",
                service.name,
                it.goodput * 100.0,
                it.worst * 100.0,
                it.p50 * 1e3,
                it.p99 * 1e3,
                it.limit,
                it.last,
                it.most,
            );
        }
    }
}
