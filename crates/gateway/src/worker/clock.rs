//! The one place that reads the time.
//!
//! Times are [`Duration`]s since an epoch that all workers share, because they are compared across workers (an endpoint
//! is passed over *until* a moment).

use std::cell::{Cell, RefCell};
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

/// A worker's clock.
pub(crate) struct Clock {
    epoch: Instant,
    /// The latest reading.
    recent: Cell<Duration>,
    date: RefCell<Date>,
}

/// A `Date` field's value and until when it is right.
struct Date {
    text: [u8; DATE_LEN],
    until: Duration,
    /// Unix time and the worker's time when it was made.
    made: (Duration, Duration),
}

/// `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 section 5.6.7)
const DATE_LEN: usize = 29;

/// The beginning of time for all workers of a gateway.
#[expect(clippy::disallowed_methods, reason = "this is the clock")]
pub(crate) fn epoch() -> Instant {
    Instant::now()
}

impl Clock {
    pub(crate) fn new(epoch: Instant) -> Self {
        let date = Date {
            text: [b' '; DATE_LEN],
            until: Duration::ZERO,
            made: (Duration::ZERO, Duration::ZERO),
        };
        Self {
            epoch,
            recent: Cell::default(),
            date: RefCell::new(date),
        }
    }

    /// Reads the time. About 25 ns: twice per request, and whenever a body moves.
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    pub(crate) fn read(&self) -> Duration {
        let now = Instant::now().saturating_duration_since(self.epoch);
        self.recent.set(now);
        now
    }

    /// The latest reading: right after a request was recorded or something was due, else possibly old if the worker had nothing
    /// to do. Whoever sets a deadline in the middle of something reads the clock.
    pub(crate) fn recent(&self) -> Duration {
        self.recent.get()
    }

    /// The value of a `Date` field at `now`; made once a second.
    pub(crate) fn date(&self, now: Duration) -> [u8; DATE_LEN] {
        self.refresh(now);
        self.date.borrow().text
    }

    /// Unix time in milliseconds at `now`. The wall clock is read once a second: should somebody set it, that is soon enough.
    pub(crate) fn unix(&self, now: Duration) -> i64 {
        self.refresh(now);
        let (unix, made) = self.date.borrow().made;
        let unix = unix + now.saturating_sub(made);
        i64::try_from(unix.as_millis()).unwrap_or(i64::MAX)
    }

    fn refresh(&self, now: Duration) {
        let mut date = self.date.borrow_mut();
        if now < date.until {
            return;
        }
        let wall = SystemTime::now();
        let since_1970 = wall
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        let left = 1_000_000_000 - u64::from(since_1970.subsec_nanos());
        date.until = now + Duration::from_nanos(left);
        date.made = (since_1970, now);
        let text = httpdate::fmt_http_date(wall);
        if let Ok(text) = text.as_bytes().try_into() {
            date.text = text;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_date_is_right_and_changes_with_the_second() {
        let clock = Clock::new(epoch());
        let text = String::from_utf8(clock.date(clock.read()).to_vec()).expect("ASCII");
        let parsed = httpdate::parse_http_date(&text).expect("a date");
        let age = SystemTime::now()
            .duration_since(parsed)
            .expect("not in the future");
        assert!(age < Duration::from_secs(2), "{text}");
        assert!(clock.date.borrow().until <= clock.recent() + Duration::from_secs(1));
    }
}
