//! A request's way through the cache.
//!
//! [`plan`] looks into memory while the request is routed and says what follows. What is there and good is served at once
//! ([`serve`]); otherwise [`fetch`] gets it from the lower levels or the server, once for all who want it, and [`admit`] stores it
//! while it is handed on. What is stale and may still be served is brought up to date meanwhile ([`refresh`]).

mod admit;
mod facts;
mod fetch;
mod invalidate;
mod lead;
mod plan;
mod refresh;
mod serve;

pub(super) use fetch::{answer, send, stale};
pub(super) use lead::serve_fallback;
pub(super) use plan::{Plan, plan};
