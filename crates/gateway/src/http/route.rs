//! Finding a request's route, and what the route says about its way.

use std::borrow::Cow;
use std::rc::Rc;

use tenfold_http1::{Buffer, HeadError, RequestHead};

use super::cache::status::CacheStatus;
use super::cached::{self, Plan};
use super::client::Client;
use super::error::Failure;
use super::headers::{self, IdSpan};
use super::identity;
use super::limit::{self, Limited, Refusal};
use crate::config::Route;
use crate::config::route::{Action, PathEdit, Reply};
use crate::route::{Ask, Fields, Filled, Found, Normal, normalise, split, split_query};
use crate::snapshot::{Entry, Snapshot};
use crate::upstream::Upstream;
use crate::upstream::gate::Place;
use crate::worker::Worker;
use crate::worker::site::Site;

/// The way of a request: the rules that held when it came, and what they say. Small, because every request's future has one.
pub(crate) struct Way {
    site: Rc<Site>,
    route: u32,
    /// Index of the upstream; without meaning if the answer is local.
    upstream: u32,
    /// Its place in the bulkhead of its route.
    pub(crate) route_place: Place,
    /// Its place in the bulkhead of its upstream, until a server has answered.
    pub(crate) upstream_place: Place,
    /// What most requests do not have.
    extra: Option<Box<Extra>>,
}

#[derive(Default)]
struct Extra {
    local: Option<Local>,
    /// Lines that the response gets.
    response_lines: Vec<u8>,
    /// The business with the cache.
    plan: Option<Plan>,
    /// What the cache has to say about a response that it did not serve.
    cache_status: Option<CacheStatus>,
    /// What limits have to do with it.
    limited: Option<Box<Limited>>,
    /// All else has failed, and this is the answer.
    fallback: Option<&'static str>,
}

/// An answer of the gateway's own.
pub(crate) enum Local {
    /// Elsewhere.
    Redirect { status: u16, location: Vec<u8> },
    /// This.
    Reply(Reply),
    /// A file of that path, below the route's folder.
    File { path: Vec<u8> },
}

/// Where an answer comes from.
enum Destination {
    Upstream(usize),
    Local(Local),
}

impl Way {
    pub(crate) fn entry(&self) -> &Entry {
        self.site.entry(self.route)
    }

    pub(crate) fn route(&self) -> &Route {
        &self.entry().route
    }

    /// The rules that held when it came.
    pub(crate) fn snapshot(&self) -> &Snapshot {
        &self.site.snapshot
    }

    /// True if it does not simply go to a server.
    pub(super) fn has_business(&self) -> bool {
        let extra = self.extra.as_ref();
        extra.is_some_and(|it| it.local.is_some() || it.plan.is_some() || it.limited.is_some())
    }

    /// True if a store has to be asked whether it may go on.
    pub(super) fn awaits_store(&self) -> bool {
        let limited = self.extra.as_ref().and_then(|it| it.limited.as_ref());
        limited.is_some_and(|limited| limited.is_waiting())
    }

    pub(super) fn take_limited(&mut self) -> Option<Box<Limited>> {
        self.extra.as_mut()?.limited.take()
    }

    /// Puts back what was taken, with what the response is to tell.
    pub(super) fn set_limited(&mut self, limited: Box<Limited>) {
        if let Some(extra) = &mut self.extra {
            extra.response_lines.extend(limited.lines());
            extra.limited = Some(limited);
        }
    }

    /// Why a limit does not let it go on.
    pub(super) fn refusal(&self) -> Option<&Refusal> {
        self.extra.as_ref()?.limited.as_ref()?.refusal()
    }

    /// The upstream whose server is to answer.
    pub(crate) fn upstream(&self) -> &Rc<Upstream> {
        self.site.upstream(self.upstream as usize)
    }

    /// The upstream that gets a copy.
    pub(crate) fn mirror(&self, index: usize) -> &Rc<Upstream> {
        self.site.upstream(index)
    }

    /// The answer, if the gateway makes it.
    pub(crate) fn local(&self) -> Option<&Local> {
        self.extra.as_ref()?.local.as_ref()
    }

    /// The business with the cache, if there is any.
    pub(crate) fn plan(&self) -> Option<&Plan> {
        self.extra.as_ref()?.plan.as_ref()
    }

    pub(crate) fn plan_mut(&mut self) -> Option<&mut Plan> {
        self.extra.as_mut()?.plan.as_mut()
    }

    /// True if a stored response can be served as it is.
    pub(crate) fn is_at_hand(&self) -> bool {
        self.plan().is_some_and(Plan::is_hit)
    }

    /// Sets what the cache has to say about a response that it does not serve.
    pub(crate) fn set_cache_status(&mut self, status: CacheStatus) {
        if let Some(extra) = &mut self.extra {
            extra.cache_status = Some(status);
        }
    }

    pub(crate) fn cache_status(&self) -> Option<&CacheStatus> {
        self.extra.as_ref()?.cache_status.as_ref()
    }

    /// Lines that the response gets, if the route edits it or a limit has something to tell.
    pub(crate) fn response_lines(&self) -> Option<&[u8]> {
        let extra = self.extra.as_ref()?;
        let has_lines = !self.entry().response_edits.is_empty() || !extra.response_lines.is_empty();
        has_lines.then_some(&extra.response_lines)
    }

    /// The kind of answer that is given because all else has failed.
    pub(crate) fn fallback(&self) -> Option<&'static str> {
        self.extra.as_ref()?.fallback
    }

    /// All else has failed, and the answer is of this kind. The response says so.
    pub(crate) fn mark_fallback(&mut self, kind: &'static str) {
        let extra = self.extra.get_or_insert_default();
        extra.fallback = Some(kind);
        let line = format!("Tenfold-Fallback: {kind}\r\n");
        extra.response_lines.extend_from_slice(line.as_bytes());
    }

    /// The gateway answers, and no server.
    pub(crate) fn reply(&mut self, reply: Reply) {
        self.extra.get_or_insert_default().local = Some(Local::Reply(reply));
    }

    /// Another upstream is to answer.
    pub(crate) fn divert(&mut self, upstream: usize) {
        self.leave_upstream();
        self.upstream = upstream as u32;
    }

    /// Gives back the place of its upstream, if it has one: nothing goes on there for now.
    pub(crate) fn leave_upstream(&mut self) {
        let mut place = std::mem::take(&mut self.upstream_place);
        self.upstream().take_back(&mut place);
    }

    /// The rules that held when it came.
    pub(crate) fn site(&self) -> &Rc<Site> {
        &self.site
    }

    pub(crate) fn route_index(&self) -> u32 {
        self.route
    }

    pub(crate) fn upstream_index(&self) -> usize {
        self.upstream as usize
    }
}

impl Drop for Way {
    /// A place of its upstream's is left only if no server has answered.
    fn drop(&mut self) {
        let mut places = [&mut self.route_place, &mut self.upstream_place].map(std::mem::take);
        if let Some(upstream) = self.site.upstream_at(self.upstream as usize) {
            let now = upstream.now();
            places[0].give_back(self.site.entry(self.route).gate.as_ref(), now);
            upstream.take_back(&mut places[1]);
        }
    }
}

/// Finds the route, and writes the head that the server gets; if no server is to answer, the identifier alone.
pub(crate) fn prepare(
    worker: &Worker,
    client: &Client,
    head: &RequestHead,
    out: &mut Buffer,
) -> Result<(Way, IdSpan), Failure> {
    let site = client.listening.site(worker);
    let (path, query) = split_query(head.target());
    let normal = normalise(path);
    if normal.is_ambiguous {
        return Err(Failure::Head(HeadError::Target));
    }
    let routes = &site.snapshot.routes;
    let found = routes
        .table
        .find(&Ask {
            listener: client.listening.index(),
            host: head.authority(),
            path: &normal.path,
            query,
            method: head.method_bytes(),
            fields: &Believed {
                head,
                is_trusted: client.is_trusted,
            },
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
    let limited = limit::check(worker, client, head, &site.snapshot, entry);
    let is_refused = limited.as_ref().is_some_and(|it| it.refusal().is_some());
    let plan = match is_refused {
        true => None,
        false => request.plan(&site),
    };
    let id = match &entry.route.action {
        Action::Forward(_) if !is_refused && !plan.as_ref().is_some_and(Plan::is_at_hand) => {
            request.write(out)
        }
        _ => headers::identifier(out, head, || worker.random()),
    };
    let name = id.of(out.filled());
    let (upstream, local) = match request.destination(name)? {
        Destination::Upstream(index) => (index as u32, None),
        Destination::Local(local) => (u32::MAX, Some(local)),
    };
    let edits = &entry.response_edits;
    let has_extra = local.is_some() || plan.is_some() || limited.is_some() || !edits.is_empty();
    let extra = has_extra.then(|| {
        let mut response_lines = edits.lines(&request.filled(name)).into_owned();
        response_lines.extend(limited.iter().flat_map(|limited| limited.lines()));
        Box::new(Extra {
            local,
            response_lines,
            plan,
            cache_status: None,
            limited,
            fallback: None,
        })
    });
    let route = u32::try_from(found.index).expect("routes are counted in thousands");
    let way = Way {
        site,
        route,
        upstream,
        route_place: Place::default(),
        upstream_place: Place::default(),
        extra,
    };
    Ok((way, id))
}

/// The fields of a request that conditions may look at: not those in which a stranger says who it is, of which its server
/// sees none either.
struct Believed<'a> {
    head: &'a RequestHead,
    is_trusted: bool,
}

impl Fields for Believed<'_> {
    fn any(&self, name: &str, test: &mut dyn FnMut(&[u8]) -> bool) -> bool {
        self.head.fields().any(|field| {
            (self.is_trusted || !headers::is_for_proxies(field.name))
                && field.name_bytes.eq_ignore_ascii_case(name.as_bytes())
                && test(field.value)
        })
    }
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
    /// What the cache knows, if the route has one.
    fn plan(&self, site: &Site) -> Option<Plan> {
        let route = &self.entry.route;
        let store = &site.snapshot.caches[route.cache?];
        matches!(route.action, Action::Forward(_)).then_some(())?;
        let target = match self.normal.replaces {
            false => Cow::Borrowed(self.head.target()),
            true if self.query.is_empty() => Cow::Borrowed(&*self.normal.path),
            true => Cow::Owned([&*self.normal.path, b"?", self.query].concat()),
        };
        let now = self.worker.clock.unix(self.worker.clock.recent());
        let is_trusted = self.client.is_trusted;
        let worker = self.worker.index;
        cached::plan(
            worker,
            store,
            &route.name,
            self.head,
            is_trusted,
            &target,
            now,
        )
    }

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

    fn destination(&self, id: &[u8]) -> Result<Destination, Failure> {
        let route = &self.entry.route;
        let local = match &route.action {
            Action::Forward(shares) => {
                let index = match shares.len() {
                    1 => 0,
                    // Only a split needs a die.
                    _ => split::choose(shares, self.worker.random()).ok_or(Failure::NoServer)?,
                };
                return Ok(Destination::Upstream(shares[index].upstream));
            }
            Action::Redirect { status, to } => {
                let mut location = Vec::new();
                to.write_location(&mut location, &self.filled(id));
                Local::Redirect {
                    status: *status,
                    location,
                }
            }
            Action::Respond(reply) => Local::Reply(reply.clone()),
            Action::Files(_) => Local::File {
                path: self.file_path(),
            },
        };
        Ok(Destination::Local(local))
    }

    /// The path below the folder, as the route edits it, without a query. Empty if the client is to be sent to the root with
    /// its slash.
    fn file_path(&self) -> Vec<u8> {
        let mut path = Vec::new();
        let matches = &self.entry.route.matches;
        let has_slash = matches.paths.is_empty() || matches.paths.iter().any(|path| path.is_prefix);
        if let PathEdit::Strip(prefix) = &self.entry.route.path
            && *self.normal.path == *prefix.as_bytes()
            && has_slash
        {
            return path;
        }
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
