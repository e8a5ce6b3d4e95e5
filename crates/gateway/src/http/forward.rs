//! Attempts: choose a server, have a connection to it, exchange; and go elsewhere when that fails.
//!
//! What may be repeated:
//! - A connection that could not be made: with every other server, up to [`MAX_TRIED`](tenfold_traffic::balance::MAX_TRIED);
//!   nothing was sent.
//! - A connection that broke before the response began: only idempotent methods (RFC 9110 section 9.2.2) unless it took
//!   not a byte, only while the whole request is still at hand, and only [`MAX_RESENDS`] times, so that a request that
//!   kills servers does not kill all of them. If the connection had been idle before, its server just closed it, and gets
//!   a second chance on a new one.
//! - Anything after the response began: never.

use std::io;
use std::time::Duration;

use tenfold_traffic::{Outcome, Tried};

use super::client::Client;
use super::error::Failure;
use super::exchange::{self, ExchangeError};
use super::request::Request;
use super::respond::Response;
use crate::upstream::connect::{connect, is_our_own_lack};
use crate::upstream::{Connection, Pick};
use crate::worker::Worker;

/// How often a request that may have reached a server is sent again.
const MAX_RESENDS: u32 = 2;
/// A request that must not be repeated rides only on a connection used this recently: the longer one has been idle, the
/// likelier its server is just closing it (many do after 5 s).
const FRESH: Duration = Duration::from_secs(1);

/// Finds a server that answers.
pub(super) async fn forward(
    worker: &Worker,
    client: &mut Client,
    request: &mut Request,
) -> Result<Response, Failure> {
    let mut tried = Tried::default();
    let mut resends = 0;
    let mut now = request.started;
    let mut is_retry = false;
    // The server to try again, on a new connection.
    let mut again = None;
    loop {
        let is_again = again.is_some();
        let out_of_servers = if resends > 0 {
            Failure::UpstreamBroken
        } else {
            Failure::NoServer
        };
        if is_retry {
            now = worker.clock.read();
        }
        let pick = choose(worker, again.take(), &tried, now).ok_or(out_of_servers)?;
        worker.metrics.retries.add(u64::from(is_retry));
        is_retry = true;
        let longest = (!is_again).then(|| longest_idle(worker, request));
        let Some((mut upstream, is_reused)) = obtain(worker, client, &pick, now, longest).await?
        else {
            tried.add(pick.index);
            continue;
        };
        if !is_reused {
            now = worker.clock.read();
        }
        match exchange::run(worker, client, request, &mut upstream, now).await {
            Ok(head) => {
                judge(worker, &pick, Outcome::Answered);
                return Response::new(worker, request, head, upstream, pick);
            }
            Err(ExchangeError::Fatal(failure)) => return Err(failure),
            Err(ExchangeError::Broken) => {
                let may_repeat = request.is_replayable()
                    && (request.is_unsent() || request.method().is_idempotent());
                if is_reused {
                    again = Some(pick.index);
                } else {
                    // A server may lose patience with a client that does not send its body; that is not its fault.
                    if request.is_sent() {
                        judge(worker, &pick, Outcome::Broken);
                    }
                    tried.add(pick.index);
                }
                if !may_repeat || resends == MAX_RESENDS {
                    return Err(Failure::UpstreamBroken);
                }
                request.rewind();
                resends += 1;
            }
        }
    }
}

/// The server for an attempt: a given one again, or one that has not been tried.
fn choose(worker: &Worker, again: Option<usize>, tried: &Tried, now: Duration) -> Option<Pick> {
    match again {
        Some(index) => Some(worker.upstream.pick_again(index)),
        None => worker.upstream.pick(tried, now, worker.random()),
    }
}

fn longest_idle(worker: &Worker, request: &Request) -> Duration {
    let longest = worker.settings.timeouts.upstream_idle;
    let can_repeat = request.method().is_idempotent() && !request.has_upload();
    if can_repeat {
        longest
    } else {
        longest.min(FRESH)
    }
}

/// A connection to the chosen server, and whether it was used before: one that has been idle for at most `longest`
/// (`None`: not at all), else a new one. `Ok(None)` if the server cannot be reached.
async fn obtain(
    worker: &Worker,
    client: &Client,
    pick: &Pick,
    now: Duration,
    longest: Option<Duration>,
) -> Result<Option<(Connection, bool)>, Failure> {
    let member = worker.upstream.member(pick.index);
    if let Some(longest) = longest
        && let Some(connection) = member.idle.take(now, longest, &member.metrics)
    {
        return Ok(Some((connection, true)));
    }
    client.timer.set(now, worker.settings.timeouts.connect);
    let connecting = Box::pin(connect(&member.address, &worker.buffers));
    let result = client.timer.limit(connecting).await;
    match result.unwrap_or(Err(io::ErrorKind::TimedOut.into())) {
        Ok(connection) => {
            member.metrics.opened.increment();
            Ok(Some((connection, false)))
        }
        Err(error) if is_our_own_lack(&error) => {
            if worker.may_complain() {
                tracing::warn!(%error, "cannot connect to servers for lack of descriptors or ports");
            }
            Err(Failure::Exhausted)
        }
        Err(error) => {
            member.metrics.failed.increment();
            tracing::debug!(%error, endpoint = pick.in_flight.endpoint().name(), "cannot connect");
            judge(worker, pick, Outcome::ConnectFailed);
            Ok(None)
        }
    }
}

/// Tells the endpoint how it did, and the operator if that changed anything.
fn judge(worker: &Worker, pick: &Pick, outcome: Outcome) {
    let endpoint = pick.in_flight.endpoint();
    if !endpoint.observe(worker.clock.recent(), outcome) {
        return;
    }
    let name = endpoint.name();
    let what = match outcome {
        Outcome::Answered => return tracing::info!("{name} answers again"),
        Outcome::ConnectFailed => "cannot be reached",
        Outcome::Broken => "broke a connection",
    };
    tracing::warn!("{name} {what}; it is passed over for a while");
}
