//! `tenfold run`: start, serve, drain.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tenfold_gateway::config::{Address, Limits, Server, Settings, Timeouts};
use tenfold_gateway::{Gateway, StartError};
use tenfold_observe::metric::Registry;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::banner;
use crate::admin;
use crate::cli::Run;

/// How long the end waits for the access log to be written: a pipe that nobody reads must not hold it up.
const LOG_PATIENCE: Duration = Duration::from_secs(1);

/// Why the program does not start: what is wrong, and what to do.
#[derive(Debug)]
pub(crate) struct Refusal {
    what: String,
    help: String,
}

impl Refusal {
    pub(super) fn new(what: impl fmt::Display, help: impl fmt::Display) -> Self {
        Self {
            what: what.to_string(),
            help: help.to_string(),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}\n help: {}", self.what, self.help)
    }
}

/// Runs until a signal ends it. The exit code is 0 if no request was cut off.
pub(crate) fn run(arguments: Box<Run>) -> Result<ExitCode, Refusal> {
    tenfold_observe::log::start();
    let descriptors = raise_descriptor_limit();
    let workers = arguments.workers.map_or_else(cores, usize::from);
    check(&arguments)?;
    let drain_timeout = arguments.timeouts.drain_timeout;
    let (admin_address, token) = (arguments.admin, arguments.admin_token.clone());
    let settings = settings(*arguments, workers, descriptors);
    let registry = Registry::new(workers);

    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Refusal::new(error, "raise the limits of this process (ulimit -a)"))?;
    runtime.block_on(async {
        let signals = Signals::new()
            .map_err(|error| Refusal::new(error, "raise the limits of this process (ulimit -a)"))?;
        let admin_listener = tokio::net::TcpListener::bind(admin_address)
            .await
            .map_err(|error| cannot_listen("--admin", admin_address, &error))?;
        let admin_address = admin_listener.local_addr().unwrap_or(admin_address);
        let (gateway, threads) =
            Gateway::start(settings.clone(), &registry).map_err(cannot_start)?;
        let gateway = Arc::new(gateway);
        let admin = admin::Admin {
            control: Arc::new(admin::Fixed::new(Arc::clone(&gateway), settings.clone())),
            registry,
            token,
        };
        let admin_task = tokio::spawn(admin::serve(admin_listener, admin));
        banner::print(&settings, gateway.address(), admin_address).await;
        let code = until_drained(&gateway, signals, drain_timeout).await;
        admin_task.abort();
        let is_well = gateway.end(threads, LOG_PATIENCE);
        Ok(if is_well { code } else { ExitCode::FAILURE })
    })
}

/// What can be seen to be wrong before anything is opened.
fn check(arguments: &Run) -> Result<(), Refusal> {
    if !arguments.admin.ip().is_loopback() && arguments.admin_token.is_none() {
        return Err(Refusal::new(
            format!(
                "--admin {} can be reached by others, and no token protects it",
                arguments.admin
            ),
            "add --admin-token env:NAME or file:PATH, or listen on 127.0.0.1",
        ));
    }
    for (index, server) in arguments.to.iter().enumerate() {
        if arguments.to[..index]
            .iter()
            .any(|other| other.name == server.name)
        {
            return Err(Refusal::new(
                format!("--to {} is given twice", server.name),
                "give each server once; a larger share of traffic for one comes with weights, in a later version",
            ));
        }
        if is_ourselves(server, arguments.listen) || is_ourselves(server, arguments.admin) {
            return Err(Refusal::new(
                format!(
                    "--to {} is this gateway itself: requests would go in a circle",
                    server.name
                ),
                "give the address of your service, or another --listen",
            ));
        }
    }
    Ok(())
}

fn is_ourselves(server: &Server, listen: SocketAddr) -> bool {
    let Address::Tcp(addresses) = &server.address else {
        return false;
    };
    addresses.iter().any(|address| {
        let is_here = address.ip() == listen.ip()
            || (listen.ip().is_unspecified() && address.ip().is_loopback());
        address.port() == listen.port() && is_here
    })
}

fn settings(arguments: Run, workers: usize, descriptors: u64) -> Settings {
    let limits = Limits::default();
    let affordable = affordable_connections(descriptors, workers);
    let connections = match arguments.limits.max_connections {
        Some(count) => usize::try_from(count).unwrap_or(usize::MAX),
        None => limits.connections.min(affordable),
    };
    let timeouts = &arguments.timeouts;
    Settings {
        listen: arguments.listen,
        workers,
        servers: arguments.to,
        balance: arguments.balance.into(),
        trusted_proxies: arguments.trusted_proxies,
        timeouts: Timeouts {
            head: timeouts.head_timeout,
            idle: timeouts.idle_timeout,
            body: timeouts.body_timeout,
            connect: timeouts.connect_timeout,
            response: timeouts.response_timeout,
            tunnel: timeouts.tunnel_timeout,
            ..Timeouts::default()
        },
        limits: Limits {
            head: tenfold_http1::Limits {
                head: arguments.limits.max_head,
                ..limits.head
            },
            body: arguments.limits.max_body,
            connections,
            ..limits
        },
        access_log: arguments.access_log,
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

fn cannot_start(error: StartError) -> Refusal {
    match error {
        StartError::Listen(address, error) => cannot_listen("--listen", address, &error),
        StartError::AccessLog(_) => Refusal::new(
            error,
            "give --access-log a file in a folder that exists and can be written",
        ),
        StartError::Thread(_) => Refusal::new(error, "use fewer --workers, or raise ulimit -u"),
    }
}

fn cannot_listen(flag: &str, address: SocketAddr, error: &io::Error) -> Refusal {
    let help = match error.kind() {
        io::ErrorKind::AddrInUse => format!(
            "another program uses the port (see it with: ss -ltnp 'sport = :{port}'); stop it, or choose another: \
             {flag} {ip}:{other}",
            port = address.port(),
            ip = address.ip(),
            other = address.port().checked_add(1).unwrap_or(8080),
        ),
        io::ErrorKind::PermissionDenied => format!(
            "ports below 1024 need a privilege; use {flag} {}:8080, or give it: setcap cap_net_bind_service=+ep tenfold",
            address.ip()
        ),
        io::ErrorKind::AddrNotAvailable => {
            format!(
                "this machine does not have the address {}; use 0.0.0.0 for all it has",
                address.ip()
            )
        }
        _ => format!("choose another address with {flag}"),
    };
    Refusal::new(format!("cannot listen on {address}: {error}"), help)
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    reopen: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            reopen: signal(SignalKind::user_defined1())?,
        })
    }

    /// Waits for a signal to end; opens the access log again when asked to.
    async fn end(&mut self, gateway: &Gateway) {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return,
                _ = self.interrupt.recv() => return,
                _ = self.reopen.recv() => gateway.reopen_access_log(),
            }
        }
    }
}

/// Serves until a first signal, then drains until nothing is left, time is up, or a second signal.
async fn until_drained(gateway: &Gateway, mut signals: Signals, timeout: Duration) -> ExitCode {
    tokio::select! {
        () = signals.end(gateway) => {}
        () = gateway.lost_a_worker() => {
            tracing::error!("a worker has failed; ending, so that what supervises this process starts it anew");
            return ExitCode::FAILURE;
        }
    }
    tracing::info!(
        "draining: requests under way are finished, for at most {timeout:?}; signal again to end at once"
    );
    gateway.drain();
    tokio::select! {
        () = gateway.drained() => {
            tracing::info!("drained");
            ExitCode::SUCCESS
        }
        () = tokio::time::sleep(timeout) => {
            tracing::warn!("time is up: what is still open is cut off");
            ExitCode::FAILURE
        }
        () = signals.end(gateway) => {
            tracing::warn!("second signal: what is still open is cut off");
            ExitCode::FAILURE
        }
    }
}
