//! From measurements to sizes: how much one replica takes, what limits it, and how many it takes for the peak.
//!
//! # The idea
//! A load test gives a handful of points (how many requests were under way, how many were completed per second, how
//! long they took). Old and simple laws turn them into answers, and say when they cannot:
//! 1. [`Points`] are read and checked ([`Points::parse`]).
//! 2. [`model::littles`] says whether the measurement can be true at all: N = X·R.
//! 3. [`model::usl`] fits the Universal Scalability Law: what contention and coherency cost, and where throughput peaks.
//! 4. [`model::erlang`] says how long requests wait for one of c servers.
//! 5. [`plan`] turns today's peak, a factor and what one replica was measured to use into replicas.
//!
//! # What is absent
//! No sockets, no clock, no logging, no randomness: the planner's draws follow from a seed that the caller passes in, and are
//! the same for it on every machine. And no guesses: what the data does not show is refused by an error that says what to
//! measure.
//!
//! # Units
//! Rates are per second, times are seconds, memory is bytes, CPU is cores (or core-seconds per request), shares are 0 to 1.
//!
//! ```
//! use tenfold_capacity::{Points, model::usl};
//!
//! let points = Points::parse(b"concurrency,throughput\n1,64.9\n18,995.9\n36,1652.4\n72,1853.2\n108,1828.9\n144,1775\n216,1702.2\n")?;
//! let fit = usl::fit(&points)?;
//! let peak = fit.peak()?;
//! assert_eq!(peak.throughput.round(), 1884.0);
//! assert_eq!(fit.regime().regime, usl::Regime::Coherency);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod invalid;
pub mod model;
pub mod plan;
pub mod points;
pub mod text;

pub use invalid::Invalid;
pub use points::{Point, Points, PointsError};
