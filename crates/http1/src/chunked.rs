//! The chunked transfer coding (RFC 9112 section 7.1), checked in place.
//!
//! A proxy that forwards a chunked body does not have to take it apart: once the framing is known to be
//! right, the bytes can go on as they are. So the decoder walks over them and only *removes*: chunk
//! extensions (nobody uses them but attackers, and they are hop-by-hop), trailer fields that a proxy must
//! not pass on, or, for a receiver that does not know the coding, the framing itself. What is left is moved to the front.

use std::ops::Range;

use crate::error::BodyError;
use crate::field::Span;
use crate::name::Name;
use crate::parse;

/// Hexadecimal digits of a chunk size: enough for 2^64 - 1.
const MAX_SIZE_DIGITS: u8 = 16;
/// Longest extension of one chunk, in bytes.
const MAX_EXTENSION: u16 = 256;
/// Most extension bytes in one body: one-byte chunks with long extensions would cost far more to read
/// than they carry (CVE-2023-39326).
const MAX_EXTENSIONS: u32 = 16 * 1024;
/// Longest trailer section, in bytes. Must fit into a relay buffer.
pub const MAX_TRAILERS: usize = 8 * 1024;

/// What is left of the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// Chunked as it was, without extensions and without trailer fields that are not to be passed on.
    Chunked,
    /// The data alone.
    Data,
}

/// How far a call of [`Chunked::decode`] came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// Bytes that were read. Those behind them belong to what comes next.
    pub consumed: usize,
    /// Bytes at the front that are to be sent on.
    pub produced: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// In the size; so many digits have been read.
    Size { digits: u8 },
    /// In an extension.
    Extension { len: u16 },
    /// Behind the CR of the size line.
    SizeLf,
    /// In the data.
    Data,
    /// Behind the data.
    DataCr,
    /// Behind the CR that ends the data.
    DataLf,
    /// In the trailer section, which is read as a whole.
    Trailers,
    /// Behind the body.
    Done,
}

/// A decoder for one body.
#[derive(Clone, Copy, Debug)]
pub struct Chunked {
    state: State,
    /// Bytes of data left in the current chunk; while its size is read, the size so far.
    left: u64,
    extension_bytes: u32,
    data_bytes: u64,
}

impl Default for Chunked {
    fn default() -> Self {
        Self {
            state: State::Size { digits: 0 },
            left: 0,
            extension_bytes: 0,
            data_bytes: 0,
        }
    }
}

impl Chunked {
    /// True behind the last byte of the body.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Bytes of data so far, without the framing.
    #[must_use]
    pub fn data_bytes(&self) -> u64 {
        self.data_bytes
    }

    /// Checks the next bytes of the body and moves what is to be sent on to their front.
    ///
    /// A trailer section that is not complete is not consumed: call again with it and what follows.
    ///
    /// # Errors
    /// When the framing is broken. Nothing of the body must be trusted then.
    pub fn decode(&mut self, bytes: &mut [u8], output: Output) -> Result<Step, BodyError> {
        let mut from = 0;
        let mut kept = Kept {
            bytes,
            len: 0,
            output,
        };
        while from < kept.bytes.len() && self.state != State::Done {
            match self.state {
                State::Data => from = self.data(&mut kept, from),
                State::Trailers => match self.trailers(&mut kept, from)? {
                    Some(end) => from = end,
                    None => break,
                },
                _ => {
                    let byte = kept.bytes[from];
                    if self.framing(byte)? {
                        kept.framing(from..from + 1);
                    }
                    from += 1;
                }
            }
        }
        Ok(Step {
            consumed: from,
            produced: kept.len,
        })
    }

    /// Takes one byte of framing; true if it is to be kept.
    fn framing(&mut self, byte: u8) -> Result<bool, BodyError> {
        match (self.state, byte) {
            (State::Size { digits }, _) if byte.is_ascii_hexdigit() && digits < MAX_SIZE_DIGITS => {
                let digit = (byte as char).to_digit(16).ok_or(BodyError::Chunk)?;
                self.left = (self.left << 4) | u64::from(digit);
                self.state = State::Size { digits: digits + 1 };
            }
            (State::Size { digits: 1.. }, b'\r') => self.state = State::SizeLf,
            (State::Size { digits: 1.. }, b';') => {
                self.state = State::Extension { len: 0 };
                return Ok(false);
            }
            (State::Extension { .. }, b'\r') => self.state = State::SizeLf,
            (State::Extension { len }, b'\t' | b' '..=b'~' | 0x80..) => {
                self.extension_bytes += 1;
                if len >= MAX_EXTENSION || self.extension_bytes > MAX_EXTENSIONS {
                    return Err(BodyError::Chunk);
                }
                self.state = State::Extension { len: len + 1 };
                return Ok(false);
            }
            (State::SizeLf, b'\n') => {
                self.state = if self.left == 0 {
                    State::Trailers
                } else {
                    State::Data
                };
            }
            (State::DataCr, b'\r') => self.state = State::DataLf,
            (State::DataLf, b'\n') => self.state = State::Size { digits: 0 },
            _ => return Err(BodyError::Chunk),
        }
        Ok(true)
    }

    /// Takes as much data as there is and returns where it ends.
    fn data(&mut self, kept: &mut Kept<'_>, from: usize) -> usize {
        let available = kept.bytes.len() - from;
        let count = usize::try_from(self.left)
            .unwrap_or(usize::MAX)
            .min(available);
        kept.data(from..from + count);
        self.left -= count as u64;
        self.data_bytes += count as u64;
        if self.left == 0 {
            self.state = State::DataCr;
        }
        from + count
    }

    /// Takes the trailer section if all of it is there, and returns where it ends.
    fn trailers(&mut self, kept: &mut Kept<'_>, from: usize) -> Result<Option<usize>, BodyError> {
        let section = &kept.bytes[from..];
        let len = if section.starts_with(b"\r\n") {
            2
        } else if let Some(end) = memchr::memmem::find(section, b"\r\n\r\n") {
            end + 4
        } else if section.len() >= MAX_TRAILERS {
            return Err(BodyError::Trailer);
        } else {
            return Ok(None);
        };
        if len > MAX_TRAILERS {
            return Err(BodyError::Trailer);
        }
        if len > 2 {
            let lines = passable_trailers(&section[..len])?;
            for line in lines {
                kept.framing(from + line.start as usize..from + line.end as usize);
            }
        }
        kept.framing(from + len - 2..from + len);
        self.state = State::Done;
        Ok(Some(from + len))
    }
}

/// The trailer lines that may be passed on. A field about framing is an attack; fields that a receiver must know before
/// the body, or that a proxy handles, are left out, because a server might merge them into the head (RFC 9110 section 6.5.1).
fn passable_trailers(section: &[u8]) -> Result<Vec<Span>, BodyError> {
    let mut lines = Vec::new();
    let mut is_forbidden = false;
    parse::trailers(section, |field| match field.name {
        Name::Other if belongs_into_head(field.name_span.of(section)) => {}
        Name::Other => lines.push(Span {
            start: field.name_span.start,
            end: field.line_end,
        }),
        Name::ContentLength | Name::TransferEncoding | Name::Host => is_forbidden = true,
        _ => {}
    })
    .map_err(|_| BodyError::Trailer)?;
    if is_forbidden {
        Err(BodyError::Trailer)
    } else {
        Ok(lines)
    }
}

/// True for fields about authentication, content, routing, conditions and caching. Spelled with `_` for `-` they are
/// the same to CGI and its heirs.
fn belongs_into_head(name: &[u8]) -> bool {
    const BEGINNINGS: [&[u8]; 6] = [
        b"content-",
        b"if-",
        b"proxy-",
        b"x-real-",
        b"sec-",
        b"accept-",
    ];
    const NAMES: [&[u8]; 14] = [
        b"age",
        b"authorization",
        b"cache-control",
        b"cookie",
        b"expires",
        b"location",
        b"max-forwards",
        b"origin",
        b"pragma",
        b"range",
        b"retry-after",
        b"set-cookie",
        b"vary",
        b"www-authenticate",
    ];
    let name: Vec<u8> = name
        .iter()
        .map(|byte| {
            if *byte == b'_' {
                b'-'
            } else {
                byte.to_ascii_lowercase()
            }
        })
        .collect();
    NAMES.contains(&&name[..]) || BEGINNINGS.iter().any(|start| name.starts_with(start))
}

/// What has been kept so far: the first `len` bytes.
struct Kept<'a> {
    bytes: &'a mut [u8],
    len: usize,
    output: Output,
}

impl Kept<'_> {
    fn framing(&mut self, range: Range<usize>) {
        if self.output == Output::Chunked {
            self.data(range);
        }
    }

    fn data(&mut self, range: Range<usize>) {
        let count = range.len();
        // Nothing has been removed yet in the common case, and then nothing moves.
        if range.start != self.len {
            self.bytes.copy_within(range, self.len);
        }
        self.len += count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Decodes `input` in pieces of `size` bytes, as a reader would; returns what is kept and what is left over.
    fn decode(input: &[u8], size: usize, output: Output) -> Result<(Vec<u8>, usize), BodyError> {
        let mut decoder = Chunked::default();
        let (mut kept, mut pending) = (Vec::new(), Vec::new());
        let mut pieces = input.chunks(size);
        while !decoder.is_done() {
            let Some(piece) = pieces.next() else {
                return Err(BodyError::Truncated);
            };
            pending.extend_from_slice(piece);
            let step = decoder.decode(&mut pending, output)?;
            kept.extend_from_slice(&pending[..step.produced]);
            pending.drain(..step.consumed);
        }
        Ok((kept, pending.len() + pieces.map(<[u8]>::len).sum::<usize>()))
    }

    #[test]
    fn bodies_that_are_passed_on() {
        for (input, chunked, data) in [
            ("0\r\n\r\n", "0\r\n\r\n", ""),
            (
                "5\r\nhello\r\n0\r\n\r\n",
                "5\r\nhello\r\n0\r\n\r\n",
                "hello",
            ),
            (
                "5;a=b\r\nhello\r\n0;x\r\n\r\n",
                "5\r\nhello\r\n0\r\n\r\n",
                "hello",
            ),
            (
                "A\r\n0123456789\r\n0\r\n\r\n",
                "A\r\n0123456789\r\n0\r\n\r\n",
                "0123456789",
            ),
            (
                "1\r\na\r\n00\r\nX-Sum: 1\r\nVia: x\r\nSet_Cookie: y\r\nX-Forwarded-Ssl: on\r\nB: 2\r\n\r\n",
                "1\r\na\r\n00\r\nX-Sum: 1\r\nB: 2\r\n\r\n",
                "a",
            ),
        ] {
            for size in 1..=input.len() {
                let (kept, _) = decode(input.as_bytes(), size, Output::Chunked).expect(input);
                assert_eq!(String::from_utf8_lossy(&kept), chunked, "pieces of {size}");
                let (kept, _) = decode(input.as_bytes(), size, Output::Data).expect(input);
                assert_eq!(String::from_utf8_lossy(&kept), data, "pieces of {size}");
            }
        }
    }

    #[test]
    fn what_follows_is_left_alone() {
        let input = b"3\r\nabc\r\n0\r\n\r\nGET / HTTP/1.1\r\n";
        let (_, left) = decode(input, input.len(), Output::Chunked).expect("valid");
        assert_eq!(left, b"GET / HTTP/1.1\r\n".len());
    }

    #[test]
    fn bodies_that_are_refused() {
        let long_extension = format!("1;{}\r\na\r\n0\r\n\r\n", "x".repeat(300));
        let many_extensions = format!(
            "{}0\r\n\r\n",
            format!("1;{}\r\na\r\n", "x".repeat(200)).repeat(100)
        );
        let long_trailer = format!("0\r\nA: {}\r\n\r\n", "x".repeat(MAX_TRAILERS));
        for input in [
            "\r\n",
            " 5\r\nhello\r\n",
            "5 \r\nhello\r\n",
            "+5\r\nhello\r\n",
            "0x5\r\nhello\r\n",
            "g\r\n",
            "5\nhello\r\n",
            "5\r\nhello\n",
            "5\r\nhellox\r\n",
            "5\r\nhello\r\r\n",
            "5;a\nhello\r\n",
            "5;a\rb\r\nhello\r\n",
            "5;\0\r\nhello\r\n",
            "00000000000000005\r\nhello\r\n",
            "-1\r\n",
            ";a\r\n",
            "0\r\nbad line\r\n\r\n",
            "0\r\nContent-Length: 5\r\n\r\n",
            "0\r\nHost: x\r\n\r\n",
            "0\r\nA: b\nC: d\r\n\r\n",
            "0\r\n folded\r\n\r\n",
            "0\r\nA : b\r\n\r\n",
            "0\r\ntransfer-encoding: chunked\r\n\r\n",
            &long_extension,
            &many_extensions,
            &long_trailer,
        ] {
            for size in [1, 7, input.len()] {
                let result = decode(input.as_bytes(), size, Output::Chunked);
                assert!(
                    matches!(result, Err(BodyError::Chunk | BodyError::Trailer)),
                    "{input:?} in pieces of {size}: {result:?}"
                );
            }
        }
    }

    proptest! {
        /// Any data in any chunks comes out as it went in, however the bytes arrive.
        #[test]
        fn data_survives(chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 0..8), size in 1_usize..50) {
            let mut input = Vec::new();
            for chunk in &chunks {
                input.extend_from_slice(format!("{:x};ext\r\n", chunk.len()).as_bytes());
                input.extend_from_slice(chunk);
                input.extend_from_slice(b"\r\n");
            }
            input.extend_from_slice(b"0\r\n\r\n");
            let (data, left) = decode(&input, size, Output::Data).expect("valid");
            prop_assert_eq!(data, chunks.concat());
            prop_assert_eq!(left, 0);
        }

        /// What is kept in chunked form decodes to the same data, and is a fixed point.
        #[test]
        fn what_is_passed_on_is_canonical(input in prop::collection::vec(prop::sample::select(b"0123aF;\r\n:xA ".to_vec()), 0..60)) {
            if let Ok((kept, _)) = decode(&input, input.len().max(1), Output::Chunked) {
                let again = decode(&kept, 3, Output::Chunked).expect("kept bytes are valid");
                prop_assert_eq!((&again.0, again.1), (&kept, 0));
                prop_assert_eq!(decode(&kept, 5, Output::Data).expect("valid"), (decode(&input, input.len(), Output::Data).expect("valid").0, 0));
            }
        }
    }
}
