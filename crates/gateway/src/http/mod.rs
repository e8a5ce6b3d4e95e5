//! HTTP: from a client's connection to a recorded request.

pub(crate) mod access_log;
mod admission;
pub(crate) mod body;
pub(crate) mod cache;
mod cached;
pub(crate) mod client;
pub(crate) mod connection;
pub(crate) mod edits;
pub(crate) mod error;
mod exchange;
mod fallback;
mod forward;
mod headers;
mod hedge;
mod identity;
mod ids;
pub(crate) mod limit;
mod local;
pub(crate) mod mirror;
mod pipeline;
pub(crate) mod range;
mod request;
mod respond;
mod retry;
mod route;
mod served;
mod tunnel;
