//! A request waits for its places.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tenfold_observe::metric::Metric;
use tenfold_traffic::resilience::bulkhead::{Acquire, Permit, Waiting};
use tenfold_traffic::resilience::priority::Priority;
use tenfold_traffic::resilience::queue::Shed;
use tokio::net::TcpStream;
use tokio::time::Sleep;

use super::leaving::Leaving;
use super::priority;
use crate::http::client::Client;
use crate::http::error::Failure;
use crate::http::request::Request;
use crate::upstream::gate::{Gate, Place};
use crate::worker::Worker;

/// Takes the places one after the other, and waits for those that are not free.
pub(super) async fn enter(
    worker: &Worker,
    client: &mut Client,
    request: &mut Request,
) -> Result<(), Failure> {
    let priority = priority(client, request);
    let entry = request.way.entry();
    if let Some(gate) = &entry.gate
        && !request.way.route_place.is_held()
    {
        let waits = entry.waits.as_ref();
        one(worker, client, request, gate, waits, priority).await?;
        request.way.route_place = Place::of(priority);
    }
    let upstream = request.way.upstream();
    if let Some(gate) = &upstream.shared.gate {
        let waits = upstream.waits.as_ref();
        one(worker, client, request, gate, waits, priority).await?;
        request.way.upstream_place = Place::of(priority);
    }
    Ok(())
}

/// Takes one place.
async fn one(
    worker: &Worker,
    client: &mut Client,
    request: &Request,
    gate: &Arc<Gate>,
    waits: Option<&Metric>,
    priority: Priority,
) -> Result<(), Failure> {
    let now = worker.clock.read();
    let own = request.deadline();
    let deadline = own.is_some().then(|| now + own.left(now));
    let result = match gate.bulkhead.acquire(priority, now, deadline) {
        Ok(Acquire::Permit(permit)) => Ok(permit),
        Ok(Acquire::Waiting(waiting)) => {
            gate.count_queued();
            let result = wait(worker, client, request, waiting, now).await;
            if let Some(waits) = waits {
                let waited = worker.clock.read().saturating_sub(now);
                waits.record(worker.index, waited);
            }
            result.ok_or(Failure::ClientGone)?
        }
        Err(shed) => Err(shed),
    };
    match result {
        Ok(permit) => {
            permit.keep();
            Ok(())
        }
        Err(shed) => {
            gate.count_shed(priority, shed);
            match own.has_passed(worker.clock.recent()) {
                true => Err(Failure::DeadlineExceeded),
                false => Err(Failure::Shed(shed)),
            }
        }
    }
}

/// Waits until there is a permit or none is to be had; `None` if the client leaves.
async fn wait(
    worker: &Worker,
    client: &mut Client,
    request: &Request,
    mut waiting: Waiting,
    now: Duration,
) -> Option<Result<Permit, Shed>> {
    // The wheel's ticks are longer than many a queue's timeout.
    let time = waiting.deadline().saturating_sub(now);
    let mut sleep = Box::pin(tokio::time::sleep(time));
    let mut leaving = Leaving::watch(request);
    let stream = client.connection.stream_mut();
    let result = poll_fn(|cx| poll(cx, &mut waiting, sleep.as_mut(), stream, &mut leaving)).await;
    match result {
        Ended::Settled(result) => Some(result),
        Ended::Late => Some(waiting.give_up(worker.clock.read())),
        Ended::Gone => None,
    }
}

enum Ended {
    Settled(Result<Permit, Shed>),
    Late,
    Gone,
}

fn poll(
    cx: &mut Context<'_>,
    waiting: &mut Waiting,
    sleep: Pin<&mut Sleep>,
    stream: &TcpStream,
    leaving: &mut Leaving,
) -> Poll<Ended> {
    if let Poll::Ready(result) = Pin::new(waiting).poll(cx) {
        return Poll::Ready(Ended::Settled(result));
    }
    if sleep.poll(cx).is_ready() {
        return Poll::Ready(Ended::Late);
    }
    leaving.poll(cx, stream).map(|()| Ended::Gone)
}
