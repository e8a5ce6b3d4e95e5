//! Gateways ask servers on their own whether they are well.

use tenfold_traffic::What;

use super::{Event, World};
use crate::scenario::Fate;

/// How often a request that may have reached a server is sent again, as in the gateway.
const MAX_RESENDS: u8 = 2;

impl World<'_> {
    pub(super) fn plan_probes(&mut self) {
        let Some(probes) = self.scenario.probes else {
            return;
        };
        for gateway in 0..self.gateways.len() {
            for server in 0..self.servers.len() {
                let since = match self.servers[server].fate() {
                    Fate::Joins { at, .. } => at,
                    _ => self.now,
                };
                let first = since + probes.every.mul_f64(self.chance.unit());
                self.plan(first, Event::Probe { gateway, server });
            }
        }
    }

    pub(super) fn probe(&mut self, gateway: usize, server: usize) {
        let Some(probes) = self.scenario.probes else {
            return;
        };
        let answered = self.servers[server].answers_probe(self.now);
        let given_up = self.now + probes.timeout;
        let is_good = answered <= given_up;
        let probed = Event::Probed {
            gateway,
            server,
            is_good,
        };
        self.plan(answered.min(given_up), probed);
        // Give or take a tenth, as in the gateway.
        let every = probes.every.mul_f64(0.9 + 0.2 * self.chance.unit());
        self.plan_again(every, Event::Probe { gateway, server });
    }

    /// A server that goes down by a probe loses the requests that wait for it: they go elsewhere. All of them may be
    /// repeated here.
    pub(super) fn probed(&mut self, gateway: usize, server: usize, is_good: bool) {
        let Some(probes) = self.scenario.probes else {
            return;
        };
        let change =
            self.gateways[gateway].probed(server, self.now, is_good, probes.rise, probes.fall);
        if !change.is_some_and(|change| change.what == What::ProbeDown) {
            return;
        }
        for index in 0..self.attempts.len() {
            let attempt = &self.attempts[index];
            let is_its = attempt.server == server && !attempt.is_over;
            if !is_its || self.requests[attempt.request].gateway != gateway {
                continue;
            }
            let Some(request) = self.leave(index, None) else {
                continue;
            };
            let waiting = &mut self.requests[request];
            waiting.tried.add(server);
            if waiting.resends == MAX_RESENDS {
                self.end(request, true, Some(index));
                continue;
            }
            waiting.resends += 1;
            self.attempt(request);
        }
    }
}
