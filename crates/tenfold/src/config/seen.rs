//! What a configuration depends on, to know later whether it would still be the same.
//!
//! # The idea
//! Whoever loads a configuration looks at the disk through `Watching`, which notes each look and what was there *before* it:
//! files, also those that could not be read; whether a path exists; what a pattern matches. The configuration would be another
//! one, or a mistake be mended, exactly if one of these looks would show something else. So a new file of `conf.d/*.toml` is
//! noticed, and a file that is mended after it was refused, and one that changed while it was being read.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::files::{Disk, Files};

/// Every look at the disk, and what it showed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    files: BTreeMap<PathBuf, Option<Stamp>>,
    exists: BTreeMap<PathBuf, bool>,
    patterns: BTreeMap<String, Vec<PathBuf>>,
}

impl Seen {
    /// The same looks once more. Equal to these unless something has changed. Blocks as long as the disk does.
    #[must_use]
    pub fn again(&self) -> Self {
        let files = self.files.keys().map(|it| (it.clone(), Stamp::of(it)));
        let exists = self.exists.keys().map(|it| (it.clone(), it.exists()));
        let find = |pattern: &String| (pattern.clone(), Disk.find(pattern).unwrap_or_default());
        Self {
            files: files.collect(),
            exists: exists.collect(),
            patterns: self.patterns.keys().map(find).collect(),
        }
    }
}

/// What tells one content of a file from another.
///
/// The time of the inode's change is in it because the time of the last write can be set (`cp -p`, `mv`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    length: u64,
    written: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    fn of(path: &Path) -> Option<Self> {
        std::fs::metadata(path).ok().map(|it| Self::from(&it))
    }
}

impl From<&Metadata> for Stamp {
    fn from(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            length: metadata.len(),
            written: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

/// The disk, and what was looked at.
#[derive(Debug, Default)]
pub(crate) struct Watching {
    seen: RefCell<Seen>,
}

impl Watching {
    pub(crate) fn seen(self) -> Seen {
        self.seen.into_inner()
    }
}

impl Files for Watching {
    fn read_at_most(&self, path: &Path, most: u64) -> io::Result<Vec<u8>> {
        // Before it is read: what changes meanwhile is then seen as a change. Of several looks the first one counts.
        let stamp = Stamp::of(path);
        let mut seen = self.seen.borrow_mut();
        seen.files.entry(path.to_owned()).or_insert(stamp);
        Disk.read_at_most(path, most)
    }

    fn exists(&self, path: &Path) -> bool {
        let exists = Disk.exists(path);
        let mut seen = self.seen.borrow_mut();
        seen.exists.entry(path.to_owned()).or_insert(exists);
        exists
    }

    fn find(&self, pattern: &str) -> Result<Vec<PathBuf>, String> {
        let found = Disk.find(pattern);
        let all = found.clone().unwrap_or_default();
        let mut seen = self.seen.borrow_mut();
        seen.patterns.entry(pattern.to_owned()).or_insert(all);
        found
    }

    fn canonical(&self, path: &Path) -> PathBuf {
        Disk.canonical(path)
    }

    fn variable(&self, name: &str) -> Option<String> {
        Disk.variable(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn whatever_would_make_another_configuration_is_a_change() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("main.toml"), "a").unwrap();
        fs::create_dir(path("conf.d")).unwrap();
        let look = || {
            let disk = Watching::default();
            let pattern = path("conf.d/*.toml");
            let _read = disk.read(&path("main.toml"));
            let _missing = disk.read(&path("token"));
            disk.exists(&path("www"));
            disk.find(&pattern.to_string_lossy()).unwrap();
            disk.seen()
        };
        let changes: [(&str, &dyn Fn()); 6] = [
            ("written", &|| fs::write(path("main.toml"), "bb").unwrap()),
            ("replaced", &|| {
                fs::write(path("new"), "cc").unwrap();
                fs::rename(path("new"), path("main.toml")).unwrap();
            }),
            ("there at last", &|| fs::write(path("token"), "c").unwrap()),
            ("a folder", &|| fs::create_dir(path("www")).unwrap()),
            ("matches", &|| fs::write(path("conf.d/1.toml"), "").unwrap()),
            ("gone", &|| fs::remove_file(path("main.toml")).unwrap()),
        ];
        for (what, change) in changes {
            let seen = look();
            assert_eq!(seen.again(), seen, "before: {what}");
            change();
            assert_ne!(seen.again(), seen, "{what}");
        }
    }
}
