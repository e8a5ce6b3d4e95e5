//! What a configuration reads besides itself: files, folders and the environment.
//!
//! Behind a trait, so that tests and the fuzz target load configurations without a disk: what a random input names must
//! not be opened.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Largest file that is read: a configuration of 100,000 routes has about 16 MiB, and a mistaken path (a log, a device)
/// must not fill the memory.
pub(crate) const LARGEST: u64 = 16 << 20;

/// Where files, folders and variables come from.
pub(crate) trait Files {
    /// A file's bytes. At most one more than [`LARGEST`], by which too large a file is known.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.read_at_most(path, LARGEST)
    }
    /// A file's bytes. At most one more than `most`, by which too large a file is known.
    fn read_at_most(&self, path: &Path, most: u64) -> io::Result<Vec<u8>>;
    /// True if there is a file or a folder.
    fn exists(&self, path: &Path) -> bool;
    /// The files whose path matches a pattern with `*`, `?`, `[a-z]` or `**`, sorted.
    fn find(&self, pattern: &str) -> Result<Vec<PathBuf>, String>;
    /// One path for each file, whichever way leads to it.
    fn canonical(&self, path: &Path) -> PathBuf;
    /// A variable of the environment.
    fn variable(&self, name: &str) -> Option<String>;
}

/// The real ones.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Disk;

impl Files for Disk {
    fn read_at_most(&self, path: &Path, most: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        std::fs::File::open(path)?
            .take(most.saturating_add(1))
            .read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn exists(&self, path: &Path) -> bool {
        path.exists()
    }

    fn find(&self, pattern: &str) -> Result<Vec<PathBuf>, String> {
        let found = glob::glob(pattern).map_err(|error| error.msg.to_owned())?;
        Ok(found.filter_map(Result::ok).collect())
    }

    fn canonical(&self, path: &Path) -> PathBuf {
        path.canonicalize().unwrap_or_else(|_| path.to_owned())
    }

    fn variable(&self, name: &str) -> Option<String> {
        // A name with `=` or NUL cannot exist, and asking for one is an error of the system's.
        let is_name = !name.is_empty() && !name.contains(['=', '\0']);
        is_name.then(|| std::env::var(name).ok()).flatten()
    }
}

/// Files that exist only here.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory {
    pub(crate) files: BTreeMap<PathBuf, Vec<u8>>,
    pub(crate) variables: BTreeMap<String, String>,
}

impl Files for Memory {
    fn read_at_most(&self, path: &Path, _: u64) -> io::Result<Vec<u8>> {
        let found = self.files.get(&self.canonical(path));
        found
            .cloned()
            .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no such file or directory"))
    }

    fn exists(&self, path: &Path) -> bool {
        let path = self.canonical(path);
        self.files.keys().any(|file| file.starts_with(&path))
    }

    fn find(&self, pattern: &str) -> Result<Vec<PathBuf>, String> {
        let pattern = glob::Pattern::new(pattern).map_err(|error| error.msg.to_owned())?;
        let found = self.files.keys().filter(|path| pattern.matches_path(path));
        Ok(found.cloned().collect())
    }

    fn canonical(&self, path: &Path) -> PathBuf {
        path.strip_prefix(".").unwrap_or(path).to_owned()
    }

    fn variable(&self, name: &str) -> Option<String> {
        self.variables.get(name).cloned()
    }
}
