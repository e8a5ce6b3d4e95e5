//! The servers behind the gateway: choosing one, and having a connection to it.

pub(crate) mod changes;
pub(crate) mod connect;
pub(crate) mod pool;
mod stream;

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tenfold_observe::metric::Registry;
use tenfold_traffic::{Ask, Balancer, Endpoint};

use crate::config::Address;
use crate::metrics::{EndpointMetrics, UpstreamMetrics};
use crate::snapshot::SharedUpstream;
use pool::Idle;
pub(crate) use stream::Stream;

/// A connection to a server.
pub(crate) type Connection = tenfold_http1::Connection<Stream>;

/// One worker's view of an upstream: endpoints are shared with the other workers, connections are its own.
pub(crate) struct Upstream {
    pub(crate) shared: Arc<SharedUpstream>,
    members: Vec<Rc<Member>>,
    balancer: RefCell<Balancer>,
    pub(crate) metrics: UpstreamMetrics,
}

/// One server, as long as it stays what and where it is: it outlives reloads, and so do its connections.
pub(crate) struct Member {
    pub(crate) endpoint: Arc<Endpoint>,
    pub(crate) address: Address,
    pub(crate) idle: Idle,
    pub(crate) metrics: EndpointMetrics,
}

/// An endpoint that was chosen for an attempt; counts as loaded until dropped.
pub(crate) struct Pick {
    pub(crate) upstream: Rc<Upstream>,
    pub(crate) index: u32,
}

impl Upstream {
    /// A view of `shared`. Members that were there in `old`, at the same address, stay with their connections.
    pub(crate) fn new(
        shared: Arc<SharedUpstream>,
        old: Option<&Self>,
        registry: &Registry,
        worker: usize,
    ) -> Rc<Self> {
        let mut known: HashMap<_, _> = old
            .into_iter()
            .flat_map(|old| &old.members)
            .map(|member| (Arc::as_ptr(&member.endpoint), member))
            .collect();
        let config = &shared.config;
        let members = shared
            .group
            .members()
            .iter()
            .zip(&shared.servers)
            .map(|(member, server)| {
                let endpoint = &member.endpoint;
                let is_same = |old: &&Rc<Member>| {
                    old.address == server.address && old.idle.most() == config.idle_connections
                };
                if let Some(old) = known.remove(&Arc::as_ptr(endpoint)).filter(is_same) {
                    return Rc::clone(old);
                }
                Rc::new(Member {
                    endpoint: Arc::clone(endpoint),
                    address: server.address.clone(),
                    idle: Idle::new(config.idle_connections),
                    metrics: EndpointMetrics::new(registry, worker, &config.name, endpoint.name()),
                })
            })
            .collect();
        let balancer = Balancer::new(&shared.group, worker as u64);
        let metrics = UpstreamMetrics::new(registry, worker, &config.name);
        Rc::new(Self {
            shared,
            metrics,
            members,
            balancer: RefCell::new(balancer),
        })
    }

    /// Chooses an endpoint that has not been tried; `None` if all have.
    pub(crate) fn pick(self: &Rc<Self>, ask: &Ask<'_>) -> Option<Pick> {
        if ask.tried.is_full() {
            return None;
        }
        let index = self.balancer.borrow_mut().pick(&self.shared.group, ask)?;
        Some(self.pick_again(index as u32))
    }

    /// The endpoint of that index, whatever the balancer thinks.
    pub(crate) fn pick_again(self: &Rc<Self>, index: u32) -> Pick {
        let member = &self.members[index as usize];
        member.metrics.picks.increment();
        member.endpoint.begin();
        Pick {
            upstream: Rc::clone(self),
            index,
        }
    }

    pub(crate) fn members(&self) -> &[Rc<Member>] {
        &self.members
    }

    /// Drops pooled connections that are closed or too old.
    pub(crate) fn sweep(&self, now: Duration) {
        for member in &self.members {
            member
                .idle
                .sweep(now, self.shared.config.idle_timeout, &member.metrics);
        }
    }
}

impl Pick {
    pub(crate) fn member(&self) -> &Rc<Member> {
        &self.upstream.members[self.index as usize]
    }

    pub(crate) fn name(&self) -> &str {
        self.member().endpoint.name()
    }
}

impl Drop for Pick {
    fn drop(&mut self) {
        self.member().endpoint.end();
    }
}
