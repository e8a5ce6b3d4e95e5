//! Who may ask the admin side for something: three checks before any of it is done.
//!
//! # Why a loopback address does not suffice
//! Without a token the admin side listens on a loopback address only, where no other machine reaches it. But the browser of
//! whoever works on this machine does, and runs what strangers wrote:
//! - A page of any site can have it *send* a POST to `http://127.0.0.1:9900` (it cannot read the answer, and need not to
//!   reload a gateway). Browsers tell the page's origin with every POST, so that one from elsewhere is refused. And
//!   they ask first (CORS preflight) before they send a body as `application/json`, which is answered without consent; so
//!   nothing but `application/json` is taken.
//! - A page of `evil.example` may point that name to 127.0.0.1 after it was loaded (DNS rebinding); for the browser
//!   everything that it fetches is then its own, to read as well. It still sends `Host: evil.example`. So, without
//!   a token, only names of the loopback itself are answered.
//!
//! With a token neither works: a stranger's page does not know it.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::Admin;
use super::problem::Problem;

/// Lets a request pass if all checks do.
pub(super) async fn check(
    State(admin): State<Arc<Admin>>,
    request: Request,
    next: Next,
) -> Response {
    let refusal = match &admin.token {
        Some(token) => {
            let presented = bearer(request.headers());
            let is_known = presented.is_some_and(|guess| token.matches(guess));
            if is_known { Ok(()) } else { return challenge() }
        }
        None => is_for_loopback(&request),
    };
    match refusal.and_then(|()| may_change(&request)) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

fn challenge() -> Response {
    let problem = Problem::new(
        StatusCode::UNAUTHORIZED,
        "the admin token is needed",
        "send it as: Authorization: Bearer TOKEN (it is what admin.token or --admin-token names)",
    );
    ([(header::WWW_AUTHENTICATE, "Bearer")], problem).into_response()
}

fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let value = headers.get(header::AUTHORIZATION)?.as_bytes();
    let (scheme, token) = value.split_at_checked(b"Bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then_some(token)
}

/// Of a request without a token: that it was addressed to the loopback by one of its own names.
fn is_for_loopback(request: &Request) -> Result<(), Problem> {
    let refuse = |host: &str| {
        Problem::new(
            StatusCode::FORBIDDEN,
            format!("the request is for {host:?}, which is not a name of this machine's loopback"),
            "ask for http://127.0.0.1 or http://localhost, or protect the admin side by a token",
        )
    };
    for host in authorities(request) {
        if !is_loopback(host_of(&host)) {
            return Err(refuse(&host));
        }
    }
    Ok(())
}

/// Whom the request is for: the target's authority, and each `Host`. Without any (HTTP/1.0) it is no browser's.
fn authorities(request: &Request) -> Vec<String> {
    let target = request.uri().authority().map(ToString::to_string);
    let hosts = request.headers().get_all(header::HOST);
    let text = |value: &header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    target.into_iter().chain(hosts.iter().map(text)).collect()
}

/// An authority without its port.
fn host_of(authority: &str) -> &str {
    let after_bracket = authority.rfind(']').unwrap_or(0);
    match authority[after_bracket..].find(':') {
        Some(colon) => &authority[..after_bracket + colon],
        None => authority,
    }
}

fn is_loopback(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
    match bare.unwrap_or(host).parse::<IpAddr>() {
        Ok(ip) => ip.to_canonical().is_loopback(),
        Err(_) => host.eq_ignore_ascii_case("localhost"),
    }
}

/// Of a request that may change something: that it says JSON, and comes from no other site.
fn may_change(request: &Request) -> Result<(), Problem> {
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        return Ok(());
    }
    if let Some(origin) = request.headers().get(header::ORIGIN) {
        let text = String::from_utf8_lossy(origin.as_bytes());
        let own = authorities(request);
        let is_own = text.parse::<Uri>().is_ok_and(|origin| {
            let theirs = origin.authority().map(ToString::to_string);
            theirs.is_some_and(|theirs| own.iter().any(|own| own.eq_ignore_ascii_case(&theirs)))
        });
        if !is_own {
            return Err(Problem::new(
                StatusCode::FORBIDDEN,
                format!("the request comes from another site, {text:?}"),
                "a browser may change this gateway only from pages that the gateway serves itself",
            ));
        }
    }
    if media_type(request.headers(), &header::CONTENT_TYPE) != Some("application/json".into()) {
        return Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "the request does not say that it is JSON",
            "add: Content-Type: application/json (also without a body)",
        ));
    }
    Ok(())
}

/// A media type without its parameters, in lower case.
fn media_type(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let value = headers.get(name)?.to_str().ok()?;
    let end = value.find(';').unwrap_or(value.len());
    Some(value[..end].trim().to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;

    fn request(method: &str, uri: &str, fields: &[(&str, &str)]) -> Request {
        let mut builder = Request::builder().method(method).uri(uri);
        for (name, value) in fields {
            builder = builder.header(*name, *value);
        }
        builder.body(Body::empty()).expect("a request")
    }

    #[test]
    fn only_names_of_the_loopback_are_answered_without_a_token() {
        let status = |uri: &str, hosts: &[&str]| {
            let fields: Vec<_> = hosts.iter().map(|host| ("host", *host)).collect();
            is_for_loopback(&request("GET", uri, &fields)).is_ok()
        };
        for host in [
            "127.0.0.1:9900",
            "127.8.9.1",
            "localhost:1",
            "LocalHost",
            "[::1]:9900",
            "[::1]",
            "[::ffff:127.0.0.1]:80",
        ] {
            assert!(status("/", &[host]), "{host}");
        }
        for host in [
            "evil.example",
            "evil.example:9900",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "10.0.0.1:9900",
            "[::2]:9900",
            "",
            ":9900",
            "[::1",
            "user@localhost",
        ] {
            assert!(!status("/", &[host]), "{host}");
        }
        assert!(!status("/", &["localhost", "evil.example"]));
        assert!(!status("http://evil.example/", &["localhost"]));
        assert!(status("/", &[]));
    }

    #[test]
    fn other_sites_change_nothing() {
        let host = ("host", "127.0.0.1:9900");
        let json = ("content-type", "application/json; charset=utf-8");
        let status = |method: &str, fields: &[(&str, &str)]| {
            let result = may_change(&request(method, "/api/v1/reload", fields));
            result.err().map(|problem| problem.status.as_u16())
        };
        assert_eq!(status("POST", &[host, json]), None);
        for own in ["http://127.0.0.1:9900", "HTTP://127.0.0.1:9900"] {
            assert_eq!(status("POST", &[host, json, ("origin", own)]), None);
        }
        for other in [
            "http://evil.example",
            "http://127.0.0.1:8080",
            "http://127.0.0.1",
            "null",
            "",
            "file://",
        ] {
            let code = status("POST", &[host, json, ("origin", other)]);
            assert_eq!(code, Some(403), "{other}");
        }
        let forms = ["text/plain", "application/x-www-form-urlencoded", ""];
        for kind in forms {
            let code = status("POST", &[host, ("content-type", kind)]);
            assert_eq!(code, Some(415), "{kind}");
        }
        assert_eq!(status("POST", &[host]), Some(415));
        assert_eq!(status("DELETE", &[host]), Some(415));
        assert_eq!(
            status("GET", &[host, ("origin", "http://evil.example")]),
            None
        );
    }
}
