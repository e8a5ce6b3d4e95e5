//! Chunked bodies: the first four bytes of the input say how the rest is cut into reads.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tenfold_http1::BodyError;
use tenfold_http1::chunked::{Chunked, Output};

/// What is left of a body, and how much of it was read.
#[derive(Debug, PartialEq)]
struct Decoded {
    kept: Vec<u8>,
    consumed: usize,
    data_bytes: u64,
    is_done: bool,
}

/// Reads `body` in pieces of these sizes, and then the rest.
fn decode(body: &[u8], sizes: &[usize], output: Output) -> Result<Decoded, BodyError> {
    let mut decoder = Chunked::default();
    let (mut kept, mut pending) = (Vec::new(), Vec::new());
    let (mut read, mut consumed) = (0, 0);
    for size in sizes.iter().copied().chain([body.len()]) {
        let piece = &body[read..body.len().min(read + size)];
        pending.extend_from_slice(piece);
        read += piece.len();
        let step = decoder.decode(&mut pending, output)?;
        assert!(step.produced <= step.consumed);
        kept.extend_from_slice(&pending[..step.produced]);
        pending.drain(..step.consumed);
        consumed += step.consumed;
        assert_eq!(
            pending,
            body[consumed..read],
            "what was not consumed is intact"
        );
        if read == body.len() || decoder.is_done() {
            break;
        }
    }
    Ok(Decoded {
        kept,
        consumed,
        data_bytes: decoder.data_bytes(),
        is_done: decoder.is_done(),
    })
}

/// Reads a whole body in the simplest way there is: no extensions, no second thoughts.
fn simplest(mut body: &[u8]) -> Option<Vec<u8>> {
    let mut data = Vec::new();
    loop {
        let line = body.windows(2).position(|pair| pair == b"\r\n")?;
        let digits = std::str::from_utf8(&body[..line]).ok()?;
        // The function takes a sign.
        let is_plain = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        let size = usize::from_str_radix(digits, 16)
            .ok()
            .filter(|_| is_plain)?;
        body = &body[line + 2..];
        if size == 0 {
            return (body.starts_with(b"\r\n") || body.ends_with(b"\r\n\r\n")).then_some(data);
        }
        data.extend_from_slice(body.get(..size)?);
        body = body[size..].strip_prefix(b"\r\n")?;
    }
}

fuzz_target!(|input: &[u8]| {
    let Some((cuts, body)) = input.split_first_chunk::<4>() else {
        return;
    };
    let sizes = cuts.map(usize::from);
    let chunked = decode(body, &[], Output::Chunked);
    let data = decode(body, &[], Output::Data);
    assert_eq!(decode(body, &sizes, Output::Chunked), chunked);
    assert_eq!(decode(body, &sizes, Output::Data), data);
    let (chunked, data) = match (chunked, data) {
        (Ok(chunked), Ok(data)) => (chunked, data),
        (chunked, data) => return assert_eq!(chunked.err(), data.err()),
    };
    assert_eq!(
        (chunked.consumed, chunked.is_done),
        (data.consumed, data.is_done)
    );
    assert_eq!(
        (chunked.data_bytes, data.data_bytes),
        (data.kept.len() as u64, data.kept.len() as u64)
    );

    // What is sent on means the same to whoever reads it next, and has nothing left to remove.
    let again = decode(&chunked.kept, &sizes, Output::Chunked).expect("what is kept is valid");
    assert_eq!(
        (again.consumed, &again.kept),
        (chunked.kept.len(), &chunked.kept)
    );
    assert_eq!(
        (again.data_bytes, again.is_done),
        (data.data_bytes, data.is_done)
    );
    if chunked.is_done {
        assert_eq!(simplest(&chunked.kept).as_ref(), Some(&data.kept));
    }
});
