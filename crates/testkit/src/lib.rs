//! What tests and benchmarks need around the program: origins that misbehave on command, clients that
//! send exactly the bytes they are told to, and the program itself as a process.
//!
//! Everything here is blocking and simple on purpose, and reads HTTP with code of its own: a test must not
//! share a mistake with what it tests.

pub mod client;
pub mod gateway;
pub mod load;
pub mod message;
pub mod origin;
pub mod postgres;
pub mod redis;

use std::fmt::Display;
use std::time::{Duration, Instant};

/// How long a test waits for something that should happen soon, before it fails: long, for loaded machines.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Waits until something is the case.
///
/// # Panics
/// If it is not in time, with what `explain` says.
pub fn wait_until<E: Display>(mut is_so: impl FnMut() -> bool, explain: impl Fn() -> E) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "{}", explain());
        std::thread::sleep(Duration::from_millis(5));
    }
}
