//! The gateway's metrics: all names in one table, resolved to handles when a worker is built.

pub(crate) mod cache;
pub(crate) mod concurrency;
pub(crate) mod limit;

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use tenfold_observe::metric::{CounterSet, Durations, Labels, Metric, Registry, SetSlot, Slot};
use tenfold_traffic::resilience::breaker;
use tenfold_traffic::resilience::retry::Failed;

use crate::config::route::Fallback;
use crate::control::Control;
use crate::http::error::Failure;
use crate::listen::ListenerMetrics;
use crate::snapshot::SharedUpstream;

/// One worker's handles.
pub(crate) struct WorkerMetrics {
    pub(crate) accept_pauses: Slot,
    pub(crate) requests_active: Slot,
    pub(crate) received_bytes: Slot,
    pub(crate) sent_bytes: Slot,
    pub(crate) tunnels: Slot,
    pub(crate) copies: Slot,
    pub(crate) copies_skipped: Slot,
    /// From a change to the moment from which this worker's requests see it.
    pub(crate) propagation: Durations,
    /// By status class: 1xx (that is, 101) to 5xx.
    durations: [Durations; 5],
    /// By kind and blame.
    errors: RefCell<Vec<((&'static str, &'static str), Slot)>>,
    registry: Arc<Registry>,
    worker: usize,
}

impl WorkerMetrics {
    pub(crate) fn new(registry: &Arc<Registry>, worker: usize) -> Self {
        let counter = |name, help| registry.counter(name, help, Labels::new()).slot(worker);
        let gauge = |name, help| registry.gauge(name, help, Labels::new()).slot(worker);
        let durations = CLASSES.map(|class| request_durations(registry, class).durations(worker));
        Self {
            accept_pauses: counter(
                "tenfold_accept_pauses",
                "Times that accepting paused because a limit was reached (descriptors, connections)",
            ),
            requests_active: active_requests(registry).slot(worker),
            received_bytes: counter(
                "tenfold_http_received_bytes",
                "Bytes of request bodies received from clients",
            ),
            sent_bytes: counter(
                "tenfold_http_sent_bytes",
                "Bytes of response heads and bodies sent to clients",
            ),
            tunnels: gauge(
                "tenfold_tunnels_open",
                "Upgraded connections (WebSocket) that are open",
            ),
            copies: counter("tenfold_mirror_requests", "Copies of requests that were sent to mirrors"),
            copies_skipped: counter(
                "tenfold_mirror_skipped",
                "Copies that were not made: their body was still arriving, they were upgrades, or too many were under way",
            ),
            propagation: registry
                .durations(
                    "tenfold_config_propagation_seconds",
                    "Time from a change (reload, endpoint) to the moment from which a worker's requests see it",
                    Labels::new(),
                )
                .durations(worker),
            durations,
            errors: RefCell::default(),
            registry: Arc::clone(registry),
            worker,
        }
    }

    /// Counts a finished request.
    pub(crate) fn record(&self, status: u16, duration: Duration) {
        self.durations[class(status)].record(duration);
    }

    /// Counts an error. Its handle is looked up once per worker and kind: the registry is locked while it is scraped.
    pub(crate) fn count(&self, failure: &Failure) {
        let (kind, blame) = (failure.kind(), failure.blame());
        let mut errors = self.errors.borrow_mut();
        let known = errors.iter().position(|(other, _)| *other == (kind, blame));
        let index = known.unwrap_or_else(|| {
            let labels = vec![("kind", kind.to_owned()), ("blame", blame.to_owned())];
            let help = "Requests that failed, by kind and by who is to blame";
            let metric = self.registry.counter("tenfold_http_errors", help, labels);
            errors.push(((kind, blame), metric.slot(self.worker)));
            errors.len() - 1
        });
        errors[index].1.increment();
    }
}

/// Status classes, in the order of [`class`].
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// The place of a status in what is counted by class.
pub(crate) fn class(status: u16) -> usize {
    usize::from(status / 100).clamp(1, 5) - 1
}

/// A route's requests by status class.
pub(crate) fn route_requests(registry: &Registry, route: &str) -> CounterSet {
    registry.counter_set(
        "tenfold_route_requests",
        "Requests by route and status class",
        vec![("route", route.to_owned())],
        "http_response_status_class",
        &CLASSES,
    )
}

/// How long a route's requests take.
pub(crate) fn route_durations(registry: &Registry, route: &str) -> Metric {
    registry.durations(
        "tenfold_route_request_duration_seconds",
        "Time from a request's head to the last byte of its response, by route",
        vec![("route", route.to_owned())],
    )
}

/// Answers that a route gave when all else had failed, by what they were.
pub(crate) fn route_fallbacks(registry: &Registry, route: &str) -> CounterSet {
    registry.counter_set(
        "tenfold_route_fallbacks",
        "Answers that were given because all else had failed, by what they were",
        vec![("route", route.to_owned())],
        "kind",
        &Fallback::NAMES,
    )
}

/// One worker's handles for the connections of a listener.
pub(crate) fn listener_connections(
    registry: &Registry,
    listener: &str,
    worker: usize,
) -> ListenerMetrics {
    let (accepted, open) = listener_metrics(registry, listener);
    ListenerMetrics {
        accepted: accepted.slot(worker),
        open: open.slot(worker),
    }
}

/// The connections of a listener: accepted, open.
pub(crate) fn listener_metrics(registry: &Registry, listener: &str) -> (Metric, Metric) {
    let labels = || vec![("listener", listener.to_owned())];
    let accepted = registry.counter(
        "tenfold_client_connections_accepted",
        "Connections accepted from clients",
        labels(),
    );
    let open = registry.gauge(
        "tenfold_client_connections_open",
        "Open client connections",
        labels(),
    );
    (accepted, open)
}

/// One worker's handles for one upstream.
pub(crate) struct UpstreamMetrics {
    /// In the order of [`Failed::NAMES`].
    pub(crate) retries: SetSlot,
    /// In the order of [`NOT_RETRIED`].
    pub(crate) not_retried: SetSlot,
    /// In the order of [`HEDGES`].
    pub(crate) hedges: SetSlot,
    /// In the order of [`BREAKER`].
    pub(crate) breaker: SetSlot,
}

/// Why there was no further attempt although the failure was worth one.
pub(crate) const NOT_RETRIED: [&str; 4] = ["budget", "attempts", "retry_after", "deadline"];

/// What became of second attempts beside the first.
pub(crate) const HEDGES: [&str; 3] = ["sent", "won", "refused"];

/// What breakers do.
const BREAKER: [&str; 2] = ["opened", "closed"];

impl UpstreamMetrics {
    pub(crate) fn new(registry: &Registry, worker: usize, upstream: &str) -> Self {
        let labels = || vec![("upstream", upstream.to_owned())];
        let retries = registry.counter_set(
            "tenfold_upstream_retries",
            "Attempts beyond the first of a request, by what had failed",
            labels(),
            "reason",
            &Failed::NAMES,
        );
        let not_retried = registry.counter_set(
            "tenfold_upstream_retries_refused",
            "Attempts that were not made although the failure was worth another one, by what stood against it",
            labels(),
            "cause",
            &NOT_RETRIED,
        );
        let hedges = registry.counter_set(
            "tenfold_upstream_hedges",
            "Second attempts beside the first: sent, those of them that answered first, those that the budget refused",
            labels(),
            "result",
            &HEDGES,
        );
        let breaker = registry.counter_set(
            "tenfold_upstream_breaker_changes",
            "Times that the breaker of an upstream opened and closed",
            labels(),
            "change",
            &BREAKER,
        );
        Self {
            hedges: hedges.slot(worker),
            breaker: breaker.slot(worker),
            retries: retries.slot(worker),
            not_retried: not_retried.slot(worker),
        }
    }
}

/// One worker's handles for one endpoint.
pub(crate) struct EndpointMetrics {
    pub(crate) opened: Slot,
    pub(crate) reused: Slot,
    pub(crate) failed: Slot,
    pub(crate) idle: Slot,
    pub(crate) picks: Slot,
    pub(crate) failures: Slot,
    /// In the order of [`Cause`].
    pub(crate) ejections: SetSlot,
    /// In the order of [`BREAKER`].
    pub(crate) breaker: SetSlot,
}

impl EndpointMetrics {
    pub(crate) fn new(registry: &Registry, worker: usize, upstream: &str, endpoint: &str) -> Self {
        let labels = || {
            vec![
                ("upstream", upstream.to_owned()),
                ("endpoint", endpoint.to_owned()),
            ]
        };
        let counter = |(name, help)| registry.counter(name, help, labels()).slot(worker);
        let breaker = registry.counter_set(
            "tenfold_endpoint_breaker_changes",
            "Times that the breaker of an endpoint opened and closed",
            labels(),
            "change",
            &BREAKER,
        );
        Self {
            breaker: breaker.slot(worker),
            opened: counter(OPENED),
            reused: counter(REUSED),
            failed: counter(FAILED),
            idle: registry.gauge(IDLE.0, IDLE.1, labels()).slot(worker),
            picks: counter(PICKS),
            failures: counter(FAILURES),
            ejections: ejections(registry, upstream, endpoint).slot(worker),
        }
    }
}

/// Ejections of an endpoint, in the order of [`Cause::ALL`].
pub(crate) fn ejections(registry: &Registry, upstream: &str, endpoint: &str) -> CounterSet {
    registry.counter_set(
        "tenfold_endpoint_ejections",
        "Times that an endpoint was passed over for what it did, by cause",
        vec![
            ("upstream", upstream.to_owned()),
            ("endpoint", endpoint.to_owned()),
        ],
        "cause",
        &CAUSES,
    )
}

/// Names of [`Cause::ALL`].
const CAUSES: [&str; 3] = ["consecutive_failures", "success_rate", "latency"];

/// Changes of the configuration: made, refused.
pub(crate) fn reloads(registry: &Registry) -> CounterSet {
    registry.counter_set(
        "tenfold_config_reloads",
        "Configurations that were applied or refused",
        Labels::new(),
        "result",
        &["applied", "refused"],
    )
}

/// What is read of the endpoints when it is asked for: they come and go.
pub(crate) fn read_endpoints(registry: &Registry, control: &Arc<Control>) {
    let read = |value: fn(&SharedUpstream, usize, Duration) -> f64| {
        let control = Arc::downgrade(control);
        move || {
            let Some(control) = control.upgrade() else {
                return Vec::new();
            };
            let now = control.now();
            let mut series = Vec::new();
            for upstream in &control.snapshot().upstreams {
                for (index, member) in upstream.group.members().iter().enumerate() {
                    let labels = vec![
                        ("upstream", upstream.config.name.clone()),
                        ("endpoint", member.endpoint.name().to_owned()),
                    ];
                    series.push((labels, value(upstream, index, now)));
                }
            }
            series
        }
    };
    registry.read_gauges(
        "tenfold_endpoint_available",
        "1 if the endpoint takes part, 0 while it is passed over",
        read(|upstream, index, now| {
            let endpoint = &upstream.group.members()[index].endpoint;
            f64::from(u8::from(endpoint.is_available(now)))
        }),
    );
    registry.read_gauges(
        "tenfold_endpoint_active_requests",
        "Requests under way to the endpoint",
        read(|upstream, index, _| f64::from(upstream.group.members()[index].endpoint.in_flight())),
    );
    registry.read_gauges(
        "tenfold_endpoint_latency_seconds",
        "How long the endpoint takes to begin an answer: decaying average, sensitive to peaks",
        read(|upstream, index, _| {
            upstream.group.members()[index]
                .endpoint
                .ewma()
                .as_secs_f64()
        }),
    );
    registry.read_gauges(
        "tenfold_endpoint_breaker",
        "The breaker of an endpoint: 0 closed, 1 half-open, 2 open",
        read(|upstream, index, now| level(upstream.group.members()[index].endpoint.breaker(now))),
    );
    let weak = Arc::downgrade(control);
    registry.read_gauges(
        "tenfold_upstream_breaker",
        "The breaker of an upstream: 0 closed, 1 half-open, 2 open",
        move || {
            let Some(control) = weak.upgrade() else {
                return Vec::new();
            };
            let now = control.now();
            let snapshot = control.snapshot();
            let series = snapshot.upstreams.iter().map(|upstream| {
                let labels = vec![("upstream", upstream.config.name.clone())];
                (labels, level(upstream.resilience.breaker.state(now)))
            });
            series.collect()
        },
    );
    let weak = Arc::downgrade(control);
    registry.read_gauges(
        "tenfold_config_generation",
        "Counts changes of what the gateway does: reloads, endpoints",
        move || {
            let generation = weak.upgrade().map(|control| control.snapshot().generation);
            vec![(Labels::new(), generation.unwrap_or_default() as f64)]
        },
    );
}

fn level(state: breaker::State) -> f64 {
    match state {
        breaker::State::Closed => 0.0,
        breaker::State::HalfOpen { .. } => 1.0,
        breaker::State::Open { .. } => 2.0,
    }
}

/// Requests under way, over all workers.
pub(crate) fn active_requests(registry: &Registry) -> Metric {
    registry.gauge(
        "http_server_active_requests",
        "Requests under way",
        Labels::new(),
    )
}

/// A histogram of all requests of a status class.
fn request_durations(registry: &Registry, class: &str) -> Metric {
    registry.durations(
        "http_server_request_duration_seconds",
        "Time from a request's head to the last byte of its response, by status class",
        vec![("http_response_status_class", class.to_owned())],
    )
}

/// Requests by status class.
pub(crate) fn requests_by_class(registry: &Registry) -> [u64; 5] {
    CLASSES.map(|class| request_durations(registry, class).distribution().count())
}

/// What was counted of an endpoint, over all workers.
pub(crate) struct EndpointSums {
    pub(crate) picks: u64,
    pub(crate) failures: u64,
    pub(crate) ejections: u64,
    pub(crate) opened: u64,
    pub(crate) reused: u64,
    pub(crate) failed: u64,
    pub(crate) idle: u64,
}

/// Reads what was counted of an endpoint.
pub(crate) fn endpoint_sums(registry: &Registry, upstream: &str, endpoint: &str) -> EndpointSums {
    let labels = || {
        vec![
            ("upstream", upstream.to_owned()),
            ("endpoint", endpoint.to_owned()),
        ]
    };
    let counter = |(name, help)| registry.counter(name, help, labels()).sum();
    let ejections = ejections(registry, upstream, endpoint);
    EndpointSums {
        picks: counter(PICKS),
        failures: counter(FAILURES),
        ejections: (0..CAUSES.len()).map(|cause| ejections.sum(cause)).sum(),
        opened: counter(OPENED),
        reused: counter(REUSED),
        failed: counter(FAILED),
        idle: registry.gauge(IDLE.0, IDLE.1, labels()).sum(),
    }
}

/// A metric's name and what it is.
type Named = (&'static str, &'static str);

const OPENED: Named = (
    "tenfold_upstream_connections_opened",
    "Connections made to endpoints",
);
const REUSED: Named = (
    "tenfold_upstream_connections_reused",
    "Requests sent over a connection that was already open",
);
const FAILED: Named = (
    "tenfold_upstream_connections_failed",
    "Connections to endpoints that could not be made",
);
const IDLE: Named = ("tenfold_upstream_connections_idle", "Pooled connections");
const PICKS: Named = ("tenfold_upstream_picks", "Attempts sent to endpoints");
const FAILURES: Named = (
    "tenfold_upstream_failures",
    "Attempts that were answered with a status of 500 or more, broke, or took too long",
);
