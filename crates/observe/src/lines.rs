//! A file of log lines, written by a thread of its own.
//!
//! A worker must never wait for a disk. It gathers lines into a batch and offers the batch to a bounded queue; when the
//! queue is full, or the disk is, the lines are dropped and counted.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// How many batches may wait. With batches of 32 KiB this bounds the memory to 8 MiB.
const QUEUE: usize = 256;
/// How often the writer looks whether it was asked to open its file again.
const LOOK: Duration = Duration::from_millis(250);

/// How often [`Writer::finish`] looks whether the thread has ended.
const STEP: Duration = Duration::from_millis(5);

/// Where lines go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Standard output.
    Stdout,
    /// A file, which is appended to.
    File(PathBuf),
}

struct Batch {
    bytes: Vec<u8>,
    lines: u64,
}

#[derive(Default)]
struct Shared {
    dropped: AtomicU64,
    reopen: AtomicBool,
}

/// The end of the queue that workers hold.
#[derive(Clone)]
pub struct Lines {
    queue: SyncSender<Batch>,
    shared: Arc<Shared>,
}

/// The writing thread; [`finish`](Writer::finish) waits for it.
pub struct Writer {
    thread: JoinHandle<()>,
}

/// Opens the target and starts the thread that writes to it.
///
/// # Errors
/// When the file cannot be opened, or no thread can be started.
pub fn open(target: Target) -> io::Result<(Lines, Writer)> {
    let mut output = Output::open(&target)?;
    let (queue, batches) = sync_channel(QUEUE);
    let shared = Arc::new(Shared::default());
    let lines = Lines {
        queue,
        shared: Arc::clone(&shared),
    };
    let thread = std::thread::Builder::new()
        .name("tenfold-log".into())
        .spawn(move || write_all(&mut output, &target, &batches, &shared))?;
    Ok((lines, Writer { thread }))
}

impl Lines {
    /// Offers a batch of `lines` lines; never waits.
    pub fn offer(&self, bytes: Vec<u8>, lines: u64) {
        if self.queue.try_send(Batch { bytes, lines }).is_err() {
            self.shared.dropped.fetch_add(lines, Relaxed);
        }
    }

    /// A view of the writer that does not keep the queue open.
    #[must_use]
    pub fn monitor(&self) -> Monitor {
        Monitor {
            shared: Arc::clone(&self.shared),
        }
    }
}

/// Sees and steers the writer, without keeping its queue open.
#[derive(Clone)]
pub struct Monitor {
    shared: Arc<Shared>,
}

impl Monitor {
    /// How many lines were dropped.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.shared.dropped.load(Relaxed)
    }

    /// Asks the writer to open its file again, after it was moved away (log rotation).
    pub fn reopen(&self) {
        self.shared.reopen.store(true, Relaxed);
    }
}

impl Writer {
    /// Waits until everything that was accepted is written, or the patience is over: a reader of a pipe that does not
    /// read must not keep a program from ending. All [`Lines`] must have been dropped. Returns false if lines may be lost.
    pub fn finish(self, patience: Duration) -> bool {
        let mut waited = Duration::ZERO;
        while !self.thread.is_finished() && waited < patience {
            std::thread::sleep(STEP);
            waited += STEP;
        }
        self.thread.is_finished()
    }
}

enum Output {
    Stdout(io::Stdout),
    File(File),
}

impl Output {
    fn open(target: &Target) -> io::Result<Self> {
        match target {
            Target::Stdout => Ok(Self::Stdout(io::stdout())),
            Target::File(path) => open_file(path).map(Self::File),
        }
    }

    /// Writes all bytes. After an error, the number says how many of them were written.
    fn write(&mut self, bytes: &[u8]) -> Result<(), (io::Error, usize)> {
        let mut written = 0;
        while written < bytes.len() {
            let result = match self {
                Self::Stdout(stdout) => stdout.write(&bytes[written..]),
                Self::File(file) => file.write(&bytes[written..]),
            };
            match result {
                Ok(0) => return Err((io::ErrorKind::WriteZero.into(), written)),
                Ok(count) => written += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err((error, written)),
            }
        }
        match self {
            Self::Stdout(stdout) => stdout.flush().map_err(|error| (error, written)),
            Self::File(_) => Ok(()),
        }
    }
}

fn open_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

fn write_all(output: &mut Output, target: &Target, batches: &Receiver<Batch>, shared: &Shared) {
    let mut is_failing = false;
    // A batch that failed has left half a line.
    let mut is_torn = false;
    loop {
        let batch = batches.recv_timeout(LOOK);
        if shared.reopen.swap(false, Relaxed) {
            match Output::open(target) {
                Ok(reopened) => {
                    *output = reopened;
                    is_torn = false;
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot open the access log again; the old file stays in use");
                }
            }
        }
        let batch = match batch {
            Ok(batch) => batch,
            Err(RecvTimeoutError::Timeout) => continue,
            Err(RecvTimeoutError::Disconnected) => return,
        };
        let separator: &[u8] = if is_torn { b"\n" } else { b"" };
        let result = output
            .write(separator)
            .and_then(|()| output.write(&batch.bytes));
        if let Err((error, written)) = &result {
            is_torn |= *written > 0;
            shared.dropped.fetch_add(batch.lines, Relaxed);
            if !is_failing {
                tracing::warn!(%error, "cannot write the access log; its lines are dropped until it can be");
            }
        } else {
            is_torn = false;
        }
        is_failing = result.is_err();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_arrive_in_order_and_a_moved_file_is_left() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("log");
        let (lines, writer) = open(Target::File(path.clone())).expect("opened");
        lines.offer(b"1\n".to_vec(), 1);
        while std::fs::read(&path).expect("readable") != b"1\n" {
            std::thread::yield_now();
        }
        std::fs::rename(&path, folder.path().join("old")).expect("moved");
        lines.monitor().reopen();
        lines.offer(b"2\n3\n".to_vec(), 2);
        assert_eq!(lines.monitor().dropped(), 0);
        drop(lines);
        assert!(writer.finish(Duration::from_secs(10)));
        assert_eq!(std::fs::read(&path).expect("a new file"), b"2\n3\n");
    }

    #[test]
    fn a_full_disk_drops_and_counts() {
        let (lines, writer) = open(Target::File("/dev/full".into())).expect("opened");
        lines.offer(b"1\n2\n".to_vec(), 2);
        let monitor = lines.monitor();
        drop(lines);
        while monitor.dropped() < 2 {
            std::thread::yield_now();
        }
        assert!(writer.finish(Duration::from_secs(10)));
    }

    #[test]
    fn a_file_that_cannot_be_opened_is_an_error() {
        assert!(open(Target::File("/nonexistent/log".into())).is_err());
    }
}
