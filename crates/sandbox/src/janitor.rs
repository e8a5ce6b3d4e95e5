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

/// A janitor. It outlives every way in which this process can end, and ends itself when its work is done. If somebody ends it, another
/// one takes over what it was told.
pub(crate) struct Janitor(Mutex<State>);

struct State {
    /// None when it has done its work.
    running: Option<Running>,
    /// Lines by which another one would know as much.
    told: Vec<String>,
}

struct Running {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Janitor {
    pub(crate) fn start() -> Result<Self, SandboxError> {
        Ok(Self(Mutex::new(State {
            running: Some(Running::start()?),
            told: Vec::new(),
        })))
    }

    /// Makes a folder in `base`, which is removed at the end. Its mode is 0711: a user who is told a path in it can get there.
    pub(crate) fn make_folder(&self, base: &Path) -> Result<PathBuf, SandboxError> {
        let template = base.join("tenfold-XXXXXXXXXX");
        let Some(template) = template.to_str().filter(|text| !text.contains('\n')) else {
            let error = "its name is not plain text";
            return Err(SandboxError::folder(base, error));
        };
        let mut state = self.lock();
        let answer = state.tell(&format!("make {template}"))?.answer()?;
        match answer.split_once(' ') {
            Some(("made", path)) => {
                state.told.push(format!("adopt {path}"));
                Ok(PathBuf::from(path))
            }
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
        let mut state = self.lock();
        if state.running.is_none() {
            return Err(SandboxError::Closed);
        }
        let start = |error| SandboxError::Start(program.to_owned(), error);
        let mut child = command.spawn().map_err(start)?;
        // It is there until it is waited for.
        let started = Stat::of(child.id()).map_or(0, |stat| stat.started);
        let line = format!("add {} {} {started}", child.id(), end_by.name());
        if let Err(error) = state.tell(&line).map(|_| ()) {
            // Nobody would end it.
            let _already_gone = child.kill();
            let _already_reaped = child.wait();
            return Err(error);
        }
        state.told.push(line);
        Ok(child)
    }

    /// A process has ended.
    pub(crate) fn forget(&self, pid: u32) {
        let mut state = self.lock();
        let begin = format!("add {pid} ");
        state.told.retain(|line| !line.starts_with(&begin));
        // Without a janitor there is nobody who could do a wrong thing.
        let _gone = state.tell(&format!("forget {pid}")).map(|_| ());
    }

    /// Has another one take over if somebody has ended it.
    pub(crate) fn mend(&self) -> Result<(), SandboxError> {
        let mut state = self.lock();
        let running = state.running.as_mut().ok_or(SandboxError::Closed)?;
        match running.child.try_wait() {
            Ok(None) => Ok(()),
            _ => state.take_over().map(|_| ()),
        }
    }

    /// Has it do its work, and waits until it is done.
    pub(crate) fn close(&self) {
        // The lock is kept: whoever closes it as well waits, too.
        let mut state = self.lock();
        let Some(running) = state.running.take() else {
            return;
        };
        if !running.finish() {
            let next = state.begin_again();
            let _done_as_far_as_possible = next.map(Running::finish);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Tells it a line, or the one that takes over.
    fn tell(&mut self, line: &str) -> Result<&mut Running, SandboxError> {
        let running = self.running.as_mut().ok_or(SandboxError::Closed)?;
        if running.tell(line).is_err() {
            self.take_over()?.tell(line)?;
        }
        self.running.as_mut().ok_or(SandboxError::Closed)
    }

    fn take_over(&mut self) -> Result<&mut Running, SandboxError> {
        let next = self.begin_again()?;
        if let Some(mut old) = self.running.take() {
            let _already_reaped = old.child.wait();
        }
        Ok(self.running.insert(next))
    }

    /// Another one, which knows all that the last one knew.
    fn begin_again(&self) -> Result<Running, SandboxError> {
        let mut next = Running::start()?;
        self.told.iter().try_for_each(|line| next.tell(line))?;
        Ok(next)
    }
}

impl Running {
    fn start() -> Result<Self, SandboxError> {
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
        Ok(Self {
            to: child.stdin.take().ok_or_else(no_pipe)?,
            from: BufReader::new(child.stdout.take().ok_or_else(no_pipe)?),
            child,
        })
    }

    fn tell(&mut self, line: &str) -> Result<(), SandboxError> {
        let written = self.to.write_all(format!("{line}\n").as_bytes());
        written.map_err(|error| SandboxError::Janitor(format!("it has ended ({error})")))
    }

    fn answer(&mut self) -> Result<String, SandboxError> {
        let mut answer = String::new();
        let read = self.from.read_line(&mut answer);
        read.map_err(|error| SandboxError::Janitor(format!("it does not answer ({error})")))?;
        Ok(answer.trim_end_matches('\n').to_owned())
    }

    /// Closes its pipe; true if it has done its work.
    fn finish(self) -> bool {
        let Self { mut child, to, .. } = self;
        drop(to);
        child.wait().is_ok_and(|status| status.success())
    }
}
