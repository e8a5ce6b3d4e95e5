//! What the control thread does beside requests: finding servers, and asking them whether they are well.
//!
//! Nothing here is on the way of a request. Everything is a task of one current-thread runtime that waits nearly always;
//! what they find is handed to a callback, and what follows from it is decided elsewhere.

pub(crate) mod discover;
mod jitter;
pub(crate) mod probe;
