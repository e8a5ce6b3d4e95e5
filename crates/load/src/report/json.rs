//! Results files: the results as JSON, as they are.

use std::fmt;

use serde::Deserialize;

use crate::Results;
use crate::results::FORMAT;

/// Why a results file cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadError {
    /// For people; without the file's name, which the caller knows.
    pub message: String,
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ReadError {}

/// The results as a file has them.
#[must_use]
pub fn json(results: &Results) -> String {
    let text = serde_json::to_string_pretty(results);
    let mut text = text.expect("numbers, texts, and maps whose keys are texts or numbers");
    text.push('\n');
    text
}

/// Results from a file.
///
/// # Errors
/// When it is none, of another version, cut short, or contains what no test can have measured.
pub fn read_json(text: &str) -> Result<Results, ReadError> {
    #[derive(Deserialize)]
    struct Version {
        format: Option<u32>,
    }
    let error = |message: String| Err(ReadError { message });
    let version = match serde_json::from_str::<Version>(text) {
        Ok(version) => version.format,
        Err(why) if why.is_eof() => return error(format!("the file is cut short: {why}")),
        Err(why) => return error(format!("this is no results file: {why}")),
    };
    match version {
        Some(FORMAT) => {}
        Some(other) => {
            return error(format!(
                "the results have format {other}, this version of tenfold reads {FORMAT}; use the version that wrote them"
            ));
        }
        None => {
            return error(
                "this is no results file: it has no `format`; `tenfold load --json FILE` writes one".to_owned(),
            );
        }
    }
    let results: Results = match serde_json::from_str(text) {
        Ok(results) => results,
        Err(why) => return error(format!("the results are damaged: {why}")),
    };
    match nonsense(&results) {
        None => Ok(results),
        Some(what) => error(format!("the results are damaged: {what}")),
    }
}

/// More generators than anybody has.
const MOST_SHARDS: u32 = 100_000;
/// A part of a second of the series that is shorter than this is none (a last one may be empty), in seconds.
const SHORTEST: f64 = 1e-6;

/// What no test can have measured: times that are none, which later arithmetic relies on.
fn nonsense(results: &Results) -> Option<String> {
    // A test of a hundred years; numbers in JSON are finite.
    let is_time = |seconds: f64| (0.0..=3.2e9).contains(&seconds);
    if !is_time(results.started) || !is_time(results.duration) {
        return Some("`started` or `duration` is no time".to_owned());
    }
    let count = results.shard_count;
    let is_part = |index: &u32| (*index < count) && (1..=MOST_SHARDS).contains(&count);
    if !results.shards.iter().all(is_part) || results.shards.is_empty() {
        return Some(format!("{:?} are no parts of {count}", results.shards));
    }
    let phases = &results.phases;
    let wrong = |start: f64, duration: f64| !is_time(start) || !is_time(duration);
    if let Some(phase) = phases.iter().find(|one| wrong(one.start, one.duration)) {
        return Some(format!("phase `{}` has no time", phase.name));
    }
    let series = &results.series;
    if let Some(one) = series
        .iter()
        .find(|one| wrong(one.at, one.duration) || (one.duration > 0.0 && one.duration < SHORTEST))
    {
        return Some(format!("the series has no time at {}", one.at));
    }
    if series.windows(2).any(|pair| pair[0].at >= pair[1].at) {
        return Some("the series is not in its order".to_owned());
    }
    let is_share = |share: f64| (0.0..=1e6).contains(&share);
    if !is_share(results.generator.cpu) || !is_time(results.generator.cpu_seconds) {
        return Some("the generator's CPU is no share".to_owned());
    }
    None
}
