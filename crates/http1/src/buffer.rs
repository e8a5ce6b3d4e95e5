//! Byte buffers that go back to a per-worker pool.
//!
//! Two sizes only: [`HEAD`] for reading and writing heads, [`RELAY`] for bodies and for the rare large
//! head. A pool hands out the buffer that came back last, which is the one still in the CPU's cache: with
//! thousands of connections in flight, reads still land in a few hot buffers. Bytes are zeroed once,
//! when a buffer is first made, so that reading into one needs no `unsafe`.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::{fmt, io};

use tokio::io::{AsyncRead, ReadBuf};

use crate::field::Field;

/// Size of a buffer for heads, in bytes: a head and a small body in one read.
pub const HEAD: usize = 8 * 1024;
/// Size of a buffer for bodies, in bytes. Also the largest head that can be read ([`crate::Limits`]).
pub const RELAY: usize = 64 * 1024;

/// How many free buffers of each size a pool keeps: enough for a busy worker, while a burst is given
/// back to the allocator.
const KEPT: usize = 256;

/// Free buffers of one size. Boxed, so that taking one moves a pointer and not the block.
type Shelf = RefCell<Vec<Box<Block>>>;

/// A per-worker store of free buffers. Cheap to clone through its [`Rc`].
#[derive(Default)]
pub struct Pool {
    head: Shelf,
    relay: Shelf,
}

/// The memory of a buffer: its bytes (all initialised) and room for the offsets of a head in them.
struct Block {
    bytes: Vec<u8>,
    fields: Vec<Field>,
}

impl Pool {
    /// A pool with nothing in it.
    #[must_use]
    pub fn new() -> Rc<Self> {
        Rc::new(Self::default())
    }

    /// A buffer of [`HEAD`] bytes.
    #[must_use]
    pub fn head(self: &Rc<Self>) -> Buffer {
        self.take(&self.head, HEAD)
    }

    /// A buffer of [`RELAY`] bytes.
    #[must_use]
    pub fn relay(self: &Rc<Self>) -> Buffer {
        self.take(&self.relay, RELAY)
    }

    fn take(self: &Rc<Self>, shelf: &Shelf, size: usize) -> Buffer {
        let block = shelf.borrow_mut().pop().unwrap_or_else(|| {
            Box::new(Block {
                bytes: vec![0; size],
                fields: Vec::new(),
            })
        });
        Buffer {
            block: Some(block),
            start: 0,
            end: 0,
            pool: Rc::clone(self),
        }
    }

    fn give_back(&self, block: Box<Block>) {
        let shelf = match block.bytes.len() {
            HEAD => &self.head,
            RELAY => &self.relay,
            _ => return,
        };
        let mut shelf = shelf.borrow_mut();
        if shelf.len() < KEPT {
            shelf.push(block);
        }
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("head", &self.head.borrow().len())
            .field("relay", &self.relay.borrow().len())
            .finish()
    }
}

/// A pooled byte buffer: bytes are appended at the end and consumed from the front.
pub struct Buffer {
    /// `Some` until dropped.
    block: Option<Box<Block>>,
    start: usize,
    end: usize,
    pool: Rc<Pool>,
}

impl Buffer {
    fn block(&self) -> &Block {
        self.block
            .as_ref()
            .expect("a buffer owns its block until it is dropped")
    }

    fn block_mut(&mut self) -> &mut Block {
        self.block
            .as_mut()
            .expect("a buffer owns its block until it is dropped")
    }

    /// The bytes that are in the buffer.
    #[must_use]
    pub fn filled(&self) -> &[u8] {
        &self.block().bytes[self.start..self.end]
    }

    /// The bytes that are in the buffer, to be edited in place.
    #[must_use]
    pub fn filled_mut(&mut self) -> &mut [u8] {
        let (start, end) = (self.start, self.end);
        &mut self.block_mut().bytes[start..end]
    }

    /// How many bytes are in the buffer.
    #[must_use]
    pub fn len(&self) -> usize {
        self.end - self.start
    }

    /// True if there is nothing in the buffer.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Forgets the first `count` bytes.
    ///
    /// # Panics
    /// If there are fewer.
    pub fn consume(&mut self, count: usize) {
        assert!(count <= self.len(), "consumed more than the buffer holds");
        self.start += count;
        if self.start == self.end {
            self.start = 0;
            self.end = 0;
        }
    }

    /// Moves what is in the buffer to its front, so that the rest can be read into.
    fn compact(&mut self) {
        if self.start > 0 {
            let (start, end) = (self.start, self.end);
            self.block_mut().bytes.copy_within(start..end, 0);
            self.start = 0;
            self.end = end - start;
        }
    }

    /// Exchanges a [`HEAD`] buffer for a [`RELAY`] buffer with the same bytes; returns false if it
    /// already was as large.
    fn grow(&mut self) -> bool {
        if self.block().bytes.len() >= RELAY {
            return false;
        }
        let mut larger = self.pool.relay();
        larger.push(self.filled());
        *self = larger;
        true
    }

    /// Moves what is in the buffer into memory of its own that is no larger; for what is kept for long.
    pub fn shrink(&mut self) {
        let small = Block {
            bytes: self.filled().to_vec(),
            fields: self.fields().to_vec(),
        };
        (self.start, self.end) = (0, small.bytes.len());
        if let Some(block) = self.block.replace(Box::new(small)) {
            self.pool.give_back(block);
        }
    }

    /// Makes room behind the last byte, if there is none, by moving or growing; false if the buffer is full
    /// and as large as it may become.
    pub fn make_room(&mut self) -> bool {
        if self.end < self.block().bytes.len() {
            return true;
        }
        if self.start > 0 {
            self.compact();
            return true;
        }
        self.grow()
    }

    /// Appends bytes, growing the buffer if they do not fit.
    pub fn push(&mut self, bytes: &[u8]) {
        let end = self.end + bytes.len();
        let block = self.block_mut();
        if end > block.bytes.len() {
            block.bytes.resize(end.next_power_of_two(), 0);
        }
        block.bytes[end - bytes.len()..end].copy_from_slice(bytes);
        self.end = end;
    }

    /// Appends a decimal number.
    pub fn push_number(&mut self, number: u64) {
        self.push(itoa::Buffer::new().format(number).as_bytes());
    }

    /// Reads once into the free part and returns how many bytes arrived; 0 is the end of the stream.
    ///
    /// # Errors
    /// Those of the stream. `WriteZero` if there is no room.
    pub fn poll_fill<S: AsyncRead + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut S,
    ) -> Poll<io::Result<usize>> {
        let end = self.end;
        let mut room = ReadBuf::new(&mut self.block_mut().bytes[end..]);
        if room.remaining() == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        match Pin::new(stream).poll_read(cx, &mut room) {
            Poll::Ready(Ok(())) => {
                let count = room.filled().len();
                self.end += count;
                Poll::Ready(Ok(count))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => Poll::Pending,
        }
    }

    /// Bytes and the offsets of the head in them, for the parser.
    pub(crate) fn parts(&mut self) -> (&[u8], &mut Vec<Field>) {
        let (start, end) = (self.start, self.end);
        let block = self.block_mut();
        (&block.bytes[start..end], &mut block.fields)
    }

    /// The offsets of the head that was parsed in this buffer, relative to its first byte.
    pub(crate) fn fields(&self) -> &[Field] {
        &self.block().fields
    }

    /// The pool that this buffer goes back to.
    #[must_use]
    pub fn pool(&self) -> &Rc<Pool> {
        &self.pool
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if let Some(block) = self.block.take() {
            self.pool.give_back(block);
        }
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Buffer({} of {} bytes)",
            self.len(),
            self.block().bytes.len()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_comes_back_and_is_handed_out_next() {
        let pool = Pool::new();
        let mut first = pool.head();
        first.push(b"abc");
        let address = first.filled().as_ptr();
        drop(first);
        let again = pool.head();
        assert!(again.is_empty());
        assert_eq!(again.block().bytes.as_ptr(), address);
    }

    #[test]
    fn pushing_past_the_end_grows_and_keeps_every_byte() {
        let pool = Pool::new();
        let mut buffer = pool.head();
        for byte in 0..20_000_u32 {
            buffer.push(&[byte.to_le_bytes()[0]]);
        }
        assert!(
            buffer
                .filled()
                .iter()
                .enumerate()
                .all(|(i, b)| i.to_le_bytes()[0] == *b)
        );
        drop(buffer);
        assert_eq!(
            pool.head().block().bytes.len(),
            HEAD,
            "an odd size does not enter the pool"
        );
    }

    #[test]
    fn growing_compacting_and_consuming_keep_what_is_left() {
        let pool = Pool::new();
        let mut buffer = pool.head();
        buffer.push(b"hello world");
        buffer.consume(6);
        assert!(buffer.grow());
        assert!(!buffer.grow());
        buffer.consume(1);
        buffer.compact();
        assert_eq!(buffer.filled(), b"orld");
        buffer.shrink();
        assert_eq!(
            (buffer.filled(), buffer.block().bytes.len()),
            (&b"orld"[..], 4)
        );
        buffer.push(b"!");
        assert_eq!(buffer.filled(), b"orld!");
    }
}
