//! A temporary folder, and what runs in it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use crate::janitor::{EndBy, Janitor};
use crate::process::{Launch, last};
use crate::{Completed, Process, SandboxError};

/// The longest path of a Unix socket, without the byte that ends it (unix(7): `sun_path` has 108).
pub(crate) const LONGEST_SOCKET: usize = 107;

/// A temporary folder and the processes that run in it. When it is dropped, or this process ends in whatever way, they are ended
/// and the folder is removed.
pub struct Sandbox {
    path: PathBuf,
    janitor: Arc<Janitor>,
}

/// Closes a [`Sandbox`] from somewhere else: from the thread that waits for signals.
#[derive(Clone)]
pub struct Closer {
    path: PathBuf,
    janitor: Arc<Janitor>,
}

impl Sandbox {
    /// A new one in the folder for temporary files: `TMPDIR`, else `/tmp`.
    ///
    /// # Errors
    /// If the folder cannot be written, or `/bin/sh` not be started.
    pub fn new() -> Result<Self, SandboxError> {
        Self::within(&std::env::temp_dir())
    }

    /// A new one in a folder of its own in `base`, which exists.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn within(base: &Path) -> Result<Self, SandboxError> {
        let base = base
            .canonicalize()
            .map_err(|error| SandboxError::folder(base, error))?;
        let janitor = Arc::new(Janitor::start()?);
        match janitor.make_folder(&base) {
            Ok(path) => Ok(Self { path, janitor }),
            Err(error) => {
                janitor.close();
                Err(error)
            }
        }
    }

    /// The folder. Everybody may pass through it to a file whose name he knows, and only the owner may look into it.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A folder for a socket with such a name: this one if the whole path is short enough for a socket, else one in `/tmp`, which
    /// is removed with it.
    pub(crate) fn folder_for_socket(&self, name: &str) -> Result<PathBuf, SandboxError> {
        let folder = self.path.join(name);
        match folder.as_os_str().len() + "/.s.PGSQL.65535".len() <= LONGEST_SOCKET {
            true => make(&folder),
            false => self.janitor.make_folder(Path::new("/tmp")),
        }
    }

    /// Makes a folder in it, for this process's user alone.
    pub(crate) fn make(&self, name: &str) -> Result<PathBuf, SandboxError> {
        make(&self.path.join(name))
    }

    /// Starts a program. It stands in the folder unless the command says otherwise, leads a process group of its own (no key of a
    /// terminal reaches it), reads nothing, and writes into `NAME.log` in the folder. It is ended by SIGTERM, then SIGKILL.
    ///
    /// # Errors
    /// If it cannot be started, or the log not be written.
    pub fn spawn(&self, name: &str, command: Command) -> Result<Process, SandboxError> {
        self.launch(Launch {
            name,
            command,
            end_by: EndBy::Terminate,
            output: None,
        })
    }

    pub(crate) fn launch(&self, mut launch: Launch<'_>) -> Result<Process, SandboxError> {
        // With the slash at its end no other folder's name begins with it.
        launch.command.env("TENFOLD_SANDBOX", self.path.join(""));
        if launch.command.get_current_dir().is_none() {
            launch.command.current_dir(&self.path);
        }
        Process::start(&self.path, launch, Arc::clone(&self.janitor))
    }

    /// Runs a program to its end, however that is: its standard output and its status are in the result, the rest in `NAME.log`.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn complete(&self, name: &str, command: Command) -> Result<Completed, SandboxError> {
        let path = self.path.join(format!("{name}.out"));
        let cannot = |error| SandboxError::folder(&path, error);
        let output = std::fs::File::create(&path).map_err(cannot)?;
        let process = self.launch(Launch {
            name,
            command,
            end_by: EndBy::Terminate,
            output: Some(output),
        })?;
        process.complete(&path)
    }

    /// The same, for a program that has to succeed.
    ///
    /// # Errors
    /// If it cannot be started, or fails: with its last lines.
    pub fn run(&self, name: &str, command: Command) -> Result<Completed, SandboxError> {
        let completed = self.complete(name, command)?;
        if completed.status.success() {
            return Ok(completed);
        }
        let lines = match completed.last_lines.is_empty() {
            true => last(&completed.output),
            false => completed.last_lines,
        };
        Err(SandboxError::ended(
            name,
            completed.status,
            lines,
            &self.path,
        ))
    }

    /// Sees that somebody is there to clean up: if the janitor was ended, another one takes over. For whoever keeps a sandbox for long, to be
    /// called now and then.
    ///
    /// # Errors
    /// If no other one can be started, or it is closed.
    pub fn mend(&self) -> Result<(), SandboxError> {
        self.janitor.mend()
    }

    /// What can close it from another thread.
    #[must_use]
    pub fn closer(&self) -> Closer {
        Closer {
            path: self.path.clone(),
            janitor: Arc::clone(&self.janitor),
        }
    }

    /// Ends all processes and removes the folder; waits until that is done. What is started afterwards is refused.
    pub fn close(&self) {
        self.closer().close();
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.close();
    }
}

impl Closer {
    /// As [`Sandbox::close`].
    pub fn close(&self) {
        self.janitor.close();
        // Only if no janitor could be started is there anything left.
        let _nothing_left = std::fs::remove_dir_all(&self.path);
    }
}

fn make(folder: &Path) -> Result<PathBuf, SandboxError> {
    use std::os::unix::fs::DirBuilderExt;

    let made = std::fs::DirBuilder::new().mode(0o700).create(folder);
    made.map_err(|error| SandboxError::folder(folder, error))?;
    Ok(folder.to_owned())
}
