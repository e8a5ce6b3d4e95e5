//! Replacing the running binary without losing a connection.
//!
//! The old process starts the new one with a socket as its standard input, and sends it every listening socket over that
//! (`SCM_RIGHTS`, unix(7)). Both have the same sockets then, so that no moment exists at which nobody listens. When the new
//! process serves it says so, and the old one drains; if it ends instead, the old one goes on as if nothing had happened.

use std::ffi::OsString;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::net::TcpListener;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};

/// Says to a new process that its standard input is such a socket.
const VARIABLE: &str = "TENFOLD_TAKE_OVER";
/// How long the new process may take to serve: it reads its configuration and resolves names.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a message says about the socket that comes with it.
const LISTENING: u8 = b'L';
const ADMIN: u8 = b'A';
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

    /// Starts the new process and waits until it serves. Blocks; to be called where that does no harm.
    ///
    /// # Errors
    /// Why it does not. It has ended then, or is ended, and nothing has changed.
    pub(crate) fn start_next(
        &self,
        listening: &[TcpListener],
        admin: Option<&TcpListener>,
    ) -> Result<u32, String> {
        let (mut ours, theirs) = UnixStream::pair().map_err(|error| error.to_string())?;
        let mut child = Command::new(&self.program)
            .args(&self.arguments)
            .env(VARIABLE, "stdin")
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .spawn()
            .map_err(|error| format!("cannot start {}: {error}", self.program.display()))?;
        match hand_over(&mut ours, listening, admin) {
            Ok(()) => Ok(child.id()),
            Err(error) => {
                let _already_ended = child.kill();
                let _already_reaped = child.wait();
                Err(match error.kind() {
                    io::ErrorKind::UnexpectedEof => {
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
    listening: &[TcpListener],
    admin: Option<&TcpListener>,
) -> io::Result<()> {
    to.set_read_timeout(Some(PATIENCE))?;
    to.set_write_timeout(Some(PATIENCE))?;
    for socket in listening {
        send(to, LISTENING, socket)?;
    }
    if let Some(socket) = admin {
        send(to, ADMIN, socket)?;
    }
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
    pub(crate) listening: Vec<TcpListener>,
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
            listening: Vec::new(),
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
                LISTENING => self.listening.push(socket),
                ADMIN => self.admin = Some(socket),
                _ => return Err(io::ErrorKind::InvalidData.into()),
            }
        }
        Ok(what[0] != END)
    }

    /// Tells the old process that this one serves: it drains now.
    pub(crate) fn serving(mut self) {
        if let Err(error) = self.from.write_all(&[READY]) {
            tracing::warn!(%error, "the old process cannot be told that this one serves");
        }
    }
}
