//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use ipnet::IpNet;
use tenfold_gateway::config::Server;
use tenfold_observe::lines;
use tenfold_traffic::Algorithm;

use crate::command::cache::Cache;
use crate::command::check::Check;
use crate::command::client::AdminUrl;
use crate::command::completions::Completions;
use crate::command::demo::Demo;
use crate::command::fmt::Fmt;
use crate::command::import::Import;
use crate::command::limits::Limits;
use crate::command::load::Load;
use crate::command::plan::Plan;
use crate::command::schema::Schema;
use crate::config::secret::Secret;
use crate::config::value;

/// The scalability layer for a web service.
#[derive(Debug, Parser)]
#[command(name = "tenfold", version, arg_required_else_help = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Stand in front of servers and pass requests on to them.
    Run(Box<Run>),
    /// Check a configuration, and say all that is wrong with it.
    Check(Check),
    /// Give configurations their usual form.
    Fmt(Fmt),
    /// Turn a configuration of nginx or HAProxy into one of ours.
    Import(Import),
    /// Print the JSON Schema of a configuration, for editors.
    Schema(Schema),
    /// Print a script for a shell's completion.
    Completions(Completions),
    /// Show how a running gateway does: listeners, upstreams, endpoints.
    Status(Status),
    /// Purge a running gateway's caches, fill them, and look into them.
    Cache(Cache),
    /// Show a running gateway's rate limits, and what one client has left of them.
    Limits(Limits),
    /// Watch a running gateway: a live table of upstreams, routes, limits and listeners.
    Top(Top),
    /// Make load, and measure what comes of it.
    Load(Box<Load>),
    /// Say from measurements how many replicas a peak takes, what runs out first, and what it costs.
    Plan(Box<Plan>),
    /// Rehearse the Black Friday of a shop on this machine, without and with Tenfold, and show the difference.
    Demo(Box<Demo>),
}

/// Where the running gateway is.
#[derive(Debug, Args)]
pub(crate) struct Connect {
    /// The gateway's admin address.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:9900")]
    pub(crate) admin: AdminUrl,

    /// The gateway's admin token: env:NAME or file:PATH.
    #[arg(long, value_name = "SECRET")]
    pub(crate) token: Option<Secret>,
}

/// `tenfold status`
#[derive(Debug, Args)]
#[command(
    after_help = "The exit code is 0, 1 if an upstream has no endpoint that is well, 2 if the gateway cannot be asked."
)]
pub(crate) struct Status {
    #[command(flatten)]
    pub(crate) connect: Connect,

    /// Print what the admin side says, as JSON.
    #[arg(long)]
    pub(crate) json: bool,

    /// Look again and again, and show routes and rates.
    #[arg(long, value_name = "TIME", num_args = 0..=1, default_missing_value = "2s", value_parser = value::interval)]
    pub(crate) watch: Option<Duration>,
}

/// `tenfold top`
#[derive(Debug, Args)]
#[command(after_help = "Keys: ? shows them, q ends.")]
pub(crate) struct Top {
    #[command(flatten)]
    pub(crate) connect: Connect,

    /// How often to look.
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = value::interval)]
    pub(crate) every: Duration,
}

/// What a file says instead.
const FLAGS: [&str; 19] = [
    "cache",
    "to",
    "listen",
    "admin",
    "admin_token",
    "workers",
    "balance",
    "trusted_proxies",
    "access_log",
    "max_body",
    "max_head",
    "max_connections",
    "head_timeout",
    "idle_timeout",
    "body_timeout",
    "connect_timeout",
    "response_timeout",
    "tunnel_timeout",
    "drain_timeout",
];

/// `tenfold run`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    tenfold run --to 127.0.0.1:3000 --to 127.0.0.1:3001\n  \
    tenfold run tenfold.toml\n\n\
    Signals: SIGHUP reads the file again, SIGUSR1 opens the access log again, SIGUSR2 hands over to a new binary,\n\
    SIGTERM and Ctrl-C finish requests under way and end.\n\
    The log's level is set by TENFOLD_LOG: error, warn, info (default), debug.")]
pub(crate) struct Run {
    /// The configuration; all other options are for doing without one.
    #[arg(value_name = "FILE", conflicts_with_all = FLAGS)]
    pub(crate) file: Option<PathBuf>,

    /// A server to send requests to: HOST:PORT, http://HOST:PORT or unix:/PATH; several share the load.
    #[arg(long = "to", value_name = "SERVER", required_unless_present = "file", value_parser = value::server)]
    pub(crate) to: Vec<Server>,

    /// Where to listen for requests.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080", value_parser = value::address)]
    pub(crate) listen: SocketAddr,

    /// Where to serve metrics and health; needs --admin-token unless it is a loopback address.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9900", value_parser = value::address)]
    pub(crate) admin: SocketAddr,

    /// The token that metrics ask for (as a bearer token): env:NAME or file:PATH.
    #[arg(long, value_name = "SECRET")]
    pub(crate) admin_token: Option<Secret>,

    /// Worker threads. [default: one per core]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) workers: Option<u16>,

    /// How to choose a server.
    #[arg(long, value_enum, default_value_t = Balance::P2c)]
    pub(crate) balance: Balance,

    /// Keep responses in memory, as far as they allow it (RFC 9111), in at most so many bytes.
    #[arg(long, value_name = "SIZE", num_args = 0..=1, require_equals = true, default_missing_value = "256MiB", value_parser = value::size)]
    pub(crate) cache: Option<u64>,

    /// A network of proxies whose X-Forwarded-* and Forwarded fields are believed; repeatable.
    #[arg(long = "trusted-proxy", value_name = "CIDR", value_parser = value::network)]
    pub(crate) trusted_proxies: Vec<IpNet>,

    /// Write one line of JSON per request to a file, or to standard output with `-`; SIGUSR1 opens it again.
    #[arg(long, value_name = "PATH", value_parser = value::log_target)]
    pub(crate) access_log: Option<lines::Target>,

    #[command(flatten, next_help_heading = "Limits")]
    pub(crate) limits: LimitArguments,

    #[command(flatten, next_help_heading = "Time-outs")]
    pub(crate) timeouts: TimeoutArguments,
}

#[derive(Debug, Args)]
pub(crate) struct LimitArguments {
    /// Largest request body.
    #[arg(long, value_name = "SIZE", default_value = "4GiB", value_parser = value::size)]
    pub(crate) max_body: u64,

    /// Largest head of a request or response, 64KiB at most.
    #[arg(long, value_name = "SIZE", default_value = "64KiB", value_parser = value::head_size)]
    pub(crate) max_head: usize,

    /// Client connections per worker. [default: 16384, or what the descriptor limit allows]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) max_connections: Option<u32>,
}

#[derive(Debug, Args)]
pub(crate) struct TimeoutArguments {
    /// For a request's head to arrive, from its first byte.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = value::duration)]
    pub(crate) head_timeout: Duration,

    /// Between two requests on a connection.
    #[arg(long, value_name = "TIME", default_value = "75s", value_parser = value::duration)]
    pub(crate) idle_timeout: Duration,

    /// Without any progress of a body, in either direction.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = value::duration)]
    pub(crate) body_timeout: Duration,

    /// To connect to a server, before the next one is tried.
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = value::duration)]
    pub(crate) connect_timeout: Duration,

    /// For a server to begin its response.
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = value::duration)]
    pub(crate) response_timeout: Duration,

    /// Without a byte in an upgraded connection (WebSocket).
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = value::duration)]
    pub(crate) tunnel_timeout: Duration,

    /// For requests under way to end after SIGTERM or Ctrl-C; a second signal ends at once.
    #[arg(long, value_name = "TIME", default_value = "25s", value_parser = value::duration)]
    pub(crate) drain_timeout: Duration,
}

/// How to choose a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Balance {
    /// Each in turn
    #[value(name = "round_robin")]
    RoundRobin,
    /// The least busy of all
    #[value(name = "least_request")]
    LeastRequest,
    /// The less busy of two chosen at random
    P2c,
    /// Of two chosen at random the one that answers sooner
    #[value(name = "peak_ewma")]
    PeakEwma,
    /// Always the same for a client's address
    #[value(name = "ip_hash")]
    IpHash,
    /// At random
    Random,
}

impl From<Balance> for Algorithm {
    fn from(balance: Balance) -> Self {
        match balance {
            Balance::RoundRobin => Self::RoundRobin,
            Balance::LeastRequest => Self::LeastRequest,
            Balance::P2c => Self::P2c,
            Balance::PeakEwma => Self::PeakEwma,
            Balance::IpHash => Self::IpHash,
            Balance::Random => Self::Random,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn the_default_drain_is_the_gateways() {
        let parsed =
            Arguments::try_parse_from(["tenfold", "run", "--to", "127.0.0.1:1"]).expect("valid");
        let Command::Run(run) = parsed.command else {
            panic!("another command")
        };
        assert_eq!(run.timeouts.drain_timeout, tenfold_gateway::DRAIN_TIMEOUT);
        let listener = tenfold_gateway::config::Listener::default();
        let timeouts = tenfold_gateway::config::route::RouteTimeouts::default();
        let upstream = tenfold_gateway::config::Upstream::new("default");
        assert_eq!(run.timeouts.head_timeout, listener.head_timeout);
        assert_eq!(run.timeouts.idle_timeout, listener.idle_timeout);
        assert_eq!(run.timeouts.body_timeout, timeouts.body);
        assert_eq!(run.timeouts.connect_timeout, upstream.connect_timeout);
        assert_eq!(run.timeouts.response_timeout, timeouts.response);
        assert_eq!(run.timeouts.tunnel_timeout, timeouts.tunnel);
        assert_eq!(run.limits.max_body, tenfold_gateway::config::MAX_BODY);
    }
}
