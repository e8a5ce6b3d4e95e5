//! When: the dates of access logs and of HAR files, as nanoseconds since 1970.
//!
//! Three formats are all there are: that of Apache and nginx (`10/Oct/2000:13:55:36 -0700`), RFC 3339, and seconds since 1970.
//! Days are counted as in H. Hinnant's "chrono-compatible low-level date algorithms" (`days_from_civil`).

const SECOND: i64 = 1_000_000_000;
const MONTHS: [&[u8]; 12] = [
    b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec",
];

/// Reads `10/Oct/2000:13:55:36 -0700`.
pub(super) fn common(text: &[u8]) -> Option<i64> {
    let mut rest = Rest(text);
    let day = rest.number(2)?;
    rest.one_of(b"/")?;
    let name = rest.take(3)?;
    let month = MONTHS.iter().position(|month| *month == name)? as i64 + 1;
    rest.one_of(b"/")?;
    let year = rest.number(4)?;
    rest.one_of(b":")?;
    let time = rest.time()?;
    rest.one_of(b" ")?;
    let zone = rest.zone()?;
    rest.end()?;
    instant(year, month, day, time - zone)
}

/// Reads `2024-11-29T09:00:00.123Z`, also with a space for the `T` and an offset for the `Z`.
pub(super) fn rfc3339(text: &[u8]) -> Option<i64> {
    let mut rest = Rest(text);
    let year = rest.number(4)?;
    rest.one_of(b"-")?;
    let month = rest.number(2)?;
    rest.one_of(b"-")?;
    let day = rest.number(2)?;
    rest.one_of(b"Tt ")?;
    let time = rest.time()?;
    let fraction = match rest.one_of(b".,") {
        Some(_) => rest.fraction()?,
        None => 0,
    };
    let zone = rest.zone()?;
    rest.end()?;
    instant(year, month, day, time - zone)?.checked_add(fraction)
}

/// Seconds since 1970. What is too large to be a date of ours is taken for milli-, micro- or nanoseconds.
pub(super) fn epoch(number: f64) -> Option<i64> {
    const LATEST: f64 = 9e9;
    let mut seconds = number;
    for _ in 0..3 {
        if seconds >= LATEST {
            seconds /= 1000.0;
        }
    }
    let is_date = seconds.is_finite() && (0.0..LATEST).contains(&seconds);
    // 64 bits have no room for more than microseconds of our time.
    let micros = (seconds.fract() * 1e6).round() as i64;
    let whole = (seconds as i64).checked_mul(SECOND)?;
    is_date.then(|| whole.saturating_add(micros * 1000))
}

/// As people write it, in UTC: `2024-11-29 09:00`.
pub(super) fn shown(nanos: i64) -> String {
    let minutes = nanos.div_euclid(60 * SECOND);
    let (days, minute) = (minutes.div_euclid(1440), minutes.rem_euclid(1440));
    let (year, month, day) = civil(days);
    format!(
        "{year:04}-{month:02}-{day:02} {:02}:{:02}",
        minute / 60,
        minute % 60
    )
}

/// Bytes that have not been read.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn one_of(&mut self, bytes: &[u8]) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        bytes.contains(first).then(|| self.0 = rest)?;
        Some(*first)
    }

    fn number(&mut self, digits: usize) -> Option<i64> {
        let mut number = 0;
        for byte in self.take(digits)? {
            number = number * 10 + i64::from(byte.is_ascii_digit().then(|| byte - b'0')?);
        }
        Some(number)
    }

    /// `hh:mm:ss`, as seconds.
    fn time(&mut self) -> Option<i64> {
        let hour = self.number(2)?;
        self.one_of(b":")?;
        let minute = self.number(2)?;
        self.one_of(b":")?;
        let second = self.number(2)?;
        // RFC 3339 has leap seconds.
        (hour < 24 && minute < 60 && second <= 60).then_some(hour * 3600 + minute * 60 + second)
    }

    /// Digits after the point, as nanoseconds; what is finer is cut off.
    fn fraction(&mut self) -> Option<i64> {
        let digits = self.0.iter().take_while(|byte| byte.is_ascii_digit());
        let digits = digits.count();
        let text = self.take(digits).filter(|text| !text.is_empty())?;
        let mut nanos = 0;
        for place in 0..9 {
            nanos = nanos * 10 + text.get(place).map_or(0, |byte| i64::from(byte - b'0'));
        }
        Some(nanos)
    }

    /// `Z`, `+01:00` or `-0700`, as seconds east of Greenwich.
    fn zone(&mut self) -> Option<i64> {
        let sign = match self.one_of(b"Zz+-")? {
            b'+' => 1,
            b'-' => -1,
            _ => return Some(0),
        };
        let hours = self.number(2)?;
        self.one_of(b":");
        let minutes = self.number(2)?;
        (hours < 24 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
    }

    fn end(&self) -> Option<()> {
        self.0.is_empty().then_some(())
    }
}

fn instant(year: i64, month: i64, day: i64, seconds: i64) -> Option<i64> {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let longest = match month {
        4 | 6 | 9 | 11 => 30,
        2 if is_leap => 29,
        2 => 28,
        1..=12 => 31,
        _ => return None,
    };
    if !(1970..=2200).contains(&year) || !(1..=longest).contains(&day) {
        return None;
    }
    let of_year = if month <= 2 { year - 1 } else { year };
    let era = of_year.div_euclid(400);
    let year_of_era = of_year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let days = era * 146_097 + day_of_era - 719_468;
    (days * 86_400 + seconds).checked_mul(SECOND)
}

/// Year, month and day of a day since 1970.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_formats_agree() {
        let instant = 971_211_336 * SECOND;
        assert_eq!(common(b"10/Oct/2000:13:55:36 -0700"), Some(instant));
        assert_eq!(rfc3339(b"2000-10-10T20:55:36Z"), Some(instant));
        assert_eq!(rfc3339(b"2000-10-10 22:55:36+02:00"), Some(instant));
        assert_eq!(epoch(971_211_336.0), Some(instant));
        assert_eq!(epoch(971_211_336_000.0), Some(instant));
        assert_eq!(epoch(971_211_336_000_000_000.0), Some(instant));
        assert_eq!(shown(instant), "2000-10-10 20:55");
    }

    #[test]
    fn fractions_count() {
        let (whole, half) = (
            rfc3339(b"2024-02-29T00:00:00Z"),
            rfc3339(b"2024-02-29T00:00:00.5Z"),
        );
        assert_eq!(half.expect("a date") - whole.expect("a date"), SECOND / 2);
        assert_eq!(
            epoch(1_700_000_000.25).map(|at| at % SECOND),
            Some(SECOND / 4)
        );
    }

    #[test]
    fn days_are_those_of_the_calendar() {
        for (days, text) in [
            (0, "1970-01-01"),
            (59, "1970-03-01"),
            (11_016, "2000-02-29"),
            (20_088, "2024-12-31"),
        ] {
            let date = format!("{text}T00:00:00Z");
            assert_eq!(rfc3339(date.as_bytes()), Some(days * 86_400 * SECOND));
            assert_eq!(shown(days * 86_400 * SECOND), format!("{text} 00:00"));
        }
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in [
            "",
            "10/Oct/2000:13:55:36",
            "10/Okt/2000:13:55:36 -0700",
            "31/Feb/2000:13:55:36 -0700",
            "10/Oct/2000:25:55:36 -0700",
            "10/Oct/9999:13:55:36 -0700",
            "10/Oct/2000:13:55:36 -0700 ",
        ] {
            assert_eq!(common(text.as_bytes()), None, "{text}");
        }
        for text in [
            "2023-02-29T00:00:00Z",
            "2024-01-01T00:00:00",
            "2024-01-01T00:00:00.Z",
            "now",
        ] {
            assert_eq!(rfc3339(text.as_bytes()), None, "{text}");
        }
        for number in [f64::NAN, f64::INFINITY, -1.0, 1e300] {
            assert_eq!(epoch(number), None);
        }
    }
}
