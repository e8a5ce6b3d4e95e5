//! The task that keeps a file of servers read.
//!
//! # The idea
//! It looks ten times a second whether the file is another one: who is behind the name (through symbolic links, as Kubernetes
//! mounts a ConfigMap), how large it is, when it was changed. Notifications of the kernel would be quicker by a tenth of a
//! second, but they are about inodes and not about names, so that each way of replacing a file needs its own care, and on network
//! file systems they do not come.
//!
//! A change is taken when the file has not changed any more from one look to the next: one that is written in place is half a
//! file for a while, and half a file can look like a whole one (`10.0.0.1:80` of `10.0.0.1:8080`).

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::mpsc::Sender;
use tokio::time::MissedTickBehavior;

use super::News;
use super::file::{self, MOST_BYTES};
use super::stamp::Stamp;
use crate::config::upstream::Server;

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(100);
/// So many looks after a change the file is read once more: what was written in the same tick of the file system's clock (up to
/// 2 s) looks unchanged.
const AGAIN: u32 = 25;
/// A file that is replaced at every look is taken nevertheless after so many.
const RESTLESS: u32 = 5;

/// Reads a file whenever it changes; tells the first result, also when it is a failure, and every change.
pub(super) async fn follow_file(path: PathBuf, upstream: String, index: usize, news: Sender<News>) {
    let mut ticks = tokio::time::interval(PAUSE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut watch = Watch::new(path, &upstream);
    loop {
        ticks.tick().await;
        // A file system that hangs holds up this task and nothing else.
        let look = tokio::task::spawn_blocking(move || {
            let servers = watch.look();
            (watch, servers)
        });
        let Ok((back, servers)) = look.await else {
            return;
        };
        watch = back;
        if let Some(servers) = servers
            && news.send(News::List { index, servers }).await.is_err()
        {
            return;
        }
    }
}

/// What is known of a file.
struct Watch {
    path: PathBuf,
    upstream: String,
    /// As of the last look.
    seen: Option<Stamp>,
    /// Of what was read.
    taken: Option<Stamp>,
    /// For how many looks it has been changing.
    restless: u32,
    looks: u64,
    /// In so many looks it is read once more; 0 if it has been.
    again: u32,
    /// For how many looks it could not be read.
    failures: u32,
    kept: usize,
    /// What was complained about.
    problem: Option<String>,
}

/// What one look gave.
enum Look {
    Unchanged,
    Changing(Stamp),
    Read(Stamp, Vec<u8>),
}

impl Watch {
    fn new(path: PathBuf, upstream: &str) -> Self {
        Self {
            path,
            upstream: upstream.to_owned(),
            seen: None,
            taken: None,
            restless: 0,
            looks: 0,
            again: 0,
            failures: 0,
            kept: 0,
            problem: None,
        }
    }

    /// Looks once; returns the servers if they may have changed, at the first look whatever happens.
    fn look(&mut self) -> Option<Vec<Server>> {
        let is_first = self.looks == 0;
        self.looks += 1;
        let servers = match self.peek(is_first) {
            Ok(Look::Unchanged) => {
                (self.restless, self.failures) = (0, 0);
                None
            }
            Ok(Look::Changing(stamp)) => {
                self.seen = Some(stamp);
                self.restless += 1;
                None
            }
            Ok(Look::Read(stamp, bytes)) => {
                if self.taken != Some(stamp) {
                    self.again = AGAIN;
                }
                self.seen = Some(stamp);
                self.taken = Some(stamp);
                (self.restless, self.failures) = (0, 0);
                self.take(&bytes)
            }
            Err(error) => {
                self.fail(&error, is_first);
                None
            }
        };
        if is_first {
            servers.or(Some(Vec::new()))
        } else {
            servers
        }
    }

    fn peek(&mut self, is_first: bool) -> io::Result<Look> {
        let metadata = fs::metadata(&self.path)?;
        let stamp = Stamp::from(&metadata);
        if self.taken == Some(stamp) {
            self.again = self.again.saturating_sub(1);
            return if self.again == 1 {
                read(&self.path)
            } else {
                Ok(Look::Unchanged)
            };
        }
        if !is_first && self.seen != Some(stamp) && self.restless < RESTLESS {
            return Ok(Look::Changing(stamp));
        }
        // Opening a pipe would wait for somebody who writes.
        if !metadata.is_file() {
            return Err(io::Error::other("this is not a file"));
        }
        read(&self.path)
    }

    fn take(&mut self, bytes: &[u8]) -> Option<Vec<Server>> {
        match file::parse(bytes) {
            Ok(servers) => {
                self.kept = servers.len();
                if self.problem.take().is_some() {
                    tracing::info!(
                        upstream = %self.upstream,
                        servers = self.kept,
                        "{} can be read again", self.path.display()
                    );
                }
                Some(servers)
            }
            Err(problem) => {
                self.complain(problem.to_string());
                None
            }
        }
    }

    /// The file cannot be read. Some ways of replacing a file leave a moment without one, so that only the second time counts.
    fn fail(&mut self, error: &io::Error, is_first: bool) {
        self.failures = self.failures.saturating_add(1);
        // Whatever comes next is new, also if it is the old file that was moved back.
        self.taken = None;
        self.seen = None;
        if is_first || self.failures > 1 {
            self.complain(error.to_string());
        }
    }

    fn complain(&mut self, problem: String) {
        if self.problem.as_ref() != Some(&problem) {
            tracing::warn!(
                upstream = %self.upstream,
                error = %problem,
                kept = self.kept,
                "cannot use {}: the servers that it had are kept", self.path.display()
            );
            self.problem = Some(problem);
        }
    }
}

/// Reads a file, unless it changes meanwhile.
fn read(path: &Path) -> io::Result<Look> {
    let mut file = File::open(path)?;
    let before = Stamp::from(&file.metadata()?);
    let mut bytes = Vec::new();
    file.by_ref()
        .take(MOST_BYTES as u64 + 1)
        .read_to_end(&mut bytes)?;
    let after = Stamp::from(&file.metadata()?);
    if before == after {
        Ok(Look::Read(after, bytes))
    } else {
        Ok(Look::Changing(after))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn watch() -> (tempfile::TempDir, PathBuf, Watch) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("servers");
        fs::write(&path, "10.0.0.1:1\n").unwrap();
        let mut watch = Watch::new(path.clone(), "shop");
        assert_eq!(names(&mut watch), ["10.0.0.1:1"]);
        (folder, path, watch)
    }

    fn names(watch: &mut Watch) -> Vec<String> {
        watch
            .look()
            .expect("it has changed")
            .into_iter()
            .map(|server| server.name)
            .collect()
    }

    #[test]
    fn a_file_is_not_taken_while_it_is_written() {
        let (_folder, path, mut watch) = watch();
        let mut file = File::create(&path).unwrap();
        for _ in 0..RESTLESS {
            // Each time a good file, and the wrong one.
            file.write_all(b"10.0.0.1:22\n").unwrap();
            assert_eq!(watch.look(), None);
        }
        assert_eq!(names(&mut watch), ["10.0.0.1:22"]);
        assert_eq!(watch.look(), None);
    }

    #[test]
    fn a_file_that_never_rests_is_taken_nevertheless() {
        let (folder, path, mut watch) = watch();
        let mut taken = 0;
        for port in 0..60 {
            fs::write(
                folder.path().join("new"),
                format!("10.0.0.1:{}\n", 1000 + port),
            )
            .unwrap();
            fs::rename(folder.path().join("new"), &path).unwrap();
            taken += usize::from(watch.look().is_some());
        }
        assert!(taken >= 5, "{taken}");
    }

    #[test]
    fn a_change_that_leaves_no_trace_is_found() {
        let (_folder, path, mut watch) = watch();
        // Of the same size, in the same place, and perhaps in the same tick of the file system's clock.
        fs::write(&path, "10.0.0.1:2\n").unwrap();
        let looks = (0..2 * AGAIN).filter_map(|_| watch.look());
        let last = looks.last().expect("it is read again");
        assert_eq!(last[0].name, "10.0.0.1:2");
    }

    #[test]
    fn it_is_said_once_what_is_wrong() {
        let (_folder, path, mut watch) = watch();
        fs::remove_file(&path).unwrap();
        assert_eq!(watch.look(), None);
        assert_eq!(
            watch.problem, None,
            "some ways of replacing a file leave a moment without one"
        );
        assert_eq!(watch.look(), None);
        assert!(watch.problem.as_ref().unwrap().contains("No such file"));
        fs::write(&path, "10.0.0.1:1\nnonsense\n").unwrap();
        assert_eq!((watch.look(), watch.look()), (None, None));
        assert!(
            watch
                .problem
                .as_ref()
                .unwrap()
                .starts_with("line 2: `nonsense`")
        );
        fs::write(&path, "10.0.0.1:33\n").unwrap();
        assert_eq!(watch.look(), None);
        assert_eq!(names(&mut watch), ["10.0.0.1:33"]);
        assert_eq!((watch.problem.clone(), watch.kept), (None, 1));
    }
}
