//! What limits leave behind with a request that is not simply let through.

use std::sync::Arc;
use std::time::Duration;

use smallvec::SmallVec;
use tenfold_traffic::limit::{Algorithm, Key};

use super::fields;
use crate::config::limit::Fields;
use crate::limit::Limit;

/// What limits have to do with a request, for as long as that is under way.
#[derive(Default)]
pub(in crate::http) struct Limited {
    /// It is to be answered with this.
    refusal: Option<Refusal>,
    /// What the response tells about quotas.
    told: fields::Told,
    /// What has been counted for it, until it is settled.
    counted: Vec<Charge>,
    /// The store is to be asked about these.
    waiting: Vec<Waiting>,
    /// Given back when the request has ended.
    held: SmallVec<[Held; 1]>,
}

/// Why a request does not go on.
pub(in crate::http) struct Refusal {
    /// Lines of the response: `Retry-After`, and what is told about quotas.
    pub(super) lines: Vec<u8>,
}

/// What a limit has counted.
struct Charge {
    limit: Arc<Limit>,
    key: Key,
    cost: u64,
    /// The client's name in the store, if that has counted. The limiter has been told.
    subject: Option<String>,
}

/// What the store is to be asked.
pub(super) struct Waiting {
    pub(super) limit: Arc<Limit>,
    pub(super) key: Key,
    pub(super) cost: u64,
    pub(super) subject: String,
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

impl Limited {
    /// Refuses the request.
    pub(super) fn refuse(&mut self, limit: &Limit, key: Key, retry_after: Duration) {
        let seconds = fields::seconds(retry_after).max(1);
        let mut told = fields::Told::default();
        if limit.config.fields != Fields::Never {
            told.add(&limit.policies[key.tier()], &limit.config.name, 0, seconds);
        }
        let mut lines = format!("Retry-After: {seconds}\r\n").into_bytes();
        lines.extend_from_slice(&told.lines());
        self.refusal = Some(Refusal { lines });
    }

    /// Tells the client how much is left, if it is to be told.
    pub(super) fn tell(&mut self, limit: &Limit, key: Key, remaining: u64, reset: Duration) {
        if limit.config.fields == Fields::Always && !limit.config.is_dry_run {
            let (policy, name) = (&limit.policies[key.tier()], &limit.config.name);
            self.told
                .add(policy, name, remaining, fields::seconds(reset));
        }
    }

    /// Remembers what was counted, so that it can be given back.
    pub(super) fn counted(
        &mut self,
        limit: &Arc<Limit>,
        key: Key,
        cost: u64,
        subject: Option<String>,
    ) {
        let limit = Arc::clone(limit);
        self.counted.push(Charge {
            limit,
            key,
            cost,
            subject,
        });
    }

    /// Keeps what was counted until the request has ended.
    pub(super) fn hold(&mut self, limit: Arc<Limit>, key: Key, cost: u64) {
        self.held.push(Held { limit, key, cost });
    }

    /// Has the store asked later.
    pub(super) fn wait_for(&mut self, limit: &Arc<Limit>, key: Key, cost: u64, subject: String) {
        let limit = Arc::clone(limit);
        self.waiting.push(Waiting {
            limit,
            key,
            cost,
            subject,
        });
    }

    pub(super) fn take_waiting(&mut self) -> Vec<Waiting> {
        std::mem::take(&mut self.waiting)
    }

    /// Draws the consequences when all have been asked: what was counted is given back if one refuses.
    pub(super) fn settle(&mut self, now: Duration) {
        for charge in std::mem::take(&mut self.counted) {
            if self.refusal.is_some() {
                charge.give_back(now);
            } else if charge.limit.config.algorithm == Algorithm::Concurrency {
                self.hold(charge.limit, charge.key, charge.cost);
            }
        }
    }

    /// False if nothing has to be kept.
    pub(super) fn is_needed(&self) -> bool {
        self.refusal.is_some()
            || self.is_waiting()
            || !self.told.is_empty()
            || !self.held.is_empty()
    }

    /// True if the store has to be asked.
    pub(in crate::http) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Why it does not go on.
    pub(in crate::http) fn refusal(&self) -> Option<&Refusal> {
        self.refusal.as_ref()
    }

    /// Lines for the response of a request that went on.
    pub(in crate::http) fn lines(&self) -> Vec<u8> {
        match self.is_waiting() {
            true => Vec::new(),
            false => self.told.lines(),
        }
    }
}

impl Charge {
    fn give_back(self, now: Duration) {
        let Self {
            limit,
            key,
            cost,
            subject,
        } = self;
        limit.limiter.give_back(now, key, cost);
        if let (Some(subject), Some(store)) = (subject, &limit.store) {
            store.give_back(key.tier(), subject, cost);
        }
    }
}
