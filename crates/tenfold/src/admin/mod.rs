//! The admin side: metrics, health, and an API to look at the gateway and to change it, on an address of its own.
//!
//! It talks to the gateway through [`Control`] alone, so that the API can be tested without one.

mod api;
mod cache;
pub(crate) mod control;
mod edit;
mod guard;
mod limits;
mod live;
mod problem;
mod process;
mod serve;

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{Method, StatusCode, Uri, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tenfold_observe::metric::Registry;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::config::secret::Secret;
use control::Control;
pub(crate) use live::{Live, Upgrades};
use problem::Problem;

/// What the admin side can see.
pub(crate) struct Admin {
    pub(crate) control: Arc<dyn Control>,
    pub(crate) registry: Arc<Registry>,
    /// Asked for unless it is missing, which is only allowed on a loopback address.
    pub(crate) token: Option<Secret>,
}

/// Serves until `stop` says true, and then until the answers that are under way have been given.
pub(crate) async fn serve(listener: TcpListener, admin: Admin, stop: watch::Receiver<bool>) {
    process::register(&admin.registry);
    serve::run(listener, router(admin), stop).await;
}

fn router(admin: Admin) -> Router {
    let admin = Arc::new(admin);
    let protected = Router::new()
        .route("/", get(index))
        .route("/metrics", get(metrics))
        .merge(api::router())
        .fallback(not_found)
        .method_not_allowed_fallback(not_allowed)
        .layer(middleware::from_fn_with_state(
            Arc::clone(&admin),
            guard::check,
        ));
    // Probes of orchestrators bring no token and any Host, and learn one bit.
    let open = Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz));
    protected
        .merge(open)
        .layer(middleware::from_fn(api::in_time))
        .with_state(admin)
}

async fn index() -> &'static str {
    "tenfold\n\n\
     GET  /metrics                             Prometheus metrics (OpenMetrics text)\n\
     GET  /healthz                             200 while the process works\n\
     GET  /readyz                              200 while it takes requests and a server is there, else 503\n\
     GET  /api/v1/status                       the gateway, its listeners, upstreams and endpoints\n\
     GET  /api/v1/upstreams                    all upstreams with their endpoints\n\
     GET  /api/v1/upstreams/NAME               one of them\n\
     GET  /api/v1/upstreams/NAME/endpoints     its endpoints\n\
     POST /api/v1/upstreams/NAME/endpoints     {\"add\": [{\"address\": \"10.0.0.9:3000\", \"weight\": 1, \"zone\": \"\"}],\n\
     \x20                                         \"remove\": [\"10.0.0.5:3000\"], \"drain\": [], \"undrain\": []}\n\
     GET  /api/v1/routes                       all routes with their requests and durations\n\
     GET  /api/v1/limits                       all limits: what they allowed and refused, never a client\n\
     GET  /api/v1/limits/NAME?key=CLIENT       what one client has left of a limit, and until when\n\
     GET  /api/v1/cache                        all caches with their levels\n\
     GET  /api/v1/cache/entry?url=URL          what is stored for an address\n\
     POST /api/v1/cache/purge                  {\"url\": \"http://shop.example.com/tea\"}, or \"prefix\", \"tag\", \"all\": true;\n\
     \x20                                         \"soft\": true keeps it for the case that the server fails; \"cache\": \"pages\"\n\
     GET  /api/v1/config                       the configuration in force, secrets hidden\n\
     POST /api/v1/reload                       read the configuration again\n\
     POST /api/v1/upgrade                      hand over to a new process\n\n\
     POST needs Content-Type: application/json, also without a body.\n"
}

async fn metrics(State(admin): State<Arc<Admin>>) -> Response {
    // With thousands of routes the text takes its time.
    match api::off(move || admin.registry.expose()).await {
        Ok(text) => ([(header::CONTENT_TYPE, Registry::CONTENT_TYPE)], text).into_response(),
        Err(problem) => problem.into_response(),
    }
}

async fn healthz() -> &'static str {
    "ok\n"
}

async fn readyz(State(admin): State<Arc<Admin>>) -> Response {
    if admin.control.is_ready() {
        "ready\n".into_response()
    } else {
        (
            StatusCode::SERVICE_UNAVAILABLE,
            "not ready: draining, or no server answers\n",
        )
            .into_response()
    }
}

async fn not_found(uri: Uri) -> Problem {
    let error = format!("there is no {}", uri.path());
    Problem::new(StatusCode::NOT_FOUND, error, "GET / lists what there is")
}

async fn not_allowed(method: Method, uri: Uri) -> Problem {
    let error = format!("{} is not for {method}", uri.path());
    let help = "GET / lists what there is; the Allow field names the methods";
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, error, help)
}

#[cfg(test)]
mod tests;
