//! What is counted of bulkheads. Labels are names of upstreams and routes, priorities and reasons.

use std::sync::Arc;

use tenfold_observe::metric::{Labels, Metric, Registry};
use tenfold_traffic::resilience::priority::Priority;
use tenfold_traffic::resilience::queue::Shed;

use crate::control::Control;
use crate::snapshot::Snapshot;
use crate::status::{ConcurrencyStatus, ShedStatus};
use crate::upstream::gate::Gate;

/// How long requests wait for a place of an upstream.
pub(crate) fn upstream_waits(registry: &Registry, upstream: &str) -> Metric {
    registry.durations(
        "tenfold_upstream_queue_seconds",
        "Time that requests waited for a place, of those that had to, by upstream",
        vec![("upstream", upstream.to_owned())],
    )
}

/// How long requests wait for a place of their route.
pub(crate) fn route_waits(registry: &Registry, route: &str) -> Metric {
    registry.durations(
        "tenfold_route_queue_seconds",
        "Time that requests waited for a place of their route, of those that had to",
        vec![("route", route.to_owned())],
    )
}

/// A bulkhead's label and itself.
type Named = ((&'static str, String), Arc<Gate>);
type Gates = fn(&Snapshot) -> Vec<Named>;

fn upstreams(snapshot: &Snapshot) -> Vec<Named> {
    let gate = |it: &Arc<crate::snapshot::SharedUpstream>| {
        Some((("upstream", it.config.name.clone()), it.gate.clone()?))
    };
    snapshot.upstreams.iter().filter_map(gate).collect()
}

fn routes(snapshot: &Snapshot) -> Vec<Named> {
    let gate =
        |it: &crate::snapshot::Entry| Some((("route", it.route.name.clone()), it.gate.clone()?));
    snapshot.routes.entries.iter().filter_map(gate).collect()
}

type Read = (&'static str, &'static str, fn(&Gate) -> Vec<(Labels, f64)>);

fn one(value: f64) -> Vec<(Labels, f64)> {
    vec![(Labels::new(), value)]
}

fn limit(gate: &Gate) -> Vec<(Labels, f64)> {
    one(f64::from(gate.bulkhead.limit()))
}

fn in_flight(gate: &Gate) -> Vec<(Labels, f64)> {
    one(f64::from(gate.bulkhead.in_flight()))
}

fn queue_length(gate: &Gate) -> Vec<(Labels, f64)> {
    let lengths = gate.bulkhead.waiting();
    let series = |it: Priority| {
        let labels = vec![("priority", it.name().to_owned())];
        (labels, lengths[it as usize] as f64)
    };
    Priority::ALL.map(series).into()
}

fn shed(gate: &Gate) -> Vec<(Labels, f64)> {
    let mut series = Vec::new();
    for priority in Priority::ALL {
        for reason in Shed::ALL {
            let labels = vec![
                ("priority", priority.name().to_owned()),
                ("reason", reason.name().to_owned()),
            ];
            series.push((labels, gate.shed(priority, reason) as f64));
        }
    }
    series
}

const UPSTREAM_GAUGES: [Read; 3] = [
    (
        "tenfold_upstream_concurrency_limit",
        "Most requests that may be under way to an upstream",
        limit,
    ),
    (
        "tenfold_upstream_concurrency_in_flight",
        "Requests under way to an upstream with a limit",
        in_flight,
    ),
    (
        "tenfold_upstream_queue_length",
        "Requests that wait for a place of an upstream, by priority",
        queue_length,
    ),
];
const UPSTREAM_SHED: Read = (
    "tenfold_upstream_shed",
    "Requests turned away for lack of a place of an upstream, by priority and reason",
    shed,
);
const ROUTE_GAUGES: [Read; 3] = [
    (
        "tenfold_route_concurrency_limit",
        "Most requests of a route that may be under way",
        limit,
    ),
    (
        "tenfold_route_concurrency_in_flight",
        "Requests of a route with a limit that are under way",
        in_flight,
    ),
    (
        "tenfold_route_queue_length",
        "Requests that wait for a place of their route, by priority",
        queue_length,
    ),
];
const ROUTE_SHED: Read = (
    "tenfold_route_shed",
    "Requests turned away for lack of a place of their route, by priority and reason",
    shed,
);

/// What is read of bulkheads when it is asked for: they come and go with the configuration.
pub(crate) fn read(registry: &Registry, control: &Arc<Control>) {
    for (gates, gauges, counter) in [
        (upstreams as Gates, UPSTREAM_GAUGES, UPSTREAM_SHED),
        (routes as Gates, ROUTE_GAUGES, ROUTE_SHED),
    ] {
        let all = |read: fn(&Gate) -> Vec<(Labels, f64)>| {
            let control = Arc::downgrade(control);
            move || {
                let Some(control) = control.upgrade() else {
                    return Vec::new();
                };
                let mut series = Vec::new();
                for (label, gate) in gates(&control.snapshot()) {
                    for (labels, value) in read(&gate) {
                        let mut all = vec![label.clone()];
                        all.extend(labels);
                        series.push((all, value));
                    }
                }
                series
            }
        };
        for (name, help, read) in gauges {
            registry.read_gauges(name, help, all(read));
        }
        let (name, help, read) = counter;
        registry.read_counters(name, help, all(read));
    }
}

/// A bulkhead, for people and programs.
pub(crate) fn status(gate: &Gate) -> ConcurrencyStatus {
    let bulkhead = &gate.bulkhead;
    ConcurrencyStatus {
        limit: bulkhead.limit(),
        is_adaptive: bulkhead.is_adaptive(),
        in_flight: bulkhead.in_flight(),
        waiting: bulkhead.waiting().iter().map(|it| *it as u64).sum(),
        queued: gate.queued(),
        shed: ShedStatus {
            critical: gate.shed_of(Priority::Critical),
            normal: gate.shed_of(Priority::Normal),
            bulk: gate.shed_of(Priority::Bulk),
        },
    }
}
