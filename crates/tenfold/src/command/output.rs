//! Files that something long is to be written to. They are opened before it begins: nobody wants to learn after an hour that a directory is
//! not there.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::Refusal;

/// A file that is open.
pub(crate) struct Output {
    path: PathBuf,
    file: File,
    /// It was not there before, and there is nothing in it yet.
    is_new: bool,
}

impl Output {
    /// Without emptying it: what is there is kept until there are new results.
    pub(crate) fn open(path: &Path) -> Result<Self, Refusal> {
        let new = File::options().create_new(true).write(true).open(path);
        let (file, is_new) = match new {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => (
                File::options()
                    .create(true)
                    .truncate(false)
                    .write(true)
                    .open(path),
                false,
            ),
            new => (new, true),
        };
        Ok(Self {
            path: path.to_owned(),
            file: file.map_err(|error| cannot(path, &error))?,
            is_new,
        })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the two are one file, by whatever names. What is no file (/dev/null) may be written to twice.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        match (self.file.metadata(), other.file.metadata()) {
            (Ok(one), Ok(two)) => one.is_file() && (one.dev(), one.ino()) == (two.dev(), two.ino()),
            _ => false,
        }
    }

    /// Writes it, in place of what was there.
    pub(crate) fn write(&mut self, text: &str) -> Result<(), Refusal> {
        // What is no file (a pipe, /dev/stdout) has no length.
        let is_file = self.file.metadata().is_ok_and(|it| it.is_file());
        let emptied = if is_file {
            self.file.set_len(0)
        } else {
            Ok(())
        };
        let written = emptied.and_then(|()| self.file.write_all(text.as_bytes()));
        self.is_new = false;
        written.map_err(|error| cannot(&self.path, &error))
    }
}

impl Drop for Output {
    /// What could not be done leaves no empty files.
    fn drop(&mut self) {
        if self.is_new {
            let _gone = fs::remove_file(&self.path);
        }
    }
}

fn cannot(path: &Path, error: &io::Error) -> Refusal {
    let help = match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "make room, or give another file",
        _ => "give a file in a directory that exists and that this user may write",
    };
    Refusal::new(format!("cannot write {}: {error}", path.display()), help)
}
