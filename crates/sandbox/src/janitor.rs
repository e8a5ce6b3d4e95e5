//! The process that cleans up: see the crate's documentation, and `janitor.sh`.

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::SandboxError;
use crate::procfs::Stat;

/// How long processes have to end when they are asked to, in steps of 50 ms. Longer than Postgres waits for its own children
/// before it kills them (5 s).
const PATIENCE: &str = "160";
/// The same for those that are asked by SIGTERM.
const MANNERS: &str = "20";

/// How a process is asked to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EndBy {
    /// SIGTERM
    Terminate,
    /// SIGQUIT: what Postgres takes as "at once, in order".
    Quit,
}

impl EndBy {
    fn name(self) -> &'static str {
        match self {
            Self::Terminate => "TERM",
            Self::Quit => "QUIT",
        }
    }

    pub(crate) fn signal(self) -> rustix::process::Signal {
        match self {
            Self::Terminate => rustix::process::Signal::TERM,
            Self::Quit => rustix::process::Signal::QUIT,
        }
    }
}

/// A janitor. It outlives every way in which this process can end, and ends itself when its work is done.
pub(crate) struct Janitor {
    /// None when it was told to begin.
    pipes: Mutex<Option<Pipes>>,
    child: Mutex<Child>,
}

struct Pipes {
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Janitor {
    pub(crate) fn start() -> Result<Self, SandboxError> {
        let cannot = |error: io::Error| SandboxError::Janitor(error.to_string());
        let mut child = Command::new("/bin/sh")
            // In a variable, so that lists of processes stay readable, and nobody who ends processes by words of their command
            // lines (`pkill -f postgres`) meets this one.
            .args(["-c", "eval \"$JANITOR\"", "sandbox-janitor"])
            .env("JANITOR", include_str!("janitor.sh"))
            .env("PATIENCE", PATIENCE)
            .env("MANNERS", MANNERS)
            // It must not be taken for a stray of another sandbox, in which this process may run.
            .env_remove("TENFOLD_SANDBOX")
            // It keeps no file system busy, and no terminal's keys reach it.
            .current_dir("/")
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(cannot)?;
        let no_pipe = || SandboxError::Janitor("it has no pipes".into());
        let pipes = Pipes {
            to: child.stdin.take().ok_or_else(no_pipe)?,
            from: BufReader::new(child.stdout.take().ok_or_else(no_pipe)?),
        };
        Ok(Self {
            pipes: Mutex::new(Some(pipes)),
            child: Mutex::new(child),
        })
    }

    /// Makes a folder in `base`, which is removed at the end. Its mode is 0711: a user who is told a path in it can get there.
    pub(crate) fn make_folder(&self, base: &Path) -> Result<PathBuf, SandboxError> {
        let template = base.join("tenfold-XXXXXXXXXX");
        let Some(template) = template.to_str().filter(|text| !text.contains('\n')) else {
            let error = "its name is not plain text";
            return Err(SandboxError::folder(base, error));
        };
        let mut pipes = self.lock();
        let pipes = pipes.as_mut().ok_or(SandboxError::Closed)?;
        pipes.tell(&format!("make {template}"))?;
        let mut answer = String::new();
        pipes.from.read_line(&mut answer).map_err(gone)?;
        let answer = answer.trim_end_matches('\n');
        match answer.split_once(' ') {
            Some(("made", path)) => Ok(PathBuf::from(path)),
            Some(("error", error)) => Err(SandboxError::folder(base, error)),
            _ => Err(SandboxError::Janitor("it does not answer".into())),
        }
    }

    /// Starts a process and registers it; nothing can come in between but a death of this process, for which the mark in the
    /// environment is made.
    pub(crate) fn start_process(
        &self,
        program: &str,
        command: &mut Command,
        end_by: EndBy,
    ) -> Result<Child, SandboxError> {
        let mut pipes = self.lock();
        let pipes = pipes.as_mut().ok_or(SandboxError::Closed)?;
        let start = |error| SandboxError::Start(program.to_owned(), error);
        let mut child = command.spawn().map_err(start)?;
        // It is there until it is waited for.
        let started = Stat::of(child.id()).map_or(0, |stat| stat.started);
        let line = format!("add {} {} {started}", child.id(), end_by.name());
        if let Err(error) = pipes.tell(&line) {
            // Nobody would end it.
            let _already_gone = child.kill();
            let _already_reaped = child.wait();
            return Err(error);
        }
        Ok(child)
    }

    /// A process has ended.
    pub(crate) fn forget(&self, pid: u32) {
        if let Some(pipes) = self.lock().as_mut() {
            // Without a janitor there is nobody who could do a wrong thing.
            let _gone = pipes.tell(&format!("forget {pid}"));
        }
    }

    /// Has it do its work, and waits until it is done.
    pub(crate) fn close(&self) {
        drop(self.lock().take());
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        let _already_reaped = child.wait();
    }

    fn lock(&self) -> MutexGuard<'_, Option<Pipes>> {
        self.pipes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pipes {
    fn tell(&mut self, line: &str) -> Result<(), SandboxError> {
        self.to
            .write_all(format!("{line}\n").as_bytes())
            .map_err(gone)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is what map_err hands on")]
fn gone(error: io::Error) -> SandboxError {
    SandboxError::Janitor(format!("it has ended ({error})"))
}
