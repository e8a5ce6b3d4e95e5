//! The thread that owns the log. What comes while it writes goes into one frame with the next write (group commit), so
//! that a hundred writers share one system call and one sync.
//!
//! A change enters the queue here, after it is in the log and before it is acknowledged: the order of the log
//! is the order of the queue, whatever becomes of the task that brought it.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tokio::sync::oneshot;

use super::error::{LogError, WriteError};
use super::frame::{self, Kind, Record};
use super::item::Item;
use super::log::Log;
use super::queue::Queue;
use crate::codec::Codec;
use crate::key::Key;

/// No more bytes than this are gathered for one write.
const GROUP: usize = 1 << 20;

pub(super) enum Command<V> {
    /// Log a change, put it into the queue, and say its number.
    Append {
        record: Record,
        key: Key,
        item: Box<Item<V>>,
        reply: oneshot::Sender<Result<u64, WriteError>>,
    },
    /// Note that changes have been dealt with.
    Landed {
        sequences: Vec<u64>,
        files: Vec<u64>,
    },
    /// Keep a change that was given up.
    Dead {
        record: Record,
        reason: Record,
        reply: oneshot::Sender<Result<(), LogError>>,
    },
    /// End, and give the directory back.
    Close {
        reply: oneshot::Sender<Result<(), LogError>>,
    },
}

/// What the log looks like, for statistics.
#[derive(Debug, Default)]
pub(super) struct Gauge {
    pub(super) bytes: AtomicU64,
    pub(super) files: AtomicU64,
    pub(super) failures: AtomicU64,
    pub(super) last_error: Mutex<Option<Arc<str>>>,
}

pub(super) struct Appender<V> {
    pub(super) log: Log,
    pub(super) queue: Arc<Queue<V>>,
    pub(super) codec: Arc<dyn Codec<V>>,
    pub(super) sync: bool,
    pub(super) gauge: Arc<Gauge>,
}

type Waiting<V> = (Key, Box<Item<V>>, oneshot::Sender<Result<u64, WriteError>>);

/// What goes into one frame.
struct Group<V> {
    records: Vec<Record>,
    bytes: usize,
    waiting: Vec<Waiting<V>>,
    sequences: Vec<u64>,
    files: Vec<u64>,
}

impl<V: Clone + 'static> Appender<V> {
    /// Serves until it is told to end, or nobody is left who could tell it anything.
    pub(super) fn run(mut self, commands: &Receiver<Command<V>>) {
        self.measure();
        while let Ok(first) = commands.recv() {
            let mut group = Group {
                records: Vec::new(),
                bytes: 0,
                waiting: Vec::new(),
                sequences: Vec::new(),
                files: Vec::new(),
            };
            let mut next = Some(first);
            let mut close = None;
            while let Some(command) = next.take() {
                match command {
                    Command::Append {
                        mut record,
                        key,
                        mut item,
                        reply,
                    } => {
                        item.sequence = self.log.number();
                        record.sequence = item.sequence;
                        group.bytes += record.size();
                        group.records.push(record);
                        group.waiting.push((key, item, reply));
                    }
                    Command::Landed { sequences, files } => {
                        group.sequences.extend(sequences);
                        group.files.extend(files);
                    }
                    Command::Dead {
                        record,
                        reason,
                        reply,
                    } => {
                        let kept = keep_dead(self.log.directory(), &[record, reason]);
                        let _ = reply.send(self.noted(kept));
                    }
                    Command::Close { reply } => {
                        close = Some(reply);
                        break;
                    }
                }
                if group.bytes < GROUP {
                    next = commands.try_recv().ok();
                }
            }
            self.commit(group);
            self.tidy();
            if let Some(reply) = close {
                let finished = self.log.finish();
                self.measure();
                // The lock goes with the log, before anybody hears that it is free.
                drop(self);
                let _ = reply.send(finished);
                return;
            }
            self.measure();
        }
    }

    fn commit(&mut self, mut group: Group<V>) {
        let syncs = self.sync && !group.waiting.is_empty();
        if !group.sequences.is_empty() {
            group.records.push(Record::done(group.sequences.drain(..)));
        }
        if !group.records.is_empty() {
            let appended = self.log.append(&frame::encode(&group.records), syncs);
            match self.noted(appended) {
                Ok(file) => self.enqueue(group.waiting, file),
                Err(error) => {
                    for (_, _, reply) in group.waiting {
                        let _ = reply.send(Err(WriteError::Log(error.clone())));
                    }
                }
            }
        }
        // Even if it could not be noted: after a crash these changes are then written once more.
        group.files.iter().for_each(|file| self.log.release(*file));
    }

    fn enqueue(&mut self, waiting: Vec<Waiting<V>>, file: u64) {
        let mut replies = Vec::with_capacity(waiting.len());
        let mut state = self.queue.lock();
        for (key, mut item, reply) in waiting {
            item.file = file;
            replies.push((item.sequence, reply));
            self.log.hold(file);
            if let Some(overtaken) = state.insert(key, *item) {
                self.log.release(overtaken);
            }
        }
        drop(state);
        for (sequence, reply) in replies {
            // The writer may be gone; the change is accepted all the same.
            let _ = reply.send(Ok(sequence));
        }
        self.queue.work.notify_one();
    }

    /// Deletes files, and logs once more what keeps an old one from being deleted.
    fn tidy(&mut self) {
        let trimmed = self.log.trim();
        let _ = self.noted(trimmed);
        let live = self.queue.lock().counts.bytes as u64;
        if let Some(file) = self.log.crowded(live) {
            let moved = self.empty(file).and_then(|()| self.log.trim());
            let _ = self.noted(moved);
        }
    }

    /// Moves the changes of a file to the end of the log.
    fn empty(&mut self, file: u64) -> Result<(), LogError> {
        let changes = self.queue.lock().in_file(file);
        for (key, sequence, value) in changes {
            let (kind, payload) = match value.map(|value| self.codec.encode(&value)) {
                Some(Ok(payload)) => (Kind::Put, payload),
                None => (Kind::Delete, Bytes::new()),
                // It had bytes when it came. If it has none now, its file stays.
                Some(Err(_)) => return Ok(()),
            };
            let record = Record {
                kind,
                sequence,
                key: key.as_str().into(),
                payload,
            };
            let to = self.log.append(&frame::encode(&[record]), self.sync)?;
            if self.queue.lock().moved(&key, sequence, to) {
                self.log.release(file);
                self.log.hold(to);
            }
        }
        Ok(())
    }

    fn noted<T>(&self, result: Result<T, LogError>) -> Result<T, LogError> {
        if let Err(error) = &result {
            self.gauge.failures.fetch_add(1, Ordering::Relaxed);
            let mut last = self
                .gauge
                .last_error
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            *last = Some(error.to_string().into());
        }
        result
    }

    fn measure(&self) {
        self.gauge.bytes.store(self.log.bytes(), Ordering::Relaxed);
        self.gauge
            .files
            .store(self.log.len() as u64, Ordering::Relaxed);
    }
}

/// A change that was given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// What was to be changed.
    pub key: Box<str>,
    /// What it was to have, encoded; `None`: it was to be deleted.
    pub payload: Option<Bytes>,
    /// Its number.
    pub sequence: u64,
    /// What the store said last, or the codec.
    pub reason: Box<str>,
}

const DEAD_LETTERS: &str = "dead-letters";

/// The changes that were given up in the log of this directory, oldest first. To forget them, remove the file `dead-letters`.
///
/// # Errors
/// When the file cannot be read. What is damaged in it is left out.
pub fn dead_letters(directory: &Path) -> Result<Vec<DeadLetter>, LogError> {
    let path = directory.join(DEAD_LETTERS);
    let content = match std::fs::read(&path) {
        Ok(content) => Bytes::from(content),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(LogError::io(&path)(error)),
    };
    let mut changes: HashMap<u64, Record> = HashMap::new();
    let mut letters = Vec::new();
    for record in frame::read(&content).records {
        if record.kind != Kind::Reason {
            changes.insert(record.sequence, record);
        } else if let Some(change) = changes.remove(&record.sequence) {
            letters.push(DeadLetter {
                key: change.key,
                payload: (change.kind == Kind::Put).then_some(change.payload),
                sequence: change.sequence,
                reason: String::from_utf8_lossy(&record.payload).into(),
            });
        }
    }
    Ok(letters)
}

/// Adds a frame to the file of dead letters, on the disk itself: afterwards the log forgets the change.
pub(super) fn keep_dead(directory: &Path, records: &[Record]) -> Result<(), LogError> {
    let path = directory.join(DEAD_LETTERS);
    let keep = || {
        let mut file: File = OpenOptions::new().create(true).append(true).open(&path)?;
        let mut bytes = Vec::new();
        if file.metadata()?.len() == 0 {
            bytes.extend_from_slice(
                &frame::Header {
                    number: 0,
                    next_sequence: 0,
                }
                .encode(),
            );
        }
        bytes.extend_from_slice(&frame::encode(records));
        file.write_all(&bytes)?;
        file.sync_data()
    };
    keep().map_err(LogError::io(&path))
}
