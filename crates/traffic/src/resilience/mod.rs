//! What keeps a service up when servers are slow, fail or are overloaded.
//!
//! Each file is one decision, usable on its own around any call: state in atomics that callers share, rules, time and
//! randomness as arguments, and a typed verdict. The gateway carries them out.

pub mod breaker;
pub mod budget;
pub mod bulkhead;
pub mod concurrency;
pub mod deadline;
pub mod hedge;
pub mod priority;
pub mod queue;
pub mod retry;
mod window;
