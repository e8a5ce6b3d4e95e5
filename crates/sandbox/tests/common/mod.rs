//! Processes that are looked at from outside, and one that is killed.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// For what should happen soon: long, for loaded machines.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "in vain: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The letter of its state; none if there is no such process.
pub(crate) fn state(pid: u32) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}

/// Its parent.
pub(crate) fn parent(pid: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()
}

/// Whether it runs; one that nobody has waited for yet does not.
pub(crate) fn runs(pid: u32) -> bool {
    state(pid).is_some_and(|state| !matches!(state, 'Z' | 'X'))
}

/// Whether nothing of it is left. (Where the first process of a container does not wait for orphans, they remain as zombies.)
pub(crate) fn is_gone(pid: u32) -> bool {
    !runs(pid)
}

/// A process that runs the test `holder` of this binary.
pub(crate) struct Holder {
    child: Child,
    words: Vec<String>,
}

impl Holder {
    /// Waits until it holds what it should.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let own = std::env::current_exe().expect("this binary");
        let mut child = Command::new(own)
            .args(["--exact", "holder", "--ignored", "--nocapture"])
            .env("HOLDER", arguments.join(" "))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let output = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut lines = output.lines().map_while(Result::ok);
        // The harness may have written the test's name before it.
        let line = lines.find_map(|line| Some(line.split_once("holding ")?.1.to_owned()));
        let words = line
            .expect("it says what it holds")
            .split(' ')
            .map(str::to_owned)
            .collect();
        Self { child, words }
    }

    pub(crate) fn folder(&self) -> String {
        self.words[0].clone()
    }

    pub(crate) fn processes(&self) -> Vec<u32> {
        let rest = self.words[1..].iter();
        rest.map(|word| word.parse().expect("a number")).collect()
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it can be waited for");
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        let _already_gone = self.child.kill();
        let _already_reaped = self.child.wait();
    }
}

/// In the holder: says what there is, and waits to be killed.
pub(crate) fn hold(folder: &Path, processes: &[u32]) {
    let list: Vec<String> = processes.iter().map(u32::to_string).collect();
    let line = format!("holding {} {}\n", folder.display(), list.join(" "));
    std::io::stdout()
        .write_all(line.as_bytes())
        .expect("somebody reads it");
    std::thread::sleep(Duration::from_secs(600));
}
