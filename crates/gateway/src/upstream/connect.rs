//! Making a connection to a server.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use tenfold_http1::Pool;
use tokio::net::{TcpStream, UnixStream};

use super::{Connection, Stream};
use crate::config::Address;

/// How long to wait for a place in the queue of a Unix socket.
const QUEUE_PAUSE: Duration = Duration::from_millis(2);

/// Connects; several addresses of one name are tried in turn, each but the last for an equal part of `within`. The caller limits
/// the whole.
///
/// # Errors
/// The last address's error.
pub(crate) async fn connect(
    address: &Address,
    within: Duration,
    buffers: &Rc<Pool>,
) -> io::Result<Connection> {
    let stream = match address {
        Address::Unix(path) => Stream::Unix(connect_unix(path).await?),
        // Not resolved yet; the control thread is at it.
        Address::Name { .. } => return Err(io::ErrorKind::AddrNotAvailable.into()),
        Address::Tcp(addresses) => {
            let stream = connect_tcp(addresses, within).await?;
            // A connection to a port of ours where nobody listens can meet itself (RFC 9293 section 3.5, simultaneous open):
            // the request would come back as its own response.
            if stream.local_addr()? == stream.peer_addr()? {
                return Err(io::ErrorKind::ConnectionRefused.into());
            }
            // A request is written in one piece; waiting for more (Nagle) could only delay it.
            stream.set_nodelay(true)?;
            Stream::Tcp(stream)
        }
    };
    Ok(Connection::client(stream, buffers))
}

/// An address that swallows everything (IPv6 that ends nowhere, mostly) must leave time for the others, or the server could never
/// be reached.
async fn connect_tcp(addresses: &[SocketAddr], within: Duration) -> io::Result<TcpStream> {
    let Some((last, others)) = addresses.split_last() else {
        return Err(io::ErrorKind::AddrNotAvailable.into());
    };
    let part = within / u32::try_from(addresses.len()).unwrap_or(u32::MAX);
    for address in others {
        // A timer of tokio's, not the wheel's: only names with several addresses come here.
        if let Ok(Ok(stream)) = tokio::time::timeout(part, TcpStream::connect(address)).await {
            return Ok(stream);
        }
    }
    TcpStream::connect(last).await
}

/// Connects to a Unix socket; when its queue is full, waits for a place (TCP's kernel does that by itself). The caller limits
/// the time.
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

/// True if the attempt failed for lack of something on this machine, for which no server is to blame.
pub(crate) fn is_our_own_lack(error: &io::Error) -> bool {
    // Linux: ENOMEM, ENFILE, EMFILE, EADDRNOTAVAIL (no free port), ENOBUFS.
    matches!(error.raw_os_error(), Some(12 | 23 | 24 | 99 | 105))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_address_that_swallows_everything_leaves_time_for_the_next() {
        // A full queue: the listener accepts nothing, and its backlog is taken.
        let full = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        rustix::net::listen(&full, 0).expect("a listening socket can be told again");
        let silent = full.local_addr().expect("an address");
        let filling = (0..4).map(|_| {
            std::net::TcpStream::connect_timeout(&silent, Duration::from_millis(100)).ok()
        });
        let _filling: Vec<_> = filling.collect();
        let alive = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let alive = alive.local_addr().map(|address| (alive, address));
        let (_listener, alive) = alive.expect("an address");

        let address = Address::Tcp(vec![silent, alive]);
        let (within, pool) = (Duration::from_millis(800), Pool::new());
        let connecting = tokio::time::timeout(within, connect(&address, within, &pool));
        let connection = connecting.await.expect("in time").expect("a connection");
        let Stream::Tcp(stream) = connection.stream() else {
            panic!("an address has TCP");
        };
        assert_eq!(stream.peer_addr().expect("an address"), alive);
    }
}
