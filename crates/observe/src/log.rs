//! The program's own log, for its operator: few lines, on standard error.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// The resolver warns of every datagram that is malformed or does not fit, which anybody can send; what matters of a look-up we
/// say ourselves.
const DEFAULT: &str = "info,hickory_net=error,hickory_proto=error,hickory_resolver=error";

/// The environment variable that sets the level: `error`, `warn`, `info` (the default), `debug`.
pub const LEVEL_VARIABLE: &str = "TENFOLD_LOG";

/// Starts logging to standard error, in colour on a terminal unless `NO_COLOR` is set. A second call does nothing.
pub fn start() {
    let filter =
        EnvFilter::try_from_env(LEVEL_VARIABLE).unwrap_or_else(|_| EnvFilter::new(DEFAULT));
    let is_coloured = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let _already_started = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(is_coloured)
        .with_target(false)
        .try_init();
}
