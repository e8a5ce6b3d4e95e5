//! Segments: the files that the log consists of.
//!
//! A segment is written from its beginning to its end and never changed after. When it is full, a footer with all of its
//! events is appended, and it is sealed. A segment that was being written when the process died has none: it is
//! walked through from entry to entry.
//!
//! # What a damaged segment means
//! Entries take effect in the order of the log, so a lost entry can make older records wrong: it may have been the
//! invalidation of any of them, or a newer value for the same key. What is newer than the hole is not concerned.
//! Hence the one rule of recovery: **behind a hole everything older is dropped.** Each entry names the number of the one
//! before it, so holes show. There is one exception, an entry that is cut short by the end of the file: its `write(2)`
//! never returned, so nobody was told that it was done. A process that is killed leaves no other damage than this.
//!
//! ```text
//! 0  "TENFOLDS"  8  number of the last entry before this segment u64   16  SipHash of that, keyed u64
//! 24 entries … footer: number before the first event u64, number of the last u64, events, then
//!    its own offset u32, zero u32, SipHash of that u64
//! ```

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::entry::{Draft, HEADER, Header, Kind, Place, Secret, u32_at, u64_at};
use super::event::Event;
use super::walk::walk;

/// Bytes of a segment before its first entry.
pub(super) const START: usize = 24;
const MAGIC: [u8; 8] = *b"TENFOLDS";
/// The end of a footer: where it begins.
const TRAILER: usize = 16;
/// Bytes of a footer besides its events.
pub(super) const FOOTER: usize = HEADER + 16 + TRAILER;

/// A segment's file.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) id: u32,
    pub(super) path: PathBuf,
    pub(super) file: File,
    /// The number of the last entry before this segment.
    pub(super) previous: u64,
    /// Bytes in the file.
    pub(super) length: AtomicU64,
    /// Whether all of it is known to be on the medium.
    pub(super) synced: AtomicBool,
}

/// What a segment holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Content {
    /// The number of the entry before the first event.
    pub(super) previous: u64,
    /// The number of the last entry.
    pub(super) last: u64,
    pub(super) events: Vec<Event>,
    /// Entries that were found damaged, or places where some were.
    pub(super) damaged: u64,
    /// How it ended.
    pub(super) end: End,
}

/// How a segment ends.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// With a footer.
    #[default]
    Sealed,
    /// Without one, its last good entry ending here.
    Open(u64),
    /// With damage: entries may be lost.
    Lost,
}

/// Why a file is not a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unusable {
    /// It ends before its first entry: the process died when it had just been created.
    Short,
    /// Its beginning is damaged, or it is longer than a segment can be.
    Damaged,
}

impl Segment {
    /// Creates the file of segment `id`. `previous`: the number of the last entry before it.
    pub(super) fn create(
        directory: &Path,
        id: u32,
        previous: u64,
        secret: &Secret,
    ) -> io::Result<Self> {
        let path = directory.join(file_name(id));
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)?;
        let mut start = Vec::with_capacity(START);
        start.extend(MAGIC);
        start.extend(previous.to_le_bytes());
        let place = Place {
            segment: id,
            offset: 0,
        };
        let check = secret.check(&start, place);
        start.extend(check.to_le_bytes());
        if let Err(error) = file.write_all_at(&start, 0) {
            // What was created for nothing must not stand in the way of the next attempt.
            let _ = std::fs::remove_file(&path);
            return Err(error);
        }
        Ok(Self {
            id,
            path,
            file,
            previous,
            length: AtomicU64::new(START as u64),
            synced: AtomicBool::new(false),
        })
    }

    /// Opens the file of segment `id`.
    pub(super) fn open(
        directory: &Path,
        id: u32,
        secret: &Secret,
    ) -> io::Result<Result<Self, Unusable>> {
        let path = directory.join(file_name(id));
        let file = OpenOptions::new().read(true).write(true).open(&path)?;
        let length = file.metadata()?.len();
        if length < START as u64 {
            return Ok(Err(Unusable::Short));
        }
        let mut start = [0; START];
        file.read_exact_at(&mut start, 0)?;
        let place = Place {
            segment: id,
            offset: 0,
        };
        let checks = u64_at(&start, 16) == secret.check(&start[..16], place);
        if start[..8] != MAGIC || !checks || length > u64::from(u32::MAX) {
            return Ok(Err(Unusable::Damaged));
        }
        Ok(Ok(Self {
            id,
            path,
            file,
            previous: u64_at(&start, 8),
            length: AtomicU64::new(length),
            synced: AtomicBool::new(false),
        }))
    }

    pub(super) fn length(&self) -> u64 {
        self.length.load(Ordering::Relaxed)
    }

    /// Waits until everything written to it is on the medium.
    pub(super) fn sync(&self) -> io::Result<()> {
        if !self.synced.load(Ordering::Acquire) {
            self.file.sync_data()?;
            self.synced.store(true, Ordering::Release);
        }
        Ok(())
    }

    /// What it holds: from its footer, or else by walking through it.
    pub(super) fn content(&self, secret: &Secret) -> io::Result<Content> {
        if let Some(content) = self.footer(secret)? {
            return Ok(content);
        }
        let mut bytes = vec![0; usize::try_from(self.length()).map_err(io::Error::other)?];
        self.file.read_exact_at(&mut bytes, 0)?;
        Ok(walk(&bytes, self.id, self.previous, secret))
    }

    fn footer(&self, secret: &Secret) -> io::Result<Option<Content>> {
        let length = self.length();
        if length < (START + FOOTER) as u64 {
            return Ok(None);
        }
        let mut trailer = [0; TRAILER];
        self.file
            .read_exact_at(&mut trailer, length - TRAILER as u64)?;
        let place = Place {
            segment: self.id,
            offset: u32_at(&trailer, 0),
        };
        let begins = u64::from(place.offset);
        if u64_at(&trailer, 8) != secret.check(&trailer[..8], place)
            || begins + (FOOTER as u64) > length
        {
            return Ok(None);
        }
        let mut bytes = vec![0; (length - begins) as usize];
        self.file.read_exact_at(&mut bytes, begins)?;
        Ok(parse_footer(&bytes, place, secret))
    }
}

/// Appends the footer of a segment to `out`, made for `place`. `events` are the events' bytes.
pub(super) fn write_footer(
    out: &mut Vec<u8>,
    place: Place,
    (previous, last): (u64, u64),
    events: &[u8],
    secret: &Secret,
) {
    let mut body = Vec::with_capacity(16 + events.len() + TRAILER);
    body.extend(previous.to_le_bytes());
    body.extend(last.to_le_bytes());
    body.extend(events);
    let trailer = body.len();
    body.extend(place.offset.to_le_bytes());
    body.extend([0; 4]);
    let check = secret.check(&body[trailer..], place);
    body.extend(check.to_le_bytes());
    let draft = Draft {
        kind: Kind::Footer,
        number: last,
        previous: last,
        hash: 0,
        key: &[],
        body: &body,
    };
    draft.write(out, place, secret);
}

fn parse_footer(bytes: &[u8], place: Place, secret: &Secret) -> Option<Content> {
    let header = Header::parse(bytes, place, secret)?;
    let body = &bytes[HEADER..];
    if header.kind != Kind::Footer || header.total() != bytes.len() || !header.matches(body) {
        return None;
    }
    let mut rest = body.get(16..body.len().checked_sub(TRAILER)?)?;
    let mut events = Vec::with_capacity(rest.len() / 17);
    while !rest.is_empty() {
        events.push(Event::read(&mut rest)?);
    }
    Some(Content {
        previous: u64_at(body, 0),
        last: u64_at(body, 8),
        events,
        damaged: 0,
        end: End::Sealed,
    })
}

/// The name of a segment's file.
pub(super) fn file_name(id: u32) -> String {
    format!("segment-{id:08x}.log")
}

/// The reverse of [`file_name`].
pub(super) fn file_id(name: &str) -> Option<u32> {
    let digits = name.strip_prefix("segment-")?.strip_suffix(".log")?;
    let id = u32::from_str_radix(digits, 16).ok()?;
    (file_name(id) == name).then_some(id)
}
