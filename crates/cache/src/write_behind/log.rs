//! The files of the log.
//!
//! # The idea
//! Numbered files are written one after the other and deleted from the oldest on, so that what is left is always the end of
//! the row. In file order the records of a key never go back, hence the last one that is left is the key's newest,
//! and replaying it never brings an old value over a newer one. A file is deleted when no change lies in it that still has to
//! be written; a change that stays for long is logged again at the end, so that it holds no file for ever.
//!
//! # The trade-off
//! Everything here blocks, so it belongs to a thread of its own ([`super::appender`]).

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::error::LogError;
use super::found::{Found, check, find, latest, next_sequence, pending};
use super::frame::{self, HEADER, Header, Record};

pub(super) struct Log {
    directory: PathBuf,
    files: BTreeMap<u64, Extent>,
    current: File,
    next_sequence: u64,
    file_bytes: u64,
    /// What a failed write left behind the current file's end could not be cut off yet.
    torn: bool,
    /// Holds the lock as long as it is open.
    _lock: File,
}

/// A file of the log.
#[derive(Debug, Default, Clone, Copy)]
struct Extent {
    bytes: u64,
    /// Changes in it that have yet to be written.
    live: usize,
}

/// What an opened log says.
pub(super) struct Opened {
    pub(super) log: Log,
    /// The newest change of each key that has not been written, with its file.
    pub(super) pending: Vec<(Record, u64)>,
    /// Bytes that were cut off as a torn end.
    pub(super) torn_bytes: u64,
}

impl Log {
    /// Opens the log in a directory, which is made if it is missing.
    pub(super) fn open(
        directory: &Path,
        file_bytes: u64,
        recover: bool,
    ) -> Result<Opened, LogError> {
        fs::create_dir_all(directory).map_err(LogError::io(directory))?;
        let lock = lock(directory)?;
        let found = find(directory)?;
        let whole = check(&found, directory);
        if !recover {
            whole?;
        } else if whole.is_err() {
            return Self::recover(directory, file_bytes, lock, &found);
        }
        let next_sequence = next_sequence(&found).unwrap_or_else(first_sequence);
        let (current, torn_bytes) = match found.last() {
            None => (
                begin(
                    directory,
                    Header {
                        number: 1,
                        next_sequence,
                    },
                )?,
                0,
            ),
            Some(last) => {
                let error = LogError::io(&last.path);
                let file = OpenOptions::new()
                    .write(true)
                    .open(&last.path)
                    .map_err(&error)?;
                file.set_len(last.content.whole as u64).map_err(&error)?;
                (file, last.bytes - last.content.whole as u64)
            }
        };
        let mut files: BTreeMap<u64, Extent> = found
            .iter()
            .map(|file| {
                (
                    file.number,
                    Extent {
                        bytes: file.content.whole as u64,
                        live: 0,
                    },
                )
            })
            .collect();
        if files.is_empty() {
            files.insert(
                1,
                Extent {
                    bytes: HEADER as u64,
                    live: 0,
                },
            );
        }
        let pending = pending(&found);
        for (_, file) in &pending {
            files.entry(*file).or_default().live += 1;
        }
        let directory = directory.to_owned();
        let log = Self {
            directory,
            files,
            current,
            next_sequence,
            file_bytes,
            torn: false,
            _lock: lock,
        };
        Ok(Opened {
            log,
            pending,
            torn_bytes,
        })
    }

    /// Writes what reads of a damaged log to a new file, and puts the damaged ones aside.
    fn recover(
        directory: &Path,
        file_bytes: u64,
        lock: File,
        found: &[Found],
    ) -> Result<Opened, LogError> {
        let last = found.last().map_or(0, |file| file.number);
        // What does not read may have had larger numbers than what does.
        let next_sequence = next_sequence(found).unwrap_or(0).max(first_sequence());
        let header = Header {
            number: last + 1,
            next_sequence,
        };
        let current = begin(directory, header)?;
        let files = BTreeMap::from([(
            header.number,
            Extent {
                bytes: HEADER as u64,
                live: 0,
            },
        )]);
        let mut log = Self {
            directory: directory.to_owned(),
            files,
            current,
            next_sequence,
            file_bytes,
            torn: false,
            _lock: lock,
        };
        let mut records = latest(
            found
                .iter()
                .flat_map(|file| file.content.records.iter().map(|record| (record, 0))),
        );
        records.sort_unstable_by_key(|(record, _)| record.sequence);
        let mut pending = Vec::new();
        for (record, _) in records {
            let file = log.append(&frame::encode(std::slice::from_ref(record)), false)?;
            log.hold(file);
            pending.push((record.clone(), file));
        }
        log.sync()?;
        for file in found {
            if file.is_whole() {
                fs::remove_file(&file.path).map_err(LogError::io(&file.path))?;
            } else {
                let aside = file.path.with_extension("damaged");
                fs::rename(&file.path, &aside).map_err(LogError::io(&file.path))?;
            }
        }
        Ok(Opened {
            log,
            pending,
            torn_bytes: 0,
        })
    }

    /// A number for the next change.
    pub(super) fn number(&mut self) -> u64 {
        self.next_sequence += 1;
        self.next_sequence - 1
    }

    /// Adds a frame at the end. Returns the number of the file that it is in. After an error nothing of it is there.
    pub(super) fn append(&mut self, frame: &[u8], sync: bool) -> Result<u64, LogError> {
        self.cut()?;
        if self.current().1.bytes > HEADER as u64
            && self.current().1.bytes + frame.len() as u64 > self.file_bytes
        {
            self.rotate()?;
        }
        let (number, extent) = self.current();
        let written = self
            .current
            .write_all_at(frame, extent.bytes)
            .and_then(|()| {
                if sync {
                    self.current.sync_data()
                } else {
                    Ok(())
                }
            });
        if let Err(error) = written {
            self.torn = true;
            // Tried again before the next write; the error that matters is the first one.
            let _ = self.cut();
            return Err(LogError::io(&path(&self.directory, number))(error));
        }
        self.files.entry(number).or_default().bytes += frame.len() as u64;
        Ok(number)
    }

    /// Cuts off what a failed write left.
    fn cut(&mut self) -> Result<(), LogError> {
        if self.torn {
            let (number, extent) = self.current();
            self.current
                .set_len(extent.bytes)
                .map_err(LogError::io(&path(&self.directory, number)))?;
            self.torn = false;
        }
        Ok(())
    }

    fn current(&self) -> (u64, Extent) {
        self.files
            .last_key_value()
            .map(|(number, extent)| (*number, *extent))
            .expect("there is always a file")
    }

    /// Begins another file.
    fn rotate(&mut self) -> Result<(), LogError> {
        self.sync()?;
        let header = Header {
            number: self.current().0 + 1,
            next_sequence: self.next_sequence,
        };
        self.current = begin(&self.directory, header)?;
        self.files.insert(
            header.number,
            Extent {
                bytes: HEADER as u64,
                live: 0,
            },
        );
        Ok(())
    }

    fn sync(&self) -> Result<(), LogError> {
        self.current
            .sync_data()
            .map_err(LogError::io(&path(&self.directory, self.current().0)))
    }

    /// A change in this file has yet to be written.
    pub(super) fn hold(&mut self, file: u64) {
        self.files.entry(file).or_default().live += 1;
    }

    /// A change in this file has been dealt with, or overtaken.
    pub(super) fn release(&mut self, file: u64) {
        if let Some(extent) = self.files.get_mut(&file) {
            extent.live = extent.live.saturating_sub(1);
        }
    }

    /// Deletes what nobody needs any more, from the oldest on, but never the current file.
    pub(super) fn trim(&mut self) -> Result<(), LogError> {
        while self.files.len() > 1
            && let Some((&number, Extent { live: 0, .. })) = self.files.first_key_value()
        {
            let path = path(&self.directory, number);
            fs::remove_file(&path).map_err(LogError::io(&path))?;
            self.files.remove(&number);
        }
        Ok(())
    }

    /// The file whose changes are to be logged again, because the log is too large for what waits.
    pub(super) fn crowded(&self, live_bytes: u64) -> Option<u64> {
        let most = self.file_bytes.saturating_mul(4).max(3 * live_bytes);
        (self.files.len() > 1 && self.bytes() > most).then(|| {
            *self
                .files
                .first_key_value()
                .expect("there is always a file")
                .0
        })
    }

    /// Ends an empty log as one file that holds nothing but where the numbers stand.
    pub(super) fn finish(&mut self) -> Result<(), LogError> {
        self.cut()?;
        if self.files.values().all(|extent| extent.live == 0)
            && self.current().1.bytes > HEADER as u64
        {
            self.rotate()?;
            self.trim()?;
        }
        self.sync()
    }

    pub(super) fn bytes(&self) -> u64 {
        self.files.values().map(|extent| extent.bytes).sum()
    }

    pub(super) fn len(&self) -> usize {
        self.files.len()
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }
}

/// Takes the directory for this process, until the file is closed.
fn lock(directory: &Path) -> Result<File, LogError> {
    let path = directory.join("lock");
    let mut options = OpenOptions::new();
    let file = options
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(LogError::io(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => Err(LogError::Locked(directory.to_owned())),
        Err(fs::TryLockError::Error(error)) => Err(LogError::io(&path)(error)),
    }
}

pub(super) fn path(directory: &Path, number: u64) -> PathBuf {
    directory.join(format!("{number:020}.log"))
}

/// Makes a file with nothing but its header. It appears under its name when it is whole.
fn begin(directory: &Path, header: Header) -> Result<File, LogError> {
    let path = path(directory, header.number);
    let new = path.with_extension("new");
    let make = || {
        let file = File::create(&new)?;
        file.write_all_at(&header.encode(), 0)?;
        file.sync_all()?;
        fs::rename(&new, &path)?;
        File::open(directory)?.sync_all()?;
        Ok(file)
    };
    make().map_err(LogError::io(&path))
}

/// Where the numbers of a new log begin: at the time in units of about a nanosecond, so that a log that is made anew, because
/// its directory was lost, goes on with larger numbers than the store has seen.
fn first_sequence() -> u64 {
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    (now.as_millis() as u64) << 20
}
