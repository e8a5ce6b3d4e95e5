//! Ctrl-C: once it ends the test, which is reported; twice it ends the program.

use std::process::{Child, Output};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::process::{Pid, Signal, kill_process};
use tenfold_testkit::origin::{Origin, ok};
use tenfold_testkit::wait_until;

use super::{Folder, Ran, code_of, url};

fn interrupt(child: &Child) {
    let pid = Pid::from_raw(child.id().cast_signed()).expect("a process");
    kill_process(pid, Signal::INT).expect("it runs");
}

fn end(child: Child) -> Output {
    child.wait_with_output().expect("it ends")
}

#[test]
fn once_it_ends_and_reports() {
    let (origin, folder) = (Origin::saying("hello"), Folder::new());
    let url = url(&origin);
    let child = folder
        .command(&[
            "load",
            &url,
            "--rate",
            "50",
            "--duration",
            "10m",
            "--json",
            "r",
            "--threshold",
            "errors < 1%",
        ])
        .spawn()
        .expect("started");
    wait_until(|| origin.requests() > 3, || "no load");
    interrupt(&child);
    let ran = Ran::of(end(child));
    ran.shows(&["interrupted", "requests", "errors < 1%"]);
    let results = folder.json("r");
    assert_eq!(results["ended_early"], "it was interrupted");
    assert_eq!(ran.code, Some(code_of(&results, 0)), "{}", ran.out);
}

#[test]
fn requests_under_way_do_not_keep_it() {
    let origin = Origin::new(|peer| {
        while peer.request()?.is_some() {}
        Ok(())
    });
    let folder = Folder::new();
    let child = folder
        .command(&[
            "load",
            &url(&origin),
            "--users",
            "3",
            "--duration",
            "10m",
            "--json",
            "r",
        ])
        .spawn()
        .expect("started");
    wait_until(|| origin.requests() == 3, || "no load");
    interrupt(&child);
    let ran = Ran::of(end(child));
    let results = folder.json("r");
    assert_eq!(results["total"]["done"], 3, "{}", ran.out);
    assert_eq!(results["total"]["failed"], 3, "they had no answer");
}

/// An origin that is slow where `errand` is asked for, and a test that does it as `key`.
fn hanging(folder: &Folder, key: &str) -> Origin {
    let origin = Origin::answering(|request| {
        if request.start_line().starts_with("GET /errand") {
            std::thread::sleep(Duration::from_secs(15));
        }
        ok("")
    });
    folder.write(
        "t.toml",
        &format!(
            "target = \"{}\"\nphase = {{ duration = \"1s\", users = 1 }}\n{key} = \"/errand\"\n\
             [[scenario]]\nname = \"a\"\nstep = {{ path = \"/\", think = \"100ms\" }}\n",
            url(&origin)
        ),
    );
    origin
}

#[test]
fn once_it_ends_a_setup_that_hangs() {
    let folder = Folder::new();
    let origin = hanging(&folder, "setup");
    let child = folder
        .command(&["load", "t.toml"])
        .spawn()
        .expect("started");
    wait_until(|| origin.requests() == 1, || "no setup");
    let begun = std::time::Instant::now();
    interrupt(&child);
    let ran = Ran::of(end(child));
    ran.refused(&["ended before the test began: setup, step `GET /errand` was interrupted"]);
    // Its answer takes 15 s.
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[test]
fn twice_it_ends_at_once() {
    let folder = Folder::new();
    let origin = hanging(&folder, "teardown");
    let child = folder
        .command(&["load", "t.toml"])
        .spawn()
        .expect("started");
    wait_until(|| origin.requests() > 3, || "no load");
    interrupt(&child);
    // Two at the same time are one.
    std::thread::sleep(Duration::from_millis(300));
    interrupt(&child);
    assert_eq!(Ran::of(end(child)).code, Some(130));
}

#[test]
fn a_ramp_that_was_interrupted_says_what_is_known() {
    let (origin, folder) = (Origin::saying("hello"), Folder::new());
    let child = folder
        .command(&[
            "load",
            &url(&origin),
            "--ramp-to-knee",
            "--users",
            "1",
            "--json",
            "r",
        ])
        .spawn()
        .expect("started");
    wait_until(|| origin.requests() > 3, || "no load");
    interrupt(&child);
    let ran = Ran::of(end(child)).ended(1);
    ran.shows(&["the search was ended before any load was found to be good"]);
    assert_eq!(folder.json("r")["ended_early"], "it was interrupted");
}

#[test]
fn before_the_beginning_nothing_is_measured() {
    let (origin, folder) = (Origin::saying("hello"), Folder::new());
    let hour = UNIX_EPOCH.elapsed().expect("after 1970") + Duration::from_secs(3600);
    let at = hour.as_secs().to_string();
    let child = folder
        .command(&["load", &url(&origin), "--start-at", &at])
        .spawn()
        .expect("started");
    wait_until(|| origin.connections() == 1, || "it was not reached");
    std::thread::sleep(Duration::from_millis(200));
    interrupt(&child);
    Ran::of(end(child)).refused(&["ended before the test began"]);
    assert!(SystemTime::now() < UNIX_EPOCH + hour);
}
