//! Telling systemd how the service is (sd_notify(3)), if it asks.

use std::os::unix::net::UnixDatagram;

/// Says something, for example `READY=1`. Without a `NOTIFY_SOCKET` nobody wants to know.
pub(crate) fn notify(state: &str) {
    let Some(path) = std::env::var_os("NOTIFY_SOCKET") else {
        return;
    };
    // Sockets without a name in the file system (beginning with @) are not used by systemd's services today.
    let sent = UnixDatagram::unbound().and_then(|socket| socket.send_to(state.as_bytes(), path));
    if let Err(error) = sent {
        tracing::debug!(%error, "systemd cannot be told {state}");
    }
}

/// This process serves, and is the main one of the service.
pub(crate) fn serving() {
    notify(&format!("READY=1\nMAINPID={}", std::process::id()));
}
