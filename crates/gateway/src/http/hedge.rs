//! A hedge: when the first server takes longer than nearly all answers do, a second one is asked too, and the first good answer wins.
//!
//! When that is, and why, is in [`tenfold_traffic::resilience::hedge`]. Both attempts run in this one future, which is boxed: a request
//! of an upstream without hedges pays one comparison. The attempt that loses is dropped with its connection, since nothing can
//! take back what was sent on it; its server's latency is noted, and it is not judged otherwise.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use tenfold_traffic::Tried;
use tenfold_traffic::resilience::breaker;
use tenfold_traffic::resilience::budget::Kind;
use tenfold_traffic::resilience::deadline::Deadline;
use tenfold_traffic::resilience::retry::Failed;

use super::client::Client;
use super::forward::{self, Again, Answered, Course, Stopped, attempt};
use super::headers;
use super::mirror::{Copy, give_up};
use super::request::Request;
use crate::upstream::{Pick, Upstream};
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
    let upstream = Rc::clone(request.way.upstream());
    let first = forward::peek(worker, client, request, now);
    let Some(first) = first.filter(|first| is_sound(&upstream, *first, now)) else {
        return attempt(worker, client, request, course, now).await;
    };
    course.again = Some(Again {
        index: first as u32,
        is_stale: false,
    });
    let mut second = Second::new(client, request, &upstream, first);
    let (mut one, other) = {
        let mut primary = pin!(attempt(worker, client, request, course, now));
        // Not the worker's wheel, whose ticks are longer than most thresholds.
        if let Ok(ended) = tokio::time::timeout(after, primary.as_mut()).await {
            return ended;
        }
        let Some(pick) = second.choose(worker) else {
            return primary.await;
        };
        let secondary = pin!(second.copy.ask_at(worker, pick, second.deadline));
        race(primary, secondary, |answered| is_good(&upstream, answered)).await
    };
    // What the second attempt asked is not asked again.
    course.sent += 1;
    course.was_sent = true;
    course.tried = second.tried;
    let won = match other {
        Some(answered) if is_good(&upstream, &answered) => answered,
        rest => {
            let_go(worker, rest);
            return one.take().unwrap_or(Err(Stopped::NoServer));
        }
    };
    count(&upstream, Count::Won);
    match one {
        Some(ended) => let_go(worker, ended.ok()),
        None => {
            let ended = worker.clock.read();
            let waited = ended.saturating_sub(now);
            let group = &upstream.shared.group;
            group.outpaced(first, ended, waited);
            // It would have taken at least as long. Without it the slow ones would vanish from what is measured, and hedges make hedges.
            if let Some(hedge) = &upstream.shared.config.hedge {
                let latencies = &upstream.shared.resilience.latencies;
                latencies.observe(hedge.percentile, ended, waited);
            }
        }
    }
    request.mark_sent();
    course.is_over = true;
    Ok(won)
}

/// True if neither the upstream nor that server is on trial: what is gets what its breaker lets through, and no more.
fn is_sound(upstream: &Upstream, index: usize, now: Duration) -> bool {
    let endpoint = &upstream.shared.group.members()[index].endpoint;
    upstream.shared.resilience.breaker.state(now) == breaker::State::Closed
        && endpoint.breaker(now) == breaker::State::Closed
}

/// True if nobody else need be asked after this answer.
fn is_good(upstream: &Upstream, answered: &Answered) -> bool {
    let status = answered.head.line().status;
    let on = &upstream.shared.config.retry.rules.on;
    status < 500 && !on.includes(Failed::Status(status))
}

fn count(upstream: &Upstream, what: Count) {
    upstream.metrics.hedges.increment(what as usize);
}

/// Nobody gets it; its connection may be kept.
fn let_go(worker: &Worker, answered: Option<Answered>) {
    if let Some(answered) = answered {
        give_up(worker, answered);
    }
}

/// The second attempt, as it is prepared before the first one takes the request.
struct Second {
    copy: Copy,
    upstream: Rc<Upstream>,
    tried: Tried,
    deadline: Deadline,
    /// The route's field for what is left, if the server is to be told.
    tells: Option<Option<String>>,
}

impl Second {
    fn new(client: &Client, request: &Request, upstream: &Rc<Upstream>, first: usize) -> Self {
        let mut tried = Tried::default();
        tried.add(first);
        let header = || request.route().deadline_header.clone();
        Self {
            copy: Copy::of_own(client, request, request.bytes()),
            upstream: Rc::clone(upstream),
            tried,
            deadline: request.deadline(),
            tells: request.tells_deadline().then(header),
        }
    }

    /// Where it goes, if somebody is left to be asked and the budget allows it.
    fn choose(&mut self, worker: &Worker) -> Option<Pick> {
        let pick = self.copy.choose(worker, &mut self.tried)?;
        let shared = &self.upstream.shared;
        let now = worker.clock.recent();
        let (rules, budget) = (&shared.config.retry.budget, &shared.resilience.budget);
        if !budget.withdraw(rules, now, Kind::Repeat) {
            count(&self.upstream, Count::Refused);
            return None;
        }
        count(&self.upstream, Count::Sent);
        if let Some(header) = &self.tells {
            self.copy
                .tell_deadline(header.as_deref(), self.deadline.left(now));
        }
        Some(pick)
    }
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
