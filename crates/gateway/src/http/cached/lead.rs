//! One request asks the server for all that want the same, and takes the answer in.

use std::sync::Arc;

use tenfold_cache::{Error, Filling};
use tenfold_http1::Buffer;
use tenfold_http1::framing::Length;

use super::admit::{Intake, Taken};
use super::facts::Facts;
use super::fetch::count;
use super::plan::{Place, Plan};
use super::serve::serve;
use crate::cache::Outcome;
use crate::cache::object::{Kept, Object};
use crate::http::cache::ask::Ask;
use crate::http::cache::decide::{is_error, on_error};
use crate::http::cache::fields::{Fields as _, Lines};
use crate::http::cache::freshness::Exchange;
use crate::http::cache::status::{CacheStatus, Forward};
use crate::http::cache::validate;
use crate::http::client::Client;
use crate::http::error::Failure;
use crate::http::forward::Answered;
use crate::http::mirror::{self, give_up};
use crate::http::request::Request;
use crate::http::served::Served;
use crate::http::{admission, pipeline};
use crate::worker::Worker;

/// Asks the server for all that want it.
pub(super) async fn lead(
    worker: &Worker,
    client: &mut Client,
    request: &mut Request,
    filling: Filling<Kept>,
    place: &Place,
    stale: Option<Arc<Object>>,
    why: Forward,
) -> Served {
    mirror::perhaps(worker, client, request);
    let own = own_conditions(request.bytes());
    request.ask_whole(worker, &conditions(stale.as_deref()));
    let begun = worker.clock.read();
    let answered = admission::ask(worker, client, request).await;
    let ended = worker.clock.read();
    if let Some(plan) = request.way.plan() {
        let took = ended.saturating_sub(begun);
        plan.store.engine.count_load(took, answered.is_ok());
    }
    let exchange = Exchange {
        requested: worker.clock.unix(begun),
        received: worker.clock.unix(ended),
    };
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
    if is_error(status) && !request.route().fallback.is_empty() {
        filling.fail(Error::Load(Arc::new(Failure::UpstreamBroken)));
        count(worker, request, Outcome::Miss);
        return pipeline::respond(worker, client, request, Ok(answered)).await;
    }
    let told = CacheStatus {
        forward: Some(why),
        forward_status: Some(status),
        ..CacheStatus::default()
    };
    let plan = request.way.plan().expect("what is fetched has a plan");
    let passed = plan.passed(&request.head);
    let asked = passed.request(plan.target(&request.head));
    let ask = Ask::of(&asked, &plan.store.config.policy);
    let store = Arc::clone(&plan.store);
    let intake = Intake {
        worker,
        store: &store,
        request: &asked,
        ask: &ask,
        place,
        personal: request.way.entry().request_edits.personal(),
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
                let told = CacheStatus {
                    is_stored: true,
                    ttl: Some(object.rules.ttl(now)),
                    ..told
                };
                let age = object.rules.age(now);
                serve(worker, client, request, (object, None), age, &told).await
            }
            None => ask_again(worker, client, request, why, b"", Some("other-304")).await,
        };
    }
    match intake.response(filling, answered) {
        Taken::Object(object, reader) => {
            count(worker, request, Outcome::Miss);
            let now = worker.clock.unix(worker.clock.recent());
            let told = CacheStatus {
                is_stored: true,
                ttl: Some(object.rules.ttl(now)),
                ..told
            };
            let age = object.rules.age(now);
            serve(worker, client, request, (object, reader), age, &told).await
        }
        // The client wants a part of something large, and there will be nothing to cut it from.
        Taken::Refused(answered, refusal) if !ask.range.is_absent() && is_large(&answered) => {
            give_up(worker, *answered);
            ask_again(worker, client, request, why, &own, Some(refusal.detail())).await
        }
        Taken::Refused(answered, refusal) => {
            count(worker, request, Outcome::Miss);
            let told = CacheStatus {
                detail: Some(refusal.detail()),
                ..told
            };
            request.way.set_cache_status(told);
            pipeline::respond(worker, client, request, Ok(*answered)).await
        }
    }
}

/// From so many bytes on, another request costs less than a body that nobody wants as a whole.
const LARGE: u64 = 64 << 10;

fn is_large(answered: &Answered) -> bool {
    let line = answered.head.line();
    let is_short = matches!(line.length, Length::None)
        || matches!(line.length, Length::Known(length) if length < LARGE);
    line.status == 200 && !is_short
}

/// Asks the server once more, for this client alone, with `lines` as its conditions.
async fn ask_again(
    worker: &Worker,
    client: &mut Client,
    request: &mut Request,
    why: Forward,
    lines: &[u8],
    detail: Option<&'static str>,
) -> Served {
    request.ask_whole(worker, lines);
    count(worker, request, Outcome::Miss);
    request.way.set_cache_status(CacheStatus {
        forward: Some(why),
        detail,
        ..CacheStatus::default()
    });
    let answered = admission::ask(worker, client, request).await;
    pipeline::respond(worker, client, request, answered).await
}

/// The lines of a head that the cache replaces by its own.
fn own_conditions(head: &[u8]) -> Vec<u8> {
    let lines = head.split_inclusive(|byte| *byte == b'\n').skip(1);
    let own = lines.filter(|line| {
        let end = line.iter().position(|byte| *byte == b':').unwrap_or(0);
        validate::is_replaced(&line[..end])
    });
    own.flatten().copied().collect()
}

/// The field lines that ask about what is stored.
pub(super) fn conditions(stale: Option<&Object>) -> Vec<u8> {
    let mut lines = Vec::new();
    if let Some(stale) = stale {
        let fields = Lines(stale.fields());
        let modified = fields.first("last-modified");
        validate::write_conditions(&mut lines, stale.etag().into_iter(), modified);
    }
    lines
}

/// The server has failed: what is stale is served if that is allowed.
pub(super) async fn fall_back(
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
pub(super) fn usable(
    worker: &Worker,
    request: &Request,
    stale: Option<&Arc<Object>>,
) -> Option<(Arc<Object>, u32)> {
    let (plan, stale) = (request.way.plan()?, stale?);
    let passed = plan.passed(&request.head);
    let asked = passed.request(plan.target(&request.head));
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
    serve(worker, client, request, (object, None), age, &status).await
}

/// Serves what is stale because all else has failed.
pub(in crate::http) async fn serve_fallback(
    worker: &Worker,
    client: &mut Client,
    request: &Request,
    object: Arc<Object>,
    age: u32,
) -> Served {
    count(worker, request, Outcome::Stale);
    let now = worker.clock.unix(worker.clock.recent());
    let status = CacheStatus {
        forward: Some(Forward::Stale),
        ttl: Some(object.rules.ttl(now)),
        detail: Some("fallback"),
        ..CacheStatus::default()
    };
    serve(worker, client, request, (object, None), age, &status).await
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
pub(super) fn facts_of(plan: &Plan, request: &Request) -> Facts {
    let passed = plan.passed(&request.head);
    Facts::copy(&passed.request(plan.target(&request.head)))
}
