//! The servers behind the gateway: choosing one, and having a connection to it.

pub(crate) mod connect;
pub(crate) mod pool;
mod stream;

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use tenfold_observe::metric::Registry;
use tenfold_traffic::{Balancer, Endpoint, InFlight, Tried};

use crate::config::{Address, Server, Settings};
use crate::metrics::EndpointMetrics;
use pool::Idle;
pub(crate) use stream::Stream;

/// A connection to a server.
pub(crate) type Connection = tenfold_http1::Connection<Stream>;

/// One worker's view of the upstream: endpoints are shared with the other workers, the rest is its own.
pub(crate) struct Upstream {
    servers: Vec<Member>,
    endpoints: Vec<Arc<Endpoint>>,
    balancer: RefCell<Balancer>,
}

/// One server.
pub(crate) struct Member {
    pub(crate) address: Address,
    pub(crate) idle: Idle,
    pub(crate) metrics: EndpointMetrics,
}

/// An endpoint that was chosen for an attempt; counts as loaded until dropped.
pub(crate) struct Pick {
    pub(crate) index: usize,
    pub(crate) in_flight: InFlight,
}

impl Upstream {
    pub(crate) fn new(
        settings: &Settings,
        endpoints: Vec<Arc<Endpoint>>,
        registry: &Registry,
        worker: usize,
    ) -> Self {
        let member = |server: &Server| Member {
            address: server.address.clone(),
            idle: Idle::new(settings.limits.upstream_idle),
            metrics: EndpointMetrics::new(registry, worker, &server.name),
        };
        Self {
            servers: settings.servers.iter().map(member).collect(),
            endpoints,
            balancer: RefCell::new(Balancer::new(settings.balance, worker)),
        }
    }

    /// Chooses an endpoint that has not been tried; `None` if all have.
    pub(crate) fn pick(&self, tried: &Tried, now: Duration, random: u64) -> Option<Pick> {
        if tried.is_full() {
            return None;
        }
        let index = self
            .balancer
            .borrow_mut()
            .pick(&self.endpoints, tried, now, random)?;
        Some(self.pick_again(index))
    }

    /// The endpoint of that index, whatever the balancer thinks.
    pub(crate) fn pick_again(&self, index: usize) -> Pick {
        self.servers[index].metrics.picks.increment();
        Pick {
            index,
            in_flight: self.endpoints[index].begin(),
        }
    }

    pub(crate) fn member(&self, index: usize) -> &Member {
        &self.servers[index]
    }

    /// Drops pooled connections that are closed or too old.
    pub(crate) fn sweep(&self, now: Duration, longest: Duration) {
        for server in &self.servers {
            server.idle.sweep(now, longest, &server.metrics);
        }
    }
}
