//! What cannot be done is said at once, with what is wrong, where, and what to do; the code is 2.

use std::time::Duration;

use tenfold_testkit::origin::Origin;

use super::super::free_port;
use super::{Folder, SHORT, url};

#[test]
fn targets_that_cannot_be_reached() {
    let (origin, folder) = (Origin::saying("no TLS here"), Folder::new());
    let nobody = format!("http://{}/", free_port());
    let no_tls = format!("https://{}/", origin.name());
    for (target, parts) in [
        (
            &*nobody,
            &["cannot reach", &nobody[..20], "connection refused"][..],
        ),
        (
            "http://nowhere.invalid/",
            &["nowhere.invalid has no address"],
        ),
        (
            &no_tls,
            &["no TLS with", "does this port speak TLS at all?"],
        ),
    ] {
        folder
            .short(target, &["--json", "new", "--connect-timeout", "500ms"])
            .refused(parts);
        assert!(!folder.path("new").exists(), "an empty file is no result");
    }
}

#[test]
fn urls_and_files_that_are_none() {
    let (origin, folder) = (Origin::saying("hello"), Folder::new());
    let name = origin.name();
    folder.write("port.toml", "[");
    let with_password = format!("http://me:secret@{name}/");
    for (target, parts) in [
        (
            &*with_password,
            &["name and password", "--header 'Authorization: "][..],
        ),
        (
            "http://127.0.0.1:99999/",
            &["has a port that is none", "65535"],
        ),
        ("http://127.0.0.1:0/", &["has a port that is none"]),
        ("ftp://127.0.0.1/", &["is not of http or https"]),
        ("http://", &["is no URL"]),
        ("http://a b/", &["is no URL"]),
        // What people forget most often.
        (&name, &["there is no file", "begins with http://", &name]),
        ("localhost", &["http://localhost"]),
        (
            "nothing.toml",
            &["cannot read nothing.toml: no such file", "1 error"],
        ),
        (".", &["cannot read .: is a directory"]),
        ("", &["cannot read"]),
    ] {
        let ran = folder.load(&[target]);
        ran.refused(parts);
        assert!(!ran.err.contains("secret"), "{}", ran.err);
    }
    assert_eq!(origin.connections(), 0);
}

#[test]
fn arguments_that_are_wrong() {
    let (origin, folder) = (Origin::saying("hello"), Folder::new());
    folder.write("t.toml", "");
    let url = url(&origin);
    for (arguments, parts) in [
        (
            &["--shard", "4/3"][..],
            &["'--shard <I/N>'", "from 1/8 to 8/8"][..],
        ),
        (&["--shard", "0/3"], &["from 1/8 to 8/8"]),
        (&["--start-at", "noon"], &["2026-11-27T20:00:00Z"]),
        (
            &["--start-at", "2020-01-01T00:00:00Z"],
            &["was to start", "lies ahead"],
        ),
        (&["--threshold", "p(95) < 300"], &["`300`", "has no unit"]),
        (&["--threshold", "erors < 1%"], &["did you mean `errors`?"]),
        (&["--threshold", ""], &["p(95) < 300ms"]),
        (&["--header", "Accept"], &["a name and a value"]),
        (&["--header", "A: b\r\nC: d"], &["a name and a value"]),
        (&["--header", "Content-Length: 3"], &["leave it out"]),
        (&["--method", "GET /"], &["a method is a word"]),
        (&["--body", "@."], &["cannot read .", "@ and a file"]),
        (&["--rate", "nan"], &["arrivals per second"]),
        (&["--rate=-1"], &["--rate"]),
        (&["--users", "0"], &["--users"]),
        (&["--rate", "1", "--users", "1"], &["cannot be used with"]),
        (&["--duration", "5"], &["a time with its unit"]),
        (&["--duration", "0s"], &["between 1ms and 24h"]),
        (&["--http1", "--http2"], &["cannot be used with"]),
        (
            &["--ca", "nothing.pem", "--duration", "1s"],
            &["nothing.pem"],
        ),
        (
            &["--compare", "nothing.json"],
            &["cannot read nothing.json"],
        ),
        (&["--compare", "t.toml"], &["t.toml", "--json FILE"]),
        (
            &["--ramp-to-knee", "--shard", "1/3"],
            &["cannot be used with"],
        ),
        (
            &["--ramp-to-knee", "--rate", "5", "--ramp-most", "5"],
            &["--ramp-most"],
        ),
        (
            &["--ramp-to-knee", "--threshold", "requests > 5"],
            &["requests > 5", "percentile"],
        ),
    ] {
        let target = match arguments[0] {
            "--ca" => url.replace("http:", "https:"),
            _ => url.clone(),
        };
        folder
            .load(&[&[&*target], arguments].concat())
            .refused(parts);
    }
    assert_eq!(origin.requests(), 0);
}

/// A file whose one step is this.
fn file(target: &str, step: &str) -> String {
    format!(
        "target = \"{target}\"\nphase = {{ duration = \"300ms\", users = 1 }}\nthink = \"20ms\"\n\
         [[scenario]]\nname = \"shop\"\n[[scenario.step]]\nname = \"look\"\n{step}\n"
    )
}

#[test]
fn files_name_line_and_key() {
    let folder = Folder::new();
    folder.write("users.csv", "name,password\nann,1\n");
    let feed = "path = \"/${users.mail}\"\n[feed]\nusers = \"users.csv\"";
    for (step, parts) in [
        (
            "path = \"/\"\nextrct = { a = \"$.a\" }",
            &["t.toml:9:1", "`extrct`", "did you mean `extract`?"][..],
        ),
        (
            feed,
            &["t.toml:8:8", "no column `mail`", "`name`, `password`"],
        ),
        (
            "path = \"/\"\nextract = { a = \"$.[\" }",
            &["t.toml:9:", "$.["],
        ),
        (
            "path = \"/\"\n[feed]\nusers = \"nobody.csv\"",
            &["t.toml:10:", "nobody.csv"],
        ),
    ] {
        folder.write("t.toml", &file("http://127.0.0.1:1", step));
        for command in [&["t.toml"][..], &["check", "t.toml"]] {
            folder.load(command).refused(parts);
        }
    }
    let arguments = [&["t.toml"], SHORT].concat();
    folder
        .load(&arguments)
        .refused(&["t.toml is a file", "--users"]);
}

#[test]
fn what_works_and_looks_wrong_is_said() {
    let folder = Folder::new();
    let step =
        "path = \"/\"\nextract = { a = \"$.a\" }\nexpect = { json = { \"$.a\" = \"${a}\" } }";
    folder.write("t.toml", &file("http://127.0.0.1:1", step));
    let ran = folder.load(&["check", "t.toml"]).ended(0);
    assert!(
        ran.err.contains("warning") && ran.err.contains("t.toml:10:"),
        "{}",
        ran.err
    );
}

#[test]
fn a_value_that_no_answer_has_is_named_with_its_step() {
    let (origin, folder) = (Origin::saying(r#"{"a":1}"#), Folder::new());
    let step = "path = \"/\"\nextract = { token = \"$.token\" }";
    folder.write("t.toml", &file(&url(&origin), step));
    folder.load(&["t.toml", "--threshold", "errors < 1%", "--json", "r"]);
    let error = &folder.json("r")["errors"][0];
    assert_eq!(error["kind"], "extract");
    let message = error["message"].to_string();
    for part in ["look", "extract.token", "$.token"] {
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn what_setup_needs_has_to_work() {
    let (origin, folder) = (Origin::saying("hello"), Folder::new());
    let setup = "\n[[setup]]\nname = \"fill\"\npath = \"/fill\"\nexpect = { status = 201 }\n";
    folder.write("t.toml", &(file(&url(&origin), "path = \"/\"") + setup));
    let ran = folder.load(&["t.toml", "--json", "new"]);
    ran.refused(&["setup, step `fill`", "200", "201"]);
    assert_eq!(origin.requests(), 1, "no load is made");
    assert!(!folder.path("new").exists());
}

#[test]
fn answers_that_never_come_are_failures_and_do_not_hang() {
    let origin = Origin::new(|peer| {
        while peer.request()?.is_some() {}
        Ok(())
    });
    let folder = Folder::new();
    let begun = std::time::Instant::now();
    let ran = folder.load(&[
        &url(&origin),
        "--users",
        "2",
        "--duration",
        "300ms",
        "--timeout",
        "100ms",
        "--threshold",
        "errors < 1%",
        "--json",
        "r",
    ]);
    // Twenty seconds are said of a time-out of thirty that was not observed.
    assert!(begun.elapsed() < Duration::from_secs(20), "{}", ran.out);
    let results = folder.json("r");
    assert_eq!(results["errors"][0]["kind"], "timeout", "{}", ran.out);
    assert_eq!(ran.code, Some(code(&results)));
}

fn code(results: &serde_json::Value) -> i32 {
    super::code_of(results, 1)
}
