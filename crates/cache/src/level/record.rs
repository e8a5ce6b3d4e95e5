//! Records: how a value lies on disk and in Redis.
//!
//! A record says by itself how long it lives, which tags it has and whether it is whole, so that any process
//! of any version can read it, or refuse it. Times are Unix times in milliseconds, because another process reads
//! them. The layout, all numbers little-endian:
//!
//! ```text
//! 0  "TF"  2  version (1)  3  flags  4  created u64  12  fresh until u64  20  keep until u64
//! 28 length of the payload before compression u32   32  length of the validator u16   34  number of tags u16
//! 36 validator, then each tag as length u16 and text, then the payload, then CRC-32 of all before u32
//! ```

use std::sync::Arc;

use bytes::{BufMut as _, Bytes, BytesMut};

use crate::entry::Tag;

/// What a record begins with: two letters and the version of its layout.
const MAGIC: [u8; 3] = [b'T', b'F', 1];
const HEADER: usize = 36;
const CHECKSUM: usize = 4;

const ABSENT: u8 = 1;
const COMPRESSED: u8 = 2;
const FLAGS: u8 = ABSENT | COMPRESSED;

/// No payload is longer than this, before compression: 1 GiB. What says so is not one of our records.
pub const MAX_PAYLOAD: usize = 1 << 30;

/// A value with what is needed to use it again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// When it was loaded, in milliseconds since 1970.
    pub created: u64,
    /// Until when it is fresh, in milliseconds since 1970.
    pub fresh_until: u64,
    /// Until when it may serve as a fallback, in milliseconds since 1970. Not before `fresh_until`.
    pub keep_until: u64,
    /// The tags under which it can be invalidated.
    pub tags: Box<[Tag]>,
    /// What the source can be asked with whether it still holds.
    pub validator: Option<Box<str>>,
    /// The encoded value; `None`: it is known that there is none.
    pub payload: Option<Bytes>,
}

/// Why bytes are not a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Damage {
    /// They end too early.
    Short,
    /// They begin differently, or another version of this program wrote them.
    Foreign,
    /// Their checksum does not match.
    Checksum,
    /// The checksum matches, and the content contradicts itself.
    Content,
}

impl std::fmt::Display for Damage {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(match self {
            Self::Short => "the record is cut short",
            Self::Foreign => "this is not a record of this version",
            Self::Checksum => "the record's checksum does not match",
            Self::Content => "the record contradicts itself",
        })
    }
}

impl std::error::Error for Damage {}

impl Record {
    /// Its bytes. A payload of at least `compress_above` bytes is compressed with LZ4 if that makes it smaller.
    #[must_use]
    pub fn encode(&self, compress_above: usize) -> Bytes {
        let payload = self.payload.as_deref().unwrap_or_default();
        let compressed = (payload.len() >= compress_above)
            .then(|| lz4_flex::block::compress(payload))
            .filter(|compressed| compressed.len() < payload.len());
        let validator = self.validator.as_deref().unwrap_or_default();
        let tags = &self.tags[..self.tags.len().min(usize::from(u16::MAX))];

        let mut flags = if self.payload.is_none() { ABSENT } else { 0 };
        if compressed.is_some() {
            flags |= COMPRESSED;
        }
        let body = compressed.as_deref().unwrap_or(payload);
        let tag_bytes: usize = tags.iter().map(|tag| 2 + tag.len()).sum();
        let mut out =
            BytesMut::with_capacity(HEADER + validator.len() + tag_bytes + body.len() + CHECKSUM);
        out.put_slice(&MAGIC);
        out.put_u8(flags);
        out.put_u64_le(self.created);
        out.put_u64_le(self.fresh_until);
        out.put_u64_le(self.keep_until);
        out.put_u32_le(payload.len() as u32);
        out.put_u16_le(text_length(validator));
        out.put_u16_le(tags.len() as u16);
        out.put_slice(validator.as_bytes());
        for tag in tags {
            out.put_u16_le(text_length(tag));
            out.put_slice(tag.as_bytes());
        }
        out.put_slice(body);
        out.put_u32_le(crc32fast::hash(&out));
        out.freeze()
    }

    /// Reads a record.
    ///
    /// # Errors
    /// When the bytes are not a whole record of this version.
    pub fn decode(bytes: &Bytes) -> Result<Self, Damage> {
        if bytes.len() < HEADER + CHECKSUM {
            return Err(Damage::Short);
        }
        if bytes[..3] != MAGIC || bytes[3] & !FLAGS != 0 {
            return Err(Damage::Foreign);
        }
        let (content, checksum) = bytes.split_at(bytes.len() - CHECKSUM);
        if crc32fast::hash(content).to_le_bytes() != checksum {
            return Err(Damage::Checksum);
        }
        let flags = bytes[3];
        let length = u32_at(content, 28) as usize;
        let mut at = HEADER;
        let validator = text(content, &mut at, usize::from(u16_at(content, 32)))?;
        let mut tags = Vec::new();
        for _ in 0..u16_at(content, 34) {
            let header = content.get(at..at + 2).ok_or(Damage::Content)?;
            at += 2;
            let tag: Tag = Arc::from(text(content, &mut at, usize::from(u16_at(header, 0)))?);
            tags.push(tag);
        }
        let body = bytes.slice(at..content.len());
        let payload = match (flags & ABSENT != 0, flags & COMPRESSED != 0) {
            (true, _) => None,
            (false, false) => Some(body),
            (false, true) if length <= MAX_PAYLOAD => Some(
                lz4_flex::block::decompress(&body, length)
                    .map_err(|_| Damage::Content)?
                    .into(),
            ),
            (false, true) => return Err(Damage::Content),
        };
        if payload.as_ref().map_or(0, Bytes::len) != length {
            return Err(Damage::Content);
        }
        Ok(Self {
            created: u64_at(content, 4),
            fresh_until: u64_at(content, 12),
            keep_until: u64_at(content, 20),
            tags: tags.into(),
            validator: (!validator.is_empty()).then(|| validator.into()),
            payload,
        })
    }
}

/// A validator or tag longer than 64 KiB is refused before it gets here ([`crate::loaded`]).
fn text_length(text: &str) -> u16 {
    u16::try_from(text.len()).expect("tags and validators are checked when they are given")
}

fn text<'a>(content: &'a [u8], at: &mut usize, length: usize) -> Result<&'a str, Damage> {
    let bytes = content.get(*at..*at + length).ok_or(Damage::Content)?;
    *at += length;
    std::str::from_utf8(bytes).map_err(|_| Damage::Content)
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(bytes[at..at + 2].try_into().expect("two bytes"))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn records() -> impl Strategy<Value = Record> {
        (
            any::<[u64; 3]>(),
            proptest::collection::vec(".{0,9}", 0..4),
            proptest::option::of(".{1,9}"),
            proptest::option::of(proptest::collection::vec(0_u8..4, 0..600)),
        )
            .prop_map(|(times, tags, validator, payload)| Record {
                created: times[0],
                fresh_until: times[1],
                keep_until: times[2],
                tags: tags.into_iter().map(Into::into).collect(),
                validator: validator.map(Into::into),
                payload: payload.map(Into::into),
            })
    }

    proptest! {
        #[test]
        fn a_record_comes_back_as_it_was(record in records(), compress_above in 0_usize..900) {
            prop_assert_eq!(Record::decode(&record.encode(compress_above)), Ok(record));
        }

        #[test]
        fn a_record_that_was_cut_or_changed_is_refused(record in records(), at in any::<usize>(), bit in 0_u32..8) {
            let bytes = record.encode(100);
            prop_assert!(Record::decode(&bytes.slice(..at % bytes.len())).is_err());
            let mut changed = bytes.to_vec();
            changed[at % bytes.len()] ^= 1 << bit;
            prop_assert!(Record::decode(&changed.into()).is_err());
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            // With a true checksum, so that what follows it is reached.
            let mut bytes: Vec<u8> = MAGIC.into_iter().chain([2]).chain(bytes).collect();
            bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
            let _ = Record::decode(&bytes.into());
        }
    }

    #[test]
    fn what_compresses_well_becomes_small() {
        let record = Record {
            created: 1,
            fresh_until: 2,
            keep_until: 3,
            tags: Box::default(),
            validator: None,
            payload: Some(vec![7; 10_000].into()),
        };
        assert!(record.encode(1000).len() < 200);
        assert!(record.encode(usize::MAX).len() > 10_000);
    }
}
