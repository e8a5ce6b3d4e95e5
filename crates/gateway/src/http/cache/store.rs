//! What a shared cache may store of what it saw (RFC 9111 section 3), and which fields of it.
//!
//! Everything here leans towards not storing: what is not stored costs a request, what is stored wrongly is shown to strangers.

use std::time::{Duration, SystemTime};

use tenfold_http1::Method;
use tenfold_http1::framing::decimal;

use super::ask::{Ask, Part, Request};
use super::control::{self, ResponseControl, Source};
use super::date::Millis;
use super::fields::{Fields, is, is_token, members};
use super::invalidate;
use super::policy::{Policy, SetCookie};
use super::stored::Span;
use super::tags;
use super::vary::Vary;

/// A response as the server sent it.
#[derive(Debug)]
pub(crate) struct Response<'a, F: ?Sized> {
    pub(crate) status: u16,
    pub(crate) fields: &'a F,
}

/// Why a response is not stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    Bypassed,
    Method,
    RequestNoStore,
    Status,
    NotUnderstood,
    NoStore,
    Private,
    Authorization,
    SetCookie,
    Vary,
    TooLarge,
    Tags,
    NoLifetime,
}

impl Refusal {
    /// For `detail` in `Cache-Status`.
    pub(crate) fn detail(self) -> &'static str {
        match self {
            Self::Bypassed => "bypass",
            Self::Method => "method",
            Self::RequestNoStore => "request-no-store",
            Self::Status => "status",
            Self::NotUnderstood => "must-understand",
            Self::NoStore => "no-store",
            Self::Private => "private",
            Self::Authorization => "authorization",
            Self::SetCookie => "set-cookie",
            Self::Vary => "vary",
            Self::TooLarge => "too-large",
            Self::Tags => "tags",
            Self::NoLifetime => "no-lifetime",
        }
    }

    /// True if the response itself speaks against storing, so that the next one is likely to do so too. What only this request
    /// asked for says nothing about the next: if it did, one client could keep the cache from helping all others.
    pub(crate) fn is_of_response(self) -> bool {
        !matches!(
            self,
            Self::Bypassed | Self::Method | Self::RequestNoStore | Self::Authorization
        )
    }
}

/// What speaks against storing, apart from time.
pub(crate) fn refusal(
    request: &Request<'_, impl Fields + ?Sized>,
    ask: &Ask<'_>,
    response: &Response<'_, impl Fields + ?Sized>,
    control: &ResponseControl,
    policy: &Policy,
) -> Option<Refusal> {
    let Response { status, fields } = *response;
    let is_answer = match request.method {
        Method::Get => true,
        Method::Post => answers_get(request, response, control),
        _ => false,
    };
    // `must-understand` tells those who know it to disregard the `no-store` beside it (RFC 9111 section 5.2.2.3).
    let no_store = control.no_store && !control.must_understand;
    let is_permitted = control.public || control.s_maxage.is_some() || control.must_revalidate;
    let sets_cookie = policy.set_cookie == SetCookie::Refuse && fields.has("set-cookie");
    let length = fields.first("content-length").and_then(decimal);
    let refusals = [
        (ask.part == Part::Bypass, Refusal::Bypassed),
        (!is_answer, Refusal::Method),
        (ask.control.no_store, Refusal::RequestNoStore),
        (!is_storable(status), Refusal::Status),
        (
            control.must_understand && !is_understood(status),
            Refusal::NotUnderstood,
        ),
        (no_store, Refusal::NoStore),
        (control.private, Refusal::Private),
        (
            ask.has_authorization && !is_permitted,
            Refusal::Authorization,
        ),
        (sets_cookie && !control.public, Refusal::SetCookie),
        (
            length.is_some_and(|length| length > policy.max_object),
            Refusal::TooLarge,
        ),
    ];
    if let Some((_, refusal)) = refusals.into_iter().find(|(applies, _)| *applies) {
        return Some(refusal);
    }
    if Vary::of(fields) == Vary::Everything {
        return Some(Refusal::Vary);
    }
    tags::of(fields).is_none().then_some(Refusal::Tags)
}

/// Statuses of which a stored response can answer other requests. Not those that are incomplete (206 is a part and is not combined with
/// others; 304 says something about another response), nor those that speak of what the key does not have: credentials, conditions,
/// ranges, the connection.
fn is_storable(status: u16) -> bool {
    let depends_on_request = matches!(
        status,
        206 | 304
            | 401
            | 407
            | 408
            | 411
            | 412
            | 413
            | 415
            | 416
            | 417
            | 421
            | 425
            | 426
            | 431
            | 511
    );
    (200..600).contains(&status) && !depends_on_request
}

/// Statuses whose definition we know to have no more requirements on caches than we meet.
fn is_understood(status: u16) -> bool {
    let is_defined = matches!(
        status,
        200..=205 | 300..=303 | 305 | 307 | 308 | 400..=410 | 414 | 422..=424 | 428 | 429 | 451 | 500..=508
    );
    is_defined && is_storable(status)
}

/// A response to POST is one to GET if it says so: it has a lifetime, and its `Content-Location` is the address (RFC 9110 section 9.3.3).
fn answers_get(
    request: &Request<'_, impl Fields + ?Sized>,
    response: &Response<'_, impl Fields + ?Sized>,
    control: &ResponseControl,
) -> bool {
    let is_general = control.source != Source::Targeted;
    let has_lifetime = control.lifetime().is_some() || is_general && response.fields.has("expires");
    let location = response.fields.first("content-location");
    let is_same = location
        .and_then(|location| invalidate::resolve(request, location))
        .is_some_and(|target| target == request.target);
    has_lifetime && is_same && (200..300).contains(&response.status)
}

/// Which fields of a response are stored.
#[derive(Debug)]
pub(crate) struct Kept<'a> {
    /// In `Connection`, `no-cache="…"` or `private="…"`.
    named: Vec<&'a [u8]>,
    drops_set_cookie: bool,
}

impl<'a> Kept<'a> {
    pub(crate) fn of(
        fields: &'a (impl Fields + ?Sized),
        control: &ResponseControl,
        policy: &Policy,
    ) -> Self {
        let mut named = match control.names_fields {
            true => control::named_fields(fields, control.source),
            false => Vec::new(),
        };
        named.extend(fields.values("connection").flat_map(members));
        Self {
            named,
            drops_set_cookie: policy.set_cookie == SetCookie::Remove && !control.public,
        }
    }

    pub(crate) fn keeps(&self, name: &[u8]) -> bool {
        let is_dropped = self.drops_set_cookie && is(name, "set-cookie");
        !is_about_message(name)
            && !is_dropped
            && !self
                .named
                .iter()
                .any(|named| named.eq_ignore_ascii_case(name))
    }
}

/// Fields that are about one message or one connection, not about what is stored (RFC 9111 section 3.1, RFC 9110 section 7.6.1). `Age` and
/// the framing are made anew for every answer.
fn is_about_message(name: &[u8]) -> bool {
    const NAMES: [&str; 13] = [
        "age",
        "connection",
        "content-length",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authentication-info",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "http2-settings",
    ];
    NAMES.iter().any(|known| is(name, known))
}

/// Appends the fields that are kept, one line each, and says where the entity tag stands. A response without `Date` gets the
/// time at which it came (RFC 9110 section 6.6.1). What could not have come from the parser of heads is left out.
pub(crate) fn write(
    out: &mut Vec<u8>,
    fields: &(impl Fields + ?Sized),
    kept: &Kept<'_>,
    received: Millis,
) -> Span {
    let mut etag = Span::default();
    let mut has_date = false;
    for (name, value) in fields.fields() {
        let is_sound = is_token(name) && !value.iter().any(|byte| matches!(byte, b'\r' | b'\n'));
        if !is_sound || !kept.keeps(name) {
            continue;
        }
        out.extend_from_slice(name);
        out.extend_from_slice(b": ");
        if is(name, "etag") && etag.len == 0 && super::validate::is_usable(value) {
            etag = Span {
                start: u32::try_from(out.len()).unwrap_or(0),
                len: u16::try_from(value.len()).unwrap_or(0),
            };
        }
        has_date |= is(name, "date");
        out.extend_from_slice(value);
        out.extend_from_slice(b"\r\n");
    }
    if !has_date {
        let since = Duration::from_millis(u64::try_from(received).unwrap_or(0));
        // The library knows years of four digits.
        let time = SystemTime::UNIX_EPOCH + since.min(Duration::from_secs(253_402_300_799));
        out.extend_from_slice(format!("Date: {}\r\n", httpdate::fmt_http_date(time)).as_bytes());
    }
    etag
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::cache::fields::Lines;

    type Pairs = [(&'static str, &'static str)];

    fn refused(
        method: &str,
        asked: &Pairs,
        status: u16,
        answered: &Pairs,
        policy: &Policy,
    ) -> Option<Refusal> {
        let request = Request {
            method: Method::of(method.as_bytes()),
            is_tls: false,
            authority: b"a",
            target: b"/x?y",
            is_special: false,
            fields: asked,
        };
        let ask = Ask::of(&request, policy);
        let control = ResponseControl::of(answered);
        let response = Response {
            status,
            fields: answered,
        };
        refusal(&request, &ask, &response, &control, policy)
    }

    #[test]
    fn responses() {
        let cases: &[(&str, &Pairs, u16, &Pairs, Option<Refusal>)] = &[
            ("GET", &[], 200, &[], None),
            ("HEAD", &[], 200, &[], Some(Refusal::Method)),
            (
                "PUT",
                &[],
                200,
                &[("Cache-Control", "max-age=5")],
                Some(Refusal::Method),
            ),
            (
                "GET",
                &[("If-Match", "x")],
                200,
                &[],
                Some(Refusal::Bypassed),
            ),
            (
                "GET",
                &[("Cache-Control", "no-store")],
                200,
                &[],
                Some(Refusal::RequestNoStore),
            ),
            (
                "GET",
                &[],
                200,
                &[("Cache-Control", "private, max-age=3600")],
                Some(Refusal::Private),
            ),
            (
                "GET",
                &[],
                200,
                &[("Cache-Control", "private=\"a\", max-age=3600")],
                None,
            ),
            (
                "GET",
                &[],
                200,
                &[("Cache-Control", "No-StOrE")],
                Some(Refusal::NoStore),
            ),
            (
                "GET",
                &[],
                200,
                &[("Cache-Control", "max-age=10000, no-store")],
                Some(Refusal::NoStore),
            ),
            (
                "GET",
                &[],
                200,
                &[
                    ("Cache-Control", "no-store"),
                    ("CDN-Cache-Control", "max-age=9"),
                ],
                None,
            ),
            (
                "GET",
                &[],
                200,
                &[
                    ("Cache-Control", "max-age=9"),
                    ("CDN-Cache-Control", "no-store"),
                ],
                Some(Refusal::NoStore),
            ),
            (
                "GET",
                &[],
                200,
                &[
                    ("Cache-Control", "max-age=9"),
                    ("CDN-Cache-Control", "private"),
                ],
                Some(Refusal::Private),
            ),
            (
                "GET",
                &[],
                200,
                &[("Cache-Control", "no-store, must-understand")],
                None,
            ),
            (
                "GET",
                &[],
                599,
                &[("Cache-Control", "max-age=3600, no-store, must-understand")],
                Some(Refusal::NotUnderstood),
            ),
            (
                "GET",
                &[],
                599,
                &[("Cache-Control", "max-age=3600, must-understand")],
                Some(Refusal::NotUnderstood),
            ),
            ("GET", &[], 200, &[("Vary", "Foo, *")], Some(Refusal::Vary)),
            (
                "GET",
                &[],
                200,
                &[("Content-Length", "67108865")],
                Some(Refusal::TooLarge),
            ),
            (
                "GET",
                &[],
                200,
                &[("Surrogate-Key", "\u{e9}")],
                Some(Refusal::Tags),
            ),
            // Other people's.
            (
                "GET",
                &[("Authorization", "FOO")],
                200,
                &[("Cache-Control", "max-age=5")],
                Some(Refusal::Authorization),
            ),
            (
                "GET",
                &[("Authorization", "FOO")],
                200,
                &[("Expires", "x")],
                Some(Refusal::Authorization),
            ),
            (
                "GET",
                &[("Authorization", "FOO")],
                200,
                &[("Cache-Control", "max-age=5, public")],
                None,
            ),
            (
                "GET",
                &[("Authorization", "FOO")],
                200,
                &[("Cache-Control", "max-age=5, must-revalidate")],
                None,
            ),
            (
                "GET",
                &[("Authorization", "FOO")],
                200,
                &[("Cache-Control", "s-maxage=5")],
                None,
            ),
            (
                "GET",
                &[("Authorization", "FOO")],
                200,
                &[
                    ("CDN-Cache-Control", "max-age=5"),
                    ("Cache-Control", "public"),
                ],
                Some(Refusal::Authorization),
            ),
            (
                "GET",
                &[],
                200,
                &[("Cache-Control", "max-age=5"), ("Set-Cookie", "a=b")],
                Some(Refusal::SetCookie),
            ),
            (
                "GET",
                &[],
                200,
                &[("Cache-Control", "s-maxage=5"), ("set-cookie", "a=b")],
                Some(Refusal::SetCookie),
            ),
            (
                "GET",
                &[],
                200,
                &[
                    ("Cache-Control", "max-age=5, public"),
                    ("Set-Cookie", "a=b"),
                ],
                None,
            ),
            (
                "GET",
                &[("Cookie", "a=b")],
                200,
                &[("Cache-Control", "max-age=5")],
                None,
            ),
            // POST that answers GET.
            (
                "POST",
                &[],
                200,
                &[("Cache-Control", "max-age=5"), ("Content-Location", "/x?y")],
                None,
            ),
            (
                "POST",
                &[],
                200,
                &[("Expires", "x"), ("Content-Location", "http://A:80/x?y")],
                None,
            ),
            (
                "POST",
                &[],
                200,
                &[("Cache-Control", "max-age=5"), ("Content-Location", "/x")],
                Some(Refusal::Method),
            ),
            (
                "POST",
                &[],
                200,
                &[("Content-Location", "/x?y")],
                Some(Refusal::Method),
            ),
            (
                "POST",
                &[],
                200,
                &[("Cache-Control", "max-age=5")],
                Some(Refusal::Method),
            ),
        ];
        for (method, asked, status, answered, expected) in cases {
            let refused = refused(method, asked, *status, answered, &Policy::default());
            assert_eq!(
                refused, *expected,
                "{method} {asked:?} {status} {answered:?}"
            );
        }
    }

    #[test]
    fn statuses() {
        let refused = |status| {
            refused(
                "GET",
                &[],
                status,
                &[("Cache-Control", "max-age=5")],
                &Policy::default(),
            )
        };
        for status in [
            200, 203, 204, 299, 301, 302, 303, 307, 308, 400, 404, 410, 499, 500, 502, 503, 504,
            599,
        ] {
            assert_eq!(refused(status), None, "{status}");
        }
        for status in [100, 103, 206, 304, 401, 407, 412, 416, 600, 999] {
            assert_eq!(refused(status), Some(Refusal::Status), "{status}");
        }
    }

    fn written(fields: &Pairs, policy: &Policy) -> (String, Option<String>) {
        let control = ResponseControl::of(fields);
        let kept = Kept::of(fields, &control, policy);
        let mut out = b"x".to_vec();
        let etag = write(&mut out, fields, &kept, 0);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (text(&out[1..]), etag.of(&out).map(text))
    }

    #[test]
    fn fields_of_one_message_are_not_stored() {
        let policy = Policy::default();
        let fields: &Pairs = &[
            ("Connection", "a, B"),
            ("A", "1"),
            ("b", "2"),
            ("c", "3"),
            ("Keep-Alive", "x"),
            ("Age", "5"),
            ("TE", "x"),
            ("Transfer-Encoding", "chunked"),
            ("Content-Length", "5"),
            ("Upgrade", "x"),
            ("Proxy-Authenticate", "x"),
            ("Proxy-Authentication-Info", "x"),
            ("Proxy-Authorization", "x"),
            ("Proxy-Connection", "x"),
            ("Cache-Control", "no-cache=\"d, e\", max-age=5"),
            ("d", "4"),
            ("E", "5"),
            ("Bad Name", "6"),
            ("f", "7\r\nG: 8"),
            ("Content-Type", "text/plain"),
            ("ETag", "\"t\""),
            ("ETag", "\"u\""),
            ("Content-Encoding", "x"),
            ("Date", "then"),
        ];
        let (text, etag) = written(fields, &policy);
        let expected = "c: 3\r\nCache-Control: no-cache=\"d, e\", max-age=5\r\nContent-Type: text/plain\r\n\
             ETag: \"t\"\r\nETag: \"u\"\r\nContent-Encoding: x\r\nDate: then\r\n";
        assert_eq!((text.as_str(), etag.as_deref()), (expected, Some("\"t\"")));
        assert_eq!(
            written(&[], &policy).0,
            "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
        );
        assert_eq!(Lines(text.as_bytes()).first("c"), Some(&b"3"[..]));
    }

    #[test]
    fn cookies_can_be_removed() {
        let policy = Policy {
            set_cookie: SetCookie::Remove,
            ..Policy::default()
        };
        let fields: &Pairs = &[("Set-Cookie", "a=b"), ("Date", "x")];
        assert_eq!(refused("GET", &[], 200, fields, &policy), None);
        assert_eq!(written(fields, &policy).0, "Date: x\r\n");
        let fields: &Pairs = &[
            ("Set-Cookie", "a=b"),
            ("Cache-Control", "public"),
            ("Date", "x"),
        ];
        assert!(written(fields, &policy).0.contains("Set-Cookie"));
    }
}
