//! The thread of a worker: from its start to the last connection.

use std::io;
use std::rc::Rc;
use std::sync::Arc;

use tenfold_observe::lines::Lines;
use tenfold_observe::metric::Registry;
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::watch;
use tokio::time::Instant;

use super::clock::Clock;
use super::site::Site;
use super::{Order, Worker};
use crate::http::access_log::AccessLog;
use crate::snapshot::Snapshot;

/// What workers are told, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    Serving,
    Draining,
    Ended,
}

/// One of those that are counted, until it is dropped, however that comes about.
pub(crate) struct Countdown {
    pub(crate) count: watch::Sender<usize>,
}

impl Countdown {
    /// Gives up its place, and waits until all others have.
    async fn reach_zero(self) {
        let mut count = self.count.subscribe();
        drop(self);
        let _all_gone = count.wait_for(|count| *count == 0).await.map(|_| ());
    }
}

impl Drop for Countdown {
    fn drop(&mut self) {
        self.count.send_modify(|count| *count -= 1);
    }
}

/// What a worker's thread is started with.
pub(crate) struct Plan {
    pub(crate) index: usize,
    pub(crate) connections: usize,
    pub(crate) registry: Arc<Registry>,
    pub(crate) epoch: Instant,
    pub(crate) lines: Option<Lines>,
    pub(crate) orders: UnboundedReceiver<Order>,
    pub(crate) phase: watch::Receiver<Phase>,
    /// Workers whose sockets are open.
    pub(crate) listening: Countdown,
}

impl Plan {
    pub(crate) fn run(self, _running: Countdown) {
        if let Err(error) = self.serve() {
            tracing::error!(%error, "a worker could not start");
        }
    }

    fn serve(self) -> io::Result<()> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build_local(LocalOptions::default())?;
        let nothing = Arc::new(Snapshot::empty(&self.registry));
        // There is no upstream yet that would read it.
        let clock = Rc::new(Clock::new(self.epoch));
        let site = Site::new(nothing, None, &self.registry, &clock, self.index);
        let worker = Worker::new(
            self.index,
            self.epoch,
            &self.registry,
            self.connections,
            self.lines.map(AccessLog::new),
            site,
        );
        let orders = self.orders;
        runtime.block_on(async {
            tokio::select! {
                () = serve_and_drain(&worker, orders, self.phase.clone(), self.listening) => {}
                () = reached(self.phase, Phase::Ended) => {}
                // Here and not in tasks of their own: should one of them panic, the worker must end, and be seen to.
                () = Rc::clone(&worker.timers).run() => {}
                () = Rc::clone(&worker).housekeep() => {}
                () = worker.failed() => {}
            }
            Ok(())
        })
    }
}

async fn serve_and_drain(
    worker: &Rc<Worker>,
    mut orders: UnboundedReceiver<Order>,
    phase: watch::Receiver<Phase>,
    listening: Countdown,
) {
    let mut draining = std::pin::pin!(reached(phase, Phase::Draining));
    loop {
        tokio::select! {
            biased;
            () = &mut draining => break,
            order = orders.recv() => match order {
                Some(order) => worker.obey(order),
                // Nobody is left who could say anything.
                None => break,
            },
        }
    }
    worker.stop_listening().await;
    // A client that is told to close connects anew at once. If that happened while another worker's socket is just
    // closing, its new connection would be reset; when all are closed it is refused, and nothing is lost.
    listening.reach_zero().await;
    worker.start_draining();
    worker.drained().await;
}

/// Waits until that phase is reached, or nobody is left to announce it.
async fn reached(mut phase: watch::Receiver<Phase>, wanted: Phase) {
    let _sender_gone = phase.wait_for(|phase| *phase >= wanted).await.map(|_| ());
}
