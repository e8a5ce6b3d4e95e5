//! Finding a request's route, and what the route says about its way.

use std::borrow::Cow;
use std::net::IpAddr;
use std::rc::Rc;

use tenfold_http1::{Buffer, RequestHead};

use super::client::Client;
use super::error::Failure;
use super::headers::{self, IdSpan};
use super::identity;
use crate::config::Route;
use crate::config::route::{Action, Files, PathEdit, Reply};
use crate::route::normal::{self, Normal};
use crate::route::split;
use crate::route::table::{Ask, Found};
use crate::route::template::Filled;
use crate::snapshot::Entry;
use crate::upstream::Upstream;
use crate::worker::Worker;
use crate::worker::site::Site;

/// The way of a request: the rules that held when it came, and what they say.
pub(crate) struct Way {
    site: Rc<Site>,
    route: u32,
    to: Destination,
}

/// Where an answer comes from.
pub(crate) enum Destination {
    /// One of the servers of an upstream.
    Upstream(u32),
    /// The gateway itself.
    Local(Box<Local>),
}

/// An answer of the gateway's own.
pub(crate) enum Local {
    /// Elsewhere.
    Redirect { status: u16, location: Vec<u8> },
    /// This.
    Reply(Reply),
    /// A file of that path, below a folder.
    File { files: Files, path: Vec<u8> },
}

/// What was found out about a request, and the lines that its response gets.
pub(crate) struct Prepared {
    pub(crate) way: Way,
    pub(crate) id: IdSpan,
    pub(crate) response_lines: Option<Box<[u8]>>,
}

impl Way {
    pub(crate) fn entry(&self) -> &Entry {
        self.site.entry(self.route)
    }

    pub(crate) fn route(&self) -> &Route {
        &self.entry().route
    }

    pub(crate) fn to(&self) -> &Destination {
        &self.to
    }

    /// Another upstream of the same rules.
    pub(crate) fn upstream(&self, index: usize) -> &Rc<Upstream> {
        self.site.upstream(index)
    }
}

/// Finds the route, and writes the head that the server gets, if a server is to answer.
pub(crate) fn prepare(
    worker: &Worker,
    client: &Client,
    head: &RequestHead,
    out: &mut Buffer,
) -> Result<Prepared, Failure> {
    let site = client.listening.site(worker);
    let target = Target::of(head);
    let values = |name: &str, test: &mut dyn FnMut(&[u8]) -> bool| {
        head.fields()
            .filter(|field| field.name_bytes.eq_ignore_ascii_case(name.as_bytes()))
            .any(|field| test(field.value))
    };
    let ask = Ask {
        listener: client.listening.index(),
        host: head.authority(),
        path: &target.path.path,
        query: target.query,
        method: head.method_bytes(),
        header: &values,
    };
    let routes = &site.snapshot.routes;
    let found = routes.table.find(&ask).ok_or(Failure::NoRoute)?;
    let route = u32::try_from(found.index).expect("routes are counted in thousands");
    let entry = &routes.entries[found.index];
    let filled = Filling::new(client, head, &target, &found);
    let to = destination(worker, entry, &filled.of(b""), &target)?;
    let id = match &to {
        Destination::Upstream(_) => {
            let target = edited_target(entry, &filled.of(b""), &target, &found);
            write(worker, client, head, out, target.as_deref(), entry, &filled)
        }
        Destination::Local(_) => IdSpan::default(),
    };
    let response_lines = (!entry.response_edits.is_empty()).then(|| {
        let filled = filled.of(id.of(out.filled()));
        entry.response_edits.lines(&filled).into()
    });
    drop(found);
    let way = Way { site: Rc::clone(&site), route, to };
    Ok(Prepared {
        way,
        id,
        response_lines,
    })
}

/// Writes the head, and edits it as the route says.
fn write(
    worker: &Worker,
    client: &Client,
    head: &RequestHead,
    out: &mut Buffer,
    target: Option<&[u8]>,
    entry: &Entry,
    filled: &Filling<'_>,
) -> IdSpan {
    let id = headers::request(out, head, target, client, || worker.random());
    if entry.request_edits.is_empty() {
        return id;
    }
    let name = id.of(out.filled()).to_vec();
    let lines = entry.request_edits.lines(&filled.of(&name));
    entry.request_edits.apply(out, &worker.buffers, &lines);
    headers::locate(out.filled(), &name)
}

fn destination(
    worker: &Worker,
    entry: &Entry,
    filled: &Filled<'_>,
    target: &Target<'_>,
) -> Result<Destination, Failure> {
    let local = match &entry.route.action {
        Action::Forward(shares) => {
            let upstream = match shares.as_slice() {
                [share] => Some(share.upstream),
                // Only a split needs a die.
                shares => split::choose(shares, worker.random()),
            };
            let upstream = upstream.ok_or(Failure::NoServer)?;
            return Ok(Destination::Upstream(upstream as u32));
        }
        Action::Redirect { status, to } => {
            let mut location = Vec::new();
            to.write_target(&mut location, filled);
            Local::Redirect {
                status: *status,
                location,
            }
        }
        Action::Respond(reply) => Local::Reply(reply.clone()),
        Action::Files(files) => {
            let path = entry.route.path.apply(&target.path.path, b"", filled);
            Local::File {
                files: files.clone(),
                path: path.map_or_else(|| target.path.path.to_vec(), Cow::into_owned),
            }
        }
    };
    Ok(Destination::Local(Box::new(local)))
}

/// The target that the server gets, if it is not the client's own.
fn edited_target<'t>(
    entry: &Entry,
    filled: &Filled<'_>,
    target: &'t Target<'_>,
    _found: &Found<'_>,
) -> Option<Cow<'t, [u8]>> {
    if let PathEdit::Keep = entry.route.path {
        // What was matched is what is sent: a server that resolves dots itself must not arrive somewhere else.
        return target.path.is_replaced.then(|| {
            let mut edited = target.path.path.to_vec();
            edited.extend_from_slice(target.query_with_mark);
            Cow::Owned(edited)
        });
    }
    entry
        .route
        .path
        .apply(&target.path.path, target.query_with_mark, filled)
}

/// A request's target, taken apart.
struct Target<'h> {
    path: Normal<'h>,
    /// Without `?`.
    query: &'h [u8],
    query_with_mark: &'h [u8],
}

impl<'h> Target<'h> {
    fn of(head: &'h RequestHead) -> Self {
        let target = match head.target() {
            // `OPTIONS *` asks about the server as a whole.
            b"*" => b"/",
            target => target,
        };
        let mark = memchr::memchr(b'?', target).unwrap_or(target.len());
        let (path, query_with_mark) = target.split_at(mark);
        Self {
            path: normal::normalise(path),
            query: query_with_mark.get(1..).unwrap_or_default(),
            query_with_mark,
        }
    }
}
