//! Numbers and tables for people.

/// Columns one below the other, the first line being their names. Numbers stand at the right of all but the first and the last.
pub(super) fn columns<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| {
        let widths = rows.iter().map(|row| row[column].chars().count());
        widths.max().unwrap_or(0)
    };
    let widths: Vec<_> = (0..N).map(width).collect();
    let is_number = |text: &str| text.starts_with(|first: char| first.is_ascii_digit());
    let is_right = |column: usize| {
        let mut values = rows.iter().skip(1).map(|row| &row[column]);
        column > 0 && values.all(|value| is_number(value) && !value.contains(char::is_alphabetic))
    };
    let rights: Vec<_> = (0..N).map(is_right).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (column, value) in row.iter().enumerate() {
            let fill = " ".repeat(widths[column] - value.chars().count());
            let (before, after) = if rights[column] {
                (fill, String::new())
            } else {
                (String::new(), fill)
            };
            line += &format!("{before}{value}{after}  ");
        }
        text += line.trim_end();
        text.push('\n');
    }
    text
}

/// Three digits that count, and all before the point.
pub(super) fn number(number: f64) -> String {
    let digits = match number.abs() {
        n if n >= 99.95 => 0,
        n if n >= 9.995 => 1,
        _ => 2,
    };
    let text = format!("{number:.digits$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

pub(super) fn counted(count: f64, what: &str) -> String {
    let plural = if number(count) == "1" { "" } else { "s" };
    format!("{} {what}{plural}", number(count))
}

/// `100`, or `100 → 500`.
pub(super) fn range(from: f64, to: f64) -> String {
    match (number(from), number(to)) {
        (from, to) if from == to => from,
        (from, to) => format!("{from} → {to}"),
    }
}

pub(super) fn share(share: f64) -> String {
    format!("{} %", number(share * 100.0))
}

/// Seconds, as people say them: `0s`, `250ms`, `2.5s`, `1m 30s`, `2h`.
pub(super) fn time(seconds: f64) -> String {
    if seconds < 0.9995 {
        return match seconds <= 0.0 {
            true => "0s".to_owned(),
            false => format!("{}ms", number(seconds * 1000.0)),
        };
    }
    if seconds < 59.95 {
        return format!("{}s", number(seconds));
    }
    let whole = seconds.round() as u64;
    let parts = [
        (whole / 3600, "h"),
        (whole / 60 % 60, "m"),
        (whole % 60, "s"),
    ];
    let parts = parts.into_iter().filter(|(number, _)| *number > 0);
    let parts: Vec<_> = parts
        .map(|(number, unit)| format!("{number}{unit}"))
        .collect();
    parts.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_numbers() {
        for (seconds, text) in [
            (0.0, "0s"),
            (0.25, "250ms"),
            (0.9999, "1s"),
            (7.0, "7s"),
            (12.34, "12.3s"),
            (59.99, "1m"),
            (90.0, "1m 30s"),
            (3600.0, "1h"),
            (86_399.0, "23h 59m 59s"),
        ] {
            assert_eq!(time(seconds), text);
        }
        for (value, text) in [
            (0.0, "0"),
            (1.0, "1"),
            (0.126, "0.13"),
            (12.04, "12"),
            (12345.6, "12346"),
        ] {
            assert_eq!(number(value), text);
        }
        assert_eq!(range(1.0, 1.001), "1");
        assert_eq!(range(1.0, 2.0), "1 → 2");
    }
}
