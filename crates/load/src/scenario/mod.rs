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

mod exchange;
mod shared;
mod template;
mod user;

use std::time::Duration;

pub use exchange::{Answer, Outgoing, Problem};
pub use shared::Shared;
pub use template::Template;
pub use user::User;

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
                query: Vec::new(),
                fields: Vec::new(),
                body: Body::None,
            },
            keeps_cookies: false,
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
        self.keeps_cookies
    }

    /// Whether [`User::conclude`] looks at the body of its answer.
    #[must_use]
    pub fn wants_body(&self) -> bool {
        false
    }
}

/// What is sent.
#[derive(Clone, Debug)]
pub struct Request {
    /// The method, a token.
    pub method: String,
    /// The path below the target's base, perhaps with a query. It begins with `/`.
    pub path: Template,
    /// Parameters that are added to the path's query, in this order.
    pub query: Vec<(String, Template)>,
    /// Fields in this order, without those that follow from the connection and the body (Host, Content-Length).
    pub fields: Vec<(String, Template)>,
    /// What follows the head.
    pub body: Body,
}

impl Request {
    fn is_constant(&self) -> bool {
        let pairs = self.query.iter().chain(&self.fields);
        self.path.is_constant()
            && pairs.clone().all(|(_, value)| value.is_constant())
            && self.body.is_constant()
    }
}

/// What follows a request's head.
#[derive(Clone, Debug, Default)]
pub enum Body {
    /// Nothing.
    #[default]
    None,
    /// A text as it is. Its `Content-Type` is one of the request's fields, or none.
    Raw(Template),
}

impl Body {
    fn is_constant(&self) -> bool {
        match self {
            Self::None => true,
            Self::Raw(text) => text.is_constant(),
        }
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

/// How long somebody thinks.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Think {
    /// Not at all.
    #[default]
    Not,
    /// So long.
    Constant(Duration),
    /// Anything between the two is as likely.
    Uniform(Duration, Duration),
    /// Exponential with a mean, cut at a maximum (TPC-W: mean 7 s, most 70 s).
    Exponential {
        /// Before the cut.
        mean: Duration,
        /// Never longer than this.
        most: Duration,
    },
}

/// Rows of data.
#[derive(Clone, Debug)]
pub struct Feed {
    /// What the file calls it.
    pub name: String,
}
