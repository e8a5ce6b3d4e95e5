//! How a disk level is set up.

use std::path::PathBuf;

use crate::clock::Clock;

use super::MAX_ENTRY;
use super::directory::OpenError;

/// The smallest level that makes sense.
const MIN_SIZE: u64 = 1 << 20;
/// Set aside for the lock and the state.
const OTHER_FILES: u64 = 16 << 10;
const MIN_SEGMENT: u64 = 64 << 10;
/// What recovery reads whole at most, and evicts at once, as long as that makes no more than 1,024 files.
const MAX_SEGMENT: u64 = 64 << 20;
/// Offsets have 32 bits.
const LONGEST_SEGMENT: u64 = 256 << 20;

/// How a disk level is set up.
#[derive(Debug, Clone)]
pub struct DiskOptions {
    /// The directory, for this level only. It is made if there is none.
    pub path: PathBuf,
    /// All files together are at most so many bytes long. At least 1 MiB. A record can have a quarter of it, and at most
    /// 1 GiB; a longer one is not kept.
    pub size: u64,
    /// Whether an invalidation is on the medium (`fdatasync(2)`) before it is acknowledged. Default false: it is with the
    /// operating system then, which keeps it when the process dies, but not when the machine does. After
    /// that, the contents are dropped, so nothing comes back either way; what this buys, for a few milliseconds per
    /// invalidation, is a cache that is still warm after a power failure.
    pub sync: bool,
    /// Payloads of at least so many bytes are compressed. Default 1 KiB.
    pub compress_above: usize,
    /// Threads that read. Default 4.
    pub readers: usize,
    /// So many bytes may wait to be written; further records wait up to a second, and are refused then. Default 16 MiB.
    pub queue_bytes: usize,
    /// Tells what need not be kept any more. Default the machine's clock.
    pub clock: Clock,
}

impl DiskOptions {
    /// The defaults, with `size` bytes in the directory `path`.
    pub fn new(path: impl Into<PathBuf>, size: u64) -> Self {
        Self {
            path: path.into(),
            size,
            sync: false,
            compress_above: 1 << 10,
            readers: 4,
            queue_bytes: 16 << 20,
            clock: Clock::System,
        }
    }

    pub(super) fn check(&self) -> Result<(), OpenError> {
        let wrong = if self.size < MIN_SIZE {
            format!(
                "a disk cache of {} bytes is too small: give it at least {MIN_SIZE}",
                self.size
            )
        } else if self.readers == 0 || self.readers > 1024 {
            format!("{} reading threads: give 1 to 1024", self.readers)
        } else {
            return Ok(());
        };
        Err(OpenError::Options(wrong))
    }

    /// All segments together are at most so long.
    pub(super) fn limit(&self) -> u64 {
        self.size - OTHER_FILES
    }

    /// How long a segment is, unless it holds one larger record.
    pub(super) fn segment_bytes(&self) -> u64 {
        (self.size / 32)
            .clamp(MIN_SEGMENT.min(self.size / 16), MAX_SEGMENT)
            .max(self.size / 1024)
            .min(LONGEST_SEGMENT)
    }

    /// The longest entry.
    pub(super) fn max_entry(&self) -> usize {
        usize::try_from(self.size / 4)
            .unwrap_or(usize::MAX)
            .min(MAX_ENTRY)
    }
}
