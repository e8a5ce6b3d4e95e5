//! Everything that is known, for whoever shows it.

use serde::Serialize;

use super::analysis::Analysis;
use super::planned::Planned;

/// Answers and refusals.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// Of this program.
    pub(super) version: &'static str,
    /// How many replicas took the measured load together.
    pub(super) measured_replicas: u32,
    pub(super) measurements: Option<Analysis>,
    #[serde(flatten)]
    pub(super) planned: Option<Planned>,
    /// Why there is no answer: what to measure.
    pub(super) refused: Option<String>,
}
