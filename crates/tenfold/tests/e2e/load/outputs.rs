//! Files of results: opened before the test, written whatever happens to the others, readable by whoever comes next.

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::process::Stdio;

use tenfold_testkit::origin::Origin;

use super::{Folder, Ran, SHORT, url};

#[test]
fn what_cannot_be_written_is_said_before_the_test() {
    let (origin, folder) = (Origin::saying("hello"), Folder::new());
    let url = url(&origin);
    for (arguments, parts) in [
        (
            &["--json", "nowhere/r.json"][..],
            &["cannot write nowhere/r.json", "directory that exists"][..],
        ),
        (&["--html", "."], &["cannot write .", "directory"]),
        (&["--csv", "/proc/r.csv"], &["cannot write /proc/r.csv"]),
        (&["--json", "-"], &["- is no file"]),
        (
            &["--json", "one", "--csv", "./one"],
            &["one and ./one are one file"],
        ),
        (
            &["--json", "good", "--csv", "nowhere/r.csv"],
            &["nowhere/r.csv"],
        ),
    ] {
        folder.short(&url, arguments).refused(parts);
    }
    assert_eq!(origin.connections(), 0, "nothing was begun");
    let left: Vec<_> = fs::read_dir(folder.path("")).expect("a folder").collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn thresholds_of_parts_are_judged_of_them() {
    let (origin, folder) = (Origin::saying("hello"), Folder::new());
    let url = url(&origin);
    let of = |threshold: &str| folder.short(&url, &["--threshold", threshold, "--json", "r"]);
    of("phase warm-up: errors < 1%").shows(&["pass", "phase warm-up"]);
    assert_eq!(
        folder.json("r")["thresholds"][0]["scope"]["phase"],
        "warm-up"
    );
    of("step GET /: requests > 1000000")
        .ended(1)
        .shows(&["FAIL", "step GET /"]);
    of("step GET /x: errors < 1%").refused(&["a step `GET /x`, which is not there", "`GET /`"]);
    of("group g: errors < 1%").refused(&["the test has no groups"]);
    folder.write(
        "a",
        &folder
            .read("r")
            .replace("\"shard_count\": 1", "\"shard_count\": 2"),
    );
    let other = folder.read("a").replacen(
        "0\n  ],\n  \"shard_count\"",
        "1\n  ],\n  \"shard_count\"",
        1,
    );
    folder.write("b", &other);
    let merged = folder.load(&["merge", "a", "b", "--threshold", "phase peak: errors < 1%"]);
    merged.refused(&["a phase `peak`, which is not there", "`warm-up`, `load`"]);
}

#[test]
fn secrets_of_urls_are_not_in_results() {
    let (origin, folder) = (Origin::saying("hello"), Folder::new());
    let url = url(&origin) + "?api_key=s3cret&page=2";
    let ran = folder.short(&url, &["--json", "r", "--html", "page"]);
    assert!(origin.requests() > 0);
    for text in [&ran.out, &ran.err, &folder.read("r"), &folder.read("page")] {
        assert!(!text.contains("s3cret"), "{text}");
    }
    assert_eq!(
        folder.json("r")["steps"][0]["name"],
        "GET /?api_key=…&page=2"
    );
}

#[test]
fn files_are_kept_until_there_are_new_results() {
    let (origin, folder) = (Origin::saying("hello"), Folder::new());
    folder.write("r", &"old ".repeat(100_000));
    let wrong = folder.short("http://nowhere.invalid/", &["--json", "r"]);
    wrong.refused(&["nowhere.invalid"]);
    assert_eq!(folder.read("r").len(), 400_000);
    folder.short(&url(&origin), &["--json", "r"]).ended(0);
    assert!(folder.json("r")["total"]["done"].as_u64() > Some(0));
}

#[test]
fn a_full_disk_costs_nothing_but_its_file() {
    let (origin, folder) = (Origin::saying("hello"), Folder::new());
    let url = url(&origin);
    let ran = folder.short(
        &url,
        &["--json", "/dev/full", "--csv", "seconds", "--html", "page"],
    );
    ran.refused_at_the_end(&["cannot write /dev/full", "No space left", "make room"]);
    ran.shows(&["requests", "p95".to_uppercase().as_str()]);
    assert!(folder.read("seconds").starts_with("at,"));
    assert!(folder.read("page").contains("</html>"));
    // The same of the summary.
    let full = File::options()
        .write(true)
        .open("/dev/full")
        .expect("it is there");
    let mut command = folder.command(&[&["load", &*url], SHORT, &["--json", "r"]].concat());
    let ran = Ran::of(command.stdout(full).output().expect("started"));
    ran.refused_at_the_end(&["cannot write the summary"]);
    assert!(folder.json("r")["total"]["done"].as_u64() > Some(0));
}

impl Ran {
    /// Code 2 after a test: progress is on standard error before.
    fn refused_at_the_end(&self, parts: &[&str]) {
        assert_eq!(self.code, Some(2), "{}{}", self.out, self.err);
        for part in parts {
            assert!(self.err.contains(part), "`{part}` is not in: {}", self.err);
        }
    }
}

#[test]
fn readers_that_go_away_change_nothing() {
    let (origin, folder) = (Origin::saying("hello"), Folder::new());
    let url = url(&origin);
    let closed = || {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        writer
    };
    let good = [&["load", &*url], SHORT].concat();
    let mut command = folder.command(&good);
    let ran = command.stdout(closed()).stderr(closed()).output();
    assert_eq!(ran.expect("started").status.code(), Some(0));
    let mut command = folder.command(&["load", "nothing.toml"]);
    let ran = command.stdout(closed()).stderr(closed()).output();
    assert_eq!(ran.expect("started").status.code(), Some(2));
}

#[test]
fn no_terminal_is_needed() {
    let (origin, folder) = (Origin::saying("hello"), Folder::new());
    let mut command = folder.command(&[&["load", &*url(&origin)], SHORT].concat());
    // A group of its own, as in the background of a shell.
    command.stdin(Stdio::null()).process_group(0);
    let ran = Ran::of(command.output().expect("started")).ended(0);
    assert!(ran.err.contains(" of 2: "), "{}", ran.err);
    assert!(!ran.err.contains('\u{1b}') && !ran.out.contains('\u{1b}'));
    let quiet = folder.short(&url(&origin), &["--quiet"]).ended(0);
    assert_eq!(quiet.err, "");
}

#[test]
fn the_page_refers_to_nothing_elsewhere() {
    let (origin, folder) = (Origin::saying("hello"), Folder::new());
    let target = url(&origin);
    folder
        .short(
            &target,
            &[
                "--html",
                "page",
                "--json",
                "r",
                "--threshold",
                "p(95) < 10s",
            ],
        )
        .ended(0);
    // What remains of the same results, written again, is the same page.
    folder.load(&["report", "r", "--html", "again"]).ended(0);
    let page = folder.read("page");
    assert_eq!(page, folder.read("again"));
    // An icon that is here keeps browsers from asking for one.
    let rest = page
        .replace(target.trim_end_matches('/'), "")
        .replace("<link rel=\"icon\" href=\"data:,\">", "");
    for reference in [
        "http://", "https://", "//", "<script", "<link", "@import", "src=",
    ] {
        assert!(!rest.contains(reference), "{reference}");
    }
    assert!(page.contains("p(95) &lt; 10s") && page.contains("<svg"));
}

#[test]
fn a_run_beside_an_earlier_one() {
    let (origin, folder) = (Origin::saying("hello"), Folder::new());
    let url = url(&origin);
    folder.short(&url, &["--json", "old"]).ended(0);
    let old = folder.read("old");
    // Compared with what is then replaced.
    let ran = folder.short(
        &url,
        &["--compare", "old", "--json", "old", "--html", "page"],
    );
    ran.ended(0).shows(&["Compared with"]);
    assert_ne!(folder.read("old"), old);
    folder.write("other", &old);
    let ran = folder
        .load(&["report", "old", "--compare", "other"])
        .ended(0);
    ran.shows(&["Compared with"]);
}
