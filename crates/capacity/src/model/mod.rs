//! The laws, each in a file of its own: pure functions of numbers.

pub mod erlang;
pub mod littles;
mod matrix;
mod student;
pub mod usl;

pub(crate) use matrix::cholesky;
