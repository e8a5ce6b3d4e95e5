//! The program under test, as a process.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::{client, wait_until};

/// A running gateway; killed when dropped, with the processes that have taken over from it.
pub struct Gateway {
    child: Child,
    address: SocketAddr,
    admin: SocketAddr,
    log: Arc<Mutex<String>>,
}

/// Starts `binary run` with these arguments, on free ports unless they say otherwise.
///
/// # Panics
/// If it does not start, with what it said.
#[must_use]
pub fn start(binary: &str, arguments: &[&str]) -> Gateway {
    start_command(Command::new(binary), arguments)
}

/// Starts `binary run file`, with a configuration that says where it listens and where its admin side does.
///
/// # Panics
/// If it does not start, with what it said.
#[must_use]
pub fn start_file(binary: &str, file: &Path) -> Gateway {
    let mut command = Command::new(binary);
    command.arg("run").arg(file);
    launch(command)
}

/// The same from a prepared command, whose environment or wrapper may be special.
///
/// # Panics
/// If it does not start, with what it said.
#[must_use]
pub fn start_command(mut command: Command, arguments: &[&str]) -> Gateway {
    command.arg("run");
    for flag in ["--listen", "--admin"] {
        if !arguments.contains(&flag) {
            command.args([flag, "127.0.0.1:0"]);
        }
    }
    command.args(arguments);
    launch(command)
}

fn launch(mut command: Command) -> Gateway {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let mut child = command.spawn().expect("the binary can be started");
    let log = Arc::new(Mutex::new(String::new()));
    let output = child.stderr.take().expect("standard error is a pipe");
    let copy = Arc::clone(&log);
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            let mut log = copy.lock().unwrap_or_else(PoisonError::into_inner);
            log.push_str(&line);
            log.push('\n');
        }
    });
    let unknown = SocketAddr::from(([0, 0, 0, 0], 0));
    let mut gateway = Gateway {
        child,
        address: unknown,
        admin: unknown,
        log,
    };
    gateway.wait_for_log("stop        ");
    gateway.address = gateway.address_after("listening   http://");
    gateway.admin = gateway.address_after("metrics     http://");
    gateway
}

impl Gateway {
    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where its admin side listens.
    #[must_use]
    pub fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// Its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has written to standard error.
    #[must_use]
    pub fn log(&self) -> String {
        self.log
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Waits until the log contains a text.
    ///
    /// # Panics
    /// If it does not in time, or the process ends.
    pub fn wait_for_log(&mut self, text: &str) {
        let log = Arc::clone(&self.log);
        let log = move || log.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let child = &mut self.child;
        let is_said = || {
            let status = child.try_wait().expect("a child can be waited for");
            log().contains(text) || status.is_some()
        };
        wait_until(is_said, || {
            format!("no {text:?} from the gateway:\n{}", log())
        });
        // What a process wrote before it ended may still be in the pipe, which a successor keeps open.
        let grace = Instant::now() + Duration::from_secs(2);
        while !log().contains(text) && Instant::now() < grace {
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(
            log().contains(text),
            "the gateway ended without {text:?}:\n{}",
            log()
        );
    }

    fn address_after(&self, label: &str) -> SocketAddr {
        let log = self.log();
        let rest = log
            .split(label)
            .nth(1)
            .expect("the first lines name the address");
        let end = rest.find(['/', '\n', ' ']).unwrap_or(rest.len());
        rest[..end].trim().parse().expect("an address")
    }

    /// Where a listener of that name listens, if there are several.
    ///
    /// # Panics
    /// If the first lines do not name it.
    #[must_use]
    pub fn listener(&self, name: &str) -> SocketAddr {
        let admin = self.admin;
        let request = format!("GET /api/v1/status HTTP/1.1\r\nHost: {admin}\r\n\r\n");
        let mut status = client::ask(admin, request).text();
        status.retain(|letter| !letter.is_whitespace());
        let marker = format!("\"name\":\"{name}\",\"address\":\"");
        let rest = status
            .split(&marker)
            .nth(1)
            .expect("a listener of that name");
        let end = rest.find('"').expect("JSON");
        rest[..end].parse().expect("an address")
    }

    /// All its metrics.
    #[must_use]
    pub fn metrics(&self) -> String {
        // Without a token it answers to names of the loopback only.
        let request = format!("GET /metrics HTTP/1.1\r\nHost: {}\r\n\r\n", self.admin);
        client::ask(self.admin, request).text()
    }

    /// The sum of all series of a metric whose labels contain `labels`.
    #[must_use]
    pub fn metric(&self, name: &str, labels: &str) -> f64 {
        let metrics = self.metrics();
        let series = metrics.lines().filter(|line| {
            let rest = line.strip_prefix(name).unwrap_or("-");
            rest.starts_with(['{', ' ']) && rest.contains(labels)
        });
        series
            .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
            .sum()
    }

    /// Waits until a metric has a value.
    ///
    /// # Panics
    /// If it does not get it in time.
    pub fn wait_for_metric(&self, name: &str, labels: &str, wanted: f64) {
        let is_there = || (self.metric(name, labels) - wanted).abs() < 0.5;
        wait_until(is_there, || {
            format!(
                "{name}{{{labels}}} is {}, not {wanted}",
                self.metric(name, labels)
            )
        });
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        let _already_gone = pid.map(|pid| kill_process(pid, signal));
    }

    /// Waits until it ends.
    ///
    /// # Panics
    /// If it does not in time.
    pub fn wait(&mut self) -> ExitStatus {
        let mut ended = None;
        let (child, log) = (&mut self.child, &self.log);
        let is_over = || {
            ended = child.try_wait().expect("a child can be waited for");
            ended.is_some()
        };
        wait_until(is_over, || {
            let log = log.lock().unwrap_or_else(PoisonError::into_inner);
            format!("the gateway does not end:\n{log}")
        });
        ended.expect("it was waited for")
    }

    /// Its resident memory in KiB.
    ///
    /// # Panics
    /// If it has ended.
    #[must_use]
    pub fn resident_kib(&self) -> u64 {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(path).expect("the process lives");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line
            .and_then(|line| line.split_whitespace().next())
            .expect("VmRSS");
        number.parse().expect("a number")
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // Nobody else knows of them if a test fails.
        for successor in self.log().split("upgrade: process ").skip(1) {
            let number = successor.split(' ').next().and_then(|it| it.parse().ok());
            let process = number.and_then(Pid::from_raw);
            let _already_gone = process.map(|process| kill_process(process, Signal::KILL));
        }
        let _already_gone = self.child.kill();
        let _already_reaped = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- the gateway said ---\n{}", self.log());
        }
    }
}
