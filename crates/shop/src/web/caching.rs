//! What may be kept by others, and how what was kept is found again to be thrown away.
//!
//! # The idea
//! A page names everything that is on it by tags (`Surrogate-Key`: `product-7 category-garden list-new shop`). So it may be kept for minutes without anybody
//! seeing an old price: when product 7 changes, whatever carries `product-7` is purged, lists and home page included. Browsers keep pages too but ask each time
//! (`max-age=0` and an `ETag`), since nobody can purge those.
//!
//! # The trade-off
//! A page must not say anything about who looks at it. What is personal is `private, no-store`, without exception.
//!
//! Sources: RFC 9111 (caching), RFC 9110 section 8.8.3 (strong `ETag`) and 13.1.2 (`If-None-Match`), docs/caching.md of Tenfold for tags and their limits.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_LENGTH, ETAG, IF_NONE_MATCH, SET_COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

use super::Web;
use crate::changes::tags;
use crate::model::{Card, Category, ProductId};

/// How long shared caches keep what is purged when it changes: only a purge that was missed is seen that long.
const PURGED: u32 = 300;
/// Results of searches, which are too many to be purged each time something new would be among them.
const RESULTS: u32 = 30;
/// For so long a cache may show results while it fetches newer ones: a new product is found a little later, and nobody waits. What changes in a product
/// that is among them purges them all the same.
const RESULTS_WHILE_FETCHED: u32 = 60;
/// The list of pages.
const SITEMAP: u32 = 3600;
/// What is drawn by the program itself.
const DRAWN: u32 = 86_400;
/// For so long a cache may show what it has if no shop answers.
const IF_ERROR: u32 = 600;
/// Most tags of a response: the gateway keeps nothing with more than 128.
const MOST_TAGS: usize = 120;

const SURROGATE_KEY: HeaderName = HeaderName::from_static("surrogate-key");

/// Names of what is on a page.
#[derive(Clone, Debug)]
pub(super) struct Tags(Vec<String>);

impl Tags {
    /// Only the tag that everything carries.
    pub(super) fn new() -> Self {
        Self(vec![tags::SHOP.to_owned()])
    }

    /// Something of this name, such as [`tags::LIST_NEW`].
    pub(super) fn list(mut self, name: &str) -> Self {
        self.put(name.to_owned());
        self
    }

    /// A department.
    pub(super) fn category(mut self, category: &Category) -> Self {
        self.put(tags::category(&category.slug));
        self
    }

    /// A product.
    pub(super) fn product(mut self, id: ProductId) -> Self {
        self.put(tags::product(id));
        self
    }

    /// Each of these products.
    pub(super) fn cards<'a>(self, cards: impl IntoIterator<Item = &'a Card>) -> Self {
        cards
            .into_iter()
            .fold(self, |tags, card| tags.product(card.id))
    }

    fn put(&mut self, tag: String) {
        if !self.0.contains(&tag) {
            self.0.push(tag);
        }
    }

    /// As a field's value; `None` if there are more than a cache can remember, or one that cannot be in a field: then nobody may keep it.
    fn value(&self) -> Option<HeaderValue> {
        let fits = self.0.len() <= MOST_TAGS;
        fits.then(|| HeaderValue::try_from(self.0.join(" ")).ok())
            .flatten()
    }
}

/// Who may keep an answer, and until when. An answer that says nothing is kept by nobody.
#[derive(Clone, Debug)]
pub(super) enum Keep {
    /// Everybody, until one of the tags is purged, or for so many seconds.
    Public {
        /// What it is made of.
        body: Bytes,
        /// What is on it.
        tags: Tags,
        /// Seconds in shared caches.
        seconds: u32,
        /// Seconds more, while they fetch a newer one.
        while_fetched: u32,
    },
    /// Everybody, for so many seconds and without asking: its address changes when it does.
    Immutable {
        /// What it is made of.
        body: Bytes,
        /// Seconds.
        seconds: u32,
    },
}

impl Keep {
    /// Until it is purged.
    pub(super) fn page(body: &Bytes, tags: Tags) -> Self {
        Self::public(body, tags, PURGED)
    }

    /// For a moment.
    pub(super) fn results(body: &Bytes, tags: Tags) -> Self {
        Self::Public {
            body: body.clone(),
            tags,
            seconds: RESULTS,
            while_fetched: RESULTS_WHILE_FETCHED,
        }
    }

    /// For an hour.
    pub(super) fn sitemap(body: &Bytes) -> Self {
        Self::public(body, Tags::new().list("sitemap"), SITEMAP)
    }

    /// For a year, the longest that RFC 9111 recommends.
    pub(super) fn forever(body: &Bytes) -> Self {
        Self::Immutable {
            body: body.clone(),
            seconds: 31_536_000,
        }
    }

    /// For a day: nothing is lost if somebody has an older one.
    pub(super) fn drawn(body: &Bytes) -> Self {
        Self::public(body, Tags::new().list("pictures"), DRAWN)
    }

    fn public(body: &Bytes, tags: Tags, seconds: u32) -> Self {
        Self::Public {
            body: body.clone(),
            tags,
            seconds,
            while_fetched: 0,
        }
    }

    /// Bytes of the whole answer.
    fn length(&self) -> usize {
        match self {
            Self::Public { body, .. } | Self::Immutable { body, .. } => body.len(),
        }
    }

    /// Fields that say so. Without tags nobody may keep what would have to be purged.
    fn fields(&self, fields: &mut HeaderMap) {
        let mut control = String::new();
        let body = match self {
            Self::Public {
                body,
                tags,
                seconds,
                while_fetched,
            } => {
                let Some(tags) = tags.value() else {
                    fields.insert(CACHE_CONTROL, NO_STORE);
                    return;
                };
                fields.insert(SURROGATE_KEY, tags);
                let _ = write!(
                    control,
                    "public, max-age=0, s-maxage={seconds}, stale-if-error={IF_ERROR}"
                );
                if *while_fetched > 0 {
                    let _ = write!(control, ", stale-while-revalidate={while_fetched}");
                }
                body
            }
            Self::Immutable { body, seconds } => {
                let _ = write!(control, "public, max-age={seconds}, immutable");
                body
            }
        };
        let control = HeaderValue::try_from(control).expect("digits and letters");
        fields.insert(CACHE_CONTROL, control);
        fields.insert(ETAG, tag_of(body));
    }
}

const NO_STORE: HeaderValue = HeaderValue::from_static("private, no-store");

/// The strong validator of these bytes: 96 bits of their SHA-256.
fn tag_of(body: &[u8]) -> HeaderValue {
    let hash = ring::digest::digest(&ring::digest::SHA256, body);
    let text = format!("\"{}\"", URL_SAFE_NO_PAD.encode(&hash.as_ref()[..12]));
    HeaderValue::try_from(text).expect("base64 in quotes")
}

/// Whether the client has what has this tag. Weak comparison, as RFC 9110 section 13.1.2 wants it.
fn is_held(request: &HeaderMap, tag: &HeaderValue) -> bool {
    let told = request
        .get_all(IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok());
    let mut each = told.flat_map(|value| value.split(',')).map(str::trim);
    each.any(|one| one == "*" || one.strip_prefix("W/").unwrap_or(one).as_bytes() == tag.as_bytes())
}

/// Makes fields of what the answer says about being kept; 304 for a client that has it.
pub(super) async fn headers(State(web): State<Arc<Web>>, request: Request, next: Next) -> Response {
    if !web.is_cacheable() {
        return next.run(request).await;
    }
    let (asked, is_head) = (request.headers().clone(), request.method() == Method::HEAD);
    let mut response = next.run(request).await;
    // A cookie is for one client, whatever else the answer says; and what is public is a whole page.
    let is_whole =
        response.status() == StatusCode::OK && !response.headers().contains_key(SET_COOKIE);
    let keep = response.extensions_mut().remove::<Keep>();
    let Some(keep) = keep.filter(|_| is_whole) else {
        response.headers_mut().insert(CACHE_CONTROL, NO_STORE);
        return response;
    };
    keep.fields(response.headers_mut());
    let tag = response.headers().get(ETAG);
    if !tag.is_some_and(|tag| is_held(&asked, tag)) {
        return response;
    }
    let mut unchanged = StatusCode::NOT_MODIFIED.into_response();
    // Everything but what describes the body, which is not sent.
    for (name, value) in response.headers() {
        if name != http::header::CONTENT_TYPE && name != CONTENT_LENGTH {
            unchanged.headers_mut().append(name, value.clone());
        }
    }
    // To a HEAD the server would say 0, and a cache would take what it has for wrong (RFC 9110 section 8.6, RFC 9111 section 4.3.5).
    if is_head {
        let length = HeaderValue::from(keep.length());
        unchanged.headers_mut().insert(CONTENT_LENGTH, length);
    }
    *unchanged.extensions_mut() = std::mem::take(response.extensions_mut());
    unchanged
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever a handler does by mistake.
    #[tokio::test]
    async fn what_sets_a_cookie_or_is_no_whole_page_is_kept_by_nobody() {
        use axum::Router;
        use axum::middleware::from_fn_with_state;
        use axum::routing::get;
        use tower::ServiceExt as _;

        let options = crate::Options {
            database: "postgres:///x?host=/nowhere".to_owned(),
            pool: 1,
            redis: None,
            fixes: crate::profile::Fixes::ALL,
            purge: Vec::new(),
            purge_token: None,
            is_worker: false,
        };
        let shop = crate::Shop::open(options).await.unwrap();
        let (web, _) = Web::new(shop, &super::super::Options::default());
        let answer = |status: StatusCode, cookie: Option<&'static str>| {
            let mut response = (status, "page").into_response();
            if let Some(cookie) = cookie {
                let cookie = HeaderValue::from_static(cookie);
                response.headers_mut().insert(SET_COOKIE, cookie);
            }
            let keep = Keep::page(&Bytes::from("page"), Tags::new());
            response.extensions_mut().insert(keep);
            response
        };
        let router = Router::<Arc<Web>>::new()
            .route(
                "/page",
                get(move || async move { answer(StatusCode::OK, None) }),
            )
            .route(
                "/cookie",
                get(move || async move { answer(StatusCode::OK, Some("a=b")) }),
            )
            .route(
                "/gone",
                get(move || async move { answer(StatusCode::GONE, None) }),
            )
            .layer(from_fn_with_state(Arc::clone(&web), headers))
            .with_state(web);
        for (path, is_kept) in [("/page", true), ("/cookie", false), ("/gone", false)] {
            let request = Request::get(path).body(axum::body::Body::empty()).unwrap();
            let response = router.clone().oneshot(request).await.unwrap();
            let control = response.headers()[CACHE_CONTROL].to_str().unwrap();
            assert_eq!(control.starts_with("public"), is_kept, "{path}: {control}");
            assert_eq!(
                response.headers().contains_key(SURROGATE_KEY),
                is_kept,
                "{path}"
            );
            assert_eq!(response.headers().contains_key(ETAG), is_kept, "{path}");
        }
    }

    #[test]
    fn a_page_with_too_many_tags_is_kept_by_nobody() {
        let mut fields = HeaderMap::new();
        let tags = (0..200).fold(Tags::new(), Tags::product);
        Keep::page(&Bytes::new(), tags).fields(&mut fields);
        assert_eq!(fields[CACHE_CONTROL], "private, no-store");
        assert!(!fields.contains_key(ETAG) && !fields.contains_key(SURROGATE_KEY));
    }

    #[test]
    fn validators_are_compared_as_lists() {
        let tag = tag_of(b"tea");
        let text = tag.to_str().unwrap();
        assert_ne!(tag, tag_of(b"tee"));
        for (asked, is_same) in [
            (text.to_owned(), true),
            (format!("W/{text}"), true),
            (format!("\"other\", {text}"), true),
            ("*".to_owned(), true),
            ("\"other\"".to_owned(), false),
            (String::new(), false),
        ] {
            let mut fields = HeaderMap::new();
            fields.insert(IF_NONE_MATCH, HeaderValue::try_from(&asked).unwrap());
            assert_eq!(is_held(&fields, &tag), is_same, "{asked}");
        }
    }
}
