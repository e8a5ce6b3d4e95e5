//! Connections to one server that wait for the next request.
//!
//! Last in, first out: the connection used most recently is the warmest and the least likely to be closed by the server,
//! and those that a burst has left over grow old undisturbed until they are swept.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use super::Connection;
use crate::metrics::EndpointMetrics;

/// One worker's idle connections to one server.
pub(crate) struct Idle {
    waiting: RefCell<Vec<Waiting>>,
    most: usize,
    /// The server has left: nothing is kept any more.
    is_closed: Cell<bool>,
}

struct Waiting {
    connection: Connection,
    since: Duration,
}

impl Idle {
    /// Keeps at most `most` connections.
    pub(crate) fn new(most: usize) -> Self {
        Self {
            waiting: RefCell::default(),
            most,
            is_closed: Cell::new(false),
        }
    }

    pub(crate) fn most(&self) -> usize {
        self.most
    }

    /// Drops all, and keeps none from now on.
    pub(crate) fn close(&self, metrics: &EndpointMetrics) {
        self.is_closed.set(true);
        for _ in self.waiting.take() {
            metrics.idle.decrement();
        }
    }

    /// Takes a connection that has waited for at most `longest`, and that the server has neither closed nor written to.
    pub(crate) fn take(
        &self,
        now: Duration,
        longest: Duration,
        metrics: &EndpointMetrics,
    ) -> Option<Connection> {
        let mut waiting = self.waiting.borrow_mut();
        loop {
            // They are in the order of `since`: if the last one is too old for this request, so are all others.
            let candidate = waiting.pop_if(|last| now.saturating_sub(last.since) <= longest)?;
            metrics.idle.decrement();
            if is_usable(&candidate.connection) {
                metrics.reused.increment();
                return Some(candidate.connection);
            }
        }
    }

    /// Keeps a connection whose last response was complete.
    pub(crate) fn put(&self, connection: Connection, now: Duration, metrics: &EndpointMetrics) {
        let mut waiting = self.waiting.borrow_mut();
        if connection.is_idle() && waiting.len() < self.most && !self.is_closed.get() {
            metrics.idle.increment();
            waiting.push(Waiting {
                connection,
                since: now,
            });
        }
    }

    /// Drops those that are closed, or older than `longest`.
    pub(crate) fn sweep(&self, now: Duration, longest: Duration, metrics: &EndpointMetrics) {
        self.waiting.borrow_mut().retain(|one| {
            let keeps = now.saturating_sub(one.since) <= longest && is_usable(&one.connection);
            if !keeps {
                metrics.idle.decrement();
            }
            keeps
        });
    }
}

/// A server that writes before it is asked is broken or hostile: what it wrote must not answer the next request.
fn is_usable(connection: &Connection) -> bool {
    connection.is_idle() && connection.stream().is_quiet()
}
