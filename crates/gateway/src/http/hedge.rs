//! A hedge: when the first server takes longer than nearly all answers do, a second one is asked too, and the first good answer wins.
//!
//! When that is, and why, is in [`tenfold_traffic::resilience::hedge`]. Both attempts run in this one future, which is boxed: a request
//! of an upstream without hedges pays one comparison. The attempt that loses is dropped with its connection, since nothing can
//! take back what was sent on it; its server's latency is noted, and it is not judged otherwise.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use tenfold_traffic::Tried;
use tenfold_traffic::resilience::breaker;
use tenfold_traffic::resilience::budget::Kind;

use super::client::Client;
use super::forward::{self, Again, Answered, Course, Stopped, attempt};
use super::headers;
use super::mirror::{Copy, give_up};
use super::request::Request;
use super::retry;
use crate::worker::Worker;

/// When a second server is to be asked: never unless the upstream hedges, enough is known, and asking twice does no harm.
#[inline]
pub(super) fn after(request: &Request) -> Option<Duration> {
    let shared = &request.way.upstream().shared;
    let hedge = shared.config.hedge.as_ref()?;
    let is_harmless = request.method().is_idempotent()
        && !request.has_upload()
        && headers::upgrade_of(&request.head).is_none();
    let measured = shared
        .resilience
        .latencies
        .threshold()
        .filter(|_| is_harmless)?;
    Some(measured.max(hedge.least))
}

/// In the order of [`crate::metrics::HEDGES`].
#[derive(Clone, Copy)]
enum Count {
    Sent,
    Won,
    Refused,
}

/// The first attempt, which begins `now`, and a second one if that is still without an answer `after` that.
pub(super) async fn ask(
    worker: &Worker,
    client: &mut Client,
    request: &mut Request,
    course: &mut Course,
    now: Duration,
    after: Duration,
) -> Result<Answered, Stopped> {
    let upstream = std::rc::Rc::clone(request.way.upstream());
    let count = |what: Count| upstream.metrics.hedges.increment(what as usize);
    let first = forward::peek(worker, client, request, now);
    // What is on trial gets what its breaker lets through, and no more.
    let group = &upstream.shared.group;
    let own = upstream.shared.resilience.breaker.state(now);
    let is_closed =
        |index: usize| group.members()[index].endpoint.breaker(now) == breaker::State::Closed;
    let is_sound = |first: &usize| own == breaker::State::Closed && is_closed(*first);
    let Some(first) = first.filter(is_sound) else {
        return attempt(worker, client, request, course, now).await;
    };
    course.again = Some(Again {
        index: first as u32,
        is_stale: false,
    });
    let copy = Copy::of_own(client, request, request.bytes());
    let deadline = request.deadline();
    let on = &upstream.shared.config.retry.rules.on;
    let is_good = |answered: &Answered| {
        let status = answered.head.line().status;
        status < 500 && !on.includes(tenfold_traffic::resilience::retry::Failed::Status(status))
    };
    let mut tried = Tried::default();
    tried.add(first);

    let (won, lost) = {
        let mut primary = pin!(attempt(worker, client, request, course, now));
        // Not the worker's wheel, whose ticks are longer than most thresholds.
        if let Ok(ended) = tokio::time::timeout(after, primary.as_mut()).await {
            return ended;
        }
        let rules = &upstream.shared.config.retry.budget;
        let budget = &upstream.shared.resilience.budget;
        if !budget.withdraw(rules, worker.clock.read(), Kind::Repeat) {
            count(Count::Refused);
            return primary.await;
        }
        count(Count::Sent);
        let secondary = pin!(copy.ask_elsewhere(worker, &mut tried, deadline));
        let (one, other) = race(primary, secondary, is_good).await;
        match other {
            Some(answered) if is_good(&answered) => (Some(answered), one),
            rest => {
                if let Some(answered) = rest {
                    give_up(worker, answered);
                }
                (None, one)
            }
        }
    };
    // What the second attempt asked is not asked again.
    if tried.count() > 1 {
        course.sent += 1;
        course.was_sent = true;
    }
    course.tried = tried;
    let Some(answered) = won else {
        return lost.unwrap_or(Err(Stopped::NoServer));
    };
    count(Count::Won);
    match lost {
        Some(Ok(answered)) => give_up(worker, answered),
        Some(Err(_)) => {}
        None => {
            let ended = worker.clock.read();
            let waited = ended.saturating_sub(now);
            group.outpaced(first, ended, waited);
            // It would have taken at least as long. Without it the slow ones would vanish from what is measured, and hedges make hedges.
            if let Some(hedge) = &upstream.shared.config.hedge {
                let latencies = &upstream.shared.resilience.latencies;
                latencies.observe(hedge.percentile, ended, waited);
            }
        }
    }
    request.mark_sent();
    course.is_over = !retry::is_unwanted(request, answered.head.line().status);
    Ok(answered)
}

/// Runs both attempts until one has a good answer, or neither has and both have ended.
async fn race(
    mut primary: Pin<&mut impl Future<Output = Result<Answered, Stopped>>>,
    mut secondary: Pin<&mut impl Future<Output = Option<Answered>>>,
    is_good: impl Fn(&Answered) -> bool,
) -> (Option<Result<Answered, Stopped>>, Option<Answered>) {
    let (mut one, mut other) = (None, None);
    poll_fn(|cx| {
        if one.is_none()
            && let Poll::Ready(ended) = primary.as_mut().poll(cx)
        {
            one = Some(ended);
        }
        if matches!(&one, Some(Ok(answered)) if is_good(answered)) {
            return Poll::Ready(());
        }
        if other.is_none()
            && let Poll::Ready(ended) = secondary.as_mut().poll(cx)
        {
            other = Some(ended);
        }
        let has_won = matches!(&other, Some(Some(answered)) if is_good(answered));
        match has_won || (one.is_some() && other.is_some()) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    })
    .await;
    (one, other.flatten())
}
