//! The admin side: metrics and health, on an address of its own.

mod process;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tenfold_gateway::Gateway;
use tenfold_observe::metric::Registry;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};

use crate::command::reload::Reloader;
use crate::config::secret::Secret;

/// What the admin side can see and do.
pub(crate) struct Admin {
    gateway: Arc<Gateway>,
    registry: Arc<Registry>,
    token: Option<Secret>,
    reloader: Arc<Reloader>,
    upgrades: UpgradeSender,
}

impl Admin {
    pub(crate) fn new(
        gateway: Arc<Gateway>,
        registry: Arc<Registry>,
        token: Option<Secret>,
        reloader: Arc<Reloader>,
        upgrades: UpgradeSender,
    ) -> Self {
        Self {
            gateway,
            registry,
            token,
            reloader,
            upgrades,
        }
    }
}

/// Somebody who wants an upgrade, and waits for how it went.
pub(crate) struct UpgradeAnswer(oneshot::Sender<Result<u32, String>>);

impl UpgradeAnswer {
    pub(crate) fn tell(self, result: Result<u32, String>) {
        let _has_gone = self.0.send(result);
    }
}

/// Where wishes for an upgrade are put.
pub(crate) type UpgradeSender = mpsc::Sender<UpgradeAnswer>;

/// Wishes for an upgrade.
pub(crate) struct Upgrades(mpsc::Receiver<UpgradeAnswer>);

impl Upgrades {
    pub(crate) fn new() -> (Self, UpgradeSender) {
        let (sender, receiver) = mpsc::channel(1);
        (Self(receiver), sender)
    }

    /// Waits for the next one.
    pub(crate) async fn next(&mut self) -> UpgradeAnswer {
        match self.0.recv().await {
            Some(answer) => answer,
            None => std::future::pending().await,
        }
    }
}

/// Serves for ever.
pub(crate) async fn serve(listener: TcpListener, admin: Admin) {
    process::register(&admin.registry);
    let admin = Arc::new(admin);
    let protected = Router::new()
        .route("/", get(index))
        .route("/metrics", get(metrics))
        .layer(middleware::from_fn_with_state(
            Arc::clone(&admin),
            ask_for_token,
        ));
    // Probes of orchestrators bring no token, and learn one bit.
    let open = Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz));
    let router = protected.merge(open).with_state(admin);
    if let Err(error) = axum::serve(listener, router).await {
        tracing::error!(%error, "the admin side has stopped; requests are still served");
    }
}

async fn ask_for_token(State(admin): State<Arc<Admin>>, request: Request, next: Next) -> Response {
    let Some(token) = &admin.token else {
        return next.run(request).await;
    };
    let presented = request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|value| value.as_bytes().split_at_checked(b"Bearer ".len()))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case(b"Bearer "))
        .map(|(_, guess)| guess);
    if presented.is_some_and(|guess| token.matches(guess)) {
        return next.run(request).await;
    }
    let challenge = [(header::WWW_AUTHENTICATE, "Bearer")];
    (
        StatusCode::UNAUTHORIZED,
        challenge,
        "the token of --admin-token is needed\n",
    )
        .into_response()
}

async fn index() -> &'static str {
    "tenfold\n\n\
     /metrics   Prometheus metrics (OpenMetrics text)\n\
     /healthz   200 while the process works\n\
     /readyz    200 while it takes requests and a server is there, else 503\n"
}

async fn metrics(State(admin): State<Arc<Admin>>) -> Response {
    (
        [(header::CONTENT_TYPE, Registry::CONTENT_TYPE)],
        admin.registry.expose(),
    )
        .into_response()
}

async fn healthz() -> &'static str {
    "ok\n"
}

async fn readyz(State(admin): State<Arc<Admin>>) -> Response {
    if admin.gateway.is_ready() {
        "ready\n".into_response()
    } else {
        (
            StatusCode::SERVICE_UNAVAILABLE,
            "not ready: draining, or no server answers\n",
        )
            .into_response()
    }
}
