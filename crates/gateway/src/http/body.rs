//! Moving a body from one stream to another, checked, in bounded memory.
//!
//! A pump holds one relay buffer and reads only when everything in it has been written. So a slow reader holds back
//! its own writer and nobody else, and a body of any size costs the same memory. While there is nothing to read
//! it holds no buffer at all.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use tenfold_http1::body::Decoder;
use tenfold_http1::chunked::Output;
use tenfold_http1::write::{CHUNK_PREFIX, LAST_CHUNK, chunk_prefix};
use tenfold_http1::{BodyError, Buffer, Pool, Transport};
use tokio::io::AsyncWrite;

/// What the receiver gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// The framing of the sender.
    Same,
    /// The data without framing.
    Data,
    /// Chunks around data that had no framing.
    Chunks,
}

/// Why a body did not arrive.
#[derive(Clone, Copy, Debug)]
pub(crate) enum PumpError {
    /// The sender's stream failed.
    Read,
    /// The sender's bytes are not what was announced.
    Body(BodyError),
    /// The body is larger than allowed; nothing of the excess was written.
    TooLarge,
    /// The receiver's stream failed.
    Write,
}

/// A body on its way.
pub(crate) struct Pump {
    decoder: Decoder,
    format: Format,
    /// What is written before the body: a head.
    first: Option<Buffer>,
    /// The body: `ready` bytes to be written, then `gap` bytes that were taken out, then bytes to be decoded.
    buffer: Option<Buffer>,
    ready: usize,
    gap: usize,
    pool: Rc<Pool>,
    /// The last chunk has been added ([`Format::Chunks`] only).
    is_closed: bool,
    /// What arrived was malformed, or cut short, or too much: where the body ends is not known.
    is_broken: bool,
    /// The pump is waiting for the receiver, not for the sender.
    is_writing: bool,
    read: u64,
    written: u64,
    /// Largest body, in bytes of data.
    most: u64,
    /// What has passed, if it is kept.
    kept: Option<Kept>,
}

/// A copy of what has passed, framing included, as long as it is not too much.
struct Kept {
    bytes: Vec<u8>,
    most: usize,
}

/// A part of a body up to this size is copied behind the head, to be written in one piece with it.
const COPIED: usize = 4096;

impl Pump {
    /// A pump that first writes `first`, then what `decoder` makes of a body of which `rest` has arrived already.
    ///
    /// # Errors
    /// When what has arrived is malformed.
    pub(crate) fn new(
        pool: &Rc<Pool>,
        decoder: Decoder,
        format: Format,
        mut first: Option<Buffer>,
        rest: Option<Buffer>,
    ) -> Result<Self, BodyError> {
        let mut pump = Self {
            decoder,
            format,
            first: None,
            buffer: rest.filter(|rest| !rest.is_empty()),
            ready: 0,
            gap: 0,
            pool: Rc::clone(pool),
            is_closed: false,
            is_broken: false,
            is_writing: false,
            read: 0,
            written: 0,
            most: u64::MAX,
            kept: None,
        };
        pump.decode()?;
        if let (Some(head), Some(body)) = (&mut first, &mut pump.buffer)
            && pump.ready <= COPIED
        {
            head.push(&body.filled()[..pump.ready]);
            body.consume(pump.ready + pump.gap);
            (pump.ready, pump.gap) = (0, 0);
            if body.is_empty() {
                pump.buffer = None;
            }
        }
        pump.first = first;
        Ok(pump)
    }

    /// Sets the largest body that is let through.
    pub(crate) fn limit(mut self, most: u64) -> Self {
        self.most = most;
        self
    }

    /// Begins to keep what passes, up to `most` bytes. Only before anything has passed; what is decoded already is kept too.
    pub(crate) fn keep(&mut self, most: u64) {
        debug_assert!(self.format == Format::Same && self.first.is_none() && self.written == 0);
        self.kept = Some(Kept {
            bytes: Vec::new(),
            most: usize::try_from(most).unwrap_or(usize::MAX),
        });
        self.keep_ready();
    }

    /// True if all that has passed is kept.
    pub(crate) fn is_kept(&self) -> bool {
        self.kept.is_some()
    }

    pub(crate) fn forget_kept(&mut self) {
        self.kept = None;
    }

    /// Begins anew behind what was kept, which is returned and kept no longer here. What follows is kept on.
    pub(crate) fn rewind(&mut self) -> Vec<u8> {
        let Some(kept) = &mut self.kept else {
            return Vec::new();
        };
        let bytes = std::mem::take(&mut kept.bytes);
        kept.most -= bytes.len();
        self.forget_ready();
        self.is_writing = false;
        bytes
    }

    fn keep_ready(&mut self) {
        let ready = match &self.buffer {
            Some(buffer) => &buffer.filled()[..self.ready],
            None => &[],
        };
        if let Some(kept) = &mut self.kept {
            if kept.bytes.len() + ready.len() > kept.most {
                self.kept = None;
            } else {
                kept.bytes.extend_from_slice(ready);
            }
        }
    }

    /// Bytes of the body that were read, without its framing as far as that is known.
    pub(crate) fn body_bytes(&self) -> u64 {
        match &self.decoder {
            Decoder::Chunked(chunked) => chunked.data_bytes(),
            Decoder::Known(_) | Decoder::UntilClose(_) => self.read,
        }
    }

    /// True if the body has the chunked coding, whose data is counted by its decoder.
    pub(crate) fn is_chunked(&self) -> bool {
        matches!(self.decoder, Decoder::Chunked(_))
    }

    /// Bytes that were written, with heads and framing.
    pub(crate) fn written(&self) -> u64 {
        self.written
    }

    /// Grows whenever the pump makes progress.
    pub(crate) fn progress(&self) -> u64 {
        self.read + self.written
    }

    /// True if the receiver is what the pump waits for.
    pub(crate) fn is_writing(&self) -> bool {
        self.is_writing
    }

    /// True if the whole body has been read and written.
    pub(crate) fn is_done(&self) -> bool {
        self.decoder.is_done() && self.ready == 0 && self.first.is_none() && self.is_complete()
    }

    /// What was read behind the body.
    pub(crate) fn into_rest(self) -> Option<Buffer> {
        let mut rest = self.buffer?;
        rest.consume(self.gap);
        (!rest.is_empty()).then_some(rest)
    }

    /// Moves what can be moved. Ready when the body has arrived.
    ///
    /// # Errors
    /// See [`PumpError`]; what was written until then is part of a body that will never be complete.
    pub(crate) fn poll<S: Transport, D: AsyncWrite + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        source: &mut S,
        target: &mut D,
    ) -> Poll<Result<(), PumpError>> {
        loop {
            self.is_writing = true;
            ready!(self.poll_write(cx, target)).map_err(|_| PumpError::Write)?;
            self.is_writing = false;
            if self.decoder.is_done() {
                if self.is_complete() {
                    return Poll::Ready(Ok(()));
                }
                self.add_last_chunk();
                continue;
            }
            let result = ready!(self.poll_read(cx, source));
            self.is_broken = result.is_err();
            result?;
        }
    }

    /// Reads and forgets the rest of the body, of at most `most` bytes. Ready with true when its end was reached.
    pub(crate) fn poll_discard<S: Transport>(
        &mut self,
        cx: &mut Context<'_>,
        source: &mut S,
        most: u64,
    ) -> Poll<Result<bool, PumpError>> {
        self.first = None;
        loop {
            self.forget_ready();
            if self.decoder.is_done() {
                return Poll::Ready(Ok(true));
            }
            if self.read > most || self.is_broken {
                return Poll::Ready(Ok(false));
            }
            ready!(self.poll_read(cx, source))?;
        }
    }

    fn is_complete(&self) -> bool {
        self.format != Format::Chunks || self.is_closed
    }

    fn forget_ready(&mut self) {
        if let Some(buffer) = &mut self.buffer {
            buffer.consume(self.ready + self.gap);
            (self.ready, self.gap) = (0, 0);
            if buffer.is_empty() {
                self.buffer = None;
            }
        }
    }

    /// Writes all that is ready.
    fn poll_write<D: AsyncWrite + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        target: &mut D,
    ) -> Poll<io::Result<()>> {
        while self.first.is_some() || self.ready > 0 {
            let first = self.first.as_ref().map_or(&[][..], Buffer::filled);
            let body = self
                .buffer
                .as_ref()
                .map_or(&[][..], |buffer| &buffer.filled()[..self.ready]);
            let count = ready!(match (first, body) {
                ([], only) | (only, []) => Pin::new(&mut *target).poll_write(cx, only),
                (first, body) => {
                    let both = [IoSlice::new(first), IoSlice::new(body)];
                    Pin::new(&mut *target).poll_write_vectored(cx, &both)
                }
            })?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.written += count as u64;
            self.forget_written(count);
        }
        if self.gap > 0 {
            self.forget_ready();
        }
        Poll::Ready(Ok(()))
    }

    fn forget_written(&mut self, count: usize) {
        let mut left = count;
        if let Some(first) = &mut self.first {
            let of_first = left.min(first.len());
            first.consume(of_first);
            left -= of_first;
            if first.is_empty() {
                self.first = None;
            }
        }
        self.ready -= left;
        if let Some(buffer) = &mut self.buffer {
            buffer.consume(left);
            if buffer.is_empty() {
                self.buffer = None;
            }
        }
    }

    /// Reads once and decodes.
    fn poll_read<S: Transport>(
        &mut self,
        cx: &mut Context<'_>,
        source: &mut S,
    ) -> Poll<Result<(), PumpError>> {
        let count = if let Some(buffer) = &mut self.buffer {
            if !buffer.make_room() {
                return Poll::Ready(Err(PumpError::Body(BodyError::Trailer)));
            }
            ready!(buffer.poll_fill(cx, source)).map_err(|_| PumpError::Read)?
        } else {
            ready!(source.poll_readable(cx)).map_err(|_| PumpError::Read)?;
            // Data that is to be framed is copied once more, so that it is read in smaller pieces.
            let is_framed_here = self.format == Format::Chunks;
            let mut buffer = if is_framed_here {
                self.pool.head()
            } else {
                self.pool.relay()
            };
            let count = ready!(buffer.poll_fill(cx, source)).map_err(|_| PumpError::Read)?;
            self.buffer = (count > 0).then_some(buffer);
            count
        };
        if count == 0 {
            self.decoder.end().map_err(PumpError::Body)?;
        }
        self.decode().map_err(PumpError::Body)?;
        if self.body_bytes() > self.most {
            return Poll::Ready(Err(PumpError::TooLarge));
        }
        Poll::Ready(Ok(()))
    }

    /// Decodes what is in the buffer, of which nothing is ready yet.
    fn decode(&mut self) -> Result<(), BodyError> {
        let Some(buffer) = &mut self.buffer else {
            return Ok(());
        };
        let output = if self.format == Format::Data {
            Output::Data
        } else {
            Output::Chunked
        };
        let step = self.decoder.decode(buffer.filled_mut(), output)?;
        self.read += step.consumed as u64;
        self.ready = step.produced;
        self.gap = step.consumed - step.produced;
        if self.kept.is_some() {
            self.keep_ready();
        }
        if self.format == Format::Chunks && step.produced > 0 {
            self.frame();
        }
        Ok(())
    }

    /// Puts chunk framing around what is ready.
    fn frame(&mut self) {
        if let Some(data) = self.buffer.take() {
            let (at, prefix) = chunk_prefix(self.ready);
            let mut framed = self.pool.relay();
            framed.push(&prefix[at..]);
            framed.push(data.filled());
            framed.push(b"\r\n");
            self.ready = framed.len();
            self.buffer = Some(framed);
        }
    }

    fn add_last_chunk(&mut self) {
        let mut last = self.pool.head();
        last.push(LAST_CHUNK);
        self.ready = last.len();
        self.buffer = Some(last);
        self.is_closed = true;
    }
}

/// Frames must fit into a relay buffer, or they would not go back to the pool.
const _: () =
    assert!(tenfold_http1::buffer::HEAD + CHUNK_PREFIX + 2 < tenfold_http1::buffer::RELAY);

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use proptest::prelude::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;
    use tenfold_http1::framing::Length;

    /// Sends `body` in pieces through a pump; the receiver's pipe holds only a few bytes.
    async fn pump(
        body: Vec<u8>,
        piece: usize,
        length: Length,
        format: Format,
        early: usize,
    ) -> (Result<(), String>, Vec<u8>, Vec<u8>) {
        let pool = Pool::new();
        let (mut sender, mut source) = tokio::io::duplex(64);
        let (mut target, mut receiver) = tokio::io::duplex(7);
        let early = early.min(body.len());
        let later = body[early..].to_vec();
        let send = async move {
            for part in later.chunks(piece) {
                if sender.write_all(part).await.is_err() {
                    return;
                }
            }
        };
        let run = async move {
            let (mut head, mut rest) = (pool.head(), pool.head());
            head.push(b"head:");
            rest.push(&body[..early]);
            let mut pump =
                match Pump::new(&pool, Decoder::new(length), format, Some(head), Some(rest)) {
                    Ok(pump) => pump,
                    Err(error) => return (Err(error.to_string()), Vec::new()),
                };
            let result = poll_fn(|cx| pump.poll(cx, &mut source, &mut target)).await;
            let rest = pump
                .into_rest()
                .map(|rest| rest.filled().to_vec())
                .unwrap_or_default();
            (result.map_err(|error| format!("{error:?}")), rest)
        };
        let receive = async move {
            let mut bytes = Vec::new();
            receiver
                .read_to_end(&mut bytes)
                .await
                .map(|_| bytes)
                .unwrap_or_default()
        };
        let ((), (result, rest), received) = tokio::join!(send, run, receive);
        (result, received, rest)
    }

    #[tokio::test]
    async fn a_known_length_ends_where_it_says() {
        for early in [0, 3, 11, 20] {
            let body = b"hello world|next".to_vec();
            let (result, received, rest) =
                pump(body, 4, Length::Known(11), Format::Same, early).await;
            assert_eq!(result, Ok(()));
            assert_eq!(received, b"head:hello world");
            assert!(b"|next".starts_with(&rest), "{rest:?}");
        }
    }

    #[tokio::test]
    async fn a_body_that_is_cut_short_is_an_error() {
        for (length, body) in [
            (Length::Known(12), &b"hello world"[..]),
            (Length::Chunked, b"5\r\nhello\r\n"),
            (Length::Chunked, b"5\r\nhel"),
        ] {
            let (result, _, _) = pump(body.to_vec(), 3, length, Format::Same, 0).await;
            assert_eq!(result, Err("Body(Truncated)".to_owned()), "{length:?}");
        }
    }

    #[tokio::test]
    async fn framing_is_taken_off_and_put_on() {
        let chunked = b"5;x\r\nhello\r\n6\r\n world\r\n0\r\n\r\n".to_vec();
        for piece in [1, 4, 100] {
            let (result, received, _) =
                pump(chunked.clone(), piece, Length::Chunked, Format::Data, 2).await;
            assert_eq!((result, &received[..]), (Ok(()), &b"head:hello world"[..]));
        }
        let (result, received, _) =
            pump(b"hello".to_vec(), 9, Length::UntilClose, Format::Chunks, 2).await;
        assert_eq!(result, Ok(()));
        assert_eq!(received, b"head:2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        /// Large bodies in any pieces arrive whole, whatever had arrived with the head.
        #[test]
        fn bodies_arrive_whole(size in 0_usize..200_000, piece in 1_usize..90_000, early in 0_usize..8_000, is_chunked: bool) {
            let data: Vec<u8> = (0..size).map(|i| (i % 251) as u8).collect();
            let (body, length) = if is_chunked {
                let mut body = Vec::new();
                for chunk in data.chunks(10_000) {
                    body.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                    body.extend_from_slice(chunk);
                    body.extend_from_slice(b"\r\n");
                }
                body.extend_from_slice(b"0\r\n\r\n");
                (body, Length::Chunked)
            } else {
                (data.clone(), Length::Known(size as u64))
            };
            let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
            let (result, received, rest) =
                runtime.block_on(pump(body.clone(), piece, length, Format::Same, early));
            prop_assert_eq!(result, Ok(()));
            prop_assert_eq!(&received[b"head:".len()..], &body[..]);
            prop_assert!(rest.is_empty());
        }
    }
}
