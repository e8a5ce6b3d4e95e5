//! What is known while a test runs.

use std::time::Duration;

use crate::{Results, Test};

/// How a test stands, once per second.
#[derive(Clone, Copy, Debug)]
pub struct Progress<'a> {
    /// What is being done.
    pub test: &'a Test,
    /// What was measured so far.
    pub results: &'a Results,
    /// Since the first phase began.
    pub elapsed: Duration,
    /// Index of the phase.
    pub phase: usize,
    /// Arrivals per second that are wanted now, or users, of this generator.
    pub wanted: f64,
    /// Users at the moment; sessions under way in an open model.
    pub users: u32,
    /// Requests under way.
    pub in_flight: u32,
    /// 99th percentile of how late the generator was in the last second.
    pub lag: Option<Duration>,
    /// The busiest thread's share of a core in the last second, 0 to 1.
    pub cpu: f64,
}
