//! `tenfold run`: start, serve, reload, hand over, drain.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tenfold_gateway::config::{CONNECTIONS, Settings};
use tenfold_gateway::{ApplyError, Gateway, StartError};
use tenfold_observe::metric::Registry;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::reload::Reloader;
use super::upgrade::{Inherited, Myself};
use super::{Refusal, arguments, banner, notify};
use crate::admin;
use crate::cli::Run;
use crate::config::{self, Loaded, Process};

/// How long the end waits for the access log to be written: a pipe that nobody reads must not hold it up.
const LOG_PATIENCE: Duration = Duration::from_secs(1);
/// How long the start waits for names to be resolved.
const NAMES_PATIENCE: Duration = Duration::from_secs(5);

/// Runs until a signal ends it. The exit code is 0 if no request was cut off.
pub(crate) fn run(arguments: &Run) -> Result<ExitCode, Refusal> {
    tenfold_observe::log::start();
    let no_limits = |error| Refusal::new(error, "raise the limits of this process (ulimit -a)");
    let myself = Myself::know().map_err(no_limits)?;
    let descriptors = raise_descriptor_limit();
    let loaded = load(arguments)?;
    for warning in loaded.warnings.lines() {
        tracing::warn!("{warning}");
    }
    let settings = settings(&loaded.process, descriptors);
    let registry = Registry::new(settings.workers);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(no_limits)?;
    let inherited = Inherited::take()
        .map_err(|error| Refusal::new(error, "start it without TENFOLD_TAKE_OVER"))?;
    runtime.block_on(async {
        let signals = Signals::new().map_err(no_limits)?;
        let running = Running::start(
            arguments.file.clone(),
            loaded,
            &settings,
            &registry,
            inherited,
            myself,
        )
        .await?;
        Ok(running.until_drained(signals).await)
    })
}

/// What is to be done, from a file or from the arguments.
fn load(run: &Run) -> Result<Loaded, Refusal> {
    if let Some(path) = &run.file {
        return config::load(path).map_err(|errors| Refusal::new(errors, ""));
    }
    let (config, process) = arguments::config(run)?;
    let redacted = serde_json::json!({
        "source": "arguments",
        "servers": run.to.iter().map(|server| &server.name).collect::<Vec<_>>(),
        "listen": run.listen.to_string(),
    });
    Ok(Loaded {
        config,
        process,
        warnings: config::Diagnostics::default(),
        files: Vec::new(),
        redacted,
    })
}

fn settings(process: &Process, descriptors: u64) -> Settings {
    let workers = process.workers.unwrap_or_else(cores);
    let affordable = affordable_connections(descriptors, workers);
    Settings {
        workers,
        connections: process
            .max_connections
            .unwrap_or_else(|| CONNECTIONS.min(affordable)),
        access_log: process.access_log.clone(),
    }
}

/// A gateway that runs, and what it needs beside requests.
struct Running {
    gateway: Arc<Gateway>,
    threads: tenfold_gateway::Threads,
    reloader: Arc<Reloader>,
    myself: Myself,
    admin: Arc<TcpListener>,
    admin_task: tokio::task::JoinHandle<()>,
    upgrades: admin::Upgrades,
    drain_timeout: Duration,
}

impl Running {
    async fn start(
        path: Option<PathBuf>,
        loaded: Loaded,
        settings: &Settings,
        registry: &Arc<Registry>,
        inherited: Option<Inherited>,
        myself: Myself,
    ) -> Result<Self, Refusal> {
        let process = loaded.process.clone();
        let (listening, admin, tell) = match inherited {
            Some(mut it) => (std::mem::take(&mut it.listening), it.admin.take(), Some(it)),
            None => (Vec::new(), None, None),
        };
        let is_file = path.is_some();
        let admin_name = if is_file { "admin.listen" } else { "--admin" };
        let admin = Arc::new(bind_admin(admin_name, process.admin, admin)?);
        let admin_address = admin.local_addr().unwrap_or(process.admin);
        let started = Gateway::start(settings, loaded.config.clone(), listening, registry);
        let (gateway, threads) = started.map_err(|error| cannot_start(error, is_file))?;
        gateway.settled(NAMES_PATIENCE).await;
        let gateway = Arc::new(gateway);
        let config = loaded.config.clone();
        let reloader = Arc::new(Reloader::new(Arc::clone(&gateway), path, loaded));
        let (upgrades, wanted) = admin::Upgrades::new();
        let live = admin::Live::new(Arc::clone(&reloader), wanted);
        let side = admin::Admin {
            control: Arc::new(live),
            registry: Arc::clone(registry),
            token: process.admin_token.clone(),
        };
        let copy = admin.try_clone().and_then(|copy| {
            copy.set_nonblocking(true)?;
            tokio::net::TcpListener::from_std(copy)
        });
        let copy = copy.map_err(|error| cannot_listen(admin_name, admin_address, &error))?;
        let admin_task = tokio::spawn(admin::serve(copy, side));
        if process.watch && is_file {
            tokio::spawn(Arc::clone(&reloader).watch());
        }
        banner::print(&config, settings, &gateway.addresses(), admin_address).await;
        if let Some(inherited) = tell {
            inherited.serving();
        }
        notify::serving();
        Ok(Self {
            gateway,
            threads,
            reloader,
            myself,
            admin,
            admin_task,
            upgrades,
            drain_timeout: process.drain_timeout,
        })
    }

    /// Serves until a first signal, then drains until nothing is left, time is up, or a second signal.
    async fn until_drained(mut self, mut signals: Signals) -> ExitCode {
        let code = match self.serve(&mut signals).await {
            Why::Failed => {
                tracing::error!(
                    "a worker has failed; ending, so that what supervises this process starts it anew"
                );
                ExitCode::FAILURE
            }
            Why::Told => {
                notify::notify("STOPPING=1");
                self.drain(&mut signals).await
            }
            Why::Replaced => self.drain(&mut signals).await,
        };
        self.admin_task.abort();
        let is_well = self.gateway.end(self.threads, LOG_PATIENCE);
        if is_well { code } else { ExitCode::FAILURE }
    }

    async fn serve(&mut self, signals: &mut Signals) -> Why {
        loop {
            tokio::select! {
                asked = signals.next() => match asked {
                    Asked::End => return Why::Told,
                    Asked::ReopenLog => self.gateway.reopen_access_log(),
                    Asked::Reload => {
                        let reloader = Arc::clone(&self.reloader);
                        tokio::task::spawn_blocking(move || reloader.reload_and_log());
                    }
                    Asked::Upgrade => {
                        if self.upgrade().await.is_ok() {
                            return Why::Replaced;
                        }
                    }
                },
                wish = self.upgrades.next() => {
                    let result = self.upgrade().await;
                    let is_replaced = result.is_ok();
                    wish.answer(result);
                    if is_replaced {
                        return Why::Replaced;
                    }
                }
                () = self.gateway.lost_a_worker() => return Why::Failed,
            }
        }
    }

    /// Starts the new process, and waits until it serves.
    async fn upgrade(&mut self) -> Result<u32, String> {
        tracing::info!("upgrade: starting the new process");
        let sockets = self.gateway.sockets().map_err(|error| error.to_string())?;
        let (admin, myself) = (Arc::clone(&self.admin), self.myself.clone());
        let starting =
            tokio::task::spawn_blocking(move || myself.start_next(&sockets, Some(&admin)));
        let result = starting.await.unwrap_or_else(|_| Err("it panicked".into()));
        match &result {
            Ok(process) => {
                tracing::info!("upgrade: process {process} serves; this one drains and ends");
            }
            Err(why) => tracing::error!("upgrade failed, this process goes on: {why}"),
        }
        result
    }

    async fn drain(&mut self, signals: &mut Signals) -> ExitCode {
        let timeout = self.drain_timeout;
        tracing::info!(
            "draining: requests under way are finished, for at most {timeout:?}; signal again to end at once"
        );
        self.gateway.drain();
        tokio::select! {
            () = self.gateway.drained() => {
                tracing::info!("drained");
                ExitCode::SUCCESS
            }
            () = tokio::time::sleep(timeout) => {
                tracing::warn!("time is up: what is still open is cut off");
                ExitCode::FAILURE
            }
            () = signals.end() => {
                tracing::warn!("second signal: what is still open is cut off");
                ExitCode::FAILURE
            }
        }
    }
}

/// Why serving ends.
enum Why {
    Told,
    Replaced,
    Failed,
}

/// The admin side's socket: that of the process before, if it fits.
fn bind_admin(
    name: &str,
    address: SocketAddr,
    inherited: Option<TcpListener>,
) -> Result<TcpListener, Refusal> {
    let is_same = |socket: &TcpListener| {
        let has = socket.local_addr().ok();
        has == Some(address)
            || (address.port() == 0 && has.is_some_and(|it| it.ip() == address.ip()))
    };
    match inherited.filter(is_same) {
        Some(socket) => Ok(socket),
        None => TcpListener::bind(address).map_err(|error| cannot_listen(name, address, &error)),
    }
}

/// Three quarters of the descriptors for clients; most of those are idle, and the rest is for connections to servers.
fn affordable_connections(descriptors: u64, workers: usize) -> usize {
    let clients = usize::try_from(descriptors.saturating_sub(256)).unwrap_or(usize::MAX) / 4 * 3;
    (clients / workers).max(16)
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Raises the soft limit of descriptors to the hard one and returns it: every connection is one.
fn raise_descriptor_limit() -> u64 {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: maximum,
        maximum,
    };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => maximum.unwrap_or(u64::MAX),
        Err(_) => current.unwrap_or(u64::MAX),
    }
}

fn cannot_start(error: StartError, is_file: bool) -> Refusal {
    match error {
        StartError::Config(ApplyError::Listen(name, address, error)) => {
            let what = if is_file {
                format!("listener {name}")
            } else {
                "--listen".into()
            };
            cannot_listen(&what, address, &error)
        }
        StartError::Config(ApplyError::Routes(_)) => {
            Refusal::new(error, "give each route requests of its own")
        }
        StartError::Resolver(_) => Refusal::new(error, "look at /etc/resolv.conf"),
        StartError::AccessLog(_) => Refusal::new(
            error,
            "give the access log a file in a folder that exists and can be written",
        ),
        StartError::Thread(_) => Refusal::new(error, "use fewer workers, or raise ulimit -u"),
    }
}

fn cannot_listen(what: &str, address: SocketAddr, error: &io::Error) -> Refusal {
    let help = match error.kind() {
        io::ErrorKind::AddrInUse => format!(
            "another program uses the port (see it with: ss -ltnp 'sport = :{port}'); stop it, or choose another \
             address, for example {ip}:{other}",
            port = address.port(),
            ip = address.ip(),
            other = address.port().checked_add(1).unwrap_or(8080),
        ),
        io::ErrorKind::PermissionDenied => format!(
            "ports below 1024 need a privilege; use {}:8080, or give it: setcap cap_net_bind_service=+ep tenfold",
            address.ip()
        ),
        io::ErrorKind::AddrNotAvailable => {
            format!(
                "this machine does not have the address {}; use 0.0.0.0 for all it has",
                address.ip()
            )
        }
        _ => "choose another address".into(),
    };
    Refusal::new(
        format!("cannot listen on {address} ({what}): {error}"),
        help,
    )
}

/// What a signal asks for.
enum Asked {
    End,
    Reload,
    ReopenLog,
    Upgrade,
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
    reopen: Signal,
    upgrade: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
            reopen: signal(SignalKind::user_defined1())?,
            upgrade: signal(SignalKind::user_defined2())?,
        })
    }

    async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.terminate.recv() => Asked::End,
            _ = self.interrupt.recv() => Asked::End,
            _ = self.hang_up.recv() => Asked::Reload,
            _ = self.reopen.recv() => Asked::ReopenLog,
            _ = self.upgrade.recv() => Asked::Upgrade,
        }
    }

    /// Waits for a signal to end.
    async fn end(&mut self) {
        while !matches!(self.next().await, Asked::End) {}
    }
}
