//! The simulation itself: a clock that jumps from one event to the next.
//!
//! What the requests are (when, from whom, how much work) is drawn from a generator of its own, so that every algorithm is
//! tried on the very same requests, and differences between them are the algorithms' (common random numbers).
//! There is no network: an answer takes the time it waits and is worked on.

mod attempts;
mod probing;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use tenfold_traffic::{Algorithm, Outcome, Policy, Tried, hash_key};

use crate::gateway::Gateway;
use crate::rng::Rng;
use crate::scenario::{Fate, Scenario};
use crate::server::Working;

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Done {
    pub(crate) arrived: Duration,
    pub(crate) ended: Duration,
    pub(crate) is_failure: bool,
    /// Who was asked last, if anybody.
    pub(crate) server: Option<usize>,
    /// Its key was in that server's cache.
    pub(crate) is_hit: bool,
}

/// Moments at which something happens. Of those at the same time the one that was planned first is first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Arrival,
    Answer {
        server: usize,
        attempt: usize,
    },
    TimedOut {
        attempt: usize,
    },
    Join,
    Evaluate,
    Probe {
        gateway: usize,
        server: usize,
    },
    Probed {
        gateway: usize,
        server: usize,
        is_good: bool,
    },
}

struct Request {
    arrived: Duration,
    key: u32,
    work: f64,
    gateway: usize,
    worker: usize,
    tried: Tried,
    resends: u8,
    done: Option<Done>,
}

struct Attempt {
    request: usize,
    server: usize,
    began: Duration,
    is_over: bool,
    is_failure: bool,
    is_hit: bool,
}

/// A run under way.
pub(crate) struct World<'a> {
    scenario: &'a Scenario,
    is_hashing: bool,
    now: Duration,
    events: BinaryHeap<Reverse<(Duration, u64, Event)>>,
    planned: u64,
    arrivals: Rng,
    chance: Rng,
    /// For each key the sum of the parts up to it, and its hash.
    keys: Vec<(f64, u64)>,
    gateways: Vec<Gateway>,
    servers: Vec<Working>,
    requests: Vec<Request>,
    attempts: Vec<Attempt>,
    open: usize,
}

impl<'a> World<'a> {
    /// The beginning of a run.
    pub(crate) fn new(scenario: &'a Scenario, algorithm: Algorithm, seed: u64) -> Self {
        let policy = Policy {
            algorithm,
            ..scenario.policy.clone()
        };
        let keys = scenario.keys;
        let hash = |key: usize| hash_key(format!("client-{key}").as_bytes());
        let gateways = (0..scenario.gateways)
            .map(|index| Gateway::new(policy.clone(), scenario.workers, seed ^ (index + 1) as u64))
            .collect();
        let servers = scenario.servers.iter();
        let mut world = Self {
            scenario,
            is_hashing: matches!(
                algorithm,
                Algorithm::RingHash | Algorithm::Maglev | Algorithm::IpHash
            ),
            now: Duration::ZERO,
            events: BinaryHeap::new(),
            planned: 0,
            arrivals: Rng::new(seed, 1 << 32),
            chance: Rng::new(seed, 2 << 32),
            keys: keys
                .sums()
                .into_iter()
                .enumerate()
                .map(|(key, sum)| (sum, hash(key)))
                .collect(),
            gateways,
            servers: servers
                .map(|spec| Working::new(spec.clone(), scenario.cache, keys.count()))
                .collect(),
            requests: Vec::new(),
            attempts: Vec::new(),
            open: 0,
        };
        world.plan_beginning();
        world
    }

    fn plan_beginning(&mut self) {
        self.join();
        for index in 0..self.servers.len() {
            if let Fate::Joins { at, .. } = self.servers[index].fate() {
                self.plan(at, Event::Join);
            }
        }
        self.plan(self.scenario.policy.outlier.interval, Event::Evaluate);
        self.plan_probes();
        self.plan_arrival();
    }

    /// Runs until every request has ended.
    pub(crate) fn run(mut self) -> Vec<Done> {
        self.finish();
        let done = |request: Request| request.done.expect("all have ended");
        self.requests.into_iter().map(done).collect()
    }

    /// Lets everything happen.
    pub(crate) fn finish(&mut self) {
        while let Some(Reverse((at, _, event))) = self.events.pop() {
            debug_assert!(at >= self.now, "time does not go back");
            self.now = at;
            self.happen(event);
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Arrival => self.arrive(),
            Event::Answer { server, attempt } => self.answer(server, attempt),
            Event::TimedOut { attempt } => {
                if let Some(request) = self.leave(attempt, Some(Outcome::TimedOut)) {
                    self.end(request, true, Some(attempt));
                }
            }
            Event::Join => self.join(),
            Event::Evaluate => {
                for gateway in &self.gateways {
                    gateway.evaluate(self.now);
                }
                self.plan_again(self.scenario.policy.outlier.interval, event);
            }
            Event::Probe { gateway, server } => self.probe(gateway, server),
            Event::Probed {
                gateway,
                server,
                is_good,
            } => self.probed(gateway, server, is_good),
        }
    }

    fn plan(&mut self, at: Duration, event: Event) {
        self.planned += 1;
        self.events.push(Reverse((at, self.planned, event)));
    }

    /// Plans what goes on as long as there are requests.
    fn plan_again(&mut self, after: Duration, event: Event) {
        if self.now < self.scenario.end || self.open > 0 {
            self.plan(self.now + after, event);
        }
    }

    /// The servers that are there by now are told to the gateways.
    fn join(&mut self) {
        let is_there = |server: &&Working| match server.fate() {
            Fate::Joins { at, .. } => at <= self.now,
            _ => true,
        };
        let there = self.servers.iter().take_while(is_there);
        let weights: Vec<u32> = there.map(Working::weight).collect();
        for gateway in &mut self.gateways {
            gateway.add(&weights, self.now);
        }
    }

    /// Requests that have not ended, and those that gateways count as under way.
    #[cfg(test)]
    pub(crate) fn left(&self) -> (usize, u32) {
        let gateways = self.gateways.iter();
        (self.open, gateways.map(Gateway::in_flight).sum())
    }
}
