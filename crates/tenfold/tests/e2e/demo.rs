//! `tenfold demo`: what it starts is gone afterwards, however it ends, and what is wrong is said.
//!
//! The shop is a script here, which does what `tenfold demo` rests on; the real one has tests of its own.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tenfold_testkit::{client, wait_until};

/// A shop: FAKE_SHOP says what goes wrong.
const SHOP: &str = r#"#!/usr/bin/python3
import http.server, os, sys, time

command, arguments, wrong = sys.argv[1], sys.argv[2:], os.environ.get("FAKE_SHOP", "")

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    asked = 0
    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_GET(self):
        Handler.asked += 1
        if self.path == "/api/v1/categories":
            return self.answer(200, b'[{"slug": "teapots"}]')
        self.answer(200, b"a teapot: %d of %d\n" % (Handler.asked, os.getpid()))
    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.answer(503 if fails else 201, b"sorry\n" if fails else b"ordered\n")
    def log_message(self, *arguments):
        pass

if wrong == command + " fails":
    print("the reason why", file=sys.stderr)
    sys.exit(1)
if wrong == command + " is slow":
    time.sleep(600)
fails = False
if command == "serve":
    if wrong == "orders fail at one":
        try:
            os.close(os.open("one", os.O_CREAT | os.O_EXCL))
            fails = True
        except FileExistsError:
            pass
    host, port = arguments[arguments.index("--listen") + 1].rsplit(":", 1)
    server = http.server.ThreadingHTTPServer((host, int(port)), Handler)
    print(f"listening on http://{host}:{port}", flush=True)
    server.serve_forever()
"#;

/// A running demo, in a folder of its own.
struct Demo {
    child: Child,
    base: TempDir,
    /// Standard output and standard error.
    said: Arc<Mutex<String>>,
}

/// A folder that everybody may pass through, with a shop in it.
fn base() -> TempDir {
    let base = tempfile::tempdir().expect("a temporary folder");
    fs::set_permissions(base.path(), PermissionsExt::from_mode(0o711)).expect("set");
    let shop = base.path().join("fake-shop");
    fs::write(&shop, SHOP).expect("written");
    fs::set_permissions(&shop, PermissionsExt::from_mode(0o755)).expect("set");
    fs::create_dir(base.path().join("run")).expect("made");
    base
}

impl Demo {
    /// `wrong` is what goes wrong in the shop.
    fn start(wrong: &str, arguments: &[&str]) -> Self {
        Self::start_in(base(), Command::new(super::BINARY), wrong, arguments)
    }

    fn start_in(base: TempDir, mut command: Command, wrong: &str, arguments: &[&str]) -> Self {
        command.arg("demo").args(arguments);
        for (flag, usual) in [("--shop", "fake-shop"), ("--dir", "run")] {
            if !arguments.contains(&flag) {
                command.arg(flag).arg(base.path().join(usual));
            }
        }
        // What it would leave in the current folder is seen, too.
        command.env("FAKE_SHOP", wrong).current_dir(base.path());
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary can be started");
        let said = Arc::new(Mutex::new(String::new()));
        let pipes: [Box<dyn Read + Send>; 2] = [
            Box::new(child.stdout.take().expect("a pipe")),
            Box::new(child.stderr.take().expect("a pipe")),
        ];
        for pipe in pipes {
            let said = Arc::clone(&said);
            std::thread::spawn(move || {
                for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                    let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
                    *said += &format!("{line}\n");
                }
            });
        }
        Self { child, base, said }
    }

    fn said(&self) -> String {
        self.said
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn wait_for(&self, text: &str) {
        wait_until(
            || self.said().contains(text),
            || format!("no {text:?} in:\n{}", self.said()),
        );
    }

    /// What follows a label.
    fn value(&self, label: &str) -> String {
        let said = self.said();
        let mut lines = said.lines().map(str::trim);
        let value = lines.find_map(|line| line.strip_prefix(label));
        value
            .unwrap_or_else(|| panic!("no {label} in:\n{said}"))
            .trim()
            .to_owned()
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("it runs");
    }

    fn wait(&mut self) -> ExitStatus {
        let mut ended = None;
        let (child, said) = (&mut self.child, &self.said);
        let is_over = || {
            ended = child.try_wait().expect("a child can be waited for");
            ended.is_some()
        };
        wait_until(is_over, || {
            format!("it does not end:\n{}", said.lock().expect("no panic"))
        });
        ended.expect("it has ended")
    }

    /// The sandbox's folder, if there is one.
    fn folder(&self) -> Option<PathBuf> {
        let mut entries = fs::read_dir(self.base.path().join("run")).expect("it is there");
        entries.next().map(|entry| entry.expect("readable").path())
    }

    /// Processes that were started in the sandbox, by what is in their command lines.
    fn processes(&self, words: &str) -> Vec<u32> {
        let mark = format!(
            "TENFOLD_SANDBOX={}/",
            self.base.path().join("run").display()
        );
        let contains = |path: PathBuf, text: &str| {
            let read = fs::read(path).unwrap_or_default();
            String::from_utf8_lossy(&read)
                .replace('\0', " ")
                .contains(text)
        };
        let all = fs::read_dir("/proc").expect("Linux").flatten();
        let all = all.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        all.filter(|pid| contains(format!("/proc/{pid}/environ").into(), &mark))
            .filter(|pid| contains(format!("/proc/{pid}/cmdline").into(), words))
            .collect()
    }

    /// Nothing is left, and at once: the demo has waited for it.
    fn assert_nothing_is_left(&self) {
        let page = self.base.path().join("tenfold-demo.html");
        assert!(!page.exists(), "{}", self.said());
        assert_eq!(self.folder(), None, "{}", self.said());
        assert_eq!(self.processes(""), Vec::<u32>::new(), "{}", self.said());
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _already_gone = self.child.kill();
        let _already_reaped = self.child.wait();
        // The janitor is quick, but the folder of the test is quicker.
        wait_until(|| self.folder().is_none(), || "the sandbox remains");
    }
}

/// Waits until a file of the sandbox is there.
fn wait_for_file(demo: &Demo, name: &str) {
    let is_there = || {
        demo.folder()
            .is_some_and(|folder| folder.join(name).exists())
    };
    wait_until(is_there, || format!("no {name}:\n{}", demo.said()));
}

#[test]
fn kept_until_ctrl_c() {
    let mut demo = Demo::start("", &["--keep"]);
    demo.wait_for("Ctrl-C ends everything");
    let answer = ask(&demo, "GET /products/1");
    assert!(answer.contains("a teapot"), "{answer}");
    assert_eq!(demo.processes("fake-shop serve").len(), 3);
    // The database answers to those who know where it is.
    let asked = Command::new("psql")
        .args([
            "-X",
            "-A",
            "-t",
            "-c",
            "SELECT 7",
            "-d",
            &demo.value("database"),
        ])
        .output();
    assert_eq!(asked.expect("psql is installed").stdout, b"7\n");
    let page = demo.value("its admin page");
    let password = page
        .split("password ")
        .nth(1)
        .expect("a password")
        .trim_end_matches(')');
    let file = demo.folder().expect("a folder").join("admin-token");
    assert_eq!(fs::read_to_string(file).expect("readable").trim(), password);
    demo.signal(Signal::INT);
    assert_eq!(demo.wait().code(), Some(130));
    demo.assert_nothing_is_left();
    assert!(demo.said().contains("nothing is left"));
}

/// What is answered to a request through the gateway.
fn ask(demo: &Demo, request: &str) -> String {
    let address = demo.value("shop  ");
    let address = address.trim_start_matches("http://").trim_end_matches('/');
    let (first, rest) = request.split_once('\n').unwrap_or((request, ""));
    let request = format!("{first} HTTP/1.1\r\nHost: {address}\r\n{rest}\r\n");
    let answer = client::ask(address.parse().expect("an address"), request);
    format!("{}\n\n{}", answer.head, answer.text())
}

#[test]
fn a_shop_of_which_nothing_was_changed() {
    let mut demo = Demo::start("", &["--keep", "--profile", "naive"]);
    demo.wait_for("Ctrl-C ends everything");
    // A page is kept, for a second: two requests in a row may lie in two of them, and not many do.
    let is_kept = |request: &str| {
        let hits = (0..10).filter(|_| ask(&demo, request).contains("tenfold; hit"));
        hits.count() > 0
    };
    assert!(is_kept("GET /products/7"));
    assert!(is_kept("GET /search?q=teapot"));
    assert!(is_kept("GET /pictures/7.svg"));
    // Of a visitor who has a session nothing is.
    let session = "Cookie: session=x; basket=2\r\n";
    assert!(!is_kept(&format!("GET /products/7\n{session}")));
    for own in [
        "/cart",
        "/orders",
        "/orders/1",
        "/login?next=/",
        "/checkout",
        "/admin/products/7",
        "/api/v1/cart",
    ] {
        assert!(!is_kept(&format!("GET {own}")), "{own}");
    }
    demo.signal(Signal::INT);
    demo.wait();
}

#[test]
fn an_order_that_one_server_fails_is_brought_to_another() {
    let mut demo = Demo::start("orders fail at one", &["--keep"]);
    demo.wait_for("Ctrl-C ends everything");
    for number in 0..10 {
        // No field comes after the length, so that the empty line is followed by the body.
        let request = format!("POST /checkout\nContent-Length: 6\r\n\r\nkey={number:02}");
        let answer = ask(&demo, &request);
        assert!(answer.contains("ordered"), "{answer}");
    }
    demo.signal(Signal::INT);
    demo.wait();
}

#[test]
fn only_the_database() {
    let mut demo = Demo::start("serve fails", &["--only-database"]);
    // A line of its own on standard output, for scripts.
    demo.wait_for("\npostgresql:///shop?host=");
    demo.signal(Signal::TERM);
    assert_eq!(demo.wait().code(), Some(130));
    demo.assert_nothing_is_left();
}

#[test]
fn ctrl_c_while_it_rehearses() {
    let mut demo = Demo::start("", &["--quick"]);
    // The first load is made for many seconds.
    demo.wait_for("how much it takes");
    demo.signal(Signal::INT);
    assert_eq!(demo.wait().code(), Some(130), "{}", demo.said());
    demo.assert_nothing_is_left();
}

#[test]
fn ctrl_c_at_any_moment() {
    type Moment = (&'static str, &'static str, fn(&Demo));
    let moments: [Moment; 6] = [
        ("at once", "", |_| {
            std::thread::sleep(Duration::from_millis(10));
        }),
        ("as the sandbox is made", "", |demo| {
            wait_until(|| demo.folder().is_some(), || "no folder");
        }),
        ("during initdb", "", |demo| {
            wait_for_file(demo, "postgres/base");
        }),
        ("as Postgres starts", "", |demo| {
            wait_for_file(demo, "postgres/postmaster.pid");
        }),
        ("while the shop is filled", "seed is slow", |demo| {
            wait_for_file(demo, "shop-seed.log");
        }),
        ("while shops start", "serve is slow", |demo| {
            wait_for_file(demo, "shop-1.log");
        }),
    ];
    for (moment, wrong, wait) in moments {
        for signal in [Signal::INT, Signal::HUP] {
            let mut demo = Demo::start(wrong, &["--keep"]);
            wait(&demo);
            demo.signal(signal);
            let status = demo.wait();
            // Before anything is started the signal may come before anybody waits for it.
            let is_early = moment == "at once" && status.code().is_none();
            assert!(
                is_early || status.code() == Some(130),
                "{moment}: {status}\n{}",
                demo.said()
            );
            assert!(!demo.said().contains("error"), "{moment}:\n{}", demo.said());
            demo.assert_nothing_is_left();
        }
    }
}

#[test]
fn killed_at_any_moment() {
    for (moment, wrong) in [
        ("shop-seed.log", "seed is slow"),
        ("postgres/base", ""),
        ("gateway.toml", ""),
    ] {
        let mut demo = Demo::start(wrong, &["--keep"]);
        wait_for_file(&demo, moment);
        demo.signal(Signal::KILL);
        demo.wait();
        let is_clean = || demo.folder().is_none() && demo.processes("").is_empty();
        wait_until(is_clean, || {
            format!("{moment}: {:?} {:?}", demo.folder(), demo.processes(""))
        });
    }
}

#[test]
fn a_part_that_falls_over_is_named() {
    for (words, name) in [
        ("fake-shop serve", "shop-"),
        ("tenfold run", "gateway"),
        ("postgres -D", "postgres"),
    ] {
        let mut demo = Demo::start("", &["--keep"]);
        demo.wait_for("Ctrl-C ends everything");
        let all = demo.processes(words);
        let raw = i32::try_from(*all.first().expect(words)).expect("a number");
        kill_process(Pid::from_raw(raw).expect("a number"), Signal::KILL).expect("it runs");
        let status = demo.wait();
        let said = demo.said();
        assert_eq!(status.code(), Some(2), "{said}");
        assert!(
            said.contains(&format!("error: {name}")) && said.contains("SIGKILL"),
            "{said}"
        );
        demo.assert_nothing_is_left();
    }
}

/// What is said by a demo that does not get far.
fn refused(mut demo: Demo) -> String {
    let status = demo.wait();
    demo.assert_nothing_is_left();
    // The pipes are read by threads.
    wait_until(
        || demo.said().contains(" help: "),
        || format!("no help:\n{}", demo.said()),
    );
    assert_eq!(status.code(), Some(2), "{}", demo.said());
    demo.said()
}

#[test]
fn a_shop_that_fails_is_quoted() {
    for (wrong, name) in [
        ("seed fails", "shop-seed"),
        ("migrate fails", "shop-migrate"),
        ("serve fails", "shop-1"),
    ] {
        let said = refused(Demo::start(wrong, &["--keep"]));
        let what = format!("error: {name} ended (exit status: 1)");
        assert!(
            said.contains(&what) && said.contains("| the reason why"),
            "{said}"
        );
    }
}

#[test]
fn a_port_that_is_taken_is_refused_before_anything_starts() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("an address").to_string();
    let said = refused(Demo::start("", &["--keep", "--listen", &address]));
    assert!(
        said.contains(&format!("cannot listen on {address}")),
        "{said}"
    );
    assert!(!said.contains("starting"), "{said}");
}

#[test]
fn what_is_missing_is_said() {
    let said = refused(Demo::start("", &["--keep", "--shop", "/no/such/shop"]));
    assert!(
        said.contains("/no/such/shop") && said.contains("cargo build"),
        "{said}"
    );
    let said = refused(Demo::start("", &["--keep", "--dir", "/no/such/folder"]));
    assert!(
        said.contains("/no/such/folder") && said.contains("--dir"),
        "{said}"
    );
    let empty = tempfile::tempdir().expect("a temporary folder");
    let folder = empty.path().to_str().expect("plain");
    let said = refused(Demo::start("", &["--keep", "--postgres", folder]));
    assert!(
        said.contains("no Postgres in") && said.contains("pg_config"),
        "{said}"
    );
}

#[test]
fn a_full_disk_is_said_to_be_full() {
    // No file may become larger than 256 KiB: to who writes it is a full disk.
    let mut command = Command::new("/bin/sh");
    command.args(["-c", "ulimit -f 512; exec \"$0\" \"$@\"", super::BINARY]);
    let said = refused(Demo::start_in(base(), command, "", &["--keep"]));
    assert!(said.contains("no space left for postgres"), "{said}");
    assert!(said.contains("on a larger disk"), "{said}");
}

#[test]
fn a_folder_that_postgres_cannot_reach() {
    if !rustix::process::geteuid().is_root() {
        // Postgres runs as who runs this, who can reach it.
        return;
    }
    let base = base();
    fs::set_permissions(base.path().join("run"), PermissionsExt::from_mode(0o700)).expect("set");
    let said = refused(Demo::start_in(
        base,
        Command::new(super::BINARY),
        "",
        &["--keep"],
    ));
    assert!(
        said.contains("cannot reach") && said.contains("--dir"),
        "{said}"
    );
}

#[test]
fn arguments_that_do_not_go_together() {
    for arguments in [
        &["--keep", "--quick"][..],
        &["--only-database", "--keep"],
        &["--profile", "naive"],
        &["--products", "1"],
        &["--listen", "nowhere"],
    ] {
        let output = Command::new(super::BINARY)
            .arg("demo")
            .args(arguments)
            .output();
        assert_eq!(
            output.expect("it starts").status.code(),
            Some(2),
            "{arguments:?}"
        );
    }
}
