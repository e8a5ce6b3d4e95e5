//! Traffic decisions: which endpoint gets a request, and which one is passed over.
//!
//! # The idea
//! Everything here is a function of values that the caller passes in. Time is a [`Duration`](std::time::Duration)
//! since an epoch that all callers of one endpoint share, randomness is an argument. So the gateway, the
//! Postgres router, the planner and the tests run the same code, and a test replays an hour in a
//! millisecond.
//!
//! # The parts
//! - An [`Endpoint`] is what is known of one server: requests under way, latency, health. All workers share
//!   it, and it outlives reloads.
//! - A [`Group`] is one generation of an upstream: which endpoints, with which weights and zones, under which
//!   [`Policy`]. It is immutable; [`Group::observe`], [`Group::probed`] and [`Group::evaluate`] take in what
//!   happened and return what changed.
//! - A [`Balancer`] is one worker's: it answers [`Balancer::pick`] from a view of who takes part, which it makes
//!   anew only when [`Changes`] says that something changed, or when time alone changes something.
//! - A [`limit::Limiter`] says how much of something one client may have.
//! - [`resilience`] has what keeps a service up when servers are slow or fail: deadlines, retries and their
//!   budget, hedges, circuit breakers, bulkheads with their queues, adaptive limits.
//!
//! # What is absent
//! No sockets, no clock, no tasks, no logging. A decision that has a reason returns it.

pub mod balance;
pub mod changes;
pub mod endpoint;
pub mod group;
mod health;
pub mod limit;
mod load;
pub mod outcome;
pub mod policy;
pub mod resilience;
pub mod state;

pub use balance::hash::hash_key;
pub use balance::{Algorithm, Ask, Balancer, Tried};
pub use changes::Changes;
pub use endpoint::{Endpoint, InFlight};
pub use group::{Group, Member};
pub use outcome::Outcome;
pub use policy::{Outlier, Policy};
pub use state::{Cause, Change, State, What};
