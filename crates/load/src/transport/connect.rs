//! From the target's name to a stream.

use std::io;
use std::net::SocketAddr;

use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};

use super::h1::plain;
use super::{Failure, Network, Stream};
use crate::results::ErrorKind;
use crate::test::{Protocol, Target};

/// The addresses of the target, asked for once: during the test all of them are used in turn.
pub(crate) async fn resolve(target: &Target) -> Result<Vec<SocketAddr>, Failure> {
    let host = &target.host;
    let failed =
        |why: String| Failure::new(ErrorKind::Resolve, format!("{host} has no address: {why}"));
    let asked = tokio::net::lookup_host((host.as_str(), target.port));
    let found = timeout(target.connect_timeout, asked).await;
    let found = found.map_err(|_| failed("nobody answered in time".to_owned()))?;
    let mut addresses: Vec<_> = found.map_err(|error| failed(reason(&error)))?.collect();
    // The order of the resolver, each once.
    let mut seen = Vec::new();
    addresses.retain(|address| {
        let is_new = !seen.contains(address);
        seen.push(*address);
        is_new
    });
    if addresses.is_empty() {
        return Err(failed("the answer is empty".to_owned()));
    }
    Ok(addresses)
}

fn reason(error: &io::Error) -> String {
    let text = plain(error);
    let text = text.trim_start_matches("failed to lookup address information: ");
    text.to_ascii_lowercase()
}

/// Opens a stream; returns whether it is one of HTTP/2.
pub(crate) async fn connect(network: &Network) -> Result<(Stream, bool), Failure> {
    let target = &network.target;
    let deadline = Instant::now() + target.connect_timeout;
    let seconds = target.connect_timeout.as_secs_f64();
    let Ok(connected) = timeout_at(deadline, socket(network)).await else {
        let message = format!("no connection to {} within {seconds} s", target.authority());
        return Err(Failure::new(ErrorKind::Connect, message));
    };
    let stream = connected?;
    let Some(tls) = &network.tls else {
        return Ok((Stream::Plain(stream), target.protocol == Protocol::Http2));
    };
    let Ok(shaken) = timeout_at(deadline, tls.handshake(stream, target)).await else {
        let authority = target.authority();
        let message =
            format!("no TLS with {authority} within {seconds} s; does this port speak TLS at all?");
        return Err(Failure::new(ErrorKind::Tls, message));
    };
    let stream = shaken?;
    let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    if target.protocol == Protocol::Http2 && !is_http2 {
        return Err(Failure::new(
            ErrorKind::Tls,
            "the server does not offer HTTP/2 (ALPN); leave the protocol to it, or ask for HTTP/1.1",
        ));
    }
    Ok((Stream::Tls(Box::new(stream)), is_http2))
}

/// Connects to the next address, and if that cannot be reached to those that follow.
async fn socket(network: &Network) -> Result<TcpStream, Failure> {
    let mut last = None;
    for _ in 0..network.addresses.len() {
        let address = network.address();
        match TcpStream::connect(address).await {
            Ok(stream) => {
                // A request is one write: waiting for more of it only delays it.
                let _without_it_is_slower = stream.set_nodelay(true);
                return Ok(stream);
            }
            Err(error) => last = Some((address, error)),
        }
    }
    let (address, error) = last.expect("there is at least one address");
    let message = match error.raw_os_error() {
        // EMFILE, EADDRNOTAVAIL: it is this machine that has had enough.
        Some(24) => "this process may open no more files: raise `ulimit -n`".to_owned(),
        Some(99) => format!(
            "this machine has no free port left for connections to {address}: use connections again, or several generators"
        ),
        _ => format!("cannot connect to {address}: {}", plain(&error)),
    };
    Err(Failure::new(ErrorKind::Connect, message))
}
