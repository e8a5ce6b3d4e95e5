//! Replacing the running binary without losing a connection.
//!
//! The old process starts the new one with a socket as its standard input, and sends it every listening socket over that
//! (`SCM_RIGHTS`, unix(7)). Both have the same sockets then, so that no moment exists at which nobody listens. When the new
//! process serves it says so, and the old one drains; if it ends instead, the old one goes on as if nothing had happened.

use std::ffi::OsString;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::net::{Shutdown, TcpListener};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use tenfold_gateway::{Carried, Inheritance};

/// Says to a new process that its standard input is such a socket.
const VARIABLE: &str = "TENFOLD_TAKE_OVER";
/// How long the new process may take to serve: it reads its configuration and resolves names.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a message says about the socket that comes with it.
const LISTENING: u8 = b'L';
const ADMIN: u8 = b'A';
/// What no configuration says follows: four bytes of length, and so many of JSON.
const KNOWLEDGE: u8 = b'K';
/// More than ten thousand edits of hundreds of upstreams come to.
const MOST_KNOWLEDGE: u32 = 256 << 20;
/// That was all.
const END: u8 = b'.';
/// The new process serves.
const READY: u8 = b'R';

/// How this process was started: so is the next one.
#[derive(Clone)]
pub(crate) struct Myself {
    program: PathBuf,
    arguments: Vec<OsString>,
}

impl Myself {
    /// To be asked at the start: later the file may be another one, which is the point.
    pub(crate) fn know() -> io::Result<Self> {
        Ok(Self {
            program: std::env::current_exe()?,
            arguments: std::env::args_os().skip(1).collect(),
        })
    }

    /// Starts the new process.
    ///
    /// # Errors
    /// Why it does not start.
    pub(crate) fn start_next(&self) -> Result<Next, String> {
        let (line, theirs) = UnixStream::pair().map_err(|error| error.to_string())?;
        let child = Command::new(&self.program)
            .args(&self.arguments)
            .env(VARIABLE, "stdin")
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .spawn()
            .map_err(|error| format!("cannot start {}: {error}", self.program.display()))?;
        Ok(Next { child, line })
    }
}

/// A new process that is to take over.
pub(crate) struct Next {
    child: Child,
    line: UnixStream,
}

/// Gives up a new process before it has taken over.
pub(crate) struct GiveUp(UnixStream);

impl GiveUp {
    pub(crate) fn now(&self) {
        let _already_closed = self.0.shutdown(Shutdown::Both);
    }
}

impl Next {
    /// What it can be given up with while somebody waits for it.
    pub(crate) fn give_up(&self) -> Result<GiveUp, String> {
        let copy = self.line.try_clone();
        copy.map(GiveUp).map_err(|error| error.to_string())
    }

    /// Hands over and waits until it serves. Blocks; to be called where that does no harm.
    ///
    /// # Errors
    /// Why it does not. It has ended then, or is ended, and nothing has changed.
    pub(crate) fn take_over(
        mut self,
        inheritance: &Inheritance,
        admin: &TcpListener,
    ) -> Result<u32, String> {
        match hand_over(&mut self.line, inheritance, admin) {
            Ok(()) => Ok(self.child.id()),
            Err(error) => {
                let _already_ended = self.child.kill();
                let _already_reaped = self.child.wait();
                Err(match error.kind() {
                    io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe => {
                        "the new process ended; its messages say why".into()
                    }
                    io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
                        format!("the new process did not serve within {PATIENCE:?}")
                    }
                    _ => error.to_string(),
                })
            }
        }
    }
}

fn hand_over(
    to: &mut UnixStream,
    inheritance: &Inheritance,
    admin: &TcpListener,
) -> io::Result<()> {
    to.set_read_timeout(Some(PATIENCE))?;
    to.set_write_timeout(Some(PATIENCE))?;
    for socket in &inheritance.sockets {
        send(to, LISTENING, socket)?;
    }
    send(to, ADMIN, admin)?;
    let knowledge = serde_json::to_vec(&inheritance.carried)?;
    let length = u32::try_from(knowledge.len()).map_err(io::Error::other)?;
    to.write_all(&[KNOWLEDGE])?;
    to.write_all(&length.to_be_bytes())?;
    to.write_all(&knowledge)?;
    to.write_all(&[END])?;
    let mut answer = [0];
    to.read_exact(&mut answer)?;
    if answer == [READY] {
        Ok(())
    } else {
        Err(io::ErrorKind::InvalidData.into())
    }
}

/// A byte and a descriptor.
fn send(to: &UnixStream, what: u8, socket: &TcpListener) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut with = SendAncillaryBuffer::new(&mut space);
    let descriptors = [socket.as_fd()];
    with.push(SendAncillaryMessage::ScmRights(&descriptors));
    sendmsg(to, &[IoSlice::new(&[what])], &mut with, SendFlags::NOSIGNAL)?;
    Ok(())
}

/// What an older process has handed over.
pub(crate) struct Inherited {
    from: UnixStream,
    pub(crate) inheritance: Inheritance,
    pub(crate) admin: Option<TcpListener>,
}

impl Inherited {
    /// Takes over, if this process was started for that.
    pub(crate) fn take() -> io::Result<Option<Self>> {
        if std::env::var_os(VARIABLE).is_none() {
            return Ok(None);
        }
        let from = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
        from.set_read_timeout(Some(PATIENCE))?;
        let mut inherited = Self {
            from,
            inheritance: Inheritance::default(),
            admin: None,
        };
        while inherited.receive()? {}
        Ok(Some(inherited))
    }

    /// Receives one message; false if it was the last one.
    fn receive(&mut self) -> io::Result<bool> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut with = RecvAncillaryBuffer::new(&mut space);
        let mut what = [0];
        let message = recvmsg(
            &self.from,
            &mut [IoSliceMut::new(&mut what)],
            &mut with,
            RecvFlags::CMSG_CLOEXEC,
        )?;
        if message.bytes == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let descriptors = with.drain().filter_map(|message| match message {
            RecvAncillaryMessage::ScmRights(descriptors) => Some(descriptors),
            _ => None,
        });
        for descriptor in descriptors.flatten() {
            let socket = TcpListener::from(descriptor);
            socket.set_nonblocking(true)?;
            match what[0] {
                LISTENING => self.inheritance.sockets.push(socket),
                ADMIN => self.admin = Some(socket),
                _ => return Err(io::ErrorKind::InvalidData.into()),
            }
        }
        if what == [KNOWLEDGE] {
            self.inheritance.carried = self.knowledge()?;
        }
        Ok(what[0] != END)
    }

    fn knowledge(&mut self) -> io::Result<Carried> {
        let mut length = [0; 4];
        self.from.read_exact(&mut length)?;
        let length = u32::from_be_bytes(length);
        if length > MOST_KNOWLEDGE {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut json = Vec::new();
        let from = &mut self.from;
        from.take(u64::from(length)).read_to_end(&mut json)?;
        Ok(serde_json::from_slice(&json)?)
    }

    /// Tells the old process that this one serves: it drains now.
    pub(crate) fn serving(mut self) {
        if let Err(error) = self.from.write_all(&[READY]) {
            tracing::warn!(%error, "the old process cannot be told that this one serves");
        }
    }
}
