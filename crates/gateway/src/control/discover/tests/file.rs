//! A watched file: replaced, swapped, half written, removed.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::*;

struct Watched {
    folder: tempfile::TempDir,
    finding: Finding,
}

impl Watched {
    fn path(&self) -> PathBuf {
        self.folder.path().join("servers")
    }

    fn start(prepare: impl FnOnce(&Path)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        prepare(folder.path());
        let source = Source::File(folder.path().join("servers"));
        let resolver = Resolver::with_servers(&[]);
        let finding = Finding::start(&upstream(vec![], vec![source]), resolver);
        Self { folder, finding }
    }

    /// Writes the file anew, and moves it into its place.
    fn replace(&self, text: &[u8]) {
        let new = self.folder.path().join("new");
        fs::write(&new, text).unwrap();
        fs::rename(new, self.path()).unwrap();
    }

    /// Makes sure that a good file is still taken after whatever was there, and that nothing was told before.
    async fn then_takes(&mut self, port: u16) {
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(self.finding.told.try_recv().is_err());
        self.replace(format!("10.0.0.1:{port}\n").as_bytes());
        assert_eq!(self.finding.next().await, [server(port)]);
    }
}

fn server(port: u16) -> String {
    format!("10.0.0.1:{port}=[10.0.0.1:{port}] 1")
}

fn with_one(folder: &Path) {
    fs::write(folder.join("servers"), "10.0.0.1:1\n").unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_file_that_is_written_or_replaced_is_read_again() {
    let mut watched = Watched::start(with_one);
    assert_eq!(watched.finding.next().await, [server(1)]);
    fs::write(watched.path(), "10.0.0.1:2\n").unwrap();
    assert_eq!(watched.finding.next().await, [server(2)]);
    watched.replace(b"10.0.0.1:3 weight=2 zone=b");
    assert_eq!(
        watched.finding.next().await,
        ["10.0.0.1:3=[10.0.0.1:3] 2 b"]
    );
    watched.replace(b"none");
    assert!(watched.finding.next().await.is_empty());
    watched.then_takes(4).await;
}

#[tokio::test(start_paused = true)]
async fn whatever_is_wrong_with_it_the_last_servers_are_kept() {
    let mut watched = Watched::start(with_one);
    assert_eq!(watched.finding.next().await, [server(1)]);
    let bad: [&[u8]; 5] = [
        b"",
        b"# nothing\n",
        b"10.0.0.1:7\n\x00\xff\xfe",
        b"10.0.0.1:7\n10.0.",
        b"10.0.0.1:1\n",
    ];
    for (port, bytes) in (2..).zip(bad) {
        watched.replace(bytes);
        watched.then_takes(port).await;
        watched.replace(b"10.0.0.1:1\n");
        assert_eq!(watched.finding.next().await, [server(1)]);
    }
    fs::remove_file(watched.path()).unwrap();
    watched.then_takes(9).await;
    fs::remove_file(watched.path()).unwrap();
    fs::create_dir(watched.path()).unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    fs::remove_dir(watched.path()).unwrap();
    watched.then_takes(10).await;
    watched.replace(&vec![b'#'; 2 << 20]);
    watched.then_takes(11).await;
}

#[tokio::test(start_paused = true)]
async fn a_file_that_comes_later_is_read() {
    let mut watched = Watched::start(|_| {});
    assert!(watched.finding.next().await.is_empty());
    watched.then_takes(1).await;
}

#[tokio::test(start_paused = true)]
async fn links_are_followed_when_they_are_swapped() {
    // As Kubernetes mounts a ConfigMap: servers -> ..data/servers, ..data -> ..1, which is replaced.
    let mut watched = Watched::start(|folder| {
        fs::create_dir(folder.join("..1")).unwrap();
        fs::write(folder.join("..1/servers"), "10.0.0.1:1\n").unwrap();
        symlink("..1", folder.join("..data")).unwrap();
        symlink("..data/servers", folder.join("servers")).unwrap();
    });
    assert_eq!(watched.finding.next().await, [server(1)]);
    let folder = watched.folder.path();
    fs::create_dir(folder.join("..2")).unwrap();
    fs::write(folder.join("..2/servers"), "10.0.0.1:2\n").unwrap();
    symlink("..2", folder.join("..new")).unwrap();
    fs::rename(folder.join("..new"), folder.join("..data")).unwrap();
    assert_eq!(watched.finding.next().await, [server(2)]);
    fs::remove_file(folder.join("..2/servers")).unwrap();
    watched.finding.is_silent_for(Duration::from_secs(1)).await;
}

#[tokio::test(start_paused = true)]
async fn names_in_a_file_are_looked_up() {
    let mut watched = Watched::start(|folder| {
        fs::write(
            folder.join("servers"),
            "localhost:80 weight=4\nunix:/run/a\n",
        )
        .unwrap();
    });
    let all = [
        "localhost:80=[127.0.0.1:80 [::1]:80] 4",
        "unix:/run/a=[/run/a] 1",
    ];
    assert_eq!(watched.finding.next().await, all);
}
