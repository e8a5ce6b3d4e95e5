//! Making a connection to a server.

use std::io;
use std::rc::Rc;

use tenfold_http1::Pool;
use tokio::net::{TcpStream, UnixStream};

use super::{Connection, Stream};
use crate::config::Address;

/// Connects; several addresses of one name are tried in turn.
///
/// # Errors
/// The last address's error.
pub(crate) async fn connect(address: &Address, buffers: &Rc<Pool>) -> io::Result<Connection> {
    let stream = match address {
        Address::Unix(path) => Stream::Unix(UnixStream::connect(path).await?),
        Address::Tcp(addresses) => {
            let mut result = Err(io::ErrorKind::AddrNotAvailable.into());
            for address in addresses {
                result = TcpStream::connect(address).await;
                if result.is_ok() {
                    break;
                }
            }
            let stream = result?;
            // A request is written in one piece; waiting for more (Nagle) could only delay it.
            stream.set_nodelay(true)?;
            Stream::Tcp(stream)
        }
    };
    Ok(Connection::client(stream, buffers))
}

/// True if the attempt failed for lack of something on this machine, for which no server is to blame.
pub(crate) fn is_our_own_lack(error: &io::Error) -> bool {
    // Linux: ENOMEM, ENFILE, EMFILE, EADDRNOTAVAIL (no free port), ENOBUFS.
    matches!(error.raw_os_error(), Some(12 | 23 | 24 | 99 | 105))
}
