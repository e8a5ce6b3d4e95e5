//! The rehearsal.

mod mix;
