//! Recordings and access logs become files of load tests, and those load.
//!
//! `tests/import/load/shop.har` was recorded by Chromium in a small shop: a search, a form that is guarded against forgery, an order through
//! an API with a token, scripts of another host.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, content: &[u8]) -> PathBuf {
        std::fs::write(self.path(name), content).expect("written");
        self.path(name)
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).expect("written")
    }
}

fn load(arguments: &[&str], file: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tenfold"))
        .arg("load")
        .args(arguments)
        .arg(file)
        .env("LOAD_PASSWORD", "for tests")
        .output()
        .expect("started")
}

fn import(folder: &Folder, kind: &str, file: &Path, more: &[&str]) -> (String, String) {
    let result = folder.path("result.toml");
    let output = Command::new(env!("CARGO_BIN_EXE_tenfold"))
        .args(["load", "import", kind])
        .arg(file)
        .arg("-o")
        .arg(&result)
        .args(more)
        .output()
        .expect("started");
    let notes = String::from_utf8(output.stderr).expect("UTF-8");
    assert!(output.status.success(), "{notes}");
    (folder.read("result.toml"), notes)
}

/// What `tenfold load check` says of the result: without a mistake and without a warning.
fn checked(folder: &Folder) -> String {
    let output = load(&["check"], &folder.path("result.toml"));
    let (said, wrong) = (output.stdout, output.stderr);
    let wrong = String::from_utf8(wrong).expect("UTF-8");
    assert!(
        output.status.success() && wrong.is_empty(),
        "{wrong}\n{}",
        folder.read("result.toml")
    );
    String::from_utf8(said).expect("UTF-8")
}

fn has(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "no `{part}` in\n{text}");
    }
}

#[test]
fn a_recording_of_a_browser_loads() {
    let folder = Folder::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (text, notes) = import(
        &folder,
        "har",
        &root.join("tests/import/load/shop.har"),
        &[],
    );
    has(
        &text,
        &[
            "target = \"http://localhost:8091\"",
            "path = \"/search\"\nquery = { q = \"red shoes\", page = \"1\" }",
            "csrf_token = \"${csrf_token}\"",
            "password = \"${env:LOAD_PASSWORD}\"",
            "Bearer ${authorization}",
            "path = \"/api/orders/${order_id}\"",
            "$${you}",
            "expect = { status = 303 }",
            "4 to localhost:8092",
        ],
    );
    for left_out in [
        "hunter2",
        "metrics.js",
        "sec-ch-ua",
        "HeadlessChrome",
        "sid=",
    ] {
        assert!(!text.contains(left_out), "{left_out}");
    }
    has(&notes, &["LOAD_PASSWORD"]);
    checked(&folder);
}

/// A day in a shop: `sessions` of several pages, and what strangers send to every port.
fn log(sessions: i64) -> String {
    let mut out = String::new();
    for session in 0..sessions {
        let client = format!("10.0.{}.{}", session / 200, session % 200);
        let mut at = session * 3;
        let mut line = |request: &str, status: u16| {
            let (hour, minute, second) = (9 + at / 3600, at / 60 % 60, at % 60);
            writeln!(
                out,
                "{client} - - [29/Nov/2024:{hour:02}:{minute:02}:{second:02} +0000] \"{request}\" {status} 10 \"-\" \"x\""
            )
            .expect("memory");
            at += 7;
        };
        line("GET / HTTP/1.1", 200);
        line(
            &format!(
                "GET /search?q=red+shoes%2C{}&page={} HTTP/1.1",
                session % 9,
                session % 2
            ),
            200,
        );
        line(
            &format!("GET /product/{} HTTP/1.1", session * session % 97 + 1),
            200,
        );
        line(
            &format!("GET /p/thing-{}a/100%25 HTTP/1.1", session % 80),
            200,
        );
        line(
            &format!(
                "GET /list?{} HTTP/1.1",
                ["flag", "a=1&b=%E4", "x=$%7Benv:HOME}"][session as usize % 3]
            ),
            200,
        );
        line("POST /cart HTTP/1.1", 303);
        line("\\x16\\x03\\x01", 400);
    }
    out
}

#[test]
fn an_access_log_loads_with_its_data() {
    let folder = Folder::new();
    let file = folder.write("access.log", log(400).as_bytes());
    let (text, notes) = import(&folder, "access-log", &file, &[]);
    has(
        &text,
        &[
            "[markov]",
            "file = \"result-search.csv\"",
            "path = \"/search?q=${search.q}&page=${search.page}\"",
            "/100%25",
            "path = \"${list.target}\"",
        ],
    );
    has(
        &notes,
        &["400 requests with methods that change data", "400 lines"],
    );
    has(
        &folder.read("result-search.csv"),
        &["q,page\nred+shoes%2C0,0\n"],
    );
    has(&folder.read("result-list.csv"), &["target\n/list?flag\n"]);
    checked(&folder);
}

#[test]
fn a_mix_of_everything_loads_too() {
    let folder = Folder::new();
    let file = folder.write("access.log", log(400).as_bytes());
    let more = [
        "--model",
        "weights",
        "--include-unsafe",
        "--window",
        "5m",
        "--scale",
        "10",
    ];
    let (text, _) = import(&folder, "access-log", &file, &more);
    has(
        &text,
        &[
            "weight = 16.667",
            "method = \"POST\"",
            "5 minutes of the log's 21",
        ],
    );
    checked(&folder);
}

#[test]
fn files_are_not_replaced_unless_that_is_said() {
    let folder = Folder::new();
    let file = folder.write("access.log", log(10).as_bytes());
    import(&folder, "access-log", &file, &[]);
    let result = folder.path("result.toml");
    let result = result.to_str().expect("UTF-8");
    let output = load(&["import", "access-log", "-o", result], &file);
    assert_eq!(output.status.code(), Some(2));
    has(
        std::str::from_utf8(&output.stderr).expect("UTF-8"),
        &["is there already", "--force"],
    );
    import(&folder, "access-log", &file, &["--force"]);
    let output = load(&["import", "access-log"], &file);
    has(
        std::str::from_utf8(&output.stderr).expect("UTF-8"),
        &["give a file with -o"],
    );
}

#[test]
fn what_cannot_be_imported_is_named_with_its_line() {
    let folder = Folder::new();
    let cut = folder.write("cut.har", b"{\"log\":\n{\"entries\": [");
    let binary = folder.write("binary.log", &[0, 159, 146, 150, b'\n'].repeat(1000));
    let empty = folder.write("empty.log", b"");
    for (kind, file, wanted) in [
        ("har", &cut, "cut.har:2: is no HAR file"),
        ("har", &binary, "binary.log:1: is no HAR file"),
        (
            "access-log",
            &binary,
            "binary.log:1: no line of an access log",
        ),
        ("access-log", &empty, "empty.log is empty"),
        (
            "access-log",
            &folder.path("missing"),
            "missing: No such file",
        ),
    ] {
        let output = load(&["import", kind], file);
        assert_eq!(output.status.code(), Some(2), "{wanted}");
        has(
            std::str::from_utf8(&output.stderr).expect("UTF-8"),
            &[wanted, "help: "],
        );
    }
}
