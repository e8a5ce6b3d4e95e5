//! From what was written to what is meant.

pub(crate) mod arguments;
pub(crate) mod secret;
pub(crate) mod value;

use std::net::SocketAddr;
use std::time::Duration;

use tenfold_observe::lines;

use secret::Secret;

/// Interim.
#[derive(Clone, Debug)]
pub(crate) struct Loaded {
    pub(crate) config: tenfold_gateway::config::Config,
    pub(crate) process: Process,
    pub(crate) warnings: Diagnostics,
    pub(crate) files: Vec<std::path::PathBuf>,
    pub(crate) redacted: serde_json::Value,
}
#[derive(Clone, Debug, Default)]
pub(crate) struct Diagnostics;
impl Diagnostics {
    pub(crate) fn lines(&self) -> Vec<String> {
        vec![]
    }
}
impl std::fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("")
    }
}
pub(crate) fn load(_p: &std::path::Path) -> Result<Loaded, Diagnostics> {
    Err(Diagnostics)
}
impl Default for Process {
    fn default() -> Self {
        Self {
            workers: None,
            access_log: None,
            drain_timeout: tenfold_gateway::DRAIN_TIMEOUT,
            max_connections: None,
            watch: false,
            admin: SocketAddr::from(([127, 0, 0, 1], 9900)),
            admin_token: None,
        }
    }
}

/// What holds for the process as a whole.
#[derive(Clone, Debug)]
pub(crate) struct Process {
    pub(crate) workers: Option<usize>,
    pub(crate) max_connections: Option<usize>,
    pub(crate) access_log: Option<lines::Target>,
    pub(crate) drain_timeout: Duration,
    pub(crate) watch: bool,
    pub(crate) admin: SocketAddr,
    pub(crate) admin_token: Option<Secret>,
}
