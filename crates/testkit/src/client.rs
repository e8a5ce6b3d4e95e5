//! A client that sends the bytes it is told to.

use std::io::{self, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};

use crate::PATIENCE;
use crate::message::{Message, Reader};

/// A connection to a server.
pub struct Client {
    reader: Reader<TcpStream>,
}

impl Client {
    /// Connects.
    ///
    /// # Panics
    /// If nobody listens.
    #[must_use]
    pub fn connect(address: SocketAddr) -> Self {
        Self::try_connect(address).expect("somebody listens")
    }

    /// Connects, or not.
    ///
    /// # Errors
    /// If nobody listens.
    pub fn try_connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        Ok(Self {
            reader: Reader::new(stream),
        })
    }

    /// The stream.
    pub fn stream(&mut self) -> &mut TcpStream {
        self.reader.stream()
    }

    /// Sends bytes.
    ///
    /// # Panics
    /// If they cannot be sent.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        self.try_send(bytes).expect("the server reads");
        self
    }

    /// Sends bytes, or not.
    ///
    /// # Errors
    /// If they cannot be sent.
    pub fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.reader.stream().write_all(bytes.as_ref())
    }

    /// Says that nothing more will be sent.
    pub fn finish_sending(&mut self) {
        let _already_closed = self.reader.stream().shutdown(Shutdown::Write);
    }

    /// Reads a response to anything but HEAD.
    ///
    /// # Panics
    /// If none arrives whole.
    pub fn response(&mut self) -> Message {
        self.try_response().expect("a whole response")
    }

    /// Reads a response to anything but HEAD, or not.
    ///
    /// # Errors
    /// If the connection ends or fails before it is whole.
    pub fn try_response(&mut self) -> io::Result<Message> {
        let mut message = self.head()?;
        if !matches!(message.status(), 100..=199 | 204 | 304) {
            self.reader.body(&mut message, true)?;
        }
        Ok(message)
    }

    /// Reads the head of a response, and nothing of its body.
    ///
    /// # Errors
    /// If the connection ends or fails before it is whole.
    pub fn head(&mut self) -> io::Result<Message> {
        self.reader
            .head()?
            .ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }

    /// Reads so many bytes.
    ///
    /// # Errors
    /// If the connection ends or fails before.
    pub fn bytes(&mut self, count: usize) -> io::Result<Vec<u8>> {
        self.reader.bytes(count)
    }

    /// What was read from the stream already, for those who go on reading it themselves.
    pub fn ahead(&mut self) -> Vec<u8> {
        self.reader.take_ahead()
    }

    /// Reads until the server closes.
    ///
    /// # Errors
    /// If the connection is reset.
    pub fn to_end(&mut self) -> io::Result<Vec<u8>> {
        self.reader.to_end()
    }

    /// True if the server closes the connection without sending anything more.
    pub fn is_closed(&mut self) -> bool {
        matches!(self.to_end(), Ok(rest) if rest.is_empty())
    }
}

/// One request on a connection of its own; the connection is left to the server to close or keep.
///
/// # Panics
/// If no response arrives.
#[must_use]
pub fn ask(address: SocketAddr, request: impl AsRef<[u8]>) -> Message {
    Client::connect(address).send(request).response()
}

/// `GET target` on a connection of its own.
///
/// # Panics
/// If no response arrives.
#[must_use]
pub fn get(address: SocketAddr, target: &str) -> Message {
    ask(
        address,
        format!("GET {target} HTTP/1.1\r\nHost: test\r\n\r\n"),
    )
}
