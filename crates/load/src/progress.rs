//! How a test stands while it runs: what a live view and plain lines are drawn from.

use std::time::Duration;

use crate::{Results, Test};

/// A look at a running test.
#[derive(Clone, Copy, Debug)]
pub struct Progress<'a> {
    /// What is being done.
    pub test: &'a Test,
    /// What was measured so far.
    pub results: &'a Results,
    /// Since the first phase began.
    pub elapsed: Duration,
    /// The phase, an index into those of the test.
    pub phase: usize,
    /// Arrivals per second (open model) or users (closed model) that there should be now.
    pub wanted: f64,
    /// Users (closed model), sessions under way (open model).
    pub users: u32,
    /// Requests under way.
    pub in_flight: u32,
    /// How late arrivals were begun through the generator's own fault: p99 of the last second, if there were any.
    pub lag: Option<Duration>,
    /// The busiest thread's share of a core in the last second, 0 to 1.
    pub cpu: f64,
}
