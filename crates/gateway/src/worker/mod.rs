//! A worker: one thread, and everything that only this thread touches.

pub(crate) mod clock;
pub(crate) mod timer;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tenfold_http1::Pool;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::config::Settings;
use crate::http::access_log::AccessLog;
use crate::metrics::WorkerMetrics;
use crate::upstream::Upstream;
use clock::Clock;
use timer::Timers;

/// What the connections of one worker share.
pub(crate) struct Worker {
    pub(crate) settings: Arc<Settings>,
    pub(crate) clock: Rc<Clock>,
    pub(crate) timers: Rc<Timers>,
    pub(crate) buffers: Rc<Pool>,
    pub(crate) upstream: Upstream,
    pub(crate) metrics: WorkerMetrics,
    pub(crate) access_log: Option<AccessLog>,
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
    pub(crate) fn new(
        settings: Arc<Settings>,
        epoch: Instant,
        upstream: Upstream,
        metrics: WorkerMetrics,
        access_log: Option<AccessLog>,
    ) -> Rc<Self> {
        let clock = Rc::new(Clock::new(epoch));
        Rc::new(Self {
            settings,
            timers: Timers::new(Rc::clone(&clock)),
            clock,
            buffers: Pool::new(),
            upstream,
            metrics,
            access_log,
            random: RefCell::new(fastrand::Rng::new()),
            connections: Cell::new(0),
            ended: Notify::new(),
            is_draining: Cell::new(false),
            to_shed: Cell::new(0),
            complained: Cell::new(None),
        })
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
    pub(crate) fn open_connection(self: &Rc<Self>) -> OpenConnection {
        self.connections.set(self.connections.get() + 1);
        self.metrics.connections_open.increment();
        OpenConnection {
            worker: Rc::clone(self),
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
        self.to_shed
            .set((self.settings.limits.connections / 32).max(1));
        self.timers.wake_all();
    }

    /// Asks no more of them to end.
    pub(crate) fn stop_shedding(&self) {
        self.to_shed.set(0);
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
            self.upstream
                .sweep(now, self.settings.timeouts.upstream_idle);
            if let Some(log) = &self.access_log {
                log.flush();
            }
        }
    }
}

/// A client's connection that is open.
pub(crate) struct OpenConnection {
    worker: Rc<Worker>,
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.worker
            .connections
            .set(self.worker.connections.get() - 1);
        self.worker.metrics.connections_open.decrement();
        self.worker.ended.notify_one();
    }
}
