//! A deadline: the moment by which a request is answered or given up, whatever it goes through until then.
//!
//! Time-outs of single steps add up: a queue, three connects and three tries of 60 s each are minutes, after which nobody is there
//! any more to take the answer. A deadline is one moment, set when the request arrives; every step gets what is left of it.
//! A caller that knows how long it will wait says so, and can only shorten it: what a stranger sends never makes us wait longer.

use std::time::Duration;

/// The longest that a caller's word is taken for; anything longer is as good as none.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// The moment by which a request is answered or given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline {
    /// Microseconds since the epoch; `u64::MAX` for never. One word, since every request has one.
    at: u64,
}

impl Deadline {
    /// Never.
    pub const NONE: Self = Self { at: u64::MAX };

    /// `limit` after `start`.
    #[must_use]
    pub fn after(start: Duration, limit: Duration) -> Self {
        Self {
            at: micros(start.saturating_add(limit)),
        }
    }

    /// The earlier of the two.
    #[must_use]
    pub fn shortened(self, other: Self) -> Self {
        self.min(other)
    }

    /// True unless it never comes.
    #[must_use]
    pub fn is_some(self) -> bool {
        self != Self::NONE
    }

    /// What is left of it; [`Duration::MAX`] if it never comes.
    #[must_use]
    pub fn left(self, now: Duration) -> Duration {
        match self {
            Self::NONE => Duration::MAX,
            Self { at } => Duration::from_micros(at.saturating_sub(micros(now))),
        }
    }

    /// True if it is `now` or was before.
    #[must_use]
    pub fn has_passed(self, now: Duration) -> bool {
        self.is_some() && self.at <= micros(now)
    }

    /// How long a step may take that on its own has `limit`.
    #[must_use]
    pub fn within(self, now: Duration, limit: Duration) -> Duration {
        limit.min(self.left(now))
    }
}

impl Default for Deadline {
    fn default() -> Self {
        Self::NONE
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// The value of `grpc-timeout`: one to eight digits and a unit of `H`, `M`, `S`, `m`, `u`, `n` (gRPC over HTTP/2, "Requests").
/// Zero is a deadline that has passed. `None` if it is malformed, which is then as if it were not there.
#[must_use]
pub fn parse_grpc(value: &[u8]) -> Option<Duration> {
    let (unit, digits) = value.split_last()?;
    if digits.is_empty() || digits.len() > 8 {
        return None;
    }
    let number = whole(digits)?;
    let time = match unit {
        b'H' => Duration::from_secs(number * 3600),
        b'M' => Duration::from_secs(number * 60),
        b'S' => Duration::from_secs(number),
        b'm' => Duration::from_millis(number),
        b'u' => Duration::from_micros(number),
        b'n' => Duration::from_nanos(number),
        _ => return None,
    };
    Some(time.min(LONGEST))
}

/// The value of a field of one's own: whole milliseconds (`1500`), or a whole number with `ms`, `s` or `m`. Zero and what is
/// malformed are as if they were not there.
#[must_use]
pub fn parse_plain(value: &[u8]) -> Option<Duration> {
    let value = value.trim_ascii();
    let end = value.iter().position(|byte| !byte.is_ascii_digit());
    let (digits, unit) = value.split_at(end.unwrap_or(value.len()));
    if digits.is_empty() || digits.len() > 12 {
        return None;
    }
    let number = whole(digits).filter(|number| *number > 0)?;
    let time = match unit {
        b"" | b"ms" => Duration::from_millis(number),
        b"s" => Duration::from_secs(number),
        b"m" => Duration::from_secs(number.saturating_mul(60)),
        _ => return None,
    };
    Some(time.min(LONGEST))
}

fn whole(digits: &[u8]) -> Option<u64> {
    std::str::from_utf8(digits)
        .ok()
        .filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn every_step_gets_what_is_left() {
        let deadline = Deadline::after(10 * SECOND, 3 * SECOND);
        assert_eq!(deadline.within(10 * SECOND, SECOND), SECOND);
        assert_eq!(deadline.within(12 * SECOND, 5 * SECOND), SECOND);
        assert_eq!(deadline.left(14 * SECOND), Duration::ZERO);
        assert!(deadline.has_passed(13 * SECOND) && !deadline.has_passed(12 * SECOND));
    }

    #[test]
    fn none_never_passes_and_can_be_shortened() {
        assert!(!Deadline::NONE.has_passed(Duration::MAX));
        assert_eq!(Deadline::NONE.within(SECOND, 60 * SECOND), 60 * SECOND);
        let short = Deadline::after(SECOND, SECOND);
        let long = Deadline::after(SECOND, 2 * SECOND);
        assert_eq!(Deadline::NONE.shortened(long).shortened(short), short);
        assert_eq!(short.shortened(long), short, "never longer");
    }

    #[test]
    fn grpc_timeouts() {
        let good = [
            (&b"100m"[..], Duration::from_millis(100)),
            (b"2S", 2 * SECOND),
            (b"1M", 60 * SECOND),
            (b"1H", 3600 * SECOND),
            (b"5000u", Duration::from_millis(5)),
            (b"99999999n", Duration::from_nanos(99_999_999)),
            (b"0m", Duration::ZERO),
            (b"99999999H", LONGEST),
        ];
        for (text, time) in good {
            assert_eq!(parse_grpc(text), Some(time), "{text:?}");
        }
        for text in [
            &b""[..],
            b"m",
            b"100",
            b"100x",
            b"-1m",
            b"+1m",
            b"1 m",
            b"123456789m",
            b"\xff1m",
        ] {
            assert_eq!(parse_grpc(text), None, "{text:?}");
        }
    }

    #[test]
    fn plain_timeouts() {
        let good = [
            (&b"1500"[..], Duration::from_millis(1500)),
            (b" 250ms ", Duration::from_millis(250)),
            (b"3s", 3 * SECOND),
            (b"999999999999m", LONGEST),
        ];
        for (text, time) in good {
            assert_eq!(parse_plain(text), Some(time), "{text:?}");
        }
        for text in [
            &b""[..],
            b"0",
            b"0s",
            b"-5",
            b"1.5s",
            b"5 s",
            b"s",
            b"5h",
            b"1000000000000000",
        ] {
            assert_eq!(parse_plain(text), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn no_value_panics_or_lasts_longer_than_a_day(value in proptest::collection::vec(any::<u8>(), 0..24)) {
            for time in [parse_grpc(&value), parse_plain(&value)].into_iter().flatten() {
                prop_assert!(time <= LONGEST);
            }
        }
    }
}
