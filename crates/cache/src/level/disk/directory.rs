//! The directory: whose it is, and whether what lies in it can be believed.
//!
//! Two files besides the segments. `lock` is held with `flock(2)` while the level is open, and holds the owner's process
//! id. `state` says whether the contents can be believed ([`super::state`]).

use std::ffi::OsStr;
use std::fmt;
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use super::entry::Secret;
use super::segment::file_id;
use super::state::{State, boot_id, new_secret};

const LOCK: &str = "lock";
/// What the state is in.
pub(super) const STATE: &str = "state";
const STATE_NEW: &str = "state.new";
/// How far the level below had been heard (`cache/missed.rs`).
const HEARD: &str = "heard";
const HEARD_NEW: &str = "heard.new";

/// Why a disk level cannot be opened.
#[derive(Debug)]
pub enum OpenError {
    /// The options contradict themselves.
    Options(String),
    /// Another process, or another level of this one, has the directory open.
    Locked {
        /// The directory.
        path: PathBuf,
        /// What the owner wrote: its process id.
        owner: String,
    },
    /// There is something in the directory that no disk level made.
    NotOurs {
        /// The directory.
        path: PathBuf,
        /// One of the files.
        found: String,
    },
    /// Others may write in the directory.
    Exposed {
        /// The directory.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The operating system refused something.
    Io {
        /// What was tried.
        action: &'static str,
        /// With which file.
        path: PathBuf,
        /// What it said.
        error: io::Error,
    },
}

impl fmt::Display for OpenError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Options(what) => out.write_str(what),
            Self::Locked { path, owner } => write!(
                out,
                "{} is in use by process {owner}: give each process a directory of its own",
                path.display()
            ),
            Self::NotOurs { path, found } => write!(
                out,
                "{} holds {found}, which no disk cache made: name an empty directory, or one that does not exist yet",
                path.display()
            ),
            Self::Exposed { path, mode } => write!(
                out,
                "others can write in {} (mode {mode:o}), and so could change what is served: chmod 700 it",
                path.display()
            ),
            Self::Io {
                action,
                path,
                error,
            } => write!(out, "cannot {action} {}: {error}", path.display()),
        }
    }
}

impl std::error::Error for OpenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { error, .. } => Some(error),
            _ => None,
        }
    }
}

/// Says with which file an operation failed.
pub(super) fn failed<'a>(
    action: &'static str,
    path: &'a Path,
) -> impl FnOnce(io::Error) -> OpenError + 'a {
    move |error| OpenError::Io {
        action,
        path: path.to_owned(),
        error,
    }
}

/// A directory that is held.
#[derive(Debug)]
pub(super) struct Directory {
    pub(super) path: PathBuf,
    pub(super) secret: Secret,
    /// Held for as long as the level is open; the kernel gives it up when the process dies.
    _lock: File,
}

/// Why what a directory holds cannot be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doubt {
    /// The machine went down while the level was open, and invalidations were not forced to the medium.
    Boot,
    /// The file that says whether it can is missing or damaged. It is removed when an invalidation cannot be written.
    State,
}

impl Directory {
    /// Makes, locks and checks a directory. Says as well why its contents must be dropped, if they must.
    pub(super) fn open(path: &Path) -> Result<(Self, Option<Doubt>), OpenError> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(failed("create", path))?;
        let about = std::fs::metadata(path).map_err(failed("look at", path))?;
        let mode = about.permissions().mode() & 0o777;
        if mode & 0o022 != 0 {
            return Err(OpenError::Exposed {
                path: path.to_owned(),
                mode,
            });
        }
        refuse_foreign(path)?;
        let lock = lock(path)?;
        let state = State::read(path)?;
        let doubt = match &state {
            Some(state) => (!state.provable()).then_some(Doubt::Boot),
            None => Some(Doubt::State),
        };
        let secret = state.map_or_else(new_secret, |state| state.secret);
        let directory = Self {
            path: path.to_owned(),
            secret,
            _lock: lock,
        };
        Ok((directory, doubt))
    }

    /// The ids of the segments in it, in order.
    pub(super) fn segments(&self) -> io::Result<Vec<u32>> {
        let mut ids = Vec::new();
        for file in std::fs::read_dir(&self.path)? {
            ids.extend(file?.file_name().to_str().and_then(file_id));
        }
        ids.sort_unstable();
        Ok(ids)
    }

    /// Notes durably that the level is open (`clean` is false) or was closed with everything on the medium. `synced`:
    /// invalidations are forced to the medium before they are acknowledged.
    pub(super) fn note(&self, clean: bool, synced: bool) -> io::Result<()> {
        let state = State {
            secret: self.secret,
            boot: boot_id(),
            clean,
            synced,
        };
        let new = self.path.join(STATE_NEW);
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&new)?;
        file.write_all(state.to_text().as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&new, self.path.join(STATE))?;
        self.sync()
    }

    /// The contents must not be believed any more: they are dropped by the next opening.
    pub(super) fn distrust(&self) -> io::Result<()> {
        std::fs::remove_file(self.path.join(STATE))
    }

    /// Keeps how far the level below has been heard. One that is older after a crash, or gone, errs to the safe side.
    pub(super) fn note_heard(&self, position: &str) -> io::Result<()> {
        let new = self.path.join(HEARD_NEW);
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&new)?;
        file.write_all(position.as_bytes())?;
        std::fs::rename(&new, self.path.join(HEARD))
    }

    pub(super) fn heard(&self) -> Option<String> {
        std::fs::read_to_string(self.path.join(HEARD)).ok()
    }

    /// Forces the directory itself to the medium: which files there are.
    pub(super) fn sync(&self) -> io::Result<()> {
        File::open(&self.path)?.sync_all()
    }
}

/// Refuses a directory in which there is something, unless its state says that it is ours. A state that is damaged
/// says nothing, and then only our files may be there, and the lock, which is always made before the state.
fn refuse_foreign(path: &Path) -> Result<(), OpenError> {
    if State::read(path)?.is_some() {
        return Ok(());
    }
    if path.join(STATE).exists() && !path.join(LOCK).exists() {
        return Err(OpenError::NotOurs {
            path: path.to_owned(),
            found: STATE.into(),
        });
    }
    for file in std::fs::read_dir(path).map_err(failed("read", path))? {
        let name = file.map_err(failed("read", path))?.file_name();
        let ours = [LOCK, STATE, STATE_NEW, HEARD, HEARD_NEW].map(OsStr::new);
        if !ours.contains(&&*name) && name.to_str().and_then(file_id).is_none() {
            return Err(OpenError::NotOurs {
                path: path.to_owned(),
                found: name.to_string_lossy().into_owned(),
            });
        }
    }
    Ok(())
}

fn lock(directory: &Path) -> Result<File, OpenError> {
    let path = directory.join(LOCK);
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(failed("open", &path))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut owner = String::new();
            // For the message only; it may not have been written yet.
            let _ = (&mut file).take(20).read_to_string(&mut owner);
            return Err(OpenError::Locked {
                path: directory.to_owned(),
                owner: if owner.is_empty() {
                    "(unknown)".into()
                } else {
                    owner
                },
            });
        }
        Err(TryLockError::Error(error)) => return Err(failed("lock", &path)(error)),
    }
    file.set_len(0)
        .and_then(|()| file.write_all(std::process::id().to_string().as_bytes()))
        .map_err(failed("write", &path))?;
    Ok(file)
}
