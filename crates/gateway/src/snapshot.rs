//! What the gateway does at the moment: one immutable value that all workers share.
//!
//! A change of whatever kind builds a new snapshot, of which everything that has not changed is the old one's (routes, upstreams:
//! `Arc`s), and hands it to every worker. A worker swaps its view between two requests; a request keeps the one it began with.

use std::sync::Arc;

use std::collections::HashMap;

use tenfold_observe::metric::{CounterSet, Metric, Registry};
use tenfold_traffic::Group;
use tenfold_traffic::resilience::breaker::Breaker;
use tenfold_traffic::resilience::budget::Budget;
use tenfold_traffic::resilience::hedge::Latencies;

use crate::cache::Store;
use crate::config::{Listener, Route, Server, Upstream};
use crate::http::edits::Edits;
use crate::limit::Limit;
use crate::metrics;
use crate::route::{Table, TableError};
use crate::upstream::gate::Gate;

/// All of it.
pub(crate) struct Snapshot {
    /// Counts changes, beginning with 1.
    pub(crate) generation: u64,
    pub(crate) listeners: Arc<[Listener]>,
    pub(crate) routes: Arc<Routes>,
    pub(crate) upstreams: Vec<Arc<SharedUpstream>>,
    pub(crate) caches: Arc<[Arc<Store>]>,
    pub(crate) limits: Arc<[Arc<Limit>]>,
}

impl Snapshot {
    /// Before anything was configured: nothing is served.
    pub(crate) fn empty(registry: &Registry) -> Self {
        let routes = Routes::new(&[], 0, registry, None).expect("no routes are no contradiction");
        Self {
            generation: 0,
            listeners: Arc::default(),
            routes: Arc::new(routes),
            upstreams: Vec::new(),
            caches: Arc::default(),
            limits: Arc::default(),
        }
    }
}

/// Routes, and how to find one.
pub(crate) struct Routes {
    pub(crate) table: Table,
    pub(crate) entries: Vec<Entry>,
}

/// A route, made ready.
pub(crate) struct Entry {
    pub(crate) route: Route,
    pub(crate) request_edits: Edits,
    pub(crate) response_edits: Edits,
    /// Requests by status class.
    pub(crate) requests: CounterSet,
    pub(crate) durations: Metric,
    /// How many of its requests may be under way.
    pub(crate) gate: Option<Arc<Gate>>,
    /// Answers that were given when all else had failed, if there are any to give.
    pub(crate) fallbacks: Option<CounterSet>,
    /// How long they wait for a place, if they may have to.
    pub(crate) waits: Option<Metric>,
}

impl Routes {
    /// Makes routes ready. The gates of `old` stay.
    ///
    /// # Errors
    /// When two of them are for the same requests.
    pub(crate) fn new(
        routes: &[Route],
        listeners: usize,
        registry: &Registry,
        old: Option<&Self>,
    ) -> Result<Self, TableError> {
        let table = Table::new(routes, listeners)?;
        let known: HashMap<&str, &Arc<Gate>> = old
            .into_iter()
            .flat_map(|old| &old.entries)
            .filter_map(|entry| Some((entry.route.name.as_str(), entry.gate.as_ref()?)))
            .collect();
        let entry = |route: &Route| Entry {
            request_edits: Edits::new(&route.request_fields),
            response_edits: Edits::new(&route.response_fields),
            requests: metrics::route_requests(registry, &route.name),
            durations: metrics::route_durations(registry, &route.name),
            gate: Gate::new(
                route.concurrency.as_ref(),
                known.get(route.name.as_str()).copied(),
            ),
            fallbacks: (!route.fallback.is_empty())
                .then(|| metrics::route_fallbacks(registry, &route.name)),
            waits: route
                .concurrency
                .map(|_| metrics::concurrency::route_waits(registry, &route.name)),
            route: route.clone(),
        };
        Ok(Self {
            table,
            entries: routes.iter().map(entry).collect(),
        })
    }
}

/// What all workers share of an upstream.
pub(crate) struct SharedUpstream {
    pub(crate) config: Arc<Upstream>,
    /// The servers that there are at the moment, in the order of the group's members.
    pub(crate) servers: Vec<Server>,
    pub(crate) group: Arc<Group>,
    /// How many requests may be under way to it.
    pub(crate) gate: Option<Arc<Gate>>,
    pub(crate) resilience: Arc<Resilience>,
}

/// What is known of how an upstream's requests fare. Lives as long as the upstream, over all of its generations.
#[derive(Default)]
pub(crate) struct Resilience {
    pub(crate) budget: Budget,
    pub(crate) breaker: Breaker,
    pub(crate) latencies: Latencies,
}
