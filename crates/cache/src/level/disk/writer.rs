//! The one thread that writes, and so decides the order of everything.
//!
//! Whether a record may still be stored is decided here, between the invalidations: what was admitted is in the log
//! behind every invalidation that it was held against, and before all others.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::invalidate::{Invalidation, Mode, Target};
use crate::level::{Lease, LevelError};

use super::entry::{HEADER, Kind};
use super::event::{Event, wide_body};
use super::log::Log;
use super::queue::{Order, Put, Queue, closed};

/// No tag and no prefix of a key is longer, so what is has nothing to invalidate.
const MAX_TEXT: usize = 1 << 16;

/// The thread's state.
pub(super) struct Writer {
    pub(super) log: Log,
    pub(super) queue: Arc<Queue>,
    /// A record with its key and header is at most so long.
    pub(super) max_entry: usize,
    /// An invalidation could not be written.
    pub(super) is_incomplete: bool,
}

impl Writer {
    /// Works until the queue is stopped.
    pub(super) fn run(mut self) {
        loop {
            let work = self.queue.take();
            if !work.orders.is_empty() {
                self.invalidate(work.orders.into());
            }
            for put in work.puts {
                self.put(put);
            }
            // Whoever waits has been told of a failure by now.
            let _ = self.log.flush(false);
            if work.stop {
                let result = self.finish(work.close.is_some());
                if let Some(reply) = work.close {
                    let _ = reply.send(result);
                }
                return;
            }
        }
    }

    fn put(&mut self, put: Put) {
        let shared = self.log.shared.clone();
        if let Err(error) = shared.check() {
            let _ = put.reply.send(Err(error));
            return;
        }
        let Put { key, hash, .. } = &put;
        if !shared
            .numbers()
            .admits(*hash, key.as_str(), &put.tags, put.lease)
        {
            let _ = put.reply.send(Ok(false));
            return;
        }
        let key = key.as_str().as_bytes();
        let length = HEADER + key.len() + put.record.len();
        let appended = if length > self.max_entry {
            // As if it had been stored and removed at once to make room; what it replaces goes with it.
            shared.evictions.fetch_add(1, Ordering::Relaxed);
            self.log
                .append(Kind::Remove, *hash, key, &[])
                .map(|_| Event::Remove { hash: *hash })
        } else {
            self.log
                .append(Kind::Put, *hash, key, &put.record)
                .map(|(_, place)| Event::Put {
                    hash: *hash,
                    offset: place.offset,
                    length: length as u32,
                    stale: false,
                })
        };
        match appended {
            Ok(event) => self.log.stage(event, Some(put.reply)),
            Err(error) => {
                let _ = put.reply.send(Err(error));
            }
        }
    }

    /// Takes in all that waits, with one write.
    fn invalidate(&mut self, orders: Vec<Order>) {
        let shared = self.log.shared.clone();
        let mut result = shared.check();
        let mut emptied = false;
        for what in orders.iter().flat_map(|order| &order.what) {
            emptied |= self.take_in(what, &mut result);
        }
        result = self.log.flush(true).and(result).and(shared.check());
        if result.is_err() {
            self.distrust();
        }
        if emptied && result.is_ok() {
            // Frees the disk; nothing in them is found any more, so a failure here is the next writer's concern.
            let _ = self.log.drop_sealed();
        }
        let lease = Lease {
            epoch: shared.epoch,
            number: shared.number.load(Ordering::Acquire),
            fence: 0,
        };
        for order in orders {
            let _ = order.reply.send(result.clone().map(|()| lease));
        }
    }

    /// The files lack an invalidation. They are used on, since memory has it, but must not be believed by the next opening:
    /// whoever is to tell this level once more may be gone by then.
    fn distrust(&mut self) {
        self.is_incomplete = true;
        // Needs no room. Should it fail nevertheless, nothing can be done.
        let _ = self.log.shared.directory.distrust();
    }

    /// Takes in one invalidation. Whether it leaves nothing.
    fn take_in(&mut self, what: &Invalidation, result: &mut Result<(), LevelError>) -> bool {
        let shared = self.log.shared.clone();
        let Invalidation { target, mode } = what;
        let (hash, appended) = match target {
            Target::Key(key) => {
                let hash = shared.secret().key(key.as_str());
                let kind = match mode {
                    Mode::Soft => Kind::Expire,
                    Mode::Hard => Kind::Remove,
                };
                let key = key.as_str().as_bytes();
                (hash, self.log.append(kind, hash, key, &[]))
            }
            Target::Tag(text) if text.len() > MAX_TEXT => return false,
            Target::Prefix(text) if text.len() > MAX_TEXT => return false,
            Target::Tag(_) | Target::Prefix(_) | Target::All => {
                let body = wide_body(target, *mode);
                (0, self.log.append(Kind::Wide, 0, &[], &body))
            }
        };
        // One that could not be written holds nevertheless, until the process ends.
        let number = match &appended {
            Ok((number, _)) => *number,
            Err(_) => self.log.number(),
        };
        shared
            .numbers_mut()
            .wide(target, *mode, number, shared.secret());
        shared.number.store(number, Ordering::Release);
        let event = match (target, mode) {
            (Target::Key(_), Mode::Soft) => Event::Expire { hash },
            (Target::Key(_), Mode::Hard) => Event::Remove { hash },
            _ => Event::Wide {
                number,
                target: target.clone(),
                mode: *mode,
            },
        };
        let empties = event.empties();
        match appended {
            Ok(_) => self.log.stage(event, None),
            Err(error) => {
                shared.apply(&event, 0);
                *result = Err(error);
            }
        }
        empties
    }

    /// Seals the log; with `clean`, forces everything to the medium and notes that.
    fn finish(&mut self, clean: bool) -> Result<(), LevelError> {
        let shared = self.log.shared.clone();
        let result = shared.check().and_then(|()| self.log.seal());
        let result = result.and_then(|()| {
            if !clean || self.is_incomplete {
                return Ok(());
            }
            let segments: Vec<_> = shared.segments().values().cloned().collect();
            segments
                .iter()
                .try_for_each(|segment| segment.sync())
                .and_then(|()| shared.directory.sync())
                .and_then(|()| shared.directory.note(true, self.log.sync))
                .map_err(|error| {
                    LevelError::Failed(format!(
                        "cannot force {} to the medium: {error}",
                        shared.directory.path.display()
                    ))
                })
        });
        let _ = shared.ended.set(closed().to_string());
        result
    }
}
