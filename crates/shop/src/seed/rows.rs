//! Rows as `COPY … (FORMAT binary)` reads them.
//!
//! # The idea
//! Postgres reads its own binary form several times faster than statements, and without any quoting that could go wrong.
//!
//! # Source
//! <https://www.postgresql.org/docs/15/sql-copy.html>, File Formats; the form of each type is what its `…recv` function reads.

use bytes::{BufMut as _, Bytes, BytesMut};

/// What a file begins with: signature, flags, length of the extension.
pub(super) const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// What it ends with.
pub(super) const TRAILER: &[u8] = &[0xff, 0xff];

/// 2000-01-01, from which Postgres counts, in seconds since 1970.
const EPOCH: i64 = 946_684_800;
const SECONDS_OF_A_DAY: i64 = 86_400;

/// Rows of one table.
#[derive(Debug, Default)]
pub(super) struct Rows(BytesMut);

impl Rows {
    /// Begins a row of so many columns.
    pub(super) fn row(&mut self, columns: i16) -> &mut Self {
        self.0.put_i16(columns);
        self
    }

    /// `smallint`
    pub(super) fn small(&mut self, value: i16) -> &mut Self {
        self.field(&value.to_be_bytes())
    }

    /// `integer`
    pub(super) fn integer(&mut self, value: i32) -> &mut Self {
        self.field(&value.to_be_bytes())
    }

    /// `bigint`
    pub(super) fn big(&mut self, value: i64) -> &mut Self {
        self.field(&value.to_be_bytes())
    }

    /// `text`
    pub(super) fn text(&mut self, value: &str) -> &mut Self {
        self.field(value.as_bytes())
    }

    /// `bytea`
    pub(super) fn bytes(&mut self, value: &[u8]) -> &mut Self {
        self.field(value)
    }

    /// `jsonb`
    pub(super) fn json(&mut self, value: &str) -> &mut Self {
        self.length(value.len() + 1);
        // The version of the form.
        self.0.put_u8(1);
        self.0.put_slice(value.as_bytes());
        self
    }

    /// `timestamptz`, from seconds since 1970.
    pub(super) fn time(&mut self, seconds: i64) -> &mut Self {
        self.big((seconds - EPOCH) * 1_000_000)
    }

    /// `date` (of UTC), from any second of it since 1970.
    pub(super) fn day(&mut self, seconds: i64) -> &mut Self {
        self.integer((seconds - EPOCH).div_euclid(SECONDS_OF_A_DAY) as i32)
    }

    /// `NULL`
    pub(super) fn null(&mut self) -> &mut Self {
        self.0.put_i32(-1);
        self
    }

    /// What has been written.
    pub(super) fn take(&mut self) -> Bytes {
        self.0.split().freeze()
    }

    fn field(&mut self, value: &[u8]) -> &mut Self {
        self.length(value.len());
        self.0.put_slice(value);
        self
    }

    fn length(&mut self, length: usize) {
        // Fields are made here and are at most a few hundred bytes.
        self.0.put_i32(length as i32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_as_postgres_reads_them() {
        let mut rows = Rows::default();
        rows.row(4).small(7).null().json("[]").day(EPOCH - 1);
        let bytes = rows.take();
        let written: &[u8] = &[
            0, 4, 0, 0, 0, 2, 0, 7, 255, 255, 255, 255, 0, 0, 0, 3, 1, b'[', b']', 0, 0, 0, 4, 255,
            255, 255, 255,
        ];
        assert_eq!(bytes, written);
        assert_eq!(HEADER.len(), 19);
    }
}
