//! A private Postgres: a cluster of its own in a sandbox, from the programs that are installed, which nobody reaches by network.
//!
//! `postgres` is started directly, without `pg_ctl`, so that it is our child. It listens on a Unix socket in a folder of
//! its user alone: who can reach the socket is that user or root, so nobody is asked for a password (`trust`); network connections are
//! refused twice, by `listen_addresses` and by `pg_hba.conf`.

mod find;

use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use rustix::process::Signal;

use crate::janitor::EndBy;
use crate::process::Launch;
use crate::{Process, Sandbox, SandboxError};
use find::User;

/// The superuser of the cluster.
const SUPERUSER: &str = "postgres";
/// A part of the socket's name, and nothing else.
const PORT: &str = "5432";
/// How long it may take to start: recovery after a crash is a part of that.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long a stop may take: the last checkpoint writes everything.
const STOP_PATIENCE: Duration = Duration::from_secs(30);
/// What a URL's parameter may contain as it is: paths stay readable.
const IN_PARAMETER: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'_')
    .remove(b'.');

/// What a database's name in it may.
const IN_NAME: &AsciiSet = &IN_PARAMETER.add(b'/');

/// How a Postgres is to be.
#[derive(Clone, Debug)]
pub struct PostgresOptions {
    /// The folder of its programs. Without it, it is looked for.
    pub programs: Option<PathBuf>,
    /// Whether commits outlast a crash of the machine (`fsync`, `full_page_writes`), as a shop's do. A test does not need it. A crash
    /// of Postgres alone loses nothing either way.
    pub is_durable: bool,
    /// Most connections at a time.
    pub max_connections: u16,
    /// Memory for pages in MiB.
    pub shared_buffers_mib: u32,
    /// Further settings, as in `postgresql.conf`; they win.
    pub settings: Vec<(String, String)>,
}

impl Default for PostgresOptions {
    fn default() -> Self {
        Self {
            programs: None,
            is_durable: false,
            max_connections: 100,
            shared_buffers_mib: 64,
            settings: Vec::new(),
        }
    }
}

/// A running Postgres; stopped when dropped.
pub struct Postgres {
    process: Process,
    plan: Plan,
    /// CPU time of those that ended before this process.
    cpu_before: Duration,
}

/// All that is needed to start it again.
struct Plan {
    name: String,
    programs: PathBuf,
    user: Option<User>,
    data: PathBuf,
    sockets: PathBuf,
    options: PostgresOptions,
}

impl Postgres {
    /// A new cluster with nothing in it, in a folder `postgres` of the sandbox; waits until it takes connections.
    ///
    /// # Errors
    /// If Postgres is not installed, nobody may run it, or it does not start: with its last lines.
    pub fn start(sandbox: &Sandbox, options: &PostgresOptions) -> Result<Self, SandboxError> {
        Self::start_named(sandbox, "postgres", options)
    }

    /// The same under another name, for several in a sandbox.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn start_named(
        sandbox: &Sandbox,
        name: &str,
        options: &PostgresOptions,
    ) -> Result<Self, SandboxError> {
        let programs = find::programs(options.programs.as_deref())?;
        let user = find::user()?;
        let data = sandbox.make(name)?;
        let sockets = sandbox.folder_for_socket(&format!("{name}-socket"))?;
        if let Some(user) = &user {
            for folder in [&data, &sockets] {
                let given = chown(folder, Some(user.id), Some(user.group));
                given.map_err(|error| SandboxError::folder(folder, error))?;
                if !user.reaches(folder) {
                    return Err(SandboxError::Unreachable(user.name.clone(), folder.clone()));
                }
            }
        }
        let plan = Plan {
            name: name.to_owned(),
            programs,
            user,
            data,
            sockets,
            options: options.clone(),
        };
        sandbox.run(&format!("{name}-initdb"), plan.initdb())?;
        let process = plan.start(sandbox)?;
        Ok(Self {
            process,
            plan,
            cpu_before: Duration::ZERO,
        })
    }

    /// Where a database is, for `tokio_postgres`, `psql` and everything else that takes libpq's URLs.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        let sockets = self.plan.sockets.to_string_lossy();
        format!(
            "postgresql:///{}?host={}&port={PORT}&user={SUPERUSER}",
            utf8_percent_encode(database, IN_NAME),
            utf8_percent_encode(&sockets, IN_PARAMETER),
        )
    }

    /// Makes a database with nothing in it.
    ///
    /// # Errors
    /// If there is one of that name.
    pub fn create_database(&self, name: &str) -> Result<(), SandboxError> {
        let quoted = name.replace('"', "\"\"");
        self.query("postgres", &format!("CREATE DATABASE \"{quoted}\""))
            .map(|_| ())
    }

    /// Runs commands of SQL by `psql`: a row is a line, fields are separated by `|`.
    ///
    /// # Errors
    /// What Postgres says.
    pub fn query(&self, database: &str, sql: &str) -> Result<String, SandboxError> {
        let program = self.plan.programs.join("psql");
        let mut command = Command::new(&program);
        // Nobody's habits, and no variables (PGOPTIONS …) but what is said here.
        let variables = std::env::vars_os().map(|(name, _)| name);
        for name in variables.filter(|name| name.as_encoded_bytes().starts_with(b"PG")) {
            command.env_remove(name);
        }
        let output = command
            .args(["-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-c", sql])
            .arg("-d")
            .arg(self.url(database))
            .output()
            .map_err(|error| SandboxError::Start(program.display().to_string(), error))?;
        match output.status.success() {
            true => Ok(String::from_utf8_lossy(&output.stdout)
                .trim_end()
                .to_owned()),
            false => {
                let said = String::from_utf8_lossy(&output.stderr);
                Err(SandboxError::Sql(said.trim().to_owned()))
            }
        }
    }

    /// The folder of its socket: `PGHOST`.
    #[must_use]
    pub fn socket_folder(&self) -> &Path {
        &self.plan.sockets
    }

    /// The folder of its programs: `psql`, `pgbench` and others.
    #[must_use]
    pub fn programs(&self) -> &Path {
        &self.plan.programs
    }

    /// Its first process: whether it runs, its log, what it says.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// CPU time of all its processes so far, also of those before a restart.
    #[must_use]
    pub fn cpu(&self) -> Duration {
        self.cpu_before + self.process.cpu()
    }

    /// Makes all its processes stand still, connections open.
    pub fn freeze(&self) {
        self.process.freeze();
    }

    /// Ends that.
    pub fn thaw(&self) {
        self.process.thaw();
    }

    /// Kills all its processes, as a crash does. What was committed is there after a [`restart`](Self::restart).
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Stops it in order: connections are cut, transactions rolled back, everything is written.
    pub fn stop(&mut self) {
        self.process.end(Signal::INT, STOP_PATIENCE);
    }

    /// Starts it again, with the same URL; stops it before if it runs.
    ///
    /// # Errors
    /// If it does not start: with its last lines.
    pub fn restart(&mut self, sandbox: &Sandbox) -> Result<(), SandboxError> {
        self.stop();
        let process = self.plan.start(sandbox)?;
        self.cpu_before += self.process.cpu();
        self.process = process;
        Ok(())
    }
}

impl Plan {
    fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.programs.join(name));
        // Messages in English, which is what help is looked for with; times as in all our logs.
        command.env("LC_ALL", "C").env("TZ", "UTC");
        command.current_dir(&self.data);
        if let Some(user) = &self.user {
            user.runs(&mut command);
        }
        command
    }

    fn initdb(&self) -> Command {
        let mut command = self.program("initdb");
        command.arg("--pgdata").arg(&self.data);
        command.args(["--username", SUPERUSER, "--encoding=UTF8"]);
        // The one locale that is everywhere: the same order of texts on every machine.
        command.arg("--locale=C");
        command.args(["--auth-local=trust", "--auth-host=reject"]);
        // What a crash of the machine would lose is a folder of temporary files.
        command.arg("--no-sync");
        // What fills the disk stays there, so that it can be seen to be full; the folder goes anyway.
        command.arg("--no-clean");
        command
    }

    fn start(&self, sandbox: &Sandbox) -> Result<Process, SandboxError> {
        let mut command = self.program("postgres");
        command
            .arg("-D")
            .arg(&self.data)
            .arg("-k")
            .arg(&self.sockets);
        for (name, value) in self.settings() {
            command.arg("-c").arg(format!("{name}={value}"));
        }
        let mut process = sandbox.launch(Launch {
            name: &self.name,
            command,
            end_by: EndBy::Quit,
            output: None,
        })?;
        self.wait_until_ready(&mut process)?;
        Ok(process)
    }

    fn settings(&self) -> Vec<(String, String)> {
        let options = &self.options;
        let durable = if options.is_durable { "on" } else { "off" };
        let own = [
            ("listen_addresses", ""),
            ("port", PORT),
            ("unix_socket_permissions", "0700"),
            // Into files of the folder, so that nothing stays in /dev/shm after a crash.
            ("dynamic_shared_memory_type", "mmap"),
            ("logging_collector", "off"),
            ("log_timezone", "UTC"),
            ("timezone", "UTC"),
            // Compiling costs more than it gains for queries of milliseconds.
            ("jit", "off"),
            ("fsync", durable),
            ("full_page_writes", durable),
        ];
        let own = own.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let mut all = own.to_vec();
        all.push((
            "max_connections".into(),
            options.max_connections.to_string(),
        ));
        all.push((
            "shared_buffers".into(),
            format!("{}MB", options.shared_buffers_mib),
        ));
        all.extend(options.settings.iter().cloned());
        all
    }

    /// As `pg_ctl` does: line 8 of `postmaster.pid` says how far it is (`LOCK_FILE_LINE_PM_STATUS`, since Postgres 10), the first
    /// one of which process.
    fn wait_until_ready(&self, process: &mut Process) -> Result<(), SandboxError> {
        let deadline = Instant::now() + PATIENCE;
        let own = process.pid().to_string();
        let is_ready = |text: &str| {
            let mut lines = text.lines();
            lines.next() == Some(&own) && lines.nth(6).is_some_and(|line| line.trim() == "ready")
        };
        let file = self.data.join("postmaster.pid");
        loop {
            if let Some(failure) = process.failure() {
                return Err(failure);
            }
            if is_ready(&std::fs::read_to_string(&file).unwrap_or_default()) {
                return Ok(());
            }
            if Instant::now() >= deadline {
                let lines = process.last_lines();
                return Err(SandboxError::Slow(self.name.clone(), PATIENCE, lines));
            }
            sleep(Duration::from_millis(10));
        }
    }
}
