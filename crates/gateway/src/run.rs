//! Starting and stopping a gateway: threads, and what they are told.

use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use std::{fmt, io};

use tenfold_observe::lines::{self, Lines, Monitor, Writer};
use tenfold_observe::metric::{Labels, Registry};
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::config::{Config, Settings};
use crate::control::edit::{EditError, EndpointEdit};
use crate::control::{ApplyError, Control, evaluate};
use crate::http::access_log::AccessLog;
use crate::metrics;
use crate::snapshot::Snapshot;
use crate::status::{RouteStatus, Status};
use crate::worker::site::Site;
use crate::worker::{Order, Worker, clock};

/// Why a gateway could not start.
#[derive(Debug)]
pub enum StartError {
    /// What it is to do cannot be done.
    Config(ApplyError),
    /// The name servers of this machine are not known.
    Resolver(io::Error),
    /// The access log cannot be opened.
    AccessLog(io::Error),
    /// A thread cannot be started.
    Thread(io::Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(error) => error.fmt(f),
            Self::Resolver(error) => write!(f, "cannot find out how names are resolved: {error}"),
            Self::AccessLog(error) => write!(f, "cannot open the access log: {error}"),
            Self::Thread(error) => write!(f, "cannot start a worker: {error}"),
        }
    }
}

impl std::error::Error for StartError {}

/// What workers are told, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Serving,
    Draining,
    Ended,
}

/// A running gateway, as seen from outside.
pub struct Gateway {
    pub(crate) control: Arc<Control>,
    phase: watch::Sender<Phase>,
    /// Workers that have not ended.
    running: watch::Receiver<usize>,
    pub(crate) workers: usize,
    access_log: Option<Monitor>,
}

/// A running gateway's threads.
pub struct Threads {
    workers: Vec<JoinHandle<()>>,
    access_log: Option<Writer>,
}

impl Gateway {
    /// Opens the sockets and starts the workers, which serve from here on. Sockets in `inherited` are those of a process before
    /// this one; they are used where they fit. To be called within a tokio runtime, in which discovery and probes then run.
    ///
    /// # Errors
    /// When a socket, the access log or a thread cannot be had; nothing is left running then.
    pub fn start(
        settings: &Settings,
        config: Config,
        inherited: Vec<TcpListener>,
        registry: &Arc<Registry>,
    ) -> Result<(Self, Threads), StartError> {
        let access_log = settings.access_log.clone().map(lines::open).transpose();
        let (lines, writer) = access_log.map_err(StartError::AccessLog)?.unzip();
        let epoch = clock::epoch();
        let workers = settings.workers;
        let (phase, _) = watch::channel(Phase::Serving);
        let (ending, running) = watch::channel(workers);
        let (closing, _) = watch::channel(workers);
        let (senders, receivers): (Vec<_>, Vec<_>) =
            (0..workers).map(|_| unbounded_channel()).unzip();
        let control = Control::new(registry, epoch, senders, inherited);
        let control = control.map_err(StartError::Resolver)?;
        // Before there are workers, so that there is nothing to end if it fails.
        control.apply(config).map_err(StartError::Config)?;
        let gateway = Self {
            control,
            phase,
            running,
            workers,
            access_log: lines.as_ref().map(Lines::monitor),
        };
        gateway.register(registry);
        let mut threads = Threads {
            workers: Vec::new(),
            access_log: writer,
        };
        for (index, orders) in receivers.into_iter().enumerate() {
            let plan = Plan {
                index,
                connections: settings.connections,
                registry: Arc::clone(registry),
                epoch,
                lines: lines.clone(),
                orders,
                phase: gateway.phase.subscribe(),
                listening: Countdown {
                    count: closing.clone(),
                },
            };
            let running = Countdown {
                count: ending.clone(),
            };
            let thread = std::thread::Builder::new()
                .name(format!("tenfold-{index}"))
                .spawn(move || plan.run(running));
            match thread {
                Ok(thread) => threads.workers.push(thread),
                Err(error) => {
                    gateway.end(threads, Duration::ZERO);
                    return Err(StartError::Thread(error));
                }
            }
        }
        tokio::spawn(evaluate::run(Arc::downgrade(&gateway.control)));
        Ok((gateway, threads))
    }

    /// Registers what is read when it is asked for.
    fn register(&self, registry: &Registry) {
        metrics::read_endpoints(registry, &self.control);
        if let Some(monitor) = self.access_log.clone() {
            registry.read_counter(
                "tenfold_access_log_dropped",
                "Lines of the access log that were dropped",
                Labels::new(),
                move || monitor.dropped() as f64,
            );
        }
    }

    /// Waits until every upstream has heard of its servers for the first time, but no longer than `patience`.
    pub async fn settled(&self, patience: Duration) {
        let settled = async {
            while !self.control.is_settled() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        if tokio::time::timeout(patience, settled).await.is_err() {
            tracing::warn!("not all names are resolved yet; serving what is there");
        }
    }

    /// Where it listens: names and addresses.
    #[must_use]
    pub fn addresses(&self) -> Vec<(String, SocketAddr)> {
        self.control.addresses()
    }

    /// Does what `config` says from now on, and returns what is different; or changes nothing. Waits until all workers have
    /// changed over, but no longer than `patience`.
    ///
    /// # Errors
    /// Why nothing was changed.
    pub fn apply(&self, config: Config, patience: Duration) -> Result<Vec<String>, ApplyError> {
        let (changes, done) = self.control.apply(config)?;
        if !done.wait(patience) {
            tracing::warn!("a worker has not changed over within {patience:?}");
        }
        Ok(changes)
    }

    /// Changes the servers of an upstream, all of it or nothing. What is changed so holds until the process ends, over reloads. Waits
    /// until all workers have changed over, but no longer than `patience`.
    ///
    /// # Errors
    /// When the upstream or a server is not there.
    pub fn edit_endpoints(
        &self,
        upstream: &str,
        edit: &EndpointEdit,
        patience: Duration,
    ) -> Result<(), EditError> {
        self.control.edit(upstream, edit)?.wait(patience);
        Ok(())
    }

    /// What it looks like, without its routes.
    #[must_use]
    pub fn status(&self) -> Status {
        let is_draining = *self.phase.borrow() != Phase::Serving;
        self.control.status(self.workers, is_draining)
    }

    /// How its routes do, in the order of the configuration.
    #[must_use]
    pub fn routes(&self) -> Vec<RouteStatus> {
        self.control.route_statuses()
    }

    /// The listening sockets, for the process that takes over.
    ///
    /// # Errors
    /// When no descriptor is left.
    pub fn sockets(&self) -> io::Result<Vec<TcpListener>> {
        self.control.sockets()
    }

    /// True while it serves and every upstream that is used has an endpoint that is not being passed over.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        let now = self.control.now();
        let snapshot = self.control.snapshot();
        *self.phase.borrow() == Phase::Serving
            && (snapshot.upstreams.is_empty()
                || snapshot
                    .upstreams
                    .iter()
                    .any(|upstream| upstream.group.has_available(now)))
    }

    /// Stops accepting; every connection ends after the request that it is busy with.
    pub fn drain(&self) {
        self.control.close_sockets();
        self.phase.send_replace(Phase::Draining);
    }

    /// Waits until the last connection has ended, after [`drain`](Self::drain).
    pub async fn drained(&self) {
        let _all_gone = self
            .running
            .clone()
            .wait_for(|running| *running == 0)
            .await
            .map(|_| ());
    }

    /// Waits until a worker has ended, which none does by itself: it has failed.
    pub async fn lost_a_worker(&self) {
        let all = self.workers;
        let _all_gone = self
            .running
            .clone()
            .wait_for(|running| *running < all)
            .await
            .map(|_| ());
    }

    /// Opens the access log again, after it was moved away.
    pub fn reopen_access_log(&self) {
        if let Some(monitor) = &self.access_log {
            monitor.reopen();
        }
    }

    /// Ends everything now, and waits until the access log is written, but no longer than `patience`. Returns false if a
    /// worker had failed.
    pub fn end(&self, threads: Threads, patience: Duration) -> bool {
        self.phase.send_replace(Phase::Ended);
        let failed = threads
            .workers
            .into_iter()
            .filter_map(|thread| thread.join().err())
            .count();
        if let Some(writer) = threads.access_log
            && !writer.finish(patience)
        {
            tracing::warn!("the last lines of the access log could not be written");
        }
        failed == 0
    }
}

/// One of those that are counted, until it is dropped, however that comes about.
struct Countdown {
    count: watch::Sender<usize>,
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
struct Plan {
    index: usize,
    connections: usize,
    registry: Arc<Registry>,
    epoch: Instant,
    lines: Option<Lines>,
    orders: UnboundedReceiver<Order>,
    phase: watch::Receiver<Phase>,
    /// Workers whose sockets are open.
    listening: Countdown,
}

impl Plan {
    fn run(self, _running: Countdown) {
        if let Err(error) = self.serve() {
            tracing::error!(%error, "a worker could not start");
        }
    }

    fn serve(self) -> io::Result<()> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build_local(LocalOptions::default())?;
        let nothing = Arc::new(Snapshot::empty(&self.registry));
        let site = Site::new(nothing, None, &self.registry, self.index);
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

/// How long a drain may take by default: longer than the slowest ordinary request, shorter than the patience of
/// process managers (systemd 90 s, Kubernetes 30 s).
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(25);
