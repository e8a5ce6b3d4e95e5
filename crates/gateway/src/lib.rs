//! The HTTP data plane: accept, balance, forward.
//!
//! # The idea
//! One worker thread per core, each with its own listeners, connections, buffers and upstream connections; a request
//! never leaves the thread that accepted it. Workers share what is atomic (the endpoints' state) and nothing else.
//! The path of a request is `http/pipeline.rs`, top to bottom.
//!
//! # What is absent
//! No lock, no allocation that a pooled buffer can avoid, no timer registration and no task switch between
//! threads on the way of a request. No middleware and no hooks. Status codes are made in `http/error.rs` alone.

pub mod config;
#[cfg_attr(not(test), expect(dead_code, reason = "nothing asks for files yet"))]
mod files;
mod http;
mod listen;
mod metrics;
pub mod route;
mod run;
mod upstream;
mod worker;

pub use run::{DRAIN_TIMEOUT, Gateway, StartError, Threads};
