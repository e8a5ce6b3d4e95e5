//! A server's answer is taken in: judged, stored, and handed on while it arrives.

use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tenfold_cache::{Entry, Filling, Key, Loaded, Options};
use tenfold_http1::ResponseHead;
use tenfold_http1::body::Decoder;
use tenfold_http1::framing::Length;

use super::plan::{Place, Variant, found, variant_key};
use crate::cache::Store;
use crate::cache::body::{Arriving, Reader, WINDOW, Writer};
use crate::cache::object::{Kept, Object, Variation};
use crate::config::route::RouteTimeouts;
use crate::http::body::{Format, Pump};
use crate::http::cache::ask::{Ask, Request};
use crate::http::cache::fields::{Fields, Lines};
use crate::http::cache::freshness::Exchange;
use crate::http::cache::store::{Refusal, Response};
use crate::http::cache::stored::Stored;
use crate::http::cache::validate::{self, Candidate};
use crate::http::cache::vary::Vary;
use crate::http::cache::{self, Admission};
use crate::http::forward::Answered;
use crate::upstream::{Connection, Pick};
use crate::worker::Worker;
use crate::worker::timer::Timer;

/// For how long it is remembered that a response was for one client only. Longer, and a page that was so by accident would not be
/// cached for that long; shorter, and more requests wait for each other in vain.
const PERSONAL: Duration = Duration::from_secs(2);
/// For how long something that the server can be asked about is kept when it is stale, besides what it says itself.
const KEPT: Duration = Duration::from_secs(24 * 3600);
/// An entry that says what an address varies by lives longer than any of the variants is likely to be wanted.
const VARIES: Duration = Duration::from_secs(7 * 24 * 3600);

/// Within that time the slowest readers of a body that is not stored must have moved on by a window, if others wait for more.
const HELD_UP: Duration = Duration::from_secs(5);

/// What became of an answer.
pub(super) enum Taken {
    /// This is served; if it is still arriving, to this reader first.
    Object(Arc<Object>, Option<Reader>),
    /// It is not stored, and is for the client that asked.
    Refused(Box<Answered>, Refusal),
}

/// What is needed to take an answer in.
pub(super) struct Intake<'a, 'r, F> {
    pub(super) worker: &'a Worker,
    pub(super) store: &'a Arc<Store>,
    pub(super) request: &'a Request<'r, F>,
    pub(super) ask: &'a Ask<'r>,
    pub(super) place: &'a Place,
    /// Fields that the route gives each client for itself.
    pub(super) personal: &'a [Box<[u8]>],
    pub(super) exchange: Exchange,
    pub(super) timeouts: RouteTimeouts,
}

impl<F: Fields> Intake<'_, '_, F> {
    /// Takes in a full response.
    pub(super) fn response(&self, filling: Filling<Kept>, answered: Answered) -> Taken {
        let head = &answered.head;
        let policy = &self.store.config.policy;
        let response = Response {
            status: head.line().status,
            fields: head,
        };
        let random = self.worker.random() as u32;
        let admission = cache::admit(
            self.request,
            self.ask,
            &response,
            self.exchange,
            policy,
            random,
        );
        let mut admitted = match admission {
            Admission::Store(admitted) => admitted,
            Admission::Refuse(refusal) => {
                self.release(filling, refusal, response.status);
                return Taken::Refused(Box::new(answered), refusal);
            }
        };
        let mut fields = Vec::with_capacity(head.bytes().len());
        admitted.write(&mut fields, head);
        let tags = self.tags(head);
        let rules = admitted.stored;
        let Some(filling) = self.settle(filling, &admitted.vary) else {
            return Taken::Refused(Box::new(answered), Refusal::Vary);
        };
        let length = match head.line().length {
            Length::None => Some(0),
            Length::Known(length) => Some(length),
            Length::Chunked | Length::UntilClose => None,
        };
        let (body, writer) = Arriving::new(policy.max_object, length, &self.store.arriving);
        // From the beginning, for that goes when nobody reads it and it turns out to be too large.
        let reader = body.read();
        let object = Object::arriving(rules, &fields, body);
        let fetching = Fetching {
            filling,
            tags,
            writer,
            reader,
            object,
            timeout: self.timeouts.body,
        };
        fetching.start(self.worker, answered)
    }

    /// Takes in a 304: what is stored lives on. `None`: it speaks of something else, and must not be used.
    pub(super) fn confirmation(
        &self,
        filling: Filling<Kept>,
        head: &ResponseHead,
        stale: &Arc<Object>,
    ) -> Option<Arc<Object>> {
        let lines = Lines(stale.fields());
        let candidate = Candidate {
            etag: stale.etag(),
            last_modified: lines.first("last-modified"),
        };
        validate::select(&[candidate], head)?;
        Some(self.update(filling, head, stale))
    }

    /// Joins what is stored with the fields of a newer head about the same, and stores it for as long as that says.
    pub(super) fn update(
        &self,
        filling: Filling<Kept>,
        head: &ResponseHead,
        stale: &Arc<Object>,
    ) -> Arc<Object> {
        let lines = Lines(stale.fields());
        let policy = &self.store.config.policy;
        let mut merged = Vec::with_capacity(stale.fields().len() + 64);
        validate::merge(&mut merged, lines, head, policy);
        let merged = Lines(&merged);
        let response = Response {
            status: stale.rules.status,
            fields: &merged,
        };
        let random = self.worker.random() as u32;
        let admission = cache::admit(
            self.request,
            self.ask,
            &response,
            self.exchange,
            policy,
            random,
        );
        let mut admitted = match admission {
            Admission::Store(admitted) => admitted,
            Admission::Refuse(refusal) => {
                drop(filling);
                if !refusal.is_of_response() {
                    // It holds, and only this client wants nothing stored for it: that is no reason to forget what others have.
                    return Arc::clone(stale);
                }
                // It must not be kept any longer; the client that asked gets what was confirmed for it.
                self.worker.spawn_forgetting(self.store, self.place.key());
                let mut rules = stale.rules;
                rules.expire(self.exchange.received);
                return Arc::new(stale.renewed(rules, stale.fields()));
            }
        };
        let mut fields = Vec::new();
        admitted.write(&mut fields, &merged);
        let object = Arc::new(stale.renewed(admitted.stored, &fields));
        let loaded = Loaded::value(Kept::Response(Arc::clone(&object))).tags(self.tags(&merged));
        let options = options(&admitted.stored, self.exchange.received);
        // It may vary by something else now. Without a place for it, those who come ask again.
        if let Some(filling) = self.settle(filling, &admitted.vary) {
            // Only "not modified" could fail, and this is a value.
            let _stored = filling.store(loaded, None, &options);
        }
        object
    }

    /// Sends those who wait their own ways, all at once: one after the other, each would wait for the one before in vain. If the
    /// next answer is likely to be as this one, those who come soon do not wait for each other either.
    ///
    /// But one client's answer must not take away what others have: what is fresh, or what stands in for a server that fails.
    fn release(&self, filling: Filling<Kept>, refusal: Refusal, status: u16) {
        let is_needed = || {
            let (entry, is_expired) = found(self.store, filling.key());
            let entry = entry.as_deref().and_then(Entry::value);
            let now = self.exchange.received;
            matches!(entry, Some(Kept::Response(object))
                if status >= 400 || !is_expired && object.rules.is_fresh(now))
        };
        let is_lasting = refusal.is_of_response() && status < 500 && !is_needed();
        let options = Options {
            lower: false,
            ..Options::lifetime(PERSONAL).jitter(0.0)
        };
        let personal = Loaded::value(Kept::Personal);
        // Only "not modified" could fail, and this is a value.
        let _told = match is_lasting {
            true => filling.store(personal, None, &options),
            false => filling.offer(personal, None, &options),
        };
    }

    /// The tags by which it can be purged.
    fn tags(&self, fields: &impl Fields) -> Vec<String> {
        let named = cache::tags::of(fields).unwrap_or_default();
        let named = named
            .iter()
            .filter_map(|tag| String::from_utf8(tag.to_vec()).ok());
        named.chain(self.own_tag()).collect()
    }

    /// The tag of the address, if its keys have further parts.
    fn own_tag(&self) -> Option<String> {
        let address = self
            .place
            .first
            .as_str()
            .strip_prefix(self.store.prefix())?;
        let address = address.split_inclusive('\n').next()?;
        self.store.address_tag(address.as_bytes())
    }

    /// Finds the place for a response that varies so. `None`: there is none, because somebody else fills it, or what was known
    /// when the request began has been purged.
    fn settle(&self, filling: Filling<Kept>, vary: &Vary) -> Option<Filling<Kept>> {
        let is_first = *filling.key() == self.place.first;
        let names = match vary {
            Vary::Everything => return None,
            // What the server saw there is not what the client sent.
            Vary::Names(names) if self.personal.iter().any(|name| names.has(name)) => return None,
            Vary::Nothing if is_first => return Some(filling),
            Vary::Nothing => return filling.also(&self.place.first),
            Vary::Names(names) => names,
        };
        if let Some(Variant { names: known, .. }) = &self.place.variant
            && known == names
            && !is_first
            // What was purged softly is so with all its variants: only a new generation is fresh.
            && !self.place.is_outdated
        {
            return Some(filling);
        }
        let first = match is_first {
            true => None,
            false => Some(filling.also(&self.place.first)?),
        };
        let generation = self.worker.random();
        let key = variant_key(
            &self.place.first,
            names,
            generation,
            self.request.fields,
            &mut Vec::new(),
        )?;
        let variant = filling.also(&key)?;
        let loaded = Loaded::value(Kept::Varies(Arc::new(Variation {
            names: names.clone(),
            generation,
        })));
        let loaded = loaded.tags(self.own_tag());
        let options = Options::lifetime(VARIES).jitter(0.0);
        let _stored = first.unwrap_or(filling).store(loaded, None, &options);
        // Purged in between, it was not stored, and the variant could never be found.
        let (entry, _) = found(self.store, &self.place.first);
        matches!(entry.as_deref()?.value()?, Kept::Varies(known) if known.generation == generation)
            .then_some(variant)
    }
}

/// How long the engine keeps a response.
fn options(rules: &Stored, now: i64) -> Options {
    let millis = |millis: i64| Duration::from_millis(u64::try_from(millis).unwrap_or(0));
    let stale = match rules.useful_until() {
        Some(until) => millis(until.saturating_sub(rules.fresh_until)),
        None => {
            let said = rules.stale_while_revalidate.max(rules.stale_if_error);
            KEPT.max(Duration::from_secs(said.into()))
        }
    };
    Options::lifetime(millis(rules.fresh_until.saturating_sub(now)))
        .jitter(0.0)
        .stale(stale)
}

/// A body on its way into the cache.
struct Fetching {
    filling: Filling<Kept>,
    tags: Vec<String>,
    writer: Writer,
    /// The client's that asked.
    reader: Option<Reader>,
    object: Object,
    timeout: Duration,
}

/// The server's side of it.
struct Source {
    pump: Pump,
    connection: Connection,
    pick: Pick,
    is_reusable: bool,
}

impl Fetching {
    /// Takes what has arrived with the head. If that is all, it is stored at once; otherwise a task of its own goes on, so that no
    /// client's pace is another one's.
    fn start(mut self, worker: &Worker, mut answered: Answered) -> Taken {
        answered.judge(worker);
        let Answered {
            head,
            connection,
            pick,
            ..
        } = answered;
        let line = *head.line();
        let is_reusable = line.length != Length::UntilClose
            && !line.declares_absent_body
            && line.connection.persists(line.version);
        let rest = Some(head.into_rest(0));
        let decoder = Decoder::new(line.length);
        let Ok(pump) = Pump::new(&worker.buffers, decoder, Format::Data, None, rest) else {
            // Malformed from the beginning: cut short for whoever reads it.
            return Taken::Object(Arc::new(self.object), self.reader);
        };
        let mut source = Source {
            pump,
            connection,
            pick,
            is_reusable,
        };
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        match source
            .pump
            .poll(&mut cx, source.connection.stream_mut(), &mut self.writer)
        {
            Poll::Ready(Ok(())) => {
                source.give_back(worker);
                let reader = self.reader.take();
                Taken::Object(self.store_whole(worker), reader)
            }
            // Its reader finds it cut short.
            Poll::Ready(Err(_)) => Taken::Object(Arc::new(self.object), self.reader),
            Poll::Pending => {
                let object = Arc::new(self.object.renewed(self.object.rules, self.object.fields()));
                let loaded = Loaded::value(Kept::Response(Arc::clone(&object)));
                let _offered = self
                    .filling
                    .offer(loaded, None, &Options::lifetime(PERSONAL));
                let (worker, reader) = (worker.itself(), self.reader.take());
                tokio::task::spawn_local(async move {
                    let timer = worker.timers.timer();
                    self.go_on(&worker, &timer, source).await;
                });
                Taken::Object(object, reader)
            }
        }
    }

    async fn go_on(mut self, worker: &Rc<Worker>, timer: &Timer, mut source: Source) {
        let mut progress = source.pump.progress();
        // What it was when a slow reader began to hold the others up.
        let mut held_at = None;
        timer.set(worker.clock.read(), self.timeout);
        let is_whole = poll_fn(|cx| {
            let polled = source
                .pump
                .poll(cx, source.connection.stream_mut(), &mut self.writer);
            if let Poll::Ready(result) = polled {
                return Poll::Ready(result.is_ok());
            }
            let now_at = source.pump.progress();
            let is_moving = std::mem::replace(&mut progress, now_at) != now_at;
            match held_at {
                // Readers have time limits of their own, and their pace is not the server's fault.
                None if self.writer.is_held_up() => {
                    held_at = Some(now_at);
                    timer.set(worker.clock.read(), HELD_UP);
                }
                Some(_) if !self.writer.is_held_up() => {
                    held_at = None;
                    timer.set(worker.clock.read(), self.timeout);
                }
                None if is_moving => timer.set(worker.clock.read(), self.timeout),
                _ => {}
            }
            while timer.is_due(cx) {
                let Some(before) = &mut held_at else {
                    return Poll::Ready(false);
                };
                if now_at.saturating_sub(*before) < WINDOW as u64 {
                    self.writer.leave_behind();
                }
                *before = now_at;
                timer.set(worker.clock.read(), HELD_UP);
            }
            Poll::Pending
        })
        .await;
        if is_whole {
            source.give_back(worker);
            self.store_whole(worker);
        }
    }

    /// Stores the whole response, or lets it go if it is too large.
    fn store_whole(self, worker: &Worker) -> Arc<Object> {
        let Self {
            filling,
            tags,
            writer,
            object,
            ..
        } = self;
        let Some(whole) = writer.finish() else {
            return Arc::new(object);
        };
        let object = Arc::new(Object::whole(object.rules, object.fields(), whole));
        let now = worker.clock.unix(worker.clock.read());
        let loaded = Loaded::value(Kept::Response(Arc::clone(&object))).tags(tags);
        let _stored = filling.store(loaded, None, &options(&object.rules, now));
        object
    }
}

impl Source {
    /// Keeps the server's connection for the next request, if nothing is left on it of this one.
    fn give_back(self, worker: &Worker) {
        if self.is_reusable && self.pump.into_rest().is_none() {
            let member = self.pick.member();
            member
                .idle
                .put(self.connection, worker.clock.recent(), &member.metrics);
        }
    }
}

impl Worker {
    /// Forgets something that must not be kept any longer.
    fn spawn_forgetting(&self, store: &Arc<Store>, key: &Key) {
        let (engine, key) = (store.engine.clone(), key.clone());
        tokio::task::spawn_local(async move {
            engine.remove(&key).await;
        });
    }
}
