//! From one segment to the next: sealing the old one, creating the new one.

use std::os::unix::fs::FileExt as _;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::level::LevelError;

use super::entry::Place;
use super::log::{Active, Log, cannot};
use super::segment::{FOOTER, START, Segment, write_footer};

impl Log {
    /// Waits for the medium. When that fails, nobody knows what it has: the level ends.
    pub(super) fn force(&self, segment: &Segment) -> Result<(), LevelError> {
        segment.sync().map_err(|error| {
            let error = cannot("force to the medium", segment, &error);
            let _ = self.shared.ended.set(error.to_string());
            error
        })
    }

    /// Begins a new segment if the active one has no room for so many bytes more.
    pub(super) fn roll(&mut self, more: usize) -> Result<(), LevelError> {
        let Some(active) = &self.active else {
            return Ok(());
        };
        let used = active.segment.length() as usize + self.buffer.len();
        let would_be = used + more + active.events.len() + FOOTER;
        if used > START && would_be as u64 > self.segment_bytes {
            self.flush(false)?;
            self.seal()?;
        }
        Ok(())
    }

    /// Appends the active segment's footer. The buffer is empty.
    pub(super) fn seal(&mut self) -> Result<(), LevelError> {
        let Some(active) = self.active.take() else {
            return Ok(());
        };
        let segment = active.segment;
        let at = segment.length();
        let mut footer = Vec::with_capacity(FOOTER + active.events.len());
        write_footer(
            &mut footer,
            Place {
                segment: segment.id,
                offset: at as u32,
            },
            (segment.previous, self.written),
            &active.events,
            self.shared.secret(),
        );
        segment.synced.store(false, Ordering::Release);
        if segment.file.write_all_at(&footer, at).is_ok() {
            segment
                .length
                .store(at + footer.len() as u64, Ordering::Relaxed);
            self.shared
                .bytes
                .fetch_add(footer.len() as u64, Ordering::Relaxed);
        } else {
            // It is walked through at the next start instead; half a footer counts as cut short.
            let _ = segment.file.set_len(at);
        }
        if self.sync {
            self.force(&segment)?;
        }
        Ok(())
    }

    /// Where the next entry goes.
    pub(super) fn end(&mut self) -> Result<Place, LevelError> {
        if self.active.is_none() {
            self.begin_segment()?;
        }
        let active = self.active.as_ref().expect("a segment was just begun");
        Ok(Place {
            segment: active.segment.id,
            offset: (active.segment.length() as usize + self.buffer.len()) as u32,
        })
    }

    fn begin_segment(&mut self) -> Result<(), LevelError> {
        let id = self.next_segment.ok_or_else(|| {
            LevelError::Failed("all segment names are used up: empty the directory".into())
        })?;
        let directory = &self.shared.directory;
        let segment = Segment::create(&directory.path, id, self.written, &directory.secret)
            .and_then(|segment| {
                if self.sync {
                    directory.sync()?;
                }
                Ok(segment)
            })
            .map_err(|error| {
                LevelError::Failed(format!(
                    "cannot create a segment in {}: {error}",
                    directory.path.display()
                ))
            })?;
        let segment = Arc::new(segment);
        self.next_segment = id.checked_add(1);
        self.shared.bytes.fetch_add(START as u64, Ordering::Relaxed);
        self.shared.segments_mut().insert(id, segment.clone());
        self.active = Some(Active {
            segment,
            events: Vec::new(),
            events_written: 0,
        });
        Ok(())
    }
}
