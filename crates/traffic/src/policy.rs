//! How an upstream chooses among its endpoints, and when it passes one over: values that have been checked.

use std::time::Duration;

use crate::balance::Algorithm;
use crate::resilience::breaker;

/// How to choose among the endpoints of an upstream.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// Which algorithm.
    pub algorithm: Algorithm,
    /// For ring hash and Maglev: an endpoint gets no more than this many times its share of the requests under way; at
    /// least 1, infinite for no bound.
    pub bounded_load: f64,
    /// How long the share of an endpoint that has just come (back) grows from little to its whole; zero for at once.
    pub slow_start: Duration,
    /// Zones in the order in which they are preferred; endpoints of all others come last, and together. Empty: zones do not matter.
    pub zones: Vec<String>,
    /// How much more than its share of endpoints the healthy part of a zone can carry, before the next zone gets some: 1.4
    /// means that all requests stay while 72 % are well. At least 1.
    pub overprovision: f64,
    /// When a smaller share of the endpoints than this is well, those that probes or ejections pass over take part too: too
    /// few would only fall over in turn. 0 to 1; with 0 only when none is left.
    pub panic: f64,
    /// When an endpoint's answers take it out.
    pub outlier: Outlier,
    /// The circuit breaker that each endpoint has, if any.
    pub breaker: Option<breaker::Rules>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            algorithm: Algorithm::default(),
            bounded_load: f64::INFINITY,
            slow_start: Duration::ZERO,
            zones: Vec::new(),
            overprovision: 1.4,
            panic: 0.1,
            outlier: Outlier::default(),
            breaker: None,
        }
    }
}

/// When an endpoint is passed over for what it does (ejected). A failure is a status of 500 or more, a broken connection, or no
/// answer in time.
#[derive(Clone, Debug, PartialEq)]
pub struct Outlier {
    /// After so many failures in a row; 0 for never.
    pub consecutive_failures: u32,
    /// When its success rate of an interval lies so many standard deviations below the mean of its peers (Envoy: 1.9); infinite for never.
    pub success_rate_deviations: f64,
    /// When its mean latency of an interval is so many times the median of its peers'; infinite for never.
    pub latency_factor: f64,
    /// How often rates and latencies are compared.
    pub interval: Duration,
    /// Requests that an endpoint must have had in an interval to be compared.
    pub least_requests: u32,
    /// How long the first ejection lasts; each further one lasts longer by as much, each interval without one makes the next
    /// one shorter again.
    pub eject: Duration,
    /// The longest ejection.
    pub longest: Duration,
    /// Most endpoints that may be ejected at the same time, as a share of all: 0 to 1.
    pub max_ejected: f64,
}

impl Default for Outlier {
    fn default() -> Self {
        Self {
            consecutive_failures: 5,
            success_rate_deviations: f64::INFINITY,
            latency_factor: f64::INFINITY,
            interval: Duration::from_secs(10),
            least_requests: 50,
            eject: Duration::from_secs(30),
            longest: Duration::from_secs(300),
            max_ejected: 0.5,
        }
    }
}
