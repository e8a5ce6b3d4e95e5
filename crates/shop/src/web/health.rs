//! Whether the process lives, and whether it can serve. Two questions: a process without its database should get no requests, but a restart would not help it.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;

use super::Web;

/// Whoever asks wants to know now: a database that needs longer does not answer.
const LONGEST: Duration = Duration::from_secs(2);

/// 200 as long as anything works at all.
pub(super) async fn alive() -> &'static str {
    "ok\n"
}

/// 200 when everything that is needed answers, else 503 and what does not.
pub(super) async fn ready(State(web): State<Arc<Web>>) -> Response {
    let asked = tokio::time::timeout(LONGEST, web.shop.ready()).await;
    let reason = match asked {
        Ok(Ok(())) => return "ready\n".into_response(),
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("no answer within {} s", LONGEST.as_secs()),
    };
    (
        StatusCode::SERVICE_UNAVAILABLE,
        format!("not ready: {reason}\n"),
    )
        .into_response()
}
