//! Where levels of load come from: a table, results of load tests, or Prometheus.

mod csv;
mod prometheus;
mod results;

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use serde::Serialize;

use super::arguments::Sources;
use super::value::Measure;
use crate::command::Refusal;

/// The largest file that is read: results of a day, second by second, are some tens of megabytes.
const LARGEST_FILE: u64 = 256 << 20;

/// One level of load.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Level {
    /// Which one, for people: "point 3", "phase `step 4`".
    pub(super) place: String,
    /// Mean of the requests under way.
    pub(super) concurrency: f64,
    /// Good answers per second.
    pub(super) throughput: f64,
    /// Mean response time in seconds.
    pub(super) mean: Option<f64>,
    /// The objective's measure in seconds.
    pub(super) of_objective: Option<f64>,
    /// What Little's law is checked with, where that is another throughput and response time (failed requests count, too).
    #[serde(skip)]
    pub(super) window: Option<(f64, f64)>,
    /// False where requests piled up: Little's law then says nothing.
    pub(super) is_steady: bool,
}

/// What was measured.
#[derive(Clone, Debug)]
pub(super) struct Measurements {
    /// Files' names, or an address.
    pub(super) origin: String,
    pub(super) levels: Vec<Level>,
    /// What was left out, and why.
    pub(super) notes: Vec<String>,
}

/// Reads what the arguments name; none if they name nothing.
pub(super) fn read(
    sources: &Sources,
    wanted: Option<Measure>,
) -> Result<Option<Measurements>, Refusal> {
    if let Some(path) = &sources.points {
        return csv::read(path, sources.latency_is, wanted).map(Some);
    }
    if !sources.results.is_empty() {
        return results::read(&sources.results, wanted).map(Some);
    }
    match &sources.prometheus.prometheus {
        Some(url) => prometheus::read(url, sources, wanted).map(Some),
        None => Ok(None),
    }
}

/// The latency of a source that has just one, as the mean or as the objective's measure.
fn placed(
    latency: Option<f64>,
    is: Measure,
    wanted: Option<Measure>,
) -> (Option<f64>, Option<f64>) {
    let mean = latency.filter(|_| is == Measure::Mean);
    (mean, latency.filter(|_| Some(is) == wanted))
}

/// A percentile of another measure than the objective's answers nothing.
fn check_measure(is: Measure, wanted: Option<Measure>) -> Result<(), Refusal> {
    match wanted {
        Some(wanted) if is != Measure::Mean && is != wanted => Err(Refusal::new(
            format!(
                "the latency is {is}, and the objective speaks of {wanted}: the one does not follow from the other"
            ),
            format!("measure {wanted}, or give an objective for {is}"),
        )),
        _ => Ok(()),
    }
}

/// A file's bytes, if they are no more than can be meant.
fn bytes(path: &Path) -> Result<Vec<u8>, Refusal> {
    let name = path.display();
    let refuse = |error: std::io::Error| {
        Refusal::new(
            format!("cannot read {name}: {error}"),
            "give a file that exists and may be read",
        )
    };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(refuse)?;
    file.take(LARGEST_FILE + 1)
        .read_to_end(&mut bytes)
        .map_err(refuse)?;
    if bytes.len() as u64 > LARGEST_FILE {
        return Err(Refusal::new(
            format!("{name} is larger than {} MiB", LARGEST_FILE >> 20),
            "give one line for each level of load, not one for each request",
        ));
    }
    Ok(bytes)
}
