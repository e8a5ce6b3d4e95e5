//! What the results have to be: the conditions that decide whether a test has passed.
//!
//! # The problem
//! A condition that nothing was measured for must not pass: a test whose requests never got through would be the best of all
//! (k6 issue 4283). And the same text must mean the same when several generators' results are put together.
//!
//! # The idea
//! A threshold is a small text, `METRIC OPERATOR VALUE`, that is kept as it was written and parsed again from results files:
//!
//! | metric | value | what it is |
//! |---|---|---|
//! | `p(95)`, `p99.9`, `avg`, `min`, `max`, `med` | `300ms` | latency, from when a request was due; `service p(95)` from when it was sent |
//! | `errors` | `1%`, `10` | failed requests: their share of all that ended, or their number |
//! | `rate` | `500/s` | requests that ended per second |
//! | `requests` | `1000` | requests that ended |
//! | `2xx` … `5xx`, `status(503)` | `99%`, `10` | answers with such a status: their share of all requests that ended, or their number |
//! | `received`, `sent` | `10MB`, `1MB/s` | bytes, heads included |
//!
//! Operators are `<`, `<=`, `>`, `>=` and `==`. Without a [`Scope`] a threshold applies to everything outside of warm-ups.

mod judge;
mod parse;

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use judge::{aborts, judge};
pub use parse::ThresholdError;

/// Nothing is ended by a threshold before this: the first requests pay for connections and cold caches.
pub const ABORT_AFTER: Duration = Duration::from_secs(10);

/// A condition on the results.
#[derive(Clone, Debug, PartialEq)]
pub struct Threshold {
    /// As it was written.
    pub text: String,
    /// What is looked at.
    pub metric: Metric,
    /// What `value` is a number of.
    pub unit: Unit,
    /// How the two are compared.
    pub operator: Operator,
    /// In seconds, a share of 1, a number, or bytes; per second for rates.
    pub value: f64,
    /// What it applies to; everything outside of warm-ups if it is not said.
    pub scope: Option<Scope>,
    /// Whether the test ends as soon as it does not hold.
    pub abort: bool,
    /// How long a test runs before this ends it ([`ABORT_AFTER`]).
    pub abort_after: Duration,
}

impl Threshold {
    /// Of everything, without an abort.
    ///
    /// # Errors
    /// When the text is none; the error says what to write.
    pub fn parse(text: &str) -> Result<Self, ThresholdError> {
        parse::parse(text)
    }

    /// Of a part only.
    #[must_use]
    pub fn of(self, scope: Option<Scope>) -> Self {
        Self { scope, ..self }
    }

    /// With an abort.
    #[must_use]
    pub fn aborting(self, abort: bool) -> Self {
        Self { abort, ..self }
    }

    /// Whether time alone may make it true, so that it must not be judged before the end: a number that has to be reached.
    #[must_use]
    pub fn awaits_the_end(&self) -> bool {
        let grows = matches!(self.unit, Unit::Count | Unit::Bytes);
        let is_to_be_reached = match self.operator {
            Operator::More | Operator::AtLeast => true,
            Operator::Equal => self.value > 0.0,
            Operator::Less | Operator::AtMost => false,
        };
        grows && is_to_be_reached
    }
}

/// What a threshold looks at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Metric {
    /// Of the time from when a request was due.
    Latency(Statistic),
    /// Of the time from when it was sent.
    Service(Statistic),
    /// Requests that failed.
    Errors,
    /// Requests that ended.
    Requests,
    /// Answers whose status is within these, both included.
    Status(u16, u16),
    /// Bytes read.
    Received,
    /// Bytes written.
    Sent,
}

/// A number for many times.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Statistic {
    /// The time that this share of all does not exceed, 0 to 1.
    Quantile(f64),
    /// The arithmetic mean.
    Mean,
    /// The shortest.
    Min,
    /// The longest.
    Max,
}

/// What a value is a number of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Of time.
    Seconds,
    /// Of all requests, 0 to 1.
    Share,
    /// Of requests.
    Count,
    /// Requests per second.
    PerSecond,
    /// Of data.
    Bytes,
    /// Of data per second.
    BytesPerSecond,
}

/// How two numbers are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    More,
    /// `>=`
    AtLeast,
    /// `==`
    Equal,
}

impl Operator {
    fn holds(self, measured: f64, value: f64) -> bool {
        match self {
            Self::Less => measured < value,
            Self::AtMost => measured <= value,
            Self::More => measured > value,
            Self::AtLeast => measured >= value,
            // Numbers of requests and of bytes are whole, and exact up to 2^53.
            Self::Equal => (measured - value).abs() < f64::EPSILON,
        }
    }
}

/// A part of the results.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// All steps of that name; only a scenario's if it is said.
    Step {
        /// The scenario's name.
        scenario: Option<String>,
        /// The step's.
        name: String,
    },
    /// All steps of a group.
    Group(String),
    /// A phase, also one that is a warm-up.
    Phase(String),
}

impl Scope {
    /// Steps of that name in all scenarios.
    #[must_use]
    pub fn step(name: impl Into<String>) -> Self {
        Self::Step {
            scenario: None,
            name: name.into(),
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Step {
                scenario: None,
                name,
            } => write!(f, "step {name}"),
            Self::Step {
                scenario: Some(scenario),
                name,
            } => write!(f, "step {name} of {scenario}"),
            Self::Group(name) => write!(f, "group {name}"),
            Self::Phase(name) => write!(f, "phase {name}"),
        }
    }
}
