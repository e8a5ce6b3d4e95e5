//! What a search came to.

use std::fmt;

use serde::Serialize;

use super::search::Stage;
use super::{Level, Ramp};

/// Why a load is too much.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// Answers took too long.
    Latency,
    /// Too many requests failed.
    Errors,
    /// Nothing was answered well.
    NoAnswers,
    /// More load brought no more good answers.
    Saturation,
    /// The generator did not keep up, so that nothing is known of the service.
    Generator,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Latency => "answers took longer than the objective allows",
            Self::Errors => "more requests failed than the objective allows",
            Self::NoAnswers => "nothing was answered well",
            Self::Saturation => "more load brought no more good answers",
            Self::Generator => "the generator was the limit",
        })
    }
}

/// One load with what was measured at it; medians, if it was measured more than once.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Point {
    /// Arrivals per second, or users.
    pub load: f64,
    /// Good answers per second.
    pub throughput: f64,
    /// The objective's quantile in seconds; none if nothing ended.
    pub latency: Option<f64>,
    /// The share of requests that failed.
    pub errors: f64,
    /// Mean of the requests under way: the concurrency of a curve.
    pub in_flight: f64,
    /// How often it was measured.
    pub measurements: usize,
}

/// How the search ended.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(tag = "how", rename_all = "snake_case")]
pub enum End {
    /// The knee lies between the knee's load and this one.
    Found {
        /// What happened there.
        cause: Cause,
        /// The lowest load at which it did.
        at: f64,
    },
    /// Nothing broke up to the highest load that was allowed: the knee is at least that.
    NotReached,
    /// The generator was the limit: the knee is at least what is given.
    GeneratorLimit,
    /// The lowest load was too much already.
    BrokenFromStart {
        /// What happened.
        cause: Cause,
    },
    /// Ended before its time.
    Unfinished,
}

/// What a search came to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Outcome {
    /// The highest load that was good: at most 5 % (or one user) below the one that was not, if the knee was [`End::Found`]. Of users where goodput
    /// stops growing: the fewest who bring 95 % of the highest.
    pub knee: Option<Point>,
    /// How the search ended.
    pub end: End,
    /// All loads that were measured, from the lowest on.
    pub points: Vec<Point>,
    /// How many steps it took, repetitions included.
    pub steps: usize,
    /// Whether loads are users.
    pub is_users: bool,
}

impl Ramp {
    /// The fewest users who bring all that the service gives, and the next level. Users are whole: one fewer may bring a third less, so that
    /// (unlike with rates) the level below is no knee. Of more than one user to begin with, fewer may do as well.
    pub(super) fn saturated(&self) -> Option<(&Level, &Level)> {
        let (low, Some((level, Cause::Saturation))) = self.bracket() else {
            return None;
        };
        let is_least = low.is_some() || level.load() <= 1.0;
        let above = self.levels.iter().find(|one| one.load() > level.load())?;
        (self.bounds.is_users && is_least).then_some((level, above))
    }

    /// What is known: everything when [`Ramp::next_step`] says none, and what there is before that.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        let (mut low, high) = self.bracket();
        let is_over = !matches!(self.stage, Stage::Raise | Stage::Peak | Stage::Bisect);
        let mut end = match (self.raised, low, high) {
            _ if !is_over => End::Unfinished,
            (Some(Cause::Generator), Some(_), None) => End::GeneratorLimit,
            (Some(cause), None, _) => End::BrokenFromStart { cause },
            (Some(_), Some(_), Some((_, Cause::Generator))) => End::GeneratorLimit,
            (Some(_), Some(_), Some((high, cause))) => End::Found {
                cause,
                at: high.load(),
            },
            _ => End::NotReached,
        };
        if is_over && let Some((level, above)) = self.saturated() {
            (low, end) = (
                Some(level),
                End::Found {
                    cause: Cause::Saturation,
                    at: above.load(),
                },
            );
        }
        Outcome {
            knee: low.and_then(super::Level::point),
            end,
            points: self.levels.iter().filter_map(super::Level::point).collect(),
            steps: self.steps,
            is_users: self.bounds.is_users,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let load = |load: f64| match self.is_users {
            true => format!("{load:.0} users"),
            false => format!("{load:.1} arrivals/s"),
        };
        let knee = |f: &mut fmt::Formatter<'_>, point: &Point| {
            write!(
                f,
                "{} ({:.1} good answers/s, {:.1} under way)",
                load(point.load),
                point.throughput,
                point.in_flight
            )
        };
        match (&self.end, &self.knee) {
            (End::Found { cause, at }, Some(point)) => {
                f.write_str("the knee is at ")?;
                knee(f, point)?;
                write!(f, ": at {} {cause}", load(*at))
            }
            (End::NotReached, Some(point)) => {
                f.write_str("no knee up to ")?;
                knee(f, point)?;
                f.write_str(", the highest load that was allowed: allow more")
            }
            (End::GeneratorLimit, Some(point)) => {
                f.write_str("the knee is at least at ")?;
                knee(f, point)?;
                f.write_str(
                    ": beyond, the generator was the limit; give it more threads, or several machines",
                )
            }
            (
                End::BrokenFromStart {
                    cause: Cause::Generator,
                },
                _,
            ) => f.write_str(
                "nothing is known of the service: at the lowest load the generator was the limit already; give it a machine of its own or \
                 more threads, or begin lower",
            ),
            (End::BrokenFromStart { cause }, _) => write!(
                f,
                "no load is low enough: at the lowest one {cause}; begin lower, or widen the objective"
            ),
            (_, Some(point)) => {
                f.write_str("the search was ended before its time; good so far: ")?;
                knee(f, point)
            }
            (_, None) => f.write_str("the search was ended before any load was found to be good"),
        }
    }
}
