//! Finding a request's route, and what the route says about its way.

use std::rc::Rc;

use tenfold_http1::{Buffer, RequestHead};

use super::client::Client;
use super::error::Failure;
use super::headers::{self, IdSpan};
use super::identity;
use crate::config::Route;
use crate::config::route::{Action, Files, PathEdit, Reply};
use crate::route::{Ask, Filled, Found, Normal, normalise, split, split_query};
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
    let (path, query) = split_query(head.target());
    let normal = normalise(path);
    let routes = &site.snapshot.routes;
    let found = routes
        .table
        .find(&Ask {
            listener: client.listening.index(),
            host: head.authority(),
            path: &normal.path,
            query,
            method: head.method_bytes(),
            fields: head,
        })
        .ok_or(Failure::NoRoute)?;
    let entry = &routes.entries[found.index];
    let request = Asked {
        worker,
        client,
        head,
        normal: &normal,
        query,
        found: &found,
        entry,
    };
    let to = request.destination()?;
    let id = match &to {
        Destination::Upstream(_) => request.write(out),
        Destination::Local(_) => IdSpan::default(),
    };
    let edits = &entry.response_edits;
    let response_lines = (!edits.is_empty()).then(|| {
        let id = id.of(out.filled());
        edits.lines(&request.filled(id)).as_ref().into()
    });
    let route = u32::try_from(found.index).expect("routes are counted in thousands");
    Ok(Prepared {
        way: Way { site, route, to },
        id,
        response_lines,
    })
}

/// A request whose route was found.
struct Asked<'a> {
    worker: &'a Worker,
    client: &'a Client,
    head: &'a RequestHead,
    normal: &'a Normal<'a>,
    query: &'a [u8],
    found: &'a Found<'a>,
    entry: &'a Entry,
}

impl Asked<'_> {
    /// What templates are filled with.
    fn filled<'f>(&'f self, request_id: &'f [u8]) -> Filled<'f> {
        Filled {
            host: self.head.authority(),
            path: &self.normal.path,
            query: self.query,
            rest: self.found.rest.of(&self.normal.path),
            client_ip: identity::address(self.client, self.head),
            request_id,
            captures: self.found.captures,
        }
    }

    fn destination(&self) -> Result<Destination, Failure> {
        let route = &self.entry.route;
        let local = match &route.action {
            Action::Forward(shares) => {
                let index = match shares.len() {
                    1 => 0,
                    // Only a split needs a die.
                    _ => split::choose(shares, self.worker.random()).ok_or(Failure::NoServer)?,
                };
                return Ok(Destination::Upstream(shares[index].upstream as u32));
            }
            Action::Redirect { status, to } => {
                let mut location = Vec::new();
                to.write_location(&mut location, &self.filled(b""));
                Local::Redirect {
                    status: *status,
                    location,
                }
            }
            Action::Respond(reply) => Local::Reply(reply.clone()),
            Action::Files(files) => Local::File {
                files: files.clone(),
                path: self.file_path(),
            },
        };
        Ok(Destination::Local(Box::new(local)))
    }

    /// The path below the folder, as the route edits it, without a query.
    fn file_path(&self) -> Vec<u8> {
        let mut path = Vec::new();
        let filled = Filled {
            query: b"",
            ..self.filled(b"")
        };
        if !self.entry.route.path.apply(&filled, true, &mut path) {
            return self.normal.path.to_vec();
        }
        let end = memchr::memchr(b'?', &path).unwrap_or(path.len());
        path.truncate(end);
        path
    }

    /// Writes the head that the server gets, edited as the route says.
    fn write(&self, out: &mut Buffer) -> IdSpan {
        let (worker, client, head) = (self.worker, self.client, self.head);
        let route = &self.entry.route;
        let mut target = Vec::new();
        // What was matched is what is sent: a server that resolves dots itself must not arrive somewhere else.
        let is_edited = (route.path != PathEdit::Keep || self.normal.replaces)
            && route
                .path
                .apply(&self.filled(b""), self.normal.replaces, &mut target);
        let target = is_edited.then_some(target.as_slice());
        let id = headers::request(out, head, target, client, || worker.random());
        let edits = &self.entry.request_edits;
        if edits.is_empty() {
            return id;
        }
        let name = id.of(out.filled()).to_vec();
        let lines = edits.lines(&self.filled(&name));
        edits.apply(out, &worker.buffers, &lines);
        headers::locate(out.filled(), &name)
    }
}
