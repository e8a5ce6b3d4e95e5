//! A worker: one thread, and everything that only this thread touches.

pub(crate) mod clock;
mod order;
pub(crate) mod site;
pub(crate) mod thread;
pub(crate) mod timer;

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Duration;

use tenfold_http1::Pool;
use tenfold_observe::metric::Registry;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::http::access_log::AccessLog;
use crate::http::mirror::Copies;
use crate::listen::{ListenerMetrics, Listening};
use crate::metrics::WorkerMetrics;
use clock::Clock;
pub(crate) use order::{Apply, Order};
use site::Site;
use timer::Timers;

/// What the connections of one worker share.
pub(crate) struct Worker {
    pub(crate) index: usize,
    pub(crate) clock: Rc<Clock>,
    pub(crate) timers: Rc<Timers>,
    pub(crate) buffers: Rc<Pool>,
    pub(crate) metrics: WorkerMetrics,
    pub(crate) access_log: Option<AccessLog>,
    pub(crate) copies: Copies,
    /// Itself, for tasks that it starts.
    itself: Weak<Self>,
    registry: Arc<Registry>,
    /// What it does at the moment.
    site: RefCell<Rc<Site>>,
    listenings: RefCell<Vec<Rc<Listening>>>,
    /// Accept loops that have not ended.
    accepting: Cell<usize>,
    accept_ended: Notify,
    has_failed: Notify,
    /// Most client connections.
    most_connections: usize,
    random: RefCell<fastrand::Rng>,
    connections: Cell<usize>,
    /// Told when a connection ends.
    ended: Notify,
    is_draining: Cell<bool>,
    /// How many idle connections are to end to make room.
    to_shed: Cell<usize>,
    /// When the operator was last told of a shortage.
    complained: Cell<Option<Duration>>,
}

/// How long nothing is said after a shortage was reported: it meets every request, and a log that repeats it for each would
/// be the next shortage. Metrics count them all.
const SILENCE: Duration = Duration::from_secs(60);

/// How long a connection must have been idle before it may be ended to make room.
const SHEDDABLE: Duration = Duration::from_secs(1);

impl Worker {
    /// A worker that has not been told what to do yet.
    pub(crate) fn new(
        index: usize,
        epoch: Instant,
        registry: &Arc<Registry>,
        most_connections: usize,
        access_log: Option<AccessLog>,
        site: Rc<Site>,
    ) -> Rc<Self> {
        let clock = Rc::new(Clock::new(epoch));
        Rc::new_cyclic(|itself| Self {
            index,
            timers: Timers::new(Rc::clone(&clock)),
            clock,
            buffers: Pool::new(),
            metrics: WorkerMetrics::new(registry, index),
            access_log,
            copies: Copies::default(),
            itself: Weak::clone(itself),
            registry: Arc::clone(registry),
            site: RefCell::new(site),
            listenings: RefCell::default(),
            accepting: Cell::new(0),
            accept_ended: Notify::new(),
            has_failed: Notify::new(),
            most_connections,
            random: RefCell::new(fastrand::Rng::new()),
            connections: Cell::new(0),
            ended: Notify::new(),
            is_draining: Cell::new(false),
            to_shed: Cell::new(0),
            complained: Cell::new(None),
        })
    }

    pub(crate) fn itself(&self) -> Rc<Self> {
        self.itself
            .upgrade()
            .expect("whoever calls this holds it, and it is only ever held as Rc")
    }

    /// What it does at the moment.
    pub(crate) fn site(&self) -> Rc<Site> {
        Rc::clone(&self.site.borrow())
    }

    pub(crate) fn random(&self) -> u64 {
        self.random.borrow_mut().u64(..)
    }

    /// True if a shortage of descriptors, ports or memory may be reported, because it was not for a while.
    pub(crate) fn may_complain(&self) -> bool {
        let now = self.clock.read();
        let last = self.complained.get();
        let may = last.is_none_or(|last| now.saturating_sub(last) > SILENCE);
        if may {
            self.complained.set(Some(now));
        }
        may
    }

    /// Counts a client's connection until the guard is dropped.
    pub(crate) fn open_connection(self: &Rc<Self>, listening: &Rc<Listening>) -> OpenConnection {
        self.connections.set(self.connections.get() + 1);
        let counted = listening.metrics();
        counted.accepted.increment();
        counted.open.increment();
        OpenConnection {
            worker: Rc::clone(self),
            counted,
        }
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.is_draining.get()
    }

    /// Asks every connection to end when its request is done.
    pub(crate) fn start_draining(&self) {
        self.is_draining.set(true);
        self.timers.wake_all();
    }

    /// Asks some idle connections to end, so that others can be accepted.
    pub(crate) fn shed_idle(&self) {
        self.clock.read();
        self.to_shed.set((self.most_connections / 32).max(1));
        self.timers.wake_all();
    }

    /// Asks no more of them to end.
    pub(crate) fn stop_shedding(&self) {
        self.to_shed.set(0);
    }

    pub(crate) fn most_connections(&self) -> usize {
        self.most_connections
    }

    /// How many connections are open.
    pub(crate) fn connections(&self) -> usize {
        self.connections.get()
    }

    /// True if a connection that has been idle since then is to end to make room; each answer is for one.
    pub(crate) fn wants_room_of(&self, since: Duration) -> bool {
        let wanted = self.to_shed.get();
        let gives = wanted > 0 && self.clock.recent().saturating_sub(since) >= SHEDDABLE;
        if gives {
            self.to_shed.set(wanted - 1);
        }
        gives
    }

    /// Waits until fewer than `count` connections are open.
    pub(crate) async fn fewer_connections_than(&self, count: usize) {
        while self.connections.get() >= count {
            self.ended.notified().await;
        }
    }

    /// Waits until all connections have ended.
    pub(crate) async fn drained(&self) {
        self.fewer_connections_than(1).await;
    }

    /// Once a second: what does not belong to any request.
    pub(crate) async fn housekeep(self: Rc<Self>) {
        let mut second = tokio::time::interval(Duration::from_secs(1));
        loop {
            second.tick().await;
            let now = self.clock.read();
            self.site().sweep(now);
            if let Some(log) = &self.access_log {
                log.flush();
            }
        }
    }
}

/// A client's connection that is open.
pub(crate) struct OpenConnection {
    worker: Rc<Worker>,
    counted: Rc<ListenerMetrics>,
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.worker
            .connections
            .set(self.worker.connections.get() - 1);
        self.counted.open.decrement();
        self.worker.ended.notify_one();
    }
}
