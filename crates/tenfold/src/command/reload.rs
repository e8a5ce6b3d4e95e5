//! Reading the configuration again while running.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tenfold_gateway::Gateway;

use crate::config::seen::Seen;
use crate::config::{self, Loaded, Process};

/// How long a reload waits for names to be resolved, and then for the workers to change over.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often watched files are looked at.
const LOOK: Duration = Duration::from_millis(250);
/// What is read at the start only.
const PROCESS: [&str; 2] = ["gateway", "admin"];

/// What is needed to reload.
pub(crate) struct Reloader {
    gateway: Arc<Gateway>,
    /// Missing if the configuration came from arguments.
    path: Option<PathBuf>,
    /// What this process was started with, which no reload changes.
    started: Process,
    /// One reload at a time.
    turn: Mutex<()>,
    /// The configuration in force, without secrets.
    redacted: Mutex<Value>,
    /// What the latest reading depended on, whatever became of it.
    seen: Mutex<Seen>,
}

impl Reloader {
    pub(crate) fn new(
        gateway: Arc<Gateway>,
        path: Option<PathBuf>,
        loaded: Loaded,
        seen: Seen,
    ) -> Self {
        Self {
            gateway,
            path,
            started: loaded.process,
            turn: Mutex::new(()),
            redacted: Mutex::new(loaded.redacted),
            seen: Mutex::new(seen),
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
        let _turn = lock(&self.turn);
        let (loaded, seen) = config::load_and_note(path);
        *lock(&self.seen) = seen;
        let loaded = loaded.map_err(|errors| {
            self.gateway.count_refused();
            errors.to_string()
        })?;
        for warning in loaded.warnings.lines() {
            tracing::warn!("{warning}");
        }
        let mut changes = self
            .gateway
            .apply(loaded.config, PATIENCE)
            .map_err(|error| error.to_string())?;
        changes.extend(needs_restart(&self.started, &loaded.process));
        let mut redacted = lock(&self.redacted);
        *redacted = in_force(&redacted, loaded.redacted);
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
    pub(crate) fn redacted(&self) -> Value {
        lock(&self.redacted).clone()
    }

    /// Reloads whenever what the latest reading depended on has changed. What changes again within a quarter of a second is still
    /// being written. Never returns.
    pub(crate) async fn watch(self: Arc<Self>) {
        let mut pending: Option<Seen> = None;
        loop {
            tokio::time::sleep(LOOK).await;
            let this = Arc::clone(&self);
            // A file system that hangs holds up this task and nothing else.
            let look = tokio::task::spawn_blocking(move || this.change());
            let change = look.await.unwrap_or_default();
            if change.is_some() && change == pending {
                let this = Arc::clone(&self);
                let _panicked = tokio::task::spawn_blocking(move || this.reload_and_log()).await;
                pending = None;
            } else {
                pending = change;
            }
        }
    }

    /// What there is to see now, if it is not what was seen at the latest reading. Nothing while another process is taking over:
    /// it reads for itself.
    fn change(&self) -> Option<Seen> {
        let last = lock(&self.seen).clone();
        let now = last.again();
        (now != last && !self.gateway.is_leaving()).then_some(now)
    }
}

/// Nothing that these hold can be left half done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The new configuration, with what the process goes on with of the old one.
fn in_force(old: &Value, mut new: Value) -> Value {
    // The zone is part of how requests are balanced.
    let zone = new["gateway"]["zone"].take();
    for key in PROCESS {
        new[key] = old[key].clone();
    }
    new["gateway"]["zone"] = zone;
    new
}

/// What is different but holds only for a new process.
fn needs_restart(old: &Process, new: &Process) -> Vec<String> {
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
