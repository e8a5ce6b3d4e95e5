//! `tenfold run`: start, serve, reload, hand over, drain.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tenfold_gateway::config::{CONNECTIONS, Settings};
use tenfold_gateway::{Gateway, Inheritance};
use tenfold_observe::metric::Registry;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::refuse::{cannot_listen, cannot_start};
use super::reload::Reloader;
use super::signals::{Asked, Signals};
use super::upgrade::{Inherited, Myself};
use super::{Refusal, arguments, banner, notify};
use crate::admin;
use crate::cli::Run;
use crate::config::seen::Seen;
use crate::config::{self, Loaded, Process};

/// How long the end waits for the access log to be written: a pipe that nobody reads must not hold it up.
const LOG_PATIENCE: Duration = Duration::from_secs(1);
/// How long the end waits for answers of the admin side that are under way, the one to an upgrade among them.
const FAREWELL: Duration = Duration::from_secs(1);
/// How long the start waits for names to be resolved.
const NAMES_PATIENCE: Duration = Duration::from_secs(5);

/// Runs until a signal ends it. The exit code is 0 if no request was cut off.
pub(crate) fn run(arguments: &Run) -> Result<ExitCode, Refusal> {
    tenfold_observe::log::start();
    let no_limits = |error| Refusal::new(error, "raise the limits of this process (ulimit -a)");
    let myself = Myself::know().map_err(no_limits)?;
    let descriptors = raise_descriptor_limit();
    let (loaded, seen) = load(arguments)?;
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
            (loaded, seen),
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
fn load(run: &Run) -> Result<(Loaded, Seen), Refusal> {
    if let Some(path) = &run.file {
        let (loaded, seen) = config::load_and_note(path);
        let loaded = loaded.map_err(|errors| Refusal::new(errors, ""))?;
        return Ok((loaded, seen));
    }
    let (config, process) = arguments::config(run)?;
    let redacted = serde_json::json!({
        "source": "arguments",
        "servers": run.to.iter().map(|server| &server.name).collect::<Vec<_>>(),
        "listen": run.listen.to_string(),
    });
    let loaded = Loaded {
        config,
        process,
        warnings: config::Diagnostics::default(),
        files: Vec::new(),
        redacted,
    };
    Ok((loaded, Seen::default()))
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
    admin_task: JoinHandle<()>,
    admin_stop: watch::Sender<bool>,
    /// Reloads when a file changes, if it is to.
    watching: Option<JoinHandle<()>>,
    upgrades: admin::Upgrades,
    drain_timeout: Duration,
}

impl Running {
    async fn start(
        path: Option<PathBuf>,
        (loaded, seen): (Loaded, Seen),
        settings: &Settings,
        registry: &Arc<Registry>,
        inherited: Option<Inherited>,
        myself: Myself,
    ) -> Result<Self, Refusal> {
        let process = loaded.process.clone();
        let (inheritance, admin, tell) = match inherited {
            Some(mut it) => (
                std::mem::take(&mut it.inheritance),
                it.admin.take(),
                Some(it),
            ),
            None => (Inheritance::default(), None, None),
        };
        let is_file = path.is_some();
        let admin_name = if is_file { "admin.listen" } else { "--admin" };
        let admin = Arc::new(bind_admin(admin_name, process.admin, admin)?);
        let admin_address = admin.local_addr().unwrap_or(process.admin);
        let config = loaded.config.clone();
        let started = Gateway::start(
            settings,
            config.clone(),
            inheritance,
            registry,
            NAMES_PATIENCE,
        );
        let started = started.await;
        let (gateway, threads) = started.map_err(|error| cannot_start(error, is_file))?;
        let gateway = Arc::new(gateway);
        let reloader = Reloader::new(Arc::clone(&gateway), path, loaded, seen);
        let reloader = Arc::new(reloader);
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
        let (admin_stop, stop) = watch::channel(false);
        let admin_task = tokio::spawn(admin::serve(copy, side, stop));
        let is_watching = process.watch && is_file;
        let watching = is_watching.then(|| tokio::spawn(Arc::clone(&reloader).watch()));
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
            admin_stop,
            watching,
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
            Why::Replaced => {
                // Both processes have the socket: what is asked for now is meant for the new one.
                self.admin_stop.send_replace(true);
                self.drain(&mut signals).await
            }
        };
        self.admin_stop.send_replace(true);
        let _at_last = timeout(FAREWELL, &mut self.admin_task).await;
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
                    Asked::Upgrade => match self.upgrade(signals).await {
                        Upgraded::Done(_) => return Why::Replaced,
                        Upgraded::Failed(_) => {}
                        Upgraded::Ended => return Why::Told,
                    },
                },
                wish = self.upgrades.next() => {
                    let upgraded = self.upgrade(signals).await;
                    match upgraded {
                        Upgraded::Done(process) => {
                            wish.answer(Ok(process));
                            return Why::Replaced;
                        }
                        Upgraded::Failed(why) => wish.answer(Err(why)),
                        Upgraded::Ended => return Why::Told,
                    }
                }
                () = self.gateway.lost_a_worker() => return Why::Failed,
            }
        }
    }

    /// Starts the new process, and waits until it serves; or until this one is told to end, and then the new one ends too.
    async fn upgrade(&mut self, signals: &mut Signals) -> Upgraded {
        tracing::info!("upgrade: starting the new process");
        let mut is_told = false;
        let result = self.try_upgrade(signals, &mut is_told).await;
        match result {
            Ok(process) => {
                tracing::info!("upgrade: process {process} serves; this one drains and ends");
                Upgraded::Done(process)
            }
            Err(_) if is_told => {
                tracing::info!("upgrade: given up, because this process is told to end");
                Upgraded::Ended
            }
            Err(why) => {
                self.gateway.stay();
                tracing::error!("upgrade failed, this process goes on: {why}");
                Upgraded::Failed(why)
            }
        }
    }

    async fn try_upgrade(
        &mut self,
        signals: &mut Signals,
        is_told: &mut bool,
    ) -> Result<u32, String> {
        let inheritance = self
            .gateway
            .hand_over()
            .map_err(|error| error.to_string())?;
        let next = self.myself.start_next()?;
        let give_up = next.give_up()?;
        let admin = Arc::clone(&self.admin);
        let mut taking = tokio::task::spawn_blocking(move || next.take_over(&inheritance, &admin));
        let result = tokio::select! {
            result = &mut taking => result,
            () = signals.end() => {
                *is_told = true;
                give_up.now();
                taking.await
            }
        };
        result.unwrap_or_else(|_| Err("it panicked".into()))
    }

    async fn drain(&mut self, signals: &mut Signals) -> ExitCode {
        let timeout = self.drain_timeout;
        tracing::info!(
            "draining: requests under way are finished, for at most {timeout:?}; signal again to end at once"
        );
        if let Some(watching) = self.watching.take() {
            watching.abort();
        }
        self.upgrades.close();
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

/// What became of an upgrade.
enum Upgraded {
    /// This process took over.
    Done(u32),
    /// Everything is as it was.
    Failed(String),
    /// This process was told to end meanwhile.
    Ended,
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
pub(super) fn raise_descriptor_limit() -> u64 {
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
