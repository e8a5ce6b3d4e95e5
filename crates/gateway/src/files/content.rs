//! The bytes of a file, piece by piece.
//!
//! Reading a file blocks, whatever one does, so that it happens on a thread of tokio's for that purpose. The first piece
//! is read there together with opening the file: a small file, which is almost every file, costs one visit and its
//! descriptor is closed before it returns.
//!
//! The length is promised before the first byte is sent. A file that grows meanwhile is cut there, of one that shrinks
//! the rest is missing and reading fails: the caller has to cut the connection, since nothing else tells the client.

use std::fs::File;
use std::io;
use std::sync::Arc;

use rustix::buffer::spare_capacity;
use rustix::io::Errno;
use tokio::task::spawn_blocking;

/// Most bytes that are read along when a file is opened.
const FIRST: usize = 64 * 1024;
/// Most bytes of any other piece, whatever the caller asks for.
const LARGEST: usize = 1024 * 1024;

/// The bytes of a file or of a part of it.
#[derive(Debug)]
pub(crate) struct Content {
    /// All of it in bytes, read or not.
    len: u64,
    /// What was read already.
    ready: Vec<u8>,
    /// Where the rest is, if there is any.
    file: Option<Arc<File>>,
    /// Where in the file the rest begins.
    offset: u64,
    /// The length of the rest.
    left: u64,
}

impl Content {
    /// The `len` bytes from `offset` on. Blocks.
    pub(super) fn open(file: File, offset: u64, len: u64) -> io::Result<Self> {
        let mut content = Self::unread(len);
        content.offset = offset;
        content.left = len;
        let first = content.next_piece(FIRST);
        content.ready = fill(&file, offset, first, Vec::new())?;
        content.advance(first);
        content.file = (content.left > 0).then(|| Arc::new(file));
        Ok(content)
    }

    /// Something of that length that nobody will read: the body of a response to `HEAD`.
    pub(super) fn unread(len: u64) -> Self {
        Self {
            len,
            ready: Vec::new(),
            file: None,
            offset: 0,
            left: 0,
        }
    }

    /// All of it in bytes, for `Content-Length`. Does not change by reading.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// The next piece, in the memory of `buffer`, whose bytes are lost: as many as there are, at least 1 and at most
    /// `most`. Empty behind the end (and always for `HEAD`).
    ///
    /// May be dropped while it waits, and called again.
    ///
    /// # Errors
    /// `UnexpectedEof` if the file is shorter than it was; whatever reading a file can fail with.
    pub(crate) async fn read(&mut self, mut buffer: Vec<u8>, most: usize) -> io::Result<Vec<u8>> {
        let most = most.clamp(1, LARGEST);
        if !self.ready.is_empty() {
            let rest = self.ready.split_off(most.min(self.ready.len()));
            return Ok(std::mem::replace(&mut self.ready, rest));
        }
        buffer.clear();
        let Some(file) = &self.file else {
            return Ok(buffer);
        };
        let (file, offset) = (Arc::clone(file), self.offset);
        let piece = self.next_piece(most);
        let buffer = spawn_blocking(move || fill(&file, offset, piece, buffer)).await??;
        self.advance(piece);
        if self.left == 0 {
            self.file = None;
        }
        Ok(buffer)
    }

    fn next_piece(&self, most: usize) -> usize {
        usize::try_from(self.left).map_or(most, |left| left.min(most))
    }

    fn advance(&mut self, by: usize) {
        self.offset += by as u64;
        self.left -= by as u64;
    }
}

/// Reads exactly `len` bytes from `offset` on into the empty `buffer`.
fn fill(file: &File, offset: u64, len: usize, mut buffer: Vec<u8>) -> io::Result<Vec<u8>> {
    buffer.reserve_exact(len);
    while buffer.len() < len {
        let at = offset + buffer.len() as u64;
        match rustix::io::pread(file, spare_capacity(&mut buffer), at) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    // The buffer may have had more room than that.
    buffer.truncate(len);
    Ok(buffer)
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::task::Poll;

    use super::*;

    fn file(bytes: &[u8]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    /// Recognisable bytes.
    fn bytes(len: usize) -> Vec<u8> {
        (0..len).map(|at| (at % 251) as u8).collect()
    }

    async fn all(content: &mut Content, most: usize) -> io::Result<Vec<u8>> {
        let (mut all, mut buffer) = (Vec::new(), Vec::new());
        loop {
            buffer = content.read(buffer, most).await?;
            assert!(buffer.len() <= most);
            if buffer.is_empty() {
                return Ok(all);
            }
            all.extend_from_slice(&buffer);
        }
    }

    #[tokio::test]
    async fn all_of_it_in_pieces() {
        let bytes = bytes(3 * FIRST + 17);
        for (offset, len) in [
            (0, 0),
            (0, 1),
            (5, 100),
            (0, FIRST - 1),
            (0, FIRST),
            (0, FIRST + 1),
            (1, 2 * FIRST),
            (0, bytes.len()),
            (17, bytes.len() - 17),
        ] {
            for most in [1000, FIRST, 5 * FIRST] {
                let mut content = Content::open(file(&bytes), offset as u64, len as u64).unwrap();
                let read = all(&mut content, most).await.unwrap();
                assert!(read == bytes[offset..offset + len], "{offset} {len} {most}");
                assert_eq!(content.len(), len as u64);
                assert!(content.file.is_none());
            }
        }
    }

    #[test]
    fn a_small_file_is_not_kept_open() {
        let content = Content::open(file(&bytes(FIRST)), 0, FIRST as u64).unwrap();
        assert!(content.file.is_none());
        let content = Content::open(file(&bytes(FIRST + 1)), 0, FIRST as u64 + 1).unwrap();
        assert!(content.file.is_some());
    }

    #[tokio::test]
    async fn what_shrinks_fails_and_what_grows_is_cut() {
        let len = 2 * FIRST;
        let shrinking = file(&bytes(len));
        let handle = shrinking.try_clone().unwrap();
        let mut content = Content::open(shrinking, 0, len as u64).unwrap();
        handle.set_len(len as u64 - 1).unwrap();
        let error = all(&mut content, FIRST).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);

        let growing = file(&bytes(len));
        let mut handle = growing.try_clone().unwrap();
        let mut content = Content::open(growing, 0, len as u64).unwrap();
        handle.write_all(&bytes(FIRST)).unwrap();
        // With room for more in the buffer.
        let mut read = content.read(Vec::new(), FIRST).await.unwrap();
        read.extend(
            content
                .read(Vec::with_capacity(4 * len), 4 * len)
                .await
                .unwrap(),
        );
        assert!(read == bytes(len));
        assert!(content.read(Vec::new(), FIRST).await.unwrap().is_empty());
    }

    #[test]
    fn shorter_than_promised_from_the_start() {
        let error = Content::open(file(b"short"), 0, 6).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        let error = Content::open(file(b"short"), 9, 1).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }

    #[tokio::test]
    async fn a_read_that_is_dropped_loses_nothing() {
        let bytes = bytes(2 * FIRST);
        let mut content = Content::open(file(&bytes), 0, bytes.len() as u64).unwrap();
        let mut read = content.read(Vec::new(), FIRST).await.unwrap();
        let polled = {
            let mut abandoned = std::pin::pin!(content.read(Vec::new(), 100));
            std::future::poll_fn(|context| Poll::Ready(abandoned.as_mut().poll(context))).await
        };
        if let Poll::Ready(piece) = polled {
            // It was faster than its being dropped.
            read.extend(piece.unwrap());
        }
        read.extend(all(&mut content, FIRST).await.unwrap());
        assert!(read == bytes);
    }
}
