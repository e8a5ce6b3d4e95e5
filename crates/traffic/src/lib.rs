//! Traffic decisions: which endpoint gets a request, and which one is passed over.
//!
//! # The idea
//! Everything here is a function of values that the caller passes in. Time is a [`Duration`](std::time::Duration)
//! since an epoch that all callers of one endpoint share, randomness is an argument. So the gateway, the
//! Postgres router, the planner and the tests run the same code, and a test replays an hour in a
//! millisecond.
//!
//! # What is absent
//! No sockets, no clock, no tasks, no logging. A decision that has a reason returns it.

pub mod balance;
pub mod changes;
pub mod endpoint;
pub mod group;
pub mod outcome;
pub mod policy;
pub mod state;

pub use balance::{Algorithm, Ask, Balancer, Tried, hash_key};
pub use changes::Changes;
pub use endpoint::Endpoint;
pub use group::{Group, Member};
pub use outcome::Outcome;
pub use policy::{Outlier, Policy};
pub use state::{Cause, Change, State, What};
