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
mod ask;
mod client;
mod fields;
mod limited;

use std::sync::Arc;

use smallvec::SmallVec;
use tenfold_http1::RequestHead;
use tenfold_traffic::limit::{Algorithm, Key};
use tenfold_traffic::resilience::priority::Priority;

use super::client::Client;
use super::request::Request;
use super::served::Served;
use crate::limit::Limit;
use crate::snapshot::{Entry, Snapshot};
use crate::worker::Worker;
pub(super) use answer::answer;
use ask::Judge;
pub(super) use ask::ask_store;
use client::Asking;
pub(crate) use client::{address_bytes, without_scheme};
pub(super) use limited::{Limited, Refusal};

/// How much a request matters by the tier of its client: the first limit of its route that has something to say about that counts.
pub(super) fn priority(client: &Client, request: &Request) -> Option<Priority> {
    let route = request.route();
    let limits = &request.way.site().snapshot.limits;
    let charged = route
        .limits
        .iter()
        .map(|charge| &limits[charge.limit].config);
    let mut ranked = charged
        .filter(|limit| {
            limit.priority.is_some() || limit.tiers.iter().any(|tier| tier.priority.is_some())
        })
        .peekable();
    ranked.peek()?;
    let mut asking = Asking::new(client, &request.head, &route.name);
    ranked.find_map(|limit| match asking.tier(limit) {
        0 => limit.priority,
        place => limit.tiers[place - 1].priority,
    })
}

/// Asks the limits of a route, as far as nobody has to be waited for. `None`: it may go on, and nothing remains to be done for it.
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
    let judge = Judge::new(worker);
    let mut asking = Asking::new(client, head, &entry.route.name);
    let mut limited = Limited::default();
    let local_first = [false, true].into_iter().flat_map(|is_shared| {
        let limits = charges
            .iter()
            .map(|it| (&snapshot.limits[it.limit], it.cost));
        limits.filter(move |(limit, _)| limit.store.is_some() == is_shared)
    });
    let mut counted: SmallVec<[Counted<'_>; 4]> = SmallVec::new();
    for (limit, cost) in local_first {
        let (key, cost) = (asking.key(limit), u64::from(cost));
        let Some(decided) = judge.at_once(limit, key, cost) else {
            let subject = asking.subject(limit);
            limited.wait_for(limit, key, cost, subject);
            continue;
        };
        if judge.take(&mut limited, limit, key, decided) {
            counted.push(Counted { limit, key, cost });
        }
        if limited.refusal().is_some() {
            for Counted { limit, key, cost } in counted {
                limit.limiter.give_back(judge.now, key, cost);
            }
            return Some(Box::new(limited));
        }
    }
    // The counts that all requests of a limit share are only touched where something has to be remembered.
    for Counted { limit, key, cost } in counted {
        if limited.is_waiting() {
            limited.counted(limit, key, cost, None);
        } else if limit.config.algorithm == Algorithm::Concurrency {
            limited.hold(Arc::clone(limit), key, cost);
        }
    }
    limited.is_needed().then(|| Box::new(limited))
}

/// What a limiter of this gateway has counted.
struct Counted<'s> {
    limit: &'s Arc<Limit>,
    key: Key,
    cost: u64,
}

/// Tells adaptive limits of a route what became of a request.
pub(super) fn observe(worker: &Worker, request: &Request, served: &Served) {
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
