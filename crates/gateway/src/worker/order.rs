//! What a worker is told by the control thread, and how it does it.

use std::net::TcpListener;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::Worker;
use super::site::Site;
use crate::listen::{Listening, accept};
use crate::metrics;
use crate::snapshot::Snapshot;

/// What a worker is told.
pub(crate) enum Order {
    /// Do this from now on.
    Apply(Apply),
    /// An endpoint is down: those that wait for it look again.
    Wake,
}

/// What to do from now on.
pub(crate) struct Apply {
    pub(crate) snapshot: Arc<Snapshot>,
    /// Sockets of listeners that are new, with the listener's place in the snapshot.
    pub(crate) sockets: Vec<(usize, TcpListener)>,
    /// When it was given.
    pub(crate) given: Duration,
    /// Dropped when it is done.
    pub(crate) done: std::sync::mpsc::Sender<()>,
}

impl Worker {
    /// Does what it is told.
    pub(crate) fn obey(self: &Rc<Self>, order: Order) {
        match order {
            Order::Apply(apply) => self.apply(apply),
            Order::Wake => self.timers.wake_all(),
        }
    }

    /// Changes over, between two requests and all at once.
    fn apply(self: &Rc<Self>, order: Apply) {
        let Apply {
            snapshot,
            sockets,
            given,
            done,
        } = order;
        let old = self.site();
        let site = Site::new(
            Arc::clone(&snapshot),
            Some(&old),
            &self.registry,
            &self.clock,
            self.index,
        );
        self.site.replace(site);
        self.update_listeners(&snapshot, &old);
        for (index, socket) in sockets {
            self.listen(&snapshot, index, socket);
        }
        self.metrics
            .propagation
            .record(self.clock.read().saturating_sub(given));
        drop(done);
    }

    fn update_listeners(&self, snapshot: &Snapshot, old: &Rc<Site>) {
        let mut has_one_left = false;
        self.listenings.borrow_mut().retain(|listening| {
            let place = snapshot
                .listeners
                .iter()
                .position(|config| listening.is(config));
            match place {
                Some(index) => listening.update(&snapshot.listeners[index], index, |name| {
                    metrics::listener_connections(&self.registry, name, self.index)
                }),
                None => listening.leave(Rc::clone(old)),
            }
            has_one_left |= place.is_none();
            place.is_some()
        });
        if has_one_left {
            self.timers.wake_all();
        }
    }

    /// Accepts connections from a socket, until its listener leaves or the worker drains.
    fn listen(self: &Rc<Self>, snapshot: &Snapshot, index: usize, socket: TcpListener) {
        let config = &snapshot.listeners[index];
        let known = self
            .listenings
            .borrow()
            .iter()
            .find(|listening| listening.is(config))
            .cloned();
        let listening = known.unwrap_or_else(|| {
            let metrics = metrics::listener_connections(&self.registry, &config.name, self.index);
            let listening = Listening::new(config.clone(), index, metrics);
            self.listenings.borrow_mut().push(Rc::clone(&listening));
            listening
        });
        let socket = match tokio::net::TcpListener::from_std(socket) {
            Ok(socket) => socket,
            Err(error) => {
                tracing::error!(%error, listener = config.name, "cannot accept connections");
                return self.has_failed.notify_one();
            }
        };
        let accepting = Accepting::new(self, &listening);
        let worker = Rc::clone(self);
        tokio::task::spawn_local(async move {
            accept::run(&worker, &listening, socket).await;
            drop(accepting);
        });
    }

    /// Stops accepting, and waits until all of its sockets are closed.
    pub(crate) async fn stop_listening(&self) {
        for listening in self.listenings.borrow().iter() {
            listening.stop();
        }
        while self.accepting.get() > 0 {
            self.accept_ended.notified().await;
        }
    }

    /// Waits until it has failed, which it should never.
    pub(crate) async fn failed(&self) {
        self.has_failed.notified().await;
    }
}

/// An accept loop that has not ended. One that ends without having been told to has failed, and the worker with it.
struct Accepting {
    worker: Rc<Worker>,
    listening: Rc<Listening>,
}

impl Accepting {
    fn new(worker: &Rc<Worker>, listening: &Rc<Listening>) -> Self {
        worker.accepting.set(worker.accepting.get() + 1);
        Self {
            worker: Rc::clone(worker),
            listening: Rc::clone(listening),
        }
    }
}

impl Drop for Accepting {
    fn drop(&mut self) {
        self.worker.accepting.set(self.worker.accepting.get() - 1);
        self.worker.accept_ended.notify_one();
        if !self.listening.is_stopped() {
            self.worker.has_failed.notify_one();
        }
    }
}
