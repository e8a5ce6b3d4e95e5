//! What can go wrong with a request, who is to blame, and which status code says so. No other file makes one.

use std::fmt;
use std::time::Duration;

use tenfold_http1::{BodyError, Buffer, HeadError, Name, RequestHead, Version, write};
use tenfold_traffic::resilience::queue::Shed;

/// A request that cannot be answered by a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The request's head is refused.
    Head(HeadError),
    /// The request's body is malformed.
    Body(BodyError),
    /// No route is for the request.
    NoRoute,
    /// `CONNECT` and `TRACE`, which a gateway does not serve.
    Method,
    /// `Expect` asks for something other than `100-continue`.
    Expectation,
    /// The body is larger than allowed.
    BodyTooLarge,
    /// The client took too long to send its request.
    ClientTimeout,
    /// The client went away, or stopped reading.
    ClientGone,
    /// No server accepted a connection.
    NoServer,
    /// A circuit breaker is open, and no server is asked.
    BreakerOpen {
        /// When it lets requests through again, in whole seconds from now; at least 1.
        retry_after: u32,
    },
    /// The server broke the connection before or while answering.
    UpstreamBroken,
    /// The server's answer is not acceptable HTTP/1.1.
    UpstreamInvalid(Invalid),
    /// The server took too long.
    UpstreamTimeout,
    /// The request's deadline passed before there was an answer.
    DeadlineExceeded,
    /// An upgraded connection broke on one side.
    TunnelBroken,
    /// An upgraded connection was silent for too long.
    TunnelIdle,
    /// There is more to do than the upstream or the route can take.
    Shed(Shed),
    /// This machine has no descriptor or port left.
    Exhausted,
    /// A file could not be read to the end that was announced.
    File,
    /// The client wants nothing but what is cached, and that is not (RFC 9111 section 5.2.1.7).
    OnlyIfCached,
    /// A `PURGE` from somewhere that may not.
    PurgeForbidden,
    /// A `PURGE` of something that cannot be.
    PurgeMalformed,
    /// A limit of the route refuses it. When it may be tried again is told by the lines of its [`Style`]: every request's future has
    /// failures in it, and they are small.
    Limited,
}

impl std::error::Error for Failure {}

/// To whom an error is told, and how.
#[derive(Clone, Copy, Default)]
pub(crate) struct Style<'a> {
    /// The request; missing if it never got that far.
    pub(crate) head: Option<&'a RequestHead>,
    /// Its identifier; empty if it has none.
    pub(crate) request_id: &'a [u8],
    /// The version of a connection that goes on. Without it the connection closes behind the response.
    pub(crate) version: Option<Version>,
    /// Further lines of the response's head.
    pub(crate) lines: &'a [u8],
}

/// What is wrong with a server's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Invalid {
    /// Its head.
    Head(HeadError),
    /// Its body, before the client has seen anything of it; or, in what is logged, later.
    Body(BodyError),
    /// It changes to a protocol that nobody asked for.
    UnaskedUpgrade,
}

/// How long a client is asked to wait when no server is there: about until an endpoint is tried again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

impl Failure {
    /// A circuit breaker is open for `left` more.
    pub(crate) fn breaker_open(left: Duration) -> Self {
        let seconds = u32::try_from(left.as_millis().div_ceil(1000)).unwrap_or(u32::MAX);
        Self::BreakerOpen {
            retry_after: seconds.max(1),
        }
    }

    /// The status code that answers it.
    pub(crate) fn status(self) -> u16 {
        match self {
            Self::Head(HeadError::TargetTooLong) => 414,
            Self::Head(HeadError::TooLarge) => 431,
            Self::Head(HeadError::UnknownCoding) | Self::Method => 501,
            Self::Head(HeadError::Version) => 505,
            Self::Head(_) | Self::Body(_) => 400,
            Self::NoRoute => 404,
            Self::Expectation => 417,
            Self::BodyTooLarge => 413,
            Self::ClientTimeout => 408,
            // Never sent; nginx's number in logs for a connection that is no longer there to answer on.
            Self::ClientGone | Self::TunnelBroken | Self::TunnelIdle => 499,
            Self::NoServer | Self::BreakerOpen { .. } | Self::Exhausted | Self::Shed(_) => 503,
            Self::UpstreamBroken | Self::UpstreamInvalid(_) => 502,
            Self::UpstreamTimeout | Self::DeadlineExceeded | Self::OnlyIfCached => 504,
            Self::PurgeForbidden => 403,
            Self::PurgeMalformed => 400,
            Self::Limited => 429,
            Self::File => 500,
        }
    }

    /// A stable, bounded name for metrics, logs and error bodies.
    pub(crate) fn kind(self) -> &'static str {
        match self {
            Self::Head(error) => error.kind(),
            Self::Body(error) => error.kind(),
            Self::NoRoute => "no_route",
            Self::Method => "method_not_served",
            Self::Expectation => "unknown_expectation",
            Self::BodyTooLarge => "body_too_large",
            Self::ClientTimeout => "client_timeout",
            Self::ClientGone => "client_gone",
            Self::NoServer => "no_server",
            Self::BreakerOpen { .. } => "breaker_open",
            Self::UpstreamBroken => "upstream_broken",
            Self::UpstreamInvalid(Invalid::Head(error)) => error.kind(),
            Self::UpstreamInvalid(Invalid::Body(error)) => error.kind(),
            Self::UpstreamInvalid(Invalid::UnaskedUpgrade) => "unasked_upgrade",
            Self::UpstreamTimeout => "upstream_timeout",
            Self::DeadlineExceeded => "deadline_exceeded",
            Self::TunnelBroken => "tunnel_broken",
            Self::TunnelIdle => "tunnel_idle",
            Self::Shed(Shed::Full) => "shed_full",
            Self::Shed(Shed::Displaced) => "shed_displaced",
            Self::Shed(Shed::Deadline) => "shed_deadline",
            Self::Shed(Shed::Overload) => "shed_overload",
            Self::Exhausted => "out_of_descriptors",
            Self::File => "file_unreadable",
            Self::OnlyIfCached => "only_if_cached",
            Self::PurgeForbidden => "purge_forbidden",
            Self::PurgeMalformed => "purge_malformed",
            Self::Limited => "rate_limited",
        }
    }

    /// Who is to blame: `client`, `upstream` or `gateway`.
    pub(crate) fn blame(self) -> &'static str {
        match self.status() {
            400..=499 | 501 | 505 => "client",
            _ if matches!(self, Self::Exhausted | Self::File) => "gateway",
            _ if self == Self::OnlyIfCached => "client",
            _ => "upstream",
        }
    }

    /// How long a client is asked to wait before it tries again, in seconds; what a limit has to say about it is in its own lines.
    fn retry_after(self) -> Option<u64> {
        match self {
            Self::BreakerOpen { retry_after } => Some(retry_after.into()),
            _ => (self.status() == 503).then_some(RETRY_AFTER.as_secs()),
        }
    }

    /// Writes the response that answers it: JSON for a client that asks for it, else plain text.
    pub(crate) fn write(self, out: &mut Buffer, date: &[u8], style: &Style<'_>) {
        let Style {
            head,
            request_id,
            version,
            lines,
        } = *style;
        let is_json = head
            .and_then(|head| head.get(Name::Accept))
            .is_some_and(wants_json);
        let id = String::from_utf8_lossy(request_id);
        let (status, kind) = (self.status(), self.kind());
        let body = if is_json {
            format!(
                "{{\"status\":{status},\"error\":\"{kind}\",\"message\":\"{self}\",\"request_id\":\"{id}\"}}\n"
            )
        } else if request_id.is_empty() {
            format!("{status} {}: {self}\n", reason(status))
        } else {
            format!("{status} {}: {self}\nrequest id: {id}\n", reason(status))
        };
        let media_type: &[u8] = if is_json {
            b"application/json"
        } else {
            b"text/plain; charset=utf-8"
        };
        write::status_line(out, status, reason(status).as_bytes());
        write::field(out, b"Content-Type", media_type);
        write::content_length(out, body.len() as u64);
        write::field(out, b"Date", date);
        write::field(out, b"Cache-Control", b"no-store");
        if let Some(seconds) = self.retry_after() {
            write::field(out, b"Retry-After", seconds.to_string().as_bytes());
        }
        out.push(lines);
        if !request_id.is_empty() {
            write::field(out, b"X-Request-Id", request_id);
        }
        match version {
            None => out.push(b"Connection: close\r\n"),
            Some(Version::Http10) => out.push(b"Connection: keep-alive\r\n"),
            Some(Version::Http11) => {}
        }
        out.push(b"\r\n");
        if head.is_none_or(|head| head.line().method != tenfold_http1::Method::Head) {
            out.push(body.as_bytes());
        }
    }
}

/// The reason phrase of a status that the gateway gives (RFC 9110 section 15).
pub(super) fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        206 => "Partial Content",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        410 => "Gone",
        413 => "Content Too Large",
        414 => "URI Too Long",
        416 => "Range Not Satisfiable",
        417 => "Expectation Failed",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        451 => "Unavailable For Legal Reasons",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        // A reason is optional (RFC 9112 section 4).
        _ => "",
    }
}

/// True if JSON is named, and before anything that a person reads. Quality values are not weighed: whoever lists JSON
/// at all in front is a program.
fn wants_json(accept: &[u8]) -> bool {
    let accept = accept.to_ascii_lowercase();
    let position = |name: &[u8]| accept.windows(name.len()).position(|part| part == name);
    match (position(b"json"), position(b"text/")) {
        (Some(json), Some(text)) => json < text,
        (json, None) => json.is_some(),
        (None, Some(_)) => false,
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Head(error) => return error.fmt(f),
            Self::Body(error) => return error.fmt(f),
            Self::NoRoute => "nothing is served here",
            Self::Method => "this gateway does not serve CONNECT and TRACE",
            Self::Expectation => "the only expectation that is supported is 100-continue",
            Self::BodyTooLarge => "the request body is larger than this gateway allows",
            Self::ClientTimeout => "the request took too long to arrive",
            Self::ClientGone => "the client went away",
            Self::NoServer => "no server is available at the moment",
            Self::BreakerOpen { .. } => {
                "the service fails too often at the moment and is not asked"
            }
            Self::UpstreamBroken => "the server closed the connection without a complete answer",
            Self::UpstreamInvalid(_) => "the server sent an invalid response",
            Self::UpstreamTimeout => "the server took too long to answer",
            Self::DeadlineExceeded => "there was no answer within the time that this request has",
            Self::TunnelBroken => "the upgraded connection broke",
            Self::TunnelIdle => "the upgraded connection was idle for too long",
            Self::Shed(_) => "there are more requests than can be answered at the moment",
            Self::Exhausted => "this gateway has no connection left to reach a server with",
            Self::File => "a file changed while it was being sent",
            Self::OnlyIfCached => "this is not cached, and only-if-cached was asked for",
            Self::PurgeForbidden => "this address may not purge: it is not in purge_from",
            Self::PurgeMalformed => "this cannot be purged",
            Self::Limited => "too many requests: wait as long as Retry-After says",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_for_those_who_ask_for_it_first() {
        for accept in [
            "application/json",
            "application/problem+json, */*",
            "Application/JSON, text/html",
        ] {
            assert!(wants_json(accept.as_bytes()), "{accept}");
        }
        for accept in ["*/*", "", "text/html,application/json;q=0.9", "text/plain"] {
            assert!(!wants_json(accept.as_bytes()), "{accept}");
        }
    }

    #[test]
    fn blame_follows_the_status() {
        assert_eq!(Failure::Head(HeadError::UnknownCoding).blame(), "client");
        assert_eq!(Failure::Head(HeadError::Version).blame(), "client");
        assert_eq!(Failure::NoServer.blame(), "upstream");
        assert_eq!(Failure::Exhausted.blame(), "gateway");
        assert_eq!(Failure::ClientGone.blame(), "client");
    }
}
