//! What makes stored responses invalid: writes through the gateway, and `PURGE` requests.

use tenfold_cache::{Fill, Invalidation};
use tenfold_http1::{Method, RequestHead, ResponseHead, write};
use tokio::io::AsyncWriteExt as _;

use super::admit::Intake;
use super::plan;
use crate::cache::{Outcome, Purge, Purged, Store};
use crate::http::cache::ask::Ask;
use crate::http::cache::fields::{Fields as _, Lines};
use crate::http::cache::freshness::Exchange;
use crate::http::cache::invalidate;
use crate::http::cache::store::Response;
use crate::http::cache::tags;
use crate::http::cache::validate::{self, HeadEffect};
use crate::http::client::Client;
use crate::http::error::{Failure, reason};
use crate::http::pipeline;
use crate::http::request::Request;
use crate::http::served::{Next, Served};
use crate::worker::Worker;

/// Forgets what a successful write has changed (RFC 9111 section 4.4), before its client hears of the success: who has seen the
/// answer must not be shown the old state.
pub(in crate::http) async fn after_write(request: &Request, head: &ResponseHead) {
    let Some(plan) = request.way.plan() else {
        return;
    };
    let passed = plan.passed(&request.head);
    let asked = passed.request(plan.target(&request.head));
    let response = Response {
        status: head.line().status,
        fields: head,
    };
    let targets = invalidate::targets(&asked, &response);
    if !targets.is_empty() {
        // Levels that fail are told later, and not read until then.
        let _told = plan
            .store
            .forget(asked.is_tls, asked.authority, &targets)
            .await;
    }
}

/// Compares what a server says about HEAD with what is stored for GET (RFC 9111 section 4.3.5): the same is brought up to
/// date, another makes it stale.
pub(super) async fn after_head(
    worker: &Worker,
    request: &Request,
    head: &ResponseHead,
    requested: i64,
) {
    let Some(plan) = request.way.plan() else {
        return;
    };
    let Some((object, place)) = plan::stored(plan, &request.route().name, &request.head) else {
        return;
    };
    let Some(length) = object.length() else {
        return;
    };
    let lines = Lines(object.fields());
    let status = head.line().status;
    match validate::head_effect(&object.rules, lines, length, status, head) {
        HeadEffect::Nothing => {}
        HeadEffect::Expire => {
            let what = Invalidation::key(place.key()).soft();
            let _told = plan.store.engine.invalidate(&[what]).await;
        }
        HeadEffect::Update => {
            let Fill::Lead(filling) = plan.store.engine.fill(place.key()) else {
                return;
            };
            let passed = plan.passed(&request.head);
            let mut asked = passed.request(plan.target(&request.head));
            // What is brought up to date is the response to GET.
            asked.method = Method::Get;
            let ask = Ask::of(&asked, &plan.store.config.policy);
            let received = worker.clock.unix(worker.clock.read());
            let intake = Intake {
                worker,
                store: &plan.store,
                request: &asked,
                ask: &ask,
                place: &place,
                personal: request.way.entry().request_edits.personal(),
                exchange: Exchange {
                    requested,
                    received,
                },
                timeouts: request.route().timeouts,
            };
            intake.update(filling, head, &object);
        }
    }
}

/// Answers a `PURGE` request: everything that is kept for its address, or what a field names.
pub(super) async fn purge(worker: &Worker, client: &mut Client, request: &mut Request) -> Served {
    let plan = request.way.plan().expect("a purge has a plan");
    let store = std::sync::Arc::clone(&plan.store);
    store
        .results
        .increment(worker.index, Outcome::Bypass as usize);
    if !store.config.may_purge(client.peer) {
        return pipeline::respond(worker, client, request, Err(Failure::PurgeForbidden)).await;
    }
    let head = &request.head;
    let soft = head.first("soft-purge").or(head.first("x-soft-purge"));
    let is_soft = soft.is_some_and(|value| value != b"0");
    let Some(told) = purge_all(&store, &wanted(head, plan.target(head)), is_soft).await else {
        return pipeline::respond(worker, client, request, Err(Failure::PurgeMalformed)).await;
    };
    let text = format!("{}\n", told.describe());
    let status = if told.is_everywhere() { 200 } else { 202 };
    answer(worker, client, request, status, &text).await
}

/// What a `PURGE` request wants to be purged: the tags that it names, as responses do, or its address, by whichever scheme
/// clients ask for it. Nothing, if it names tags that are none.
fn wanted(head: &RequestHead, target: &[u8]) -> Vec<Purge> {
    if head.has("surrogate-key") || head.has("cache-tag") {
        let named = tags::of(head).unwrap_or_default();
        let text = |tag: &&[u8]| String::from_utf8_lossy(tag).into_owned();
        return named.iter().map(text).map(Purge::Tag).collect();
    }
    let host = String::from_utf8_lossy(head.authority());
    let target = String::from_utf8_lossy(target);
    vec![Purge::Url(format!("https://{host}{target}"))]
}

/// `None`: nothing is wanted, or something that cannot be.
async fn purge_all(store: &Store, wanted: &[Purge], is_soft: bool) -> Option<Purged> {
    let mut told: Option<Purged> = None;
    for one in wanted {
        let purged = store.purge(one, is_soft).await.ok()?;
        match &mut told {
            Some(all) => all.add(purged),
            None => told = Some(purged),
        }
    }
    told
}

async fn answer(
    worker: &Worker,
    client: &mut Client,
    request: &Request,
    status: u16,
    text: &str,
) -> Served {
    let mut out = worker.buffers.head();
    write::status_line(&mut out, status, reason(status).as_bytes());
    write::field(&mut out, b"Content-Type", b"text/plain");
    write::content_length(&mut out, text.len() as u64);
    let now = worker.clock.read();
    write::field(&mut out, b"Date", &worker.clock.date(now));
    let persists = request.persists() && !request.has_upload() && !client.is_leaving(worker);
    if !persists {
        out.push(b"Connection: close\r\n");
    }
    out.push(b"\r\n");
    out.push(text.as_bytes());
    client.timer.set(now, request.route().timeouts.body);
    let write = client.connection.stream_mut().write_all(out.filled());
    let is_sent = matches!(client.timer.limit(write).await, Some(Ok(())));
    Served {
        status,
        sent: if is_sent { out.len() as u64 } else { 0 },
        endpoint: None,
        failure: (!is_sent).then_some(Failure::ClientGone),
        ended: None,
        next: match (is_sent, persists) {
            (false, _) => Next::Cut,
            (true, true) => Next::KeepAlive,
            (true, false) => Next::Linger,
        },
    }
}
