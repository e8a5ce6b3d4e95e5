//! `tenfold load` as a process: what it does, what it says, and the code that it ends with.
//!
//! Whether the generator was fast enough on a machine that does other things is nothing to fail for. So exit codes are looked at in the
//! closed model, after a warm-up: nothing is on time or late there.

mod knee;
mod mistakes;
mod outputs;
mod protocols;
mod scenario;
mod shards;
mod signals;

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;
use tenfold_testkit::origin::{Origin, ok};

use super::BINARY;

/// Thirty requests in a moment: too few for what makes a run invalid on a busy machine, but for bad luck.
const SHORT: &[&str] = &["--rate", "100", "--warmup", "100ms", "--duration", "300ms"];

/// A folder in which the command runs.
struct Folder(tempfile::TempDir);

/// What became of a command.
struct Ran {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("written");
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).expect("it was written")
    }

    fn json(&self, name: &str) -> Value {
        serde_json::from_str(&self.read(name)).expect("JSON")
    }

    /// `tenfold` with these arguments, not started yet.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(BINARY);
        command
            .args(arguments)
            .current_dir(self.0.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn tenfold(&self, arguments: &[&str]) -> Ran {
        let output = self.command(arguments).output();
        Ran::of(output.expect("the binary can be started"))
    }

    fn load(&self, arguments: &[&str]) -> Ran {
        self.tenfold(&[&["load"], arguments].concat())
    }

    /// A short test of a URL, once more if other tests left this machine no time for it.
    fn short(&self, url: &str, arguments: &[&str]) -> Ran {
        let once = || self.load(&[&[url], SHORT, arguments].concat());
        let mut ran = once();
        for _ in 0..4 {
            if !ran.out.contains("INVALID") {
                break;
            }
            ran = once();
        }
        ran
    }
}

impl Ran {
    fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        let ran = Self {
            code: output.status.code(),
            out: text(output.stdout),
            err: text(output.stderr),
        };
        assert!(!ran.err.contains("panicked"), "{}", ran.err);
        ran
    }

    /// Looks at the code.
    fn ended(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}{}", self.out, self.err);
        self
    }

    /// Refused: code 2, and all of this on standard error, which ends with what to do.
    fn refused(&self, parts: &[&str]) {
        assert_eq!(self.code, Some(2), "{}{}", self.out, self.err);
        assert!(self.err.starts_with("error: "), "{}", self.err);
        for part in parts {
            assert!(self.err.contains(part), "`{part}` is not in: {}", self.err);
        }
    }

    fn shows(&self, parts: &[&str]) {
        for part in parts {
            assert!(self.out.contains(part), "`{part}` is not in: {}", self.out);
        }
    }
}

fn url(origin: &Origin) -> String {
    format!("http://{}/", origin.name())
}

/// An origin that takes its time.
fn slow(time: Duration) -> Origin {
    Origin::answering(move |_| {
        std::thread::sleep(time);
        ok("slow")
    })
}

/// The code of results whose thresholds come to `code`, unless this machine was too busy for their numbers.
fn code_of(results: &Value, code: i32) -> i32 {
    let invalid = results["generator"]["invalid"].as_array();
    match invalid.is_some_and(Vec::is_empty) {
        true => code,
        false => 3,
    }
}

#[test]
fn thresholds_decide_the_exit_code() {
    let (origin, folder) = (Origin::saying("hello"), Folder::new());
    let url = url(&origin);
    folder.short(&url, &[]).ended(0);
    let good = [
        "--threshold",
        "errors < 1%",
        "--threshold",
        "requests > 0",
        "--json",
        "r",
    ];
    folder
        .short(&url, &good)
        .ended(0)
        .shows(&["errors < 1%", "requests > 0", "200 × "]);
    let verdicts = folder.json("r")["thresholds"].clone();
    assert_eq!(
        (&verdicts[0]["holds"], &verdicts[1]["holds"]),
        (&true.into(), &true.into())
    );
    // One that does not hold is enough.
    let bad = ["--threshold", "requests > 0", "--threshold", "5xx > 10"];
    folder.short(&url, &bad).ended(1).shows(&["5xx > 10"]);
}

#[test]
fn failed_requests_are_errors_by_their_kind() {
    let origin = Origin::answering(|_| {
        b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n".to_vec()
    });
    let folder = Folder::new();
    let ran = folder
        .short(&url(&origin), &["--threshold", "errors < 1%"])
        .ended(1);
    ran.shows(&["503 × ", "100 %", "status"]);
}

#[test]
fn without_a_sample_a_test_has_failed() {
    let (origin, folder) = (Origin::saying("hello"), Folder::new());
    // The last of fifty generators has none of forty arrivals, and nobody said what has to hold.
    let ran = folder.short(&url(&origin), &["--shard", "50/50"]).ended(1);
    assert!(ran.out.contains(" 0"), "{}", ran.out);
    folder
        .short(
            &url(&origin),
            &["--shard", "50/50", "--threshold", "errors < 1%"],
        )
        .ended(1)
        .shows(&["no request was made"]);
    assert_eq!(origin.requests(), 0);
}

#[test]
fn the_generator_as_the_limit_makes_a_run_invalid() {
    let (origin, folder) = (slow(Duration::from_millis(400)), Folder::new());
    let url = url(&origin);
    let ran = folder.load(&[
        &url,
        "--rate",
        "100",
        "--duration",
        "500ms",
        "--connections",
        "1",
        "--timeout",
        "1s",
        "--threshold",
        "errors < 100%",
        "--json",
        "r",
    ]);
    ran.ended(3)
        .shows(&["were never begun", "all 1 connections were in use"]);
    let invalid = folder.json("r")["generator"]["invalid"].clone();
    assert!(invalid.to_string().contains("never begun"), "{invalid}");
    assert_eq!(
        origin.connections(),
        1 + 1,
        "one to see that it is there, and one"
    );
    // It stays so, whatever is done with the file.
    folder.load(&["report", "r"]).ended(3);
}
