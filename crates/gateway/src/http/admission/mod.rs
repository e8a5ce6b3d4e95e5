//! Whether a request may go to a server now: a place in the bulkhead of its route, and one in that of its upstream.
//!
//! Places are taken in this order by everybody, so that nobody waits for somebody who waits for him. A request that finds both
//! free pays two compare-and-swaps; one that has to wait does so in a future of its own ([`wait`]), and notices when its client leaves.
//! The places are kept until the response is over, and then say how it went: adaptive limits learn from that.

mod wait;

use std::rc::Rc;
use std::time::Duration;

use tenfold_traffic::resilience::priority::Priority;

use super::client::Client;
use super::error::Failure;
use super::forward::{self, Answered};
use super::request::Request;
use crate::upstream::Upstream;
use crate::upstream::gate::Places;
use crate::worker::Worker;

/// From this status on an answer does not count as what was asked for. A 500 may be a mistake of the request's own, but an adaptive
/// limit only looks whether more of the answers are good with a higher limit: what is always bad is bad with both.
const BAD: u16 = 500;

/// Asks a server when there is a place; see [`forward::ask`].
pub(super) async fn ask(
    worker: &Worker,
    client: &mut Client,
    request: &mut Request,
) -> Result<Answered, Failure> {
    let mut places = match enter(worker, client, request) {
        Some(places) => places,
        None => Box::pin(wait::enter(worker, client, request)).await?,
    };
    match forward::ask(worker, client, request).await {
        Ok(mut answered) => {
            places.judge(!is_bad(answered.head.line().status));
            answered.pick.places = places;
            Ok(answered)
        }
        Err(failure) => {
            if let Some(is_good) = verdict(failure) {
                places.judge(is_good);
            }
            Err(failure)
        }
    }
}

/// True if an answer with that status is none to go by.
pub(super) fn is_bad(status: u16) -> bool {
    status >= BAD
}

/// What a failure says about how much the server can do; nothing, if it is somebody else's.
fn verdict(failure: Failure) -> Option<bool> {
    match failure {
        Failure::NoServer
        | Failure::UpstreamBroken
        | Failure::UpstreamTimeout
        | Failure::UpstreamInvalid(_) => Some(false),
        _ => None,
    }
}

/// Takes all places at once, if they are free.
fn enter(worker: &Worker, client: &Client, request: &Request) -> Option<Places> {
    let way = &request.way;
    let route = way.entry().gate.as_ref();
    let upstream = way.upstream().shared.gate.as_ref();
    if route.is_none() && upstream.is_none() {
        return Some(Places::default());
    }
    let (priority, now) = (priority(client, request), request.started);
    let mut places = Places::new(&worker.clock, priority);
    if let Some(gate) = route {
        gate.bulkhead.try_enter(priority, now).then_some(())?;
        places.add_route(way.site(), way.route_index());
    }
    if let Some(gate) = upstream {
        gate.bulkhead.try_enter(priority, now).then_some(())?;
        places.add_upstream(way.upstream());
    }
    Some(places)
}

/// A place for a request of the gateway's own (a copy, a refresh): it does not wait, and goes after all others.
pub(super) fn enter_own(worker: &Worker, upstream: &Rc<Upstream>, now: Duration) -> Option<Places> {
    let Some(gate) = &upstream.shared.gate else {
        return Some(Places::default());
    };
    let is_in = gate.bulkhead.try_enter(Priority::Bulk, now);
    is_in.then(|| {
        let mut places = Places::new(&worker.clock, Priority::Bulk);
        places.add_upstream(upstream);
        places
    })
}

/// How much a request matters: what its field says, if its route lets it say so, else what the route says.
///
/// What is known of the client otherwise (its tier) belongs here, between the two.
pub(super) fn priority(client: &Client, request: &Request) -> Priority {
    let route = request.route();
    let Some(by_field) = &route.priority_header else {
        return route.priority;
    };
    if !client.is_trusted && !by_field.from_anyone {
        return route.priority;
    }
    let name = by_field.name.as_bytes();
    let mut fields = request.head.fields();
    fields
        .find(|field| field.name_bytes.eq_ignore_ascii_case(name))
        .and_then(|field| Priority::of_name(field.value.trim_ascii()))
        .unwrap_or(route.priority)
}
