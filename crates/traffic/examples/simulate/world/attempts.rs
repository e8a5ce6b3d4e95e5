//! The way of a request: it arrives, a worker sends it to a server, an answer comes or does not.

use std::time::Duration;

use tenfold_traffic::{Outcome, Tried};

use super::{Attempt, Done, Event, Request, World};
use crate::server::{Job, Started};

impl World<'_> {
    pub(super) fn plan_arrival(&mut self) {
        let gap = Duration::from_secs_f64(self.arrivals.exponential() / self.scenario.rate);
        let at = self.now + gap;
        if at < self.scenario.end {
            self.plan(at, Event::Arrival);
        }
    }

    pub(super) fn arrive(&mut self) {
        let (scenario, rng) = (self.scenario, &mut self.arrivals);
        let place = rng.unit();
        let key = self.keys.partition_point(|(sum, _)| *sum <= place);
        self.requests.push(Request {
            arrived: self.now,
            key: key.min(self.keys.len() - 1) as u32,
            work: scenario.work.draw(rng),
            gateway: rng.below(scenario.gateways),
            // The kernel deals connections out to the workers by a hash.
            worker: rng.below(scenario.workers),
            tried: Tried::default(),
            resends: 0,
            done: None,
        });
        self.open += 1;
        self.plan_arrival();
        self.attempt(self.requests.len() - 1);
    }

    /// Sends a request to a server that it was not sent to before.
    pub(super) fn attempt(&mut self, index: usize) {
        let request = &self.requests[index];
        let key = self.is_hashing.then(|| self.keys[request.key as usize].1);
        let gateway = &mut self.gateways[request.gateway];
        let Some(server) = gateway.pick(request.worker, &request.tried, key, self.now) else {
            return self.end(index, true, None);
        };
        let attempt = self.attempts.len();
        let job = Job {
            attempt,
            work: request.work,
            key: request.key,
        };
        self.attempts.push(Attempt {
            request: index,
            server,
            began: self.now,
            is_over: false,
            is_failure: false,
            is_hit: false,
        });
        self.plan(
            self.now + self.scenario.timeout,
            Event::TimedOut { attempt },
        );
        let started = self.servers[server].take(job, self.now);
        self.work(server, started);
    }

    /// A server has begun a job.
    pub(super) fn work(&mut self, server: usize, started: Option<Started>) {
        let Some(started) = started else {
            return;
        };
        let attempt = &mut self.attempts[started.attempt];
        attempt.is_failure = started.is_failure;
        attempt.is_hit = started.is_hit;
        let attempt = started.attempt;
        self.plan(started.ends, Event::Answer { server, attempt });
    }

    pub(super) fn answer(&mut self, server: usize, attempt: usize) {
        let attempts = &self.attempts;
        let next = self.servers[server].end(self.now, |waiting| !attempts[waiting].is_over);
        self.work(server, next);
        let is_failure = self.attempts[attempt].is_failure;
        if let Some(request) = self.leave(attempt, Some(Outcome::Answered { is_failure })) {
            self.end(request, is_failure, Some(attempt));
        }
    }

    /// The gateway is done with an attempt, unless it was before; returns its request.
    pub(super) fn leave(&mut self, index: usize, outcome: Option<Outcome>) -> Option<usize> {
        let attempt = &mut self.attempts[index];
        if std::mem::replace(&mut attempt.is_over, true) {
            return None;
        }
        let latency = self.now - attempt.began;
        let gateway = &self.gateways[self.requests[attempt.request].gateway];
        gateway.end(attempt.server, self.now, outcome, latency);
        Some(attempt.request)
    }

    pub(super) fn end(&mut self, index: usize, is_failure: bool, attempt: Option<usize>) {
        let attempt = attempt.map(|attempt| &self.attempts[attempt]);
        let request = &mut self.requests[index];
        assert!(request.done.is_none(), "a request ends once");
        request.done = Some(Done {
            arrived: request.arrived,
            ended: self.now,
            is_failure,
            server: attempt.map(|attempt| attempt.server),
            is_hit: attempt.is_some_and(|attempt| attempt.is_hit),
        });
        self.open -= 1;
    }
}
