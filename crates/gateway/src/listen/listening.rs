//! A listener as one worker has it: what holds for its connections, and whether it is going away.

use std::cell::{Cell, RefCell};
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use tenfold_observe::metric::Slot;
use tokio::sync::Notify;

use crate::config::Listener;
use crate::worker::Worker;
use crate::worker::site::Site;

/// What is counted of a listener, in one worker.
pub(crate) struct ListenerMetrics {
    pub(crate) accepted: Slot,
    pub(crate) open: Slot,
}

/// What the connections of one listener share, in one worker.
pub(crate) struct Listening {
    config: RefCell<Listener>,
    /// Its place in the snapshot's list.
    index: Cell<usize>,
    pub(crate) head_timeout: Cell<Duration>,
    pub(crate) idle_timeout: Cell<Duration>,
    pub(crate) head_limits: Cell<tenfold_http1::Limits>,
    /// Under the listener's name; another one after it was renamed.
    metrics: RefCell<Rc<ListenerMetrics>>,
    /// The listener is no longer there: its connections end after their next response, and until then live by the last rules
    /// that knew it.
    last_site: RefCell<Option<Rc<Site>>>,
    is_stopped: Cell<bool>,
    stop: Notify,
}

impl Listening {
    pub(crate) fn new(config: Listener, index: usize, metrics: ListenerMetrics) -> Rc<Self> {
        let listening = Self {
            index: Cell::new(index),
            head_timeout: Cell::new(config.head_timeout),
            idle_timeout: Cell::new(config.idle_timeout),
            head_limits: Cell::new(config.head_limits),
            config: RefCell::new(config),
            metrics: RefCell::new(Rc::new(metrics)),
            last_site: RefCell::default(),
            is_stopped: Cell::new(false),
            stop: Notify::new(),
        };
        Rc::new(listening)
    }

    /// What a connection that comes now is counted by, also when it ends.
    pub(crate) fn metrics(&self) -> Rc<ListenerMetrics> {
        Rc::clone(&self.metrics.borrow())
    }

    /// New rules for the same socket, and what is counted under a new name.
    pub(crate) fn update(
        &self,
        config: &Listener,
        index: usize,
        metrics: impl FnOnce(&str) -> ListenerMetrics,
    ) {
        self.index.set(index);
        if self.config.borrow().name != config.name {
            self.metrics.replace(Rc::new(metrics(&config.name)));
        }
        if *self.config.borrow() != *config {
            self.head_timeout.set(config.head_timeout);
            self.idle_timeout.set(config.idle_timeout);
            self.head_limits.set(config.head_limits);
            self.config.replace(config.clone());
        }
    }

    pub(crate) fn index(&self) -> usize {
        self.index.get()
    }

    pub(crate) fn is(&self, config: &Listener) -> bool {
        self.config.borrow().is_same_socket(config)
    }

    pub(crate) fn trusts(&self, peer: IpAddr) -> bool {
        self.config.borrow().trusts(peer)
    }

    /// The rules for a request that arrives now.
    pub(crate) fn site(&self, worker: &Worker) -> Rc<Site> {
        match &*self.last_site.borrow() {
            Some(site) => Rc::clone(site),
            None => worker.site(),
        }
    }

    /// It is taken out of the configuration.
    pub(crate) fn leave(&self, last_site: Rc<Site>) {
        self.last_site.replace(Some(last_site));
        self.stop();
    }

    /// True if it was taken out: connections that wait for a request are closed.
    pub(crate) fn has_left(&self) -> bool {
        self.last_site.borrow().is_some()
    }

    /// No more connections are accepted.
    pub(crate) fn stop(&self) {
        self.is_stopped.set(true);
        self.stop.notify_waiters();
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.is_stopped.get()
    }

    /// Waits for that.
    pub(crate) async fn stopped(&self) {
        let told = self.stop.notified();
        if !self.is_stopped.get() {
            told.await;
        }
    }
}
