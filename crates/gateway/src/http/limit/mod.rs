//! A request's way through the limits of its route: after it is known which route it takes and who the client is, and before
//! the cache.
//!
//! # Several limits
//! All have to let it go on. They are asked in the order of the route, those that this gateway counts alone before those that it
//! shares; whoever was asked before the one that refuses gets back what it counted. So a client that is held back by one limit
//! does not use up another. (To look first and to count then would let two requests at the same time through the same gap.)
//!
//! # The trade-off
//! Between counting and giving back, another request of the same client may be refused that would have had room. Limits that
//! refuse often should stand first.

mod answer;
mod client;
mod fields;
mod limited;

use std::sync::Arc;

use smallvec::SmallVec;
use tenfold_http1::RequestHead;
use tenfold_traffic::limit::{Key, Verdict};

use super::client::Client;
use super::served::Served;
use crate::config::limit::Fields;
use crate::limit::{Counted, Limit};
use crate::snapshot::{Entry, Snapshot};
use crate::worker::Worker;
pub(super) use answer::answer;
use client::Asking;
pub(super) use limited::{Limited, Refusal};

/// What one limit has counted for a request.
struct Charge<'s> {
    limit: &'s Arc<Limit>,
    key: Key,
    cost: u64,
}

/// Asks the limits of a route. `None`: it may go on, and nothing remains to be done for it.
pub(super) fn check(
    worker: &Worker,
    client: &Client,
    head: &RequestHead,
    snapshot: &Snapshot,
    entry: &Entry,
) -> Option<Box<Limited>> {
    let charges = entry.route.limits.as_slice();
    if charges.is_empty() {
        return None;
    }
    let now = worker.clock.recent();
    let mut asking = Asking::new(client, head, &entry.route.name);
    let mut counted: SmallVec<[Charge<'_>; 4]> = SmallVec::new();
    let mut limited = Limited::default();
    for charge in charges {
        let limit = &snapshot.limits[charge.limit];
        let key = asking.key(limit);
        let cost = u64::from(charge.cost);
        let verdict = limit.limiter.decide(now, key, cost);
        let what = match verdict {
            Verdict::Allowed { .. } => Counted::Allowed,
            Verdict::Refused { .. } if limit.config.is_dry_run => Counted::DryRun,
            Verdict::Refused { .. } => Counted::Refused,
        };
        limit.verdicts.increment(worker.index, what as usize);
        match verdict {
            Verdict::Refused { retry_after } if what == Counted::Refused => {
                for before in &counted {
                    before.limit.limiter.give_back(now, before.key, before.cost);
                }
                return Some(Limited::refused(limit, key, retry_after));
            }
            Verdict::Refused { .. } => {}
            Verdict::Allowed { remaining, reset } => {
                if limit.config.fields == Fields::Always && !limit.config.is_dry_run {
                    limited.tell(limit, key, remaining, reset);
                }
                counted.push(Charge { limit, key, cost });
            }
        }
    }
    for charge in counted {
        if limited::is_held(charge.limit) {
            limited.hold(charge.limit, charge.key, charge.cost);
        }
    }
    limited.is_needed().then(|| Box::new(limited))
}

/// Tells adaptive limits of a route what became of a request.
pub(super) fn observe(worker: &Worker, request: &super::request::Request, served: &Served) {
    let way = &request.way;
    let charges = &way.entry().route.limits;
    if charges.is_empty() || way.refusal().is_some() {
        return;
    }
    let now = worker.clock.recent();
    let duration = served.ended.unwrap_or(now).saturating_sub(request.started);
    for charge in charges {
        let limiter = &way.snapshot().limits[charge.limit].limiter;
        limiter.observe(now, served.status >= 500, duration);
    }
}
