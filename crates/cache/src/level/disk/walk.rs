//! Walking through a segment that has no footer, from entry to entry.
//!
//! What damage means, and why everything before a hole is dropped, is said in [`super::segment`]. The walk goes on behind
//! damage at the next place where an entry verifies: headers are keyed, so nothing that was merely stored passes for one.

use super::entry::{HEADER, Header, Kind, Place, Secret};
use super::event::{Event, read_wide_body};
use super::segment::{Content, End, START};

/// Reads a segment's bytes. `previous`: the number of the entry before the segment, as its beginning says.
pub(super) fn walk(bytes: &[u8], segment: u32, previous: u64, secret: &Secret) -> Content {
    let mut content = Content {
        previous,
        last: previous,
        ..Content::default()
    };
    let mut offset = START;
    loop {
        let rest = &bytes[offset..];
        if rest.len() < HEADER {
            // Whole, or cut short.
            content.end = End::Open(offset as u64);
            return content;
        }
        let Some(header) = parse(bytes, segment, offset, secret) else {
            content.damaged += 1;
            let Some(found) = next_entry(bytes, segment, offset + 1, content.last, secret) else {
                content.end = End::Lost;
                return content;
            };
            offset = found;
            continue;
        };
        if header.total() > rest.len() {
            content.end = End::Open(offset as u64);
            return content;
        }
        if header.kind == Kind::Footer {
            // It was tried before this walk, and is damaged; what it says has just been read.
            content.end = End::Open(offset as u64);
            return content;
        }
        if header.previous != content.last {
            forget(&mut content, header.previous);
        }
        content.last = header.number;
        take_in(&mut content, &header, rest, offset);
        offset += header.total();
    }
}

/// Adds an entry's event.
fn take_in(content: &mut Content, header: &Header, rest: &[u8], offset: usize) {
    let Header { hash, .. } = *header;
    let key_and_body = &rest[HEADER..header.total()];
    let whole = header.matches(key_and_body);
    if !whole {
        content.damaged += 1;
    }
    let event = match header.kind {
        // The header is keyed, so this is the newest record of the key, and there is nothing to serve.
        Kind::Put | Kind::Stale if !whole => Event::Remove { hash },
        Kind::Put | Kind::Stale => Event::Put {
            hash,
            offset: offset as u32,
            length: header.total() as u32,
            stale: header.kind == Kind::Stale,
        },
        Kind::Remove => Event::Remove { hash },
        Kind::Expire => Event::Expire { hash },
        Kind::Wide => match read_wide_body(key_and_body).filter(|_| whole) {
            Some((target, mode)) => Event::Wide {
                number: header.number,
                target,
                mode,
            },
            None => return forget(content, header.number),
        },
        Kind::Footer => unreachable!("the walk ends at a footer"),
    };
    content.events.push(event);
}

/// Something is lost before the entry after `previous`: nothing older counts.
fn forget(content: &mut Content, previous: u64) {
    content.events.clear();
    content.previous = previous;
    content.last = previous;
}

fn parse(bytes: &[u8], segment: u32, offset: usize, secret: &Secret) -> Option<Header> {
    let place = Place {
        segment,
        offset: u32::try_from(offset).ok()?,
    };
    Header::parse(&bytes[offset..], place, secret)
}

/// The next place where there is an entry, newer than `last`.
fn next_entry(
    bytes: &[u8],
    segment: u32,
    from: usize,
    last: u64,
    secret: &Secret,
) -> Option<usize> {
    (from..(bytes.len() + 1).saturating_sub(HEADER)).find(|&offset| {
        parse(bytes, segment, offset, secret).is_some_and(|header| header.number > last)
    })
}

#[cfg(test)]
mod tests {
    use super::super::entry::Draft;
    use super::super::event::wide_body;
    use super::*;
    use crate::invalidate::{Mode, Target};

    const SECRET: Secret = Secret([1, 2]);
    const SEGMENT: u32 = 7;

    fn append(bytes: &mut Vec<u8>, kind: Kind, number: u64, previous: u64, body: &[u8]) {
        let draft = Draft {
            kind,
            number,
            previous,
            hash: number,
            key: b"key",
            body,
        };
        let place = Place {
            segment: SEGMENT,
            offset: bytes.len() as u32,
        };
        draft.write(bytes, place, &SECRET);
    }

    /// Entries 11 to 14, and where each begins.
    fn segment() -> (Vec<u8>, Vec<usize>) {
        let mut bytes = vec![0; START];
        let mut begins = Vec::new();
        for (kind, number) in [
            (Kind::Put, 11),
            (Kind::Remove, 12),
            (Kind::Put, 13),
            (Kind::Put, 14),
        ] {
            begins.push(bytes.len());
            append(&mut bytes, kind, number, number - 1, b"body");
        }
        (bytes, begins)
    }

    #[test]
    fn a_whole_segment_gives_all_events() {
        let (bytes, _) = segment();
        let content = walk(&bytes, SEGMENT, 10, &SECRET);
        assert_eq!((content.previous, content.last), (10, 14));
        assert_eq!(content.events.len(), 4);
        assert_eq!(content.end, End::Open(bytes.len() as u64));
    }

    #[test]
    fn a_cut_loses_only_the_entry_that_was_cut() {
        let (bytes, begins) = segment();
        for cut in START..bytes.len() {
            let content = walk(&bytes[..cut], SEGMENT, 10, &SECRET);
            let whole = begins.iter().skip(1).filter(|&&begin| begin <= cut).count();
            assert_eq!(content.previous, 10);
            assert_eq!(content.events.len(), whole, "cut at {cut}");
            let good = begins.get(whole).copied().unwrap_or(bytes.len());
            assert_eq!(content.end, End::Open(good as u64));
        }
    }

    #[test]
    fn behind_a_damaged_header_only_what_is_newer_counts() {
        let (mut bytes, begins) = segment();
        bytes[begins[1] + 20] ^= 1;
        let content = walk(&bytes, SEGMENT, 10, &SECRET);
        assert_eq!((content.previous, content.last), (12, 14));
        assert_eq!(content.events.len(), 2);
        assert_eq!(content.damaged, 1);
    }

    #[test]
    fn damage_at_the_end_is_told_from_a_cut() {
        let (mut bytes, begins) = segment();
        bytes[begins[3] + 20] ^= 1;
        assert_eq!(walk(&bytes, SEGMENT, 10, &SECRET).end, End::Lost);
    }

    #[test]
    fn a_damaged_body_removes_the_key_and_nothing_else() {
        let (mut bytes, begins) = segment();
        bytes[begins[2] + HEADER + 3] ^= 1;
        let content = walk(&bytes, SEGMENT, 10, &SECRET);
        assert_eq!(content.previous, 10);
        assert_eq!(content.events[2], Event::Remove { hash: 13 });
    }

    #[test]
    fn a_damaged_invalidation_of_many_drops_what_is_older() {
        let (mut bytes, _) = segment();
        let begin = bytes.len();
        let body = wide_body(&Target::Tag("a".into()), Mode::Hard);
        append(&mut bytes, Kind::Wide, 15, 14, &body);
        append(&mut bytes, Kind::Put, 16, 15, b"body");
        bytes[begin + HEADER + 5] ^= 1;
        let content = walk(&bytes, SEGMENT, 10, &SECRET);
        assert_eq!((content.previous, content.last), (15, 16));
        assert_eq!(content.events.len(), 1);
    }

    #[test]
    fn entries_stored_as_values_are_not_found_behind_damage() {
        // A value that is itself an entry, written for the very place at which it will lie, with another secret.
        let mut bytes = vec![0; START];
        let place = Place {
            segment: SEGMENT,
            offset: (START + HEADER + 3) as u32,
        };
        let mut forged = Vec::new();
        let draft = Draft {
            kind: Kind::Put,
            number: 12,
            previous: 11,
            hash: 1,
            key: b"key",
            body: b"body",
        };
        draft.write(&mut forged, place, &Secret([3, 4]));
        append(&mut bytes, Kind::Put, 11, 10, &forged);
        bytes[START + 20] ^= 1;
        assert_eq!(walk(&bytes, SEGMENT, 10, &SECRET).end, End::Lost);
    }
}
