//! Numbers and names as people read them.

/// Longest text from elsewhere that is shown.
const LONGEST: usize = 300;

/// Text from elsewhere, safe to print: control characters could move the cursor, or turn the direction of what follows.
#[must_use]
pub fn clean(text: &str) -> String {
    let is_unprintable = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let shown = |c: char| if is_unprintable(c) { '\u{fffd}' } else { c };
    let mut all: String = text.chars().take(LONGEST).map(shown).collect();
    if text.chars().nth(LONGEST).is_some() {
        all.push('…');
    }
    all
}

/// A time with three digits: `950 µs`, `12.3 ms`, `4.56 s`.
#[must_use]
pub fn seconds(seconds: f64) -> String {
    match seconds {
        s if s < 0.000_999_5 => format!("{:.0} µs", s * 1e6),
        s if s < 0.999_5 => format!("{} ms", digits(s * 1e3)),
        s => format!("{} s", digits(s)),
    }
}

/// The same of a time that may be unknown.
#[must_use]
pub fn time(time: Option<std::time::Duration>) -> String {
    time.map_or_else(|| "–".to_owned(), |time| seconds(time.as_secs_f64()))
}

/// A while: `0.4 s`, `12.0 s`, `3 min 12 s`, `2 h 13 min`.
#[must_use]
pub fn span(seconds: f64) -> String {
    if seconds < 99.95 {
        return format!("{:.1} s", seconds.max(0.0));
    }
    let whole = seconds.round() as u64;
    match whole {
        0..3600 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
    }
}

/// Whole numbers in groups of three, small ones with decimals: `12,345`, `123.4`, `0.25`.
#[must_use]
pub fn number(number: f64) -> String {
    if number.fract() == 0.0 || number.abs() >= 9999.5 {
        return grouped(&format!("{number:.0}"));
    }
    match number.abs() {
        n if n < 9.995 => format!("{number:.2}"),
        _ => grouped(&format!("{number:.1}")),
    }
}

/// The same of a count.
#[must_use]
pub fn count(count: u64) -> String {
    grouped(&count.to_string())
}

/// A share: `0 %`, `0.012 %`, `1.43 %`, `50.0 %`, `100 %`. What is not all is never shown as all, what is something not as nothing.
#[must_use]
pub fn percent(share: f64) -> String {
    let percent = share * 100.0;
    match percent {
        p if p <= 0.0 => "0 %".to_owned(),
        p if p < 0.001 => "< 0.001 %".to_owned(),
        p if p < 0.0995 => format!("{p:.3} %"),
        p if p < 9.995 => format!("{p:.2} %"),
        p if p < 99.0 => format!("{p:.1} %"),
        p if p < 99.99 => format!("{:.2} %", (p * 100.0).floor() / 100.0),
        p if p < 100.0 => "> 99.99 %".to_owned(),
        p => format!("{p:.0} %"),
    }
}

/// Data: `512 B`, `12.3 kB`, `4.56 MB`.
#[must_use]
pub fn bytes(bytes: f64) -> String {
    if bytes < 999.5 {
        return format!("{bytes:.0} B");
    }
    let mut scaled = bytes;
    for unit in ["kB", "MB", "GB", "TB"] {
        scaled /= 1000.0;
        if scaled < 999.5 {
            return format!("{} {unit}", digits(scaled));
        }
    }
    format!("{} PB", digits(scaled / 1000.0))
}

/// A short number for axes and tight tables: `0`, `12`, `1.5k`, `20M`.
#[must_use]
pub fn short(number: f64) -> String {
    let (scaled, unit) = match number.abs() {
        n if n < 999.5 => (number, ""),
        n if n < 999_500.0 => (number / 1e3, "k"),
        n if n < 999_500_000.0 => (number / 1e6, "M"),
        _ => (number / 1e9, "G"),
    };
    let text = format!("{scaled:.2}");
    let text = match scaled.abs() {
        n if n >= 99.95 => format!("{scaled:.0}"),
        n if n >= 9.995 => format!("{scaled:.1}"),
        _ => text,
    };
    let text = match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.'),
        false => &text,
    };
    format!("{text}{unit}")
}

/// Three digits.
fn digits(number: f64) -> String {
    match number {
        n if n < 9.995 => format!("{n:.2}"),
        n if n < 99.95 => format!("{n:.1}"),
        n => grouped(&format!("{n:.0}")),
    }
}

/// With commas between thousands.
fn grouped(number: &str) -> String {
    let (sign, digits) = match number.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", number),
    };
    let (whole, rest) = digits.split_at(digits.find('.').unwrap_or(digits.len()));
    let mut out = String::from(sign);
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out + rest
}

/// A moment as UTC: `2026-11-21 14:02:12 UTC` (days from civil, H. Hinnant).
#[must_use]
pub fn moment(since_1970: f64) -> String {
    // Year 9999; later ones are no times of tests.
    let seconds = since_1970.clamp(0.0, 253_402_300_799.0) as u64;
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_do_not_round_to_all_or_nothing() {
        let times = [0.0, 0.000_95, 0.012_34, 0.999_6, 4.567, 123.4].map(seconds);
        assert_eq!(
            times,
            ["0 µs", "950 µs", "12.3 ms", "1.00 s", "4.57 s", "123 s"]
        );
        let shares = [0.0, 1e-7, 0.000_12, 0.0143, 0.5, 0.999_95, 0.999_999, 1.0].map(percent);
        assert_eq!(
            shares,
            [
                "0 %",
                "< 0.001 %",
                "0.012 %",
                "1.43 %",
                "50.0 %",
                "> 99.99 %",
                "> 99.99 %",
                "100 %"
            ]
        );
        let numbers = [0.0, 7.0, 0.25, 123.44, 1234.56, 1e6, -1500.0].map(number);
        assert_eq!(
            numbers,
            ["0", "7", "0.25", "123.4", "1,234.6", "1,000,000", "-1,500"]
        );
        let sizes = [0.0, 512.0, 12_345.0, 4.56e6, 1e20].map(bytes);
        assert_eq!(sizes, ["0 B", "512 B", "12.3 kB", "4.56 MB", "100,000 PB"]);
        let shorts = [0.0, 0.25, 20.0, 150.0, 1500.0, 2e6].map(short);
        assert_eq!(shorts, ["0", "0.25", "20", "150", "1.5k", "2M"]);
        let spans = [0.44, 60.0, 192.0, 8000.0].map(span);
        assert_eq!(spans, ["0.4 s", "60.0 s", "3 min 12 s", "2 h 13 min"]);
    }

    #[test]
    fn moments_are_dates() {
        assert_eq!(moment(0.0), "1970-01-01 00:00:00 UTC");
        assert_eq!(moment(951_782_400.0), "2000-02-29 00:00:00 UTC");
        assert_eq!(moment(1_795_269_732.9), "2026-11-21 14:02:12 UTC");
        assert_eq!(moment(f64::MAX), "9999-12-31 23:59:59 UTC");
    }

    #[test]
    fn names_cannot_command_the_terminal() {
        assert_eq!(
            clean("a\x1b[2J\n\u{202e}ä"),
            "a\u{fffd}[2J\u{fffd}\u{fffd}ä"
        );
        assert_eq!(clean(&"x".repeat(1 << 20)).chars().count(), LONGEST + 1);
    }
}
