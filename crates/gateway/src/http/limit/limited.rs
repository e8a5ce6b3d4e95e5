//! What limits leave behind with a request that is not simply let through.

use std::sync::Arc;
use std::time::Duration;

use smallvec::SmallVec;
use tenfold_traffic::limit::{Algorithm, Key};

use super::fields;
use crate::config::limit::Fields;
use crate::http::error::Failure;
use crate::limit::Limit;

/// What a limit has to do with a request, for as long as that is under way.
#[derive(Default)]
pub(in crate::http) struct Limited {
    /// It is to be answered with this.
    pub(super) refusal: Option<Refusal>,
    /// What the response tells about quotas.
    told: fields::Told,
    /// Given back when the request has ended.
    held: SmallVec<[Held; 1]>,
}

/// Why a request does not go on.
pub(in crate::http) struct Refusal {
    pub(in crate::http) failure: Failure,
    /// Lines of the response.
    pub(super) lines: Vec<u8>,
}

/// A request that counts while it is under way.
struct Held {
    limit: Arc<Limit>,
    key: Key,
    cost: u64,
}

impl Drop for Held {
    fn drop(&mut self) {
        let limiter = &self.limit.limiter;
        limiter.give_back(Duration::ZERO, self.key, self.cost);
    }
}

/// True if what is counted is given back at the end of a request.
pub(super) fn is_held(limit: &Limit) -> bool {
    limit.config.algorithm == Algorithm::Concurrency
}

impl Limited {
    /// One that a limit refuses.
    pub(super) fn refused(limit: &Limit, key: Key, retry_after: Duration) -> Box<Self> {
        let mut limited = Self::default();
        limited.refuse(limit, key, retry_after);
        Box::new(limited)
    }

    pub(super) fn refuse(&mut self, limit: &Limit, key: Key, retry_after: Duration) {
        let seconds = fields::seconds(retry_after).max(1);
        let mut told = fields::Told::default();
        if limit.config.fields != Fields::Never {
            told.add(&limit.policies[key.tier()], &limit.config.name, 0, seconds);
        }
        self.refusal = Some(Refusal {
            failure: Failure::Limited {
                retry_after: seconds,
            },
            lines: told.lines(),
        });
    }

    /// Tells the client how much is left.
    pub(super) fn tell(&mut self, limit: &Limit, key: Key, remaining: u64, reset: Duration) {
        let (policy, name) = (&limit.policies[key.tier()], &limit.config.name);
        self.told
            .add(policy, name, remaining, fields::seconds(reset));
    }

    /// Keeps what was counted until the request has ended.
    pub(super) fn hold(&mut self, limit: &Arc<Limit>, key: Key, cost: u64) {
        let limit = Arc::clone(limit);
        self.held.push(Held { limit, key, cost });
    }

    /// False if nothing has to be kept.
    pub(super) fn is_needed(&self) -> bool {
        self.refusal.is_some() || !self.told.is_empty() || !self.held.is_empty()
    }

    /// Why it does not go on.
    pub(in crate::http) fn refusal(&self) -> Option<&Refusal> {
        self.refusal.as_ref()
    }

    /// Lines for the response of a request that went on.
    pub(in crate::http) fn lines(&self) -> Vec<u8> {
        self.told.lines()
    }
}
