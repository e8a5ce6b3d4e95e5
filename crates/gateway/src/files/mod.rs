//! Files of a folder as answers: which file a path stands for, and what of it a client wants.
//!
//! No sockets and no heads here; `http/local.rs` asks and writes. Whatever touches the file system happens on tokio's threads
//! for that, in one piece per request: workers must not wait for a disk. Small files come along with the answer.

mod condition;
mod content;
mod encoding;
mod find;
mod media;
mod open;
mod path;
mod range;
#[cfg(test)]
mod tests;

pub(crate) use content::Content;

use crate::config::route::Files;

/// What matters of a request.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ask<'a> {
    /// The path as it was sent, without dot segments, percent-encoded; begins with `/`.
    pub(crate) path: &'a [u8],
    pub(crate) if_none_match: Option<&'a [u8]>,
    pub(crate) if_modified_since: Option<&'a [u8]>,
    pub(crate) range: Option<&'a [u8]>,
    pub(crate) if_range: Option<&'a [u8]>,
    pub(crate) accept_encoding: Option<&'a [u8]>,
    /// The method is one of the two that files know.
    pub(crate) is_get_or_head: bool,
}

/// What is answered.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) fields: Vec<(&'static str, String)>,
    pub(crate) body: Body,
}

/// The body of an answer.
#[derive(Debug)]
pub(crate) enum Body {
    None,
    Text(&'static str),
    File(Content),
}

impl Reply {
    /// A status in a few words.
    fn short(status: u16, text: &'static str) -> Self {
        Self {
            status,
            fields: vec![("Content-Type", "text/plain; charset=utf-8".into())],
            body: Body::Text(text),
        }
    }
}

/// The same as [`Ask`], to be taken to another thread.
struct Owned {
    path: Vec<u8>,
    if_none_match: Option<Vec<u8>>,
    if_modified_since: Option<Vec<u8>>,
    range: Option<Vec<u8>>,
    if_range: Option<Vec<u8>>,
    accept_encoding: Option<Vec<u8>>,
}

/// Answers.
pub(crate) async fn find(files: &Files, ask: Ask<'_>) -> Reply {
    if !ask.is_get_or_head {
        let mut reply = Reply::short(405, "files are only read\n");
        reply.fields.push(("Allow", "GET, HEAD".into()));
        return reply;
    }
    let owned = |value: Option<&[u8]>| value.map(<[u8]>::to_vec);
    let ask = Owned {
        path: ask.path.to_vec(),
        if_none_match: owned(ask.if_none_match),
        if_modified_since: owned(ask.if_modified_since),
        range: owned(ask.range),
        if_range: owned(ask.if_range),
        accept_encoding: owned(ask.accept_encoding),
    };
    let files = files.clone();
    let finding = tokio::task::spawn_blocking(move || find::find(&files, &ask));
    finding
        .await
        .unwrap_or_else(|_| Reply::short(500, "the file cannot be read\n"))
}
