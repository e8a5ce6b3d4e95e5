//! Interim.
use crate::*;
use std::sync::Arc;
use std::time::Duration;
pub struct Member {
    pub endpoint: Arc<Endpoint>,
    pub weight: u32,
    pub zone: String,
}
pub struct Group {
    policy: Policy,
    members: Vec<Member>,
}
impl Group {
    pub fn new(policy: Policy, members: Vec<Member>, _c: Arc<Changes>) -> Arc<Self> {
        Arc::new(Self { policy, members })
    }
    pub fn members(&self) -> &[Member] {
        &self.members
    }
    pub fn policy(&self) -> &Policy {
        &self.policy
    }
    pub fn observe(
        &self,
        index: usize,
        now: Duration,
        outcome: Outcome,
        _latency: Duration,
    ) -> Option<Change> {
        self.members[index]
            .endpoint
            .observe(now, outcome)
            .then_some(Change {
                index,
                what: match outcome {
                    Outcome::Answered { .. } => What::AnswersAgain,
                    _ => What::PassedOver {
                        outcome,
                        for_: Duration::from_millis(500),
                    },
                },
            })
    }
    pub fn probed(&self, _i: usize, _n: Duration, _g: bool, _r: u32, _f: u32) -> Option<Change> {
        None
    }
    pub fn evaluate(&self, _n: Duration) -> Vec<Change> {
        vec![]
    }
    pub fn forget_probes(&self, _n: Duration) {}
    pub fn has_available(&self, now: Duration) -> bool {
        self.members.iter().any(|m| m.endpoint.is_available(now))
    }
}
