//! Files of nginx and HAProxy become the files that stand beside them, and those load.
//!
//! After a change that is meant, `TENFOLD_REGENERATE=1 cargo test -p tenfold --test configuration` writes them anew; the diff
//! is then what is reviewed.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tenfold::config;

/// What a kind of file is called on the command line, and how its names end.
const KINDS: [(&str, &str); 2] = [("nginx", "conf"), ("haproxy", "cfg")];

fn run(kind: &str, file: &Path, more: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tenfold"))
        .args(["import", kind])
        .arg(file)
        .args(more)
        .output()
        .expect("started")
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("UTF-8")
}

/// The result and the summary.
fn import(kind: &str, file: &Path, more: &[&str]) -> (String, String) {
    let output = run(kind, file, more);
    let summary = text(output.stderr);
    assert!(output.status.success(), "{}: {summary}", file.display());
    assert!(summary.contains("translated"), "{summary}");
    (text(output.stdout), summary)
}

fn import_text(kind: &str, source: &str, more: &[&str]) -> (String, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join(format!("{kind}.conf"));
    std::fs::write(&file, source).expect("written");
    import(kind, &file, more)
}

/// The inputs of a kind: those of the tests and the example.
fn inputs(kind: &str, ending: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = [
        root.join("tests/import").join(kind),
        root.join("../../examples/import"),
    ];
    let mut files: Vec<PathBuf> = folders
        .iter()
        .flat_map(|folder| std::fs::read_dir(folder).expect("inputs"))
        .map(|entry| entry.expect("readable").path())
        .filter(|path| path.extension() == Some(OsStr::new(ending)))
        .collect();
    files.sort();
    assert!(files.len() > 5, "{files:?}");
    files
}

#[test]
fn every_input_becomes_what_stands_beside_it() {
    let regenerates = std::env::var_os("TENFOLD_REGENERATE").is_some();
    let mut different = Vec::new();
    for (kind, ending) in KINDS {
        for input in inputs(kind, ending) {
            let (imported, _) = import(kind, &input, &[]);
            let expected = input.with_extension("toml");
            if regenerates {
                std::fs::write(&expected, &imported).expect("written");
            } else if std::fs::read_to_string(&expected).unwrap_or_default() != imported {
                different.push(expected);
            }
        }
    }
    assert!(
        different.is_empty(),
        "{different:?}: look at what changed with TENFOLD_REGENERATE=1"
    );
}

#[test]
fn what_is_imported_loads_and_has_its_usual_form() {
    for (kind, ending) in KINDS {
        for input in inputs(kind, ending) {
            for more in [&[][..], &["--leave-gaps-open"]] {
                let (imported, _) = import(kind, &input, more);
                let loaded = config::load_text("imported.toml", imported.as_bytes());
                let loaded =
                    loaded.unwrap_or_else(|errors| panic!("{}: {errors}", input.display()));
                assert!(!loaded.config.listeners.is_empty(), "{}", input.display());
                let formatted = config::format_text(Path::new("i.toml"), imported.as_bytes());
                assert_eq!(formatted.expect("TOML"), imported, "{}", input.display());
            }
        }
    }
}

#[test]
fn what_was_protected_is_closed_and_what_has_no_equal_is_told() {
    let (imported, summary) = import_text(
        "nginx",
        "events {}\nhttp { server { listen 8080;\nlocation / { limit_req zone=one; proxy_pass http://127.0.0.1:1; }\n\
         location /private/ { allow 10.0.0.0/8; deny all; proxy_pass http://127.0.0.1:1; } } }\n",
        &[],
    );
    assert!(imported.contains("SECURITY") && imported.contains("status = 403"));
    assert!(imported.contains("nginx.conf:3 `limit_req zone=one`"));
    assert!(summary.contains("SECURITY"), "{summary}");
}

#[test]
fn what_haproxy_protected_is_closed_and_nobody_reads_its_passwords() {
    let source = "defaults\n mode http\nuserlist staff\n user alice insecure-password s3cret\nfrontend f\n bind :8080\n\
                  http-request auth unless { http_auth(staff) }\n default_backend b\nbackend b\n stats auth a:s3cret\n server s 127.0.0.1:1\n";
    let (imported, summary) = import_text("haproxy", source, &[]);
    assert!(
        imported.contains("SECURITY haproxy.conf:7 `http-request auth"),
        "{imported}"
    );
    assert!(imported.contains("respond = { status = 403"), "{imported}");
    assert!(!imported.contains("\nupstream = \"b\""), "{imported}");
    assert!(summary.contains("SECURITY"), "{summary}");
    assert!(
        !imported.contains("s3cret") && !summary.contains("s3cret"),
        "{imported}{summary}"
    );
}

/// What is no file of HAProxy ends with one message: where, what, and what to do.
#[test]
fn what_is_no_configuration_is_refused_with_its_line() {
    let long = format!("frontend f\n  acl a path {}\n", "/x ".repeat(40_000));
    let huge = "# nothing\n".repeat(500_000);
    let cases: &[(&[u8], &str, &str)] = &[
        (b"frontend f\n  bind :80\0", "haproxy.cfg:2:8: ", "NUL"),
        (
            b"frontend f\n  bind :80 \xff",
            "haproxy.cfg:2:12: ",
            "not UTF-8",
        ),
        (
            b"frontend f\n  acl a path \"/a\n",
            "haproxy.cfg:2:14: ",
            "not closed",
        ),
        (
            b"frontend f\n  acl a path '/a",
            "haproxy.cfg:2:14: ",
            "not closed",
        ),
        (
            b"frontend f\n  bind \"${PORT",
            "haproxy.cfg:2:8: ",
            "never closed",
        ),
        (b"bind :80\n", "haproxy.cfg:1:1: ", "stands in no section"),
        (b"<html>\n", "haproxy.cfg:1:1: ", "stands in no section"),
        (b"global\nfrontend\n", "haproxy.cfg:2:1: ", "has no name"),
        (
            b"defaults a from a\n",
            "haproxy.cfg:1:1: ",
            "no `defaults a` before",
        ),
        (long.as_bytes(), "haproxy.cfg:2:", "longer than"),
        (huge.as_bytes(), "haproxy.cfg: ", "larger than"),
    ];
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("haproxy.cfg");
    for (source, place, what) in cases {
        std::fs::write(&file, source).expect("written");
        let output = run("haproxy", &file, &[]);
        let said = text(output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(output.stdout.is_empty(), "{said}");
        assert!(
            said.contains(place) && said.contains(what),
            "{place}{what}: {said}"
        );
        assert!(said.contains("help: "), "{said}");
    }
    let output = run("haproxy", folder.path(), &[]);
    assert!(text(output.stderr).contains("it is a folder"));
}
