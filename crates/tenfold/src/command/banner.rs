//! The first lines that a person sees.

use std::fmt::Write;
use std::io::IsTerminal;
use std::net::SocketAddr;
use std::time::Duration;

use tenfold_gateway::config::{Address, Server, Settings};
use tenfold_traffic::Algorithm;
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

/// How long a server may take to answer for the line that says whether it does.
const PATIENCE: Duration = Duration::from_millis(300);

/// Says where it listens, where it sends, and what to look at next.
pub(crate) async fn print(settings: &Settings, address: SocketAddr, admin: SocketAddr) {
    let style = Style::detect();
    let mut text = String::new();
    let _infallible = write_banner(&mut text, &style, settings, address, admin).await;
    eprint!("{text}");
}

async fn write_banner(
    text: &mut String,
    style: &Style,
    settings: &Settings,
    address: SocketAddr,
    admin: SocketAddr,
) -> std::fmt::Result {
    let Style {
        bold,
        dim,
        good,
        bad,
        off,
    } = style;
    let workers = settings.workers;
    let plural = if workers == 1 { "" } else { "s" };
    let url = url(address);
    writeln!(
        text,
        "{bold}tenfold {}{off} {dim}{workers} worker{plural}{off}",
        env!("CARGO_PKG_VERSION")
    )?;
    writeln!(text)?;
    writeln!(text, "  listening   {bold}{url}{off}")?;
    let mut label = "sending to";
    for server in &settings.servers {
        let state = match look_at(server).await {
            Ok(()) => format!("{good}up{off}"),
            Err(why) => format!("{bad}not answering yet{off} {dim}({why}){off}"),
        };
        writeln!(text, "  {label:<11} {}  {state}", server.name)?;
        label = "";
    }
    let balance = match settings.balance {
        Algorithm::RoundRobin => "round_robin: each in turn",
        _ => "p2c: the less busy of two at random",
    };
    if settings.servers.len() > 1 {
        writeln!(text, "  balancing   {balance}")?;
    }
    writeln!(text)?;
    writeln!(text, "  try         curl -i {url}/")?;
    writeln!(text, "  metrics     {}/metrics", self::url(admin))?;
    writeln!(
        text,
        "  stop        Ctrl-C finishes requests under way, twice ends at once"
    )?;
    writeln!(text)
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
