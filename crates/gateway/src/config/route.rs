//! Which requests go where, and what is changed about them on the way.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tenfold_traffic::resilience::bulkhead::Settings;
use tenfold_traffic::resilience::priority::Priority;

use crate::route::pattern::{HostPattern, PathPattern, Template};

/// What becomes of the requests that match.
#[derive(Clone, Debug, PartialEq)]
pub struct Route {
    /// Its name in metrics and logs; unique.
    pub name: String,
    /// Which requests it is for.
    pub matches: Match,
    /// What becomes of them.
    pub action: Action,
    /// What the server sees as the path.
    pub path: PathEdit,
    /// Changes to the request's fields, after those that every proxy makes.
    pub request_fields: FieldEdits,
    /// Changes to the response's fields.
    pub response_fields: FieldEdits,
    /// How long things may take.
    pub timeouts: RouteTimeouts,
    /// A field in which a client says how long it will wait, in lower case. It can only shorten the deadline.
    pub deadline_header: Option<String>,
    /// Most bytes of a request's body, without its framing.
    pub max_body: u64,
    /// Where a copy of some requests goes.
    pub mirror: Option<Mirror>,
    /// Index of the cache that may answer.
    pub cache: Option<usize>,
    /// The limits that all have to let a request go on, in this order.
    pub limits: Vec<Charge>,
    /// How many of its requests may be under way, over all workers; without it there is no limit.
    pub concurrency: Option<Settings>,
    /// What is answered when all else fails, in this order.
    pub fallback: Vec<Fallback>,
    /// How much its requests matter.
    pub priority: Priority,
    /// Lets requests say themselves how much they matter.
    pub priority_header: Option<PriorityHeader>,
}

/// What a request costs of a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Charge {
    /// Index into [`Config::limits`](super::Config::limits).
    pub limit: usize,
    /// At least 1, and at most what can be had at once.
    pub cost: u32,
}

/// An answer for when all else fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fallback {
    /// What the route's cache has, however old.
    Stale,
    /// That of another upstream: index into [`Config::upstreams`](super::Config::upstreams).
    Upstream(usize),
    /// A file, which was read with the configuration.
    File(Reply),
}

impl Fallback {
    /// Names of all kinds, in the order of [`kind`](Self::kind).
    pub const NAMES: [&'static str; 3] = ["stale", "upstream", "file"];

    /// Its place among [`NAMES`](Self::NAMES).
    #[must_use]
    pub fn kind(&self) -> usize {
        match self {
            Self::Stale => 0,
            Self::Upstream(_) => 1,
            Self::File(_) => 2,
        }
    }

    /// Its name in fields, metrics and logs.
    #[must_use]
    pub fn name(&self) -> &'static str {
        Self::NAMES[self.kind()]
    }
}

/// A field by which requests say how much they matter: `critical`, `normal` or `bulk`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriorityHeader {
    /// The field, in lower case.
    pub name: String,
    /// Anybody may say so, and not only trusted proxies: where only one's own clients come.
    pub from_anyone: bool,
}

/// How long things may take on a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RouteTimeouts {
    /// From the end of a request to the head of its response, in each attempt.
    pub response: Duration,
    /// From a request's arrival to the head of its response, over everything that lies between: queues, connections, attempts and
    /// the waits before them. `None` for no such limit.
    pub deadline: Option<Duration>,
    /// Without a byte of a body moving, either way.
    pub body: Duration,
    /// Without a byte moving in a tunnel (WebSocket).
    pub tunnel: Duration,
}

impl Default for RouteTimeouts {
    fn default() -> Self {
        Self {
            response: Duration::from_secs(60),
            deadline: None,
            body: Duration::from_secs(30),
            tunnel: Duration::from_secs(3600),
        }
    }
}

/// Which requests a route is for: all of these must hold. An empty list holds for every request; of several entries of
/// `listeners`, `hosts`, `paths` and `methods` one has to match, of `headers` and `query` all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Match {
    /// Indexes into [`Config::listeners`](super::Config::listeners).
    pub listeners: Vec<usize>,
    /// The request's authority without its port.
    pub hosts: Vec<HostPattern>,
    /// The request's path.
    pub paths: Vec<PathPattern>,
    /// Methods, as they are written in requests. `GET` holds for `HEAD` also.
    pub methods: Vec<String>,
    /// The request's fields.
    pub headers: Vec<Condition>,
    /// The parameters of the request's query.
    pub query: Vec<Condition>,
}

/// What has to be true of a field or of a parameter of the query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// Of a field in lower case, of a parameter as it is written.
    pub name: String,
    /// What has to be true of its value.
    pub test: Test,
}

/// What has to be true of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Test {
    /// It is there: `*`.
    Present,
    /// It is not there: `!`.
    Absent,
    /// It is this.
    Equals(String),
    /// It begins with this: `text*`.
    StartsWith(String),
}

/// What becomes of a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// A server answers it; of several upstreams each gets its share.
    Forward(Vec<Share>),
    /// The client is sent elsewhere.
    Redirect {
        /// 301, 302, 303, 307 or 308.
        status: u16,
        /// The `Location`.
        to: Template,
    },
    /// The gateway answers.
    Respond(Reply),
    /// A file is the answer.
    Files(Files),
}

/// A fixed response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// 200 to 599.
    pub status: u16,
    /// `Content-Type`, if there is a body.
    pub content_type: String,
    /// The body.
    pub body: Arc<[u8]>,
}

/// Files of a folder. Nothing outside of it is ever served, whatever links or paths say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// The folder that `/` stands for, after the path was edited.
    pub root: PathBuf,
    /// What is served for a folder.
    pub index: String,
    /// What is served, with status 200, for a path that has no file: for applications that route in the browser.
    pub fallback: Option<String>,
    /// `Cache-Control` of the files.
    pub cache_control: Option<String>,
}

/// An upstream and its share of a route's requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// Index into [`Config::upstreams`](super::Config::upstreams).
    pub upstream: usize,
    /// In proportion to the others; 0 gets nothing.
    pub weight: u32,
}

/// A copy of some requests, whose response nobody sees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mirror {
    /// Index into [`Config::upstreams`](super::Config::upstreams).
    pub upstream: usize,
    /// Of the requests, 0 to 1.
    pub share: f64,
}

/// What the server sees as the path. The query stays unless a template says otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum PathEdit {
    /// What the client sent.
    #[default]
    Keep,
    /// The path without this beginning: `/api` of `/api/v1` leaves `/v1`.
    Strip(String),
    /// Something else.
    Rewrite(Template),
}

/// Changes to fields, in this order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldEdits {
    /// Fields that are left out, in lower case.
    pub remove: Vec<String>,
    /// Fields that replace all of the same name. The names as they are to be written.
    pub set: Vec<(String, Template)>,
    /// Fields that are added.
    pub add: Vec<(String, Template)>,
}

impl FieldEdits {
    /// True if nothing is changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.remove.is_empty() && self.set.is_empty() && self.add.is_empty()
    }
}
