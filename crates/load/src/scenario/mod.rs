//! What a user does: steps, and what is kept between them.
//!
//! # The problem
//! A scenario is written by people, and read hundreds of thousands of times per second. Most requests of most tests are always the
//! same; some depend on what earlier answers said.
//!
//! # The idea
//! A [`Scenario`] is checked data without state. All state is in a [`User`], which turns a [`Step`] into an [`Outgoing`] request and
//! judges its [`Answer`]; what users have in common (positions in data, what `setup` found) is in [`Shared`]. No sockets and no timers:
//! a worker moves the bytes. A step that never changes says so ([`Step::is_constant`]), and is then put together only once.

mod cookies;
mod exchange;
mod expect;
mod extract;
pub mod feed;
mod link;
mod mix;
mod shared;
mod template;
mod think;
mod user;
mod value;
mod zipf;

use std::time::Duration;

pub use exchange::{Answer, Outgoing, Problem};
pub use expect::{Expect, TextTest};
pub use extract::{Extract, From, Pick};
pub use feed::Feed;
pub use mix::{LONGEST_PERIOD, whole_weights};
pub use shared::Shared;
pub use template::{Escape, Meaning, Source, Template, TemplateError};
pub use think::Think;
pub use user::User;
pub use value::View;
pub use zipf::Zipf;

/// Most bytes of an answer's body that are kept for a user to look at; what follows is counted only.
pub const MOST_BODY: usize = 8 << 20;

/// What somebody does, from top to bottom.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// What reports call it.
    pub name: String,
    /// How often it is chosen, relative to others; 0 or more.
    pub weight: f64,
    /// At least one.
    pub steps: Vec<Step>,
}

/// A request, and what is done with its answer.
#[derive(Clone, Debug)]
pub struct Step {
    /// What reports call it; `METHOD /path` if nobody says.
    pub name: String,
    /// The group it is summed up with in reports.
    pub group: Option<String>,
    /// What is sent.
    pub request: Request,
    /// Whether cookies of earlier answers are sent, and those of this one are kept.
    pub keeps_cookies: bool,
    /// What its answer has to be.
    pub expect: Expect,
    /// What is taken from its answer, in this order.
    pub extract: Vec<Extract>,
    /// What happens to the session when it fails.
    pub on_failure: OnFailure,
    /// After its answer, before what comes next.
    pub think: Think,
    /// From sending to the end of the answer; the target's if it is not said.
    pub timeout: Option<Duration>,
}

impl Step {
    /// A request without fields and body, of which nothing but a status below 400 is expected. No cookies.
    #[must_use]
    pub fn new(method: &str, path: &str) -> Self {
        Self {
            name: format!("{method} {path}"),
            group: None,
            request: Request {
                method: method.to_owned(),
                path: Template::constant(path),
                fields: Vec::new(),
                body: Template::default(),
            },
            keeps_cookies: false,
            expect: Expect::default(),
            extract: Vec::new(),
            on_failure: OnFailure::End,
            think: Think::Not,
            timeout: None,
        }
    }

    /// Whether every request of it is the same, whoever sends it: then it need be prepared only once.
    #[must_use]
    pub fn is_constant(&self) -> bool {
        !self.keeps_cookies && self.request.is_constant()
    }

    /// Whether [`User::conclude`] looks at the fields of its answer.
    #[must_use]
    pub fn wants_fields(&self) -> bool {
        let takes = |it: &Extract| matches!(it.from, From::Header(_) | From::Cookie(_));
        self.keeps_cookies || self.expect.wants_fields() || self.extract.iter().any(takes)
    }

    /// Whether [`User::conclude`] looks at the body of its answer.
    #[must_use]
    pub fn wants_body(&self) -> bool {
        let takes = |it: &Extract| matches!(it.from, From::Json(_) | From::Body);
        self.expect.wants_body() || self.extract.iter().any(takes)
    }
}

/// What is sent.
#[derive(Clone, Debug)]
pub struct Request {
    /// The method, a token.
    pub method: String,
    /// The path below the target's base, perhaps with a query. It begins with `/`.
    pub path: Template,
    /// Fields in this order, without those that follow from the connection and the body (Host, Content-Length).
    pub fields: Vec<(String, Template)>,
    /// What follows the head; empty if nothing does.
    pub body: Template,
}

impl Request {
    fn is_constant(&self) -> bool {
        self.path.is_constant()
            && self.fields.iter().all(|(_, value)| value.is_constant())
            && self.body.is_constant()
    }
}

/// What happens to a session when a step fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFailure {
    /// It ends: what follows would most likely fail as well.
    #[default]
    End,
    /// It goes on with the next step.
    Continue,
}
