//! Strict HTTP/1.1 (RFC 9110, RFC 9112) over any byte stream, for both sides of a connection.
//!
//! # The idea
//! A proxy spends its time between two sockets, and what it adds to the kernel's own cost is mostly
//! moving heads around. So a head stays where it was read: one pooled [`Buffer`] and a list of
//! offsets into it ([`head`]). A head is edited *while it is copied* into the buffer that is sent
//! on, never as a map of strings. Bodies are not messages here but byte ranges that a
//! [`Decoder`](body::Decoder) checks in place.
//!
//! # Strictness
//! Two parsers in a row that disagree about where a message ends are how requests are smuggled. This
//! crate accepts one spelling of a message's length and refuses every other (see [`framing`]), on
//! the request's and on the response's side.
//!
//! # What is absent
//! No sockets are opened, no timers started and no task spawned; time-outs are the caller's. HTTP/2
//! is not here. Nothing here decides what a proxy does to a field; it only says what each field is.
//!
//! # Layout
//! [`parse`] (bytes to offsets) and [`framing`] (offsets to a body's length) are pure functions;
//! [`server`] and [`client`] drive them over a [`Transport`]; [`write`](mod@write) makes heads.

pub mod body;
pub mod buffer;
pub mod chunked;
pub mod client;
mod connection;
mod error;
pub mod field;
pub mod framing;
pub mod head;
mod name;
pub mod parse;
pub mod server;
mod target;
mod transport;
pub mod write;

pub use buffer::{Buffer, Pool};
pub use connection::Connection;
pub use error::{BodyError, HeadError, ReadError};
pub use head::{RequestHead, ResponseHead};
pub use name::{Method, Name, Version};
pub use parse::Limits;
pub use transport::Transport;
