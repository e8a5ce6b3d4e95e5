//! The rules of an HTTP cache that many clients share: RFC 9111, and what extends it, as pure functions.
//!
//! # The idea
//! Nothing here has a socket, a clock, a store or a lock. A request is read once into an [`Ask`](ask::Ask); a response that may be kept is
//! boiled down once to a [`Stored`] of 48 bytes in which every time is absolute, so that a hit compares two numbers. Fields come
//! from anything that has names and values ([`fields`]): a head in its buffer and a stored one go through the same functions.
//!
//! # A request's way
//! 1. [`Ask::of`](ask::Ask::of) reads the request, [`key::write`] makes its key, and [`vary::Names::write`] the second one where a response says `Vary`.
//! 2. [`lookup`] decides on what is stored: [`Decision`]. A client that has it already gets 304 ([`validate::is_not_modified`]), one that wants a
//!    part of it gets that ([`range::wanted`]).
//! 3. What the server answers is judged by [`admit`]; [`store::write`] makes the fields that are stored. A 304 is first joined with what
//!    it confirms ([`validate::select`], [`validate::merge`]). If the server fails, [`on_error`] says whether the old response serves.
//! 4. What a write invalidates: [`invalidate::targets`]. What happened is told in [`status::CacheStatus`].
//!
//! # Decisions where the RFCs leave room
//! - Leniency has a direction: what restricts is read leniently, what permits strictly ([`control`]).
//! - `Set-Cookie` is stored only beside an explicit `public`; `s-maxage` is not enough, as frameworks add it to everything.
//! - No lifetime is guessed for a response to a request with a cookie.
//! - 206 is neither stored nor put together; a range is cut from a whole 200.
//! - `s-maxage` together with `stale-while-revalidate` means both ([`freshness`]).
//! - Request directives have an effect unless the operator turns that off; they never make the cache serve what the server forbids.

pub(crate) mod ask;
pub(crate) mod control;
pub(crate) mod date;
pub(crate) mod decide;
pub(crate) mod fields;
pub(crate) mod freshness;
pub(crate) mod invalidate;
pub(crate) mod key;
pub(crate) mod policy;
pub mod properties;
pub(crate) mod range;
pub(crate) mod status;
pub(crate) mod store;
pub(crate) mod stored;
pub(crate) mod tags;
mod targeted;
#[cfg(test)]
mod tests;
pub(crate) mod validate;
pub(crate) mod vary;

pub(crate) use decide::{Admission, Decision, admit, lookup};
