//! What follows a failed attempt: a wait and another one, or the failure.
//!
//! The decision is [`Rules::decide`](tenfold_traffic::resilience::retry::Rules::decide)'s, the price the upstream's budget's. This
//! file carries it out: all of it is boxed, since hardly any request comes here.
//!
//! An answer with a status that is worth another attempt is held back until the next one has ended: if that does not do better,
//! the client gets what a server has said, unchanged, and not our word for it.

use std::time::Duration;

use tenfold_traffic::Tried;
use tenfold_traffic::resilience::budget::Kind;
use tenfold_traffic::resilience::retry::{Ask, Failed, Stop, Verdict};

use super::admission;
use super::client::Client;
use super::error::Failure;
use super::forward::{Answered, Course, Stopped, attempt};
use super::mirror::give_up;
use super::request::Request;
use crate::worker::Worker;

/// True if another attempt may be better than this answer.
pub(super) fn is_unwanted(request: &Request, status: u16) -> bool {
    let on = &request.way.upstream().shared.config.retry.rules.on;
    !on.statuses.is_empty() && on.includes(Failed::Status(status))
}

/// True if a server that goes down after so many attempts may be given up for another one.
pub(super) fn may_follow(request: &Request, sent: u8) -> bool {
    let rules = &request.way.upstream().shared.config.retry.rules;
    rules.on.reset && sent < rules.attempts
}

/// Tries again for as long as that is allowed; `ended` is how the attempt before went.
pub(super) async fn go_on(
    worker: &Worker,
    client: &mut Client,
    request: &mut Request,
    course: Course,
    ended: Result<Answered, Stopped>,
) -> Result<Answered, Failure> {
    let ended = repeat(worker, client, request, course, ended).await;
    request.forget_body();
    ended
}

async fn repeat(
    worker: &Worker,
    client: &mut Client,
    request: &mut Request,
    mut course: Course,
    mut ended: Result<Answered, Stopped>,
) -> Result<Answered, Failure> {
    // The last answer, which is better than none.
    let mut held: Option<Answered> = None;
    let mut failure = Failure::NoServer;
    loop {
        let failed = match ended {
            Ok(answered) if course.is_over => {
                let_go(worker, held);
                return Ok(answered);
            }
            Ok(answered) => hold(worker, &mut course, &mut held, answered),
            Err(Stopped::Failed(failed)) => {
                // What happened to a request that was sent says more than that nobody else could be reached.
                if failed != Failed::Connect || course.sent == course.stale {
                    failure = Stopped::Failed(failed).failure();
                }
                failed
            }
            Err(Stopped::NoServer) => return held.ok_or(failure),
            Err(Stopped::Fatal(fatal)) => return held.ok_or(fatal),
        };
        let Some(after) = next(worker, request, &course, failed, held.as_ref()) else {
            return held.ok_or(failure);
        };
        match wait(worker, client, request, failed, after).await {
            Ok(()) => {}
            Err(Failure::ClientGone) => {
                let_go(worker, held);
                return Err(Failure::ClientGone);
            }
            // What a server has said, or what became of the request, says more than that there was no place for it.
            Err(Failure::Shed(_)) => return held.ok_or(failure),
            Err(other) => return held.ok_or(other),
        }
        request.rewind();
        let now = worker.clock.recent();
        ended = attempt(worker, client, request, &mut course, now).await;
        let may_come_back = matches!(failed, Failed::Status(_) | Failed::Timeout | Failed::Down);
        if may_come_back && matches!(ended, Err(Stopped::NoServer)) {
            // All have been asked: the same ones again, rather than none.
            course.tried = Tried::default();
            ended = attempt(worker, client, request, &mut course, now).await;
        }
        if !matches!(ended, Err(Stopped::NoServer)) {
            let metrics = &request.way.upstream().metrics;
            metrics.retries.increment(failed.place());
        }
    }
}

/// Keeps an answer in place of the one before, and judges its server by it.
fn hold(
    worker: &Worker,
    course: &mut Course,
    held: &mut Option<Answered>,
    mut answered: Answered,
) -> Failed {
    answered.judge(worker);
    course.was_sent = true;
    let index = answered.pick.index as usize;
    if !course.tried.contains(index) && !course.tried.is_full() {
        course.tried.add(index);
    }
    let status = answered.head.line().status;
    let_go(worker, held.replace(answered));
    Failed::Status(status)
}

/// Waits before another attempt.
async fn wait(
    worker: &Worker,
    client: &mut Client,
    request: &mut Request,
    failed: Failed,
    after: Duration,
) -> Result<(), Failure> {
    if !after.is_zero() {
        let is_good = matches!(failed, Failed::Status(status) if !admission::is_bad(status));
        admission::pause(worker, client, request, is_good, after).await?;
    }
    match request.deadline().has_passed(worker.clock.read()) {
        true => Err(Failure::DeadlineExceeded),
        false => Ok(()),
    }
}

/// How long to wait before another attempt, if there is to be one.
fn next(
    worker: &Worker,
    request: &Request,
    course: &Course,
    failed: Failed,
    held: Option<&Answered>,
) -> Option<Duration> {
    let upstream = request.way.upstream();
    let retry = &upstream.shared.config.retry;
    let now = worker.clock.read();
    let answered = held.filter(|_| matches!(failed, Failed::Status(_)));
    let verdict = retry.rules.decide(&Ask {
        failed,
        sent: course.sent,
        was_sent: course.was_sent,
        is_idempotent: request.method().is_idempotent(),
        is_replayable: request.is_replayable(),
        retry_after: answered.and_then(|answered| retry_after(worker, answered, now)),
        left: request.deadline().left(now),
        random: worker.random(),
    });
    // A server that has just closed an idle connection has hardly read the request.
    let kind = match course.was_sent && course.sent > course.stale {
        true => Kind::Repeat,
        false => Kind::Failover,
    };
    // In the order of `metrics::NOT_RETRIED`.
    let cause = match verdict {
        Verdict::Again { after } => {
            let budget = &upstream.shared.resilience.budget;
            if budget.withdraw(&retry.budget, now, kind) {
                return Some(after);
            }
            0
        }
        Verdict::Stop(Stop::TooOften) => 1,
        Verdict::Stop(Stop::RetryAfter) => 2,
        Verdict::Stop(Stop::NoTime) => 3,
        // Nothing that anybody could tune.
        Verdict::Stop(Stop::NotListed | Stop::NotIdempotent | Stop::BodyGone) => return None,
    };
    upstream.metrics.not_retried.increment(cause);
    None
}

/// What a server has said about when to come back (RFC 9110 section 10.2.3): seconds, or a date.
fn retry_after(worker: &Worker, answered: &Answered, now: Duration) -> Option<Duration> {
    let mut fields = answered.head.fields();
    let field = fields.find(|field| field.name_bytes.eq_ignore_ascii_case(b"retry-after"))?;
    let text = std::str::from_utf8(field.value).ok()?.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // A number that is too large is a long time, and not none.
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    let since_1970 = date.duration_since(std::time::UNIX_EPOCH).ok()?;
    let unix = u64::try_from(worker.clock.unix(now)).ok()?;
    Some(since_1970.saturating_sub(Duration::from_millis(unix)))
}

/// Lets an answer go that nobody gets, and keeps its connection if the rest of it is short.
fn let_go(worker: &Worker, answered: Option<Answered>) {
    if let Some(answered) = answered {
        give_up(worker, answered);
    }
}
