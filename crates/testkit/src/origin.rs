//! Origins: servers that answer, or misbehave, as a test says.

use std::io::{self, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::PATIENCE;
use crate::message::{Message, Reader};

/// A running origin. Stops listening when dropped; its connections live on until their other side closes.
pub struct Origin {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    requests: AtomicUsize,
    connections: AtomicUsize,
    is_stopped: AtomicBool,
    open: Mutex<Vec<TcpStream>>,
}

/// One connection that the origin has accepted.
pub struct Peer {
    reader: Reader<TcpStream>,
    shared: Arc<Shared>,
}

impl Origin {
    /// An origin that treats each connection as `handle` says, in a thread of its own.
    ///
    /// # Panics
    /// If there is no free port.
    pub fn new(handle: impl Fn(&mut Peer) -> io::Result<()> + Send + Sync + 'static) -> Self {
        Self::at(SocketAddr::from(([127, 0, 0, 1], 0)), handle)
    }

    /// The same, at a given address.
    ///
    /// # Panics
    /// If the address is taken.
    pub fn at(
        address: SocketAddr,
        handle: impl Fn(&mut Peer) -> io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(address).expect("a free port");
        let address = listener
            .local_addr()
            .expect("a bound socket has an address");
        let shared = Arc::new(Shared::default());
        let (handle, theirs) = (Arc::new(handle), Arc::clone(&shared));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if theirs.is_stopped.load(SeqCst) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let (handle, shared) = (Arc::clone(&handle), Arc::clone(&theirs));
                std::thread::spawn(move || serve(stream, shared, &*handle));
            }
        });
        Self { address, shared }
    }

    /// Answers every request with 200 and these bytes.
    #[must_use]
    pub fn saying(body: &'static str) -> Self {
        Self::answering(move |_| ok(body))
    }

    /// Answers every request with what `answer` makes of it, byte for byte.
    pub fn answering(answer: impl Fn(&Message) -> Vec<u8> + Send + Sync + 'static) -> Self {
        Self::new(move |peer| {
            while let Some(request) = peer.request()? {
                peer.send(answer(&request))?;
            }
            Ok(())
        })
    }

    /// Answers every request with the head that it received, as the body.
    #[must_use]
    pub fn mirror() -> Self {
        Self::answering(|request| ok(&request.head))
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The same as text, for arguments.
    #[must_use]
    pub fn name(&self) -> String {
        self.address.to_string()
    }

    /// How many requests have begun to arrive.
    #[must_use]
    pub fn requests(&self) -> usize {
        self.shared.requests.load(SeqCst)
    }

    /// How many connections were accepted.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.connections.load(SeqCst)
    }

    /// Stops listening and resets every connection: what a client sees when a server is killed.
    pub fn kill(&self) {
        self.stop();
        for stream in self.lock().drain(..) {
            reset(&stream);
        }
    }

    fn stop(&self) {
        self.shared.is_stopped.store(true, SeqCst);
        // The listening thread waits in accept; a connection wakes it, and it ends.
        let _already_gone = TcpStream::connect(self.address);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<TcpStream>> {
        self.shared
            .open
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.stop();
    }
}

fn serve(
    stream: TcpStream,
    shared: Arc<Shared>,
    handle: &(dyn Fn(&mut Peer) -> io::Result<()> + Send + Sync),
) {
    shared.connections.fetch_add(1, SeqCst);
    let _unlimited = stream.set_read_timeout(Some(10 * PATIENCE));
    let _slower = stream.set_nodelay(true);
    if let Ok(copy) = stream.try_clone() {
        shared
            .open
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(copy);
    }
    let mut peer = Peer {
        reader: Reader::new(stream),
        shared,
    };
    // A peer that goes away is what many tests are about.
    let _ended = handle(&mut peer);
    let _already_closed = peer.reader.stream().shutdown(Shutdown::Both);
}

/// Makes the kernel answer with a reset.
fn reset(stream: &TcpStream) {
    let linger = rustix::net::sockopt::set_socket_linger(stream, Some(Duration::ZERO));
    let _already_gone =
        linger.and_then(|()| rustix::net::shutdown(stream, rustix::net::Shutdown::Both));
}

impl Peer {
    /// The next request with its body; `None` when the connection ends.
    ///
    /// # Errors
    /// If it ends in the middle of one.
    pub fn request(&mut self) -> io::Result<Option<Message>> {
        let Some(mut message) = self.head()? else {
            return Ok(None);
        };
        self.reader.body(&mut message, false)?;
        Ok(Some(message))
    }

    /// The next request's head; `None` when the connection ends.
    ///
    /// # Errors
    /// If it ends in the middle of one.
    pub fn head(&mut self) -> io::Result<Option<Message>> {
        let head = self.reader.head()?;
        if head.is_some() {
            self.shared.requests.fetch_add(1, SeqCst);
        }
        Ok(head)
    }

    /// The body of a request whose head was read.
    ///
    /// # Errors
    /// If the connection ends before it does.
    pub fn body(&mut self, message: &mut Message) -> io::Result<()> {
        self.reader.body(message, false)
    }

    /// Reads so many bytes.
    ///
    /// # Errors
    /// If the connection ends before.
    pub fn bytes(&mut self, count: usize) -> io::Result<Vec<u8>> {
        self.reader.bytes(count)
    }

    /// Reads until the other side closes.
    ///
    /// # Errors
    /// If the connection is reset.
    pub fn to_end(&mut self) -> io::Result<Vec<u8>> {
        self.reader.to_end()
    }

    /// Sends bytes.
    ///
    /// # Errors
    /// If the connection is gone.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.reader.stream().write_all(bytes.as_ref())
    }

    /// The stream.
    pub fn stream(&mut self) -> &mut TcpStream {
        self.reader.stream()
    }

    /// Ends the connection with a reset.
    pub fn reset(&mut self) {
        reset(self.reader.stream());
    }
}

/// A response with status 200 and that body.
#[must_use]
pub fn ok(body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}
