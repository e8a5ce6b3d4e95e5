//! The servers behind the gateway: choosing one, and having a connection to it.

pub(crate) mod changes;
pub(crate) mod connect;
pub(crate) mod gate;
pub(crate) mod pool;
mod stream;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tenfold_observe::metric::{Metric, Registry};
use tenfold_traffic::resilience::breaker::Verdict;
use tenfold_traffic::{Ask, Balancer, Endpoint};

use crate::config::Address;
use crate::metrics::{self, EndpointMetrics, UpstreamMetrics};
use crate::snapshot::SharedUpstream;
use crate::worker::clock::Clock;
use gate::Place;
use pool::Idle;
pub(crate) use stream::Stream;

/// A connection to a server.
pub(crate) type Connection = tenfold_http1::Connection<Stream>;

/// One worker's view of an upstream: endpoints are shared with the other workers, connections are its own.
pub(crate) struct Upstream {
    pub(crate) shared: Arc<SharedUpstream>,
    clock: Rc<Clock>,
    /// How long requests wait for a place, if they may have to.
    pub(crate) waits: Option<Metric>,
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
    /// That of the request that was sent to it.
    pub(crate) place: Place,
    /// It is a trial of the endpoint's breaker.
    is_trial: Cell<bool>,
    /// It is a trial of the upstream's breaker.
    is_upstream_trial: Cell<bool>,
}

/// Why no endpoint was chosen.
#[derive(Clone, Copy, Debug)]
pub(crate) enum NoPick {
    /// All have been tried, or there is none.
    NoServer,
    /// Breakers are open until then.
    Open { until: Duration },
}

impl Upstream {
    /// A view of `shared`. Members that were there in `old`, at the same address, stay with their connections.
    pub(crate) fn new(
        shared: Arc<SharedUpstream>,
        old: Option<&Self>,
        registry: &Registry,
        clock: &Rc<Clock>,
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
        let waits = shared
            .gate
            .as_ref()
            .map(|_| metrics::concurrency::upstream_waits(registry, &config.name));
        let metrics = UpstreamMetrics::new(registry, worker, &config.name);
        Rc::new(Self {
            clock: Rc::clone(clock),
            waits,
            shared,
            metrics,
            members,
            balancer: RefCell::new(balancer),
        })
    }

    /// Chooses an endpoint that has not been tried and whose breaker lets requests through.
    ///
    /// # Errors
    /// See [`NoPick`].
    pub(crate) fn pick(self: &Rc<Self>, ask: &Ask<'_>) -> Result<Pick, NoPick> {
        let mut is_own_trial = false;
        if let Some(rules) = &self.shared.config.breaker {
            match self.shared.resilience.breaker.admit(rules, ask.now) {
                Verdict::Pass => {}
                Verdict::Trial => is_own_trial = true,
                Verdict::Refuse { until } => return Err(NoPick::Open { until }),
            }
        }
        let picked = self.pick_endpoint(ask);
        match &picked {
            Ok(pick) => pick.is_upstream_trial.set(is_own_trial),
            Err(_) if is_own_trial => self.shared.resilience.breaker.end_trial(),
            Err(_) => {}
        }
        picked
    }

    fn pick_endpoint(self: &Rc<Self>, ask: &Ask<'_>) -> Result<Pick, NoPick> {
        let group = &self.shared.group;
        let mut passed = *ask.tried;
        while !passed.is_full() {
            let ask = Ask {
                tried: &passed,
                ..*ask
            };
            let Some(index) = self.peek(&ask) else {
                break;
            };
            match group.admit(index, ask.now) {
                Verdict::Pass => return Ok(self.pick_again(index as u32)),
                Verdict::Trial => {
                    let pick = self.pick_again(index as u32);
                    pick.is_trial.set(true);
                    return Ok(pick);
                }
                // Somebody else has just begun the last trial.
                Verdict::Refuse { .. } => passed.add(index),
            }
        }
        Err(match group.open_until(ask.now) {
            Some(until) => NoPick::Open { until },
            None => NoPick::NoServer,
        })
    }

    /// The index of the endpoint that would be chosen.
    pub(crate) fn peek(&self, ask: &Ask<'_>) -> Option<usize> {
        self.balancer.borrow_mut().pick(&self.shared.group, ask)
    }

    /// The endpoint of that index, whatever the balancer thinks.
    pub(crate) fn pick_again(self: &Rc<Self>, index: u32) -> Pick {
        let member = &self.members[index as usize];
        member.metrics.picks.increment();
        member.endpoint.begin();
        Pick {
            upstream: Rc::clone(self),
            index,
            place: Place::default(),
            is_trial: Cell::new(false),
            is_upstream_trial: Cell::new(false),
        }
    }

    /// The latest reading of its worker's clock.
    pub(crate) fn now(&self) -> Duration {
        self.clock.recent()
    }

    /// Takes back a place in its bulkhead.
    pub(crate) fn take_back(&self, place: &mut Place) {
        // The latest reading is at most as old as the latest byte of the response.
        place.give_back(self.shared.gate.as_ref(), self.clock.recent());
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

    /// If it is a trial of a breaker, it is over: what the breaker wanted to know it has been told. The rest of an answer may take hours,
    /// and must not keep a trial's place for as long.
    pub(crate) fn end_trials(&self) {
        let shared = &self.upstream.shared;
        if self.is_trial.take() {
            shared.group.end_trial(self.index as usize);
        }
        if self.is_upstream_trial.take() {
            shared.resilience.breaker.end_trial();
        }
    }

    /// Gives the place back, when nothing more is wanted of the upstream.
    pub(crate) fn leave(&mut self) {
        let mut place = std::mem::take(&mut self.place);
        self.upstream.take_back(&mut place);
    }

    /// True if somebody else is well.
    pub(crate) fn has_other(&self, now: Duration) -> bool {
        let others = self.upstream.shared.group.members().iter().enumerate();
        others
            .filter(|(index, member)| *index != self.index as usize && member.weight > 0)
            .any(|(_, member)| member.endpoint.is_available(now))
    }
}

impl Drop for Pick {
    fn drop(&mut self) {
        self.member().endpoint.end();
        self.leave();
        self.end_trials();
    }
}
