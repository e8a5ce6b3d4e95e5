//! Being told to end.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Is told once, and heard by everybody who has it.
#[derive(Clone, Debug)]
pub(crate) struct Ending(watch::Receiver<bool>);

impl Ending {
    /// Listens for SIGTERM and SIGINT (Ctrl-C). Needs a runtime.
    ///
    /// # Errors
    /// When that is not possible.
    pub(crate) fn listen() -> Result<Self, String> {
        let listen =
            |kind| signal(kind).map_err(|error| format!("cannot listen for signals: {error}"));
        let mut term = listen(SignalKind::terminate())?;
        let mut interrupt = listen(SignalKind::interrupt())?;
        let (tell, told) = watch::channel(false);
        tokio::spawn(async move {
            tokio::select! {
                _ = term.recv() => {}
                _ = interrupt.recv() => {}
            }
            tell.send_replace(true);
        });
        Ok(Self(told))
    }

    /// Waits until the process is told.
    pub(crate) async fn told(mut self) {
        // An error means that nobody can tell any more: over, too.
        let _over = self.0.wait_for(|is_over| *is_over).await;
    }
}
