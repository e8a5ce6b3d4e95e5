//! Whether a request may go to a server now: a place in the bulkhead of its route, and one in that of its upstream.
//!
//! Places are taken in this order by everybody, so that nobody waits for somebody who waits for him. A request that finds both
//! free pays two compare-and-swaps; one that has to wait does so in a future of its own ([`wait`]), and notices when its client leaves.
//! The places are kept until the response is over, and then say how it went: adaptive limits learn from that. Whoever has failed there,
//! or waits before another attempt ([`pause`]), has none in its upstream: a service stands idle while those who are to leave it alone hold its places.

mod leaving;
mod pause;
mod wait;

use std::time::Duration;

use tenfold_traffic::resilience::priority::Priority;

use super::client::Client;
use super::error::Failure;
use super::forward::{self, Answered};
use super::limit;
use super::request::Request;
use crate::upstream::Upstream;
use crate::upstream::gate::Place;
use crate::worker::Worker;
pub(super) use pause::pause;

/// From this status on an answer does not count as what was asked for. A 500 may be a mistake of the request's own, but an adaptive
/// limit only looks whether more of the answers are good with a higher limit: what is always bad is bad with both.
const BAD: u16 = 500;

/// Asks a server when there is a place; see [`forward::ask`]. Whoever has the places already (see [`enter`]) asks by himself.
pub(super) async fn ask(
    worker: &Worker,
    client: &mut Client,
    request: &mut Request,
) -> Result<Answered, Failure> {
    if !enter(client, request) {
        Box::pin(wait::enter(worker, client, request)).await?;
    }
    worker.clock.read();
    let answered = forward::ask(worker, client, request).await;
    judge(request, answered)
}

/// Keeps what the answer says about the upstream with the place.
pub(super) fn judge(
    request: &mut Request,
    mut answered: Result<Answered, Failure>,
) -> Result<Answered, Failure> {
    let place = &mut request.way.upstream_place;
    match &mut answered {
        Ok(answered) if place.is_held() => {
            place.judge(!is_bad(answered.head.line().status));
            let pick = &mut answered.pick;
            // Until the end of the response, which may outlive the request. A hedge brings a place of its own, and its answer counts once.
            let hedges = std::mem::replace(&mut pick.place, std::mem::take(place));
            pick.upstream.take_back(&mut hedges.unjudged());
        }
        Ok(_) => {}
        Err(failure) => {
            if is_upstreams(*failure) {
                place.judge(false);
            }
            // What the client is told instead may take its time.
            request.way.leave_upstream();
        }
    }
    answered
}

/// True if an answer with that status is none to go by.
pub(super) fn is_bad(status: u16) -> bool {
    status >= BAD
}

/// True for a failure that says something about how much the upstream can do.
fn is_upstreams(failure: Failure) -> bool {
    matches!(
        failure,
        Failure::NoServer
            | Failure::UpstreamBroken
            | Failure::UpstreamTimeout
            | Failure::UpstreamInvalid(_)
    )
}

/// Takes all places at once, if they are free; otherwise none.
pub(super) fn enter(client: &Client, request: &mut Request) -> bool {
    let (entry, upstream) = (request.way.entry(), request.way.upstream());
    // A request that goes on to another upstream has the place of its route already.
    let route = entry
        .gate
        .as_ref()
        .filter(|_| !request.way.route_place.is_held());
    let upstream = upstream.shared.gate.as_ref();
    if route.is_none() && upstream.is_none() {
        return true;
    }
    // Whoever tries again came long ago.
    let (priority, now) = (priority(client, request), request.way.upstream().now());
    if let Some(route) = route
        && !route.bulkhead.try_enter(priority, now)
    {
        return false;
    }
    if let Some(upstream) = upstream
        && !upstream.bulkhead.try_enter(priority, now)
    {
        if let Some(route) = route {
            route.bulkhead.leave(priority);
        }
        return false;
    }
    let (has_route, has_upstream) = (route.is_some(), upstream.is_some());
    if has_route {
        request.way.route_place = Place::of(priority);
    }
    if has_upstream {
        request.way.upstream_place = Place::of(priority);
    }
    true
}

/// A place for a request of the gateway's own (a copy, a refresh): it does not wait, and goes after all others. `None`: there is none.
pub(super) fn enter_own(upstream: &Upstream, now: Duration) -> Option<Place> {
    let Some(gate) = &upstream.shared.gate else {
        return Some(Place::default());
    };
    let is_in = gate.bulkhead.try_enter(Priority::Bulk, now);
    is_in.then(|| Place::of(Priority::Bulk))
}

/// How much a request matters: what its field says, if its route lets it say so, else what the tier of its client says, else the route.
pub(super) fn priority(client: &Client, request: &Request) -> Priority {
    by_field(client, request)
        .or_else(|| limit::priority(client, request))
        .unwrap_or(request.route().priority)
}

fn by_field(client: &Client, request: &Request) -> Option<Priority> {
    let header = request.route().priority_header.as_ref()?;
    if !client.is_trusted && !header.from_anyone {
        return None;
    }
    let name = header.name.as_bytes();
    let mut fields = request.head.fields();
    fields
        .find(|field| field.name_bytes.eq_ignore_ascii_case(name))
        .and_then(|field| Priority::of_name(field.value.trim_ascii()))
}
