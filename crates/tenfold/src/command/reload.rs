//! Reading the configuration again while running.

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use tenfold_gateway::Gateway;

use crate::config::{self, Loaded};

/// How long a reload waits for the workers to change over.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often watched files are looked at.
const LOOK: Duration = Duration::from_millis(250);

/// What is needed to reload.
pub(crate) struct Reloader {
    gateway: Arc<Gateway>,
    /// Missing if the configuration came from arguments.
    path: Option<PathBuf>,
    /// One at a time, and what was loaded last.
    current: Mutex<Loaded>,
}

impl Reloader {
    pub(crate) fn new(gateway: Arc<Gateway>, path: Option<PathBuf>, loaded: Loaded) -> Self {
        Self {
            gateway,
            path,
            current: Mutex::new(loaded),
        }
    }

    /// The gateway that it reloads.
    pub(crate) fn gateway(&self) -> &Gateway {
        &self.gateway
    }

    /// Reads the file again and does what it says, or changes nothing. Blocks for some milliseconds. Returns what is different.
    pub(crate) fn reload(&self) -> Result<Vec<String>, String> {
        let Some(path) = &self.path else {
            return Err(
                "there is no file to read again: the configuration came from arguments".into(),
            );
        };
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let loaded = config::load(path).map_err(|errors| errors.to_string())?;
        for warning in loaded.warnings.lines() {
            tracing::warn!("{warning}");
        }
        let mut changes = self
            .gateway
            .apply(loaded.config.clone(), PATIENCE)
            .map_err(|error| error.to_string())?;
        changes.extend(needs_restart(&current, &loaded));
        *current = loaded;
        Ok(changes)
    }

    /// The same, told to the log.
    pub(crate) fn reload_and_log(&self) {
        match self.reload() {
            Ok(changes) if changes.is_empty() => {
                tracing::info!("configuration read again: nothing is different");
            }
            Ok(changes) => {
                for change in &changes {
                    tracing::info!("{change}");
                }
                tracing::info!("configuration applied: {} changes", changes.len());
            }
            Err(why) => {
                tracing::error!("the configuration was not applied, nothing has changed:\n{why}");
            }
        }
    }

    /// The configuration that holds, without secrets.
    pub(crate) fn redacted(&self) -> serde_json::Value {
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        current.redacted.clone()
    }

    /// Reloads whenever one of the files changes. A file that changes again within a quarter of a second is still being
    /// written. Never returns.
    pub(crate) async fn watch(self: Arc<Self>) {
        let mut last = self.stamps();
        let mut pending = None;
        loop {
            tokio::time::sleep(LOOK).await;
            let stamps = self.stamps();
            if stamps == last {
                pending = None;
            } else if pending.as_ref() == Some(&stamps) {
                let this = Arc::clone(&self);
                let _panicked = tokio::task::spawn_blocking(move || this.reload_and_log()).await;
                // The set of files may have changed with it.
                last = self.stamps();
                pending = None;
            } else {
                pending = Some(stamps);
            }
        }
    }

    fn stamps(&self) -> Vec<(PathBuf, Option<Stamp>)> {
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let stamp = |path: &PathBuf| (path.clone(), Stamp::of(path));
        current.files.iter().map(stamp).collect()
    }
}

/// What tells one content of a file from another.
#[derive(PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    length: u64,
    inode: u64,
}

impl Stamp {
    fn of(path: &std::path::Path) -> Option<Self> {
        let metadata = std::fs::metadata(path).ok()?;
        Some(Self {
            modified: metadata.modified().ok(),
            length: metadata.len(),
            inode: metadata.ino(),
        })
    }
}

/// What is different but holds only for a new process.
fn needs_restart(old: &Loaded, new: &Loaded) -> Vec<String> {
    let (old, new) = (&old.process, &new.process);
    let mut lines = Vec::new();
    for (what, is_same) in [
        ("workers", old.workers == new.workers),
        (
            "max_connections",
            old.max_connections == new.max_connections,
        ),
        ("access_log", old.access_log == new.access_log),
        ("admin.listen", old.admin == new.admin),
        ("admin.token", old.admin_token == new.admin_token),
        ("watch", old.watch == new.watch),
        ("drain_timeout", old.drain_timeout == new.drain_timeout),
    ] {
        if !is_same {
            lines.push(format!(
                "{what} is different: it holds from the next start or upgrade (SIGUSR2) on"
            ));
        }
    }
    lines
}
