//! Starting and stopping a gateway: threads, and what they are told.

use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use std::{fmt, io};

use tenfold_observe::lines::{self, Lines, Monitor, Writer};
use tenfold_observe::metric::{Labels, Registry};
use tenfold_traffic::Endpoint;
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::config::Settings;
use crate::http::access_log::AccessLog;
use crate::listen::{self, accept};
use crate::metrics::WorkerMetrics;
use crate::upstream::Upstream;
use crate::worker::Worker;
use crate::worker::clock;

/// Why a gateway could not start.
#[derive(Debug)]
pub enum StartError {
    /// The address cannot be listened on.
    Listen(SocketAddr, io::Error),
    /// The access log cannot be opened.
    AccessLog(io::Error),
    /// A thread cannot be started.
    Thread(io::Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listen(address, error) => write!(f, "cannot listen on {address}: {error}"),
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
    address: SocketAddr,
    endpoints: Vec<Arc<Endpoint>>,
    epoch: Instant,
    phase: watch::Sender<Phase>,
    /// Workers that have not ended.
    running: watch::Receiver<usize>,
    workers: usize,
    access_log: Option<Monitor>,
}

/// A running gateway's threads.
pub struct Threads {
    workers: Vec<JoinHandle<()>>,
    access_log: Option<Writer>,
}

impl Gateway {
    /// Opens the sockets and starts the workers, which serve from here on.
    ///
    /// # Errors
    /// When a socket, the access log or a thread cannot be had; nothing is left running then.
    pub fn start(
        settings: Settings,
        registry: &Arc<Registry>,
    ) -> Result<(Self, Threads), StartError> {
        let (address, listeners) = listen::bind(settings.listen, settings.workers)
            .map_err(|error| StartError::Listen(settings.listen, error))?;
        let access_log = settings.access_log.clone().map(lines::open).transpose();
        let (lines, writer) = access_log.map_err(StartError::AccessLog)?.unzip();
        let epoch = clock::epoch();
        let servers = settings.servers.iter();
        let endpoints: Vec<_> = servers
            .map(|server| Endpoint::new(server.name.as_str()))
            .collect();
        let (phase, _) = watch::channel(Phase::Serving);
        let (ending, running) = watch::channel(listeners.len());
        let (closing, _) = watch::channel(listeners.len());
        let access_log = lines.as_ref().map(Lines::monitor);
        let workers = listeners.len();
        let gateway = Self {
            address,
            endpoints,
            epoch,
            phase,
            running,
            workers,
            access_log,
        };
        gateway.register(registry);
        let settings = Arc::new(settings);
        let mut threads = Threads {
            workers: Vec::new(),
            access_log: writer,
        };
        for (index, listener) in listeners.into_iter().enumerate() {
            let plan = Plan {
                index,
                settings: Arc::clone(&settings),
                registry: Arc::clone(registry),
                epoch,
                endpoints: gateway.endpoints.clone(),
                lines: lines.clone(),
                listener,
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
                .spawn(move || plan.run(running))
                .map_err(StartError::Thread)?;
            threads.workers.push(thread);
        }
        Ok((gateway, threads))
    }

    /// Metrics that are read when scraped.
    fn register(&self, registry: &Registry) {
        let epoch = self.epoch;
        for endpoint in &self.endpoints {
            let labels = || vec![("endpoint", endpoint.name().to_owned())];
            let one = Arc::clone(endpoint);
            registry.read_gauge(
                "tenfold_endpoint_available",
                "1 if the endpoint takes part, 0 while it is passed over",
                labels(),
                move || f64::from(u8::from(one.is_available(epoch.elapsed()))),
            );
            let one = Arc::clone(endpoint);
            registry.read_gauge(
                "tenfold_endpoint_active_requests",
                "Requests under way to the endpoint",
                labels(),
                move || f64::from(one.in_flight()),
            );
        }
        if let Some(monitor) = self.access_log.clone() {
            registry.read_counter(
                "tenfold_access_log_dropped",
                "Lines of the access log that were dropped",
                Labels::new(),
                move || monitor.dropped() as f64,
            );
        }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// True while it serves and at least one endpoint is not being passed over.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        let now = self.epoch.elapsed();
        *self.phase.borrow() == Phase::Serving
            && self
                .endpoints
                .iter()
                .any(|endpoint| endpoint.is_available(now))
    }

    /// Stops accepting; every connection ends after the request that it is busy with.
    pub fn drain(&self) {
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
    settings: Arc<Settings>,
    registry: Arc<Registry>,
    epoch: Instant,
    endpoints: Vec<Arc<Endpoint>>,
    lines: Option<Lines>,
    listener: TcpListener,
    phase: watch::Receiver<Phase>,
    /// Workers whose socket is open.
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
        let names = self
            .settings
            .servers
            .iter()
            .map(|server| server.name.clone())
            .collect();
        let upstream = Upstream::new(&self.settings, self.endpoints, &self.registry, self.index);
        let metrics = WorkerMetrics::new(&self.registry, self.index);
        let access_log = self.lines.map(|lines| AccessLog::new(lines, names));
        let worker = Worker::new(self.settings, self.epoch, upstream, metrics, access_log);
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(self.listener)?;
            tokio::select! {
                () = serve_and_drain(&worker, listener, self.phase.clone(), self.listening) => {}
                () = reached(self.phase, Phase::Ended) => {}
                // Here and not in tasks of their own: should one of them panic, the worker must end, and be seen to.
                () = Rc::clone(&worker.timers).run() => {}
                () = Rc::clone(&worker).housekeep() => {}
            }
            Ok(())
        })
    }
}

async fn serve_and_drain(
    worker: &Rc<Worker>,
    listener: tokio::net::TcpListener,
    phase: watch::Receiver<Phase>,
    listening: Countdown,
) {
    accept::run(Rc::clone(worker), listener, reached(phase, Phase::Draining)).await;
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
