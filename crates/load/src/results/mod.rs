//! What was measured.
//!
//! # The idea
//! Counts and histograms, nothing that is derived from them: so that results of several generators add up exactly
//! ([`Results::add`]), and everything that is shown is computed from what is written in the file.

mod follow;
mod histogram;
mod merge;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::threshold::{Scope, Threshold, ThresholdError};

pub use histogram::{Histogram, LONGEST};
pub use merge::MergeError;

/// The format of results files that this version writes and reads.
pub const FORMAT: u32 = 1;

/// What a load test measured. Times are seconds unless they are in a [`Histogram`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// [`FORMAT`].
    pub format: u32,
    /// What the test is called.
    pub name: String,
    /// The URL.
    pub target: String,
    /// Whether arrivals did not wait for answers.
    pub is_open: bool,
    /// When the first phase began, seconds since 1970.
    pub started: f64,
    /// From then until the last answer, or until the test was ended.
    pub duration: f64,
    /// Why the test ended before its time.
    pub ended_early: Option<String>,
    /// What the test is, as far as nothing else in here says it ([`Test::plan`](crate::Test::plan)). Versions before did not write it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    /// Parts that are in here, and of how many; each `index` once.
    pub shards: Vec<u32>,
    /// How many parts the whole has.
    pub shard_count: u32,
    /// All requests outside of warm-ups.
    pub total: Totals,
    /// In their order.
    pub phases: Vec<PhaseResult>,
    /// In the order of the test, those of setup and teardown left out.
    pub steps: Vec<StepResult>,
    /// Second by second, warm-ups too.
    pub series: Vec<Interval>,
    /// What went wrong, the most frequent first; warm-ups left out.
    pub errors: Vec<ErrorCount>,
    /// How the generator itself did.
    pub generator: Generator,
    /// Where it ran: one per generator.
    pub environments: Vec<Environment>,
    /// How the thresholds were judged.
    pub thresholds: Vec<Verdict>,
}

impl Results {
    /// How long phases took that are no warm-ups, in seconds: what rates of [`Results::total`] are told from.
    #[must_use]
    pub fn measured_duration(&self) -> f64 {
        let phases = self.phases.iter().filter(|phase| !phase.is_warm_up);
        phases.map(|phase| phase.duration).sum()
    }

    /// Whether a moment, in seconds from the beginning, is within a warm-up.
    #[must_use]
    pub fn is_warm_up(&self, at: f64) -> bool {
        let begun = self.phases.iter().rev().find(|phase| phase.start <= at);
        begun
            .or(self.phases.first())
            .is_some_and(|phase| phase.is_warm_up)
    }

    /// Generators whose part is not in here, from 0.
    #[must_use]
    pub fn missing_shards(&self) -> Vec<u32> {
        // Nobody starts thousands of generators, but a file may say so.
        let all = 0..self.shard_count.min(10_000);
        all.filter(|index| !self.shards.contains(index)).collect()
    }

    /// Why the numbers must not be trusted; empty if they may. What generators said of themselves, and what is missing when
    /// only some of several were put together. (One part alone is no less true for being a part.)
    #[must_use]
    pub fn doubts(&self) -> Vec<String> {
        let mut doubts = self.generator.invalid.clone();
        let missing = self.missing_shards();
        if self.shards.len() > 1 && !missing.is_empty() {
            let names: Vec<_> = missing
                .iter()
                .take(20)
                .map(|i| (i + 1).to_string())
                .collect();
            let more = if missing.len() > 20 { ", …" } else { "" };
            doubts.push(format!(
                "results of {} of {} generators are missing: {}{more}",
                missing.len(),
                self.shard_count,
                names.join(", ")
            ));
        }
        doubts
    }

    /// The thresholds that the verdicts are of, to judge them again.
    ///
    /// # Errors
    /// When they were written by something else.
    pub fn written_thresholds(&self) -> Result<Vec<Threshold>, ThresholdError> {
        let read = |verdict: &Verdict| {
            Threshold::parse(&verdict.threshold).map(|it| it.of(verdict.scope.clone()))
        };
        self.thresholds.iter().map(read).collect()
    }
}

/// Sums over requests.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Totals {
    /// Requests that were due.
    pub due: u64,
    /// Requests that ended, well or not.
    pub done: u64,
    /// Requests that failed: no answer, status 400 or above where nothing else is expected, an expectation that was not met.
    pub failed: u64,
    /// Answers by status.
    pub statuses: BTreeMap<u16, u64>,
    /// Bytes written, heads included.
    pub sent_bytes: u64,
    /// Bytes read, heads included.
    pub received_bytes: u64,
    /// From when a request was due to the end of its answer, failed ones too.
    pub latency: Histogram,
    /// From when it was sent.
    pub service: Histogram,
}

impl Totals {
    /// Adds another part's.
    pub fn add(&mut self, other: &Self) {
        self.due = self.due.saturating_add(other.due);
        self.done = self.done.saturating_add(other.done);
        self.failed = self.failed.saturating_add(other.failed);
        for (status, count) in &other.statuses {
            let sum = self.statuses.entry(*status).or_default();
            *sum = sum.saturating_add(*count);
        }
        self.sent_bytes = self.sent_bytes.saturating_add(other.sent_bytes);
        self.received_bytes = self.received_bytes.saturating_add(other.received_bytes);
        self.latency.add(&other.latency);
        self.service.add(&other.service);
    }

    /// Answers with a status of these.
    #[must_use]
    pub fn answers(&self, statuses: std::ops::RangeInclusive<u16>) -> u64 {
        let counts = self.statuses.range(statuses).map(|(_, count)| *count);
        counts.fold(0, u64::saturating_add)
    }
}

/// One phase. A request belongs to the phase in which it was due.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PhaseResult {
    /// Its name.
    pub name: String,
    /// Whether it is left out of totals.
    pub is_warm_up: bool,
    /// From the beginning of the test.
    pub start: f64,
    /// How long it took, less than planned if the test was ended.
    pub duration: f64,
    /// Arrivals per second at its beginning and end, of all generators together.
    pub rate: Option<(f64, f64)>,
    /// Users at its beginning and end, of all generators together.
    pub users: Option<(u32, u32)>,
    /// Mean of the requests under way over the phase's time, counted as they begin and end: where Little's law does not hold, requests piled up, or the
    /// windows of the numbers differ.
    pub in_flight: f64,
    /// Its sums.
    pub totals: Totals,
}

/// One step of a scenario.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StepResult {
    /// The scenario's name.
    pub scenario: String,
    /// The group's.
    pub group: Option<String>,
    /// The step's.
    pub name: String,
    /// Sums outside of warm-ups.
    pub totals: Totals,
}

/// One second.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Its beginning, from the beginning of the test.
    pub at: f64,
    /// How long it was: 1, the last one less.
    pub duration: f64,
    /// Arrivals that were due (open model).
    pub arrivals: u64,
    /// Arrivals that were begun.
    pub begun: u64,
    /// Requests that ended.
    pub done: u64,
    /// Of those, failed.
    pub failed: u64,
    /// Users at its end, in a closed model; sessions under way in an open one.
    pub users: u32,
    /// Requests under way at its end.
    pub in_flight: u32,
    /// Bytes read.
    pub received_bytes: u64,
    /// Latencies of what ended in it.
    pub latency: Histogram,
    /// What went wrong in it, by its kind; those without one are left out.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub errors: BTreeMap<ErrorKind, u64>,
}

/// What went wrong how often.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ErrorCount {
    /// Its kind.
    pub kind: ErrorKind,
    /// One sentence; at most some hundred different ones are kept, the rest are `…`.
    pub message: String,
    /// Scenario and step.
    pub step: String,
    /// How often.
    pub count: u64,
}

/// Kinds of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// The name has no address.
    Resolve,
    /// No connection.
    Connect,
    /// No TLS.
    Tls,
    /// Nothing came in time.
    Timeout,
    /// The connection ended before the answer.
    Closed,
    /// What came is no HTTP.
    Protocol,
    /// A status of 400 or above, or not the one that was expected.
    Status,
    /// Another expectation that was not met.
    Expectation,
    /// A value that was to be taken from the answer is not in it.
    Extract,
    /// A request that could not be put together: a variable without a value, a feed at its end.
    Prepare,
}

impl ErrorKind {
    /// Its name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Resolve => "resolve",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Timeout => "timeout",
            Self::Closed => "closed",
            Self::Protocol => "protocol",
            Self::Status => "status",
            Self::Expectation => "expectation",
            Self::Extract => "extract",
            Self::Prepare => "prepare",
        }
    }
}

/// How the generator did.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Generator {
    /// How late arrivals were begun although there was a connection for them: the generator's own fault.
    pub lag: Histogram,
    /// Arrivals that had to wait because all connections were in use (their wait is in the latency).
    pub waited: u64,
    /// Arrivals that were never begun, because nobody was free for them until the end.
    pub dropped: u64,
    /// The busiest thread's share of a core, 0 to 1.
    pub cpu: f64,
    /// CPU seconds of all threads.
    pub cpu_seconds: f64,
    /// Why the numbers must not be trusted; empty if they may.
    pub invalid: Vec<String>,
}

/// Where a generator ran.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Environment {
    /// Tenfold's version.
    pub version: String,
    /// Name of the machine.
    pub host: String,
    /// Of the operating system.
    pub system: String,
    /// Of the processor.
    pub processor: String,
    /// How many of it may be used.
    pub cores: usize,
    /// Threads that made load.
    pub threads: usize,
}

/// How a threshold was judged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// As it was written.
    pub threshold: String,
    /// What it applies to; everything outside of warm-ups if it is not said.
    pub scope: Option<Scope>,
    /// What was measured, for people; why there is nothing if there is nothing.
    pub measured: String,
    /// Whether it holds. Without samples it does not.
    pub holds: bool,
    /// Whether the test was ended by it.
    pub aborted: bool,
}
