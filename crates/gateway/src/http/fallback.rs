//! When all else fails: what a route answers instead of an error.
//!
//! It is asked when no server has answered (none there, too much to do, too slow, broken) or one has answered 500, 502, 503 or 504, and
//! nothing has been sent to the client. The ways are tried in the order of the configuration; the first that has an answer gives it, and says so in
//! a field. If none has, the client gets the error that it would have got.
//!
//! - *Stale content*: what the route's cache still has, however old; not if the response forbids that (`must-revalidate`, `no-cache`).
//! - *Another upstream*: only for requests that may be sent again, like any retry, and with a place in its bulkhead.
//! - *A file*: kept in memory since the configuration was read, so that nothing can be wrong with it.

use std::rc::Rc;

use super::cache::decide::is_error;
use super::client::Client;
use super::error::Failure;
use super::forward::Answered;
use super::request::Request;
use super::served::Served;
use super::{admission, cached, local, mirror, pipeline};
use crate::config::route::Fallback;
use crate::worker::Worker;

/// True if the route has something better than this answer.
pub(super) fn is_wanted(request: &Request, answered: &Result<Answered, Failure>) -> bool {
    if request.route().fallback.is_empty() || request.way.fallback().is_some() {
        return false;
    }
    match answered {
        Ok(answered) => is_error(answered.head.line().status),
        Err(failure) => failure.status() >= 500 && failure.blame() != "client",
    }
}

/// Answers with the first way that has an answer; without one with `answered`.
pub(super) async fn answer(
    worker: &Worker,
    client: &mut Client,
    request: &mut Request,
    mut answered: Result<Answered, Failure>,
) -> Served {
    let site = Rc::clone(request.way.site());
    let entry = site.entry(request.way.route_index());
    for way in &entry.route.fallback {
        let count = || {
            if let Some(fallbacks) = &entry.fallbacks {
                fallbacks.increment(worker.index, way.kind());
            }
        };
        match way {
            Fallback::Stale => {
                let Some((object, age)) = cached::stale(worker, request) else {
                    continue;
                };
                count();
                let_go(worker, answered);
                request.way.mark_fallback(way.name());
                return cached::serve_fallback(worker, client, request, object, age).await;
            }
            Fallback::Upstream(upstream) => {
                let is_late = request.deadline().has_passed(worker.clock.read());
                if is_late || !request.may_repeat() || request.way.upstream_index() == *upstream {
                    continue;
                }
                if let Ok(answered) = &mut answered {
                    // Nobody waits for a place in one upstream while holding one in another: they might wait for each other.
                    answered.pick.leave();
                }
                request.rewind();
                request.way.divert(*upstream);
                let other = Box::pin(admission::ask(worker, client, request)).await;
                let is_good = matches!(&other, Ok(other) if !is_error(other.head.line().status));
                if !is_good {
                    if let Err(Failure::ClientGone) = other {
                        return pipeline::respond_as_is(worker, client, request, other).await;
                    }
                    let_go(worker, other);
                    continue;
                }
                count();
                let_go(worker, answered);
                request.way.mark_fallback(way.name());
                return pipeline::respond_as_is(worker, client, request, other).await;
            }
            Fallback::File(reply) => {
                count();
                let_go(worker, answered);
                request.way.mark_fallback(way.name());
                request.way.reply(reply.clone());
                return local::answer(worker, client, request).await;
            }
        }
    }
    pipeline::respond_as_is(worker, client, request, answered).await
}

/// Nobody gets it; its connection may be kept.
fn let_go(worker: &Worker, answered: Result<Answered, Failure>) {
    if let Ok(answered) = answered {
        mirror::give_up(worker, answered);
    }
}
