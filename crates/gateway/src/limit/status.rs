//! What a limit looks like from outside at one moment: plain data, the same that the admin side sends as JSON. Never a client.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tenfold_traffic::limit::Algorithm;

use super::{Counted, Limit};
use crate::config::limit::OnFailure;

/// A limit.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LimitStatus {
    /// As configured.
    pub name: String,
    /// What clients are told apart by.
    pub key: Vec<String>,
    /// `token_bucket`, `sliding_window`, `adaptive`, `concurrency`.
    pub algorithm: String,
    /// True if it refuses nobody.
    pub dry_run: bool,
    /// True if gateways count it together.
    pub is_shared: bool,
    /// Where is counted at the moment: `local`; for one that gateways share `shared`, or while the store does not answer what
    /// is to hold then: `local`, `open`, `closed`.
    pub mode: String,
    /// Requests that it let go on.
    pub allowed: u64,
    /// Requests that it refused.
    pub refused: u64,
    /// Requests that it would have refused, if it were not a dry run.
    pub dry_run_refused: u64,
    /// Requests that were decided without the store that gateways share.
    pub store_failed: u64,
    /// The share of its rates that an adaptive limit allows at the moment; 1 for others.
    pub share: f64,
    /// Clients that have used something of their quota.
    pub keys: u64,
    /// Clients that it can remember.
    pub max_keys: u64,
    /// Clients that had to be forgotten to make room.
    pub forgotten: u64,
    /// Bytes of memory.
    pub bytes: u64,
}

impl Limit {
    /// Where is counted at the moment.
    pub(crate) fn mode(&self) -> &'static str {
        match &self.store {
            None => OnFailure::Local.name(),
            Some(store) if store.is_down() => store.on_failure().name(),
            Some(_) => "shared",
        }
    }

    /// How it does.
    pub(crate) fn status(&self, now: Duration) -> LimitStatus {
        let of = |counted: Counted| self.verdicts.sum(counted as usize);
        let config = &self.config;
        LimitStatus {
            name: config.name.clone(),
            key: config.key.iter().map(ToString::to_string).collect(),
            algorithm: match config.algorithm {
                Algorithm::TokenBucket => "token_bucket",
                Algorithm::SlidingWindow => "sliding_window",
                Algorithm::Adaptive(_) => "adaptive",
                Algorithm::Concurrency => "concurrency",
            }
            .to_owned(),
            dry_run: config.is_dry_run,
            is_shared: self.store.is_some(),
            mode: self.mode().to_owned(),
            allowed: of(Counted::Allowed),
            refused: of(Counted::Refused),
            dry_run_refused: of(Counted::DryRun),
            store_failed: of(Counted::StoreFailed),
            share: self.limiter.share(),
            keys: self.limiter.tracked(now) as u64,
            max_keys: self.limiter.capacity() as u64,
            forgotten: self.limiter.forgotten() as u64,
            bytes: self.limiter.bytes() as u64,
        }
    }
}
