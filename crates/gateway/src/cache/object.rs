//! What the cache has for a key, and how that lies on disk and in Redis.

use std::sync::Arc;

use bytes::{BufMut as _, Bytes, BytesMut};
use tenfold_cache::Codec;

use super::body::{Body, Whole};
use crate::http::cache::stored::{BYTES, Stored};
use crate::http::cache::vary::Names;

/// What the cache has for a key.
#[derive(Clone, Debug)]
pub(crate) enum Kept {
    /// A response.
    Response(Arc<Object>),
    /// The address has several responses, told apart by these request fields. Their keys contain `generation`, so that they
    /// cannot be reached any more once this entry is gone.
    Varies { names: Names, generation: u64 },
    /// The last response was for one client only, or not to be stored for another reason: those who want the same ask for themselves,
    /// without waiting for each other.
    Personal,
}

/// A response.
#[derive(Debug)]
pub(crate) struct Object {
    /// What is known of it for deciding.
    pub(crate) rules: Stored,
    /// Its field lines without framing.
    pub(crate) fields: Bytes,
    pub(crate) body: Body,
    /// The body's length, if it is known.
    pub(crate) length: Option<u64>,
}

impl Object {
    /// Its entity tag.
    pub(crate) fn etag(&self) -> Option<&[u8]> {
        self.rules.etag.of(&self.fields)
    }

    /// The same with another body, or the same body.
    pub(crate) fn with_body(&self, body: Body, length: Option<u64>) -> Self {
        Self {
            rules: self.rules,
            // Copied, and so without a count of holders, which costs more memory than the copy time.
            fields: Bytes::copy_from_slice(&self.fields),
            body,
            length,
        }
    }
}

/// Bytes of a value on the heap.
pub(crate) fn weigh(kept: &Kept) -> usize {
    match kept {
        Kept::Response(object) => {
            let body = match &object.body {
                Body::Whole(whole) => whole.len() as usize + whole.overhead(),
                Body::Arriving(_) => 0,
            };
            size_of::<Object>() + object.fields.len() + body
        }
        Kept::Varies { names, .. } => names.as_str().len(),
        Kept::Personal => 0,
    }
}

const RESPONSE: u8 = 1;
const VARIES: u8 = 2;

/// Values as bytes. First which kind, then for a response: what the rules know, the length of the fields (u32), the fields, the
/// body; for several responses: the generation (u64) and the names.
pub(crate) struct Form;

impl Codec<Kept> for Form {
    fn encode(&self, kept: &Kept) -> Result<Bytes, String> {
        match kept {
            Kept::Response(object) => {
                let Body::Whole(whole) = &object.body else {
                    return Err("the body is still arriving".to_owned());
                };
                let length = 1 + BYTES + 4 + object.fields.len() + whole.len() as usize;
                let mut out = BytesMut::with_capacity(length);
                out.put_u8(RESPONSE);
                out.put_slice(&object.rules.to_bytes());
                out.put_u32_le(object.fields.len() as u32);
                out.put_slice(&object.fields);
                whole.pieces().iter().for_each(|piece| out.put_slice(piece));
                Ok(out.freeze())
            }
            Kept::Varies { names, generation } => {
                let mut out = BytesMut::with_capacity(9 + names.as_str().len());
                out.put_u8(VARIES);
                out.put_u64_le(*generation);
                out.put_slice(names.as_str().as_bytes());
                Ok(out.freeze())
            }
            Kept::Personal => Err("it is not worth its place below memory".to_owned()),
        }
    }

    fn decode(&self, bytes: Bytes) -> Result<Kept, String> {
        decode(&bytes).ok_or_else(|| "these bytes are no cached response".to_owned())
    }
}

fn decode(bytes: &Bytes) -> Option<Kept> {
    let (kind, rest) = bytes.split_first()?;
    match *kind {
        RESPONSE => {
            let (rules, rest) = rest.split_first_chunk::<BYTES>()?;
            let (length, rest) = rest.split_first_chunk::<4>()?;
            let end = usize::try_from(u32::from_le_bytes(*length)).ok()?;
            let start = bytes.len() - rest.len();
            (end <= rest.len()).then_some(())?;
            let body = bytes.slice(start + end..);
            Some(Kept::Response(Arc::new(Object {
                rules: Stored::from_bytes(rules)?,
                fields: bytes.slice(start..start + end),
                length: Some(body.len() as u64),
                body: Body::Whole(Whole::One(body)),
            })))
        }
        VARIES => {
            let (generation, names) = rest.split_first_chunk::<8>()?;
            Some(Kept::Varies {
                names: Names::from_stored(std::str::from_utf8(names).ok()?)?,
                generation: u64::from_le_bytes(*generation),
            })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
            for kind in [RESPONSE, VARIES] {
                let bytes: Vec<u8> = [kind].into_iter().chain(bytes.clone()).collect();
                let _ = Form.decode(bytes.into());
            }
        }

        #[test]
        fn a_response_comes_back_as_it_was(fields in ".{0,40}", body in proptest::collection::vec(any::<u8>(), 0..300)) {
            let rules = Stored { fresh_until: 5, status: 404, ..Stored::default() };
            let pieces: Vec<Bytes> = body.chunks(77).map(Bytes::copy_from_slice).collect();
            let object = Object {
                rules,
                fields: fields.clone().into(),
                length: Some(body.len() as u64),
                body: Body::Whole(Whole::Many(pieces.into())),
            };
            let bytes = Form.encode(&Kept::Response(Arc::new(object))).unwrap();
            let Ok(Kept::Response(back)) = Form.decode(bytes) else { panic!("it is a response") };
            prop_assert_eq!(&back.fields[..], fields.as_bytes());
            prop_assert_eq!((back.rules, back.length), (rules, Some(body.len() as u64)));
            let Body::Whole(whole) = &back.body else { panic!("it is whole") };
            prop_assert_eq!(whole.pieces().concat(), body);
        }
    }
}
