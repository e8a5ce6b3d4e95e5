//! What operators see: durations by route and class of status, the pool, checkouts, and what was refused or made to fail.
//!
//! Names are OpenTelemetry's where it has one. No label can be chosen by a client: routes are the table's, methods a short list.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::{Method, StatusCode};
use tenfold_observe::metric::{Metric, Registry};

use super::Web;
use crate::Shop;
use crate::database::Load;

/// Why a request was turned away before anybody looked at it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Refused {
    /// Too many wait.
    Full,
    /// It took too long.
    Late,
    /// Another site made it.
    CrossSite,
}

/// What became of an order.
#[derive(Clone, Copy, Debug)]
pub(super) enum Sold {
    /// Placed.
    Placed,
    /// Placed before.
    Again,
    /// There was not enough.
    NotEnough,
    /// The key belonged to something else, or an address or basket did not do.
    Refused,
    /// It could not be tried, or broke.
    Failed,
}

const REFUSED: [&str; 3] = ["full", "late", "cross-site"];
const SOLD: [&str; 5] = ["placed", "again", "sold-out", "refused", "failed"];
const FAULTS: [&str; 2] = ["slow", "failure"];
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// Counters of this process.
pub(super) struct Metrics {
    registry: Arc<Registry>,
    /// Handles that exist already. Whoever holds the lock is the one writer that a slot of the registry may have.
    durations: Mutex<HashMap<Series, Metric>>,
    active: Arc<AtomicU64>,
    refused: Counters<3>,
    sold: Counters<5>,
    faults: Counters<2>,
}

/// Route, method and class of one series.
type Series = (Option<MatchedRoute>, &'static str, usize);
/// A route as the table spells it.
type MatchedRoute = Arc<str>;
type Counters<const N: usize> = Arc<[AtomicU64; N]>;

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics(…)")
    }
}

impl Metrics {
    /// Counters in this registry.
    pub(super) fn new(registry: &Arc<Registry>, shop: &Shop) -> Self {
        let metrics = Self {
            registry: Arc::clone(registry),
            durations: Mutex::default(),
            active: Arc::default(),
            refused: Arc::default(),
            sold: Arc::default(),
            faults: Arc::default(),
        };
        let active = Arc::clone(&metrics.active);
        registry.read_gauge(
            "http_server_active_requests",
            "Requests under way",
            Vec::new(),
            move || active.load(Relaxed) as f64,
        );
        tell(
            registry,
            "shop_requests_refused",
            "Requests turned away before they were looked at, by reason",
            "reason",
            &REFUSED,
            &metrics.refused,
        );
        tell(
            registry,
            "shop_checkouts",
            "Checkouts, by what became of them",
            "result",
            &SOLD,
            &metrics.sold,
        );
        tell(
            registry,
            "shop_faults",
            "Faults that this process was told to make",
            "kind",
            &FAULTS,
            &metrics.faults,
        );
        pool(registry, shop);
        metrics
    }

    /// A request was turned away.
    pub(super) fn refused(&self, reason: Refused) {
        self.refused[reason as usize].fetch_add(1, Relaxed);
    }

    /// Somebody wanted to buy.
    pub(super) fn sold(&self, result: Sold) {
        self.sold[result as usize].fetch_add(1, Relaxed);
    }

    /// A request was held up on purpose.
    pub(super) fn slowed(&self) {
        self.faults[0].fetch_add(1, Relaxed);
    }

    /// A request was failed on purpose.
    pub(super) fn failed(&self) {
        self.faults[1].fetch_add(1, Relaxed);
    }

    fn record(
        &self,
        route: Option<&MatchedPath>,
        method: &'static str,
        status: StatusCode,
        took: Duration,
    ) {
        let class = usize::from(status.as_u16() / 100).clamp(1, CLASSES.len()) - 1;
        let key = (route.map(|route| Arc::from(route.as_str())), method, class);
        // Nothing in here can be left half done by a panic.
        let mut durations = self
            .durations
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let metric = durations
            .entry(key)
            .or_insert_with_key(|(route, method, class)| {
                let labels = vec![
                    ("http_route", route.as_deref().unwrap_or("").to_owned()),
                    ("http_request_method", (*method).to_owned()),
                    ("http_response_status_class", CLASSES[*class].to_owned()),
                ];
                self.registry.durations(
                    "http_server_request_duration_seconds",
                    "How long requests took, from their head to the head of the answer",
                    labels,
                )
            });
        metric.record(0, took);
    }
}

/// Tells counters that differ in one label.
fn tell<const N: usize>(
    registry: &Registry,
    name: &'static str,
    help: &'static str,
    label: &'static str,
    values: &[&'static str; N],
    counters: &Counters<N>,
) {
    for (index, value) in values.iter().enumerate() {
        let counters = Arc::clone(counters);
        let labels = vec![(label, (*value).to_owned())];
        registry.read_counter(name, help, labels, move || {
            counters[index].load(Relaxed) as f64
        });
    }
}

/// One number of a pool.
type ReadLoad = fn(&Load) -> usize;

/// Tells how the pool of connections stands.
fn pool(registry: &Registry, shop: &Shop) {
    let each: [(&str, ReadLoad); 2] = [
        ("used", |load| load.connections.saturating_sub(load.idle)),
        ("idle", |load| load.idle),
    ];
    for (state, read) in each {
        let database = shop.database.clone();
        let labels = vec![("db_client_connection_state", state.to_owned())];
        registry.read_gauge(
            "db_client_connection_count",
            "Connections to the database",
            labels,
            move || read(&database.load()) as f64,
        );
    }
    let database = shop.database.clone();
    let help = "Requests that wait for a connection to the database";
    registry.read_gauge(
        "db_client_connection_pending_requests",
        help,
        Vec::new(),
        move || database.load().waiting as f64,
    );
}

/// A method as a label: a client may send any word.
fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        _ => "_OTHER",
    }
}

/// Takes the time of every request.
pub(super) async fn observe(State(web): State<Arc<Web>>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let method = method_name(request.method());
    let route = request.extensions().get::<MatchedPath>().cloned();
    let _active = Active::new(&web.metrics.active);
    let response = next.run(request).await;
    web.metrics
        .record(route.as_ref(), method, response.status(), began.elapsed());
    response
}

/// One request under way; given back however it ends.
struct Active<'a>(&'a AtomicU64);

impl<'a> Active<'a> {
    fn new(count: &'a AtomicU64) -> Self {
        count.fetch_add(1, Relaxed);
        Self(count)
    }
}

impl Drop for Active<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}
