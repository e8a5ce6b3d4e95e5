//! The rehearsal.

mod collect;
#[cfg(test)]
pub(super) mod fixture;
pub(super) mod measured;
mod mix;
mod next;
pub(super) mod plan;
mod price;
pub(super) mod promise;
