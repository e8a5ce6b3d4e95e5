//! How changes lie in the log: pure functions from and to bytes.
//!
//! A file begins with a header and goes on with *frames*. A frame is what one `write(2)` brings, however many changes
//! it holds, and has one checksum: it is there as a whole or not at all. So only the last frame of the last file can be
//! torn, and whatever else does not read was damaged later. All numbers are little-endian:
//!
//! ```text
//! header: "TFWB"  4 version (1), three zeros  8 number of the file u64  16 next sequence u64  24 CRC-32 u32
//! frame:  "FRAM"  4 length of the body u32  8 CRC-32 of length and body u32  12 body: one record after the other
//! record: kind u8  1 sequence u64  9 length of the key u16  11 length of the payload u32  15 key, payload
//! ```

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};

const FILE_MAGIC: &[u8; 8] = b"TFWB\x01\0\0\0";
const FRAME_MAGIC: &[u8; 4] = b"FRAM";
pub(super) const HEADER: usize = 28;
const FRAME_HEADER: usize = 12;
const RECORD_HEADER: usize = 15;

/// One thing that the log says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) kind: Kind,
    pub(super) sequence: u64,
    pub(super) key: Box<str>,
    pub(super) payload: Bytes,
}

/// What a record says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    /// The key is to have the value of the payload.
    Put = 1,
    /// The key is to have no value.
    Delete = 2,
    /// The changes whose sequences are in the payload have been dealt with.
    Done = 3,
    /// In the file of dead letters: why the record before was given up, and after how many attempts (its sequence).
    Reason = 4,
}

impl Record {
    /// That changes have been dealt with.
    pub(super) fn done(sequences: impl Iterator<Item = u64>) -> Self {
        Self {
            kind: Kind::Done,
            sequence: 0,
            key: "".into(),
            payload: sequences.flat_map(u64::to_le_bytes).collect(),
        }
    }

    /// The sequences in a record that says that changes have been dealt with.
    pub(super) fn sequences(&self) -> impl Iterator<Item = u64> + '_ {
        let (whole, _) = self.payload.as_chunks::<8>();
        whole.iter().map(|bytes| u64::from_le_bytes(*bytes))
    }

    /// Its bytes in the log.
    pub(super) fn size(&self) -> usize {
        RECORD_HEADER + self.key.len() + self.payload.len()
    }

    fn encode(&self, out: &mut BytesMut) {
        out.put_u8(self.kind as u8);
        out.put_u64_le(self.sequence);
        out.put_u16_le(u16::try_from(self.key.len()).expect("a key has at most 4096 bytes"));
        out.put_u32_le(u32::try_from(self.payload.len()).expect("a change has at most 1 GiB"));
        out.put_slice(self.key.as_bytes());
        out.put_slice(&self.payload);
    }

    fn decode(body: &mut Bytes) -> Option<Self> {
        if body.len() < RECORD_HEADER {
            return None;
        }
        let kind = match body.get_u8() {
            1 => Kind::Put,
            2 => Kind::Delete,
            3 => Kind::Done,
            4 => Kind::Reason,
            _ => return None,
        };
        let (sequence, key, payload) = (body.get_u64_le(), body.get_u16_le(), body.get_u32_le());
        if body.len() < usize::from(key) + payload as usize {
            return None;
        }
        let key = body.split_to(usize::from(key));
        let key = std::str::from_utf8(&key).ok()?.into();
        let payload = body.split_to(payload as usize);
        Some(Self {
            kind,
            sequence,
            key,
            payload,
        })
    }
}

/// What a file begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) number: u64,
    /// No change that was logged before has this sequence or a larger one.
    pub(super) next_sequence: u64,
}

impl Header {
    pub(super) fn encode(self) -> Bytes {
        let mut out = BytesMut::with_capacity(HEADER);
        out.put_slice(FILE_MAGIC);
        out.put_u64_le(self.number);
        out.put_u64_le(self.next_sequence);
        out.put_u32_le(crc32fast::hash(&out));
        out.freeze()
    }

    fn decode(content: &Bytes) -> Option<Self> {
        let mut header = content
            .get(..HEADER)
            .filter(|bytes| bytes.starts_with(FILE_MAGIC))?;
        let sum = crc32fast::hash(&header[..HEADER - 4]);
        header.advance(FILE_MAGIC.len());
        let read = Self {
            number: header.get_u64_le(),
            next_sequence: header.get_u64_le(),
        };
        (header.get_u32_le() == sum).then_some(read)
    }
}

/// The frame of some records.
pub(super) fn encode(records: &[Record]) -> Bytes {
    let length: usize = records.iter().map(Record::size).sum();
    let mut out = BytesMut::with_capacity(FRAME_HEADER + length);
    out.put_slice(FRAME_MAGIC);
    out.put_u32_le(u32::try_from(length).expect("a frame has at most 2 GiB"));
    out.put_u32_le(0);
    records.iter().for_each(|record| record.encode(&mut out));
    let sum = checksum(&out);
    out[8..FRAME_HEADER].copy_from_slice(&sum.to_le_bytes());
    out.freeze()
}

fn checksum(frame: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&frame[4..8]);
    hasher.update(&frame[FRAME_HEADER..]);
    hasher.finalize()
}

/// What a file holds.
#[derive(Debug, Default)]
pub(super) struct Content {
    /// `None`: the file ends within it, or it does not read.
    pub(super) header: Option<Header>,
    pub(super) records: Vec<Record>,
    /// Up to here everything reads.
    pub(super) whole: usize,
    /// Whether something that reads stands behind something that does not.
    pub(super) damaged: bool,
}

/// Reads a file. What follows a place that does not read is taken in as well, if it reads.
pub(super) fn read(content: &Bytes) -> Content {
    let mut read = Content {
        header: Header::decode(content),
        ..Content::default()
    };
    let mut at = HEADER.min(content.len());
    let mut skipping = read.header.is_none();
    if !skipping {
        read.whole = HEADER;
    }
    while at < content.len() {
        if let Some((records, next)) = frame(content, at) {
            read.records.extend(records);
            read.damaged |= skipping;
            at = next;
            if !skipping {
                read.whole = at;
            }
        } else {
            skipping = true;
            // The next place where a frame could begin.
            let rest = &content[at + 1..];
            let step = rest
                .windows(FRAME_MAGIC.len())
                .position(|four| four == FRAME_MAGIC);
            at = step.map_or(content.len(), |step| at + 1 + step);
        }
    }
    read
}

/// The records of the frame at `at`, and where it ends.
fn frame(content: &Bytes, at: usize) -> Option<(Vec<Record>, usize)> {
    let head = content
        .get(at..at + FRAME_HEADER)
        .filter(|head| head.starts_with(FRAME_MAGIC))?;
    let length = (&head[4..]).get_u32_le() as usize;
    let sum = (&head[8..]).get_u32_le();
    let end = (at + FRAME_HEADER)
        .checked_add(length)
        .filter(|end| *end <= content.len())?;
    if checksum(&content[at..end]) != sum {
        return None;
    }
    let mut body = content.slice(at + FRAME_HEADER..end);
    let mut records = Vec::new();
    while !body.is_empty() {
        records.push(Record::decode(&mut body)?);
    }
    Some((records, end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn put(sequence: u64, payload: Vec<u8>) -> Record {
        Record {
            kind: Kind::Put,
            sequence,
            key: format!("k{sequence}").into(),
            payload: payload.into(),
        }
    }

    fn file(frames: &[Vec<Record>]) -> Vec<u8> {
        let mut out = Header {
            number: 3,
            next_sequence: 9,
        }
        .encode()
        .to_vec();
        frames
            .iter()
            .for_each(|records| out.extend(encode(records)));
        out
    }

    proptest! {
        #[test]
        fn what_was_written_reads(frames in proptest::collection::vec(
            proptest::collection::vec((any::<u64>(), proptest::collection::vec(any::<u8>(), 0..40)), 1..4), 0..5)) {
            let frames: Vec<Vec<Record>> = frames.into_iter()
                .map(|frame| frame.into_iter().map(|(sequence, payload)| put(sequence, payload)).collect())
                .collect();
            let bytes: Bytes = file(&frames).into();
            let content = read(&bytes);
            prop_assert_eq!(content.header, Some(Header { number: 3, next_sequence: 9 }));
            prop_assert_eq!((content.whole, content.damaged), (bytes.len(), false));
            prop_assert_eq!(content.records, frames.concat());
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            read(&Bytes::from(bytes.clone()));
            // Behind a true header and with a true checksum, so that what follows them is reached.
            let mut frame = [FRAME_MAGIC.as_slice(), &(bytes.len() as u32).to_le_bytes(), &[0; 4], &bytes].concat();
            let sum = checksum(&frame);
            frame[8..12].copy_from_slice(&sum.to_le_bytes());
            read(&[file(&[]), frame].concat().into());
        }

        #[test]
        fn a_changed_bit_is_noticed(at in any::<prop::sample::Index>(), bit in 0_u32..8) {
            let mut bytes = file(&[vec![put(1, vec![7; 20])], vec![put(2, vec![8; 20])]]);
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            let content = read(&bytes.clone().into());
            let noticed = content.header.is_none() || content.whole < bytes.len();
            prop_assert!(noticed);
        }
    }

    #[test]
    fn a_torn_end_is_told_from_damage_at_each_byte() {
        let frames = [
            vec![put(1, vec![7; 9])],
            vec![put(2, vec![]), put(3, vec![1])],
        ];
        let bytes: Bytes = file(&frames).into();
        let first = file(&frames[..1]).len();
        for length in 0..bytes.len() {
            let content = read(&bytes.slice(..length));
            assert!(!content.damaged, "cut to {length} bytes");
            assert_eq!(content.header.is_some(), length >= HEADER);
            assert_eq!(content.records.len(), usize::from(length >= first));
        }
        for at in HEADER..first {
            let mut damaged = bytes.to_vec();
            damaged[at] ^= 0x10;
            let content = read(&damaged.into());
            assert!(content.damaged, "changed at {at}");
            assert_eq!(content.records, frames[1]);
        }
    }

    #[test]
    fn sequences_come_back() {
        let record = Record::done([1, u64::MAX].into_iter());
        assert_eq!(record.sequences().collect::<Vec<_>>(), [1, u64::MAX]);
    }
}
