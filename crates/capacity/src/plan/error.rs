//! Why there is no plan, and what to measure so that there is one.

use std::fmt;

use super::{CapacityError, Resource};
use crate::invalid::Invalid;
use crate::text::percent;

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq)]
pub enum PlanError {
    /// An input out of its range.
    Invalid(Invalid),
    /// Neither CPU nor memory nor capacity was given.
    NothingMeasured,
    /// Memory was given, and nothing that says how many requests are under way.
    NoResponseTime,
    /// The points do not bear a capacity.
    Capacity(CapacityError),
    /// No number of replicas suffices.
    Impossible {
        /// What there is too little of in each.
        resource: Resource,
        /// In which share of the draws.
        share: f64,
        /// What is kept free.
        headroom: f64,
    },
}

impl fmt::Display for PlanError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(invalid) => invalid.fmt(out),
            Self::NothingMeasured => out.write_str(
                "nothing says what a replica takes: measure its CPU and memory under load (CPU-seconds per request, bytes at rest and per request under way), or give points of a load test",
            ),
            Self::NoResponseTime => out.write_str(
                "memory depends on how many requests are under way, and so on the response time: give the mean response time under load, or points of a load test",
            ),
            Self::Capacity(error) => error.fmt(out),
            Self::Impossible { resource, share, headroom } => {
                if *share < 1.0 {
                    write!(out, "in {} of the cases ", percent(*share))?;
                }
                match resource {
                    Resource::Memory => write!(
                        out,
                        "no number of replicas suffices: at rest each one already uses more than the {} of its memory limit that is planned with; raise the limit",
                        percent(1.0 - headroom)
                    ),
                    _ => write!(
                        out,
                        "no number of replicas suffices: the objective breaks with a single request under way; make requests faster, or widen the objective"
                    ),
                }
            }
        }
    }
}

impl std::error::Error for PlanError {}

impl From<Invalid> for PlanError {
    fn from(invalid: Invalid) -> Self {
        Self::Invalid(invalid)
    }
}

impl From<CapacityError> for PlanError {
    fn from(error: CapacityError) -> Self {
        Self::Capacity(error)
    }
}
