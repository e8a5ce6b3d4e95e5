//! docs/workshop: every command of every exercise is run, in its order, as a reader would.
//!
//! All `sh` blocks of an exercise become one script. What differs from a reader's evening: tests take a second in place of twenty, the database is
//! small, ports are free ones, and nothing is built. Nothing else is replaced, and a replacement that finds nothing fails the test.

use std::fmt::Write;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tenfold_testkit::redis::free_port;

use super::BINARY;

/// Ports as they are written, all of which the exercises may use.
const PORTS: [&str; 6] = ["3001", "3002", "3003", "8080", "9900", "6390"];

/// The gateway's admin side has another port than the usual one, which readers need not name. And on a busy machine a
/// generator is late (3), a threshold, a promise or a plan is not held (1): the command has still done what the page says. A program and no function: what runs in the background is then the program itself.
const TENFOLD: &str = r#"#!/bin/bash
case $1 in
    load | plan | demo)
        case "$*" in *--only-database*) exec "$TENFOLD" "$@" ;; esac
        "$TENFOLD" "$@"
        code=$?
        [ $code = 1 ] || [ $code = 3 ] || exit $code
        ;;
    cache | status)
        [ "$2" = warm ] || exec "$TENFOLD" "$@" --admin http://127.0.0.1:9900
        exec "$TENFOLD" "$@"
        ;;
    *) exec "$TENFOLD" "$@" ;;
esac
"#;

/// `sh` blocks of a page.
fn blocks(page: &str) -> Vec<String> {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/workshop")).join(page);
    let text = fs::read_to_string(&path).expect("the page is there");
    let mut blocks = Vec::new();
    let mut block: Option<String> = None;
    for line in text.lines() {
        match (&mut block, line) {
            (None, "```sh") => block = Some(String::new()),
            (Some(_), "```") => blocks.extend(block.take()),
            (Some(block), line) => writeln!(block, "{line}").expect("text can be written"),
            (None, _) => {}
        }
    }
    assert!(block.is_none(), "{page}: a block does not end");
    assert!(!blocks.is_empty(), "{page}: no commands");
    blocks
}

fn replaced(text: &str, old: &str, new: &str) -> String {
    assert!(text.contains(old), "there is no {old:?} any more");
    text.replace(old, new)
}

/// What the exercise's page says, in bash, and the program `tenfold` for it.
fn scripts(page: &str) -> [String; 2] {
    let readme = blocks("README.md");
    let [build, duration, database, end] = readme.as_slice() else {
        panic!("the blocks of README.md have changed");
    };
    // Built already; where the programs are is in PATH.
    assert!(build.contains("cargo build --release"));
    let mut script = String::from("set -euo pipefail\nmkdir -p workshop && cd workshop\n");
    // Whatever fails, nothing is left running.
    script += "trap 'jobs -p | xargs -r kill -CONT 2>/dev/null; jobs -p | xargs -r kill 2>/dev/null; wait' EXIT\n";
    script += &replaced(duration, "20s", "1s");
    script += &replaced(
        database,
        "--only-database",
        "--only-database --products 500 --orders 3000",
    );
    for block in blocks(page) {
        writeln!(script, "echo \"--- {page}, block\"\n{block}").expect("text can be written");
    }
    script += end;
    // There are as many products as the shop of a test has.
    script = script.replace("zipf(10000,", "zipf(500,");
    let mut all = [script, TENFOLD.to_owned()];
    // By way of names that are no numbers: a free port may have another one's digits in it.
    for (number, port) in PORTS.iter().enumerate() {
        all = all.map(|text| text.replace(port, &format!("@port {number}@")));
    }
    for number in 0..PORTS.len() {
        let free = free_port().to_string();
        all = all.map(|text| text.replace(&format!("@port {number}@"), &free));
    }
    all
}

/// Runs it, and gives what it said.
fn run(page: &str, change: impl Fn(String) -> String) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let [script, tenfold] = scripts(page);
    let script = change(script);
    let wrapper = folder.path().join("bin/tenfold");
    fs::create_dir(folder.path().join("bin")).expect("a folder");
    fs::write(&wrapper, tenfold).expect("written");
    fs::set_permissions(&wrapper, PermissionsExt::from_mode(0o755)).expect("set");
    let programs = Path::new(BINARY).parent().expect("a folder");
    assert!(
        programs.join("shop").exists(),
        "the shop is not built: cargo build -p tenfold-shop"
    );
    let mut path = vec![folder.path().join("bin"), programs.to_path_buf()];
    path.extend(std::env::split_paths(
        &std::env::var_os("PATH").expect("there is a PATH"),
    ));
    let log = folder.path().join("output");
    let output = fs::File::create(&log).expect("a file");
    let status = Command::new("bash")
        .arg("-c")
        .arg(&script)
        .current_dir(folder.path())
        .env("TENFOLD", BINARY)
        .env("PATH", std::env::join_paths(path).expect("a PATH"))
        .stdin(Stdio::null())
        .stdout(output.try_clone().expect("a file"))
        .stderr(output)
        .status()
        .expect("bash can be started");
    let said = fs::read_to_string(&log).unwrap_or_default();
    let last: Vec<_> = said.lines().rev().take(60).collect();
    let last: Vec<_> = last.into_iter().rev().collect();
    assert!(status.success(), "{page}: {status}\n{}", last.join("\n"));
    said
}

#[test]
fn caching() {
    let said = run("1-caching.md", |script| script);
    // What the page says: the new price is there at once, and a level that freezes fails nobody.
    let prices: Vec<_> = said
        .lines()
        .filter(|line| line.starts_with("class=\"price\""))
        .collect();
    assert_eq!(prices.len(), 2, "{said}");
    assert_ne!(prices[0], prices[1], "{said}");
    assert!(prices[1].contains("\"12.34\""), "{said}");
    assert_eq!(failures(&said).last(), Some(&0), "{said}");
}

/// Of each load, how many requests failed.
fn failures(said: &str) -> Vec<u64> {
    let lines = said
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix("failed "));
    let count = |line: &str| {
        line.split_whitespace()
            .next()
            .and_then(|word| word.parse().ok())
    };
    lines.filter_map(count).collect()
}

#[test]
fn load_balancing() {
    let said = run("2-load-balancing.md", |script| script);
    // Four algorithms, one that dies, one that freezes: nobody noticed. Then one that lies, retries, and all that lie.
    let failed = failures(&said);
    assert_eq!(failed.len(), 9, "{said}");
    assert_eq!(failed[..6], [0; 6], "{said}");
    assert!(failed[8] > 0, "{said}");
}

#[test]
fn black_friday() {
    let said = run("3-black-friday.md", |script| {
        replaced(
            &script,
            "--quick --html",
            "--quick --products 500 --orders 3000 --html",
        )
    });
    assert!(said.contains("The books balance."), "{said}");
}

#[test]
fn every_page_is_run() {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/workshop"));
    let mut pages: Vec<_> = fs::read_dir(folder)
        .expect("the folder is there")
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .into_string()
                .expect("a name")
        })
        .collect();
    pages.sort();
    assert_eq!(
        pages,
        [
            "1-caching.md",
            "2-load-balancing.md",
            "3-black-friday.md",
            "README.md"
        ]
    );
}
