//! Answering a request that a limit refuses. The connection goes on: to connect again would cost both sides more than the
//! request did.

use std::time::Duration;

use tokio::io::AsyncWriteExt;

use super::super::client::Client;
use super::super::error::{Failure, Style};
use super::super::pipeline::read_the_rest;
use super::super::request::Request;
use super::super::served::{Next, Served};
use crate::worker::Worker;

/// How long a client may take to read an error's few bytes.
const WRITING: Duration = Duration::from_secs(10);

/// Answers with why it does not go on.
pub(in crate::http) async fn answer(
    worker: &Worker,
    client: &mut Client,
    request: &mut Request,
) -> Served {
    let mut out = worker.buffers.head();
    let refusal = request.way.refusal();
    let lines = refusal.map_or(&[][..], |refusal| &refusal.lines);
    let failure = Failure::Limited;
    let mut served = Served {
        status: failure.status(),
        sent: 0,
        endpoint: None,
        failure: Some(failure),
        ended: None,
        next: Next::Cut,
    };
    // A client that waits for 100 Continue may send its body or not: what comes next cannot be told.
    let is_body_uncertain = request.head.line().expects_continue && request.has_upload();
    let persists = !is_body_uncertain && request.persists() && !client.is_leaving(worker);
    let now = worker.clock.read();
    let style = Style {
        head: Some(&request.head),
        request_id: request.id(),
        version: persists.then(|| request.version()),
        lines,
    };
    failure.write(&mut out, &worker.clock.date(now), &style);
    client.timer.set(now, WRITING);
    let write = client.connection.stream_mut().write_all(out.filled());
    if let Some(Ok(())) = client.timer.limit(write).await {
        served.sent = out.len() as u64;
        served.next = if persists {
            Next::KeepAlive
        } else {
            Next::Linger
        };
    }
    drop(out);
    request.mark_sent();
    read_the_rest(worker, client, request, &mut served).await;
    served
}
