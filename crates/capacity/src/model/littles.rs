//! Little's law and its kin: what must hold between what was measured, and what follows from it.
//!
//! # The idea
//! N = X·R: requests under way = requests per second × seconds that each takes. It holds for every system over every
//! window that begins and ends about as full, whatever the distributions. A window in which the three numbers disagree
//! was measured wrongly, and no model should be fitted to it. With think time Z between requests it is N = X·(R + Z).
//!
//! The same counting gives the utilisation law, U = X·S, and the service demand law, D = U/X: how much CPU one request costs
//! follows from how busy the CPU was and how many requests were completed.
//!
//! Source: J. D. C. Little, "A Proof for the Queuing Formula: L = λW", Operations Research 9(3), 1961; P. Denning and J. Buzen, "The
//! Operational Analysis of Queueing Network Models", ACM Computing Surveys 10(3), 1978.

use std::fmt;

use serde::Serialize;

use crate::invalid::{Invalid, not_negative, positive};
use crate::points::Points;
use crate::text::{number, percent, seconds};

/// Beyond this difference a window is doubtful. Requests that straddle its ends explain up to that much in windows of some
/// hundred response times.
pub const DOUBTFUL: f64 = 0.05;

/// Beyond this difference the measurement is bad.
pub const BROKEN: f64 = 0.10;

/// What was measured over one stretch of time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Window {
    /// Mean number of requests (or users) in the system.
    pub concurrency: f64,
    /// Requests completed per second.
    pub throughput: f64,
    /// *Mean* response time in seconds. A percentile is larger, and breaks the law.
    pub response_time: f64,
    /// Mean think time in seconds if `concurrency` counts users; 0 if it counts requests.
    pub think_time: f64,
}

/// Whether the law holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Within [`DOUBTFUL`].
    Holds,
    /// Between [`DOUBTFUL`] and [`BROKEN`].
    Doubtful,
    /// Beyond [`BROKEN`]: do not use the window.
    Broken,
}

/// What became of a window; its `Display` says it in words.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Check {
    /// What was checked.
    pub window: Window,
    /// The concurrency that throughput and response time come to.
    pub expected: f64,
    /// How far the measured concurrency is from it: 0.1 is 10 % more than expected.
    pub off: f64,
    /// Whether the law holds.
    pub verdict: Verdict,
}

/// Checks one window.
///
/// ```
/// use tenfold_capacity::model::littles::{Verdict, Window, check};
///
/// let window = Window { concurrency: 50.0, throughput: 500.0, response_time: 0.1, think_time: 0.0 };
/// assert_eq!(check(&window)?.verdict, Verdict::Holds);
/// let check = check(&Window { response_time: 0.05, ..window })?;
/// assert_eq!((check.verdict, check.expected), (Verdict::Broken, 25.0));
/// # Ok::<(), tenfold_capacity::Invalid>(())
/// ```
///
/// # Errors
/// A number that is not above zero (think time: below zero).
pub fn check(window: &Window) -> Result<Check, Invalid> {
    let measured = positive("the concurrency", window.concurrency)?;
    let expected = concurrency(window.throughput, window.response_time, window.think_time)?;
    let off = measured / expected - 1.0;
    // A measurement may be off by a factor in either direction; a ratio treats both alike.
    let distance = (measured / expected).max(expected / measured) - 1.0;
    let verdict = if distance <= DOUBTFUL {
        Verdict::Holds
    } else if distance <= BROKEN {
        Verdict::Doubtful
    } else {
        Verdict::Broken
    };
    Ok(Check {
        window: *window,
        expected,
        off,
        verdict,
    })
}

/// Checks all points that have a latency, which must be their mean.
#[must_use]
pub fn check_points(points: &Points) -> Vec<Check> {
    let window = |one: &crate::Point| {
        Some(Window {
            concurrency: one.concurrency,
            throughput: one.throughput,
            response_time: one.latency?,
            think_time: 0.0,
        })
    };
    points
        .iter()
        .filter_map(window)
        .filter_map(|window| check(&window).ok())
        .collect()
}

/// N = X·(R + Z): how many requests (users, with a think time) are in the system.
///
/// # Errors
/// Throughput or response time is not above zero, or think time is below zero.
pub fn concurrency(throughput: f64, response_time: f64, think_time: f64) -> Result<f64, Invalid> {
    let throughput = positive("the throughput", throughput)?;
    let response_time = positive("the response time", response_time)?;
    let think_time = not_negative("the think time", think_time)?;
    positive("the concurrency", throughput * (response_time + think_time))
}

/// D = U/X: what one request costs, in busy seconds. `busy` is how many servers were busy on average (1.5 of 2 cores).
///
/// # Errors
/// `busy` is below zero, or throughput not above it.
pub fn demand(busy: f64, throughput: f64) -> Result<f64, Invalid> {
    let busy = not_negative("the mean number of busy servers", busy)?;
    Ok(busy / positive("the throughput", throughput)?)
}

/// U = X·D/c: the share of time for which each of `servers` is busy. Above 1 it cannot be: the throughput is out of reach.
///
/// # Errors
/// A number out of its range.
pub fn utilisation(throughput: f64, demand: f64, servers: f64) -> Result<f64, Invalid> {
    let throughput = positive("the throughput", throughput)?;
    let demand = not_negative("the demand of a request", demand)?;
    Ok(throughput * demand / positive("the number of servers", servers)?)
}

impl fmt::Display for Check {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Window {
            concurrency,
            throughput,
            response_time,
            think_time,
        } = self.window;
        let thinking = if think_time > 0.0 {
            format!(" and {} of thinking", seconds(think_time))
        } else {
            String::new()
        };
        write!(
            out,
            "{} requests/s that take {}{thinking} make {} under way; measured are {}: ",
            number(throughput),
            seconds(response_time),
            number(self.expected),
            number(concurrency),
        )?;
        let off = percent(self.off.abs());
        let (more, why) = if self.off > 0.0 {
            ("more", MORE)
        } else {
            ("fewer", FEWER)
        };
        match self.verdict {
            Verdict::Holds => out.write_str("Little's law holds"),
            Verdict::Doubtful => write!(out, "{off} {more}, doubtful: measure for longer"),
            Verdict::Broken => match unit(concurrency / self.expected) {
                Some(unit) => write!(out, "the response time seems to be in {unit}, not seconds"),
                None => write!(out, "{off} {more}, the measurement is bad: {why}"),
            },
        }
    }
}

const MORE: &str = "look for requests that count as under way and not in the response times (errors and time-outs left out, \
    waiting before the actual send, think time), or a window that began emptier than it ended";
const FEWER: &str = "look for response times that are a percentile and not the mean, or that leave out the fast ones, \
    for requests that are counted as completed more than once, or a window that ended emptier than it began";

/// A factor of a thousand (or a million) in place of a difference is a unit.
fn unit(ratio: f64) -> Option<&'static str> {
    let is_about = |factor: f64| (ratio * factor).ln().abs() < 0.2;
    if is_about(1e3) {
        Some("milliseconds")
    } else if is_about(1e6) {
        Some("microseconds")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn window(concurrency: f64) -> Window {
        Window {
            concurrency,
            throughput: 200.0,
            response_time: 0.5,
            think_time: 0.0,
        }
    }

    #[test]
    fn the_verdict_turns_at_five_and_ten_percent() {
        let verdict = |concurrency| check(&window(concurrency)).expect("in range").verdict;
        assert_eq!(verdict(100.0), Verdict::Holds);
        assert_eq!(verdict(104.9), Verdict::Holds);
        assert_eq!(verdict(95.5), Verdict::Holds);
        assert_eq!(verdict(106.0), Verdict::Doubtful);
        assert_eq!(verdict(92.0), Verdict::Doubtful);
        assert_eq!(verdict(111.0), Verdict::Broken);
        assert_eq!(verdict(50.0), Verdict::Broken);
    }

    #[test]
    fn words_say_what_to_look_for() {
        let words = |window: &Window| check(window).expect("in range").to_string();
        assert!(words(&window(100.0)).ends_with("Little's law holds"));
        assert!(words(&window(150.0)).contains("50 % more, the measurement is bad"));
        assert!(words(&window(20.0)).contains("percentile"));
        let milliseconds = Window {
            response_time: 500.0,
            ..window(100.0)
        };
        assert!(words(&milliseconds).contains("in milliseconds"));
    }

    #[test]
    fn users_who_think_are_in_the_system_too() {
        // A thousand users with TPC-W's seven seconds of thinking and 50 ms of waiting make 142 requests per second.
        let check = check(&Window {
            concurrency: 1000.0,
            throughput: 1000.0 / 7.05,
            response_time: 0.05,
            think_time: 7.0,
        })
        .expect("in range");
        assert_eq!(check.verdict, Verdict::Holds);
    }

    #[test]
    fn points_with_a_latency_are_checked() {
        let points =
            Points::parse(b"concurrency,throughput,latency\n1,10,0.1\n10,50,0.5\n").unwrap();
        let verdicts: Vec<Verdict> = check_points(&points)
            .iter()
            .map(|one| one.verdict)
            .collect();
        assert_eq!(verdicts, [Verdict::Holds, Verdict::Broken]);
        let points = Points::parse(b"concurrency,throughput\n1,10\n").unwrap();
        assert!(check_points(&points).is_empty());
    }

    #[test]
    fn demand_and_utilisation_undo_each_other() {
        // 1.5 of 2 cores busy at 300 requests/s: 5 ms of CPU each.
        let demand = demand(1.5, 300.0).expect("in range");
        assert_eq!(demand, 0.005);
        assert_eq!(utilisation(300.0, demand, 2.0), Ok(0.75));
        assert_eq!(utilisation(800.0, demand, 2.0), Ok(2.0));
    }

    #[test]
    fn numbers_out_of_range_are_refused() {
        assert!(check(&window(f64::NAN)).is_err());
        assert!(concurrency(0.0, 1.0, 0.0).is_err());
        assert!(concurrency(1e300, 1e300, 0.0).is_err());
        assert!(concurrency(1.0, 1.0, -1.0).is_err());
        assert!(demand(f64::INFINITY, 1.0).is_err());
        assert!(utilisation(1.0, 1.0, 0.0).is_err());
    }

    proptest! {
        #[test]
        fn what_the_law_says_passes_its_check(x in 1e-3..1e6f64, r in 1e-6..1e3f64, z in 0.0..100.0f64) {
            let concurrency = concurrency(x, r, z).expect("in range");
            let window = Window { concurrency, throughput: x, response_time: r, think_time: z };
            prop_assert_eq!(check(&window).expect("in range").verdict, Verdict::Holds);
        }
    }
}
