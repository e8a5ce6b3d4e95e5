//! From a request to the route that it takes, and what the route makes of its path.
//!
//! # The order of routes
//! The most specific route whose conditions hold takes a request; a request that fails the conditions of one falls
//! through to the next less specific one, also to one of a less specific host:
//! 1. of the hosts the exact one, then the longest `*.suffix`, then none;
//! 2. of the paths those that end where the request's does (`/a`, `/users/{id}`), then those that leave the rest open
//!    (`/a/*`, `/users/{id}/*`), and of these the one with the most segments. Among paths of one length a literal
//!    segment goes before a capture, from left to right; so the exact path is first of all;
//! 3. the route that has more conditions (one for methods, one for each field and parameter);
//! 4. the one that comes first in the file.
//!
//! # The idea
//! A hash map of hosts, and for each host a trie of segments whose children are hashed ([`table`], `trie`): what a
//! look-up costs depends on the request's own segments, not on the number of routes. The path is normalised first
//! ([`normal`]), so that a route cannot be walked past with another spelling of its path.
//!
//! # What is absent
//! No regular expressions: their order is nobody's and their cost a client's choice. No I/O and no randomness; no
//! allocation for a request whose path is in normal form.

pub mod ask;
mod condition;
pub mod edit;
mod encode;
pub mod fill;
mod hash;
pub mod host;
pub mod normal;
mod path;
pub mod pattern;
mod reachable;
pub mod split;
pub mod table;
mod template;
#[cfg(test)]
mod tests;
mod trie;

pub use ask::{Ask, Captures, Fields, Found};
pub use fill::Filled;
pub use normal::{Normal, normalise, split_query};
pub use table::{Table, TableError};
