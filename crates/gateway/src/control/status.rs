//! What the gateway looks like at the moment, for people and programs.

use std::time::Duration;

use tenfold_observe::metric::{Labels, Metric};
use tenfold_traffic::State;

use super::Control;
use crate::config::route::{Action, Share};
use crate::config::{Address, Config, Route};
use crate::limit::status::LimitStatus;
use crate::metrics;
use crate::snapshot::{Entry, SharedUpstream};
use crate::status::{
    DurationStatus, EndpointState, EndpointStatus, ListenerStatus, RouteStatus, Status,
    UpstreamStatus,
};

impl Control {
    /// The gateway without its routes.
    pub(crate) fn status(&self, workers: usize, is_draining: bool) -> Status {
        let snapshot = self.snapshot();
        let sum = |metric: Metric| metric.sum();
        let plain = |name| sum(self.registry.counter(name, "", Labels::new()));
        let listeners: Vec<_> = self
            .addresses()
            .into_iter()
            .map(|(name, address)| {
                let (accepted, open) = metrics::listener_metrics(&self.registry, &name);
                ListenerStatus {
                    name,
                    address: address.to_string(),
                    connections_open: open.sum(),
                    connections_accepted: accepted.sum(),
                }
            })
            .collect();
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            generation: snapshot.generation,
            uptime_seconds: self.now().as_secs_f64(),
            is_draining,
            workers,
            connections_open: listeners.iter().map(|it| it.connections_open).sum(),
            connections_accepted: listeners.iter().map(|it| it.connections_accepted).sum(),
            requests_active: metrics::active_requests(&self.registry).sum(),
            requests: metrics::requests_by_class(&self.registry),
            received_bytes: plain("tenfold_http_received_bytes"),
            sent_bytes: plain("tenfold_http_sent_bytes"),
            listeners,
            upstreams: snapshot
                .upstreams
                .iter()
                .map(|upstream| self.upstream_status(upstream))
                .collect(),
            caches: snapshot.caches.iter().map(|cache| cache.status()).collect(),
            limits: self.limit_statuses(),
        }
    }

    fn upstream_status(&self, upstream: &SharedUpstream) -> UpstreamStatus {
        let now = self.now();
        let count = upstream.servers.len();
        UpstreamStatus {
            name: upstream.config.name.clone(),
            algorithm: upstream.config.policy.algorithm.name().to_owned(),
            is_panicking: upstream.group.is_panicking(now),
            concurrency: upstream.gate.as_deref().map(metrics::concurrency::status),
            breaker: upstream
                .config
                .breaker
                .as_ref()
                .map(|_| upstream.resilience.breaker.state(now).name().to_owned())
                .unwrap_or_default(),
            endpoints: (0..count)
                .map(|index| self.endpoint_status(upstream, index, now))
                .collect(),
        }
    }

    fn endpoint_status(
        &self,
        upstream: &SharedUpstream,
        index: usize,
        now: Duration,
    ) -> EndpointStatus {
        let server = &upstream.servers[index];
        let endpoint = &upstream.group.members()[index].endpoint;
        let (state, until, cause) = state(upstream.group.state(index, now));
        let sums = metrics::endpoint_sums(&self.registry, &upstream.config.name, endpoint.name());
        let latency = endpoint.ewma();
        EndpointStatus {
            name: endpoint.name().to_owned(),
            address: address(&server.address),
            zone: server.zone.clone(),
            weight: server.weight,
            state,
            since_seconds: now.saturating_sub(endpoint.changed()).as_secs_f64(),
            until_seconds: until.map(|until| until.saturating_sub(now).as_secs_f64()),
            cause,
            in_flight: u64::from(endpoint.in_flight()),
            latency_ms: (!latency.is_zero()).then_some(latency.as_secs_f64() * 1e3),
            picks: sums.picks,
            failures: sums.failures,
            ejections: sums.ejections,
            connections_opened: sums.opened,
            connections_reused: sums.reused,
            connections_failed: sums.failed,
            connections_idle: sums.idle,
            sent_bytes: None,
            received_bytes: None,
        }
    }

    /// How the limits do, in the order of the configuration.
    pub(crate) fn limit_statuses(&self) -> Vec<LimitStatus> {
        let now = self.now();
        let snapshot = self.snapshot();
        let limits = snapshot.limits.iter();
        limits.map(|limit| limit.status(now)).collect()
    }

    /// How the routes do, in the order of the configuration.
    pub(crate) fn route_statuses(&self) -> Vec<RouteStatus> {
        let config = self.config();
        let snapshot = self.snapshot();
        let entries = snapshot.routes.entries.iter();
        entries.map(|entry| route_status(&config, entry)).collect()
    }
}

fn state(state: State) -> (EndpointState, Option<Duration>, String) {
    match state {
        State::Up => (EndpointState::Up, None, String::new()),
        State::Starting => (EndpointState::Starting, None, "its share grows".into()),
        State::Down => (EndpointState::Down, None, "probes fail".into()),
        State::Ejected { cause, until } => {
            let cause = cause.name().replace('_', " ");
            (EndpointState::Ejected, Some(until), cause)
        }
        State::Paused { until } => {
            let cause = "connections fail".into();
            (EndpointState::Paused, Some(until), cause)
        }
        State::Open { until } => {
            let cause = "its requests fail".into();
            (EndpointState::Open, Some(until), cause)
        }
        State::HalfOpen => (EndpointState::HalfOpen, None, "on trial".into()),
        State::Draining => (EndpointState::Draining, None, "asked for".into()),
    }
}

fn address(address: &Address) -> String {
    match address {
        Address::Tcp(addresses) if addresses.is_empty() => "not resolved".into(),
        Address::Tcp(addresses) => addresses
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(", "),
        Address::Unix(path) => format!("unix:{}", path.display()),
        Address::Name { host, port } => format!("{host}:{port}"),
    }
}

fn route_status(config: &Config, entry: &Entry) -> RouteStatus {
    let route = &entry.route;
    let listener = |index: &usize| config.listeners.get(*index).map(|it| it.name.clone());
    let matches = &route.matches;
    let text = |pattern: &dyn std::fmt::Display| pattern.to_string();
    RouteStatus {
        name: route.name.clone(),
        listeners: matches.listeners.iter().filter_map(listener).collect(),
        hosts: matches.hosts.iter().map(|it| text(it)).collect(),
        paths: matches.paths.iter().map(|it| text(it)).collect(),
        methods: matches.methods.clone(),
        action: action(config, route),
        requests: std::array::from_fn(|class| entry.requests.sum(class)),
        durations: DurationStatus::from(&entry.durations.distribution()),
        concurrency: entry.gate.as_deref().map(metrics::concurrency::status),
    }
}

fn action(config: &Config, route: &Route) -> String {
    let name = |index: usize| config.upstreams.get(index).map_or("", |it| &it.name);
    match &route.action {
        Action::Forward(shares) => match shares.as_slice() {
            [one] => format!("upstream {}", name(one.upstream)),
            many => {
                let part = |it: &Share| format!("{} {}", name(it.upstream), it.weight);
                let parts: Vec<_> = many.iter().map(part).collect();
                format!("upstream {}", parts.join(", "))
            }
        },
        Action::Redirect { status, to } => format!("redirect {status} {to}"),
        Action::Respond(reply) => format!("respond {}", reply.status),
        Action::Files(files) => format!("files {}", files.root.display()),
    }
}
