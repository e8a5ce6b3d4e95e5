//! The first lines that a person sees.

use std::fmt::Write;
use std::io::IsTerminal;
use std::net::SocketAddr;
use std::time::Duration;

use tenfold_gateway::config::{Address, Config, Server, Settings};
use tenfold_traffic::Algorithm;
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

/// How long a server may take to answer for the line that says whether it does.
const PATIENCE: Duration = Duration::from_millis(300);

/// More servers than this are counted, not looked at.
const MOST_SERVERS: usize = 8;

/// Says where it listens, where it sends, and what to look at next.
pub(crate) async fn print(
    config: &Config,
    settings: &Settings,
    addresses: &[(String, SocketAddr)],
    admin: SocketAddr,
) {
    let style = Style::detect();
    let mut text = String::new();
    let banner = Banner {
        style: &style,
        config,
        settings,
        addresses,
        admin,
    };
    let _infallible = banner.write(&mut text).await;
    eprint!("{text}");
}

struct Banner<'b> {
    style: &'b Style,
    config: &'b Config,
    settings: &'b Settings,
    addresses: &'b [(String, SocketAddr)],
    admin: SocketAddr,
}

impl Banner<'_> {
    async fn write(&self, text: &mut String) -> std::fmt::Result {
        let Style { bold, dim, off, .. } = self.style;
        let workers = self.settings.workers;
        let plural = if workers == 1 { "" } else { "s" };
        let version = env!("CARGO_PKG_VERSION");
        writeln!(
            text,
            "{bold}tenfold {version}{off} {dim}{workers} worker{plural}{off}"
        )?;
        writeln!(text)?;
        let mut label = "listening";
        for (name, address) in self.addresses {
            let url = url(*address);
            write!(text, "  {label:<11} {bold}{url}{off}")?;
            if self.addresses.len() > 1 {
                write!(text, "  {dim}{name}{off}")?;
            }
            writeln!(text)?;
            label = "";
        }
        self.write_servers(text).await?;
        writeln!(text)?;
        if let [(_, first), ..] = self.addresses {
            writeln!(text, "  try         curl -i {}/", url(*first))?;
        }
        writeln!(text, "  metrics     {}/metrics", url(self.admin))?;
        writeln!(
            text,
            "  stop        Ctrl-C finishes requests under way, twice ends at once"
        )?;
        writeln!(text)
    }

    async fn write_servers(&self, text: &mut String) -> std::fmt::Result {
        let Style {
            dim,
            good,
            bad,
            off,
            ..
        } = self.style;
        let upstreams = &self.config.upstreams;
        let count: usize = upstreams.iter().map(|it| it.servers.len()).sum();
        if count > MOST_SERVERS || upstreams.len() > 1 {
            let routes = self.config.routes.len();
            let upstreams = upstreams.len();
            return writeln!(
                text,
                "  serving     {routes} routes, {upstreams} upstreams, {count} servers"
            );
        }
        let mut label = "sending to";
        for server in upstreams.iter().flat_map(|it| &it.servers) {
            let state = match look_at(server).await {
                Ok(()) => format!("{good}up{off}"),
                Err(why) => format!("{bad}not answering yet{off} {dim}({why}){off}"),
            };
            writeln!(text, "  {label:<11} {}  {state}", server.name)?;
            label = "";
        }
        if count > 1 {
            let balance = upstreams[0].policy.algorithm;
            let how = match balance {
                Algorithm::RoundRobin => "each in turn",
                Algorithm::LeastRequest => "the least busy",
                Algorithm::P2c => "the less busy of two at random",
                Algorithm::PeakEwma => "of two at random the one that answers sooner",
                Algorithm::RingHash | Algorithm::Maglev | Algorithm::IpHash => {
                    "the same for the same key"
                }
                Algorithm::Random => "at random",
            };
            writeln!(text, "  balancing   {}: {how}", balance.name())?;
        }
        Ok(())
    }
}

/// A URL at which this machine reaches the address.
fn url(address: SocketAddr) -> String {
    let mut address = address;
    if address.ip().is_unspecified() {
        address.set_ip(if address.is_ipv4() {
            [127, 0, 0, 1].into()
        } else {
            std::net::Ipv6Addr::LOCALHOST.into()
        });
    }
    format!("http://{address}")
}

/// Whether a server takes connections; the error says why not.
async fn look_at(server: &Server) -> Result<(), String> {
    let connecting = async {
        match &server.address {
            Address::Tcp(addresses) => TcpStream::connect(&addresses[..]).await.map(|_| ()),
            Address::Name { host, port } => {
                TcpStream::connect((host.as_str(), *port)).await.map(|_| ())
            }
            Address::Unix(path) => UnixStream::connect(path).await.map(|_| ()),
        }
    };
    match timeout(PATIENCE, connecting).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(reason(&error)),
        Err(_) => Err("no answer within 0.3 s".into()),
    }
}

/// The operating system's words without its number.
fn reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    let end = text.find(" (os error").unwrap_or(text.len());
    text[..end].to_lowercase()
}

/// Colours, on a terminal.
struct Style {
    bold: &'static str,
    dim: &'static str,
    good: &'static str,
    bad: &'static str,
    off: &'static str,
}

impl Style {
    fn detect() -> Self {
        if std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none() {
            Self {
                bold: "\x1b[1m",
                dim: "\x1b[2m",
                good: "\x1b[32m",
                bad: "\x1b[33m",
                off: "\x1b[0m",
            }
        } else {
            Self {
                bold: "",
                dim: "",
                good: "",
                bad: "",
                off: "",
            }
        }
    }
}
