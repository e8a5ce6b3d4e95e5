//! The shop as a program: its processes, and its commands that end.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use tenfold_sandbox::{Process, Sandbox, SandboxError};

use super::addresses::{Addresses, MOST_SHOPS};
use super::arguments::{Demo, Profile};
use super::stage::refused;
use crate::command::Refusal;

/// How long a process may take to be ready.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long it may take to finish what is under way: it takes 5 s for that itself.
const FAREWELL: Duration = Duration::from_secs(8);

/// The shop's executable.
#[derive(Clone, Debug)]
pub(super) struct Program(PathBuf);

/// What the shop says of its books.
#[derive(Clone, Debug)]
pub(crate) struct Books {
    /// Stock, orders, payments and events fit together.
    pub(crate) are_balanced: bool,
    /// All of what `shop check --json` prints.
    pub(crate) said: Value,
}

impl Program {
    /// What `--shop` says, else `shop` beside this program.
    pub(super) fn find(demo: &Demo) -> Result<Self, Refusal> {
        let own = std::env::current_exe().unwrap_or_default();
        let path = match &demo.shop {
            Some(path) => path.clone(),
            None => own.with_file_name("shop"),
        };
        // It is started from another folder.
        let found = path.canonicalize().ok().filter(|path| is_executable(path));
        found.map(Self).ok_or_else(|| {
            let what = format!(
                "the shop is not there, or may not be executed: {}",
                path.display()
            );
            let help =
                "build it (cargo build --release -p tenfold-shop), or say where it is: --shop FILE";
            Refusal::new(what, help)
        })
    }

    fn command(&self, name: &str, addresses: &Addresses) -> Command {
        let mut command = Command::new(&self.0);
        command.args([name, "--database", &addresses.database]);
        command
    }

    /// Makes the schema, products, customers and past orders.
    pub(super) fn seed(
        &self,
        sandbox: &Sandbox,
        addresses: &Addresses,
        demo: &Demo,
    ) -> Result<(), Refusal> {
        let mut command = self.command("seed", addresses);
        command.args(["--products", &demo.products.to_string()]);
        command.args(["--orders", &demo.orders.to_string()]);
        sandbox.run("shop-seed", command).map_err(refused)?;
        Ok(())
    }

    /// Makes the indexes of a profile, or drops them.
    fn migrate(
        &self,
        sandbox: &Sandbox,
        addresses: &Addresses,
        profile: Profile,
    ) -> Result<(), Refusal> {
        let mut command = self.command("migrate", addresses);
        command.args(["--profile", profile.name()]);
        sandbox.run("shop-migrate", command).map_err(refused)?;
        Ok(())
    }

    /// Has the books looked at: 0 they are balanced, 1 they are not, all else is a failure to look.
    pub(super) fn check(&self, sandbox: &Sandbox, addresses: &Addresses) -> Result<Books, Refusal> {
        let mut command = self.command("check", addresses);
        command.arg("--json");
        let checked = sandbox.complete("shop-check", command).map_err(refused)?;
        let are_balanced = match checked.status.code() {
            Some(0) => true,
            Some(1) => false,
            _ => {
                let (status, lines) = (checked.status, checked.last_lines);
                return Err(refused(SandboxError::Ended(
                    "shop-check".into(),
                    status,
                    lines,
                )));
            }
        };
        let said = serde_json::from_str(&checked.output).map_err(|error| {
            let what = format!("`shop check --json` does not print JSON: {error}");
            Refusal::new(what, "build the shop and this program from the same source")
        })?;
        Ok(Books { are_balanced, said })
    }

    fn serve(
        &self,
        sandbox: &Sandbox,
        addresses: &Addresses,
        profile: Profile,
        shop: usize,
    ) -> Result<Process, Refusal> {
        let mut command = self.command("serve", addresses);
        command.args(["--listen", &addresses.shops[shop].to_string()]);
        command.args(["--profile", profile.name()]);
        // The naive one says nothing that could be purged by, and knows of no gateway.
        if profile == Profile::Tuned {
            command.args(["--purge", &format!("http://{}", addresses.admin)]);
        }
        command.args(["--metrics", &addresses.metrics[shop].to_string()]);
        let token = format!("file:{}", addresses.admin_token_file.display());
        command.args(["--admin-token", &token]);
        let name = format!("shop-{}", shop + 1);
        sandbox.spawn(&name, command).map_err(refused)
    }
}

/// All processes of the shop.
pub(super) struct Shops {
    program: Program,
    profile: Profile,
    running: Vec<Running>,
    /// CPU time of those that have ended.
    cpu_before: Duration,
}

struct Running {
    process: Process,
    /// It was killed here, which is no failure.
    is_killed: bool,
}

impl Shops {
    pub(super) fn new(program: Program) -> Self {
        Self {
            program,
            profile: Profile::Naive,
            running: Vec::new(),
            cpu_before: Duration::ZERO,
        }
    }

    pub(super) fn program(&self) -> Program {
        self.program.clone()
    }

    pub(super) fn count(&self) -> usize {
        self.running.len()
    }

    pub(super) fn start(
        &mut self,
        sandbox: &Sandbox,
        addresses: &Addresses,
        profile: Profile,
        count: usize,
    ) -> Result<(), Refusal> {
        self.stop();
        self.profile = profile;
        self.program.migrate(sandbox, addresses, profile)?;
        for shop in 0..count.min(MOST_SHOPS) {
            let process = self.program.serve(sandbox, addresses, profile, shop)?;
            self.running.push(Running {
                process,
                is_killed: false,
            });
        }
        self.running
            .iter_mut()
            .try_for_each(Running::wait_until_ready)
    }

    pub(super) fn stop(&mut self) {
        for mut shop in self.running.drain(..) {
            shop.process.terminate(FAREWELL);
            self.cpu_before += shop.process.cpu();
        }
    }

    pub(super) fn kill(&mut self, shop: usize) {
        if let Some(shop) = self.running.get_mut(shop) {
            shop.is_killed = true;
            shop.process.kill();
        }
    }

    pub(super) fn freeze(&self, shop: usize) {
        if let Some(shop) = self.running.get(shop) {
            shop.process.freeze();
        }
    }

    pub(super) fn thaw(&self, shop: usize) {
        if let Some(shop) = self.running.get(shop) {
            shop.process.thaw();
        }
    }

    pub(super) fn restart(
        &mut self,
        sandbox: &Sandbox,
        addresses: &Addresses,
        shop: usize,
    ) -> Result<(), Refusal> {
        let Some(running) = self.running.get_mut(shop) else {
            return Ok(());
        };
        running.is_killed = true;
        running.process.terminate(FAREWELL);
        self.cpu_before += running.process.cpu();
        running.process = self.program.serve(sandbox, addresses, self.profile, shop)?;
        running.is_killed = false;
        running.wait_until_ready()
    }

    pub(super) fn cpu(&self) -> Duration {
        let running = self.running.iter().map(|shop| shop.process.cpu());
        self.cpu_before + running.sum::<Duration>()
    }

    pub(super) fn failure(&mut self) -> Option<SandboxError> {
        let mut shops = self.running.iter_mut().filter(|shop| !shop.is_killed);
        shops.find_map(|shop| shop.process.failure())
    }
}

impl Running {
    fn wait_until_ready(&mut self) -> Result<(), Refusal> {
        let ready = self.process.wait_for_line("listening on ", PATIENCE);
        ready.map(|_| ()).map_err(refused)
    }
}

fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;

    path.metadata()
        .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}
