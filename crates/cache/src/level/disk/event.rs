//! Events: what an entry changes in memory.
//!
//! Whether an entry was just written, is walked over in a segment without a footer, or stands in the footer of
//! a sealed one: it becomes the same event, and events applied in the order of the log give the same index. A footer
//! is the row of a segment's events, so that recovery reads 17 bytes for a record instead of the record.

use crate::invalidate::{Mode, Target};

use super::entry::{u32_at, u64_at};

/// What an entry changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Event {
    /// A record lies at `offset` and has `length` bytes, header and key included.
    Put {
        hash: u64,
        offset: u32,
        length: u32,
        stale: bool,
    },
    /// The key with this hash has nothing any more.
    Remove { hash: u64 },
    /// What the key with this hash has is stale.
    Expire { hash: u64 },
    /// A tag, a prefix or everything was invalidated.
    Wide {
        number: u64,
        target: Target,
        mode: Mode,
    },
}

const PUT: u8 = 1;
const STALE: u8 = 2;
const REMOVE: u8 = 3;
const EXPIRE: u8 = 4;
const WIDE: u8 = 5;

const TAG: u8 = 1;
const PREFIX: u8 = 2;
const ALL: u8 = 3;

impl Event {
    /// Whether it leaves nothing that is older.
    pub(super) fn empties(&self) -> bool {
        let Self::Wide { target, mode, .. } = self else {
            return false;
        };
        *mode == Mode::Hard
            && match target {
                Target::All => true,
                Target::Prefix(prefix) => prefix.is_empty(),
                Target::Key(_) | Target::Tag(_) => false,
            }
    }

    /// Appends it to a footer.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Put {
                hash,
                offset,
                length,
                stale,
            } => {
                out.push(if *stale { STALE } else { PUT });
                out.extend(hash.to_le_bytes());
                out.extend(offset.to_le_bytes());
                out.extend(length.to_le_bytes());
            }
            Self::Remove { hash } => {
                out.push(REMOVE);
                out.extend(hash.to_le_bytes());
            }
            Self::Expire { hash } => {
                out.push(EXPIRE);
                out.extend(hash.to_le_bytes());
            }
            Self::Wide {
                number,
                target,
                mode,
            } => {
                let body = wide_body(target, *mode);
                out.push(WIDE);
                out.extend(number.to_le_bytes());
                out.extend((body.len() as u32).to_le_bytes());
                out.extend(body);
            }
        }
    }

    /// Takes the first event off `bytes`. `None`: they are not events.
    pub(super) fn read(bytes: &mut &[u8]) -> Option<Self> {
        let kind = take(bytes, 1)?[0];
        let hash_or_number = u64_at(take(bytes, 8)?, 0);
        match kind {
            PUT | STALE => {
                let place = take(bytes, 8)?;
                Some(Self::Put {
                    hash: hash_or_number,
                    offset: u32_at(place, 0),
                    length: u32_at(place, 4),
                    stale: kind == STALE,
                })
            }
            REMOVE => Some(Self::Remove {
                hash: hash_or_number,
            }),
            EXPIRE => Some(Self::Expire {
                hash: hash_or_number,
            }),
            WIDE => {
                let length = u32_at(take(bytes, 4)?, 0) as usize;
                let (target, mode) = read_wide_body(take(bytes, length)?)?;
                Some(Self::Wide {
                    number: hash_or_number,
                    target,
                    mode,
                })
            }
            _ => None,
        }
    }
}

/// The body of an entry that invalidates a tag, a prefix or everything: mode, what, text.
pub(super) fn wide_body(target: &Target, mode: Mode) -> Vec<u8> {
    let mode = match mode {
        Mode::Soft => 1,
        Mode::Hard => 2,
    };
    let (what, text) = match target {
        Target::Key(key) => unreachable!("{key} has an entry of its own kind"),
        Target::Tag(tag) => (TAG, &**tag),
        Target::Prefix(prefix) => (PREFIX, &**prefix),
        Target::All => (ALL, ""),
    };
    let mut body = vec![mode, what];
    body.extend(text.as_bytes());
    body
}

/// The reverse of [`wide_body`].
pub(super) fn read_wide_body(body: &[u8]) -> Option<(Target, Mode)> {
    let mode = match body.first()? {
        1 => Mode::Soft,
        2 => Mode::Hard,
        _ => return None,
    };
    let text = std::str::from_utf8(body.get(2..)?).ok()?;
    let target = match body[1] {
        TAG => Target::Tag(text.into()),
        PREFIX => Target::Prefix(text.into()),
        ALL => Target::All,
        _ => return None,
    };
    Some((target, mode))
}

fn take<'a>(bytes: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(taken)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn events() -> impl Strategy<Value = Event> {
        prop_oneof![
            (any::<u64>(), any::<u32>(), any::<u32>(), any::<bool>()).prop_map(
                |(hash, offset, length, stale)| Event::Put {
                    hash,
                    offset,
                    length,
                    stale
                }
            ),
            any::<u64>().prop_map(|hash| Event::Remove { hash }),
            any::<u64>().prop_map(|hash| Event::Expire { hash }),
            (any::<u64>(), ".{0,9}", 0..3, any::<bool>()).prop_map(|(number, text, what, soft)| {
                Event::Wide {
                    number,
                    target: match what {
                        0 => Target::Tag(text.into()),
                        1 => Target::Prefix(text.into()),
                        _ => Target::All,
                    },
                    mode: if soft { Mode::Soft } else { Mode::Hard },
                }
            }),
        ]
    }

    proptest! {
        #[test]
        fn events_come_back_as_they_were(events in proptest::collection::vec(events(), 0..9)) {
            let mut bytes = Vec::new();
            for event in &events {
                event.write(&mut bytes);
            }
            let mut rest = &bytes[..];
            for event in &events {
                prop_assert_eq!(Event::read(&mut rest), Some(event.clone()));
            }
            prop_assert!(rest.is_empty());
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let mut rest = &bytes[..];
            while Event::read(&mut rest).is_some() {}
        }
    }
}
