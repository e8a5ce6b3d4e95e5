//! Taking connections from clients.

pub(crate) mod accept;
mod listening;

use std::io;
use std::net::{SocketAddr, TcpListener};

pub(crate) use listening::{ListenerMetrics, Listening};
use socket2::{Domain, Protocol, Socket, Type};

/// Connections that wait to be accepted. The kernel lowers it to `net.core.somaxconn`.
const BACKLOG: i32 = 4096;

/// One listening socket per worker, all on the same address: the kernel spreads connections over them
/// (`SO_REUSEPORT`).
///
/// # Errors
/// `AddrInUse` also when the other user of the port would share it: two gateways on one port by mistake would
/// each get half of the traffic. `is_ours` says that the other user is this gateway, which may move from an address to all addresses.
pub(crate) fn bind(
    address: SocketAddr,
    count: usize,
    is_ours: bool,
) -> io::Result<(SocketAddr, Vec<TcpListener>)> {
    if address.port() != 0 && !is_ours {
        // A socket that does not share finds out whether the port is free; it is closed before the others open.
        socket(address, false)?;
    }
    let first = socket(address, true)?;
    let address = first.local_addr()?;
    let mut listeners = vec![first];
    bind_more(address, count, &mut listeners)?;
    Ok((address, listeners))
}

/// Opens further sockets on an address that is ours, until there are `count`.
pub(crate) fn bind_more(
    address: SocketAddr,
    count: usize,
    listeners: &mut Vec<TcpListener>,
) -> io::Result<()> {
    while listeners.len() < count {
        listeners.push(socket(address, true)?);
    }
    Ok(())
}

fn socket(address: SocketAddr, is_shared: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    // A port whose last connections are in TIME_WAIT is free.
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(is_shared)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_shared_among_workers_but_not_with_others() {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let (address, listeners) = bind(any, 3, false).expect("bound");
        assert_eq!(listeners.len(), 3);
        assert!(
            listeners
                .iter()
                .all(|one| one.local_addr().ok() == Some(address))
        );
        let again = bind(address, 1, false).expect_err("the port is taken");
        assert_eq!(again.kind(), io::ErrorKind::AddrInUse);
        drop(listeners);
        bind(address, 1, false).expect("the port is free again");
    }
}
