//! What can be seen from outside: metrics, the program's own log, and files of log lines.
//!
//! # The idea
//! Watching must not slow down what is watched. A metric is resolved to a handle when something is built; on the
//! way of a request it is one add into memory that only this worker writes. Log lines are handed over in
//! batches and are dropped, and counted, when nobody takes them.
//!
//! # What is absent
//! No global registry, and no label that a client can choose the value of.

pub mod lines;
pub mod log;
pub mod metric;
