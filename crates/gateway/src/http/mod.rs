//! HTTP: from a client's connection to a recorded request.

pub(crate) mod access_log;
pub(crate) mod body;
pub(crate) mod client;
pub(crate) mod connection;
pub(crate) mod error;
mod exchange;
mod forward;
mod headers;
mod ids;
mod pipeline;
mod request;
mod respond;
mod served;
mod tunnel;
