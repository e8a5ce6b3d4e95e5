//! Finding the knee: which load to try next, from what became of the last one.
//!
//! # The problem
//! People want the highest load that a service takes, and choose the steps of a test before they know it: most of them are then far
//! below it, or far beyond, and none is near. And one slow second makes a good load look bad.
//!
//! # The idea
//! Load is doubled until the objective breaks or good answers per second stop growing; then the interval between the last good load
//! and the first bad one is halved (geometrically) until it is 5 % wide. A step that broke or nearly did is measured again, and a third
//! time if the two disagree. Then come steps beyond the knee, because a curve (Universal Scalability Law) that is to speak
//! of its peak has to have seen what comes after it, and steps in the widest gaps until there are [`LEVELS`].
//!
//! Where growth stops without a broken objective, the knee is the least load that brings 95 % of the highest goodput: with more, requests
//! only wait for longer. (Of rates the one below it is said, which is at most 5 % away and surely does not pile up.)
//!
//! # The trade-off
//! Bisection takes a load as good or bad, which a service is not whose capacity changes (an autoscaler, a cache that fills): run
//! the ramp again and compare. The ramp has no clock and no sockets: it says a [`Step`], and is told what was [`Measured`].
//!
//! Source for what a knee is: N. J. Gunther, "Guerrilla Capacity Planning", Springer 2007; for the confirmation of a single bad window: this
//! project's own tests with one window in ten bad.

mod level;
mod outcome;
mod search;
#[cfg(test)]
mod tests;

use std::fmt;
use std::time::Duration;

use level::Level;
pub use outcome::{Cause, End, Outcome, Point};
use search::Stage;

/// The fewest different loads: six are the least that a curve is fitted to, and two of them may turn out useless.
pub const LEVELS: usize = 8;

/// The knee lies between two loads of at most this ratio.
const CLOSE: f64 = 1.05;

/// What has to hold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Objective {
    /// A share of requests, 0 to 1, and within what they have to be answered; nothing about time if it is missing.
    pub latency: Option<(f64, Duration)>,
    /// The largest share of requests that may fail, at least 0 and below 1.
    pub errors: f64,
}

/// Between which loads to search, and how long each step takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// The load of the first step (arrivals per second, or users), above 0: one that the service surely takes.
    pub from: f64,
    /// The highest load that may be tried, above `from`.
    pub to: f64,
    /// Whether load counts users, of which there are only whole ones and who wait for answers (a closed model).
    pub is_users: bool,
    /// How long a step is measured.
    pub measure: Duration,
    /// Most steps, repetitions included, after which the ramp ends with what it has.
    pub most: usize,
}

impl Bounds {
    /// Ten seconds for a step, at most 40 of them.
    #[must_use]
    pub fn new(from: f64, to: f64, is_users: bool) -> Self {
        Self {
            from,
            to,
            is_users,
            measure: Duration::from_secs(10),
            most: 40,
        }
    }
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// Arrivals per second, or users.
    pub load: f64,
    /// How long this load is given before it is measured: longer after a step that was too much, so that what piled up is gone.
    pub settle: Duration,
    /// How long to measure.
    pub measure: Duration,
}

/// What became of a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measured {
    /// Good answers per second that ended while it was measured.
    pub throughput: f64,
    /// The objective's quantile (any, if it has none); none if nothing ended.
    pub latency: Option<Duration>,
    /// The share of requests that failed, 0 to 1.
    pub errors: f64,
    /// Mean of the requests under way.
    pub in_flight: f64,
    /// Whether the generator kept up; otherwise the numbers are its own and not the service's.
    pub is_valid: bool,
}

/// Bounds or an objective that nothing can be found with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RampError(String);

impl fmt::Display for RampError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for RampError {}

/// A search under way.
///
/// ```
/// use std::time::Duration;
/// use tenfold_load::ramp::{Bounds, End, Measured, Objective, Ramp};
///
/// let objective = Objective { latency: Some((0.95, Duration::from_millis(300))), errors: 0.01 };
/// let mut ramp = Ramp::new(objective, Bounds::new(10.0, 10_000.0, false))?;
/// while let Some(step) = ramp.next_step() {
///     // A service that takes 700 requests per second, 10 ms each.
///     let is_late = step.load > 700.0;
///     ramp.measured(Measured {
///         throughput: step.load.min(700.0),
///         latency: Some(Duration::from_millis(if is_late { 2000 } else { 10 })),
///         errors: 0.0,
///         in_flight: if is_late { 1400.0 } else { step.load * 0.01 },
///         is_valid: true,
///     });
/// }
/// let outcome = ramp.outcome();
/// let knee = outcome.knee.expect("it has one");
/// assert!(knee.load > 660.0 && knee.load <= 700.0);
/// assert!(outcome.points.len() >= 8);
/// # Ok::<(), tenfold_load::ramp::RampError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Ramp {
    objective: Objective,
    bounds: Bounds,
    /// From the lowest load on, each once.
    levels: Vec<Level>,
    stage: Stage,
    /// Why raising ended.
    raised: Option<Cause>,
    /// The load that is to be tried next.
    next: Option<f64>,
    /// The load that was tried last.
    last: Option<f64>,
    steps: usize,
}

impl Ramp {
    /// A search within `bounds`.
    ///
    /// # Errors
    /// A number out of its range.
    pub fn new(objective: Objective, bounds: Bounds) -> Result<Self, RampError> {
        let refuse = |text: &str| Err(RampError(text.to_owned()));
        if !(0.0..1.0).contains(&objective.errors) {
            return refuse("the share of requests that may fail is at least 0 and below 1");
        }
        if let Some((share, within)) = objective.latency
            && (!(0.0..1.0).contains(&share) || within.is_zero())
        {
            return refuse("an objective has a percentile below 100 and a time above 0");
        }
        let Bounds { from, to, .. } = bounds;
        if !(from.is_finite() && to.is_finite() && from > 0.0 && from < to) {
            return refuse("the lowest load is above 0, and the highest above the lowest");
        }
        if bounds.is_users && (from.fract() != 0.0 || to.fract() != 0.0) {
            return refuse("there are only whole users");
        }
        if bounds.measure.is_zero() || bounds.most == 0 {
            return refuse("a step takes some time, and there is at least one");
        }
        Ok(Self {
            objective,
            bounds,
            levels: Vec::new(),
            stage: Stage::Raise,
            raised: None,
            next: Some(from),
            last: None,
            steps: 0,
        })
    }

    /// What to do next; the same until it is told what became of it. None when all is known.
    #[must_use]
    pub fn next_step(&self) -> Option<Step> {
        let load = self.next?;
        let measure = self.bounds.measure;
        let is_again = self.level(load).is_some();
        let was_too_much = self
            .last
            .and_then(|last| self.level(last))
            .is_some_and(|level| level.breaks(&self.objective).is_some());
        Some(Step {
            load,
            settle: if was_too_much { measure } else { measure / 5 },
            // What was doubtful is worth a longer look.
            measure: if is_again { measure * 2 } else { measure },
        })
    }

    /// Takes down what became of the step that [`Ramp::next_step`] says. Does nothing when the search has ended.
    pub fn measured(&mut self, measured: Measured) {
        let Some(load) = self.next else {
            return;
        };
        match self
            .levels
            .binary_search_by(|one| one.load().total_cmp(&load))
        {
            Ok(at) => self.levels[at].add(measured),
            Err(at) => self.levels.insert(at, Level::new(load, measured)),
        }
        self.last = Some(load);
        self.steps += 1;
        self.next = if self.steps < self.bounds.most {
            self.decide()
        } else {
            None
        };
    }

    fn level(&self, load: f64) -> Option<&Level> {
        self.levels.iter().find(|one| one.load() == load)
    }
}
