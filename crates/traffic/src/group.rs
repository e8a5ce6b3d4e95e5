//! One generation of an upstream's endpoints: who they are, and the judging of what they do.
//!
//! A group is immutable and shared by the workers; what changes are the endpoints' states, which outlive it. Whoever
//! tells it something gets back what has changed by that, once, to be logged and counted.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::balance::Algorithm;
use crate::balance::maglev::Maglev;
use crate::balance::ring::Ring;
use crate::changes::Changes;
use crate::endpoint::Endpoint;
use crate::health::panic::Census;
use crate::health::pause::Paused;
use crate::health::{peers, slow_start};
use crate::outcome::Outcome;
use crate::policy::Policy;
use crate::resilience::breaker::{self, Call, Event, Verdict};
use crate::state::{Cause, Change, State, What};

/// An endpoint in a group.
#[derive(Clone, Debug)]
pub struct Member {
    /// Its state.
    pub endpoint: Arc<Endpoint>,
    /// Its share in proportion to the others; 0 gets nothing but what is sticky.
    pub weight: u32,
    /// Where it stands; empty if that is not known.
    pub zone: String,
}

/// One generation of an upstream's endpoints.
#[derive(Debug)]
pub struct Group {
    policy: Policy,
    members: Vec<Member>,
    changes: Arc<Changes>,
    /// The tables of hashing algorithms follow from members and weights, so that all workers share one.
    ring: OnceLock<Ring>,
    maglev: OnceLock<Maglev>,
    /// Where the member of an identifier is: any client may ask, by a cookie, and must not have all of them looked at.
    by_id: OnceLock<HashMap<u64, u32>>,
}

impl Group {
    /// A group of these members; `changes` is the upstream's, whose endpoints they are.
    #[must_use]
    pub fn new(policy: Policy, members: Vec<Member>, changes: Arc<Changes>) -> Arc<Self> {
        let group = Self {
            policy,
            members,
            changes,
            ring: OnceLock::new(),
            maglev: OnceLock::new(),
            by_id: OnceLock::new(),
        };
        if group.policy.breaker.is_none() {
            for member in &group.members {
                member.endpoint.breaker.reset();
            }
        }
        // Here, where nobody waits, and not at the first request.
        match group.policy.algorithm {
            Algorithm::RingHash => _ = group.ring(),
            Algorithm::Maglev => _ = group.maglev(),
            _ => {}
        }
        Arc::new(group)
    }

    /// Its members, in the order of their indexes.
    #[must_use]
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// How it chooses and judges.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    pub(crate) fn changes(&self) -> &Changes {
        &self.changes
    }

    pub(crate) fn ring(&self) -> &Ring {
        self.ring.get_or_init(|| Ring::new(&self.members))
    }

    pub(crate) fn maglev(&self) -> &Maglev {
        self.maglev.get_or_init(|| Maglev::new(&self.members))
    }

    /// The index of the member whose endpoint has that [`id`](Endpoint::id).
    pub(crate) fn index_of(&self, id: u64) -> Option<usize> {
        let by_id = self.by_id.get_or_init(|| {
            let ids = self.members.iter().map(|member| member.endpoint.id());
            ids.zip(0..).collect()
        });
        by_id.get(&id).map(|index| *index as usize)
    }

    /// Takes in how an attempt at a member ended. `latency` is the time from its beginning to the head of the answer.
    pub fn observe(
        &self,
        index: usize,
        now: Duration,
        outcome: Outcome,
        latency: Duration,
    ) -> Option<Change> {
        let endpoint = &self.members[index].endpoint;
        endpoint.load.observe(now, outcome, latency);
        let outlier = &self.policy.outlier;
        if outlier.success_rate_deviations.is_finite() || outlier.latency_factor.is_finite() {
            endpoint.interval.observe(outcome, latency);
        }
        let paused = match outcome {
            Outcome::Answered { .. } => None,
            Outcome::ConnectFailed => endpoint.pause.failed(now),
            Outcome::Broken => endpoint.pause.broke(now),
            Outcome::TimedOut => None,
        };
        if let Some(Paused { for_, is_first }) = paused {
            endpoint.changes(now);
            let what = What::PassedOver { outcome, for_ };
            return is_first.then_some(Change { index, what });
        }
        if let Outcome::Answered { is_failure } = outcome {
            if !is_failure {
                endpoint.ejection.succeeded();
            }
            if endpoint.pause.answered() {
                endpoint.changes(now);
                let what = What::AnswersAgain;
                return Some(Change { index, what });
            }
        }
        let is_judged = outcome.is_failure() && outcome != Outcome::ConnectFailed;
        if is_judged && endpoint.ejection.failed(outlier.consecutive_failures) {
            return self.eject(index, now, Cause::ConsecutiveFailures);
        }
        None
    }

    /// Whether a member's breaker lets an attempt through that begins now; a trial is to be followed by
    /// [`end_trial`](Self::end_trial).
    pub fn admit(&self, index: usize, now: Duration) -> Verdict {
        let Some(rules) = &self.policy.breaker else {
            return Verdict::Pass;
        };
        let endpoint = &self.members[index].endpoint;
        let verdict = endpoint.breaker.admit(rules, now);
        let is_full = || endpoint.breaker(now) == breaker::State::HalfOpen { has_room: false };
        if verdict == Verdict::Trial && is_full() {
            self.changes.bump();
        }
        verdict
    }

    /// A member's trial is over, whatever became of it.
    pub fn end_trial(&self, index: usize) {
        self.members[index].endpoint.breaker.end_trial();
        self.changes.bump();
    }

    /// Tells a member's breaker how an attempt ended, beside [`observe`](Self::observe).
    pub fn record(
        &self,
        index: usize,
        now: Duration,
        outcome: Outcome,
        latency: Duration,
    ) -> Option<Change> {
        let rules = self.policy.breaker.as_ref()?;
        let endpoint = &self.members[index].endpoint;
        let call = Call {
            is_failure: outcome.is_failure(),
            took: latency,
        };
        let what = match endpoint.breaker.record(rules, now, call)? {
            Event::Opened { for_, why } => What::BreakerOpened { why, for_ },
            Event::Closed => What::BreakerClosed,
        };
        endpoint.changes(now);
        Some(Change { index, what })
    }

    /// Another attempt answered before this member did, and nobody waits for it any more: it took at least this long.
    pub fn outpaced(&self, index: usize, now: Duration, waited: Duration) {
        // As of a time-out its latency rises, but it did not fail.
        self.members[index].endpoint.load.outpaced(now, waited);
    }

    /// When breakers let the next attempt through, if they are what keeps all members from being asked.
    #[must_use]
    pub fn open_until(&self, now: Duration) -> Option<Duration> {
        let mut first: Option<Duration> = None;
        for member in self.members.iter().filter(|member| member.weight > 0) {
            let until = match member.endpoint.breaker(now) {
                breaker::State::Closed | breaker::State::HalfOpen { has_room: true } => {
                    return None;
                }
                breaker::State::HalfOpen { has_room: false } => now,
                breaker::State::Open { until } => until,
            };
            first = Some(first.map_or(until, |first| first.min(until)));
        }
        first
    }

    /// Takes in a probe of a member: it goes down after `fall` bad ones in a row, and comes up after `rise` good ones.
    pub fn probed(
        &self,
        index: usize,
        now: Duration,
        is_good: bool,
        rise: u32,
        fall: u32,
    ) -> Option<Change> {
        let endpoint = &self.members[index].endpoint;
        let is_up = endpoint.probes.observe(is_good, rise, fall)?;
        if is_up {
            endpoint.came(now);
        }
        endpoint.changes(now);
        let what = if is_up {
            What::ProbeUp
        } else {
            What::ProbeDown
        };
        Some(Change { index, what })
    }

    /// Nobody probes any more: everybody is up.
    pub fn forget_probes(&self, now: Duration) {
        for member in &self.members {
            if member.endpoint.probes.forget() {
                member.endpoint.came(now);
                member.endpoint.changes(now);
            }
        }
    }

    /// Compares the members with each other; to be called once per [`interval`](crate::Outlier::interval).
    pub fn evaluate(&self, now: Duration) -> Vec<Change> {
        let mut changes = Vec::new();
        let mut counts = Vec::new();
        for (index, member) in self.members.iter().enumerate() {
            let endpoint = &member.endpoint;
            if endpoint.ejection.is_end_news(now) {
                let what = What::EjectionOver;
                changes.push(Change { index, what });
            }
            endpoint
                .ejection
                .interval_passed(now, self.policy.outlier.interval);
            let counted = endpoint.interval.take();
            if endpoint.ejection.until(now).is_none() {
                counts.push((index, counted));
            }
        }
        let found = peers::outliers(&counts, &self.policy.outlier);
        changes.extend(
            found
                .into_iter()
                .filter_map(|(index, cause)| self.eject(index, now, cause)),
        );
        changes
    }

    /// Ejects a member, unless it is already, or as many are as may be.
    fn eject(&self, index: usize, now: Duration, cause: Cause) -> Option<Change> {
        let _others_wait = self.changes.ejecting();
        let is_ejected = |member: &Member| member.endpoint.ejection.until(now).is_some();
        if is_ejected(&self.members[index]) {
            return None;
        }
        let ejected = self.members.iter().filter(|it| is_ejected(it)).count() as f64;
        let most = self.policy.outlier.max_ejected * self.members.len() as f64;
        // What a share like 1/3 of three loses in its last digit does not count.
        if ejected + 1.0 > most + 1e-9 {
            return None;
        }
        let ejection = &self.members[index].endpoint.ejection;
        let for_ = ejection.begin(now, cause, &self.policy.outlier);
        self.members[index].endpoint.changes(now);
        let what = What::Ejected { cause, for_ };
        Some(Change { index, what })
    }

    /// What a member is doing, for people.
    #[must_use]
    pub fn state(&self, index: usize, now: Duration) -> State {
        let endpoint = &self.members[index].endpoint;
        let standing = endpoint.standing(now);
        if standing.is_draining {
            State::Draining
        } else if standing.is_down {
            State::Down
        } else if let Some(until) = standing.ejected_until {
            let cause = endpoint.ejection.cause();
            State::Ejected { cause, until }
        } else if let breaker::State::Open { until } = standing.breaker {
            State::Open { until }
        } else if let breaker::State::HalfOpen { .. } = standing.breaker {
            State::HalfOpen
        } else if let Some(until) = standing.paused_until {
            State::Paused { until }
        } else if slow_start::ramp(endpoint.since(now), now, self.policy.slow_start) < 1.0 {
            State::Starting
        } else {
            State::Up
        }
    }

    fn census(&self, now: Duration) -> Census {
        let mut census = Census::default();
        for member in &self.members {
            census.add(member.weight, &member.endpoint.standing(now));
        }
        census
    }

    /// True if so few are well that others take part too; see [`Policy::panic`].
    #[must_use]
    pub fn is_panicking(&self, now: Duration) -> bool {
        self.census(now).is_panicking(self.policy.panic)
    }

    /// True if somebody is well.
    #[must_use]
    pub fn has_available(&self, now: Duration) -> bool {
        self.census(now).has_well()
    }
}
