//! `/api/v1`: how the gateway does, and changes to it. The names of the fields stay (docs/admin-api.md lists them).

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Serialize;
use serde_json::json;
use tenfold_gateway::UpstreamStatus;

use super::control::Control;
use super::problem::Problem;
use super::{Admin, cache, edit, limits};

/// Bytes of a request's body; a few thousand endpoints.
const LARGEST_BODY: usize = 1 << 20;
/// For a request, its body and what it asks for; a new process that takes over is what takes longest.
const PATIENCE: Duration = Duration::from_secs(30);

/// The routes below `/api/v1`.
pub(super) fn router() -> Router<Arc<Admin>> {
    Router::new()
        .route("/api/v1/status", get(status))
        .route("/api/v1/upstreams", get(upstreams))
        .route("/api/v1/upstreams/{name}", get(upstream))
        .route(
            "/api/v1/upstreams/{name}/endpoints",
            get(endpoints).post(edit_endpoints),
        )
        .route("/api/v1/routes", get(routes))
        .merge(limits::router())
        .merge(cache::router())
        .route("/api/v1/config", get(config))
        .route("/api/v1/reload", post(reload))
        .route("/api/v1/upgrade", post(upgrade))
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
}

/// Ends requests that take too long. What they have begun (a reload) is nevertheless carried out.
pub(super) async fn in_time(request: Request, next: Next) -> Response {
    let answered = tokio::time::timeout(PATIENCE, next.run(request)).await;
    answered.unwrap_or_else(|_| {
        let error = format!("the request took longer than {} s", PATIENCE.as_secs());
        let help = "what it asked for may still be under way; see GET /api/v1/status";
        Problem::new(StatusCode::GATEWAY_TIMEOUT, error, help).into_response()
    })
}

/// Asks the gateway on a thread that may block, and answers with what becomes of it.
pub(super) async fn ask<T, R>(admin: &Arc<Admin>, ask: T) -> Response
where
    T: FnOnce(&dyn Control) -> Result<R, Problem> + Send + 'static,
    R: Serialize,
{
    let admin = Arc::clone(admin);
    let answer = off(move || {
        let answer = ask(&*admin.control)?;
        serde_json::to_string(&answer).map_err(|error| internal(&error.to_string()))
    });
    match answer.await.and_then(|answer| answer) {
        Ok(mut json) => {
            json.push('\n');
            ([(header::CONTENT_TYPE, "application/json")], json).into_response()
        }
        Err(problem) => problem.into_response(),
    }
}

/// Does something on a thread that may block: the one that serves the admin side has probes and signals to look after.
pub(super) async fn off<R: Send + 'static>(
    act: impl FnOnce() -> R + Send + 'static,
) -> Result<R, Problem> {
    let done = tokio::task::spawn_blocking(act).await;
    done.map_err(|error| {
        tracing::error!(%error, "an admin request has failed");
        internal("a defect: see the gateway's log")
    })
}

fn internal(error: &str) -> Problem {
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, error, "")
}

async fn status(State(admin): State<Arc<Admin>>) -> Response {
    ask(&admin, |gateway| Ok(gateway.status())).await
}

async fn upstreams(State(admin): State<Arc<Admin>>) -> Response {
    ask(&admin, |gateway| {
        Ok(json!({ "upstreams": gateway.status().upstreams }))
    })
    .await
}

async fn upstream(State(admin): State<Arc<Admin>>, Path(name): Path<String>) -> Response {
    ask(&admin, move |gateway| find(gateway, &name)).await
}

async fn endpoints(State(admin): State<Arc<Admin>>, Path(name): Path<String>) -> Response {
    ask(&admin, move |gateway| {
        Ok(json!({ "endpoints": find(gateway, &name)?.endpoints }))
    })
    .await
}

fn find(gateway: &dyn Control, name: &str) -> Result<UpstreamStatus, Problem> {
    let upstreams = gateway.status().upstreams;
    let index = upstreams.iter().position(|upstream| upstream.name == name);
    match index {
        Some(index) => Ok(upstreams
            .into_iter()
            .nth(index)
            .expect("it was found there")),
        None => {
            let known: Vec<_> = upstreams.into_iter().map(|known| known.name).collect();
            Err(edit::no_upstream(name, &known))
        }
    }
}

async fn routes(State(admin): State<Arc<Admin>>) -> Response {
    ask(&admin, |gateway| Ok(json!({ "routes": gateway.routes() }))).await
}

async fn config(State(admin): State<Arc<Admin>>) -> Response {
    ask(&admin, |gateway| Ok(gateway.config())).await
}

async fn edit_endpoints(
    State(admin): State<Arc<Admin>>,
    Path(name): Path<String>,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let body = match whole(body) {
        Ok(body) => body,
        Err(problem) => return problem.into_response(),
    };
    ask(&admin, move |gateway| {
        let edit = edit::parse(&body)?;
        let edited = gateway.edit_endpoints(&name, edit);
        edited.map_err(|error| edit::refused(&name, error))
    })
    .await
}

async fn reload(State(admin): State<Arc<Admin>>, body: Result<Bytes, BytesRejection>) -> Response {
    if let Err(problem) = nothing(body) {
        return problem.into_response();
    }
    ask(&admin, |gateway| {
        gateway.reload().map_err(|diagnostics| {
            let help = "nothing was changed: the configuration that was in force still is";
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, diagnostics, help)
        })
    })
    .await
}

async fn upgrade(State(admin): State<Arc<Admin>>, body: Result<Bytes, BytesRejection>) -> Response {
    if let Err(problem) = nothing(body) {
        return problem.into_response();
    }
    ask(&admin, |gateway| {
        gateway.upgrade().map_err(|why| {
            let help = "nothing was changed: this process goes on";
            Problem::new(StatusCode::CONFLICT, why, help)
        })?;
        Ok(json!({ "message": "a new process has taken over; this one drains" }))
    })
    .await
}

/// The body of a request, if it came whole and is not too large.
pub(super) fn whole(body: Result<Bytes, BytesRejection>) -> Result<Bytes, Problem> {
    body.map_err(|rejection| {
        let help = format!("a body has at most {LARGEST_BODY} bytes");
        Problem::new(rejection.status(), rejection.body_text(), help)
    })
}

/// Of a request that has nothing to say: that it does not. `{}` is nothing.
fn nothing(body: Result<Bytes, BytesRejection>) -> Result<(), Problem> {
    let body = whole(body)?;
    if matches!(body.trim_ascii(), b"" | b"{}") {
        Ok(())
    } else {
        let error = "this request has no body, and got one";
        let help = "send none, or {}: what is read again is the configuration file";
        Err(Problem::new(StatusCode::BAD_REQUEST, error, help))
    }
}
