//! Bodies of any framing, checked in place.

use crate::chunked::{Chunked, Output, Step};
use crate::error::BodyError;
use crate::framing::Length;

/// A decoder for one body.
#[derive(Clone, Copy, Debug)]
pub enum Decoder {
    /// So many bytes are left.
    Known(u64),
    /// The chunked coding.
    Chunked(Chunked),
    /// Everything until the stream ends; true when it has.
    UntilClose(bool),
}

impl Decoder {
    /// A decoder for a body of that framing.
    #[must_use]
    pub fn new(length: Length) -> Self {
        match length {
            Length::None => Self::Known(0),
            Length::Known(length) => Self::Known(length),
            Length::Chunked => Self::Chunked(Chunked::default()),
            Length::UntilClose => Self::UntilClose(false),
        }
    }

    /// True behind the last byte of the body.
    #[must_use]
    pub fn is_done(&self) -> bool {
        match self {
            Self::Known(left) => *left == 0,
            Self::Chunked(chunked) => chunked.is_done(),
            Self::UntilClose(ended) => *ended,
        }
    }

    /// Checks the next bytes of the body and moves what is to be sent on to their front.
    ///
    /// Bytes that are not consumed are either behind the body ([`is_done`](Self::is_done)) or the beginning
    /// of something that must be shown again together with what follows it.
    ///
    /// # Errors
    /// When the framing is broken.
    pub fn decode(&mut self, bytes: &mut [u8], output: Output) -> Result<Step, BodyError> {
        match self {
            Self::Known(left) => {
                let count = usize::try_from(*left)
                    .unwrap_or(usize::MAX)
                    .min(bytes.len());
                *left -= count as u64;
                Ok(Step {
                    consumed: count,
                    produced: count,
                })
            }
            Self::Chunked(chunked) => chunked.decode(bytes, output),
            Self::UntilClose(_) => Ok(Step {
                consumed: bytes.len(),
                produced: bytes.len(),
            }),
        }
    }

    /// Takes in that the stream has ended.
    ///
    /// # Errors
    /// [`BodyError::Truncated`] if the body is not complete.
    pub fn end(&mut self) -> Result<(), BodyError> {
        if let Self::UntilClose(ended) = self {
            *ended = true;
        }
        if self.is_done() {
            Ok(())
        } else {
            Err(BodyError::Truncated)
        }
    }
}
