//! What a user does: steps, and what is kept between them.

use std::time::Duration;

/// What somebody does, from top to bottom.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// What reports call it.
    pub name: String,
    /// How often it is chosen, relative to others; 0 or more.
    pub weight: f64,
    /// At least one.
    pub steps: Vec<Step>,
}

/// A request, and what is done with its answer.
#[derive(Clone, Debug)]
pub struct Step {
    /// What reports call it; `METHOD /path` if nobody says.
    pub name: String,
    /// The group it is summed up with in reports.
    pub group: Option<String>,
    /// After its answer, before what comes next.
    pub think: Think,
    /// From sending to the end of the answer; the target's if it is not said.
    pub timeout: Option<Duration>,
}

/// How long somebody thinks.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Think {
    /// Not at all.
    #[default]
    Not,
    /// So long.
    Constant(Duration),
    /// Anything between the two is as likely.
    Uniform(Duration, Duration),
    /// Exponential with a mean, cut at a maximum (TPC-W: mean 7 s, most 70 s).
    Exponential {
        /// Before the cut.
        mean: Duration,
        /// Never longer than this.
        most: Duration,
    },
}

/// Rows of data.
#[derive(Clone, Debug)]
pub struct Feed {
    /// What the file calls it.
    pub name: String,
}
