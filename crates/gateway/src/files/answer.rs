//! Which file it is, and what the response says. Everything here blocks.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::fs::{File, Metadata};
use std::io;
use std::time::SystemTime;

use rustix::io::Errno;

use crate::config::route::Files;

use super::condition::{Validators, Verdict};
use super::content::Content;
use super::encoding::{self, Coding};
use super::media::{self, Media};
use super::open::{Opened, Root, is_missing};
use super::path::Relative;
use super::{Ask, Body, Method, Reply};
use crate::http::range::{self, Range};

/// An open file.
struct Found {
    name: Vec<u8>,
    file: File,
    metadata: Metadata,
}

/// Answers a request for `path`, which is `ask.path` understood.
pub(super) fn answer(files: &Files, path: &Relative, ask: &Ask, now: SystemTime) -> Reply {
    let root = match Root::open(&files.root) {
        Ok(root) => root,
        // Not 404: no file is missing, all are, because a disk is not mounted or a name is wrong.
        Err(error) if is_missing(&error) => return Reply::broken(error),
        Err(error) => return Reply::failed(error),
    };
    match locate(&root, files, path, ask) {
        Ok(Some(found)) => serve(&root, files, found, ask, now).unwrap_or_else(Reply::failed),
        Ok(None) => Reply::add_slash(ask),
        Err(error) => Reply::failed(error),
    }
}

/// The file of that name, the index of the folder, or else the fallback. None is a folder with an index, without the
/// slash that makes the links in it work.
///
/// The fallback is for addresses that only the application in the browser knows (`/users/7`). A name with a dot in its
/// last segment is a file's, and missing is missing: who asks for the script of yesterday's release (`/app.3f2a.js`) must
/// get an error and not a page of HTML, which a cache would keep in its place.
fn locate(root: &Root, files: &Files, path: &Relative, ask: &Ask) -> io::Result<Option<Found>> {
    match (exact(root, files, path, ask), &files.fallback) {
        (Err(error), Some(fallback)) if is_missing(&error) && !path.looks_like_a_file() => {
            let name = fallback.trim_start_matches('/').as_bytes().to_vec();
            Found::open(root, name).map(Some)
        }
        (found, _) => found,
    }
}

fn exact(root: &Root, files: &Files, path: &Relative, ask: &Ask) -> io::Result<Option<Found>> {
    if !path.is_folder
        && !path.name.is_empty()
        && let Opened::File(file, metadata) = root.get(&path.name)?
    {
        return Ok(Some(Found {
            name: path.name.clone(),
            file,
            metadata,
        }));
    }
    let mut name = path.name.clone();
    if !name.is_empty() {
        name.push(b'/');
    }
    name.extend_from_slice(files.index.as_bytes());
    let index = Found::open(root, name)?;
    // A route that takes the slash away (a rewrite) must not send a client around in circles.
    if path.is_folder || ask.sent_path.ends_with(b"/") {
        Ok(Some(index))
    } else {
        Ok(None)
    }
}

impl Found {
    fn open(root: &Root, name: Vec<u8>) -> io::Result<Self> {
        let (file, metadata) = root.file(&name)?;
        Ok(Self {
            name,
            file,
            metadata,
        })
    }

    /// The compressed copy that the client wants most, if there is one that is not older than the file.
    fn copy(&self, root: &Root, accept_encoding: Option<&[u8]>) -> Option<(Coding, Self)> {
        encoding::wanted(accept_encoding)
            .into_iter()
            .find_map(|coding| {
                let name = [&self.name, coding.ending().as_bytes()].concat();
                let copy = Self::open(root, name).ok()?;
                let is_current = copy.metadata.modified().ok()? >= self.metadata.modified().ok()?;
                is_current.then_some((coding, copy))
            })
    }
}

fn serve(
    root: &Root,
    files: &Files,
    found: Found,
    ask: &Ask,
    now: SystemTime,
) -> io::Result<Reply> {
    let media = media::of(&found.name);
    let copy = if media.is_packed {
        None
    } else {
        found.copy(root, ask.accept_encoding.as_deref())
    };
    let (coding, found) = match copy {
        Some((coding, copy)) => (Some(coding), copy),
        None => (None, found),
    };
    let validators = Validators::new(
        &found.metadata,
        coding.map_or("", |coding| coding.name()),
        now,
    );
    let mut reply = Reply::new(200, Body::None);
    reply.field("ETag", validators.tag());
    if let Some(cache_control) = &files.cache_control {
        reply.field("Cache-Control", cache_control.clone());
    }
    if !media.is_packed {
        // Also where no copy is there or wanted: a cache has to know that the answer depends on it.
        reply.field("Vary", "Accept-Encoding");
    }
    match validators.weigh(ask) {
        Verdict::Proceed => {}
        Verdict::NotModified => {
            reply.status = 304;
            return Ok(reply);
        }
        Verdict::Failed => return Ok(Reply::precondition_failed()),
    }
    if let Some(date) = validators.last_modified() {
        reply.field("Last-Modified", date);
    }
    describe(&mut reply, media, coding);
    attach(reply, found, &validators, ask)
}

fn describe(reply: &mut Reply, media: Media, coding: Option<Coding>) {
    reply.field("Content-Type", media.name);
    // What a user uploaded as text must not become a script because a browser thinks that it looks like one.
    reply.field("X-Content-Type-Options", "nosniff");
    reply.field("Accept-Ranges", "bytes");
    if let Some(coding) = coding {
        reply.field("Content-Encoding", coding.name());
    }
}

/// Adds the bytes, or those of them that are asked for.
fn attach(mut reply: Reply, found: Found, validators: &Validators, ask: &Ask) -> io::Result<Reply> {
    let size = found.metadata.len();
    if ask.method == Method::Head {
        // A range has a meaning for GET only (RFC 9110 section 14.2).
        reply.body = Body::File(Content::unread(size));
        return Ok(reply);
    }
    let wanted = match &ask.range {
        Some(range) if validators.allow_range(ask.if_range.as_deref()) => range::parse(range, size),
        _ => Range::Whole,
    };
    let (start, end) = match wanted {
        Range::Whole => (0, size),
        Range::Unsatisfiable => return Ok(Reply::unsatisfiable(size)),
        Range::Part { start, end } => {
            reply.status = 206;
            reply.field("Content-Range", range::content_range(start, end, size));
            (start, end)
        }
    };
    reply.body = Body::File(Content::open(found.file, start, end - start)?);
    Ok(reply)
}

impl Reply {
    fn new(status: u16, body: Body) -> Self {
        Self {
            status,
            fields: Vec::with_capacity(10),
            body,
            trouble: None,
        }
    }

    fn field(&mut self, name: &'static str, value: impl Into<Cow<'static, str>>) {
        self.fields.push((name, value.into()));
    }

    /// An error, which nobody keeps: the next moment the file may be there.
    fn error(status: u16, text: &'static str) -> Self {
        let mut reply = Self::new(status, Body::Text(text));
        reply.field("Content-Type", "text/plain; charset=utf-8");
        reply.field("X-Content-Type-Options", "nosniff");
        reply.field("Cache-Control", "no-store");
        reply
    }

    pub(super) fn not_found() -> Self {
        Self::error(404, "404 Not Found: there is no such file\n")
    }

    pub(super) fn wrong_method() -> Self {
        let text = "405 Method Not Allowed: a file can only be read, with GET or HEAD\n";
        let mut reply = Self::error(405, text);
        reply.field("Allow", "GET, HEAD");
        reply
    }

    fn precondition_failed() -> Self {
        let text =
            "412 Precondition Failed: the file is another version than the request asks for\n";
        Self::error(412, text)
    }

    fn unsatisfiable(size: u64) -> Self {
        let text = "416 Range Not Satisfiable: the file is shorter than the range asks for\n";
        let mut reply = Self::error(416, text);
        reply.field("Content-Range", range::unsatisfied(size));
        reply
    }

    /// Sends a client to its path with a slash. The address is relative, which keeps it on this host and below whatever a
    /// route took off the path; `./` keeps a segment with a colon from being a scheme.
    fn add_slash(ask: &Ask) -> Self {
        let segment = ask.sent_path.rsplit(|&byte| byte == b'/').next();
        let mut location = String::from("./");
        push_encoded(&mut location, segment.unwrap_or_default());
        location.push('/');
        if let Some(query) = &ask.sent_query {
            location.push('?');
            push_encoded(&mut location, query);
        }
        let mut reply = Self::new(301, Body::None);
        reply.field("Location", location);
        reply
    }

    /// What an error of the file system means to the client.
    pub(super) fn failed(error: io::Error) -> Self {
        if is_missing(&error) {
            return Self::not_found();
        }
        let is_shortage = Errno::from_io_error(&error).is_some_and(|errno| {
            matches!(
                errno,
                Errno::MFILE | Errno::NFILE | Errno::NOMEM | Errno::AGAIN
            )
        });
        let mut reply = match error.kind() {
            io::ErrorKind::PermissionDenied => {
                Self::error(403, "403 Forbidden: this gateway may not read this file\n")
            }
            // It shrank between being measured and being read: somebody is writing it.
            io::ErrorKind::UnexpectedEof => Self::busy(),
            _ if is_shortage => Self::busy(),
            _ => return Self::broken(error),
        };
        reply.trouble = Some(error);
        reply
    }

    fn busy() -> Self {
        let text = "503 Service Unavailable: this file cannot be read at the moment\n";
        let mut reply = Self::error(503, text);
        reply.field("Retry-After", "1");
        reply
    }

    fn broken(error: io::Error) -> Self {
        let text = "500 Internal Server Error: this gateway cannot read its files\n";
        let mut reply = Self::error(500, text);
        reply.trouble = Some(error);
        reply
    }
}

/// Adds what is part of an address already, with all bytes encoded that would end it or that browsers read in their own
/// way (`\` as `/`).
fn push_encoded(out: &mut String, bytes: &[u8]) {
    for &byte in bytes {
        if byte.is_ascii_graphic() && !b"\"#<>\\^`{|}".contains(&byte) {
            out.push(char::from(byte));
        } else {
            write!(out, "%{byte:02X}").expect("a string takes everything");
        }
    }
}
