//! A response's body in the cache: whole, or still arriving and read by many clients meanwhile.
//!
//! # The problem
//! A thousand clients want an object that is just being fetched. Each of them shall get its bytes as they come, none shall wait
//! for another one's slow line, and there shall be one copy of the body in memory.
//!
//! # The idea
//! Who fetches appends pieces to a list, and every reader walks along it at its own pace, in whatever thread. As long as
//! the body is to be stored, pieces stay. If it turns out larger than the cache takes, or all bodies on their way together
//! larger than their [`Budget`], those that all readers have behind them are dropped, and the writer waits when it is more than
//! [`WINDOW`] ahead of the slowest, so that memory stays bounded.
//!
//! # The trade-off
//! Of a body that is not stored, the slowest reader sets the pace. One that is too slow for others is left behind: it
//! gets no more, for else anybody could hold up everybody who asked at the same moment.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use tokio::io::AsyncWrite;
use tokio::sync::Notify;

/// How far a fetch may be ahead of the slowest reader of a body that is too large to be stored, in bytes.
pub(crate) const WINDOW: usize = 1 << 20;
/// What a piece costs besides its bytes: its place in the list, and a block of memory with its count of holders.
const PIECE: u64 = 100;
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

/// What the bodies of a cache that are on their way may take up together, in bytes. Those that readers still need count as well.
#[derive(Debug)]
pub(crate) struct Budget {
    most: u64,
    taken: AtomicU64,
}

impl Budget {
    /// At most `most` bytes.
    pub(crate) fn new(most: u64) -> Arc<Self> {
        Arc::new(Self {
            most,
            taken: AtomicU64::new(0),
        })
    }

    /// Takes so many, if there are so many left.
    fn take(&self, bytes: u64) -> bool {
        let is_there = self.taken.fetch_add(bytes, Relaxed).saturating_add(bytes) <= self.most;
        if !is_there {
            self.give_back(bytes);
        }
        is_there
    }

    fn give_back(&self, bytes: u64) {
        self.taken.fetch_sub(bytes, Relaxed);
    }
}

/// A body that is being fetched.
#[derive(Debug)]
pub(crate) struct Arriving {
    state: Mutex<State>,
    changed: Notify,
    /// The whole length, if the server has said it.
    length: Option<u64>,
    budget: Arc<Budget>,
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
    /// What was taken from the budget.
    charged: u64,
    readers: Vec<Place>,
    /// The writer, if it waits for room.
    writer: Option<Waker>,
}

/// Where a reader is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Nobody has this place.
    Free,
    /// Before the piece of this number.
    At(u64),
    /// It was too slow for others, and gets no more.
    LeftBehind,
}

impl Place {
    fn number(self) -> Option<u64> {
        match self {
            Self::At(number) => Some(number),
            Self::Free | Self::LeftBehind => None,
        }
    }
}

/// Who appends. Dropped before [`Writer::finish`], it cuts the body short for its readers.
#[derive(Debug)]
pub(crate) struct Writer {
    body: Arc<Arriving>,
    /// Bytes that were appended.
    len: u64,
    /// More than these are not stored.
    most: u64,
    /// It waits for the slowest reader.
    is_held_up: bool,
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

/// The beginning of the body is not there any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gone;

impl Arriving {
    /// A body of which at most `most` bytes may be stored, and its length if that was announced.
    pub(crate) fn new(most: u64, length: Option<u64>, budget: &Arc<Budget>) -> (Arc<Self>, Writer) {
        let body = Arc::new(Self {
            state: Mutex::default(),
            changed: Notify::new(),
            length,
            budget: Arc::clone(budget),
        });
        let writer = Writer {
            body: Arc::clone(&body),
            len: 0,
            most,
            is_held_up: false,
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
        let is_free = |place: &Place| *place == Place::Free;
        let place = state.readers.iter().position(is_free).unwrap_or_else(|| {
            state.readers.push(Place::Free);
            state.readers.len() - 1
        });
        state.readers[place] = Place::At(0);
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

impl Drop for Arriving {
    fn drop(&mut self) {
        let state = self.state.get_mut();
        let charged = state.unwrap_or_else(PoisonError::into_inner).charged;
        self.budget.give_back(charged);
    }
}

impl State {
    /// Where the slowest reader is.
    fn slowest(&self) -> Option<u64> {
        self.readers.iter().filter_map(|it| it.number()).min()
    }

    /// The number of the piece that comes next.
    fn end(&self) -> u64 {
        self.first + self.pieces.len() as u64
    }

    /// Drops what all readers have, if it is not to be stored, and lets the writer go on.
    fn release(&mut self, budget: &Budget) {
        if !self.passes {
            return;
        }
        let until = self.slowest().unwrap_or_else(|| self.end());
        let mut dropped = 0;
        while self.first < until {
            let Some(piece) = self.pieces.pop_front() else {
                break;
            };
            self.held -= piece.len();
            self.first += 1;
            dropped += piece.len() as u64 + PIECE;
        }
        let back = dropped.min(self.charged);
        self.charged -= back;
        budget.give_back(back);
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
        let Place::At(number) = state.readers[self.place] else {
            return Some(Err(CutShort));
        };
        let index = usize::try_from(number - state.first).expect("pieces are counted in memory");
        if let Some(piece) = state.pieces.get(index).cloned() {
            state.readers[self.place] = Place::At(number + 1);
            state.release(&self.body.budget);
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
        state.readers[self.place] = Place::Free;
        state.release(&self.body.budget);
    }
}

impl Writer {
    /// True if it waits for the slowest reader.
    pub(crate) fn is_held_up(&self) -> bool {
        self.is_held_up
    }

    /// Leaves the slowest readers behind, if others have all that there is and wait for more.
    pub(crate) fn leave_behind(&self) {
        let mut state = self.body.lock();
        let (end, slowest) = (Place::At(state.end()), state.slowest());
        if !state.passes || !state.readers.contains(&end) {
            return;
        }
        for place in &mut state.readers {
            if *place != end && place.number() == slowest {
                *place = Place::LeftBehind;
            }
        }
        state.release(&self.body.budget);
        drop(state);
        self.body.changed.notify_waiters();
    }

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
        let cost = data.len() as u64 + PIECE;
        if !state.passes {
            let is_small = this.len.saturating_add(data.len() as u64) <= this.most;
            if is_small && this.body.budget.take(cost) {
                state.charged += cost;
            } else {
                state.passes = true;
                state.release(&this.body.budget);
            }
        }
        if state.passes && state.slowest().is_none() {
            // Nobody wants it any more.
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        this.is_held_up = state.passes && state.held >= WINDOW;
        if this.is_held_up {
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
        let (body, mut writer) = Arriving::new(u64::MAX, None, &Budget::new(u64::MAX));
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
        let (body, mut writer) = Arriving::new(u64::MAX, None, &Budget::new(u64::MAX));
        let reader = body.read().unwrap();
        writer.write_all(b"half").await.unwrap();
        drop(writer);
        assert_eq!(all(reader).await, Err(CutShort));
    }

    #[tokio::test]
    async fn what_is_too_large_passes_through_in_bounded_memory() {
        let (body, mut writer) = Arriving::new(1000, None, &Budget::new(u64::MAX));
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
        let (body, mut writer) = Arriving::new(10, None, &Budget::new(u64::MAX));
        drop(body.read());
        assert_eq!(
            writer.write_all(&[0; 100]).await.unwrap_err().kind(),
            io::ErrorKind::BrokenPipe
        );
    }
    #[tokio::test]
    async fn all_bodies_together_have_a_bound_and_give_back_what_they_took() {
        const MOST: u64 = 100_000;
        let budget = Budget::new(MOST);
        let mut bodies = Vec::new();
        for _ in 0..4 {
            let (body, mut writer) = Arriving::new(u64::MAX, None, &budget);
            let reader = body.read().expect("it begins");
            writer.write_all(&[7; 40_000]).await.unwrap();
            bodies.push((reader, writer));
        }
        assert!(budget.taken.load(Relaxed) <= MOST);
        let mut stored = 0;
        for (reader, writer) in bodies {
            stored += usize::from(writer.finish().is_some());
            assert_eq!(all(reader).await.unwrap().len(), 40_000, "each arrives");
        }
        assert_eq!((stored, budget.taken.load(Relaxed)), (2, 0));
        // Pieces of a byte cost more than a byte.
        let (body, mut writer) = Arriving::new(u64::MAX, None, &budget);
        let _reader = body.read().expect("it begins");
        for _ in 0..2000 {
            writer.write_all(b"x").await.unwrap();
        }
        assert!(body.lock().passes && budget.taken.load(Relaxed) <= MOST);
    }

    #[tokio::test]
    async fn who_is_too_slow_for_others_is_left_behind() {
        let (body, mut writer) = Arriving::new(1000, None, &Budget::new(u64::MAX));
        let (mut fast, mut slow) = (body.read().unwrap(), body.read().unwrap());
        let piece = [7; 100_000];
        while !writer.is_held_up() {
            let mut cx = Context::from_waker(Waker::noop());
            let _written = Pin::new(&mut writer).poll_write(&mut cx, &piece);
        }
        writer.leave_behind();
        assert!(
            slow.try_next().is_some_and(|piece| piece.is_ok()),
            "nobody waits for more"
        );
        while let Some(Ok(_)) = fast.try_next() {}
        writer.leave_behind();
        writer.write_all(&piece).await.expect("there is room again");
        assert_eq!(slow.try_next(), Some(Err(CutShort)));
        assert!(matches!(fast.try_next(), Some(Ok(Some(_)))));
        assert!(writer.finish().is_none());
    }
}
