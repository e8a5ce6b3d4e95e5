//! The bytes of a file, in pieces.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

/// A file up to this size is read with the answer, so that it costs one step aside and not two.
const SMALL: u64 = 64 * 1024;

/// A part of a file, from which is read what was announced and nothing else.
#[derive(Debug)]
pub(crate) struct Content {
    file: Arc<File>,
    at: u64,
    end: u64,
    /// What was read already.
    first: Option<Vec<u8>>,
    len: u64,
}

impl Content {
    /// The bytes from `start` up to `end`. Blocks.
    pub(super) fn new(file: File, start: u64, end: u64) -> io::Result<Self> {
        let mut content = Self {
            file: Arc::new(file),
            at: start,
            end,
            first: None,
            len: end - start,
        };
        if content.len <= SMALL && content.len > 0 {
            content.first = Some(read(&content.file, start, content.len as usize)?);
        }
        Ok(content)
    }

    /// How many bytes there are.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// The next piece, of at most `most` bytes (more if it was read already); empty at the end.
    ///
    /// # Errors
    /// When the file has become shorter, or cannot be read.
    pub(crate) async fn read(&mut self, most: usize) -> io::Result<Vec<u8>> {
        if let Some(first) = self.first.take() {
            self.at = self.end;
            return Ok(first);
        }
        let count = (self.end - self.at).min(most as u64);
        if count == 0 {
            return Ok(Vec::new());
        }
        let (file, at) = (Arc::clone(&self.file), self.at);
        let reading = tokio::task::spawn_blocking(move || read(&file, at, count as usize));
        let piece = reading.await.map_err(|_| io::ErrorKind::Other)??;
        self.at += count;
        Ok(piece)
    }
}

fn read(file: &File, at: u64, count: usize) -> io::Result<Vec<u8>> {
    let mut piece = vec![0; count];
    file.read_exact_at(&mut piece, at)?;
    Ok(piece)
}
