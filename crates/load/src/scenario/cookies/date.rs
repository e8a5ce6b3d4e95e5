//! Dates of cookies: more lenient than other dates of HTTP (RFC 6265 section 5.1.1).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];

/// What a date means; `None` if it is none. Times before 1970 are 1970: both are over.
pub(super) fn parse(text: &str) -> Option<SystemTime> {
    let (mut time, mut day, mut month, mut year) = (None, None, None, None);
    let is_delimiter = |one: char| !one.is_ascii_alphanumeric() && one != ':';
    for token in text.split(is_delimiter).filter(|token| !token.is_empty()) {
        if time.is_none()
            && let Some(found) = time_of_day(token)
        {
            time = Some(found);
        } else if day.is_none()
            && let Some(found) = number(token, 1..=2)
        {
            day = Some(found);
        } else if month.is_none()
            && let Some(found) = month_of_year(token)
        {
            month = Some(found);
        } else if year.is_none()
            && let Some(found) = number(token, 2..=4)
        {
            year = Some(match found {
                70..=99 => found + 1900,
                0..=69 => found + 2000,
                found => found,
            });
        }
    }
    let (time, day, month, year) = (time?, day?, month?, year?);
    // A day that there is not is no date (step 6).
    let next = if month == 12 {
        (year + 1, 1)
    } else {
        (year, month + 1)
    };
    let longest = days_since_1970(next.0, next.1, 1) - days_since_1970(year, month, 1);
    if !(1..=longest).contains(&day) || year < 1601 {
        return None;
    }
    let days = days_since_1970(year, month, day);
    let seconds = days.checked_mul(86_400)?.checked_add(time)?;
    UNIX_EPOCH.checked_add(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)))
}

/// `08:49:37` in seconds; what follows the digits does not matter.
fn time_of_day(token: &str) -> Option<i64> {
    let mut parts = token.splitn(3, ':');
    let mut part = |most| number(parts.next()?, 1..=2).filter(|number| *number <= most);
    Some(part(23)? * 3600 + part(59)? * 60 + part(59)?)
}

fn month_of_year(token: &str) -> Option<i64> {
    let start = token.get(..3)?.to_ascii_lowercase();
    let index = MONTHS.iter().position(|month| *month == start)?;
    i64::try_from(index).ok().map(|index| index + 1)
}

/// The digits that a token begins with, if there are as many as there may be.
fn number(token: &str, digits: std::ops::RangeInclusive<usize>) -> Option<i64> {
    let end = token.bytes().take_while(u8::is_ascii_digit).count();
    digits.contains(&end).then(|| token[..end].parse().ok())?
}

/// H. Hinnant, "chrono-compatible low-level date algorithms", `days_from_civil`.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_forms_in_use() {
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "Sun, 06-Nov-1994 08:49:37 GMT",
            "06 november 1994 8:49:37",
        ] {
            let time = parse(text).expect(text);
            let seconds = time.duration_since(UNIX_EPOCH).expect("later").as_secs();
            assert_eq!(seconds, 784_111_777, "{text}");
        }
        let leap = parse("Thu, 29 Feb 2024 00:00:00 GMT").expect("a date");
        let seconds = leap.duration_since(UNIX_EPOCH).expect("later").as_secs();
        assert_eq!(seconds, 1_709_164_800);
        assert_eq!(parse("Mon, 01 Jan 1601 00:00:00 GMT"), Some(UNIX_EPOCH));
    }

    #[test]
    fn what_is_no_date() {
        for text in [
            "",
            "0",
            "Sun, 06 Nov 1994",
            "Sun, 32 Nov 1994 08:49:37 GMT",
            "Sun, 31 Nov 2094 08:49:37 GMT",
            "Thu, 29 Feb 2099 08:49:37 GMT",
            "Sun, 06 Nov 1994 24:49:37 GMT",
            "06 Nov 99999 08:49:37",
            "é:é:é 6 Nov 1994",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
