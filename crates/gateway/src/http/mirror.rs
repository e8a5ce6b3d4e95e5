//! Copies of requests, whose responses nobody sees: to try a new version on real traffic.
//!
//! A copy goes its own way, in a task of its own: it can slow down nobody but its own server. So it is given up rather than
//! waited for: when too many are under way, when the request's body is not at hand as a whole, or when it asks for another protocol.

use std::cell::Cell;
use std::future::poll_fn;
use std::rc::Rc;
use std::time::Duration;

use tenfold_http1::body::Decoder;
use tenfold_http1::framing::Length;
use tenfold_http1::{Method, ResponseHead};
use tenfold_traffic::resilience::deadline::Deadline;
use tenfold_traffic::{Ask, Outcome, Tried};
use tokio::io::AsyncWriteExt;

use super::admission;
use super::body::{Format, Pump};
use super::client::Client;
use super::exchange::RESPONSE_LIMITS;
use super::forward::{self, Answered};
use super::headers;
use super::identity;
use super::request::Request;
use super::told;
use crate::upstream::{Connection, Pick, Upstream};
use crate::worker::Worker;
use crate::worker::timer::Timer;

/// Most copies under way in one worker; further ones are not made.
pub(crate) const MOST: usize = 256;
/// Most bytes of a copy's response that are read, so that its connection can be used again.
const MOST_READ: u64 = 1 << 20;

/// How long a server may take to end an answer that nobody gets, before its connection is given up.
const GIVEN_UP: Duration = Duration::from_secs(5);

/// Copies that are under way.
#[derive(Default)]
pub(crate) struct Copies {
    count: Cell<usize>,
}

/// Sends a copy, if the route wants that for this request.
pub(super) fn perhaps(worker: &Worker, client: &Client, request: &Request) {
    let Some(mirror) = request.route().mirror else {
        return;
    };
    // 53 bits make a number below 1.
    let die = (worker.random() >> 11) as f64 / (1_u64 << 53) as f64;
    if die >= mirror.share {
        return;
    }
    let copies = &worker.copies;
    // A copy does not change protocols: the mirror would be left with a connection that nobody speaks on.
    let is_upgrade = headers::upgrade_of(&request.head).is_some();
    if is_upgrade || request.has_upload() || copies.count.get() >= MOST {
        worker.metrics.copies_skipped.increment();
        return;
    }
    worker.metrics.copies.increment();
    let upstream = Rc::clone(request.way.mirror(mirror.upstream));
    let copy = Copy {
        key: identity::hash(&upstream.shared.config.hash, client, &request.head),
        upstream,
        bytes: request.bytes().into(),
        method: request.method(),
        timeout: request.route().timeouts.response,
    };
    // A worker hands itself out only as `Rc`, of which tasks may keep one.
    let worker = worker.itself();
    worker.copies.count.set(worker.copies.count.get() + 1);
    tokio::task::spawn_local(async move {
        let under_way = UnderWay { worker };
        copy.send(&under_way.worker).await;
    });
}

struct UnderWay {
    worker: Rc<Worker>,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let count = &self.worker.copies.count;
        count.set(count.get() - 1);
    }
}

/// A request of the gateway's own: a copy of a client's that goes its own way.
pub(super) struct Copy {
    upstream: Rc<Upstream>,
    bytes: Box<[u8]>,
    method: Method,
    key: Option<u64>,
    timeout: Duration,
}

impl Copy {
    /// A request like `request`, to the same servers, with another head.
    pub(super) fn of_own(client: &Client, request: &Request, head: &[u8]) -> Self {
        let upstream = Rc::clone(request.way.upstream());
        Self {
            key: identity::hash(&upstream.shared.config.hash, client, &request.head),
            upstream,
            bytes: head.into(),
            method: request.method(),
            timeout: request.route().timeouts.response,
        }
    }

    /// Sends it, and reads the answer into the void.
    async fn send(self, worker: &Worker) {
        if let Some(mut answered) = self.ask(worker).await {
            answered.judge(worker);
            give_back(worker, &worker.timers.timer(), answered, self.timeout).await;
        }
    }

    /// One attempt, since nobody waits for it; the server is judged when its answer is used.
    pub(super) async fn ask(&self, worker: &Worker) -> Option<Answered> {
        let tried = &mut Tried::default();
        let pick = self.choose(worker, tried)?;
        self.ask_at(worker, pick, Deadline::NONE).await
    }

    /// A server that was not tried, which is then among the tried; with a place in its upstream.
    pub(super) fn choose(&self, worker: &Worker, tried: &mut Tried) -> Option<Pick> {
        let now = worker.clock.read();
        let mut place = admission::enter_own(&self.upstream, now)?;
        let picked = self.upstream.pick(&Ask {
            tried,
            now,
            random: worker.random(),
            key: self.key,
            sticky: None,
        });
        let Ok(mut pick) = picked else {
            self.upstream.take_back(&mut place);
            return None;
        };
        pick.place = place;
        tried.add(pick.index as usize);
        Some(pick)
    }

    /// Tells the server that is to be asked what is left of a deadline; `header` is the route's field for it.
    pub(super) fn tell_deadline(&mut self, header: Option<&str>, left: Duration) {
        self.bytes = told::tell(&self.bytes, header, left).into();
    }

    /// One attempt at that server.
    pub(super) async fn ask_at(
        &self,
        worker: &Worker,
        mut pick: Pick,
        deadline: Deadline,
    ) -> Option<Answered> {
        let timer = worker.timers.timer();
        let now = worker.clock.recent();
        let longest = Some(self.upstream.shared.config.idle_timeout);
        let obtained = forward::obtain(worker, &timer, &pick, now, longest, deadline).await;
        let (mut connection, is_reused) = obtained.ok()??;
        let begun = worker.clock.read();
        timer.set(begun, deadline.within(begun, self.timeout));
        let outcome = match timer.limit(self.exchange(&mut connection)).await {
            Some(Ok(head)) => {
                pick.place.judge(!admission::is_bad(head.line().status));
                return Some(Answered::new(head, connection, pick, now));
            }
            // Its server just closed a connection that had been idle, which says nothing about it.
            Some(Err(())) if is_reused => return None,
            Some(Err(())) => Outcome::Broken,
            None if deadline.has_passed(worker.clock.recent()) => return None,
            None => Outcome::TimedOut,
        };
        pick.place.judge(false);
        forward::judge(worker, &pick, outcome, now);
        None
    }

    async fn exchange(&self, connection: &mut Connection) -> Result<ResponseHead, ()> {
        connection
            .stream_mut()
            .write_all(&self.bytes)
            .await
            .map_err(|_| ())?;
        loop {
            let head = poll_fn(|cx| connection.poll_response(cx, &RESPONSE_LIMITS, self.method))
                .await
                .map_err(|_| ())?;
            match head.line().status {
                // A copy does not change protocols.
                101 => return Err(()),
                100..200 => connection.put_back(head.into_rest(0)),
                _ => return Ok(head),
            }
        }
    }
}

/// Lets an answer go that nobody gets, and keeps its connection.
pub(super) fn give_up(worker: &Worker, mut answered: Answered) {
    answered.judge(worker);
    let worker = worker.itself();
    tokio::task::spawn_local(async move {
        let timer = worker.timers.timer();
        give_back(&worker, &timer, answered, GIVEN_UP).await;
    });
}

/// Reads the response's body, within reason, and keeps the connection.
pub(super) async fn give_back(
    worker: &Worker,
    timer: &Timer,
    answered: Answered,
    timeout: Duration,
) {
    let Answered {
        head,
        mut connection,
        pick,
        ..
    } = answered;
    let line = *head.line();
    let is_reusable = line.length != Length::UntilClose
        && !line.declares_absent_body
        && line.connection.persists(line.version);
    let rest = Some(head.into_rest(0));
    let decoder = Decoder::new(line.length);
    let Ok(mut pump) = Pump::new(&worker.buffers, decoder, Format::Same, None, rest) else {
        return;
    };
    timer.set(worker.clock.read(), timeout);
    let reading = poll_fn(|cx| pump.poll_discard(cx, connection.stream_mut(), MOST_READ));
    let is_whole = matches!(timer.limit(reading).await, Some(Ok(true)));
    if is_whole && is_reusable && pump.into_rest().is_none() {
        let member = pick.member();
        let now = worker.clock.recent();
        member.idle.put(connection, now, &member.metrics);
    }
}
