//! Nothing is left behind, however it ends.

mod common;

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use common::{Holder, PATIENCE, is_gone, runs, wait_until};
use tenfold_sandbox::{Sandbox, SandboxError};

/// A program that runs until it is ended.
fn sleeper() -> Command {
    shell("echo ready; exec sleep 1000")
}

fn shell(script: &str) -> Command {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", script]);
    command
}

#[test]
fn dropped() {
    let sandbox = Sandbox::new().expect("a sandbox");
    let folder = sandbox.path().to_owned();
    let mut first = sandbox.spawn("first", sleeper()).expect("started");
    let second = sandbox.spawn("second", sleeper()).expect("started");
    first.wait_for_line("ready", PATIENCE).expect("it says so");
    let (one, two) = (first.pid(), second.pid());
    drop(first);
    assert!(is_gone(one) && runs(two) && folder.is_dir());
    // The folder goes before its processes are dropped.
    drop(sandbox);
    assert!(!runs(two) && !folder.exists());
    drop(second);
    assert!(is_gone(two));
}

#[test]
fn what_does_not_end_when_asked_is_killed() {
    let sandbox = Sandbox::new().expect("a sandbox");
    let stubborn = shell("trap '' TERM; echo ready; while :; do sleep 0.1; done");
    let mut process = sandbox.spawn("stubborn", stubborn).expect("started");
    process
        .wait_for_line("ready", PATIENCE)
        .expect("it says so");
    let status = process
        .terminate(Duration::from_millis(300))
        .expect("it has ended");
    assert!(!status.success() && is_gone(process.pid()));
}

#[test]
fn what_stands_still_is_ended() {
    let sandbox = Sandbox::new().expect("a sandbox");
    let mut process = sandbox.spawn("frozen", sleeper()).expect("started");
    process
        .wait_for_line("ready", PATIENCE)
        .expect("it says so");
    process.freeze();
    wait_until("it stands still", || {
        common::state(process.pid()) == Some('T')
    });
    assert!(process.is_alive());
    process.thaw();
    wait_until("it goes on", || common::state(process.pid()) == Some('S'));
    process.freeze();
    drop(sandbox);
    assert!(!runs(process.pid()));
}

#[test]
fn an_end_and_its_last_words() {
    let sandbox = Sandbox::new().expect("a sandbox");
    let script = "for i in $(seq 100); do echo line $i; done; echo the reason >&2; exit 3";
    let mut process = sandbox.spawn("failing", shell(script)).expect("started");
    let error = process
        .wait_for_line("never", PATIENCE)
        .expect_err("it ends");
    let text = error.to_string();
    assert!(text.contains("failing ended (exit status: 3)"), "{text}");
    assert!(
        text.contains("| the reason") && !text.contains("line 50\n"),
        "{text}"
    );
    let error = sandbox
        .run("again", shell("echo no >&2; exit 1"))
        .expect_err("it fails");
    assert!(error.to_string().contains("| no"), "{error}");
    let full = shell("echo 'write: No space left on device' >&2; exit 1");
    let error = sandbox.run("full", full).expect_err("it fails");
    assert!(matches!(error, SandboxError::Full(..)), "{error}");
    assert!(error.to_string().contains("TMPDIR"), "{error}");
    let error = sandbox.spawn("missing", Command::new("/no/such/program"));
    assert!(matches!(error, Err(SandboxError::Start(..))));
    let done = sandbox
        .run("done", shell("echo result; echo noise >&2"))
        .expect("it succeeds");
    assert_eq!(
        (done.output.as_str(), done.last_lines.as_str()),
        ("result\n", "noise")
    );
}

#[test]
fn cpu_time_counts_children_and_outlasts_the_end() {
    let sandbox = Sandbox::new().expect("a sandbox");
    let busy = "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done";
    let script = format!("sh -c '{busy}'; echo ready; exec sleep 1000");
    let mut process = sandbox.spawn("busy", shell(&script)).expect("started");
    process
        .wait_for_line("ready", PATIENCE)
        .expect("it says so");
    let used = process.cpu();
    assert!(used > Duration::ZERO);
    process.kill();
    assert!(process.cpu() >= used);
}

#[test]
fn closed() {
    let sandbox = Sandbox::new().expect("a sandbox");
    let mut process = sandbox.spawn("first", sleeper()).expect("started");
    let closer = sandbox.closer();
    std::thread::spawn(move || closer.close())
        .join()
        .expect("no panic");
    assert!(!sandbox.path().exists());
    assert!(process.wait(PATIENCE).is_some());
    assert!(matches!(
        sandbox.spawn("second", sleeper()),
        Err(SandboxError::Folder(..) | SandboxError::Closed)
    ));
}

/// The janitors of this process: their command lines say so.
fn janitors() -> Vec<u32> {
    let own = std::process::id();
    let all = std::fs::read_dir("/proc").expect("Linux").flatten();
    let all = all.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let is_one = |pid: &u32| {
        let line = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        line.contains("sandbox-janitor") && common::parent(*pid) == Some(own)
    };
    all.filter(is_one).collect()
}

/// In a process of its own, since the janitors of other tests would be hit.
#[test]
fn another_janitor_takes_over() {
    let own = std::env::current_exe().expect("this binary");
    let arguments = ["--exact", "a_janitor_is_ended", "--ignored"];
    let ended = Command::new(own)
        .args(arguments)
        .output()
        .expect("it starts");
    assert!(
        ended.status.success(),
        "{}",
        String::from_utf8_lossy(&ended.stdout)
    );
}

/// What [`another_janitor_takes_over`] starts.
#[test]
#[ignore = "other tests run it"]
fn a_janitor_is_ended() {
    let end = || {
        for janitor in janitors() {
            let kill = format!("kill -9 {janitor}");
            assert!(shell(&kill).status().expect("it starts").success());
            wait_until("the janitor is gone", || !runs(janitor));
        }
    };
    for is_mended in [true, false] {
        let sandbox = Sandbox::new().expect("a sandbox");
        let folder = sandbox.path().to_owned();
        let first = sandbox.spawn("first", sleeper()).expect("started");
        end();
        if is_mended {
            sandbox.mend().expect("another one takes over");
            // Until it has become what it is going to be it has another name.
            wait_until("there is a janitor", || janitors().len() == 1);
        }
        // It is noticed when it is told something, or else at the end.
        let second = sandbox.spawn("second", sleeper()).expect("started");
        if !is_mended {
            end();
        }
        sandbox.close();
        assert!(!runs(first.pid()) && !runs(second.pid()) && !folder.exists());
    }
}

#[test]
fn a_folder_that_cannot_be_written() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let error = Sandbox::within(&folder.path().join("none"))
        .err()
        .expect("there is none");
    assert!(error.to_string().contains("--dir"), "{error}");
    std::fs::write(folder.path().join("file"), "").expect("written");
    assert!(Sandbox::within(&folder.path().join("file")).is_err());
    // Where spaces are allowed they are kept.
    let odd = folder.path().join(" a 'b\" $c * ");
    std::fs::create_dir(&odd).expect("made");
    let sandbox = Sandbox::within(&odd).expect("a sandbox");
    sandbox.run("pwd", shell("true")).expect("it runs there");
    assert_eq!(
        sandbox.path().parent(),
        Some(odd.canonicalize().expect("there").as_path())
    );
    drop(sandbox);
    assert_eq!(std::fs::read_dir(&odd).expect("there").count(), 0);
}

#[test]
fn killed() {
    let mut holder = Holder::start(&["stray"]);
    let all = holder.processes();
    assert_eq!(all.len(), 3);
    assert!(all.iter().all(|pid| runs(*pid)));
    let folder = holder.folder();
    holder.kill();
    wait_until("the folder is removed", || !Path::new(&folder).exists());
    assert!(all.iter().all(|pid| is_gone(*pid)), "{all:?}");
}

/// What [`killed`] starts and kills: a process of its own with a sandbox. It does nothing by itself.
#[test]
#[ignore = "other tests run it"]
fn holder() {
    let sandbox = Sandbox::new().expect("a sandbox");
    let first = sandbox.spawn("first", sleeper()).expect("started");
    // A group of its own and no parent that knows it: as a daemon.
    let script = "setsid sh -c 'echo $$ >inner; exec sleep 1000' & sleep 1000";
    let second = sandbox.spawn("second", shell(script)).expect("started");
    let inner = sandbox.path().join("inner");
    let read = || std::fs::read_to_string(&inner).unwrap_or_default();
    wait_until("it has written", || read().ends_with('\n'));
    second.freeze();
    common::hold(
        sandbox.path(),
        &[
            first.pid(),
            second.pid(),
            read().trim().parse().expect("a number"),
        ],
    );
}
