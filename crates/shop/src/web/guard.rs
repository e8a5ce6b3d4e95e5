//! What every request goes through before somebody looks at what it wants.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt as _;
use http::header::{
    CONTENT_SECURITY_POLICY, HOST, ORIGIN, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderValue};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};

use super::Web;
use super::error::Refusal;
use super::metrics::Refused;
use super::routes::BODY;

/// The longest that a request takes: a visitor has gone by then.
const LONGEST: Duration = Duration::from_secs(10);

/// Everything a page needs comes from the shop itself, and nothing of it is inline; it is not shown in frames, and its forms go nowhere else.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
);

/// A panic is one failed request, and not the end of the process.
pub(super) async fn panics(State(_web): State<Arc<Web>>, request: Request, next: Next) -> Response {
    // Nothing that a handler can leave half done is shared: what is shared is in the database, behind transactions.
    let answered = AssertUnwindSafe(next.run(request)).catch_unwind().await;
    let mut response = answered.unwrap_or_else(|_| Refusal::Panicked.into_response());
    let fields = response.headers_mut();
    fields.entry(CONTENT_SECURITY_POLICY).or_insert(POLICY);
    fields.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    fields.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    response
}

/// Makes go wrong what is chosen to, for fault runs.
pub(super) async fn faults(State(web): State<Arc<Web>>, request: Request, next: Next) -> Response {
    if request.uri().path() == "/healthz" {
        return next.run(request).await;
    }
    if let Some(delay) = web.faults.delay() {
        web.metrics.slowed();
        tokio::time::sleep(delay).await;
    }
    if web.faults.fails() {
        web.metrics.failed();
        return Refusal::Chosen.into_response();
    }
    next.run(request).await
}

/// Refuses what another site makes a visitor's browser do. `SameSite=Lax` already keeps the cookie from such requests; this holds where a browser does not
/// know that, and for sites on other ports and subdomains, which cookies do not tell apart.
pub(super) async fn same_site(
    State(web): State<Arc<Web>>,
    request: Request,
    next: Next,
) -> Response {
    if request.method().is_safe() || is_ours(request.headers()) {
        return next.run(request).await;
    }
    web.metrics.refused(Refused::CrossSite);
    Refusal::CrossSite.into_response()
}

/// Browsers say where a request comes from by `Sec-Fetch-Site`, older ones by `Origin`. What says neither is no browser, and has nobody's cookies
/// but its own.
fn is_ours(fields: &HeaderMap) -> bool {
    if let Some(site) = fields.get("sec-fetch-site") {
        return site == "same-origin" || site == "none";
    }
    let Some(origin) = fields.get(ORIGIN) else {
        return true;
    };
    // No other site can set either of these two.
    let host = fields.get("x-forwarded-host").or_else(|| fields.get(HOST));
    let (Ok(origin), Some(Ok(host))) = (origin.to_str(), host.map(HeaderValue::to_str)) else {
        return false;
    };
    let from = origin
        .strip_prefix("http://")
        .or_else(|| origin.strip_prefix("https://"));
    from.is_some_and(|from| from.eq_ignore_ascii_case(host))
}

/// Waits for the whole of what is sent before it takes anybody's place: who sends it letter by letter, or not at all, keeps a connection busy and no more. What
/// is only asked for has no body that anybody reads.
pub(super) async fn whole(request: Request, next: Next) -> Response {
    if request.method().is_safe() {
        return next.run(request).await;
    }
    let (head, body) = request.into_parts();
    let body = match Limited::new(body, BODY).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => return Refusal::TooLarge.into_response(),
        Err(_) => {
            let told = "the body ended before all of it had come";
            return Refusal::Unreadable(told.to_owned()).into_response();
        }
    };
    next.run(Request::from_parts(head, Body::from(body))).await
}

/// Refuses at once what would only wait in vain.
pub(super) async fn room(State(web): State<Arc<Web>>, request: Request, next: Next) -> Response {
    let Ok(_held) = web.room.try_acquire() else {
        web.metrics.refused(Refused::Full);
        return Refusal::Full.into_response();
    };
    next.run(request).await
}

/// Gives up a request that takes too long. Dropping it rolls back what it had begun.
pub(super) async fn time(State(web): State<Arc<Web>>, request: Request, next: Next) -> Response {
    let Ok(response) = tokio::time::timeout(LONGEST, next.run(request)).await else {
        web.metrics.refused(Refused::Late);
        return Refusal::Late.into_response();
    };
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_sites_are_told_apart() {
        for (fields, is_ok) in [
            (&[][..], true),
            (&[("sec-fetch-site", "same-origin")], true),
            (&[("sec-fetch-site", "none")], true),
            (&[("sec-fetch-site", "same-site")], false),
            (&[("sec-fetch-site", "cross-site")], false),
            (&[("origin", "http://shop:80"), ("host", "shop:80")], true),
            (&[("origin", "https://Shop"), ("host", "shop")], true),
            (
                &[
                    ("origin", "https://shop.example"),
                    ("host", "10.0.0.1"),
                    ("x-forwarded-host", "shop.example"),
                ],
                true,
            ),
            (&[("origin", "http://shop:81"), ("host", "shop:80")], false),
            (&[("origin", "null"), ("host", "shop")], false),
            (&[("origin", "http://shop")], false),
            (&[("origin", "file://shop"), ("host", "shop")], false),
            (
                &[
                    ("sec-fetch-site", "cross-site"),
                    ("origin", "http://shop"),
                    ("host", "shop"),
                ],
                false,
            ),
        ] {
            let mut map = HeaderMap::new();
            for (name, value) in fields {
                map.insert(*name, HeaderValue::from_static(value));
            }
            assert_eq!(is_ours(&map), is_ok, "{fields:?}");
        }
    }

    #[tokio::test]
    async fn a_panic_is_one_failed_request() {
        use axum::Router;
        use axum::middleware::from_fn_with_state;
        use axum::routing::get;
        use tower::ServiceExt as _;

        let options = crate::Options {
            database: "postgres:///x?host=/nowhere".to_owned(),
            pool: 1,
            redis: None,
            fixes: crate::profile::Fixes::NONE,
            purge: Vec::new(),
            purge_token: None,
            is_worker: false,
        };
        let shop = crate::Shop::open(options).await.unwrap();
        let (web, _) = Web::new(shop, &super::super::Options::default());
        async fn breaks() {
            panic!("as told");
        }
        let router = Router::<Arc<Web>>::new()
            .route("/", get(breaks))
            .layer(from_fn_with_state(Arc::clone(&web), panics))
            .layer(from_fn_with_state(
                Arc::clone(&web),
                super::super::error::explain,
            ))
            .with_state(web);
        for _ in 0..2 {
            let request = Request::get("/").body(axum::body::Body::empty()).unwrap();
            let response = router.clone().oneshot(request).await.unwrap();
            assert_eq!(response.status(), http::StatusCode::INTERNAL_SERVER_ERROR);
            let body = axum::body::to_bytes(response.into_body(), 100_000)
                .await
                .unwrap();
            let said = String::from_utf8(body.to_vec()).unwrap();
            assert!(
                said.contains("That went wrong") && !said.contains("as told"),
                "{said}"
            );
        }
    }
}
