//! A simulated gateway around the real decisions: a group of endpoints, and a balancer for each worker.
//!
//! As in the crate `gateway`: the workers share the endpoints (requests under way, latency, health), and each has its own view
//! of who takes part and its own turn of round robin. A server that joins makes a new group, in which the
//! endpoints stay, and new balancers. Another gateway is another process: it knows nothing of this one's requests.

use std::sync::Arc;
use std::time::Duration;

use tenfold_traffic::{
    Ask, Balancer, Change, Changes, Endpoint, Group, Member, Outcome, Policy, Tried,
};

use crate::rng::Rng;

/// One process.
#[derive(Debug)]
pub(crate) struct Gateway {
    changes: Arc<Changes>,
    group: Arc<Group>,
    workers: Vec<(Balancer, Rng)>,
}

impl Gateway {
    /// A gateway without servers yet.
    pub(crate) fn new(policy: Policy, workers: usize, seed: u64) -> Self {
        let changes = Changes::new();
        let group = Group::new(policy, Vec::new(), Arc::clone(&changes));
        let workers = (0..workers)
            .map(|worker| {
                let balancer = Balancer::new(&group, worker as u64);
                (balancer, Rng::new(seed, worker as u64))
            })
            .collect();
        Self {
            changes,
            group,
            workers,
        }
    }

    /// Servers come, behind those that are there: `weights` of all.
    pub(crate) fn add(&mut self, weights: &[u32], now: Duration) {
        let mut members = self.group.members().to_vec();
        for weight in &weights[members.len()..] {
            let name = format!("10.0.0.{}:80", members.len() + 1);
            members.push(Member {
                endpoint: Endpoint::new(name, &self.changes, now),
                weight: *weight,
                zone: String::new(),
            });
        }
        let policy = self.group.policy().clone();
        self.group = Group::new(policy, members, Arc::clone(&self.changes));
        for (worker, (balancer, _)) in self.workers.iter_mut().enumerate() {
            *balancer = Balancer::new(&self.group, worker as u64);
        }
        self.changes.bump();
    }

    /// Where a request of a worker goes; it counts as under way from then on.
    pub(crate) fn pick(
        &mut self,
        worker: usize,
        tried: &Tried,
        key: Option<u64>,
        now: Duration,
    ) -> Option<usize> {
        if tried.is_full() {
            return None;
        }
        let (balancer, rng) = &mut self.workers[worker];
        let ask = Ask {
            tried,
            now,
            random: rng.bits(),
            key,
            sticky: None,
        };
        let index = balancer.pick(&self.group, &ask)?;
        self.group.members()[index].endpoint.begin();
        Some(index)
    }

    /// An attempt is over; without an outcome it was given up for a reason that the server has been judged for already.
    pub(crate) fn end(
        &self,
        index: usize,
        now: Duration,
        outcome: Option<Outcome>,
        latency: Duration,
    ) {
        self.group.members()[index].endpoint.end();
        if let Some(outcome) = outcome {
            self.group.observe(index, now, outcome, latency);
        }
    }

    /// The upstream's interval is over.
    pub(crate) fn evaluate(&self, now: Duration) {
        self.group.evaluate(now);
    }

    /// A probe was answered or not.
    pub(crate) fn probed(
        &self,
        index: usize,
        now: Duration,
        is_good: bool,
        rise: u32,
        fall: u32,
    ) -> Option<Change> {
        self.group.probed(index, now, is_good, rise, fall)
    }

    /// Requests under way, over all servers.
    #[cfg(test)]
    pub(crate) fn in_flight(&self) -> u32 {
        let members = self.group.members().iter();
        members.map(|member| member.endpoint.in_flight()).sum()
    }
}
