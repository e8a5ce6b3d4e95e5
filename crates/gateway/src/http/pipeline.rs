//! The life of a request, from top to bottom.

use std::time::Duration;

use tenfold_http1::{RequestHead, Version};
use tokio::io::AsyncWriteExt;

use super::access_log::Line;
use super::client::Client;
use super::error::{Failure, Style};
use super::forward::{self, Answered};
use super::request::Request;
use super::respond::{Response, Sent, discard};
use super::served::{Next, Served};
use super::{admission, cached, fallback, limit, local, mirror};
use crate::metrics;
use crate::snapshot::Entry;
use crate::worker::Worker;

/// How long a client may take to read an error's few bytes.
const WRITING: Duration = Duration::from_secs(10);

/// Answers one request: route, limit and admit → attempt → respond → record.
pub(super) fn serve<'a>(
    worker: &'a Worker,
    client: &'a mut Client,
    head: RequestHead,
) -> impl Future<Output = Next> + 'a {
    let started = worker.clock.read();
    let active = Active::new(worker);
    client.is_busy = true;
    let mut admitted = Request::admit(worker, client, head, started);
    // The request is used where it was captured: moving it into the future a second time would make the future too large for
    // the allocator's fast path (docs/performance.md).
    async move {
        // Captured, and dropped with the future; a variable of its own would be a second place for it.
        let _ = &active;
        let served = match &mut admitted {
            Ok(request) if request.way.is_at_hand() && !request.way.awaits_store() => {
                cached::send(worker, client, request).await
            }
            Ok(request) if request.way.has_business() => {
                Box::pin(detour(worker, client, request)).await
            }
            Ok(request) => answer(worker, client, request).await,
            Err(refused) => {
                let (head, failure) = (&refused.head, refused.failure);
                Box::pin(refuse(worker, client, Some(head), b"", failure)).await
            }
        };
        match admitted {
            Ok(request) => {
                limit::observe(worker, &request, &served);
                record(worker, client, &About::request(&request), &served);
                if served.next == Next::KeepAlive {
                    client.connection.put_back(request.into_rest());
                }
            }
            Err(refused) => {
                let about = About {
                    route: None,
                    head: Some(&refused.head),
                    id: b"",
                    received: 0,
                    started: refused.started,
                    fallback: None,
                };
                record(worker, client, &about, &served);
            }
        }
        served.next
    }
}

/// The way of a request that does not simply go to a server: it may be refused, answered here, or by the cache.
async fn detour(worker: &Worker, client: &mut Client, request: &mut Request) -> Served {
    if request.way.awaits_store() {
        limit::ask_store(worker, request).await;
    }
    let way = &request.way;
    if way.refusal().is_some() {
        limit::answer(worker, client, request).await
    } else if way.local().is_some() {
        answer_here(worker, client, request).await
    } else if way.is_at_hand() {
        cached::send(worker, client, request).await
    } else if way.plan().is_some() {
        cached::answer(worker, client, request).await
    } else {
        answer(worker, client, request).await
    }
}

/// Finds a server, and sends its response on.
pub(super) fn answer<'a>(
    worker: &'a Worker,
    client: &'a mut Client,
    request: &'a mut Request,
) -> impl Future<Output = Served> + 'a {
    mirror::perhaps(worker, client, request);
    async move {
        let answered = match admission::enter(client, request) {
            true => {
                let answered = forward::ask(worker, client, request).await;
                admission::judge(request, answered)
            }
            false => Box::pin(admission::ask(worker, client, request)).await,
        };
        let mut made = make(worker, client, request, answered);
        let sent = match &mut made {
            Ok(response) => response.send(worker, client, request).await,
            Err(_) => Sent::default(),
        };
        let mut served = match made {
            Ok(response) => response.finish(worker, request, sent),
            Err(Missed::Failed(failure)) => {
                Box::pin(refuse_request(worker, client, request, failure)).await
            }
            Err(Missed::Fallback(answered)) => {
                Box::pin(fallback::answer(worker, client, request, *answered)).await
            }
        };
        read_the_rest(worker, client, request, &mut served).await;
        served
    }
}

/// Why there is no response of a server's to send on.
enum Missed {
    Failed(Failure),
    /// The route has something better than this. Boxed, because the future of every request has room for it.
    Fallback(Box<Result<Answered, Failure>>),
}

/// Makes the response that the client gets, if it is to get the server's.
fn make(
    worker: &Worker,
    client: &Client,
    request: &Request,
    answered: Result<Answered, Failure>,
) -> Result<Response, Missed> {
    if fallback::is_wanted(request, &answered) {
        return Err(Missed::Fallback(Box::new(answered)));
    }
    let made = answered.and_then(|it| it.for_client(worker, client, request));
    made.map_err(Missed::Failed)
}

/// Sends on what a server has answered, or what there is instead of it.
pub(super) async fn respond(
    worker: &Worker,
    client: &mut Client,
    request: &mut Request,
    answered: Result<Answered, Failure>,
) -> Served {
    let mut served = match fallback::is_wanted(request, &answered) {
        true => Box::pin(fallback::answer(worker, client, request, answered)).await,
        false => respond_as_is(worker, client, request, answered).await,
    };
    read_the_rest(worker, client, request, &mut served).await;
    served
}

/// Sends on what a server has answered, or says why there is nothing.
pub(super) async fn respond_as_is(
    worker: &Worker,
    client: &mut Client,
    request: &mut Request,
    answered: Result<Answered, Failure>,
) -> Served {
    let made = answered.and_then(|answered| answered.for_client(worker, client, request));
    match made {
        Ok(mut response) => {
            let sent = response.send(worker, client, request).await;
            response.finish(worker, request, sent)
        }
        Err(failure) => refuse_request(worker, client, request, failure).await,
    }
}

/// Answers without a server.
async fn answer_here(worker: &Worker, client: &mut Client, request: &mut Request) -> Served {
    let mut served = local::answer(worker, client, request).await;
    read_the_rest(worker, client, request, &mut served).await;
    served
}

/// Reads what is still coming of a request that was answered early, so that the connection can go on.
pub(super) async fn read_the_rest(
    worker: &Worker,
    client: &mut Client,
    request: &mut Request,
    served: &mut Served,
) {
    if served.next == Next::KeepAlive && !request.is_sent() {
        served.ended = served.ended.or_else(|| Some(worker.clock.read()));
        served.next = Box::pin(discard(worker, client, request)).await;
    }
}

/// Answers what is not a request, or took too long to become one.
pub(super) async fn serve_unreadable(
    worker: &Worker,
    client: &mut Client,
    failure: Failure,
) -> Next {
    let started = worker.clock.read();
    let served = refuse(worker, client, None, b"", failure).await;
    record(
        worker,
        client,
        &About {
            route: None,
            head: None,
            id: b"",
            received: 0,
            started,
            fallback: None,
        },
        &served,
    );
    served.next
}

/// Sends an error response to a request that was admitted. If it says that there is too much to do just now, the connection goes on: a new
/// one for each try would only be more to do.
async fn refuse_request(
    worker: &Worker,
    client: &mut Client,
    request: &Request,
    failure: Failure,
) -> Served {
    let persists = matches!(failure, Failure::Shed(_))
        && request.persists()
        && request.version() == Version::Http11
        && !request.has_upload()
        && !client.is_leaving(worker);
    let head = Some(&request.head);
    refuse_with(worker, client, head, request.id(), failure, persists).await
}

/// Sends an error response, if there is somebody to send it to.
pub(super) async fn refuse(
    worker: &Worker,
    client: &mut Client,
    head: Option<&RequestHead>,
    id: &[u8],
    failure: Failure,
) -> Served {
    refuse_with(worker, client, head, id, failure, false).await
}

async fn refuse_with(
    worker: &Worker,
    client: &mut Client,
    head: Option<&RequestHead>,
    id: &[u8],
    failure: Failure,
    persists: bool,
) -> Served {
    let mut served = Served {
        status: failure.status(),
        sent: 0,
        endpoint: None,
        failure: Some(failure),
        ended: None,
        next: Next::Cut,
    };
    if failure == Failure::ClientGone {
        return served;
    }
    let mut out = worker.buffers.head();
    let now = worker.clock.read();
    let style = Style {
        head,
        request_id: id,
        version: persists.then_some(Version::Http11),
        ..Style::default()
    };
    failure.write(&mut out, &worker.clock.date(now), &style);
    client.timer.set(now, WRITING);
    let write = client.connection.stream_mut().write_all(out.filled());
    if let Some(Ok(())) = client.timer.limit(write).await {
        served.sent = out.len() as u64;
        served.next = match persists {
            true => Next::KeepAlive,
            false => Next::Linger,
        };
    }
    served
}

/// What is recorded about a request.
struct About<'a> {
    /// Missing if it never came to be known.
    route: Option<&'a Entry>,
    head: Option<&'a RequestHead>,
    id: &'a [u8],
    received: u64,
    started: Duration,
    /// What was answered because all else had failed.
    fallback: Option<&'static str>,
}

impl<'a> About<'a> {
    fn request(request: &'a Request) -> Self {
        Self {
            route: Some(request.way.entry()),
            head: Some(&request.head),
            id: request.id(),
            received: request.body_bytes(),
            started: request.started,
            fallback: request.way.fallback(),
        }
    }
}

/// Counts and logs a request that is over.
fn record(worker: &Worker, client: &Client, about: &About<'_>, served: &Served) {
    let now = worker.clock.read();
    let duration = served.ended.unwrap_or(now).saturating_sub(about.started);
    worker.metrics.record(served.status, duration);
    if let Some(route) = about.route {
        let class = metrics::class(served.status);
        route.requests.increment(worker.index, class);
        route.durations.record(worker.index, duration);
    }
    worker.metrics.received_bytes.add(about.received);
    worker.metrics.sent_bytes.add(served.sent);
    if let Some(failure) = &served.failure {
        worker.metrics.count(failure);
    }
    if let Some(log) = &worker.access_log {
        let About {
            head, id, received, ..
        } = *about;
        log.write(&Line {
            route: about.route.map(|entry| entry.route.name.as_str()),
            fallback: about.fallback,
            peer: client.peer,
            head,
            id,
            received,
            duration,
            served,
        });
    }
}

/// Counts a request as under way until dropped.
struct Active<'w> {
    worker: &'w Worker,
}

impl<'w> Active<'w> {
    fn new(worker: &'w Worker) -> Self {
        worker.metrics.requests_active.increment();
        Self { worker }
    }
}

impl Drop for Active<'_> {
    fn drop(&mut self) {
        self.worker.metrics.requests_active.decrement();
    }
}
