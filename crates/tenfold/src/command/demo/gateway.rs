//! The gateway of the rehearsal: this very program, with one of two files.

use std::process::{Command, ExitStatus};
use std::time::Duration;

use tenfold_sandbox::{Process, Sandbox, SandboxError};

use super::addresses::Addresses;
use super::stage::refused;
use crate::command::Refusal;

/// How long the gateway may take to be ready.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long it may take to finish what is under way: longer than its own `drain_timeout`, which is in the files.
const FAREWELL: Duration = Duration::from_secs(8);

/// What the gateway is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GatewayFile {
    /// For a shop of which nothing was changed.
    Alone,
    /// For a shop that says itself what may be kept, and purges it.
    Tuned,
}

impl GatewayFile {
    /// The file, with names in place of addresses.
    fn template(self) -> &'static str {
        match self {
            Self::Alone => include_str!("files/alone.toml"),
            Self::Tuned => include_str!("files/tuned.toml"),
        }
    }

    /// The file for these addresses and the first so many shops.
    pub(crate) fn text(self, addresses: &Addresses, shops: usize) -> String {
        let shops = &addresses.shops[..shops.min(addresses.shops.len())];
        let servers: Vec<String> = shops.iter().map(|shop| format!("\"{shop}\"")).collect();
        self.template()
            .replace("\"LISTEN\"", &format!("\"{}\"", addresses.gateway))
            .replace("\"ADMIN\"", &format!("\"{}\"", addresses.admin))
            .replace("\"SHOPS\"", &servers.join(", "))
    }
}

/// A running gateway.
pub(super) struct Gateway {
    process: Process,
}

pub(super) fn start(
    sandbox: &Sandbox,
    addresses: &Addresses,
    file: GatewayFile,
    shops: usize,
) -> Result<Gateway, Refusal> {
    let path = &addresses.gateway_file;
    let written = std::fs::write(path, file.text(addresses, shops));
    written.map_err(|error| {
        let what = format!("cannot write {}: {error}", path.display());
        Refusal::new(what, "give a folder on a larger disk (--dir), or make room")
    })?;
    let own = std::env::current_exe().map_err(|error| {
        let what = format!("cannot find this program's own file: {error}");
        Refusal::new(what, "it needs /proc; start it by its path")
    })?;
    let mut command = Command::new(own);
    command.arg("run").arg(path).env_remove("TENFOLD_TAKE_OVER");
    let mut process = sandbox.spawn("gateway", command).map_err(refused)?;
    // The last line of what it says when it is ready.
    let ready = process.wait_for_line("  stop ", PATIENCE);
    ready.map_err(refused)?;
    Ok(Gateway { process })
}

impl Gateway {
    pub(super) fn stop(&mut self) -> Option<ExitStatus> {
        self.process.terminate(FAREWELL)
    }

    pub(super) fn cpu(&self) -> Duration {
        self.process.cpu()
    }

    pub(super) fn failure(&mut self) -> Option<SandboxError> {
        self.process.failure()
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::path::{Path, PathBuf};

    use super::*;
    use crate::config;

    fn addresses() -> Addresses {
        let local = |port: u16| SocketAddr::from(([127, 0, 0, 1], port));
        Addresses {
            gateway: local(8080),
            admin: local(9900),
            shops: (3001..=3008).map(local).collect(),
            metrics: (4001..=4008).map(local).collect(),
            database: "postgresql:///shop".into(),
            admin_token: String::new(),
            admin_token_file: PathBuf::new(),
            gateway_file: PathBuf::new(),
            folder: PathBuf::new(),
        }
    }

    #[test]
    fn the_files_are_right_and_have_their_usual_form() {
        for file in [GatewayFile::Alone, GatewayFile::Tuned] {
            let text = file.text(&addresses(), 3);
            let loaded = config::load_text("gateway.toml", text.as_bytes());
            let loaded = loaded.unwrap_or_else(|errors| panic!("{file:?}: {errors}"));
            assert_eq!(loaded.warnings.len(), 0, "{file:?}: {}", loaded.warnings);
            let usual = config::format_text(Path::new("gateway.toml"), text.as_bytes());
            assert_eq!(usual.expect("it is right"), text, "{file:?}");
            assert!(
                loaded
                    .config
                    .upstreams
                    .iter()
                    .all(|upstream| upstream.servers.len() == 3)
            );
        }
    }

    #[test]
    fn an_order_is_never_given_up_for_a_page() {
        use tenfold_traffic::resilience::priority::Priority;

        for file in [GatewayFile::Alone, GatewayFile::Tuned] {
            let text = file.text(&addresses(), 1);
            let loaded = config::load_text("gateway.toml", text.as_bytes()).expect("right");
            for route in &loaded.config.routes {
                let is_critical = route.priority == Priority::Critical;
                assert_eq!(
                    is_critical,
                    route.name == "checkout",
                    "{file:?}: {}",
                    route.name
                );
                assert!(
                    !is_critical || route.cache.is_none(),
                    "{file:?}: {}",
                    route.name
                );
            }
        }
    }
}
