//! Patterns of hosts and paths, and templates.

/// Which hosts: `example.com`, `*.example.com`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostPattern {
    /// This one, in lower case.
    Exact(String),
    /// Everything that ends with this, in lower case: `.example.com`.
    Suffix(String),
}

/// Which paths: `/exact`, `/prefix/*`, `/users/{id}/orders/*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathPattern {
    /// Between the slashes.
    pub segments: Vec<Segment>,
    /// What follows the segments may be anything: `/*`.
    pub is_prefix: bool,
}

/// What stands between two slashes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Segment {
    /// This.
    Literal(String),
    /// Anything but nothing: `{name}`.
    Capture(String),
}

/// A text with places that are filled from the request: `https://{host}{path}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// Text and places in their order.
    pub parts: Vec<Part>,
}

/// A part of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Itself.
    Text(String),
    /// `{host}`: the request's authority without port.
    Host,
    /// `{path}`: the path that was asked for, without query.
    Path,
    /// `{query}`: `?` and the query, or nothing.
    Query,
    /// `{rest}`: what the `*` at the end of the route's path stands for.
    Rest,
    /// `{client_ip}`: the client's address.
    ClientIp,
    /// `{request_id}`: the request's identifier.
    RequestId,
    /// `{name}`: what the path's capture of that name stands for.
    Capture(String),
}
