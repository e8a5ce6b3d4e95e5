//! Opening the directory: from the files back to the index.
//!
//! The segments are replayed in the order of the log, from their footers; only the one that was being written is read
//! whole. Wherever the row of numbers has a hole, everything replayed so far is dropped, and so are the files before the
//! hole ([`super::segment`] says why). Files are removed from the oldest on, so that a crash in the middle leaves the hole
//! where it is, to be found again.

use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::directory::{Doubt, OpenError, failed};
use super::entry::Place;
use super::event::Event;
use super::numbers::Numbers;
use super::segment::{Content, End, Segment, Unusable, file_name, write_footer};
use super::shared::Shared;

/// What was found when the level was opened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Records that are there again.
    pub entries: u64,
    /// Bytes of the files that hold them.
    pub bytes: u64,
    /// Places where entries were damaged.
    pub damaged: u64,
    /// Why what was there has been dropped, or a part of it.
    pub dropped: Option<&'static str>,
}

const BOOT: &str = "the machine went down while the cache was open, so invalidations may be missing (the option sync keeps the contents in this case)";
const STATE: &str = "the directory's state file is missing or damaged, or was removed because an invalidation could not be written";
const HOLE: &str =
    "entries are missing or damaged, and older records could have been invalidated by them";

/// Where the log goes on.
pub(super) struct LogEnd {
    /// The number of the last entry.
    pub(super) last: u64,
    /// The first id that no segment has had; `None`: there is none.
    pub(super) next_segment: Option<u32>,
}

/// Replays what is in the directory, unless there is a doubt about all of it.
pub(super) fn recover(
    shared: &Shared,
    doubt: Option<Doubt>,
) -> Result<(LogEnd, Recovery), OpenError> {
    let path = &shared.directory.path;
    let ids = shared.directory.segments().map_err(failed("read", path))?;
    let mut replay = Replay {
        shared,
        last: None,
        open: Vec::new(),
        recovery: Recovery::default(),
    };
    if let Some(doubt) = doubt {
        if !ids.is_empty() {
            replay.recovery.dropped = Some(match doubt {
                Doubt::Boot => BOOT,
                Doubt::State => STATE,
            });
        }
        replay.remove(&ids)?;
    } else {
        replay.segments(&ids)?;
    }
    let segments: u64 = shared.segments().values().map(|one| one.length()).sum();
    shared.bytes.store(segments, Ordering::Relaxed);
    let mut recovery = replay.recovery;
    recovery.entries = shared.index.len();
    recovery.bytes = segments;
    let last = replay.last.unwrap_or(0);
    shared.number.store(last, Ordering::Release);
    let end = LogEnd {
        last,
        next_segment: ids.last().map_or(Some(1), |id| id.checked_add(1)),
    };
    Ok((end, recovery))
}

struct Replay<'a> {
    shared: &'a Shared,
    /// The number of the last entry that was replayed.
    last: Option<u64>,
    /// The segments replayed since the last hole.
    open: Vec<u32>,
    recovery: Recovery,
}

impl Replay<'_> {
    fn segments(&mut self, ids: &[u32]) -> Result<(), OpenError> {
        let directory = &self.shared.directory;
        for (at, &id) in ids.iter().enumerate() {
            let is_last = at + 1 == ids.len();
            let path = directory.path.join(file_name(id));
            let segment = match Segment::open(&directory.path, id, &directory.secret)
                .map_err(failed("open", &path))?
            {
                Ok(segment) => segment,
                Err(unusable) => {
                    self.unusable(unusable, id, is_last)?;
                    continue;
                }
            };
            let content = segment
                .content(&directory.secret)
                .map_err(failed("read", &path))?;
            self.recovery.damaged += content.damaged;
            if content.end == End::Lost && is_last {
                self.forget()?;
                self.remove(&[id])?;
                continue;
            }
            if self.last.is_some_and(|last| last != content.previous)
                || content.previous != segment.previous
            {
                self.forget()?;
            }
            if let End::Open(end) = content.end
                && is_last
            {
                seal(&segment, &content, end, self.shared).map_err(failed("repair", &path))?;
            }
            self.take_in(segment, &content);
        }
        Ok(())
    }

    /// A file that is no segment.
    fn unusable(&mut self, why: Unusable, id: u32, is_last: bool) -> Result<(), OpenError> {
        // If it is not the last one, the next one's number shows whether anything is missing. If it was just
        // being created, nothing is.
        if why == Unusable::Damaged {
            self.recovery.damaged += 1;
            if is_last {
                self.forget()?;
            }
        }
        self.remove(&[id])
    }

    fn take_in(&mut self, segment: Segment, content: &Content) {
        let shared = self.shared;
        let mut numbers = shared.numbers_mut();
        for event in &content.events {
            if let Event::Wide {
                number,
                target,
                mode,
            } = event
            {
                numbers.wide(target, *mode, *number, shared.secret());
            }
            shared.apply(event, segment.id);
        }
        self.last = Some(content.last);
        self.open.push(segment.id);
        shared.segments_mut().insert(segment.id, Arc::new(segment));
    }

    /// There is a hole: nothing replayed so far counts.
    fn forget(&mut self) -> Result<(), OpenError> {
        self.shared.index.clear();
        *self.shared.numbers_mut() = Numbers::default();
        self.shared.segments_mut().clear();
        // A hole that was found before and behind which nothing is left is no news.
        if !self.open.is_empty() || self.recovery.damaged > 0 {
            self.recovery.dropped = Some(HOLE);
        }
        let older = std::mem::take(&mut self.open);
        self.last = None;
        self.remove(&older)
    }

    fn remove(&mut self, ids: &[u32]) -> Result<(), OpenError> {
        for &id in ids {
            let path = self.shared.directory.path.join(file_name(id));
            match std::fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(failed("remove", &path)(error));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// Cuts off what was not written to its end, and writes the footer that the segment lacks.
fn seal(segment: &Segment, content: &Content, end: u64, shared: &Shared) -> io::Result<()> {
    segment.file.set_len(end)?;
    segment.length.store(end, Ordering::Relaxed);
    let mut events = Vec::new();
    for event in &content.events {
        event.write(&mut events);
    }
    let place = Place {
        segment: segment.id,
        offset: end as u32,
    };
    let mut footer = Vec::new();
    let numbers = (content.previous, content.last);
    write_footer(&mut footer, place, numbers, &events, shared.secret());
    match segment.file.write_all_at(&footer, end) {
        Ok(()) => {
            let length = end + footer.len() as u64;
            segment.length.store(length, Ordering::Relaxed);
            Ok(())
        }
        // Without it the segment is walked through again the next time.
        Err(_) => segment.file.set_len(end),
    }
}
