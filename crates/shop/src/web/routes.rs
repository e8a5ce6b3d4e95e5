//! Which address is answered by what, and what every request goes through.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post, put};

use super::{
    Web, admin, api, assets, caching, error, guard, health, metrics, pages, pictures, sitemap,
};

/// Largest body of a request, in bytes. The longest form is an address.
pub(super) const BODY: usize = 64 * 1024;

/// The table of addresses, and around it what every request goes through; the last layer here is the first one that sees a request.
pub(super) fn router(web: Arc<Web>) -> Router {
    let dear = shown()
        .merge(asked())
        .layer(from_fn_with_state(Arc::clone(&web), guard::room))
        .layer(from_fn(guard::whole))
        .layer(from_fn_with_state(Arc::clone(&web), guard::time));
    let cheap = Router::new()
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/pictures/{file}", get(pictures::show))
        .route("/assets/{file}", get(assets::show))
        .route("/favicon.svg", get(assets::favicon))
        .route("/robots.txt", get(sitemap::robots));
    dear.merge(cheap)
        .fallback(error::not_found)
        .method_not_allowed_fallback(error::method_not_allowed)
        .layer(DefaultBodyLimit::max(BODY))
        .layer(from_fn_with_state(Arc::clone(&web), guard::same_site))
        .layer(from_fn_with_state(Arc::clone(&web), guard::faults))
        .layer(from_fn_with_state(Arc::clone(&web), guard::panics))
        .layer(from_fn_with_state(Arc::clone(&web), error::explain))
        .layer(from_fn_with_state(Arc::clone(&web), caching::headers))
        .layer(from_fn_with_state(Arc::clone(&web), metrics::observe))
        .with_state(web)
}

/// Pages.
fn shown() -> Router<Arc<Web>> {
    Router::new()
        .route("/", get(pages::home::show))
        .route("/new", get(pages::lists::new))
        .route("/best-sellers", get(pages::lists::best_sellers))
        .route("/products/{id}", get(pages::product::show))
        .route("/search", get(pages::search::show))
        .route("/cart", get(pages::cart::show).post(pages::cart::add))
        .route("/cart/update", post(pages::cart::update))
        .route(
            "/login",
            get(pages::account::show).post(pages::account::log_in),
        )
        .route("/register", post(pages::account::register))
        .route("/logout", post(pages::account::log_out))
        .route(
            "/checkout",
            get(pages::checkout::show).post(pages::checkout::buy),
        )
        .route("/orders", get(pages::orders::list))
        .route("/orders/{number}", get(pages::orders::show))
        .route("/admin", get(admin::list))
        .route("/admin/products/{id}", get(admin::edit).post(admin::change))
        .route("/sitemap.xml", get(sitemap::sitemap))
}

/// The JSON interface.
fn asked() -> Router<Arc<Web>> {
    Router::new()
        .route("/api/v1/categories", get(api::catalog::categories))
        .route("/api/v1/products", get(api::catalog::products))
        .route("/api/v1/products/{id}", get(api::catalog::product))
        .route("/api/v1/best-sellers", get(api::catalog::best_sellers))
        .route("/api/v1/new", get(api::catalog::new))
        .route("/api/v1/cart", get(api::cart::show))
        .route("/api/v1/cart/{product}", put(api::cart::set))
        .route("/api/v1/customers", post(api::account::register))
        .route("/api/v1/sessions", post(api::account::log_in))
        .route(
            "/api/v1/orders",
            get(api::orders::list).post(api::orders::place),
        )
        .route("/api/v1/orders/{number}", get(api::orders::show))
}
