//! The listening sockets: one per listener and worker, and a copy of each for the process that may follow.

use std::io;
use std::net::{SocketAddr, TcpListener};

use super::ApplyError;
use crate::config::Listener;
use crate::listen;

/// The sockets of all listeners.
pub(crate) struct Sockets {
    workers: usize,
    open: Vec<Open>,
    /// Sockets of the process before this one, until the first configuration has been applied.
    inherited: Vec<TcpListener>,
}

/// The sockets of one listener.
struct Open {
    listener: Listener,
    address: SocketAddr,
    /// Kept for as long as the listener is there: what the workers have are copies.
    sockets: Vec<TcpListener>,
}

/// For each worker, the sockets that are new to it.
pub(crate) type ForWorkers = Vec<Vec<(usize, TcpListener)>>;

impl Sockets {
    pub(crate) fn new(workers: usize, inherited: Vec<TcpListener>) -> Self {
        Self {
            workers,
            open: Vec::new(),
            inherited,
        }
    }

    /// Opens the sockets of listeners that are new, and lets go of those that are gone. On an error nothing has changed.
    pub(crate) fn open(&mut self, listeners: &[Listener]) -> Result<ForWorkers, ApplyError> {
        let mut for_workers: ForWorkers = (0..self.workers).map(|_| Vec::new()).collect();
        let mut opened = Vec::new();
        for (index, listener) in listeners.iter().enumerate() {
            if self
                .open
                .iter()
                .any(|open| open.listener.is_same_socket(listener))
            {
                continue;
            }
            let error = |error| ApplyError::Listen(listener.name.clone(), listener.address, error);
            let open = self.open_one(listener).map_err(error)?;
            for (count, socket) in open.sockets.iter().enumerate() {
                let copy = socket.try_clone().map_err(error)?;
                for_workers[count % self.workers].push((index, copy));
            }
            opened.push(open);
        }
        self.open
            .retain(|open| listeners.iter().any(|it| open.listener.is_same_socket(it)));
        self.open.extend(opened);
        // Nobody accepts from those that are left: clients would wait in their queues for ever, and the ports stay taken.
        self.inherited.clear();
        Ok(for_workers)
    }

    fn open_one(&mut self, listener: &Listener) -> io::Result<Open> {
        let wanted = listener.address;
        let is_wanted = |socket: &mut TcpListener| socket.local_addr().is_ok_and(|it| it == wanted);
        let mut sockets: Vec<_> = self.inherited.extract_if(.., is_wanted).collect();
        let address = if sockets.is_empty() {
            // Our own other listener on the port is no stranger.
            let is_ours = self
                .open
                .iter()
                .any(|open| open.address.port() == wanted.port());
            let (address, bound) = listen::bind(wanted, self.workers, is_ours)?;
            sockets = bound;
            address
        } else {
            listen::bind_more(wanted, self.workers, &mut sockets)?;
            wanted
        };
        Ok(Open {
            listener: listener.clone(),
            address,
            sockets,
        })
    }

    /// Where listeners listen.
    pub(crate) fn addresses(&self, listeners: &[Listener]) -> Vec<(String, SocketAddr)> {
        let address = |listener: &Listener| {
            let open = self
                .open
                .iter()
                .find(|it| it.listener.is_same_socket(listener));
            let address = open.map_or(listener.address, |open| open.address);
            (listener.name.clone(), address)
        };
        listeners.iter().map(address).collect()
    }

    /// Copies of all sockets.
    pub(crate) fn copies(&self) -> io::Result<Vec<TcpListener>> {
        let sockets = self.open.iter().flat_map(|open| &open.sockets);
        sockets.map(TcpListener::try_clone).collect()
    }

    /// Lets go of all.
    pub(crate) fn close(&mut self) {
        self.open.clear();
    }
}
