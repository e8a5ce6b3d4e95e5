//! What the cache has for a key, and how that lies on disk and in Redis.

use std::sync::Arc;

use bytes::{BufMut as _, Bytes, BytesMut};
use tenfold_cache::Codec;

use super::body::{Arriving, Gone, Pieces, Reader};
use crate::http::cache::stored::{BYTES, Stored};
use crate::http::cache::vary::Names;

/// What the cache has for a key. Each kind in a block of its own, so that entries are small.
#[derive(Clone, Debug)]
pub(crate) enum Kept {
    /// A response.
    Response(Arc<Object>),
    /// The address has several responses.
    Varies(Arc<Variation>),
    /// The last response was for one client only, or not to be stored for another reason: those who want the same ask for themselves,
    /// without waiting for each other.
    Personal,
}

/// What the responses of an address are told apart by.
#[derive(Debug)]
pub(crate) struct Variation {
    /// The request fields.
    pub(crate) names: Names,
    /// Part of their keys, so that they cannot be reached any more once this entry is gone.
    pub(crate) generation: u64,
}

/// A response.
#[derive(Debug)]
pub(crate) struct Object {
    /// What is known of it for deciding.
    pub(crate) rules: Stored,
    /// Its field lines without framing; behind them a body that is whole and small.
    bytes: Box<[u8]>,
    rest: Rest,
}

/// A body of at most so many bytes lies in one block with the fields. It is copied when they change or when it comes from a lower
/// level; larger ones are not.
const SMALL: usize = 16 << 10;

/// Where the body is.
#[derive(Debug)]
enum Rest {
    /// Behind the fields, which end here.
    Behind(u32),
    Pieces(Arc<Pieces>),
    Arriving(Arc<Arriving>),
}

/// A body.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Body<'a> {
    /// All of it in one piece.
    Small(&'a [u8]),
    /// All of it.
    Pieces(&'a [Bytes]),
    /// It is being fetched.
    Arriving(&'a Arc<Arriving>),
}

impl Object {
    /// A response whose body is all there.
    pub(crate) fn whole(rules: Stored, fields: &[u8], body: Pieces) -> Self {
        if body.len() <= SMALL as u64 {
            return Self::small(rules, fields, body.all());
        }
        Self {
            rules,
            bytes: fields.into(),
            rest: Rest::Pieces(Arc::new(body)),
        }
    }

    fn small(rules: Stored, fields: &[u8], body: &[impl AsRef<[u8]>]) -> Self {
        let end = u32::try_from(fields.len()).expect("a head is some hundred KiB at most");
        let len: usize = body.iter().map(|piece| piece.as_ref().len()).sum();
        let mut bytes = Vec::with_capacity(fields.len() + len);
        bytes.extend_from_slice(fields);
        for piece in body {
            bytes.extend_from_slice(piece.as_ref());
        }
        Self {
            rules,
            bytes: bytes.into(),
            rest: Rest::Behind(end),
        }
    }

    /// A response whose body is being fetched.
    pub(crate) fn arriving(rules: Stored, fields: &[u8], body: Arc<Arriving>) -> Self {
        Self {
            rules,
            bytes: fields.into(),
            rest: Rest::Arriving(body),
        }
    }

    /// The same body with other rules and fields.
    pub(crate) fn renewed(&self, rules: Stored, fields: &[u8]) -> Self {
        let rest = match &self.rest {
            Rest::Behind(end) => {
                return Self::small(rules, fields, &[&self.bytes[*end as usize..]]);
            }
            Rest::Pieces(pieces) => Rest::Pieces(Arc::clone(pieces)),
            Rest::Arriving(body) => Rest::Arriving(Arc::clone(body)),
        };
        Self {
            rules,
            bytes: fields.into(),
            rest,
        }
    }

    /// Its field lines without framing.
    pub(crate) fn fields(&self) -> &[u8] {
        match self.rest {
            Rest::Behind(end) => &self.bytes[..end as usize],
            Rest::Pieces(_) | Rest::Arriving(_) => &self.bytes,
        }
    }

    pub(crate) fn body(&self) -> Body<'_> {
        match &self.rest {
            Rest::Behind(end) => Body::Small(&self.bytes[*end as usize..]),
            Rest::Pieces(pieces) => Body::Pieces(pieces.all()),
            Rest::Arriving(body) => Body::Arriving(body),
        }
    }

    /// What is needed to read the body from the beginning: nothing, if all of it is there.
    ///
    /// # Errors
    /// When its beginning has gone.
    pub(crate) fn reader(&self) -> Result<Option<Reader>, Gone> {
        match &self.rest {
            Rest::Behind(_) | Rest::Pieces(_) => Ok(None),
            Rest::Arriving(body) => body.read().map(Some).ok_or(Gone),
        }
    }

    /// The body's length in bytes, if it is known.
    pub(crate) fn length(&self) -> Option<u64> {
        match self.body() {
            Body::Small(body) => Some(body.len() as u64),
            Body::Pieces(pieces) => Some(pieces.iter().map(|it| it.len() as u64).sum()),
            Body::Arriving(body) => body.length(),
        }
    }

    /// Its entity tag.
    pub(crate) fn etag(&self) -> Option<&[u8]> {
        self.rules.etag.of(self.fields())
    }
}

/// Bytes of a value on the heap.
pub(crate) fn weigh(kept: &Kept) -> usize {
    match kept {
        Kept::Response(object) => {
            let pieces = match &object.rest {
                Rest::Pieces(pieces) => pieces.len() as usize + pieces.overhead(),
                Rest::Behind(_) | Rest::Arriving(_) => 0,
            };
            size_of::<Object>() + object.bytes.len() + pieces
        }
        Kept::Varies(variation) => size_of::<Variation>() + variation.names.as_str().len(),
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
                let (body, fields) = (object.body(), object.fields());
                let (Some(len), false) = (object.length(), matches!(body, Body::Arriving(_)))
                else {
                    return Err("the body is still arriving".to_owned());
                };
                let mut out = BytesMut::with_capacity(1 + BYTES + 4 + fields.len() + len as usize);
                out.put_u8(RESPONSE);
                out.put_slice(&object.rules.to_bytes());
                out.put_u32_le(fields.len() as u32);
                out.put_slice(fields);
                match body {
                    Body::Small(body) => out.put_slice(body),
                    Body::Pieces(pieces) => pieces.iter().for_each(|piece| out.put_slice(piece)),
                    Body::Arriving(_) => unreachable!("it was refused above"),
                }
                Ok(out.freeze())
            }
            Kept::Varies(variation) => {
                let names = variation.names.as_str();
                let mut out = BytesMut::with_capacity(9 + names.len());
                out.put_u8(VARIES);
                out.put_u64_le(variation.generation);
                out.put_slice(names.as_bytes());
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
            let fields = rest.get(..end)?;
            let body = bytes.slice(bytes.len() - (rest.len() - end)..);
            let object = Object::whole(Stored::from_bytes(rules)?, fields, Pieces::one(body));
            Some(Kept::Response(Arc::new(object)))
        }
        VARIES => {
            let (generation, names) = rest.split_first_chunk::<8>()?;
            Some(Kept::Varies(Arc::new(Variation {
                names: Names::from_stored(std::str::from_utf8(names).ok()?)?,
                generation: u64::from_le_bytes(*generation),
            })))
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
        fn a_response_comes_back_as_it_was(
            fields in ".{0,40}",
            body in proptest::collection::vec(any::<u8>(), 0..300),
            is_large in any::<bool>(),
        ) {
            let rules = Stored { fresh_until: 5, status: 404, ..Stored::default() };
            let body = if is_large { body.repeat(200) } else { body };
            let pieces = body.chunks(7777).map(Bytes::copy_from_slice).collect();
            let object = Object::whole(rules, fields.as_bytes(), Pieces::of(pieces));
            for object in [object.renewed(rules, fields.as_bytes()), object] {
                let bytes = Form.encode(&Kept::Response(Arc::new(object))).unwrap();
                let Ok(Kept::Response(back)) = Form.decode(bytes) else { panic!("it is a response") };
                prop_assert_eq!(back.fields(), fields.as_bytes());
                prop_assert_eq!((back.rules, back.length()), (rules, Some(body.len() as u64)));
                let all = match back.body() {
                    Body::Small(body) => body.to_vec(),
                    Body::Pieces(pieces) => pieces.concat(),
                    Body::Arriving(_) => panic!("it is whole"),
                };
                prop_assert_eq!(&all, &body);
                prop_assert!(weigh(&Kept::Response(back)) >= body.len() + fields.len());
            }
        }
    }

    #[test]
    fn an_object_is_small() {
        assert!(size_of::<Object>() <= 80 && size_of::<Kept>() <= 16);
    }
}
