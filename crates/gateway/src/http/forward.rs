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

use tenfold_http1::ResponseHead;
use tenfold_traffic::{Algorithm, Ask, Outcome, Tried, What};

use super::client::Client;
use super::error::Failure;
use super::exchange::{self, ExchangeError};
use super::identity;
use super::request::Request;
use super::respond::Response;
use crate::upstream::changes;
use crate::upstream::connect::{connect, is_our_own_lack};
use crate::upstream::{Connection, Pick};
use crate::worker::Worker;
use crate::worker::timer::Timer;

/// How often a request that may have reached a server is sent again.
const MAX_RESENDS: u8 = 2;
/// A request that must not be repeated rides only on a connection used this recently: the longer one has been idle, the
/// likelier its server is just closing it (many do after 5 s).
const FRESH: Duration = Duration::from_secs(1);

/// The head of a server's answer, with what is left of it still to come.
pub(super) struct Answered {
    pub(super) head: ResponseHead,
    pub(super) connection: Connection,
    pub(super) pick: Pick,
    /// When the attempt began.
    since: Duration,
}

impl Answered {
    /// An answer to a request of the gateway's own.
    pub(super) fn new(
        head: ResponseHead,
        connection: Connection,
        pick: Pick,
        since: Duration,
    ) -> Self {
        Self {
            head,
            connection,
            pick,
            since,
        }
    }

    /// Judges the server, and makes the response that the client gets.
    pub(super) fn for_client(
        self,
        worker: &Worker,
        client: &Client,
        request: &Request,
    ) -> Result<Response, Failure> {
        let Self {
            head,
            connection,
            pick,
            since,
        } = self;
        let is_failure = head.line().status >= 500;
        match Response::new(worker, client, request, head, connection, pick) {
            Ok(response) => {
                judge(
                    worker,
                    response.pick(),
                    Outcome::Answered { is_failure },
                    since,
                );
                Ok(response)
            }
            Err((failure, pick)) => {
                judge(worker, &pick, Outcome::Answered { is_failure: true }, since);
                Err(failure)
            }
        }
    }

    /// Judges the server for an answer that the cache takes.
    pub(super) fn judge(&self, worker: &Worker) {
        let is_failure = self.head.line().status >= 500;
        judge(
            worker,
            &self.pick,
            Outcome::Answered { is_failure },
            self.since,
        );
    }
}

/// Finds a server of an upstream that answers, and reads the head of its answer. The server is judged when the answer is used.
pub(super) async fn ask(
    worker: &Worker,
    client: &mut Client,
    request: &mut Request,
) -> Result<Answered, Failure> {
    let mut tried = Tried::default();
    let mut resends = 0_u8;
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
        let pick = match again.take() {
            Some(index) => Some(request.way.upstream().pick_again(index)),
            None => choose(worker, client, request, &tried, now),
        };
        let pick = pick.ok_or(out_of_servers)?;
        worker.metrics.retries.add(u64::from(is_retry));
        is_retry = true;
        let longest = (!is_again).then(|| longest_idle(&pick, request));
        let Some((mut connection, is_reused)) =
            obtain(worker, &client.timer, &pick, now, longest).await?
        else {
            tried.add(pick.index as usize);
            continue;
        };
        if !is_reused {
            now = worker.clock.read();
        }
        match exchange::run(worker, client, request, &pick, &mut connection, now).await {
            Ok(head) => {
                return Ok(Answered {
                    head,
                    connection,
                    pick,
                    since: now,
                });
            }
            Err(ExchangeError::Fatal(failure)) => {
                let outcome = match failure {
                    Failure::UpstreamTimeout => Some(Outcome::TimedOut),
                    // It answers at once, and what nobody can use: not judged, it would be the fastest and freest of all.
                    Failure::UpstreamInvalid(_) => Some(Outcome::Answered { is_failure: true }),
                    _ => None,
                };
                if let Some(outcome) = outcome {
                    judge(worker, &pick, outcome, now);
                }
                return Err(failure);
            }
            Err(ExchangeError::Abandoned) => tried.add(pick.index as usize),
            Err(ExchangeError::Broken) if is_reused => again = Some(pick.index),
            Err(ExchangeError::Broken) => {
                // A server may lose patience with a client that does not send its body; that is not its fault.
                if request.is_sent() {
                    judge(worker, &pick, Outcome::Broken, now);
                }
                tried.add(pick.index as usize);
            }
        }
        if !request.may_repeat() || resends == MAX_RESENDS {
            return Err(Failure::UpstreamBroken);
        }
        request.rewind();
        resends += 1;
    }
}

/// A server that has not been tried.
fn choose(
    worker: &Worker,
    client: &Client,
    request: &Request,
    tried: &Tried,
    now: Duration,
) -> Option<Pick> {
    let upstream = request.way.upstream();
    let config = &upstream.shared.config;
    let key = match config.policy.algorithm {
        Algorithm::RingHash | Algorithm::Maglev | Algorithm::IpHash => {
            identity::hash(&config.hash, client, &request.head)
        }
        _ => None,
    };
    let sticky = config.sticky.as_ref();
    upstream.pick(&Ask {
        tried,
        now,
        random: worker.random(),
        key,
        sticky: sticky.and_then(|sticky| identity::sticky(&request.head, &sticky.cookie)),
    })
}

fn longest_idle(pick: &Pick, request: &Request) -> Duration {
    let longest = pick.upstream.shared.config.idle_timeout;
    let can_repeat = request.method().is_idempotent() && !request.has_upload();
    if can_repeat {
        longest
    } else {
        longest.min(FRESH)
    }
}

/// A connection to the chosen server, and whether it was used before: one that has been idle for at most `longest`
/// (`None`: not at all), else a new one. `Ok(None)` if the server cannot be reached.
pub(super) async fn obtain(
    worker: &Worker,
    timer: &Timer,
    pick: &Pick,
    now: Duration,
    longest: Option<Duration>,
) -> Result<Option<(Connection, bool)>, Failure> {
    let member = pick.member();
    if let Some(longest) = longest
        && let Some(connection) = member.idle.take(now, longest, &member.metrics)
    {
        return Ok(Some((connection, true)));
    }
    let within = pick.upstream.shared.config.connect_timeout;
    timer.set(now, within);
    let connecting = Box::pin(connect(&member.address, within, &worker.buffers));
    let result = timer.limit(connecting).await;
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
            tracing::debug!(%error, endpoint = pick.name(), "cannot connect");
            judge(worker, pick, Outcome::ConnectFailed, now);
            Ok(None)
        }
    }
}

/// Tells the endpoint how an attempt that began at `since` went, and the operator if that changed anything.
pub(super) fn judge(worker: &Worker, pick: &Pick, outcome: Outcome, since: Duration) {
    let now = worker.clock.read();
    let group = &pick.upstream.shared.group;
    let latency = now.saturating_sub(since);
    if let Outcome::Answered { is_failure: true } | Outcome::Broken | Outcome::TimedOut = outcome {
        pick.member().metrics.failures.increment();
    }
    if let Some(change) = group.observe(pick.index as usize, now, outcome, latency) {
        changes::report(&pick.upstream.shared, &change);
        if let What::Ejected { cause, .. } = change.what {
            pick.member().metrics.ejections.increment(cause as usize);
        }
    }
}
