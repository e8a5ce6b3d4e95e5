//! One probe: connect, ask, read.
//!
//! The answer is read by the same strict parsers as the answers to requests, so that a server whose answers would be refused
//! is not called good.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use tenfold_http1::body::Decoder;
use tenfold_http1::chunked::Output;
use tenfold_http1::framing::Length;
use tenfold_http1::{Limits, Method, parse};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};

use super::{ProbeResult, Target};
use crate::config::upstream::{Address, Check, Probe};
use crate::upstream::connect::is_our_own_lack;

/// How much of a body is searched, in bytes.
const MOST_BODY: usize = 64 * 1024;
/// How much of interim answers (1xx) is skipped, in bytes.
const MOST_INTERIM: usize = 16 * 1024;
/// Bytes to read at once.
const PIECE: usize = 4 * 1024;
/// No address of a name gets less than this part of the time to connect, or the last ones of many would never be tried with a
/// chance.
const SHARES: u32 = 4;
/// How long to wait for a place in the queue of a Unix socket.
const QUEUE_PAUSE: Duration = Duration::from_millis(10);

/// A connection to a server.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Why a probe ends early.
enum Stop {
    Result(ProbeResult),
    /// A lack of something on this machine.
    Lack(io::Error),
}

impl From<ProbeResult> for Stop {
    fn from(result: ProbeResult) -> Self {
        Self::Result(result)
    }
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        if is_our_own_lack(&error) {
            return Self::Lack(error);
        }
        Self::Result(match error.kind() {
            io::ErrorKind::ConnectionRefused => ProbeResult::Refused,
            io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::UnexpectedEof => ProbeResult::Closed,
            kind => ProbeResult::Unreachable(kind),
        })
    }
}

/// Asks once.
///
/// # Errors
/// When this machine lacks what it takes, for which the server is not to blame.
pub(super) async fn probe(probe: &Probe, target: &Target) -> io::Result<ProbeResult> {
    let all = async {
        let mut stream = connect(probe, &target.address).await?;
        match &probe.check {
            Check::Tcp => Ok(()),
            Check::Http {
                path,
                host,
                status,
                body,
            } => {
                let host = host.as_deref().unwrap_or(&target.name);
                let head = request(path, host);
                let is_good = |code| status.iter().any(|range| range.contains(&code));
                exchange(&mut *stream, head.as_bytes(), is_good, body.as_deref()).await
            }
        }
    };
    match tokio::time::timeout(probe.timeout, all).await {
        Ok(Ok(())) => Ok(ProbeResult::Good),
        Ok(Err(Stop::Result(result))) => Ok(result),
        Ok(Err(Stop::Lack(error))) => Err(error),
        Err(_) => Ok(ProbeResult::NoAnswer(probe.timeout)),
    }
}

async fn connect(probe: &Probe, address: &Address) -> Result<Box<dyn Stream>, Stop> {
    let addresses = match address {
        Address::Tcp(addresses) => addresses.as_slice(),
        // Names have been resolved before servers are probed.
        Address::Name { .. } => &[],
        Address::Unix(path) => return Ok(Box::new(connect_unix(path).await?)),
    };
    let shares = u32::try_from(addresses.len())
        .unwrap_or(SHARES)
        .clamp(1, SHARES);
    let mut last = ProbeResult::NoAddress.into();
    for address in addresses {
        let address = SocketAddr::new(address.ip(), probe.port.unwrap_or(address.port()));
        match connect_tcp(address, probe.timeout / shares).await {
            Ok(stream) => return Ok(Box::new(stream)),
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                last = ProbeResult::NoAnswer(probe.timeout).into();
            }
            Err(error) => last = error.into(),
        }
    }
    Err(last)
}

async fn connect_tcp(address: SocketAddr, limit: Duration) -> io::Result<TcpStream> {
    let stream = tokio::time::timeout(limit, TcpStream::connect(address)).await??;
    // A connection to a port of ours where nobody listens can meet itself (RFC 9293 section 3.5, simultaneous open).
    if stream.local_addr()? == stream.peer_addr()? {
        return Err(io::ErrorKind::ConnectionRefused.into());
    }
    Ok(stream)
}

/// A full queue fails at once, unlike TCP's, and a busy server is not a bad one.
async fn connect_unix(path: &Path) -> io::Result<UnixStream> {
    loop {
        match UnixStream::connect(path).await {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                tokio::time::sleep(QUEUE_PAUSE).await;
            }
            result => return result,
        }
    }
}

/// The request. What cannot be a `Host` (the path of a Unix socket) is called `localhost`.
fn request(path: &str, host: &str) -> String {
    let is_host = !host.is_empty()
        && host
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._~:[]%".contains(&byte));
    let host = if is_host { host } else { "localhost" };
    format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: tenfold-probe\r\nAccept: */*\r\nConnection: close\r\n\r\n"
    )
}

/// Sends a request and judges the answer.
async fn exchange(
    stream: &mut dyn Stream,
    request: &[u8],
    is_good: impl Fn(u16) -> bool,
    text: Option<&str>,
) -> Result<(), Stop> {
    if let Err(error) = stream.write_all(request).await {
        match error.into() {
            // A server may answer and close without reading; what it answered counts.
            Stop::Result(ProbeResult::Closed) => {}
            stop => return Err(stop),
        }
    }
    let mut unread = Vec::new();
    let (status, length) = head(stream, &mut unread).await?;
    if !is_good(status) {
        return Err(ProbeResult::Status(status).into());
    }
    match text {
        None | Some("") => Ok(()),
        Some(text) => search(stream, unread, length, text).await,
    }
}

/// Reads heads until one is not interim, and leaves in `bytes` what came behind it.
async fn head(stream: &mut dyn Stream, bytes: &mut Vec<u8>) -> Result<(u16, Length), Stop> {
    let limits = Limits::default();
    let (mut fields, mut interim) = (Vec::new(), 0);
    loop {
        let line = parse::response(bytes, &mut fields, &limits, Method::Get);
        match line.map_err(ProbeResult::Malformed)? {
            Some(line) if (100..200).contains(&line.status) && line.status != 101 => {
                interim += line.len as usize;
                if interim > MOST_INTERIM {
                    return Err(ProbeResult::Status(line.status).into());
                }
                bytes.drain(..line.len as usize);
            }
            Some(line) => {
                bytes.drain(..line.len as usize);
                return Ok((line.status, line.length));
            }
            None => {
                if more(stream, bytes).await? == 0 {
                    return Err(ProbeResult::Closed.into());
                }
            }
        }
    }
}

/// Reads a body until it contains a text.
async fn search(
    stream: &mut dyn Stream,
    mut unread: Vec<u8>,
    length: Length,
    text: &str,
) -> Result<(), Stop> {
    let mut decoder = Decoder::new(length);
    let mut body = Vec::new();
    loop {
        let step = decoder.decode(&mut unread, Output::Data);
        let step = step.map_err(|_| ProbeResult::MalformedBody)?;
        // Only what is new can complete the text.
        let from = body.len().saturating_sub(text.len());
        body.extend_from_slice(&unread[..step.produced]);
        body.truncate(MOST_BODY);
        unread.drain(..step.consumed);
        if contains(&body[from..], text.as_bytes()) {
            return Ok(());
        }
        if decoder.is_done() || body.len() >= MOST_BODY {
            return Err(ProbeResult::BodyLacks(text.to_owned()).into());
        }
        if more(stream, &mut unread).await? == 0 {
            return Err(match decoder.end() {
                Ok(()) => ProbeResult::BodyLacks(text.to_owned()).into(),
                Err(_) => ProbeResult::Closed.into(),
            });
        }
    }
}

fn contains(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len()).any(|window| window == text)
}

/// Reads once.
async fn more(stream: &mut dyn Stream, bytes: &mut Vec<u8>) -> io::Result<usize> {
    let mut piece = [0; PIECE];
    let count = stream.read(&mut piece).await?;
    bytes.extend_from_slice(&piece[..count]);
    Ok(count)
}
