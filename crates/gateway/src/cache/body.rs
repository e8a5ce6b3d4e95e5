//! A response's body in the cache: whole, or still arriving and read by many clients meanwhile.
//!
//! # The problem
//! A thousand clients want an object that is just being fetched. Each of them shall get its bytes as they come, none shall wait
//! for another one's slow line, and there shall be one copy of the body in memory.
//!
//! # The idea
//! Who fetches appends pieces to a list, and every reader walks along it at its own pace, in whatever thread. As long as
//! the body is to be stored, pieces stay. If it turns out larger than the cache takes, those that all readers have
//! behind them are dropped, and the writer waits when it is more than [`WINDOW`] ahead of the slowest, so that memory stays bounded.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use tokio::io::AsyncWrite;
use tokio::sync::Notify;

/// How far a fetch may be ahead of the slowest reader of a body that is too large to be stored, in bytes.
const WINDOW: usize = 1 << 20;
/// Pieces that are smaller on average are joined when the body is complete: each costs about 100 bytes besides its own.
const SMALL: usize = 4 << 10;
/// Pieces are joined to such ones.
const JOINED: usize = 64 << 10;

/// A whole body, in pieces.
#[derive(Debug)]
pub(crate) struct Pieces(Box<[Bytes]>);

impl Pieces {
    /// A body in one piece.
    pub(crate) fn one(piece: Bytes) -> Self {
        Self(Box::new([piece]))
    }

    /// A body in these pieces, or fewer.
    pub(crate) fn of(pieces: VecDeque<Bytes>) -> Self {
        let total: usize = pieces.iter().map(Bytes::len).sum();
        if pieces.len() > 1 && total / pieces.len() < SMALL {
            return join(&pieces, total);
        }
        Self(pieces.into_iter().collect())
    }

    pub(crate) fn all(&self) -> &[Bytes] {
        &self.0
    }

    pub(crate) fn len(&self) -> u64 {
        self.0.iter().map(|piece| piece.len() as u64).sum()
    }

    /// Bytes in memory besides the body's own.
    pub(crate) fn overhead(&self) -> usize {
        size_of::<Self>() + self.0.len() * 100
    }
}

fn join(pieces: &VecDeque<Bytes>, total: usize) -> Pieces {
    let mut joined = Vec::new();
    let mut piece = Vec::with_capacity(total.min(JOINED));
    for small in pieces {
        piece.extend_from_slice(small);
        if piece.len() >= JOINED {
            joined.push(Bytes::from(std::mem::take(&mut piece)));
        }
    }
    if !piece.is_empty() {
        joined.push(piece.into());
    }
    Pieces(joined.into())
}

/// A body that is being fetched.
#[derive(Debug)]
pub(crate) struct Arriving {
    state: Mutex<State>,
    changed: Notify,
    /// The whole length, if the server has said it.
    length: Option<u64>,
}

#[derive(Debug, Default)]
struct State {
    pieces: VecDeque<Bytes>,
    /// The number of the first piece that is still there.
    first: u64,
    /// Bytes in `pieces`.
    held: usize,
    /// How it ended, if it has: true if it is whole.
    end: Option<bool>,
    /// It will not be stored: pieces go when all readers have them.
    passes: bool,
    /// The number of the next piece of each reader; `None`: a free place.
    readers: Vec<Option<u64>>,
    /// The writer, if it waits for room.
    writer: Option<Waker>,
}

/// Who appends. Dropped before [`Writer::finish`], it cuts the body short for its readers.
#[derive(Debug)]
pub(crate) struct Writer {
    body: Arc<Arriving>,
    /// Bytes that were appended.
    len: u64,
    /// More than these are not stored.
    most: u64,
}

/// One client's way along a body.
#[derive(Debug)]
pub(crate) struct Reader {
    body: Arc<Arriving>,
    place: usize,
}

/// The body did not arrive as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CutShort;

impl Arriving {
    /// A body of which at most `most` bytes may be stored, and its length if that was announced.
    pub(crate) fn new(most: u64, length: Option<u64>) -> (Arc<Self>, Writer) {
        let body = Arc::new(Self {
            state: Mutex::default(),
            changed: Notify::new(),
            length,
        });
        let writer = Writer {
            body: Arc::clone(&body),
            len: 0,
            most,
        };
        (body, writer)
    }

    /// The whole length in bytes, if it was announced.
    pub(crate) fn length(&self) -> Option<u64> {
        self.length
    }

    /// Begins to read at the beginning. `None` if that has gone already: the body is too large to be stored.
    pub(crate) fn read(self: &Arc<Self>) -> Option<Reader> {
        let mut state = self.lock();
        if state.first > 0 {
            return None;
        }
        let free = state.readers.iter().position(Option::is_none);
        let place = free.unwrap_or_else(|| {
            state.readers.push(None);
            state.readers.len() - 1
        });
        state.readers[place] = Some(0);
        drop(state);
        Some(Reader {
            body: Arc::clone(self),
            place,
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Drops what all readers have, if it is not to be stored, and lets the writer go on.
    fn release(&mut self) {
        if !self.passes {
            return;
        }
        let behind = self.readers.iter().flatten().min().copied();
        let end = self.first + self.pieces.len() as u64;
        while self.first < behind.unwrap_or(end) {
            let Some(piece) = self.pieces.pop_front() else {
                break;
            };
            self.held -= piece.len();
            self.first += 1;
        }
        if self.held < WINDOW
            && let Some(writer) = self.writer.take()
        {
            writer.wake();
        }
    }
}

impl Reader {
    /// The next piece; `None`: that was all.
    ///
    /// # Errors
    /// When the body was cut short.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, CutShort> {
        loop {
            // Before the look, so that nothing that comes between is missed.
            let body = Arc::clone(&self.body);
            let changed = body.changed.notified();
            if let Some(next) = self.try_next() {
                return next;
            }
            changed.await;
        }
    }

    /// The same, without waiting; `None`: it has yet to arrive.
    pub(crate) fn try_next(&mut self) -> Option<Result<Option<Bytes>, CutShort>> {
        let mut state = self.body.lock();
        let number = state.readers[self.place].expect("a reader has its place until it is dropped");
        let index = usize::try_from(number - state.first).expect("pieces are counted in memory");
        if let Some(piece) = state.pieces.get(index).cloned() {
            state.readers[self.place] = Some(number + 1);
            state.release();
            return Some(Ok(Some(piece)));
        }
        match state.end {
            Some(true) => Some(Ok(None)),
            Some(false) => Some(Err(CutShort)),
            None => None,
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let mut state = self.body.lock();
        state.readers[self.place] = None;
        state.release();
    }
}

impl Writer {
    /// Ends the body and returns it, if it can be stored.
    pub(crate) fn finish(self) -> Option<Pieces> {
        let pieces = {
            let mut state = self.body.lock();
            state.end = Some(true);
            (!state.passes).then(|| state.pieces.clone())
        };
        self.body.changed.notify_waiters();
        pieces.map(Pieces::of)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.body.lock().end.get_or_insert(false);
        self.body.changed.notify_waiters();
    }
}

impl AsyncWrite for Writer {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        let mut state = this.body.lock();
        if this.len + data.len() as u64 > this.most && !state.passes {
            state.passes = true;
            state.release();
        }
        if state.passes && state.readers.iter().all(Option::is_none) {
            // Nobody wants it any more.
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        if state.passes && state.held >= WINDOW {
            state.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        state.held += data.len();
        state.pieces.push_back(Bytes::copy_from_slice(data));
        drop(state);
        this.len += data.len() as u64;
        this.body.changed.notify_waiters();
        Poll::Ready(Ok(data.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncWriteExt as _;

    async fn all(mut reader: Reader) -> Result<Vec<u8>, CutShort> {
        let mut read = Vec::new();
        while let Some(piece) = reader.next().await? {
            read.extend_from_slice(&piece);
        }
        Ok(read)
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn many_readers_get_every_byte_while_it_arrives() {
        let (body, mut writer) = Arriving::new(u64::MAX, None);
        let readers: Vec<_> = (0..50)
            .map(|_| tokio::spawn(all(body.read().expect("it begins"))))
            .collect();
        let sent: Vec<u8> = (0..100_000_u32).map(|number| number as u8).collect();
        for piece in sent.chunks(777) {
            writer.write_all(piece).await.unwrap();
            tokio::task::yield_now().await;
        }
        let late = body
            .read()
            .expect("what is stored can be read from the beginning");
        let whole = writer.finish().expect("it is not too large");
        for reader in readers {
            assert_eq!(reader.await.unwrap().unwrap(), sent);
        }
        assert_eq!(all(late).await.unwrap(), sent);
        assert_eq!(whole.all().concat(), sent);
        assert!(whole.all().len() <= 2, "small pieces are joined");
    }

    #[tokio::test]
    async fn a_fetch_that_fails_cuts_the_body_short() {
        let (body, mut writer) = Arriving::new(u64::MAX, None);
        let reader = body.read().unwrap();
        writer.write_all(b"half").await.unwrap();
        drop(writer);
        assert_eq!(all(reader).await, Err(CutShort));
    }

    #[tokio::test]
    async fn what_is_too_large_passes_through_in_bounded_memory() {
        let (body, mut writer) = Arriving::new(1000, None);
        let (fast, mut slow) = (body.read().unwrap(), body.read().unwrap());
        let fast = tokio::spawn(all(fast));
        let writing = tokio::spawn(async move {
            for _ in 0..100 {
                writer.write_all(&[7; 100_000]).await.unwrap();
            }
            writer.finish()
        });
        let mut read = 0;
        while let Some(piece) = slow.next().await.unwrap() {
            read += piece.len();
            assert!(body.lock().held <= WINDOW + 100_000);
            tokio::task::yield_now().await;
        }
        assert_eq!(
            (read, fast.await.unwrap().unwrap().len()),
            (10_000_000, 10_000_000)
        );
        assert!(writing.await.unwrap().is_none());
        assert!(body.read().is_none(), "its beginning has gone");
    }

    #[tokio::test]
    async fn what_is_too_large_and_wanted_by_nobody_is_given_up() {
        let (body, mut writer) = Arriving::new(10, None);
        drop(body.read());
        assert_eq!(
            writer.write_all(&[0; 100]).await.unwrap_err().kind(),
            io::ErrorKind::BrokenPipe
        );
    }
}
