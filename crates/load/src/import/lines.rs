//! The lines of a file, in bounded memory: a line that is too long is passed over, whatever its length.

use std::io::{self, BufRead};

/// Longest line that is read, in bytes. Servers cut their heads at 8 to 64 KiB, and a line holds few parts of one.
pub(super) const LONGEST: usize = 64 * 1024;

/// Reads lines.
pub(super) struct Lines<R> {
    reader: R,
    line: Vec<u8>,
    number: u64,
}

/// A line, without what ends it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    /// All of it.
    Whole(&'a [u8]),
    /// It was longer than [`LONGEST`].
    TooLong,
}

impl<R: BufRead> Lines<R> {
    /// The lines of a reader.
    pub(super) fn new(reader: R) -> Self {
        Self {
            reader,
            line: Vec::new(),
            number: 0,
        }
    }

    /// The number of the last line that was read, from 1.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// The next line.
    pub(super) fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        self.line.clear();
        let mut is_too_long = false;
        let mut has_any = false;
        loop {
            let bytes = match self.reader.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                other => other?,
            };
            if bytes.is_empty() {
                break;
            }
            has_any = true;
            let end = memchr::memchr(b'\n', bytes);
            let part = &bytes[..end.unwrap_or(bytes.len())];
            match self.line.len() + part.len() <= LONGEST {
                true if !is_too_long => self.line.extend_from_slice(part),
                _ => is_too_long = true,
            }
            let used = end.map_or(bytes.len(), |end| end + 1);
            self.reader.consume(used);
            if end.is_some() {
                break;
            }
        }
        if !has_any {
            return Ok(None);
        }
        self.number += 1;
        if is_too_long {
            return Ok(Some(Line::TooLong));
        }
        let line = self.line.strip_suffix(b"\r").unwrap_or(&self.line);
        Ok(Some(Line::Whole(line)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufReader, Cursor, Read};

    #[test]
    fn lines_end_with_a_line_feed_or_with_the_file() {
        let mut lines = Lines::new(BufReader::with_capacity(2, &b"one\r\n\ntwo"[..]));
        for wanted in [&b"one"[..], b"", b"two"] {
            let line = lines.next().expect("memory");
            assert_eq!(line, Some(Line::Whole(wanted)));
        }
        assert_eq!(lines.next().expect("memory"), None);
        assert_eq!(lines.number(), 3);
    }

    #[test]
    fn a_line_of_any_length_takes_no_memory() {
        let long = std::io::repeat(b'x').take(1 << 27);
        let reader = long.chain(Cursor::new(b"\nnext\n"));
        let mut lines = Lines::new(BufReader::with_capacity(1 << 20, reader));
        assert_eq!(lines.next().expect("memory"), Some(Line::TooLong));
        assert!(lines.line.capacity() <= 2 * LONGEST);
        let next = lines.next().expect("memory");
        assert_eq!(next, Some(Line::Whole(b"next")));
    }
}
