//! Dates in fields (RFC 9110 section 5.6.7): three forms to be read, and everything else refused.
//!
//! Why not a library: a cache must not take an invalid date for a valid one, for that would make a response fresh, and must take
//! what differs in case only, for other caches do. The libraries at hand are too strict in one and too lax in the other. The name of
//! the day is not compared with the date: it adds nothing, and servers get it wrong.

/// Milliseconds since 1970, as a real clock has them; stored responses outlive the process, so a monotonic clock would not do.
pub(crate) type Millis = i64;

const DAYS: [&str; 7] = [
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
];
const MONTHS: &[u8; 36] = b"janfebmaraprmayjunjulaugsepoctnovdec";

/// Seconds since 1970 (negative before). `now` decides which century a year of two digits is in.
pub(crate) fn parse(value: &[u8], now: Millis) -> Option<i64> {
    match value.iter().position(|byte| *byte == b',') {
        Some(3) => imf_fixdate(value),
        Some(comma) => rfc850(&value[..comma], &value[comma + 1..], now),
        None => asctime(value),
    }
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`
fn imf_fixdate(value: &[u8]) -> Option<i64> {
    let value: &[u8; 29] = value.try_into().ok()?;
    fits(value, b"***, ## *** #### ##:##:## ***")?;
    is_day(&value[..3]).then_some(())?;
    is_gmt(&value[26..]).then_some(())?;
    let date = days(
        number(&value[12..16]),
        month(&value[8..11])?,
        number(&value[5..7]),
    )?;
    Some(date * 86_400 + time(&value[17..25])?)
}

/// `Sunday, 06-Nov-94 08:49:37 GMT`; a year that seems to be more than 50 years ahead is of the century before.
fn rfc850(day: &[u8], value: &[u8], now: Millis) -> Option<i64> {
    let value: &[u8; 23] = value.try_into().ok()?;
    fits(value, b" ##-***-## ##:##:## ***")?;
    DAYS.iter()
        .any(|name| day.eq_ignore_ascii_case(name.as_bytes()))
        .then_some(())?;
    is_gmt(&value[20..]).then_some(())?;
    // Good for the purpose: a year of 365.2425 days.
    let this_year = 1970 + now.div_euclid(31_556_952_000);
    let mut year = this_year - this_year.rem_euclid(100) + number(&value[8..10]);
    if year > this_year + 50 {
        year -= 100;
    }
    let date = days(year, month(&value[4..7])?, number(&value[1..3]))?;
    Some(date * 86_400 + time(&value[11..19])?)
}

/// `Sun Nov  6 08:49:37 1994`
fn asctime(value: &[u8]) -> Option<i64> {
    let mut value: [u8; 24] = value.try_into().ok()?;
    if value[8] == b' ' {
        value[8] = b'0';
    }
    fits(&value, b"*** *** ## ##:##:## ####")?;
    is_day(&value[..3]).then_some(())?;
    let date = days(
        number(&value[20..]),
        month(&value[4..7])?,
        number(&value[8..10]),
    )?;
    Some(date * 86_400 + time(&value[11..19])?)
}

/// `#` stands for a digit, `*` for a letter, anything else for itself.
fn fits(value: &[u8], form: &[u8]) -> Option<()> {
    let all = value.iter().zip(form).all(|(byte, form)| match form {
        b'#' => byte.is_ascii_digit(),
        b'*' => byte.is_ascii_alphabetic(),
        _ => byte == form,
    });
    all.then_some(())
}

fn is_day(name: &[u8]) -> bool {
    DAYS.iter()
        .any(|day| name.eq_ignore_ascii_case(&day.as_bytes()[..3]))
}

fn is_gmt(zone: &[u8]) -> bool {
    zone.eq_ignore_ascii_case(b"GMT")
}

fn month(name: &[u8]) -> Option<i64> {
    let at = MONTHS
        .chunks(3)
        .position(|month| name.eq_ignore_ascii_case(month))?;
    i64::try_from(at + 1).ok()
}

/// The digits are known to be some.
fn number(digits: &[u8]) -> i64 {
    digits
        .iter()
        .fold(0, |number, digit| number * 10 + i64::from(digit - b'0'))
}

/// `##:##:##`; a leap second is one.
fn time(value: &[u8]) -> Option<i64> {
    let (hour, minute, second) = (
        number(&value[..2]),
        number(&value[3..5]),
        number(&value[6..]),
    );
    (hour < 24 && minute < 60 && second <= 60).then_some(hour * 3600 + minute * 60 + second)
}

/// Days since 1970-01-01 in the Gregorian calendar (Hinnant, "chrono-Compatible Low-Level Date Algorithms", `days_from_civil`).
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let most = match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    if !(1..=most).contains(&day) {
        return None;
    }
    let shifted = if month <= 2 { year - 1 } else { year };
    let era = shifted.div_euclid(400);
    let of_era = shifted - era * 400;
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    /// 2026-11-21.
    const NOW: Millis = 1_795_219_200_000;

    #[test]
    fn the_three_forms() {
        for (text, expected) in [
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(784_111_777)),
            ("sun, 06 NOV 1994 08:49:37 gmt", Some(784_111_777)),
            ("Sunday, 06-Nov-94 08:49:37 GMT", Some(784_111_777)),
            ("Sun Nov  6 08:49:37 1994", Some(784_111_777)),
            ("Sun Nov 06 08:49:37 1994", Some(784_111_777)),
            ("Thu, 01 Jan 1970 00:00:00 GMT", Some(0)),
            ("Wed, 31 Dec 1969 23:59:59 GMT", Some(-1)),
            ("Mon, 01 Jan 0001 00:00:00 GMT", Some(-62_135_596_800)),
            ("Tue, 19 Jan 2038 14:14:08 GMT", Some(2_147_523_248)),
            ("Sun, 21 Nov 2286 04:46:39 GMT", Some(10_000_039_599)),
            ("Thursday, 18-Aug-50 02:01:18 GMT", Some(2_544_400_878)),
            ("Thu Aug  8 02:01:18 2050", Some(2_543_536_878)),
            ("Friday, 01-Jan-77 00:00:00 GMT", Some(220_924_800)),
            ("Thu, 29 Feb 2024 23:59:60 GMT", Some(1_709_251_200)),
            ("Wed, 29 Feb 2023 00:00:00 GMT", None),
            ("Thu, 31 Apr 2025 00:00:00 GMT", None),
            ("Thu, 18 Aug 2050 24:01:18 GMT", None),
            // Invalid in the suite's `expires-parse`.
            ("Thu, 18 Aug 2050 02:01:18 UTC", None),
            ("Thu, 18 Aug 2050 02:01:18 AEST", None),
            ("Thu, 18 Aug 50 02:01:18 GMT", None),
            ("Thu 18 Aug 2050 02:01:18 GMT", None),
            ("Thu, 18  Aug  2050 02:01:18 GMT", None),
            ("Thu, 18-Aug-2050 02:01:18 GMT", None),
            ("Thu, 18 Aug 2050 02.01.18 GMT", None),
            ("Thu, 18 Aug 2050 2:01:18 GMT", None),
            ("Xyz, 18 Aug 2050 02:01:18 GMT", None),
            ("Thu, 18 Xyz 2050 02:01:18 GMT", None),
            ("Thu, 18 Aug 2050 02:01:18 GMT ", None),
            ("0", None),
            ("-1", None),
            ("", None),
            ("Sun\u{e9} Nov  6 08:49:37 199", None),
        ] {
            assert_eq!(parse(text.as_bytes(), NOW), expected, "{text}");
        }
    }

    #[test]
    fn agrees_with_the_library_on_what_it_writes() {
        for seconds in (0..9_000_000_000_u64).step_by(86_399 * 31) {
            let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            let text = httpdate::fmt_http_date(time);
            assert_eq!(
                parse(text.as_bytes(), NOW),
                i64::try_from(seconds).ok(),
                "{text}"
            );
        }
    }
}
