//! Opening a file of a folder, and nothing outside of it.
//!
//! A check of the path before opening it loses a race against whoever moves folders and links meanwhile, and the gateway
//! may run as root. So the kernel itself is told not to leave the folder: `openat2` with `RESOLVE_BENEATH` (Linux 5.6)
//! fails on everything that would, while links that stay inside work. Absolute links count as leaving, even if they
//! point back inside. Where `openat2` is missing (an old kernel, gVisor) or forbidden (an old seccomp profile) a path is
//! walked by one segment at a time, and no link is followed at all.
//!
//! The root itself is opened anew for each request, so that a deployment which swaps a link (`current -> release-42`) is
//! seen at once, and one request sees one release.

use std::fs::{File, Metadata};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat, openat2};
use rustix::io::Errno;

/// How often opening is tried when a file was renamed somewhere at the same moment, which the kernel reports as `EAGAIN`.
const RACES: usize = 8;

/// How files are opened. `NONBLOCK`: opening a FIFO must not wait for its writer. It means nothing to regular files.
const FILE: OFlags = OFlags::RDONLY
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY)
    .union(OFlags::CLOEXEC);
/// How folders are opened that are only a place to look in.
const FOLDER: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// An open root.
pub(super) struct Root(OwnedFd);

/// What was found under a name.
pub(super) enum Opened {
    File(File, Metadata),
    Folder,
}

impl Root {
    /// Opens it. Links are followed: where the root is, is the operator's decision.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self(openat(CWD, path, FOLDER, Mode::empty())?))
    }

    /// Opens what `name` stands for. What is neither a regular file nor a folder fails with `ENXIO`.
    pub(super) fn get(&self, name: &[u8]) -> io::Result<Opened> {
        let file = match beneath(&self.0, name) {
            // EPERM is what seccomp says; if it was the kernel, walking says so again.
            Err(Errno::NOSYS | Errno::PERM) => walk(&self.0, name)?,
            opened => opened?,
        };
        let file = File::from(file);
        let metadata = file.metadata()?;
        if metadata.is_dir() {
            Ok(Opened::Folder)
        } else if metadata.is_file() {
            Ok(Opened::File(file, metadata))
        } else {
            Err(Errno::NXIO.into())
        }
    }

    /// Opens the regular file `name`. A folder fails with `EISDIR`.
    pub(super) fn file(&self, name: &[u8]) -> io::Result<(File, Metadata)> {
        match self.get(name)? {
            Opened::File(file, metadata) => Ok((file, metadata)),
            Opened::Folder => Err(Errno::ISDIR.into()),
        }
    }
}

fn beneath(root: &OwnedFd, name: &[u8]) -> Result<OwnedFd, Errno> {
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    let mut races = 0;
    loop {
        match openat2(root, name, FILE, Mode::empty(), resolve) {
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) if races < RACES => races += 1,
            opened => return opened,
        }
    }
}

fn walk(root: &OwnedFd, name: &[u8]) -> Result<OwnedFd, Errno> {
    let mut segments = name.split(|&byte| byte == b'/').peekable();
    let mut folder: Option<OwnedFd> = None;
    while let Some(segment) = segments.next() {
        if matches!(segment, b"" | b"." | b"..") {
            return Err(Errno::NOENT);
        }
        let within = folder.as_ref().unwrap_or(root).as_fd();
        let is_last = segments.peek().is_none();
        let flags = if is_last { FILE } else { FOLDER } | OFlags::NOFOLLOW;
        let opened = openat(within, segment, flags, Mode::empty())?;
        if is_last {
            return Ok(opened);
        }
        folder = Some(opened);
    }
    Err(Errno::NOENT)
}

/// True if this is how a name fails that stands for no file that is served: it is missing, leads out of the root, runs in
/// circles, is too long, goes through a file as if it were a folder, or is a folder, socket or device.
pub(super) fn is_missing(error: &io::Error) -> bool {
    const MISSING: [Errno; 9] = [
        Errno::NOENT,
        Errno::NOTDIR,
        Errno::XDEV,
        Errno::LOOP,
        Errno::NAMETOOLONG,
        Errno::ISDIR,
        Errno::NXIO,
        Errno::NODEV,
        // A byte that this file system does not allow in names.
        Errno::ILSEQ,
    ];
    Errno::from_io_error(error).is_some_and(|error| MISSING.contains(&error))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use rustix::fs::{FileType, mknodat};

    use super::*;

    /// A folder `www` beside a folder `secret`, with ways out.
    fn tree() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let www = dir.path().join("www");
        fs::create_dir_all(www.join("a/b")).unwrap();
        fs::create_dir(dir.path().join("secret")).unwrap();
        fs::write(dir.path().join("secret/key"), "secret").unwrap();
        fs::write(www.join("a/b/file"), "file").unwrap();
        symlink("a/b/file", www.join("inside")).unwrap();
        symlink("../a/b", www.join("a/folder-inside")).unwrap();
        symlink("/etc/passwd", www.join("passwd")).unwrap();
        symlink("../secret/key", www.join("key")).unwrap();
        symlink("../secret", www.join("outside")).unwrap();
        symlink(www.join("a/b/file"), www.join("absolute")).unwrap();
        symlink("circle", www.join("circle")).unwrap();
        symlink("/proc/self/root", www.join("magic")).unwrap();
        mknodat(CWD, www.join("fifo"), FileType::Fifo, Mode::RUSR, 0).unwrap();
        dir
    }

    const NEVER: [&str; 14] = [
        "passwd",
        "key",
        "outside/key",
        "absolute",
        "circle",
        "magic/etc/passwd",
        "../secret/key",
        "a/../../secret/key",
        "/etc/passwd",
        "/proc/self/root/etc/passwd",
        "missing",
        "a/b/file/",
        "a/b/file/x",
        "fifo",
    ];

    #[test]
    fn nothing_outside_of_the_root_is_opened() {
        let dir = tree();
        let root = Root::open(&dir.path().join("www")).unwrap();
        for name in NEVER {
            let error = root.file(name.as_bytes()).unwrap_err();
            assert!(is_missing(&error), "{name}: {error}");
        }
        for name in ["a/b/file", "inside", "a/folder-inside/file"] {
            let (_, metadata) = root.file(name.as_bytes()).unwrap();
            assert_eq!(metadata.len(), 4, "{name}");
        }
        assert!(matches!(root.get(b"a/b"), Ok(Opened::Folder)));
    }

    #[test]
    fn without_openat2_no_link_is_followed() {
        let dir = tree();
        let root = Root::open(&dir.path().join("www")).unwrap();
        for name in NEVER.iter().filter(|&&name| name != "fifo") {
            let error = walk(&root.0, name.as_bytes()).unwrap_err();
            assert!(is_missing(&error.into()), "{name}: {error}");
        }
        for name in ["", ".", "inside", "a/folder-inside/file", "a/./b/file"] {
            assert!(walk(&root.0, name.as_bytes()).is_err(), "{name}");
        }
        assert!(walk(&root.0, b"a/b/file").is_ok());
    }

    #[test]
    fn a_root_may_be_a_link_and_must_be_a_folder() {
        let dir = tree();
        symlink("www", dir.path().join("current")).unwrap();
        let root = Root::open(&dir.path().join("current")).unwrap();
        assert!(root.file(b"a/b/file").is_ok());
        assert!(root.file(b"key").is_err());
        assert!(Root::open(&dir.path().join("www/a/b/file")).is_err());
        assert!(Root::open(&dir.path().join("missing")).is_err());
    }
}
