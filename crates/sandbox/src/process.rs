//! A process of a sandbox.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, kill_process, kill_process_group, waitid,
};

use crate::SandboxError;
use crate::janitor::{EndBy, Janitor};
use crate::procfs::{children, cpu_of, runs};

/// Between two looks at whether something has happened.
const LOOK: Duration = Duration::from_millis(10);
/// How long a process has to end when it is dropped.
const FAREWELL: Duration = Duration::from_secs(5);
/// What is quoted of a log.
const LAST_LINES: usize = 8;
/// The end of a log that is read for it.
const LAST_BYTES: u64 = 16 << 10;

/// A running process, which leads a group of its own; ended when dropped.
pub struct Process {
    name: String,
    child: Child,
    end_by: EndBy,
    log: PathBuf,
    /// Where in the log its own lines begin: a process that is started again goes on where the last one ended.
    begin: u64,
    ended: Option<(ExitStatus, Duration)>,
    janitor: Arc<Janitor>,
}

/// What came of a process that ran to its end.
#[derive(Debug)]
pub struct Completed {
    /// How it ended.
    pub status: ExitStatus,
    /// What it wrote to standard output.
    pub output: String,
    /// The last lines of what it wrote to standard error.
    pub last_lines: String,
}

/// What is to be started.
pub(crate) struct Launch<'a> {
    pub(crate) name: &'a str,
    pub(crate) command: Command,
    pub(crate) end_by: EndBy,
    /// Where standard output goes, if not into the log.
    pub(crate) output: Option<File>,
}

impl Process {
    pub(crate) fn start(
        folder: &Path,
        launch: Launch<'_>,
        janitor: Arc<Janitor>,
    ) -> Result<Self, SandboxError> {
        let Launch {
            name,
            mut command,
            end_by,
            output,
        } = launch;
        let log = folder.join(format!("{name}.log"));
        let cannot = |error: io::Error| SandboxError::folder(&log, error);
        // Passwords may be in it, which is nobody else's business.
        let mut options = OpenOptions::new();
        options.append(true).create(true).mode(0o600);
        let file = options.open(&log).map_err(cannot)?;
        let begin = file.metadata().map_err(cannot)?.len();
        let same = file.try_clone().map_err(cannot)?;
        let output = output.unwrap_or(file);
        command
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(same)
            .process_group(0);
        let program = command.get_program().to_string_lossy().into_owned();
        let child = janitor.start_process(&program, &mut command, end_by)?;
        Ok(Self {
            name: name.to_owned(),
            child,
            end_by,
            log,
            begin,
            ended: None,
            janitor,
        })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its process identifier.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The file that it writes to.
    #[must_use]
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// CPU time that it has used, with its children; also after its end.
    #[must_use]
    pub fn cpu(&self) -> Duration {
        match self.ended {
            Some((_, cpu)) => cpu,
            None => cpu_of(self.pid()).unwrap_or_default(),
        }
    }

    /// How it has ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        if let Some((status, _)) = self.ended {
            return Some(status);
        }
        let pid = self.rustix_pid();
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        // What it has used can be read until it is waited for.
        let is_over = !matches!(waitid(WaitId::Pid(pid), look), Ok(None));
        if !is_over {
            return None;
        }
        let cpu = cpu_of(self.pid()).unwrap_or_default();
        let status = self.child.wait().ok()?;
        self.janitor.forget(self.child.id());
        self.ended = Some((status, cpu));
        Some(status)
    }

    /// Whether it runs; a frozen one does.
    pub fn is_alive(&mut self) -> bool {
        self.ended().is_none()
    }

    /// Waits until it ends, at most for so long.
    pub fn wait(&mut self, patience: Duration) -> Option<ExitStatus> {
        let deadline = Instant::now() + patience;
        loop {
            let ended = self.ended();
            if ended.is_some() || Instant::now() >= deadline {
                return ended;
            }
            sleep(LOOK);
        }
    }

    /// Waits until it writes a line that begins so, and returns what follows.
    ///
    /// # Errors
    /// If it ends before, or has not written it in time: with its last lines.
    pub fn wait_for_line(
        &mut self,
        begin: &str,
        patience: Duration,
    ) -> Result<String, SandboxError> {
        let deadline = Instant::now() + patience;
        loop {
            let ended = self.ended();
            let text = self.text(u64::MAX);
            let mut lines = text
                .split_inclusive('\n')
                .filter_map(|line| line.strip_suffix('\n'));
            if let Some(rest) = lines.find_map(|line| line.strip_prefix(begin)) {
                return Ok(rest.trim().to_owned());
            }
            if let Some(status) = ended {
                return Err(self.error(status));
            }
            if Instant::now() >= deadline {
                return Err(SandboxError::Slow(
                    self.name.clone(),
                    patience,
                    self.last_lines(),
                ));
            }
            sleep(LOOK);
        }
    }

    /// The last lines that it wrote.
    #[must_use]
    pub fn last_lines(&self) -> String {
        last(&self.text(LAST_BYTES))
    }

    /// Sends it SIGKILL, with its children, and waits until they are gone.
    pub fn kill(&mut self) {
        let family = self.family();
        self.signal(Signal::KILL);
        for (pid, started) in &family {
            signal_if(*pid, *started, Signal::KILL);
        }
        self.wait(FAREWELL);
        let deadline = Instant::now() + FAREWELL;
        while family.iter().any(|(pid, started)| runs(*pid, *started)) && Instant::now() < deadline
        {
            sleep(LOOK);
        }
    }

    /// Makes it and its children stand still, connections open.
    pub fn freeze(&self) {
        // Itself first, so that it gets no more children.
        self.signal(Signal::STOP);
        for (pid, started) in self.family() {
            signal_if(pid, started, Signal::STOP);
        }
    }

    /// Ends that.
    pub fn thaw(&self) {
        for (pid, started) in self.family() {
            signal_if(pid, started, Signal::CONT);
        }
        self.signal(Signal::CONT);
    }

    /// Asks it to end as it is used to, and kills it if it has not in time. How it ended.
    pub fn terminate(&mut self, patience: Duration) -> Option<ExitStatus> {
        self.end(self.end_by.signal(), patience)
    }

    pub(crate) fn end(&mut self, signal: Signal, patience: Duration) -> Option<ExitStatus> {
        if self.is_alive() {
            self.signal(signal);
            // What stands still hears it only when it goes on.
            self.thaw();
            if self.wait(patience).is_none() {
                self.kill();
            }
        }
        self.ended()
    }

    /// The error of a process that should run, and has ended.
    pub fn failure(&mut self) -> Option<SandboxError> {
        let status = self.ended()?;
        Some(self.error(status))
    }

    fn error(&self, status: ExitStatus) -> SandboxError {
        let folder = self.log.parent().unwrap_or(Path::new("/"));
        SandboxError::ended(&self.name, status, self.last_lines(), folder)
    }

    pub(crate) fn complete(mut self, output: &Path) -> Result<Completed, SandboxError> {
        let status = loop {
            if let Some(status) = self.wait(Duration::from_secs(3600)) {
                break status;
            }
        };
        let read = std::fs::read(output);
        let read = read.map_err(|error| SandboxError::folder(output, error))?;
        let _already_gone = std::fs::remove_file(output);
        Ok(Completed {
            status,
            output: String::from_utf8_lossy(&read).into_owned(),
            last_lines: self.last_lines(),
        })
    }

    /// Its children, unless it has ended: its identifier may be somebody else's then.
    fn family(&self) -> Vec<(u32, u64)> {
        match self.ended {
            Some(_) => Vec::new(),
            None => children(self.pid()),
        }
    }

    /// To its group, if it has not been waited for: until then its identifier is nobody else's.
    fn signal(&self, signal: Signal) {
        if self.ended.is_none() {
            let _already_gone = kill_process_group(self.rustix_pid(), signal);
        }
    }

    fn rustix_pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Its own lines in the log, or the last of them.
    fn text(&self, most: u64) -> String {
        let read = || -> io::Result<Vec<u8>> {
            let mut file = File::open(&self.log)?;
            let length = file.metadata()?.len();
            file.seek(SeekFrom::Start(self.begin.max(length.saturating_sub(most))))?;
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        String::from_utf8_lossy(&read().unwrap_or_default()).into_owned()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.terminate(FAREWELL);
    }
}

/// The last lines of a text that are not empty.
pub(crate) fn last(text: &str) -> String {
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    lines[lines.len().saturating_sub(LAST_LINES)..].join("\n")
}

/// Sends a signal to a process if it is still the one that started then.
fn signal_if(pid: u32, started: u64, signal: Signal) {
    let raw = i32::try_from(pid).ok().and_then(Pid::from_raw);
    if let Some(pid) = raw.filter(|_| runs(pid, started)) {
        let _already_gone = kill_process(pid, signal);
    }
}
