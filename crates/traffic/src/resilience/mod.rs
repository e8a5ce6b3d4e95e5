//! Keeping a service up: what is let in, what waits, what is tried again, and what is given up.

pub mod bulkhead;
pub mod concurrency;
pub mod priority;
pub mod queue;
