//! What is kept of a response for deciding: computed once when it is stored, compared with the time on every hit.

use super::control::MOST_SECONDS;
use super::date::Millis;

/// Where the entity tag stands in the stored fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    /// Offset of its first byte.
    pub(crate) start: u32,
    /// 0 if there is none.
    pub(crate) len: u16,
}

impl Span {
    /// The bytes, if they are there.
    pub(crate) fn of(self, fields: &[u8]) -> Option<&[u8]> {
        let start = usize::try_from(self.start).ok()?;
        let tag = fields.get(start..start + usize::from(self.len))?;
        (!tag.is_empty()).then_some(tag)
    }
}

/// Yes-or-no facts, one bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Flags(u16);

impl Flags {
    /// It has to be validated on every use.
    pub(crate) const NO_CACHE: Self = Self(1);
    /// Nothing stale, even if the client would take it.
    pub(crate) const NO_STALE: Self = Self(1 << 1);
    /// It has a `Last-Modified` that can be asked with.
    pub(crate) const LAST_MODIFIED: Self = Self(1 << 2);
    /// That date tells contents apart for sure (RFC 9110 section 8.8.2.2).
    pub(crate) const STRONG_DATE: Self = Self(1 << 3);
    /// Its lifetime was guessed.
    pub(crate) const HEURISTIC: Self = Self(1 << 4);

    const ALL: u16 = (1 << 5) - 1;

    pub(crate) fn has(self, flag: Self) -> bool {
        self.0 & flag.0 != 0
    }

    pub(crate) fn set(&mut self, flag: Self, on: bool) {
        if on {
            self.0 |= flag.0;
        }
    }
}

/// What is kept of a response for deciding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stored {
    /// When its age was 0 (it may have been old when it came).
    pub(crate) born: Millis,
    /// From then on it is stale.
    pub(crate) fresh_until: Millis,
    /// Of its `Last-Modified`, else of its `Date`, in seconds since 1970; what `If-Modified-Since` is compared with.
    pub(crate) modified: i64,
    /// For how many seconds it may be served stale while it is validated.
    pub(crate) stale_while_revalidate: u32,
    /// For how many seconds it may be served stale if that fails.
    pub(crate) stale_if_error: u32,
    pub(crate) etag: Span,
    pub(crate) status: u16,
    pub(crate) flags: Flags,
}

/// Of [`Stored::to_bytes`].
pub(crate) const BYTES: usize = 43;
/// The first byte of these bytes. Another form gets another number, and then what an older program stored is not read.
const FORM: u8 = 1;

impl Stored {
    /// Its age in whole seconds, at most 2^31 (RFC 9111 section 4.2.3).
    pub(crate) fn age(&self, now: Millis) -> u32 {
        let seconds = now.saturating_sub(self.born) / 1000;
        u32::try_from(seconds.max(0)).map_or(MOST_SECONDS, |age| age.min(MOST_SECONDS))
    }

    /// For how many seconds more it is fresh; negative, for how many it has been stale.
    pub(crate) fn ttl(&self, now: Millis) -> i64 {
        self.fresh_until.saturating_sub(now).div_euclid(1000)
    }

    pub(crate) fn is_fresh(&self, now: Millis) -> bool {
        now < self.fresh_until
    }

    /// True if it has been stale for at most so many seconds; for less than none it never is.
    pub(super) fn is_stale_within(&self, seconds: u32, now: Millis) -> bool {
        now < self.fresh_until.saturating_add(i64::from(seconds) * 1000)
    }

    /// True if the server can be asked whether it is still good.
    pub(crate) fn has_validator(&self) -> bool {
        self.etag.len > 0 || self.flags.has(Flags::LAST_MODIFIED)
    }

    /// Until when it is worth its place: after that it can neither be served nor, without a validator, be asked about.
    pub(crate) fn useful_until(&self) -> Option<Millis> {
        let longest = self.stale_while_revalidate.max(self.stale_if_error);
        let end = self.fresh_until.saturating_add(i64::from(longest) * 1000);
        (!self.has_validator()).then_some(end)
    }

    /// Makes it stale, for a purge that keeps it for the case that the server fails.
    pub(crate) fn expire(&mut self, now: Millis) {
        self.fresh_until = self.fresh_until.min(now);
    }

    /// For a disk, in a form that another build of the same version reads.
    pub(crate) fn to_bytes(self) -> [u8; BYTES] {
        let mut out = [0; BYTES];
        let mut at = 0;
        let mut push = |bytes: &[u8]| {
            out[at..at + bytes.len()].copy_from_slice(bytes);
            at += bytes.len();
        };
        push(&[FORM]);
        push(&self.born.to_le_bytes());
        push(&self.fresh_until.to_le_bytes());
        push(&self.modified.to_le_bytes());
        push(&self.stale_while_revalidate.to_le_bytes());
        push(&self.stale_if_error.to_le_bytes());
        push(&self.etag.start.to_le_bytes());
        push(&self.etag.len.to_le_bytes());
        push(&self.status.to_le_bytes());
        push(&self.flags.0.to_le_bytes());
        out
    }

    /// `None` if the bytes are of another form.
    pub(crate) fn from_bytes(bytes: &[u8; BYTES]) -> Option<Self> {
        let (form, mut rest) = bytes.split_first()?;
        (*form == FORM).then_some(())?;
        let rest = &mut rest;
        let stored = Self {
            born: i64::from_le_bytes(take(rest)?),
            fresh_until: i64::from_le_bytes(take(rest)?),
            modified: i64::from_le_bytes(take(rest)?),
            stale_while_revalidate: u32::from_le_bytes(take(rest)?),
            stale_if_error: u32::from_le_bytes(take(rest)?),
            etag: Span {
                start: u32::from_le_bytes(take(rest)?),
                len: u16::from_le_bytes(take(rest)?),
            },
            status: u16::from_le_bytes(take(rest)?),
            flags: Flags(u16::from_le_bytes(take(rest)?)),
        };
        let is_sound = (200..=999).contains(&stored.status) && stored.flags.0 <= Flags::ALL;
        is_sound.then_some(stored)
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, after) = rest.split_first_chunk::<N>()?;
    *rest = after;
    Some(*taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_survives_a_disk() {
        let mut flags = Flags::default();
        flags.set(Flags::NO_STALE, true);
        flags.set(Flags::HEURISTIC, true);
        flags.set(Flags::NO_CACHE, false);
        let stored = Stored {
            born: -1,
            fresh_until: 2,
            modified: 3,
            stale_while_revalidate: 4,
            stale_if_error: 5,
            etag: Span { start: 6, len: 7 },
            status: 404,
            flags,
        };
        let mut bytes = stored.to_bytes();
        assert_eq!(Stored::from_bytes(&bytes), Some(stored));
        bytes[0] = 2;
        assert_eq!(Stored::from_bytes(&bytes), None);
        assert_eq!(Stored::from_bytes(&[0xff; BYTES]), None);
        assert!(size_of::<Stored>() <= 48);
    }

    #[test]
    fn times() {
        let mut stored = Stored {
            born: 1_000,
            fresh_until: 11_000,
            modified: 0,
            stale_while_revalidate: 5,
            stale_if_error: 9,
            etag: Span::default(),
            status: 200,
            flags: Flags::default(),
        };
        assert_eq!([0, 1_999, 2_000].map(|now| stored.age(now)), [0, 0, 1]);
        assert_eq!(stored.age(i64::MAX), MOST_SECONDS);
        assert_eq!(
            [10_999, 11_000, 11_001].map(|now| stored.ttl(now)),
            [0, 0, -1]
        );
        assert_eq!(
            [10_999, 11_000].map(|now| stored.is_fresh(now)),
            [true, false]
        );
        assert_eq!(
            [15_999, 16_000].map(|now| stored.is_stale_within(5, now)),
            [true, false]
        );
        assert_eq!(stored.useful_until(), Some(20_000));
        stored.expire(3_000);
        assert!(!stored.is_fresh(3_000) && stored.is_stale_within(5, 7_999));
        stored.flags.set(Flags::LAST_MODIFIED, true);
        assert_eq!(stored.useful_until(), None);
        assert_eq!(Span { start: 1, len: 2 }.of(b"abc"), Some(&b"bc"[..]));
        assert_eq!(Span { start: 2, len: 2 }.of(b"abc"), None);
        assert_eq!(Span::default().of(b"abc"), None);
    }
}
