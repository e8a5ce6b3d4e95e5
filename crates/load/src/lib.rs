//! Load tests whose numbers are true.
//!
//! # The problem
//! Most load generators send the next request when the last one was answered. A service that stops for five seconds then stops
//! its test as well: one sample says five seconds, and the hundreds of requests that people would have sent meanwhile are nowhere
//! (G. Tene's "coordinated omission"). And most reports do not say when it was the generator that was slow.
//!
//! # The idea
//! A [`Test`] says what is to be done, [`schedule`] when each arrival is due, long before it is known whether the service keeps up.
//! A latency counts **from the time a request was due**; the time from when it was sent stands beside it as service time. No
//! sample is made up. The generator watches itself, and says that a run is invalid when it was the limit.
//!
//! What happens to a test, from top to bottom: [`run`] starts threads, each of which is a `worker` with users of its own; a user does
//! a [`scenario`]'s steps over a `transport`; what happened is put down in a `record` that the coordinator sums up into
//! [`Results`] once per second. [`report`] shows them, [`threshold`] judges them.
//!
//! # What is absent
//! No configuration files (the program reads those), no terminal.

mod environment;
pub mod import;
pub mod progress;
pub mod ramp;
mod record;
pub mod report;
pub mod results;
mod run;
pub mod scenario;
pub mod schedule;
mod sum;
pub mod test;
pub mod threshold;
mod transport;
mod worker;

pub use progress::Progress;
pub use results::Results;
pub use run::{RunError, Stop, run};
pub use sum::{BUSIEST, LATEST, MOST_DROPPED};
pub use test::Test;
