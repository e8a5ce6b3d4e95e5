//! What is not at hand is fetched: from a lower level or the server, by one request for all that want it.
//!
//! The first request *leads*: it asks the server on its own way (with retries, as any request) and takes the answer in. The
//! others wait, and get the response as it arrives. They do not wait for ever: a leader that fails tells them why, one that
//! vanishes frees them, an answer for one client only sends each of them its own way, and their own time limit holds as well. A
//! leader that fails for a reason that may be its own is followed by one more.

use std::sync::Arc;

use tenfold_cache::{Error, Fill, Filling, Waiter};
use tenfold_http1::Method;

use super::lead::{fall_back, lead, usable};
use super::plan::{self, Good, Place, Verdict};
use super::serve::{Serving, serve};
use super::{invalidate, refresh};
use crate::cache::Outcome;
use crate::cache::object::{Body, Kept, Object};
use crate::http::cache::ask::Ask;
use crate::http::cache::status::{CacheStatus, Forward};
use crate::http::cache::stored::Flags;
use crate::http::cache::{self, Decision};
use crate::http::client::Client;
use crate::http::error::Failure;
use crate::http::request::Request;
use crate::http::served::Served;
use crate::http::{admission, mirror, pipeline};
use crate::worker::Worker;

/// So often a request looks again after waiting in vain. Then it goes its own way.
const ROUNDS: usize = 3;

/// Answers a request for which the plan has no answer at hand.
pub(in crate::http) async fn answer(
    worker: &Worker,
    client: &mut Client,
    request: &mut Request,
) -> Served {
    let Some(plan) = request.way.plan_mut() else {
        return pipeline::answer(worker, client, request).await;
    };
    let verdict = std::mem::replace(&mut plan.verdict, Verdict::Pass(Forward::Bypass));
    match verdict {
        Verdict::Serve(good) => hit(worker, client, request, good).await,
        Verdict::ServeAndRefresh(good) => {
            refresh::start(worker, client, request, &good);
            hit(worker, client, request, good).await
        }
        Verdict::Pass(why) => pass(worker, client, request, why, None).await,
        Verdict::OnlyIfCached => {
            count(worker, request, Outcome::Bypass);
            let id = request.id().to_vec();
            pipeline::refuse(
                worker,
                client,
                Some(&request.head),
                &id,
                Failure::OnlyIfCached,
            )
            .await
        }
        Verdict::Purge => invalidate::purge(worker, client, request).await,
        Verdict::Fetch { place, stale, why } => {
            fetch(worker, client, request, place, stale, why).await
        }
    }
}

/// Serves what is at hand. What can be done without waiting is done before there is a future, which is part of that of every
/// request and must be small.
pub(in crate::http) fn send<'a>(
    worker: &'a Worker,
    client: &'a mut Client,
    request: &'a mut Request,
) -> impl Future<Output = Served> + 'a {
    let plan = request
        .way
        .plan_mut()
        .expect("only what has a plan is at hand");
    let verdict = std::mem::replace(&mut plan.verdict, Verdict::OnlyIfCached);
    let Verdict::Serve(good) = verdict else {
        unreachable!("what is at hand was looked at just now");
    };
    prepare(worker, client, request, good).send(worker, client, request)
}

fn prepare(worker: &Worker, client: &Client, request: &Request, good: Good) -> Serving {
    let Good {
        object,
        age,
        is_stale,
        ..
    } = good;
    let outcome = match is_stale {
        true => Outcome::Stale,
        false => Outcome::Hit,
    };
    count(worker, request, outcome);
    let now = worker.clock.unix(worker.clock.recent());
    let status = CacheStatus {
        ttl: Some(object.rules.ttl(now)),
        ..CacheStatus::default()
    };
    Serving::new(worker, client, request, object, age, &status)
}

/// Serves what is at hand.
async fn hit(worker: &Worker, client: &mut Client, request: &Request, good: Good) -> Served {
    prepare(worker, client, request, good)
        .send(worker, client, request)
        .await
}

/// Asks the server as if there were no cache, and says so.
pub(super) async fn pass(
    worker: &Worker,
    client: &mut Client,
    request: &mut Request,
    why: Forward,
    detail: Option<&'static str>,
) -> Served {
    count(
        worker,
        request,
        if why == Forward::Bypass || why == Forward::Method {
            Outcome::Bypass
        } else {
            Outcome::Miss
        },
    );
    let status = CacheStatus {
        forward: Some(why),
        detail,
        ..CacheStatus::default()
    };
    request.way.set_cache_status(status);
    let is_head = request.method() == Method::Head;
    if why != Forward::Method && !is_head {
        return pipeline::answer(worker, client, request).await;
    }
    mirror::perhaps(worker, client, request);
    let requested = worker.clock.unix(worker.clock.read());
    let answered = admission::ask(worker, client, request).await;
    match &answered {
        Ok(answered) if is_head => {
            invalidate::after_head(worker, request, &answered.head, requested).await;
        }
        Ok(answered) => invalidate::after_write(request, &answered.head).await,
        Err(_) => {}
    }
    pipeline::respond(worker, client, request, answered).await
}

pub(super) fn count(worker: &Worker, request: &Request, outcome: Outcome) {
    if let Some(plan) = request.way.plan() {
        plan.store.results.increment(worker.index, outcome as usize);
    }
}

async fn fetch(
    worker: &Worker,
    client: &mut Client,
    request: &mut Request,
    mut place: Place,
    mut stale: Option<Arc<Object>>,
    mut why: Forward,
) -> Served {
    let (mut is_collapsed, mut has_failed) = (false, false);
    for _ in 0..ROUNDS {
        let plan = request.way.plan().expect("what is fetched has a plan");
        match plan.store.engine.fill(place.key()) {
            Fill::Lead(filling) => {
                match look_below(worker, request, &filling, &place, stale, why).await {
                    Now::There(good) => {
                        drop(filling);
                        return hit(worker, client, request, good).await;
                    }
                    Now::Elsewhere(found, old) => (place, stale) = (found, old),
                    Now::Missing { stale, why } => {
                        return lead(worker, client, request, filling, &place, stale, why).await;
                    }
                }
            }
            Fill::Wait(waiter) => {
                match wait(worker, client, request, waiter).await {
                    // What breaks the server may be something about the leader; one more of those who wait tries.
                    Waited::Failed(failure)
                        if !has_failed
                            && failure != Failure::UpstreamTimeout
                            && usable(worker, request, stale.as_ref()).is_none() =>
                    {
                        has_failed = true;
                    }
                    Waited::Failed(failure) => {
                        return fall_back(worker, client, request, stale, why, failure).await;
                    }
                    Waited::Vanished => {}
                    Waited::Object(object) if fits(worker, request, &object) => {
                        return collapsed(worker, client, request, object, why).await;
                    }
                    // It has to be asked for each time, or another one is wanted.
                    Waited::Object(_) | Waited::Personal => {
                        return pass(worker, client, request, why, None).await;
                    }
                    Waited::Varies => {}
                }
                is_collapsed = true;
                match look_again(worker, request) {
                    Some(Verdict::Serve(good) | Verdict::ServeAndRefresh(good)) => {
                        return hit(worker, client, request, good).await;
                    }
                    Some(Verdict::Fetch {
                        place: found,
                        stale: old,
                        why: now,
                    }) => {
                        (place, why) = (found, now);
                        stale = old.or(stale);
                    }
                    _ => return pass(worker, client, request, why, None).await,
                }
            }
        }
    }
    let detail = is_collapsed.then_some("waited-in-vain");
    pass(worker, client, request, why, detail).await
}

/// What the cache has for a request when all else has failed, however old, with its age; not what must not be served stale.
pub(in crate::http) fn stale(worker: &Worker, request: &Request) -> Option<(Arc<Object>, u32)> {
    let object = match look_again(worker, request)? {
        Verdict::Serve(good) | Verdict::ServeAndRefresh(good) => good.object,
        Verdict::Fetch { stale, .. } => stale?,
        _ => return None,
    };
    let now = worker.clock.unix(worker.clock.read());
    if matches!(object.body(), Body::Arriving(_)) {
        return None;
    }
    let flags = object.rules.flags;
    let is_forbidden = flags.has(Flags::NO_STALE) || flags.has(Flags::NO_CACHE);
    (!is_forbidden || object.rules.is_fresh(now)).then(|| {
        let age = object.rules.age(now);
        (object, age)
    })
}

/// What the leader finds before it asks the server.
enum Now {
    There(Good),
    /// Another variant is meant, as is known now; with what there is to be asked about.
    Elsewhere(Place, Option<Arc<Object>>),
    Missing {
        stale: Option<Arc<Object>>,
        why: Forward,
    },
}

/// Looks once more, because somebody may have stored it between the look and the lead, and into the lower levels.
async fn look_below(
    worker: &Worker,
    request: &Request,
    filling: &Filling<Kept>,
    place: &Place,
    mut stale: Option<Arc<Object>>,
    why: Forward,
) -> Now {
    let mut verdict = look_again(worker, request);
    let has_lower = |plan: &plan::Plan| plan.store.engine.has_lower();
    if let Some(Verdict::Fetch { .. }) = verdict
        && request.way.plan().is_some_and(has_lower)
    {
        let below = ask_lower(filling, &mut stale).await;
        verdict = look_again(worker, request);
        // Most often it is in memory now, unless that has no room for it.
        if let Some(Verdict::Fetch { place: found, .. }) = &verdict
            && found.key() == place.key()
            && !found.is_outdated
            && let Some(object) = below
            && fits(worker, request, &object)
        {
            let now = worker.clock.unix(worker.clock.read());
            return Now::There(Good {
                age: object.rules.age(now),
                is_stale: !object.rules.is_fresh(now),
                object,
                place: place.clone(),
            });
        }
    }
    match verdict {
        Some(Verdict::Serve(good) | Verdict::ServeAndRefresh(good)) => Now::There(good),
        // Memory now knows what it varies by.
        Some(Verdict::Fetch { place: found, .. }) if found.key() != place.key() => {
            Now::Elsewhere(found, stale)
        }
        Some(Verdict::Fetch {
            stale: found, why, ..
        }) => Now::Missing {
            stale: found.or(stale),
            why,
        },
        _ => Now::Missing { stale, why },
    }
}

/// Serves what was fetched for another request, or is being fetched.
async fn collapsed(
    worker: &Worker,
    client: &mut Client,
    request: &mut Request,
    object: Arc<Object>,
    why: Forward,
) -> Served {
    let Ok(reader) = object.reader() else {
        // It turned out too large to be stored, and its beginning is not there any more.
        return pass(worker, client, request, why, None).await;
    };
    count(worker, request, Outcome::Collapsed);
    let now = worker.clock.unix(worker.clock.read());
    let status = CacheStatus {
        forward: Some(why),
        is_collapsed: true,
        ttl: Some(object.rules.ttl(now)),
        ..CacheStatus::default()
    };
    let age = object.rules.age(now);
    serve(worker, client, request, (object, reader), age, &status).await
}

fn look_again(worker: &Worker, request: &Request) -> Option<Verdict> {
    let plan = request.way.plan()?;
    let now = worker.clock.unix(worker.clock.recent());
    plan::again(plan, &request.route().name, &request.head, now)
}

/// Takes what a lower level has into memory, and returns the response that is there, if it is fresh.
async fn ask_lower(
    filling: &Filling<Kept>,
    stale: &mut Option<Arc<Object>>,
) -> Option<Arc<Object>> {
    let (entry, is_fresh) = filling.lower().await?;
    let Some(Kept::Response(object)) = entry.value() else {
        return None;
    };
    if !is_fresh {
        *stale = Some(Arc::clone(object));
    }
    is_fresh.then(|| Arc::clone(object))
}

/// What came of waiting.
enum Waited {
    Object(Arc<Object>),
    /// It is for one client only, or not to be stored for another reason.
    Personal,
    /// It is known now what the address varies by.
    Varies,
    Failed(Failure),
    Vanished,
}

async fn wait(
    worker: &Worker,
    client: &mut Client,
    request: &Request,
    mut waiter: Waiter<tenfold_cache::Outcome<Kept>>,
) -> Waited {
    let (now, limit) = (worker.clock.read(), request.route().timeouts.response);
    client.timer.set(now, request.deadline().within(now, limit));
    match client.timer.limit(waiter.result()).await {
        None if request.deadline().has_passed(worker.clock.recent()) => {
            Waited::Failed(Failure::DeadlineExceeded)
        }
        None => Waited::Failed(Failure::UpstreamTimeout),
        Some(None) => Waited::Vanished,
        Some(Some(Err(error))) => Waited::Failed(failure_of(&error)),
        Some(Some(Ok(entry))) => match entry.value() {
            Some(Kept::Response(object)) => Waited::Object(Arc::clone(object)),
            Some(Kept::Personal) => Waited::Personal,
            Some(Kept::Varies(_)) | None => Waited::Varies,
        },
    }
}

/// Why the leader has no answer.
fn failure_of(error: &Error) -> Failure {
    match error {
        Error::Load(error) => error
            .downcast_ref()
            .copied()
            .unwrap_or(Failure::UpstreamBroken),
        _ => Failure::UpstreamBroken,
    }
}

/// True if a response that was just fetched for another request is good for this one.
fn fits(worker: &Worker, request: &Request, object: &Object) -> bool {
    let plan = request.way.plan().expect("what was fetched has a plan");
    let passed = plan.passed(&request.head);
    let asked = passed.request(plan.target(&request.head));
    let ask = Ask::of(&asked, &plan.store.config.policy);
    let now = worker.clock.unix(worker.clock.read());
    let decision = cache::lookup(Some(&object.rules), &ask, now);
    matches!(
        decision,
        Decision::Fresh { .. } | Decision::StaleWhileRevalidate { .. }
    )
}
