//! Entries: what a segment file is made of.
//!
//! # The problem
//! After a crash or a flipped bit, recovery must tell for every entry whether it is the one that was written, at this
//! place, and whether one before it is missing. And what users store must never pass for an entry, when
//! recovery looks for the next good one behind damage.
//!
//! # The idea
//! A header carries a keyed checksum (SipHash-1-3 with a secret of the directory) over itself and its place, so that
//! nobody who only chooses keys and values can forge one. It covers the checksum of key and body as well, so
//! that headers can be walked through without believing, or reading, what they announce. And each entry names the
//! number of the one before it: a hole in the log shows, whatever made it.
//!
//! The layout, all numbers little-endian:
//!
//! ```text
//! 0  "Te"  2  kind  3  version (1)  4  length of the key u16  6  zero u16  8  length of the body u32
//! 12 CRC-32 of key and body u32  16 number u64  24 number of the entry before it u64  32 hash of the key u64
//! 40 SipHash of bytes 0 to 39, the segment's id and the offset u64   48 key, then body
//! ```

use std::hash::Hasher as _;

use siphasher::sip::SipHasher13;

/// Bytes of an entry before its key.
pub(super) const HEADER: usize = 48;

const MAGIC: [u8; 2] = *b"Te";
const VERSION: u8 = 1;

/// What the keyed hashes of a directory begin with. It never leaves the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Secret(pub(super) [u64; 2]);

/// Where an entry lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) segment: u32,
    pub(super) offset: u32,
}

/// What an entry says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    /// A record.
    Put = 1,
    /// A record that had been softly invalidated when it was written anew.
    Stale = 2,
    /// A key was removed.
    Remove = 3,
    /// A key was softly invalidated.
    Expire = 4,
    /// A tag, a prefix or everything was invalidated.
    Wide = 5,
    /// What the segment holds, as its last entry.
    Footer = 6,
}

/// An entry's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) kind: Kind,
    pub(super) key_length: u16,
    pub(super) body_length: u32,
    pub(super) checksum: u32,
    pub(super) number: u64,
    pub(super) previous: u64,
    pub(super) hash: u64,
}

impl Secret {
    /// The hash under which a key is found.
    pub(super) fn key(&self, key: &str) -> u64 {
        self.hash(&[b"k", key.as_bytes()])
    }

    /// The hash under which the invalidations of a tag are found.
    pub(super) fn tag(&self, tag: &str) -> u64 {
        self.hash(&[b"t", tag.as_bytes()])
    }

    /// A checksum that only this directory's files have.
    pub(super) fn check(&self, bytes: &[u8], place: Place) -> u64 {
        self.hash(&[
            b"c",
            &place.segment.to_le_bytes(),
            &place.offset.to_le_bytes(),
            bytes,
        ])
    }

    fn hash(&self, parts: &[&[u8]]) -> u64 {
        let mut hasher = SipHasher13::new_with_keys(self.0[0], self.0[1]);
        for part in parts {
            hasher.write(part);
        }
        hasher.finish()
    }
}

impl Kind {
    fn from_byte(byte: u8) -> Option<Self> {
        [
            Self::Put,
            Self::Stale,
            Self::Remove,
            Self::Expire,
            Self::Wide,
            Self::Footer,
        ]
        .into_iter()
        .find(|&kind| kind as u8 == byte)
    }
}

impl Header {
    /// Bytes of the whole entry.
    pub(super) fn total(&self) -> usize {
        HEADER + usize::from(self.key_length) + self.body_length as usize
    }

    /// Reads a header that was written to `place`. `None`: there is none, or it is damaged.
    pub(super) fn parse(bytes: &[u8], place: Place, secret: &Secret) -> Option<Self> {
        let bytes = bytes.get(..HEADER)?;
        if bytes[..2] != MAGIC || bytes[3] != VERSION {
            return None;
        }
        if u64_at(bytes, 40) != secret.check(&bytes[..40], place) {
            return None;
        }
        Some(Self {
            kind: Kind::from_byte(bytes[2])?,
            key_length: u16::from_le_bytes([bytes[4], bytes[5]]),
            body_length: u32_at(bytes, 8),
            checksum: u32_at(bytes, 12),
            number: u64_at(bytes, 16),
            previous: u64_at(bytes, 24),
            hash: u64_at(bytes, 32),
        })
    }

    /// Whether these are the key and body that the header was written with.
    pub(super) fn matches(&self, key_and_body: &[u8]) -> bool {
        crc32fast::hash(key_and_body) == self.checksum
    }
}

/// What an entry is written from.
pub(super) struct Draft<'a> {
    pub(super) kind: Kind,
    pub(super) number: u64,
    pub(super) previous: u64,
    pub(super) hash: u64,
    /// At most [`crate::key::MAX_KEY`] bytes.
    pub(super) key: &'a [u8],
    /// At most [`super::MAX_ENTRY`] bytes.
    pub(super) body: &'a [u8],
}

impl Draft<'_> {
    /// Appends the entry to `out`, made for `place`.
    pub(super) fn write(&self, out: &mut Vec<u8>, place: Place, secret: &Secret) {
        let mut crc = crc32fast::Hasher::new();
        crc.update(self.key);
        crc.update(self.body);
        let key_length = u16::try_from(self.key.len()).expect("a key has at most 4096 bytes");
        let body_length = u32::try_from(self.body.len()).expect("bodies are held to MAX_ENTRY");

        let start = out.len();
        out.extend(MAGIC);
        out.extend([self.kind as u8, VERSION]);
        out.extend(key_length.to_le_bytes());
        out.extend([0, 0]);
        out.extend(body_length.to_le_bytes());
        out.extend(crc.finalize().to_le_bytes());
        out.extend(self.number.to_le_bytes());
        out.extend(self.previous.to_le_bytes());
        out.extend(self.hash.to_le_bytes());
        let check = secret.check(&out[start..], place);
        out.extend(check.to_le_bytes());
        out.extend(self.key);
        out.extend(self.body);
    }
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: Secret = Secret([1, 2]);
    const PLACE: Place = Place {
        segment: 3,
        offset: 400,
    };

    fn entry() -> Vec<u8> {
        let mut out = Vec::new();
        let draft = Draft {
            kind: Kind::Put,
            number: 9,
            previous: 8,
            hash: SECRET.key("k"),
            key: b"k",
            body: b"value",
        };
        draft.write(&mut out, PLACE, &SECRET);
        out
    }

    #[test]
    fn an_entry_comes_back_as_it_was() {
        let bytes = entry();
        let header = Header::parse(&bytes, PLACE, &SECRET).unwrap();
        assert_eq!((header.number, header.previous), (9, 8));
        assert_eq!(header.total(), bytes.len());
        assert!(header.matches(&bytes[HEADER..]));
        assert!(!header.matches(&bytes[HEADER + 1..]));
    }

    #[test]
    fn a_header_with_any_bit_changed_is_refused() {
        for bit in 0..HEADER * 8 {
            let mut bytes = entry();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Header::parse(&bytes, PLACE, &SECRET), None, "bit {bit}");
        }
    }

    #[test]
    fn an_entry_counts_only_where_it_was_written_and_with_the_secret() {
        let bytes = entry();
        for (segment, offset) in [(4, 400), (3, 401)] {
            assert_eq!(
                Header::parse(&bytes, Place { segment, offset }, &SECRET),
                None
            );
        }
        assert_eq!(Header::parse(&bytes, PLACE, &Secret([1, 3])), None);
        assert_eq!(Header::parse(&bytes[..HEADER - 1], PLACE, &SECRET), None);
    }
}
