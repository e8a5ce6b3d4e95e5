//! `--ramp-to-knee` on a service whose capacity is known, and the plan that follows from it.

use std::fs::File;
use std::sync::{Condvar, Mutex};
use std::time::Duration;

use serde_json::Value;
use tenfold_testkit::origin::{Origin, ok};
use tenfold_testkit::wait_until;

use super::{Folder, url};

/// Requests that are worked on at once, and how long each takes: 100 per second is all there is.
const WORKERS: usize = 4;
const TIME: Duration = Duration::from_millis(40);

/// An origin with so many workers; whoever finds none free waits.
fn service() -> Origin {
    let free = (Mutex::new(WORKERS), Condvar::new());
    Origin::answering(move |_| {
        let mut workers = free.0.lock().expect("no panic");
        while *workers == 0 {
            workers = free.1.wait(workers).expect("no panic");
        }
        *workers -= 1;
        drop(workers);
        std::thread::sleep(TIME);
        *free.0.lock().expect("no panic") += 1;
        free.1.notify_one();
        ok("done")
    })
}

#[test]
fn the_knee_is_where_workers_run_out() {
    let (origin, folder) = (service(), Folder::new());
    let ran = folder
        .load(&[
            &url(&origin),
            "--ramp-to-knee",
            "--users",
            "1",
            "--ramp-most",
            "6",
            "--duration",
            "1s",
            "--json",
            "ramp.json",
            "--html",
            "page",
        ])
        .ended(0);
    let line = ran
        .out
        .lines()
        .find(|line| line.starts_with("the knee is at "));
    let line = line.unwrap_or_else(|| panic!("{}{}", ran.out, ran.err));
    let numbers: Vec<f64> = line
        .split([' ', '(', ':'])
        .filter_map(|word| word.parse().ok())
        .collect();
    let (users, rate) = (numbers[0], numbers[1]);
    assert!((80.0..=120.0).contains(&rate), "{line}");
    assert!((4.0..=5.0).contains(&users), "{line}");
    assert!(
        line.contains("more load brought no more good answers"),
        "{line}"
    );
    assert!(ran.err.contains("step  1:"), "{}", ran.err);
    plan(&folder);
}

/// A step can be too much for a service: then the next one does not reach it, and what is known is what was looked for.
#[test]
fn a_service_that_dies_of_it_leaves_what_is_known() {
    let (origin, folder) = (service(), Folder::new());
    let said = File::create(folder.path("said")).expect("a file");
    let mut child = folder
        .command(&[
            "load",
            &url(&origin),
            "--ramp-to-knee",
            "--users",
            "1",
            "--duration",
            "1s",
            "--connect-timeout",
            "500ms",
            "--json",
            "r",
        ])
        .stderr(said)
        .spawn()
        .expect("started");
    wait_until(|| folder.read("said").contains(" 2.0 users"), || "no load");
    origin.kill();
    child.wait().expect("it ends");
    let results = folder.json("r");
    let why = results["ended_early"].to_string();
    assert!(why.contains("cannot reach"), "{why}");
    assert!(results["total"]["done"].as_u64() > Some(0));
}

/// The plan reads what the ramp wrote.
fn plan(folder: &Folder) {
    let ran = folder
        .tenfold(&[
            "plan",
            "--results",
            "ramp.json",
            "--objective",
            "p95 < 70ms",
            "--json",
        ])
        .ended(0);
    let plan: Value = serde_json::from_str(&ran.out).expect("JSON");
    let levels = plan["measurements"]["levels"].as_array().expect("a list");
    assert!(levels.len() >= 6, "{}", ran.out);
    let rate = plan["measurements"]["capacity"]["rate"]
        .as_f64()
        .expect("a number");
    assert!((80.0..=120.0).contains(&rate), "{}", ran.out);
}

#[test]
fn a_service_that_is_too_slow_from_the_start_has_no_knee() {
    let (origin, folder) = (service(), Folder::new());
    let ran = folder.load(&[
        &url(&origin),
        "--ramp-to-knee",
        "--users",
        "1",
        "--duration",
        "1s",
        "--threshold",
        "p(95) < 10ms",
    ]);
    ran.ended(1)
        .shows(&["no load is low enough", "begin lower"]);
}
