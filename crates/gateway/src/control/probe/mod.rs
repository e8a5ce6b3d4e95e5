//! Asking servers whether they are well.
//!
//! # The idea
//! One task per server that sleeps nearly always: a server that does not answer holds up its own task only, and its probes can
//! never pile up because the next one begins when the last one is over. Tasks begin at random moments and every pause is a little
//! longer or shorter, so that neither the servers behind one database nor this machine see a thousand probes at once.
//!
//! How many probes in a row make a server good or bad is not decided here, but where requests are counted too.

mod exchange;
mod result;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::AbortHandle;

use super::jitter::jittered;
use crate::config::upstream::{Address, Probe};
pub(crate) use result::ProbeResult;

/// The first probe comes at the latest after this time, however long the interval is: until then nothing is known.
const FIRST: Duration = Duration::from_secs(1);

/// A server that is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// What its results are told under. May change.
    pub(crate) index: usize,
    /// What it is known by: a target of the same name is the same server.
    pub(crate) name: String,
    /// Where it is. May change.
    pub(crate) address: Address,
}

/// What is called with an index, whether the server did well, and why.
type Tell = dyn Fn(usize, bool, ProbeResult) + Send + Sync;

/// Asks the servers of one upstream until it is dropped.
pub(crate) struct Probes {
    probe: Arc<Probe>,
    tell: Arc<Tell>,
    tasks: HashMap<String, Task>,
}

impl Probes {
    /// Begins. `tell` is called with the result of every probe: a target's index, whether it is good, and why.
    ///
    /// Must be called within a tokio runtime.
    pub(crate) fn start(
        probe: Probe,
        targets: Vec<Target>,
        tell: impl Fn(usize, bool, ProbeResult) + Send + Sync + 'static,
    ) -> Self {
        let mut probes = Self {
            probe: Arc::new(probe),
            tell: Arc::new(tell),
            tasks: HashMap::new(),
        };
        probes.update(targets);
        probes
    }

    /// Asks these servers from now on. Those that were asked before keep their rhythm, also when their index or address has
    /// changed; nothing is told of those that have left any more.
    pub(crate) fn update(&mut self, targets: Vec<Target>) {
        let mut before = std::mem::take(&mut self.tasks);
        for target in targets {
            let name = target.name.clone();
            let task = if let Some(task) = before.remove(&name) {
                *lock(&task.target) = target;
                task
            } else {
                let target = Arc::new(Mutex::new(target));
                let (probe, tell) = (Arc::clone(&self.probe), Arc::clone(&self.tell));
                let asking = tokio::spawn(ask(probe, Arc::clone(&target), tell));
                Task {
                    target,
                    asking: asking.abort_handle(),
                }
            };
            self.tasks.insert(name, task);
        }
    }
}

/// The task of one server; ends when this is dropped.
struct Task {
    target: Arc<Mutex<Target>>,
    asking: AbortHandle,
}

impl Drop for Task {
    fn drop(&mut self) {
        self.asking.abort();
    }
}

/// Nothing can panic while it is held.
fn lock(target: &Mutex<Target>) -> std::sync::MutexGuard<'_, Target> {
    target.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Asks one server again and again.
async fn ask(probe: Arc<Probe>, target: Arc<Mutex<Target>>, tell: Arc<Tell>) {
    let mut rng = fastrand::Rng::new();
    tokio::time::sleep(probe.every.min(FIRST).mul_f64(rng.f64())).await;
    let mut is_our_lack = false;
    loop {
        // Begins now, so that the time a probe takes is part of the interval and not added to it.
        let pause = tokio::time::sleep(jittered(probe.every, &mut rng));
        tokio::pin!(pause);
        let asked = lock(&target).clone();
        let answer = exchange::probe(&probe, &asked).await;
        let now = lock(&target).clone();
        match answer {
            // It was another server of the same name that answered.
            _ if now.address != asked.address => {}
            Ok(result) => {
                is_our_lack = false;
                tell(now.index, result == ProbeResult::Good, result);
            }
            // No server is to blame for that.
            Err(error) => {
                if !std::mem::replace(&mut is_our_lack, true) {
                    tracing::warn!(%error, endpoint = %now.name, "cannot probe for lack of descriptors or ports");
                }
            }
        }
        pause.await;
    }
}
