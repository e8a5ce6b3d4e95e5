//! What is not at hand is fetched: from a lower level or the server, by one request for all that want it.
//!
//! The first request *leads*: it asks the server on its own way (with retries, as any request) and takes the answer in. The
//! others wait, and get the response as it arrives. They do not wait for ever: a leader that fails tells them why, one that
//! vanishes frees them, an answer for one client only sends each of them its own way, and their own time limit holds as well.

use std::sync::Arc;
use std::time::Duration;

use tenfold_cache::{Error, Fill, Filling, Waiter};
use tenfold_http1::Buffer;

use super::admit::{Intake, Taken};
use super::plan::{self, Good, Place, Plan, Verdict};
use super::serve::{Serving, serve};
use super::{facts, invalidate, refresh};
use crate::cache::Outcome;
use crate::cache::object::{Kept, Object};
use crate::http::cache::ask::Ask;
use crate::http::cache::decide::{is_error, on_error};
use crate::http::cache::fields::Lines;
use crate::http::cache::freshness::Exchange;
use crate::http::cache::status::{CacheStatus, Forward};
use crate::http::cache::validate;
use crate::http::client::Client;
use crate::http::error::Failure;
use crate::http::forward::{self, Answered};
use crate::http::request::Request;
use crate::http::served::Served;
use crate::http::{mirror, pipeline};
use crate::worker::Worker;

/// So often a request looks again after waiting in vain. Then it goes its own way.
const ROUNDS: usize = 3;

/// How long a server may take to end an answer that nobody gets, before its connection is given up.
const GIVEN_UP: Duration = Duration::from_secs(5);

/// Answers a request for which the plan has no answer at hand.
pub(in crate::http) async fn answer(worker: &Worker, client: &mut Client, request: &mut Request) -> Served {
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
            pipeline::refuse(worker, client, Some(&request.head), &id, Failure::OnlyIfCached).await
        }
        Verdict::Purge => invalidate::purge(worker, client, request).await,
        Verdict::Fetch { place, stale, why } => fetch(worker, client, request, place, stale, why).await,
    }
}

/// Serves what is at hand.
pub(in crate::http) async fn hit(worker: &Worker, client: &mut Client, request: &Request, good: Good) -> Served {
    let Good { object, age, is_stale, .. } = good;
    count(worker, request, if is_stale { Outcome::Stale } else { Outcome::Hit });
    let now = worker.clock.unix(worker.clock.recent());
    let status = CacheStatus { ttl: Some(object.rules.ttl(now)), ..CacheStatus::default() };
    serve(worker, client, request, Serving { object, age, status }).await
}

/// Asks the server as if there were no cache, and says so.
async fn pass(
    worker: &Worker,
    client: &mut Client,
    request: &mut Request,
    why: Forward,
    detail: Option<&'static str>,
) -> Served {
    count(worker, request, if why == Forward::Bypass || why == Forward::Method { Outcome::Bypass } else { Outcome::Miss });
    let status = CacheStatus { forward: Some(why), detail, ..CacheStatus::default() };
    request.way.set_cache_status(status);
    if why != Forward::Method {
        return pipeline::answer(worker, client, request).await;
    }
    mirror::perhaps(worker, client, request);
    let answered = forward::ask(worker, client, request).await;
    if let Ok(answered) = &answered {
        invalidate::after_write(request, &answered.head).await;
    }
    pipeline::respond(worker, client, request, answered).await
}

fn count(worker: &Worker, request: &Request, outcome: Outcome) {
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
    let mut is_collapsed = false;
    for _ in 0..ROUNDS {
        let plan = request.way.plan().expect("what is fetched has a plan");
        match plan.store.engine.fill(place.key()) {
            Fill::Lead(filling) => {
                // Somebody may have stored it between the look and this.
                let verdict = look_again(worker, request);
                let verdict = match verdict {
                    Some(Verdict::Fetch { .. }) if plan.store.engine.has_lower() => {
                        // Fresh or stale, what is found there is in memory then.
                        ask_lower(&filling, &mut stale).await;
                        look_again(worker, request)
                    }
                    other => other,
                };
                match verdict {
                    Some(Verdict::Serve(good) | Verdict::ServeAndRefresh(good)) => {
                        drop(filling);
                        return hit(worker, client, request, good).await;
                    }
                    // Memory now knows what it varies by.
                    Some(Verdict::Fetch { place: found, .. }) if found.key() != place.key() => {
                        place = found;
                        continue;
                    }
                    Some(Verdict::Fetch { stale: found, why: now, .. }) => {
                        stale = found.or(stale);
                        why = now;
                    }
                    _ => {}
                }
                return lead(worker, client, request, filling, &place, stale, why).await;
            }
            Fill::Wait(waiter) => {
                match wait(worker, client, request, waiter).await {
                    Waited::Failed(failure) => return fall_back(worker, client, request, stale, why, failure).await,
                    Waited::Vanished => {}
                    Waited::Object(object) if fits(worker, request, &object) => {
                        count(worker, request, Outcome::Collapsed);
                        let now = worker.clock.unix(worker.clock.read());
                        let status = CacheStatus { forward: Some(why), is_collapsed: true, ttl: Some(object.rules.ttl(now)), ..CacheStatus::default() };
                        let age = object.rules.age(now);
                        return serve(worker, client, request, Serving { object, age, status }).await;
                    }
                    // It has to be asked for each time, or another one is wanted.
                    Waited::Object(_) => return pass(worker, client, request, why, None).await,
                    Waited::Other => {}
                }
                is_collapsed = true;
                match look_again(worker, request) {
                    Some(Verdict::Serve(good) | Verdict::ServeAndRefresh(good)) => {
                        return hit(worker, client, request, good).await;
                    }
                    Some(Verdict::Fetch { place: found, stale: old, why: now }) => {
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

fn look_again(worker: &Worker, request: &Request) -> Option<Verdict> {
    let plan = request.way.plan()?;
    let now = worker.clock.unix(worker.clock.recent());
    plan::again(plan, &request.route().name, &request.head, now)
}

/// Takes what a lower level has into memory; something stale is returned.
async fn ask_lower(filling: &Filling<Kept>, stale: &mut Option<Arc<Object>>) {
    if let Some((entry, false)) = filling.lower().await
        && let Some(Kept::Response(object)) = entry.value()
    {
        *stale = Some(Arc::clone(object));
    }
}

/// What came of waiting.
enum Waited {
    Object(Arc<Object>),
    /// Something else is known now: what the address varies by, or that it is personal.
    Other,
    Failed(Failure),
    Vanished,
}

async fn wait(
    worker: &Worker,
    client: &mut Client,
    request: &Request,
    mut waiter: Waiter<tenfold_cache::Outcome<Kept>>,
) -> Waited {
    client.timer.set(worker.clock.read(), request.route().timeouts.response);
    match client.timer.limit(waiter.result()).await {
        None => Waited::Failed(Failure::UpstreamTimeout),
        Some(None) => Waited::Vanished,
        Some(Some(Err(error))) => Waited::Failed(failure_of(&error)),
        Some(Some(Ok(entry))) => match entry.value() {
            Some(Kept::Response(object)) => Waited::Object(Arc::clone(object)),
            Some(Kept::Varies { .. } | Kept::Personal) | None => Waited::Other,
        },
    }
}

/// Why the leader has no answer.
fn failure_of(error: &Error) -> Failure {
    match error {
        Error::Load(error) => error.downcast_ref().copied().unwrap_or(Failure::UpstreamBroken),
        _ => Failure::UpstreamBroken,
    }
}

/// True if a response that was just fetched for another request is good for this one.
fn fits(worker: &Worker, request: &Request, object: &Object) -> bool {
    let plan = request.way.plan().expect("what was fetched has a plan");
    let asked = facts::request(&request.head, &plan.target);
    let ask = Ask::of(&asked, &plan.store.config.policy);
    let now = worker.clock.unix(worker.clock.read());
    let decision = crate::http::cache::lookup(Some(&object.rules), &ask, now);
    matches!(decision, crate::http::cache::Decision::Fresh { .. } | crate::http::cache::Decision::StaleWhileRevalidate { .. })
}

/// Asks the server for all that want it.
async fn lead(
    worker: &Worker,
    client: &mut Client,
    request: &mut Request,
    filling: Filling<Kept>,
    place: &Place,
    stale: Option<Arc<Object>>,
    why: Forward,
) -> Served {
    mirror::perhaps(worker, client, request);
    request.ask_whole(worker, &conditions(stale.as_deref()));
    let begun = worker.clock.read();
    let requested = worker.clock.unix(begun);
    let answered = forward::ask(worker, client, request).await;
    let ended = worker.clock.read();
    if let Some(plan) = request.way.plan() {
        plan.store.engine.count_load(ended.saturating_sub(begun), answered.is_ok());
    }
    let exchange = Exchange { requested, received: worker.clock.unix(ended) };
    let answered = match answered {
        Ok(answered) => answered,
        Err(failure) => {
            filling.fail(Error::Load(Arc::new(failure)));
            return fall_back(worker, client, request, stale, why, failure).await;
        }
    };
    let status = answered.head.line().status;
    if is_error(status)
        && let Some((object, age)) = usable(worker, request, stale.as_ref())
    {
        filling.fail(Error::Load(Arc::new(Failure::UpstreamBroken)));
        give_up(worker, answered);
        return serve_stale(worker, client, request, object, age, why, Some(status)).await;
    }
    let told = CacheStatus { forward: Some(why), forward_status: Some(status), ..CacheStatus::default() };
    let plan = request.way.plan().expect("what is fetched has a plan");
    let asked = facts::request(&request.head, &plan.target);
    let ask = Ask::of(&asked, &plan.store.config.policy);
    let store = Arc::clone(&plan.store);
    let intake = Intake {
        worker,
        store: &store,
        request: &asked,
        ask: &ask,
        place,
        exchange,
        timeouts: request.route().timeouts,
    };
    if status == 304
        && let Some(stale) = &stale
    {
        let confirmed = intake.confirmation(filling, &answered.head, stale);
        give_up(worker, answered);
        return match confirmed {
            Some(object) => {
                count(worker, request, Outcome::Revalidated);
                let now = worker.clock.unix(worker.clock.recent());
                let told = CacheStatus { is_stored: true, ttl: Some(object.rules.ttl(now)), ..told };
                let age = object.rules.age(now);
                serve(worker, client, request, Serving { object, age, status: told }).await
            }
            None => {
                request.ask_whole(worker, b"");
                pass(worker, client, request, why, Some("other-304")).await
            }
        };
    }
    match intake.response(filling, answered) {
        Taken::Object(object) => {
            count(worker, request, Outcome::Miss);
            let now = worker.clock.unix(worker.clock.recent());
            let told = CacheStatus { is_stored: true, ttl: Some(object.rules.ttl(now)), ..told };
            let age = object.rules.age(now);
            serve(worker, client, request, Serving { object, age, status: told }).await
        }
        Taken::Refused(answered, refusal) => {
            count(worker, request, Outcome::Miss);
            let told = CacheStatus { detail: Some(refusal.detail()), ..told };
            request.way.set_cache_status(told);
            pipeline::respond(worker, client, request, Ok(answered)).await
        }
    }
}

/// The field lines that ask about what is stored.
fn conditions(stale: Option<&Object>) -> Vec<u8> {
    let mut lines = Vec::new();
    if let Some(stale) = stale {
        let modified = Lines(&stale.fields);
        let modified = crate::http::cache::fields::Fields::first(&modified, "last-modified");
        validate::write_conditions(&mut lines, stale.etag().into_iter(), modified);
    }
    lines
}

/// The server has failed: what is stale is served if that is allowed.
async fn fall_back(
    worker: &Worker,
    client: &mut Client,
    request: &mut Request,
    stale: Option<Arc<Object>>,
    why: Forward,
    failure: Failure,
) -> Served {
    if let Some((object, age)) = usable(worker, request, stale.as_ref()) {
        return serve_stale(worker, client, request, object, age, why, None).await;
    }
    count(worker, request, Outcome::Miss);
    pipeline::respond(worker, client, request, Err(failure)).await
}

/// What may be served when the server fails, with its age.
fn usable(worker: &Worker, request: &Request, stale: Option<&Arc<Object>>) -> Option<(Arc<Object>, u32)> {
    let (plan, stale) = (request.way.plan()?, stale?);
    let asked = facts::request(&request.head, &plan.target);
    let ask = Ask::of(&asked, &plan.store.config.policy);
    let now = worker.clock.unix(worker.clock.read());
    let age = on_error(&stale.rules, &ask, now)?;
    Some((Arc::clone(stale), age))
}

async fn serve_stale(
    worker: &Worker,
    client: &mut Client,
    request: &Request,
    object: Arc<Object>,
    age: u32,
    why: Forward,
    forward_status: Option<u16>,
) -> Served {
    count(worker, request, Outcome::Stale);
    let now = worker.clock.unix(worker.clock.recent());
    let status = CacheStatus {
        forward: Some(why),
        forward_status,
        ttl: Some(object.rules.ttl(now)),
        detail: Some("stale-if-error"),
        ..CacheStatus::default()
    };
    serve(worker, client, request, Serving { object, age, status }).await
}

/// Lets an answer go that nobody gets, and keeps its connection.
pub(super) fn give_up(worker: &Worker, answered: Answered) {
    answered.judge(worker);
    let worker = worker.itself();
    tokio::task::spawn_local(async move {
        let timer = worker.timers.timer();
        mirror::give_back(&worker, &timer, answered, GIVEN_UP).await;
    });
}

impl Request {
    /// Makes the head that the server gets ask for the whole response under the cache's own conditions: `lines` in place of
    /// the client's.
    pub(super) fn ask_whole(&mut self, worker: &Worker, lines: &[u8]) {
        let mut out = worker.buffers.head();
        edit_conditions(self.bytes(), lines, &mut out);
        self.replace_head(out);
    }
}

/// Copies a head without conditions and ranges, and with `lines`.
pub(super) fn edit_conditions(head: &[u8], lines: &[u8], out: &mut Buffer) {
    for (index, line) in head.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let end = line.iter().position(|byte| *byte == b':').unwrap_or(0);
        if line == b"\r\n" {
            out.push(lines);
        }
        if index == 0 || !validate::is_replaced(&line[..end]) {
            out.push(line);
        }
    }
}

/// Facts for what goes on without the request.
pub(super) fn facts_of(plan: &Plan, request: &Request) -> facts::Facts {
    facts::Facts::copy(&request.head, &plan.target)
}
