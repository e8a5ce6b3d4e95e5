//! Ctrl-C at any moment.
//!
//! Whatever is being done then (initdb, filling the shop, a rehearsal) is not asked to stop step by step: a thread that waits for signals
//! has the sandbox closed, which ends all processes and removes the folder, and ends this process.

use std::io::Write;
use std::process::exit;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use tenfold_sandbox::{Closer, Sandbox, SandboxError};
use tokio::runtime::Builder;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::stage::lock;
use crate::command::Refusal;

/// 128 and the number of SIGINT, as shells say it.
const CODE: i32 = 130;

/// What is done at a signal to end.
#[derive(Clone, Default)]
pub(crate) struct Interrupt(Arc<State>);

#[derive(Default)]
struct State {
    closer: Mutex<Option<Closer>>,
    has_come: AtomicBool,
}

impl Interrupt {
    /// Waits for SIGINT, SIGTERM and SIGHUP from now on.
    pub(crate) fn watch() -> Result<Self, Refusal> {
        let interrupt = Self::default();
        let other = interrupt.clone();
        let (tell, told) = mpsc::channel();
        let failed = |error: &dyn std::fmt::Display| {
            let help = "raise the limits of this process (ulimit -a)";
            Refusal::new(format!("cannot wait for signals: {error}"), help)
        };
        let run = move || {
            let runtime = Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let mut signals = Signals::new()?;
                let _somebody_listens = tell.send(());
                signals.next().await;
                other.end();
            })
        };
        let _: thread::JoinHandle<std::io::Result<()>> = thread::Builder::new()
            .name("signals".into())
            .spawn(run)
            .map_err(|error| failed(&error))?;
        told.recv().map_err(|error| failed(&error))?;
        Ok(interrupt)
    }

    /// Makes what is closed then. A signal that comes meanwhile waits until it is made.
    pub(super) fn sandbox(
        &self,
        make: impl FnOnce() -> Result<Sandbox, SandboxError>,
    ) -> Result<Sandbox, SandboxError> {
        let mut closer = lock(&self.0.closer);
        let sandbox = make()?;
        *closer = Some(sandbox.closer());
        Ok(sandbox)
    }

    fn end(&self) -> ! {
        self.0.has_come.store(true, SeqCst);
        say("\nstopping everything …\n");
        // The lock is kept: one that is not made by now will not be.
        let closer = lock(&self.0.closer);
        if let Some(closer) = closer.as_ref() {
            closer.close();
        }
        say("stopped; nothing is left\n");
        exit(CODE)
    }

    /// If a signal has come, waits for the end: what went wrong meanwhile went wrong because of it, and is not worth a word.
    pub(crate) fn end_if_it_has_come(&self) {
        // A part that was hit by the same signal (a group of processes) is seen to be gone before the signal is.
        thread::sleep(Duration::from_millis(50));
        while self.0.has_come.load(SeqCst) {
            thread::park();
        }
    }
}

struct Signals([Signal; 3]);

impl Signals {
    fn new() -> std::io::Result<Self> {
        let on = |kind| signal(kind);
        Ok(Self([
            on(SignalKind::interrupt())?,
            on(SignalKind::terminate())?,
            on(SignalKind::hangup())?,
        ]))
    }

    async fn next(&mut self) {
        let Self([interrupt, terminate, hang_up]) = self;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hang_up.recv() => {}
        }
    }
}

/// To whoever is still there: after SIGHUP that may be nobody.
fn say(text: &str) {
    let _gone = std::io::stderr().write_all(text.as_bytes());
}
