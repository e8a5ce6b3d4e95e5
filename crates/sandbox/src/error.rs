//! What can go wrong, with what to do about it.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

/// Why something in a sandbox does not run. Its text says what is wrong and what to do, [`what`](Self::what) and
/// [`help`](Self::help) say so apart.
#[derive(Debug)]
pub enum SandboxError {
    /// The temporary folder, or something in it, cannot be made.
    Folder(PathBuf, String),
    /// The process that cleans up cannot be started, or has been ended by somebody.
    Janitor(String),
    /// The sandbox has been closed.
    Closed,
    /// A program cannot be started.
    Start(String, io::Error),
    /// A program ended: its name, how, and the last lines of what it wrote.
    Ended(String, ExitStatus, String),
    /// A program did not come up in time: its name, the time, and the last lines of what it wrote.
    Slow(String, Duration, String),
    /// There is no space left for a program: its name, and the line that says so.
    Full(String, String),
    /// There is no Postgres, or not in the folder where it was said to be.
    NotInstalled(Option<PathBuf>),
    /// Postgres refuses to run as root, and nobody else is there.
    NoUser,
    /// An unprivileged user cannot reach a folder: the user's name, the folder.
    Unreachable(String, PathBuf),
    /// A command of SQL failed: what Postgres said.
    Sql(String),
}

/// What is said when a disk, a quota or a limit of this process (`ulimit -f`) is used up.
const FULL: [&str; 4] = [
    "No space left on device",
    "Disk quota exceeded",
    "File too large",
    "File size limit exceeded",
];

/// A disk with less than this left is full to a program that fails: what did not fit may have been removed again, as Postgres does
/// with its segments of 16 MiB.
const LEAST_BYTES: u64 = 24 << 20;

impl SandboxError {
    /// The error of a program that ended and writes in this folder, which may be one of a full disk: on which it could not write why.
    pub(crate) fn ended(name: &str, status: ExitStatus, lines: String, folder: &Path) -> Self {
        let nothing_left = || {
            let left = bytes_left(folder).filter(|left| *left < LEAST_BYTES)?;
            let (left, folder) = (left >> 20, folder.display());
            Some(format!(
                "it ended ({status}), and {left} MiB are left on the disk of {folder}"
            ))
        };
        match full(&lines).or_else(nothing_left) {
            Some(line) => Self::Full(name.to_owned(), line),
            None => Self::Ended(name.to_owned(), status, lines),
        }
    }

    /// The error of a folder in which something cannot be made.
    pub(crate) fn folder(path: impl Into<PathBuf>, error: impl fmt::Display) -> Self {
        let (path, error) = (path.into(), error.to_string());
        match full(&error) {
            Some(line) => Self::Full(path.display().to_string(), line),
            None => Self::Folder(path, error),
        }
    }

    /// What is wrong, in a sentence without its end.
    #[must_use]
    pub fn what(&self) -> String {
        match self {
            Self::Folder(path, error) => format!("cannot write in {}: {error}", path.display()),
            Self::Janitor(error) => {
                format!("the process that cleans up (/bin/sh) does not run: {error}")
            }
            Self::Closed => "everything is being stopped".into(),
            Self::Start(program, error) => format!("cannot start {program}: {error}"),
            Self::Ended(name, status, lines) => format!("{name} ended ({status}){}", quoted(lines)),
            Self::Slow(name, time, lines) => {
                let seconds = time.as_secs_f64();
                format!("{name} is not ready after {seconds:.0} s{}", quoted(lines))
            }
            Self::Full(name, line) => format!("there is no space left for {name}: {line}"),
            Self::NotInstalled(None) => {
                "Postgres is not installed: no initdb and postgres in PATH, /usr/lib/postgresql or where pg_config says".into()
            }
            Self::NotInstalled(Some(folder)) => {
                format!("there is no Postgres in {}: it needs initdb, postgres and psql", folder.display())
            }
            Self::NoUser => {
                "Postgres does not run as root, and there is neither a user postgres nor a user nobody".into()
            }
            Self::Unreachable(user, folder) => format!(
                "Postgres runs as the user {user} here, who cannot reach {}",
                folder.display()
            ),
            Self::Sql(said) => format!("Postgres refused a command: {said}"),
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> &'static str {
        match self {
            Self::Folder(..) => {
                "give a folder that exists and can be written (--dir, or the environment variable TMPDIR)"
            }
            Self::Janitor(_) => {
                "it needs /bin/sh, mktemp and /proc; start again if somebody has ended it"
            }
            Self::Closed => "start again",
            Self::Start(..) => "see that the program is there and may be executed",
            Self::Ended(..) => "mend what its last lines say, and start again",
            Self::Slow(..) => "the machine may be too busy: stop other programs, and start again",
            Self::Full(..) => {
                "give a folder on a larger disk (--dir, or the environment variable TMPDIR), or make room; \
                 see also `ulimit -f`"
            }
            Self::NotInstalled(None) => {
                "install it (Debian and Ubuntu: `apt-get install postgresql`), or put the folder of its programs into PATH"
            }
            Self::NotInstalled(Some(_)) => {
                "give the folder that `pg_config --bindir` prints, or leave it out to have it looked for"
            }
            Self::NoUser => {
                "run this as an ordinary user, or make one (`adduser --system postgres`)"
            }
            Self::Unreachable(..) => {
                "give a folder that others may pass through (--dir, or the environment variable TMPDIR), as /tmp"
            }
            Self::Sql(_) => "mend what Postgres names",
        }
    }
}

impl fmt::Display for SandboxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n help: {}", self.what(), self.help())
    }
}

impl std::error::Error for SandboxError {}

/// The line that says that there is no space.
fn full(lines: &str) -> Option<String> {
    let mut lines = lines.lines();
    let line = lines.find(|line| FULL.iter().any(|words| line.contains(words)))?;
    Some(line.trim().to_owned())
}

/// What an ordinary user may still write there.
fn bytes_left(folder: &Path) -> Option<u64> {
    let space = rustix::fs::statvfs(folder).ok()?;
    Some(space.f_bavail.saturating_mul(space.f_frsize))
}

/// Last lines, below what is wrong.
fn quoted(lines: &str) -> String {
    if lines.trim().is_empty() {
        return ", and has written nothing".into();
    }
    let lines = lines.lines().map(|line| format!("\n       | {line}"));
    format!("; its last lines:{}", lines.collect::<String>())
}
