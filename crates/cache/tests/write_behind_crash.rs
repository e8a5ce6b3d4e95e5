//! Writing behind in a process that is killed: this file runs itself as a child.
//!
//! The child writes numbers, the next always larger than the one before, under a few keys, and says on its standard output
//! what was acknowledged. Its store is a file to which it adds a line for each change. The parent kills it at some moment,
//! again and again, and compares in the end.

#![allow(clippy::unwrap_used, reason = "a test panics where it fails")]

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use tenfold_cache::write_behind::{
    Change, Failed, Store, WriteBehind, WriteBehindOptions, WriteError,
};
use tenfold_cache::{Builder, Key, MessagePack, Namespace, Options};

const ROLE: &str = "TENFOLD_WRITE_BEHIND_CHILD";
const DIRECTORY: &str = "TENFOLD_WRITE_BEHIND_DIRECTORY";
const ROUND: &str = "TENFOLD_WRITE_BEHIND_ROUND";
const KEYS: u64 = 12;

/// Adds a line for each change, and fails now and then.
struct Lines(File);

impl Store<u64> for Lines {
    async fn write(&self, changes: &[Change<u64>]) -> Result<(), Failed> {
        tokio::time::sleep(Duration::from_micros(fastrand::u64(..3000))).await;
        if fastrand::u8(..10) == 0 {
            return Err(std::io::Error::other("down").into());
        }
        let mut lines = String::new();
        let mut refused = Vec::new();
        for (at, change) in changes.iter().enumerate() {
            if fastrand::u8(..10) == 0 {
                refused.push((at, "not now".into()));
            } else {
                let value = change.value.expect("nothing is deleted");
                lines += &format!("{} {} {value}\n", change.key, change.sequence);
            }
        }
        // One write, which kill(2) does not divide.
        (&self.0).write_all(lines.as_bytes())?;
        if refused.is_empty() {
            Ok(())
        } else {
            Err(Failed::Items(refused))
        }
    }
}

async fn open(directory: &Path) -> WriteBehind<u64> {
    let file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(directory.join("store"))
        .unwrap();
    let options = WriteBehindOptions {
        batch: 5,
        concurrency: 3,
        backoff: Duration::from_millis(1),
        max_backoff: Duration::from_millis(10),
        file_bytes: 4096,
        ..WriteBehindOptions::default()
    };
    let cache = Builder::<u64>::serde(Namespace::new("test", 1)).build();
    WriteBehind::open(
        cache,
        directory.join("log"),
        MessagePack,
        options,
        Lines(file),
    )
    .await
    .unwrap()
}

/// What the child does. As a test of its own it has nothing to do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child() {
    match std::env::var(ROLE).as_deref() {
        Ok("write") => write_until_killed().await,
        Ok("fill") => fill_the_disk().await,
        _ => {}
    }
}

async fn write_until_killed() {
    let directory = PathBuf::from(std::env::var(DIRECTORY).unwrap());
    let round: u64 = std::env::var(ROUND).unwrap().parse().unwrap();
    let queue = open(&directory).await;
    let writers = (0..4).map(|writer| {
        let queue = queue.clone();
        tokio::spawn(async move {
            // Each writer has keys of its own, so that what is acknowledged later is also newer.
            for number in 0.. {
                let name = format!("k{}", fastrand::u64(..KEYS / 4) * 4 + writer);
                let value = round * 1_000_000_000 + number;
                let key = Key::new(&name).unwrap();
                queue.put(&key, value, &Options::default()).await.unwrap();
                let line = format!("acknowledged {name} {value}\n");
                std::io::stderr().write_all(line.as_bytes()).unwrap();
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
}

fn again(role: &str, directory: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["child", "--exact", "--nocapture", "--test-threads=1"])
        .env(ROLE, role)
        .env(DIRECTORY, directory);
    command
}

#[tokio::test]
async fn killed_at_any_moment_nothing_acknowledged_is_lost_or_out_of_order() {
    let directory = tempfile::tempdir().unwrap();
    let mut acknowledged: HashMap<String, u64> = HashMap::new();
    let mut acknowledgements = 0;
    for round in 0..20 {
        let mut child = again("write", directory.path())
            .env(ROUND, round.to_string())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = child.stderr.take().unwrap();
        let reader = std::thread::spawn(move || {
            let lines = BufReader::new(stderr).lines().map_while(Result::ok);
            lines.collect::<Vec<_>>()
        });
        tokio::time::sleep(Duration::from_millis(100 + fastrand::u64(..150))).await;
        // SIGKILL.
        child.kill().unwrap();
        child.wait().unwrap();
        for line in reader.join().unwrap() {
            let words: Vec<&str> = line.split(' ').collect();
            let ["acknowledged", name, value] = words[..] else {
                panic!("the child said: {line}")
            };
            acknowledgements += 1;
            acknowledged.insert(name.to_owned(), value.parse().unwrap());
        }
    }
    assert!(
        acknowledgements > 100,
        "the children did something: {acknowledgements}"
    );
    let queue = open(directory.path()).await;
    queue.close(Duration::from_secs(30)).await.unwrap();

    let mut stored: HashMap<String, (u64, u64)> = HashMap::new();
    for line in fs::read_to_string(directory.path().join("store"))
        .unwrap()
        .lines()
    {
        let words: Vec<&str> = line.split(' ').collect();
        let [name, sequence, value] = words[..] else {
            panic!("a torn line: {line}")
        };
        let next: (u64, u64) = (sequence.parse().unwrap(), value.parse().unwrap());
        if let Some(before) = stored.insert(name.to_owned(), next) {
            assert!(
                before.0 <= next.0 && before.1 <= next.1,
                "{name}: {before:?}, then {next:?}"
            );
        }
    }
    for (name, value) in acknowledged {
        let (_, last) = stored
            .get(&name)
            .unwrap_or_else(|| panic!("{name} was never written"));
        assert!(
            *last >= value,
            "{name}: {value} was acknowledged, and the store ends with {last}"
        );
    }
}

/// Under a limit for the size of files, which is how the parent makes a disk full.
async fn fill_the_disk() {
    let directory = PathBuf::from(std::env::var(DIRECTORY).unwrap());
    let cache = Builder::<u64>::serde(Namespace::new("test", 1)).build();
    struct Down;
    impl Store<u64> for Down {
        async fn write(&self, _: &[Change<u64>]) -> Result<(), Failed> {
            Err(std::io::Error::other("down").into())
        }
    }
    let options = WriteBehindOptions::default();
    let queue = WriteBehind::open(cache, directory.join("log"), MessagePack, options, Down)
        .await
        .unwrap();
    let mut accepted = 0;
    let error = loop {
        let key = Key::new(&format!("k{accepted}")).unwrap();
        match queue.put(&key, accepted, &Options::default()).await {
            Ok(_) => accepted += 1,
            Err(error) => break error,
        }
    };
    let refused = Key::new(&format!("k{accepted}")).unwrap();
    assert!(matches!(&error, WriteError::Log(_)), "{error}");
    assert!(queue.pending(&refused).is_none() && queue.cache().get(&refused).await.is_none());
    assert_eq!(queue.statistics().pending as u64, accepted);
    assert!(queue.statistics().log_failures > 0);
    // What is smaller than what did not fit may still fit: nothing was left in the way.
    eprintln!("accepted {accepted}: {error}");
}

#[tokio::test]
async fn a_full_disk_is_said_and_nothing_is_acknowledged_that_is_not_there() {
    let directory = tempfile::tempdir().unwrap();
    let child = again("fill", directory.path());
    // The limit counts blocks of 512 or 1024 bytes. Without a handler its signal would end the process.
    let mut shell = Command::new("sh");
    shell
        .args(["-c", "trap '' XFSZ; ulimit -f 16; exec \"$@\"", "sh"])
        .arg(child.get_program())
        .args(child.get_args());
    for (name, value) in child.get_envs() {
        shell.env(name, value.unwrap());
    }
    let output = shell.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        output.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&output.stdout)
    );
    let line = said
        .lines()
        .find_map(|line| line.strip_prefix("accepted "))
        .expect("it says how far it came");
    let (accepted, error) = line.split_once(": ").unwrap();
    assert!(
        error.contains(".log") && error.contains("was not accepted"),
        "{error}"
    );
    let queue = open(directory.path()).await;
    assert_eq!(
        queue.statistics().replayed,
        accepted.parse::<u64>().unwrap()
    );
    queue.close(Duration::from_secs(30)).await.unwrap();
    let stored = fs::read_to_string(directory.path().join("store")).unwrap();
    let last = format!("k{} ", accepted.parse::<u64>().unwrap() - 1);
    assert!(stored.lines().any(|line| line.starts_with(&last)));
}
