//! From a path to an answer. Everything here may block.

use std::fs::{File, Metadata};
use std::io;
use std::time::SystemTime;

use super::condition::Validators;
use super::content::Content;
use super::encoding::{self, Coding};
use super::open::{Opened, Root, is_missing};
use super::path::Relative;
use super::range::{self, Range};
use super::{Body, Owned, Reply, media};
use crate::config::route::Files;

/// Answers.
pub(super) fn find(files: &Files, ask: &Owned) -> Reply {
    let nothing = || Reply::short(404, "there is no such file\n");
    let Some(relative) = Relative::decode(&ask.path) else {
        return nothing();
    };
    let root = match Root::open(&files.root) {
        Ok(root) => root,
        Err(error) => return unreadable(&error),
    };
    let answer = match locate(files, &root, &relative) {
        Ok(Located::File(name, file, metadata)) => {
            answer(files, ask, &root, &name, file, &metadata)
        }
        Ok(Located::NeedsSlash) => return with_slash(&ask.path),
        Ok(Located::Nothing) => fall_back(files, ask, &root, &relative),
        Err(error) => Err(error),
    };
    match answer {
        Ok(reply) => reply,
        Err(error) if is_missing(&error) => nothing(),
        Err(error) => unreadable(&error),
    }
}

/// What stands where a path points.
enum Located {
    File(Vec<u8>, File, Box<Metadata>),
    /// A folder whose path lacks the slash at its end: relative links in its index would point elsewhere.
    NeedsSlash,
    Nothing,
}

fn locate(files: &Files, root: &Root, relative: &Relative) -> io::Result<Located> {
    let mut name = relative.name.clone();
    if relative.is_folder {
        if !name.is_empty() {
            name.push(b'/');
        }
        name.extend_from_slice(files.index.as_bytes());
    }
    match root.get(&name) {
        Ok(Opened::File(file, metadata)) => Ok(Located::File(name, file, Box::new(metadata))),
        Ok(Opened::Folder) if !relative.is_folder => Ok(Located::NeedsSlash),
        Ok(Opened::Folder) => Ok(Located::Nothing),
        Err(error) if is_missing(&error) => Ok(Located::Nothing),
        Err(error) => Err(error),
    }
}

/// What is served for paths without a file: for applications that route in the browser. Not for what looks like a file: a missing
/// script that is answered with a page is a riddle for whoever looks for the mistake.
fn fall_back(files: &Files, ask: &Owned, root: &Root, relative: &Relative) -> io::Result<Reply> {
    match &files.fallback {
        Some(name) if !relative.looks_like_a_file() => {
            let name = name.trim_start_matches('/').as_bytes();
            let (file, metadata) = root.file(name)?;
            answer(files, ask, root, name, file, &metadata)
        }
        _ => Err(rustix::io::Errno::NOENT.into()),
    }
}

/// Relative to what was asked for: a route may have taken off the path's beginning, and `//evil.example` would be another host to a
/// browser.
fn with_slash(path: &[u8]) -> Reply {
    let last = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    let last = String::from_utf8_lossy(last);
    Reply {
        status: 301,
        fields: vec![("Location", format!("./{last}/"))],
        body: Body::None,
    }
}

fn unreadable(error: &io::Error) -> Reply {
    if error.kind() == io::ErrorKind::PermissionDenied {
        return Reply::short(403, "this file may not be read\n");
    }
    tracing::warn!(%error, "a file cannot be served");
    // EMFILE, ENFILE, ENOMEM: later it may work.
    match error.raw_os_error() {
        Some(12 | 23 | 24) => Reply::short(503, "this gateway has no descriptor left\n"),
        _ => Reply::short(500, "the file cannot be read\n"),
    }
}

fn answer(
    files: &Files,
    ask: &Owned,
    root: &Root,
    name: &[u8],
    file: File,
    metadata: &Metadata,
) -> io::Result<Reply> {
    let media = media::of(name);
    let may_be_packed = !media.is_packed;
    let packed = may_be_packed
        .then(|| packed(ask, root, name, metadata))
        .flatten();
    let mut fields = vec![("Content-Type", media.name.to_owned())];
    let (file, metadata) = match packed {
        Some((coding, file, metadata)) => {
            fields.push(("Content-Encoding", coding.name().to_owned()));
            (file, metadata)
        }
        None => (file, metadata.clone()),
    };
    if may_be_packed {
        fields.push(("Vary", "Accept-Encoding".to_owned()));
    }
    let validators = Validators::of(&metadata, SystemTime::now());
    fields.push(("ETag", validators.etag.clone()));
    fields.extend(
        validators
            .last_modified()
            .map(|date| ("Last-Modified", date)),
    );
    let cache_control = files.cache_control.clone();
    fields.extend(cache_control.map(|value| ("Cache-Control", value)));
    fields.push(("X-Content-Type-Options", "nosniff".to_owned()));
    if validators.is_known(
        ask.if_none_match.as_deref(),
        ask.if_modified_since.as_deref(),
    ) {
        fields.retain(|(name, _)| !matches!(*name, "Content-Type" | "Content-Encoding"));
        return Ok(Reply {
            status: 304,
            fields,
            body: Body::None,
        });
    }
    fields.push(("Accept-Ranges", "bytes".to_owned()));
    part(ask, &validators, fields, file, metadata.len())
}

/// A compressed copy that the client wants, and that is not older than the file.
fn packed(
    ask: &Owned,
    root: &Root,
    name: &[u8],
    original: &Metadata,
) -> Option<(Coding, File, Metadata)> {
    encoding::wanted(ask.accept_encoding.as_deref())
        .into_iter()
        .find_map(|coding| {
            let name = [name, coding.ending().as_bytes()].concat();
            let (file, metadata) = root.file(&name).ok()?;
            let is_current = metadata.modified().ok()? >= original.modified().ok()?;
            is_current.then_some((coding, file, metadata))
        })
}

/// The file, or the part of it that is asked for.
fn part(
    ask: &Owned,
    validators: &Validators,
    mut fields: Vec<(&'static str, String)>,
    file: File,
    size: u64,
) -> io::Result<Reply> {
    let wanted = ask
        .range
        .as_deref()
        .filter(|_| validators.allows_range(ask.if_range.as_deref()))
        .map_or(Range::Whole, |field| range::parse(field, size));
    let (status, start, end) = match wanted {
        Range::Whole => (200, 0, size),
        Range::Part { start, end } => {
            let last = end - 1;
            fields.push(("Content-Range", format!("bytes {start}-{last}/{size}")));
            (206, start, end)
        }
        Range::Unsatisfiable => {
            return Ok(Reply {
                status: 416,
                fields: vec![("Content-Range", format!("bytes */{size}"))],
                body: Body::None,
            });
        }
    };
    Ok(Reply {
        status,
        fields,
        body: Body::File(Content::new(file, start, end)?),
    })
}
