//! Making heads: each function appends to a buffer.

use crate::buffer::Buffer;
use crate::field::FieldRef;

/// `method SP target SP HTTP/1.1 CR LF`
pub fn request_line(out: &mut Buffer, method: &[u8], target: &[u8]) {
    out.push(method);
    out.push(b" ");
    out.push(target);
    out.push(b" HTTP/1.1\r\n");
}

/// `HTTP/1.1 SP status SP reason CR LF`. A reason phrase is optional, the space before it is not.
pub fn status_line(out: &mut Buffer, status: u16, reason: &[u8]) {
    out.push(b"HTTP/1.1 ");
    out.push_number(u64::from(status));
    out.push(b" ");
    out.push(reason);
    out.push(b"\r\n");
}

/// `name: value CR LF`
pub fn field(out: &mut Buffer, name: &[u8], value: &[u8]) {
    out.push(name);
    out.push(b": ");
    out.push(value);
    out.push(b"\r\n");
}

/// `Content-Length: length CR LF`
pub fn content_length(out: &mut Buffer, length: u64) {
    out.push(b"Content-Length: ");
    out.push_number(length);
    out.push(b"\r\n");
}

/// Copies the fields that `keep` says to keep, unchanged and in their order.
///
/// Neighbours are copied in one piece: a typical head loses two or three lines, so that it is moved
/// in as many `memcpy`s.
pub fn copy_fields<'h>(
    out: &mut Buffer,
    head: &'h [u8],
    fields: impl Iterator<Item = FieldRef<'h>>,
    mut keep: impl FnMut(&FieldRef<'h>) -> bool,
) {
    let base = head.as_ptr().addr();
    let (mut run_start, mut run_end) = (0, 0);
    for field in fields {
        if !keep(&field) {
            continue;
        }
        let start = field.line.as_ptr().addr() - base;
        if start != run_end {
            out.push(&head[run_start..run_end]);
            run_start = start;
        }
        run_end = start + field.line.len();
    }
    out.push(&head[run_start..run_end]);
}

/// The bytes `size CR LF` of a chunk, right-aligned in an array, and where they begin; for callers that keep room
/// in front of the data.
#[must_use]
pub fn chunk_prefix(len: usize) -> (usize, [u8; CHUNK_PREFIX]) {
    let mut bytes = *b"00000000\r\n";
    let mut at = CHUNK_PREFIX - 2;
    let mut rest = len;
    loop {
        at -= 1;
        bytes[at] = b"0123456789abcdef"[rest & 0xf];
        rest >>= 4;
        if rest == 0 || at == 0 {
            return (at, bytes);
        }
    }
}

/// Room that [`chunk_prefix`] needs: a chunk is at most a relay buffer, far below 2^32.
pub const CHUNK_PREFIX: usize = 10;
/// The chunk that ends a body.
pub const LAST_CHUNK: &[u8] = b"0\r\n\r\n";
