//! From a request to the route that it takes.

pub mod pattern;
