//! One attempt: choose a server, have a connection to it, exchange. What follows a failed one is [`retry`]'s business.
//!
//! An attempt ends with an answer, with a failure that another one might mend ([`Stopped::Failed`]), or with one that it would
//! not, or must not be repeated after ([`Stopped::Fatal`]). The first attempt is part of the request's own future, further
//! ones and everything that decides about them are boxed: a request that is answered at once pays nothing for them.

use std::io;
use std::time::Duration;

use tenfold_http1::ResponseHead;
use tenfold_traffic::resilience::breaker::{Call, Event};
use tenfold_traffic::resilience::deadline::Deadline;
use tenfold_traffic::resilience::retry::Failed;
use tenfold_traffic::{Algorithm, Ask, Outcome, Tried, What};

use super::client::Client;
use super::error::Failure;
use super::exchange::{self, ExchangeError};
use super::request::Request;
use super::respond::Response;
use super::{hedge, identity, retry};
use crate::upstream::changes;
use crate::upstream::connect::{connect, is_our_own_lack};
use crate::upstream::{Connection, NoPick, Pick};
use crate::worker::Worker;
use crate::worker::timer::Timer;

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
    /// The server was judged by this answer.
    is_judged: bool,
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
            is_judged: false,
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
            is_judged,
        } = self;
        let is_failure = head.line().status >= 500;
        match Response::new(worker, client, request, head, connection, pick) {
            Ok(response) if is_judged => Ok(response),
            Ok(response) => {
                let outcome = Outcome::Answered { is_failure };
                judge(worker, response.pick(), outcome, since);
                Ok(response)
            }
            Err((failure, pick)) => {
                judge(worker, &pick, Outcome::Answered { is_failure: true }, since);
                Err(failure)
            }
        }
    }

    /// Judges the server by the head of its answer, once.
    pub(super) fn judge(&mut self, worker: &Worker) {
        if !std::mem::replace(&mut self.is_judged, true) {
            let is_failure = self.head.line().status >= 500;
            let outcome = Outcome::Answered { is_failure };
            judge(worker, &self.pick, outcome, self.since);
        }
    }
}

/// What has been tried for a request.
#[derive(Default)]
pub(super) struct Course {
    pub(super) tried: Tried,
    /// Attempts that reached a server.
    pub(super) sent: u8,
    /// Those of them whose connection had been idle and broke: its server was just closing it.
    pub(super) stale: u8,
    /// A server may have seen the request.
    pub(super) was_sent: bool,
    /// What the last attempt ended with is what the client gets.
    pub(super) is_over: bool,
    /// Where the next attempt goes, whatever the balancer thinks.
    pub(super) again: Option<Again>,
}

/// A server that was chosen already.
#[derive(Clone, Copy)]
pub(super) struct Again {
    pub(super) index: u32,
    /// It just closed an idle connection: a new one is needed.
    pub(super) is_stale: bool,
}

/// Why an attempt has no answer.
pub(super) enum Stopped {
    /// Another attempt would not help, or must not be made.
    Fatal(Failure),
    /// Another attempt may help.
    Failed(Failed),
    /// There is no server that has not been tried.
    NoServer,
}

impl Stopped {
    /// What the client is told if this was the last attempt.
    pub(super) fn failure(&self) -> Failure {
        match self {
            Self::Fatal(failure) => *failure,
            Self::Failed(Failed::Timeout) => Failure::UpstreamTimeout,
            Self::NoServer | Self::Failed(Failed::Connect) => Failure::NoServer,
            Self::Failed(_) => Failure::UpstreamBroken,
        }
    }
}

/// Finds a server of an upstream that answers, and reads the head of its answer. The server is judged when the answer is used.
pub(super) fn ask<'a>(
    worker: &'a Worker,
    client: &'a mut Client,
    request: &'a mut Request,
) -> impl Future<Output = Result<Answered, Failure>> + 'a {
    let shared = &request.way.upstream().shared;
    shared.resilience.budget.deposit(request.started);
    let retry = &shared.config.retry;
    let replay = retry.replay;
    if replay > 0
        && request.has_upload()
        && (request.method().is_idempotent() || retry.rules.non_idempotent)
    {
        request.keep_body(replay);
    }
    let mut course = Course::default();
    // Not an async function: those keep their arguments twice, and this future is a part of every request's.
    async move {
        // When the request came; whoever had it wait since has read the clock again.
        let now = worker.clock.recent();
        let ended = match hedge::after(request) {
            None => attempt(worker, client, request, &mut course, now).await,
            Some(after) => {
                Box::pin(hedge::ask(worker, client, request, &mut course, now, after)).await
            }
        };
        if course.is_over {
            request.forget_body();
            return ended.map_err(|stopped| stopped.failure());
        }
        Box::pin(retry::go_on(worker, client, request, course, ended)).await
    }
}

/// Asks one server.
pub(super) fn attempt<'a>(
    worker: &'a Worker,
    client: &'a mut Client,
    request: &'a mut Request,
    course: &'a mut Course,
    mut now: Duration,
) -> impl Future<Output = Result<Answered, Stopped>> + 'a {
    let again = course.again.take();
    async move {
        let pick = match again {
            Some(again) => Ok(request.way.upstream().pick_again(again.index)),
            None => choose(worker, client, request, &course.tried, now),
        };
        let pick = pick.map_err(|no_pick| refused(no_pick, course, now))?;
        let longest = again
            .is_none_or(|again| !again.is_stale)
            .then(|| longest_idle(&pick, request));
        let deadline = request.deadline();
        let obtained = obtain(worker, &client.timer, &pick, now, longest, deadline).await;
        let Some((mut connection, is_reused)) = obtained.map_err(Stopped::Fatal)? else {
            course.tried.add(pick.index as usize);
            return Err(Stopped::Failed(Failed::Connect));
        };
        if !is_reused {
            now = worker.clock.read();
        }
        course.sent += 1;
        request.tell_deadline(now);
        let exchange = exchange::Parties {
            pick: &pick,
            connection: &mut connection,
            may_change: retry::may_follow(request, course.sent),
        };
        let error = match exchange::run(worker, client, request, exchange, now).await {
            Ok(head) => {
                course.is_over = !retry::is_unwanted(request, head.line().status);
                return Ok(Answered::new(head, connection, pick, now));
            }
            Err(error) => error,
        };
        course.was_sent |= !request.is_unsent();
        if matches!(error, ExchangeError::Broken) && is_reused {
            course.again = Some(Again {
                index: pick.index,
                is_stale: true,
            });
            course.stale += 1;
            return Err(Stopped::Failed(Failed::Reset));
        }
        course.tried.add(pick.index as usize);
        let stopped = judge_error(worker, request, &pick, error, now);
        course.is_over = matches!(stopped, Stopped::Fatal(_));
        Err(stopped)
    }
}

/// What it means that nobody was chosen.
fn refused(no_pick: NoPick, course: &Course, now: Duration) -> Stopped {
    match no_pick {
        NoPick::NoServer => Stopped::NoServer,
        // Somebody was asked, and failed: that is what the client is told.
        NoPick::Open { .. } if course.sent > 0 => Stopped::NoServer,
        NoPick::Open { until } => Stopped::Fatal(Failure::breaker_open(until.saturating_sub(now))),
    }
}

/// Judges a server for not answering, if that is its fault, and says what it means for the request.
fn judge_error(
    worker: &Worker,
    request: &mut Request,
    pick: &Pick,
    error: ExchangeError,
    since: Duration,
) -> Stopped {
    let (outcome, stopped) = match error {
        ExchangeError::Abandoned => (None, Stopped::Failed(Failed::Down)),
        // A server may lose patience with a client that does not send its body; that is not its fault.
        ExchangeError::Broken => (
            request.is_sent().then_some(Outcome::Broken),
            Stopped::Failed(Failed::Reset),
        ),
        ExchangeError::Fatal(Failure::UpstreamTimeout) => {
            (Some(Outcome::TimedOut), Stopped::Failed(Failed::Timeout))
        }
        ExchangeError::Fatal(Failure::DeadlineExceeded) => {
            let is_its_fault = has_had_its_time(request, worker.clock.recent(), since);
            let outcome = is_its_fault.then_some(Outcome::TimedOut);
            (outcome, Stopped::Fatal(Failure::DeadlineExceeded))
        }
        // It answers at once, and what nobody can use: not judged, it would be the fastest and freest of all.
        ExchangeError::Fatal(failure @ Failure::UpstreamInvalid(_)) => (
            Some(Outcome::Answered { is_failure: true }),
            Stopped::Fatal(failure),
        ),
        ExchangeError::Fatal(failure) => (None, Stopped::Fatal(failure)),
    };
    if let Some(outcome) = outcome {
        judge(worker, pick, outcome, since);
        // An adaptive limit is to learn of it too, also where the client is told that its own time is up.
        request.way.upstream_place.judge(false);
    }
    stopped
}

/// True if an attempt that ran into the request's deadline took at least half of what the route gives for all of it. Otherwise
/// clients with tiny deadlines could have servers passed over that are well.
fn has_had_its_time(request: &Request, now: Duration, since: Duration) -> bool {
    let timeouts = request.route().timeouts;
    let whole = timeouts.deadline.unwrap_or(timeouts.response);
    now.saturating_sub(since) >= whole.min(timeouts.response) / 2
}

/// A server that has not been tried.
pub(super) fn choose(
    worker: &Worker,
    client: &Client,
    request: &Request,
    tried: &Tried,
    now: Duration,
) -> Result<Pick, NoPick> {
    let upstream = request.way.upstream();
    upstream.pick(&wish(worker, client, request, tried, now))
}

/// The index of the server that would be chosen first.
pub(super) fn peek(
    worker: &Worker,
    client: &Client,
    request: &Request,
    now: Duration,
) -> Option<usize> {
    let tried = Tried::default();
    let upstream = request.way.upstream();
    upstream.peek(&wish(worker, client, request, &tried, now))
}

/// What is known of a request that needs a server.
fn wish<'t>(
    worker: &Worker,
    client: &Client,
    request: &Request,
    tried: &'t Tried,
    now: Duration,
) -> Ask<'t> {
    let upstream = request.way.upstream();
    let config = &upstream.shared.config;
    let key = match config.policy.algorithm {
        Algorithm::RingHash | Algorithm::Maglev | Algorithm::IpHash => {
            identity::hash(&config.hash, client, &request.head)
        }
        _ => None,
    };
    let sticky = config.sticky.as_ref();
    Ask {
        tried,
        now,
        random: worker.random(),
        key,
        sticky: sticky.and_then(|sticky| identity::sticky(&request.head, &sticky.cookie)),
    }
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
    deadline: Deadline,
) -> Result<Option<(Connection, bool)>, Failure> {
    let member = pick.member();
    if let Some(longest) = longest
        && let Some(connection) = member.idle.take(now, longest, &member.metrics)
    {
        return Ok(Some((connection, true)));
    }
    if deadline.has_passed(now) {
        return Err(Failure::DeadlineExceeded);
    }
    let within = pick.upstream.shared.config.connect_timeout;
    let within = deadline.within(now, within);
    timer.set(now, within);
    let connecting = Box::pin(connect(&member.address, within, &worker.buffers));
    let result = timer.limit(connecting).await;
    if result.is_none() && deadline.has_passed(worker.clock.recent()) {
        // It had less time than it is given elsewhere: nothing is known about it.
        return Err(Failure::DeadlineExceeded);
    }
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

/// Tells the endpoint and the breakers how an attempt that began at `since` went, and the operator if that changed anything.
pub(super) fn judge(worker: &Worker, pick: &Pick, outcome: Outcome, since: Duration) {
    let now = worker.clock.read();
    let shared = &pick.upstream.shared;
    let (group, index) = (&shared.group, pick.index as usize);
    let latency = now.saturating_sub(since);
    if let Outcome::Answered { is_failure: true } | Outcome::Broken | Outcome::TimedOut = outcome {
        pick.member().metrics.failures.increment();
    }
    if let Some(change) = group.observe(index, now, outcome, latency) {
        changes::report(shared, &change);
        if let What::Ejected { cause, .. } = change.what {
            pick.member().metrics.ejections.increment(cause as usize);
        }
    }
    if let Some(change) = group.record(index, now, outcome, latency) {
        changes::report(shared, &change);
        let place = usize::from(change.what == What::BreakerClosed);
        pick.member().metrics.breaker.increment(place);
    }
    if let Some(rules) = &shared.config.breaker {
        let is_failure = outcome.is_failure();
        let call = Call {
            is_failure,
            took: latency,
        };
        if let Some(event) = shared.resilience.breaker.record(rules, now, call) {
            changes::report_breaker(shared, &event);
            let place = usize::from(event == Event::Closed);
            pick.upstream.metrics.breaker.increment(place);
        }
    }
    pick.end_trials();
    if let (Some(hedge), Outcome::GOOD) = (&shared.config.hedge, outcome) {
        let latencies = &shared.resilience.latencies;
        latencies.observe(hedge.percentile, now, latency);
    }
}
