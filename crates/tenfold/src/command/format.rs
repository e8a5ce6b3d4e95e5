//! Numbers and names as people read them in a table: short, and of about the same width.

/// Text from elsewhere, safe to print: control characters could move the cursor, or worse.
pub(crate) fn clean(text: &str) -> String {
    let shown = |c: char| if is_unprintable(c) { '\u{fffd}' } else { c };
    text.chars().map(shown).collect()
}

/// The longest text from elsewhere that a cell or a message shows: what answers may not be a gateway at all.
const LONGEST: usize = 256;

/// The same, no longer than a person reads.
pub(crate) fn shortened(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => clean(&text[..end]) + "…",
        None => clean(text),
    }
}

/// A sum of numbers from elsewhere, which may be beyond all bounds.
pub(crate) fn bounded_sum(numbers: impl IntoIterator<Item = u64>) -> u64 {
    numbers.into_iter().fold(0, u64::saturating_add)
}

/// Control characters, and those that turn the direction of what follows.
fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Three digits and a unit: `999`, `12.3k`, `4.56M`.
pub(crate) fn count(number: u64) -> String {
    scaled(number as f64, 0)
}

/// Per second: `0`, `0.3`, `12`, `12.3k`; `–` if it is not known.
pub(crate) fn rate(per_second: Option<f64>) -> String {
    match per_second {
        None => "–".into(),
        Some(rate) if rate < 0.05 => "0".into(),
        Some(rate) => scaled(rate, usize::from(rate < 9.95)),
    }
}

/// Bytes per second: `1.23M`, `–` if it is not known.
pub(crate) fn bytes(per_second: Option<f64>) -> String {
    per_second.map_or_else(|| "–".into(), |rate| scaled(rate, 0))
}

/// `decimals` for numbers below a thousand.
fn scaled(number: f64, decimals: usize) -> String {
    if number < 999.5 {
        return format!("{number:.decimals$}");
    }
    let mut number = number;
    for unit in ["k", "M", "G", "T", "P"] {
        number /= 1000.0;
        let decimals = match number {
            n if n < 9.995 => 2,
            n if n < 99.95 => 1,
            n if n < 999.5 => 0,
            _ => continue,
        };
        return format!("{number:.decimals$}{unit}");
    }
    format!("{number:.0}P")
}

/// A time that something took: `0.42ms`, `4.2ms`, `420ms`, `1.2s`; `–` if it is not known.
pub(crate) fn millis(millis: Option<f64>) -> String {
    match millis {
        None => "–".into(),
        Some(ms) if ms < 0.995 => format!("{ms:.2}ms"),
        Some(ms) if ms < 9.95 => format!("{ms:.1}ms"),
        Some(ms) if ms < 999.5 => format!("{ms:.0}ms"),
        Some(ms) => format!("{:.1}s", ms / 1000.0),
    }
}

/// A while: `12s`, `3m12s`, `2h13m`, `5d4h`.
pub(crate) fn span(seconds: f64) -> String {
    let seconds = seconds.max(0.0) as u64;
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{minutes}m{}s", seconds % 60),
        3600..86_400 => format!("{hours}h{}m", minutes % 60),
        _ => format!("{days}d{}h", hours % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        let counts = [
            0,
            7,
            999,
            1000,
            1234,
            99_949,
            99_951,
            999_499,
            999_500,
            12_345_678,
            u64::MAX,
        ];
        let texts = counts.map(count);
        assert_eq!(
            texts,
            [
                "0", "7", "999", "1.00k", "1.23k", "99.9k", "100k", "999k", "1.00M", "12.3M",
                "18447P"
            ]
        );
        let rates = [0.0, 0.01, 0.3, 9.94, 9.96, 120.4, 999.7, 12_345.0];
        assert_eq!(
            rates.map(|r| rate(Some(r))),
            ["0", "0", "0.3", "9.9", "10", "120", "1.00k", "12.3k"]
        );
        assert_eq!(
            (rate(None), bytes(None), millis(None)),
            ("–".into(), "–".into(), "–".into())
        );
        let times = [0.424, 0.999, 4.2, 420.4, 999.6, 12_345.0];
        assert_eq!(
            times.map(|t| millis(Some(t))),
            ["0.42ms", "1.0ms", "4.2ms", "420ms", "1.0s", "12.3s"]
        );
        assert_eq!(
            [-1.0, 59.9, 192.0, 8000.0, 446_400.0, f64::INFINITY].map(span)[..5],
            ["0s", "59s", "3m12s", "2h13m", "5d4h"]
        );
    }

    #[test]
    fn what_is_endless_ends() {
        let long = "a\u{1b}".repeat(1 << 20);
        assert_eq!(shortened(&long).chars().count(), LONGEST + 1);
        assert_eq!(shortened("ä\u{1b}"), "ä\u{fffd}");
        assert_eq!(bounded_sum([u64::MAX, 7]), u64::MAX);
    }

    #[test]
    fn names_cannot_command_the_terminal() {
        assert_eq!(clean("a\x1b[2Jb\n\u{9b}\u{202e}c ä"), "a�[2Jb���c ä");
    }
}
