//! A client's connection: who it is and what it has sent.

use std::fmt::Write;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use socket2::SockRef;
use tenfold_http1::Connection;
use tokio::net::TcpStream;

use crate::listen::Listening;
use crate::worker::Worker;
use crate::worker::timer::Timer;

/// A client's connection and what stays the same for all its requests.
pub(crate) struct Client {
    pub(crate) connection: Connection<TcpStream>,
    /// Where it has connected to.
    pub(crate) listening: Rc<Listening>,
    pub(crate) peer: IpAddr,
    /// The peer is a proxy whose word about the client is believed.
    pub(crate) is_trusted: bool,
    /// The one deadline of this connection, moved from phase to phase.
    pub(crate) timer: Timer,
    /// A response is under way. Should the connection end now, for whatever reason, it must be seen to be incomplete.
    pub(crate) is_busy: bool,
    /// The forwarding fields of an untrusted peer, up to where the host follows: made once per connection.
    pub(crate) forwarding: Box<[u8]>,
}

impl Client {
    pub(crate) fn new(
        worker: &Rc<Worker>,
        listening: Rc<Listening>,
        stream: TcpStream,
        peer: IpAddr,
    ) -> Self {
        let peer = peer.to_canonical();
        Self {
            connection: Connection::server(stream, &worker.buffers),
            peer,
            is_trusted: listening.trusts(peer),
            listening,
            timer: worker.timers.timer(),
            is_busy: false,
            forwarding: forwarding_fields(peer).into_bytes().into(),
        }
    }
}

impl Client {
    /// True if the connection is to end after the request that it is busy with.
    pub(crate) fn is_leaving(&self, worker: &Worker) -> bool {
        worker.is_draining() || self.listening.has_left()
    }

    /// The address that the client connected to, as an authority.
    pub(crate) fn local_authority(&self) -> String {
        self.connection
            .stream()
            .local_addr()
            .map(|local| local.to_string())
            .unwrap_or_default()
    }
}

impl Drop for Client {
    /// Makes closing a busy connection a reset, so that nobody takes what was sent for a whole response.
    fn drop(&mut self) {
        if self.is_busy {
            let stream = SockRef::from(self.connection.stream());
            let _already_gone = stream.set_linger(Some(Duration::ZERO));
        }
    }
}

/// `X-Forwarded-*` and the beginning of `Forwarded` (RFC 7239), which ends with the host.
fn forwarding_fields(peer: IpAddr) -> String {
    let mut text = String::with_capacity(96);
    let node = forwarded_node(peer);
    let _infallible = write!(
        text,
        "X-Forwarded-For: {peer}\r\nX-Forwarded-Proto: http\r\nForwarded: for={node};proto=http;host=\""
    );
    text
}

/// A node of RFC 7239 section 6: IPv6 in brackets, and therefore quoted.
pub(crate) fn forwarded_node(peer: IpAddr) -> String {
    match peer {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("\"[{address}]\""),
    }
}
