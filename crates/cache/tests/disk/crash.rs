//! `kill -9` at random points: what was acknowledged holds.
//!
//! The test binary runs itself. The child says on its standard output what it is about to do, and what has been
//! acknowledged; the parent kills it at some point, opens the directory, and holds it against what was said.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use super::*;

const ROUNDS: u64 = 10;
const KEYS: u64 = 40;
const TAGS: u64 = 5;
/// More than all rounds write, so that nothing is evicted and everything acknowledged must be there.
const ENOUGH: u64 = 32 << 20;

/// So little that records are evicted all the time.
const LITTLE: u64 = 1 << 20;

fn open_sized(path: &Path, size: u64) -> Disk {
    let options = DiskOptions {
        size,
        ..options(path)
    };
    Disk(DiskLevel::open(&options).unwrap_or_else(|error| panic!("{error}")))
}

/// What the parent knows of a key.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Known {
    /// The values that may be there: the last acknowledged one, and those that may have been written since.
    may: Vec<u64>,
    /// Whether there may be none: it was invalidated, or may have been, or never stored.
    none: bool,
}

fn tag_of(key: u64) -> u64 {
    key % TAGS
}

fn value_of(number: u64) -> Vec<u8> {
    let mut value = number.to_le_bytes().to_vec();
    value.extend(noise(number, 100 + (number as usize * 61) % 4000));
    value
}

#[test]
fn what_was_acknowledged_before_kill_9_holds() {
    let found = crash_again_and_again(ENOUGH);
    assert!(found > 20, "only {found} were found");
}

#[test]
fn what_was_deleted_before_kill_9_stays_so_while_records_are_evicted_and_moved() {
    let found = crash_again_and_again(LITTLE);
    assert!(found > 20, "only {found} were found");
}

/// All rounds in one directory; how many values were found after them.
fn crash_again_and_again(size: u64) -> usize {
    let dir = tempfile::tempdir().unwrap();
    let mut known: HashMap<u64, Known> = (0..KEYS)
        .map(|key| {
            let none = Known {
                may: Vec::new(),
                none: true,
            };
            (key, none)
        })
        .collect();
    let (mut acknowledged, mut found) = (0, 0);
    for round in 0..ROUNDS {
        let lines = run_and_kill(dir.path(), size, round);
        acknowledged += lines.iter().filter(|line| line.starts_with("done")).count();
        learn(&mut known, &lines);
        found += verify(dir.path(), size, &mut known, round);
    }
    assert!(acknowledged > 100, "only {acknowledged} were acknowledged");
    found
}

/// Runs the child until it has said enough, and what it said.
fn run_and_kill(path: &Path, size: u64, round: u64) -> Vec<String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crash::child", "--nocapture"])
        .env("TENFOLD_TEST_CRASH_DIR", path)
        .env("TENFOLD_TEST_CRASH_SEED", round.to_string())
        .env("TENFOLD_TEST_CRASH_SIZE", size.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap());
    // A different number of lines in each round, from a few to many.
    let enough = 10
        + noise(round, 2)
            .iter()
            .fold(0, |sum, &byte| sum * 3 + usize::from(byte));
    let mut lines = Vec::new();
    let mut line = String::new();
    while lines.len() < enough && said.read_line(&mut line).unwrap() > 0 {
        lines.push(std::mem::take(&mut line));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    // What it had said before it died and nobody had read.
    while said.read_line(&mut line).is_ok_and(|length| length > 0) {
        if line.ends_with('\n') {
            lines.push(std::mem::take(&mut line));
        }
        line.clear();
    }
    lines
}

/// Takes in what the child said: "will put KEY NUMBER", "done put KEY NUMBER", "will key KEY", "done key KEY",
/// and the same with "tag".
fn learn(known: &mut HashMap<u64, Known>, lines: &[String]) {
    for line in lines {
        let words: Vec<&str> = line.split_whitespace().collect();
        let number = |at: usize| words[at].parse::<u64>().unwrap();
        match words[..] {
            ["will", "put", ..] => known.get_mut(&number(2)).unwrap().may.push(number(3)),
            ["done", "put", ..] => {
                let known = known.get_mut(&number(2)).unwrap();
                known.may = vec![number(3)];
                known.none = false;
            }
            [when @ ("will" | "done"), what @ ("key" | "tag"), _] => {
                for (key, known) in known.iter_mut() {
                    if (what == "key" && *key == number(2))
                        || (what == "tag" && tag_of(*key) == number(2))
                    {
                        known.none = true;
                        if when == "done" {
                            known.may.clear();
                        }
                    }
                }
            }
            // The test harness says something as well.
            _ => {}
        }
    }
}

/// Holds what is there against what may be. How many values were found.
fn verify(path: &Path, size: u64, known: &mut HashMap<u64, Known>, round: u64) -> usize {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let disk = open_sized(path, size);
        assert_eq!(disk.0.recovery().dropped, None, "round {round}");
        assert_eq!(disk.0.recovery().damaged, 0, "round {round}");
        let mut found = 0;
        for (key, known) in known.iter_mut() {
            let payload = disk.get(key).await.map(|record| record.payload.unwrap());
            match payload {
                None => {
                    assert!(
                        known.none || size == LITTLE,
                        "round {round}: {key} is lost, {known:?}"
                    );
                    known.may.clear();
                }
                Some(payload) => {
                    let number = u64::from_le_bytes(payload[..8].try_into().unwrap());
                    assert!(
                        known.may.contains(&number),
                        "round {round}, {key}: {number}, {known:?}"
                    );
                    assert!(payload == value_of(number), "round {round}, {key} is torn");
                    *known = Known {
                        may: vec![number],
                        none: false,
                    };
                    found += 1;
                }
            }
        }
        assert_eq!(disk.0.usage().corrupt, 0, "round {round}");
        found
    })
}

/// Run by the test above; by itself it does nothing.
#[test]
fn child() {
    let Some(path) = std::env::var_os("TENFOLD_TEST_CRASH_DIR") else {
        return;
    };
    let number = |name| std::env::var(name).unwrap().parse::<u64>().unwrap();
    let seed = number("TENFOLD_TEST_CRASH_SEED");
    let size = number("TENFOLD_TEST_CRASH_SIZE");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let disk = open_sized(Path::new(&path), size);
        println!();
        for step in 0.. {
            let random = noise(seed << 32 | step, 8);
            let subject = u64::from(random[0]) % KEYS;
            let number = seed << 32 | step;
            let (doing, what) = match random[1] % 8 {
                0 | 1 => (
                    format!("key {subject}"),
                    Some(Invalidation::key(&key(subject))),
                ),
                2 => {
                    let tag = tag_of(subject);
                    (
                        format!("tag {tag}"),
                        Some(Invalidation::tag(&format!("t{tag}"))),
                    )
                }
                _ => (format!("put {subject} {number}"), None),
            };
            say(&format!("will {doing}"));
            match what {
                Some(what) => _ = disk.invalidate(what).await,
                None => {
                    let tag = format!("t{}", tag_of(subject));
                    disk.put(subject, value_of(number), &[&tag]).await;
                }
            }
            say(&format!("done {doing}"));
            // Something is read, so that it gets its second chance.
            disk.get(u64::from(random[2]) % KEYS).await;
        }
    });
}

/// Writes a line at once.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("{line}\n").as_bytes()).unwrap();
    out.flush().unwrap();
}

#[test]
fn another_process_is_locked_out_until_the_owner_is_killed() {
    let dir = tempfile::tempdir().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crash::child", "--nocapture"])
        .env("TENFOLD_TEST_CRASH_DIR", dir.path())
        .env("TENFOLD_TEST_CRASH_SEED", "1")
        .env("TENFOLD_TEST_CRASH_SIZE", SIZE.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while !line.starts_with("done") {
        line.clear();
        assert!(said.read_line(&mut line).unwrap() > 0, "the child died");
    }
    let refused = DiskLevel::open(&options(dir.path()))
        .unwrap_err()
        .to_string();
    let owner = format!("in use by process {}", child.id());
    assert!(refused.contains(&owner), "{refused}");
    child.kill().unwrap();
    child.wait().unwrap();
    open(dir.path());
}
