//! Answering from a folder.
//!
//! # The problem
//! A path that a stranger wrote becomes the name of a file, and the gateway may run as root: what leaves the folder by
//! `..`, by an encoding or by a link must not be served. And files block, while a worker must not.
//!
//! # The idea
//! A request costs one visit to a thread where blocking is allowed: there the file is opened (`open.rs`: the kernel keeps
//! it inside the root), the conditions and the range are weighed on what was really opened, and its first bytes are read
//! along. Nothing is remembered between requests, so that nothing can be stale: a file is what it is now.
//!
//! | file | what it knows |
//! |---|---|
//! | `path.rs` | from the path of a request to the name of a file |
//! | `open.rs` | opening it, and nothing outside of the root |
//! | `answer.rs` | which file it is, and what the response says |
//! | `encoding.rs`, `media.rs` | compressed copies; media types |
//! | `condition.rs`, `range.rs` | what of it the client wants, if anything (RFC 9110 sections 13 and 14) |
//! | `content.rs` | its bytes |
//!
//! # What is absent
//! Listings of folders, compression, a cache (the kernel's is there), `multipart/byteranges`.

use std::borrow::Cow;
use std::io;
use std::time::SystemTime;

use crate::config::route::Files;

mod answer;
mod condition;
mod content;
mod encoding;
mod media;
mod open;
mod path;
#[cfg(test)]
mod tests;

pub(crate) use content::Content;

/// What matters of a request. Of a field that stands in several lines the values are joined with `, `.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ask {
    /// What is done.
    pub(crate) method: Method,
    /// Where the file is: percent-encoded, with dot segments resolved, beginning with `/`, without its query, after the
    /// route edited it. Empty if stripping left nothing: then the root is a folder whose slash is missing.
    pub(crate) path: Vec<u8>,
    /// The path as the client sent it, which a redirect is relative to.
    pub(crate) sent_path: Vec<u8>,
    /// The query as the client sent it, without `?`, which a redirect keeps.
    pub(crate) sent_query: Option<Vec<u8>>,
    /// `If-Match`
    pub(crate) if_match: Option<Vec<u8>>,
    /// `If-Unmodified-Since`
    pub(crate) if_unmodified_since: Option<Vec<u8>>,
    /// `If-None-Match`
    pub(crate) if_none_match: Option<Vec<u8>>,
    /// `If-Modified-Since`
    pub(crate) if_modified_since: Option<Vec<u8>>,
    /// `Range`
    pub(crate) range: Option<Vec<u8>>,
    /// `If-Range`
    pub(crate) if_range: Option<Vec<u8>>,
    /// `Accept-Encoding`
    pub(crate) accept_encoding: Option<Vec<u8>>,
}

/// What is done with a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Method {
    /// `GET`
    #[default]
    Get,
    /// `HEAD`
    Head,
    /// Anything else, which is refused.
    Other,
}

/// What is answered.
#[derive(Debug)]
pub(crate) struct Reply {
    /// 200, 206, 301, 304, 403, 404, 405, 412, 416, 500 or 503.
    pub(crate) status: u16,
    /// All fields but those of framing, `Date` and the like. The values are free of control bytes, except that
    /// `Cache-Control` is what the configuration says.
    pub(crate) fields: Vec<(&'static str, Cow<'static, str>)>,
    /// What follows, or would follow if it were not for `HEAD`.
    pub(crate) body: Body,
    /// What went wrong with 403, 500 and 503, for the operator's eyes only.
    pub(crate) trouble: Option<io::Error>,
}

/// What follows a head.
#[derive(Debug)]
pub(crate) enum Body {
    /// Nothing: 301 (with `Content-Length: 0`) and 304 (without).
    None,
    /// A line for people.
    Text(&'static str),
    /// A file, or a part of one.
    File(Content),
}

/// Finds the answer. Must run within a tokio runtime, whose threads for blocking work it uses.
pub(crate) async fn find(files: Files, ask: Ask) -> Reply {
    if ask.method == Method::Other {
        return Reply::wrong_method();
    }
    let Some(path) = path::Relative::decode(&ask.path) else {
        return Reply::not_found();
    };
    let answer = move || answer::answer(&files, &path, &ask, SystemTime::now());
    match tokio::task::spawn_blocking(answer).await {
        Ok(reply) => reply,
        // It panicked, or the runtime is shutting down.
        Err(error) => Reply::failed(error.into()),
    }
}
