//! Starting and stopping a gateway: threads, and what they are told.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use std::{fmt, io};

use tenfold_observe::lines::{self, Lines, Monitor, Writer};
use tenfold_observe::metric::{Labels, Registry};
use tokio::sync::mpsc::unbounded_channel;
use tokio::sync::watch;

use crate::config::{Config, Settings};
use crate::control::carried::Inheritance;
use crate::control::edit::{EditError, EndpointEdit};
use crate::control::{ApplyError, Control, evaluate};
use crate::limit::status::LimitStatus;
use crate::metrics;
use crate::status::{RouteStatus, Status};
use crate::worker::clock;
use crate::worker::thread::{Countdown, Phase, Plan};

/// Why a gateway could not start.
#[derive(Debug)]
pub enum StartError {
    /// What it is to do cannot be done.
    Config(ApplyError),
    /// An upstream has no server, although it has some in the process that this one was to take over from.
    NoServers(String),
    /// The access log cannot be opened.
    AccessLog(io::Error),
    /// A thread cannot be started.
    Thread(io::Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(error) => error.fmt(f),
            Self::NoServers(name) => write!(
                f,
                "no server of the upstream {name} can be found, and the running gateway knows some"
            ),
            Self::AccessLog(error) => write!(f, "cannot open the access log: {error}"),
            Self::Thread(error) => write!(f, "cannot start a worker: {error}"),
        }
    }
}

impl std::error::Error for StartError {}

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
    /// Resolves names, opens the sockets and starts the workers, which serve from here on. Sockets in `inheritance` are those of a
    /// process before this one; they are used where they fit. To be called within a tokio runtime, in which discovery and probes
    /// then run.
    ///
    /// Nothing is accepted before names are resolved, or `patience` is over: there would be nobody to answer.
    ///
    /// # Errors
    /// When a socket, the access log or a thread cannot be had, or if this process would serve worse than the one before;
    /// nothing is left running then.
    pub async fn start(
        settings: &Settings,
        config: Config,
        inheritance: Inheritance,
        registry: &Arc<Registry>,
        patience: Duration,
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
        let Inheritance { sockets, carried } = inheritance;
        let control = Control::new(registry, epoch, senders, sockets, carried);
        control.prepare(&config);
        settled(&control, patience).await;
        if let Some(upstream) = control.worse_than_before() {
            return Err(StartError::NoServers(upstream));
        }
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
        metrics::concurrency::read(registry, &self.control);
        metrics::cache::read(registry, &self.control);
        metrics::limit::read(registry, &self.control);
        if let Some(monitor) = self.access_log.clone() {
            registry.read_counter(
                "tenfold_access_log_dropped",
                "Lines of the access log that were dropped",
                Labels::new(),
                move || monitor.dropped() as f64,
            );
        }
    }

    /// Where it listens: names and addresses.
    #[must_use]
    pub fn addresses(&self) -> Vec<(String, SocketAddr)> {
        self.control.addresses()
    }

    /// Does what `config` says from now on, and returns what is different; or changes nothing. Waits until the names of upstreams
    /// that are new are resolved, and then until all workers have changed over, but for neither longer than `patience`. Blocks.
    ///
    /// # Errors
    /// Why nothing was changed.
    pub fn apply(&self, config: Config, patience: Duration) -> Result<Vec<String>, ApplyError> {
        self.control.prepare(&config);
        let mut waited = Duration::ZERO;
        while !self.control.are_newcomers_settled() && waited < patience {
            std::thread::sleep(LOOK);
            waited += LOOK;
        }
        let (changes, done) = self.control.apply(config)?;
        if !done.wait(patience) {
            tracing::warn!("a worker has not changed over within {patience:?}");
        }
        Ok(changes)
    }

    /// Counts a configuration that was wrong before it could be applied.
    pub fn count_refused(&self) {
        self.control.count_refused();
    }

    /// Changes the servers of an upstream, all of it or nothing. What is changed so holds until the process ends, over reloads and
    /// upgrades. Waits until all workers have changed over, but no longer than `patience`.
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

    /// How its limits do, in the order of the configuration.
    #[must_use]
    pub fn limits(&self) -> Vec<LimitStatus> {
        self.control.limit_statuses()
    }

    /// What the process that takes over needs. Nothing can be changed from here on, unless it is said to [`stay`](Self::stay).
    ///
    /// # Errors
    /// When no descriptor is left.
    pub fn hand_over(&self) -> io::Result<Inheritance> {
        self.control.hand_over()
    }

    /// No other process has taken over: everything is as it was before [`hand_over`](Self::hand_over).
    pub fn stay(&self) {
        self.control.stay();
    }

    /// True while nothing can be changed: another process takes over, or this one ends.
    #[must_use]
    pub fn is_leaving(&self) -> bool {
        self.control.is_leaving()
    }

    /// True while it serves and at least one upstream, if there is any, has an endpoint that is not being passed over.
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
        // What is on its way to a disk or to Redis goes on in the workers' threads.
        for cache in self.control.snapshot().caches.iter() {
            cache.settle(SETTLING);
        }
        self.phase.send_replace(Phase::Ended);
        let failed = threads
            .workers
            .into_iter()
            .filter_map(|thread| thread.join().err())
            .count();
        for cache in self.control.snapshot().caches.iter() {
            cache.close(CLOSING);
        }
        if let Some(writer) = threads.access_log
            && !writer.finish(patience)
        {
            tracing::warn!("the last lines of the access log could not be written");
        }
        failed == 0
    }
}

/// How often it is looked whether names are resolved.
const LOOK: Duration = Duration::from_millis(5);

/// Waits until every upstream has heard of its servers for the first time, but no longer than `patience`.
async fn settled(control: &Control, patience: Duration) {
    let settled = async {
        while !control.are_newcomers_settled() {
            tokio::time::sleep(LOOK).await;
        }
    };
    if tokio::time::timeout(patience, settled).await.is_err() {
        tracing::warn!("not all names are resolved yet; serving what is there");
    }
}

/// How long writes to the lower levels of a cache may go on before the workers end.
const SETTLING: Duration = Duration::from_secs(1);

/// How long a cache has for writing out what is under way at the end. What is not written is fetched again.
const CLOSING: Duration = Duration::from_secs(3);

/// How long a drain may take by default: longer than the slowest ordinary request, shorter than the patience of
/// process managers (systemd 90 s, Kubernetes 30 s).
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(25);
