//! How writing behind is done.

use std::time::Duration;

/// How changes are kept and written. The defaults suit a database in the same network.
#[derive(Debug, Clone, PartialEq)]
pub struct WriteBehindOptions {
    /// Whether a change is on the disk itself (`fdatasync(2)`) before it is acknowledged. Default false: an acknowledged
    /// change then survives the end of the process, `kill -9` included, because the kernel has it; when the machine
    /// loses power, the last seconds may be lost. Syncing costs 0.1 to 10 ms for each group of changes that come together,
    /// which a queue before a database that would have taken a millisecond rarely is worth.
    pub sync: bool,
    /// At most so many changes in one call of the store. At least 1, default 100.
    pub batch: usize,
    /// At most so many calls of the store at the same time; a key is never in two of them. At least 1, default 2.
    pub concurrency: usize,
    /// How long a change waits for others to share its batch with, and to be overtaken by a newer one of its key, while
    /// there are fewer than a batch. Default zero: changes gather while the calls before them are under way.
    pub linger: Duration,
    /// The pause after the first failure; it doubles with each further one. Default 100 ms.
    pub backoff: Duration,
    /// The longest pause between attempts. Each pause is the half to the whole of what it would be, at random. Default 30 s.
    pub max_backoff: Duration,
    /// After so many refusals *by name* ([`Failed::Items`](super::Failed)) a change is given up: it goes to the file of dead
    /// letters, and its key leaves the cache. Default none: it is tried for ever. A store that does not answer
    /// never counts, so an outage gives up nothing.
    pub give_up_after: Option<u32>,
    /// So many changes wait at most; [`put`](super::WriteBehind::put) then waits for room. At least 1, default 100,000.
    pub queue_items: usize,
    /// So many bytes of changes wait at most: keys, encoded values and 128 bytes for each. 1 byte to 1 GiB, default 64 MiB.
    pub queue_bytes: usize,
    /// When a file of the log reaches this many bytes, another one is begun. At least 1 KiB, default 16 MiB. All files together
    /// take at most about four of these, or three times what waits, if that is more.
    pub file_bytes: u64,
    /// Whether a damaged log is opened nevertheless, without what does not read. The damaged files are kept beside it under a
    /// name that ends in `.damaged`. Default false: opening fails and says which file it is.
    pub recover: bool,
}

impl Default for WriteBehindOptions {
    fn default() -> Self {
        Self {
            sync: false,
            batch: 100,
            concurrency: 2,
            linger: Duration::ZERO,
            backoff: Duration::from_millis(100),
            max_backoff: Duration::from_secs(30),
            give_up_after: None,
            queue_items: 100_000,
            queue_bytes: 64 << 20,
            file_bytes: 16 << 20,
            recover: false,
        }
    }
}

impl WriteBehindOptions {
    /// The pause before the attempt after so many failures.
    pub(super) fn pause(&self, failures: u32) -> Duration {
        let doubled = 1_u32
            .checked_shl(failures.saturating_sub(1))
            .unwrap_or(u32::MAX);
        let whole = self.backoff.saturating_mul(doubled).min(self.max_backoff);
        // Half of it and a part of the other half: the longest there is does not bear a product.
        whole / 2 + (whole / 2).mul_f64(fastrand::f64())
    }

    /// The same within the ranges.
    pub(super) fn clamped(mut self) -> Self {
        self.batch = self.batch.max(1);
        self.concurrency = self.concurrency.max(1);
        self.queue_items = self.queue_items.clamp(1, u32::MAX as usize);
        self.queue_bytes = self.queue_bytes.clamp(1, 1 << 30);
        self.file_bytes = self.file_bytes.max(1024);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let options = WriteBehindOptions::default();
        for (failures, most) in [
            (1, 100),
            (2, 200),
            (5, 1600),
            (20, 30_000),
            (u32::MAX, 30_000),
        ] {
            let (pause, most) = (options.pause(failures), Duration::from_millis(most));
            assert!(pause <= most && pause >= most / 2, "{failures}: {pause:?}");
        }
        let endless = WriteBehindOptions {
            backoff: Duration::MAX,
            max_backoff: Duration::MAX,
            ..options
        };
        assert!(endless.pause(3) >= Duration::MAX / 2);
    }
}
