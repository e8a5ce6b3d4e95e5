//! Making a connection to a server.

use std::io;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use tenfold_http1::Pool;
use tokio::net::{TcpStream, UnixStream};

use super::{Connection, Stream};
use crate::config::Address;

/// How long to wait for a place in the queue of a Unix socket.
const QUEUE_PAUSE: Duration = Duration::from_millis(2);

/// Connects; several addresses of one name are tried in turn.
///
/// # Errors
/// The last address's error.
pub(crate) async fn connect(address: &Address, buffers: &Rc<Pool>) -> io::Result<Connection> {
    let stream = match address {
        Address::Unix(path) => Stream::Unix(connect_unix(path).await?),
        // Not resolved yet; the control thread is at it.
        Address::Name { .. } => return Err(io::ErrorKind::AddrNotAvailable.into()),
        Address::Tcp(addresses) => {
            let mut result = Err(io::ErrorKind::AddrNotAvailable.into());
            for address in addresses {
                result = TcpStream::connect(address).await;
                if result.is_ok() {
                    break;
                }
            }
            let stream = result?;
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
