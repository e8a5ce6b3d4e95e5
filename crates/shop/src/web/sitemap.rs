//! What a crawler, or a cache that is warmed, should know of: every page that is worth keeping, the most popular products first.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::HeaderMap;
use http::header::{CONTENT_TYPE, HOST};

use super::Web;
use super::caching::Keep;
use super::error::Refusal;

/// The protocol's limit is 50,000 addresses (sitemaps.org); lists and departments need some of them.
const MOST_PRODUCTS: usize = 49_000;

/// `GET /sitemap.xml`
pub(super) async fn sitemap(
    State(web): State<Arc<Web>>,
    fields: HeaderMap,
) -> Result<Response, Refusal> {
    let origin = origin(&fields);
    let mut text = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<urlset xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\">\n",
    );
    let mut put = |path: &str| {
        let _ = writeln!(text, "<url><loc>{origin}{path}</loc></url>");
    };
    for path in ["/", "/new", "/best-sellers", "/search"] {
        put(path);
    }
    for category in web.shop.categories().await? {
        put(&format!("/new?category={}", category.slug));
        put(&format!("/best-sellers?category={}", category.slug));
    }
    for id in web.shop.popular().await?.into_iter().take(MOST_PRODUCTS) {
        put(&format!("/products/{id}"));
    }
    text.push_str("</urlset>\n");
    let body = Bytes::from(text);
    let mut response = (
        [(CONTENT_TYPE, "application/xml; charset=utf-8")],
        body.clone(),
    )
        .into_response();
    response.extensions_mut().insert(Keep::sitemap(&body));
    Ok(response)
}

/// `GET /robots.txt`
pub(super) async fn robots(fields: HeaderMap) -> Response {
    let text = format!(
        "User-agent: *\nDisallow: /cart\nDisallow: /checkout\nDisallow: /orders\nDisallow: /login\nDisallow: /admin\nDisallow: /api/\nSitemap: {}/sitemap.xml\n",
        origin(&fields)
    );
    let body = Bytes::from(text);
    let mut response =
        ([(CONTENT_TYPE, "text/plain; charset=utf-8")], body.clone()).into_response();
    response.extensions_mut().insert(Keep::sitemap(&body));
    response
}

/// The shop's own address, as the client spells it. It is part of what a cache keeps an answer by, so nobody gets what another client made up; but it
/// goes into a text, and so only what hosts are made of is taken.
fn origin(fields: &HeaderMap) -> String {
    let host = fields.get(HOST).and_then(|host| host.to_str().ok());
    let is_host = |host: &&str| {
        !host.is_empty()
            && host
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte))
    };
    let is_https = fields
        .get("x-forwarded-proto")
        .is_some_and(|scheme| scheme == "https");
    let scheme = if is_https { "https" } else { "http" };
    format!("{scheme}://{}", host.filter(is_host).unwrap_or("localhost"))
}
