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

impl HostPattern {
    /// # Errors
    /// What would be right.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (name, is_suffix) = match text.strip_prefix("*.") {
            Some(rest) => (rest, true),
            None => (text, false),
        };
        let is_name = !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
        if !is_name {
            return Err(
                "give a host without port, for example shop.example.com or *.example.com".into(),
            );
        }
        let name = name.to_ascii_lowercase();
        Ok(if is_suffix {
            Self::Suffix(format!(".{name}"))
        } else {
            Self::Exact(name)
        })
    }
}

impl PathPattern {
    /// # Errors
    /// What would be right.
    pub fn parse(text: &str) -> Result<Self, String> {
        let hint = "a path begins with /, for example /a, /a/* or /users/{id}/*";
        let Some(rest) = text.strip_prefix('/') else {
            return Err(hint.into());
        };
        let (rest, is_prefix) = match rest.strip_suffix('*') {
            Some("") => ("", true),
            Some(rest) if rest.ends_with('/') => (&rest[..rest.len() - 1], true),
            Some(_) => return Err("a * stands only at the end, after a /: /a/*".into()),
            None => (rest, false),
        };
        let mut segments = Vec::new();
        if !(rest.is_empty() && is_prefix) {
            for part in rest.split('/') {
                if part.contains(['*', '?', '#', ' ']) {
                    return Err(hint.into());
                }
                segments.push(
                    match part
                        .strip_prefix('{')
                        .and_then(|part| part.strip_suffix('}'))
                    {
                        Some(name) => Segment::Capture(name.to_owned()),
                        None => Segment::Literal(part.to_owned()),
                    },
                );
            }
        }
        Ok(Self {
            segments,
            is_prefix,
        })
    }
}

impl Template {
    /// # Errors
    /// What would be right.
    pub fn parse(text: &str, captures: &[&str]) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            if !before.is_empty() {
                parts.push(Part::Text(before.to_owned()));
            }
            let (name, after) = after
                .split_once('}')
                .ok_or("a { needs its }, for example {host}")?;
            parts.push(match name {
                "host" => Part::Host,
                "path" => Part::Path,
                "query" => Part::Query,
                "rest" => Part::Rest,
                "client_ip" => Part::ClientIp,
                "request_id" => Part::RequestId,
                name if captures.contains(&name) => Part::Capture(name.to_owned()),
                name => return Err(format!("the path has no capture {{{name}}}")),
            });
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Self { parts })
    }
}

impl crate::config::route::Test {
    /// # Errors
    /// What would be right.
    pub fn parse(text: &str) -> Result<Self, String> {
        Ok(match text {
            "*" => Self::Present,
            "!" => Self::Absent,
            "" => return Err("give a value, * for any, or ! for none".into()),
            text => match text.strip_suffix('*') {
                Some(start) => Self::StartsWith(start.to_owned()),
                None => Self::Equals(text.to_owned()),
            },
        })
    }
}
