//! The number on the right of a threshold, and its unit.

use super::{Named, ThresholdError, error};
use crate::threshold::{Metric, Unit};

/// The number, in the unit's base.
pub(super) fn value_of(
    value: &str,
    named: Named,
    text: &str,
) -> Result<(f64, Unit), ThresholdError> {
    let units = accepted(named);
    let (number, suffix) = split(value);
    let example = example(named);
    let Ok(number) = number.parse::<f64>() else {
        let what = match value {
            "" => format!("`{text}` has nothing on the right"),
            _ => format!("`{value}` in `{text}` is no number"),
        };
        let help = match value.contains([',', '_']) {
            true => "write numbers without separators, and with a point".to_owned(),
            false => format!("write for example `{example}`"),
        };
        return Err(error(what, help));
    };
    let suffix = suffix.trim();
    let found = units
        .iter()
        .find(|(name, _, _)| name.eq_ignore_ascii_case(suffix));
    let Some((_, factor, unit)) = found else {
        return Err(wrong_unit(value, suffix, text, units, example));
    };
    if *unit == Unit::Count && number.fract() != 0.0 {
        let what = format!("`{value}` in `{text}` is no whole number");
        return Err(error(
            what,
            format!("for a share write percent, for example `{example}`"),
        ));
    }
    if *unit == Unit::Share && number > 100.0 {
        let what = format!("`{value}` in `{text}` is more than all");
        return Err(error(what, "a share is at most 100%"));
    }
    // Shares and milliseconds are divided: 7 × 0.01 is a little more than 7 / 100.
    let value = match *factor < 1.0 {
        true => number / (1.0 / factor).round(),
        false => number * factor,
    };
    Ok((value, *unit))
}

/// Digits and a point, and what follows.
fn split(value: &str) -> (&str, &str) {
    let end = value.find(|c: char| !c.is_ascii_digit() && c != '.');
    value.split_at(end.unwrap_or(value.len()))
}

fn wrong_unit(
    value: &str,
    suffix: &str,
    text: &str,
    units: &[(&str, f64, Unit)],
    example: &str,
) -> ThresholdError {
    if suffix.to_lowercase().contains(" and ") || suffix.contains("&&") || suffix.contains(',') {
        let what = format!("`{text}` is more than one condition");
        return error(what, "write a threshold for each");
    }
    let names: Vec<_> = units.iter().map(|(name, _, _)| *name).collect();
    let names = names.iter().filter(|name| !name.is_empty());
    let names: Vec<_> = names.map(|name| format!("`{name}`")).collect();
    let what = match suffix {
        "" => format!("`{value}` in `{text}` has no unit"),
        _ => format!("`{suffix}` in `{text}` is no unit of this metric"),
    };
    match names.is_empty() {
        true => error(
            what,
            format!("write a number alone, for example `{example}`"),
        ),
        false => error(
            what,
            format!("there are {}: for example `{example}`", names.join(", ")),
        ),
    }
}

const TIMES: &[(&str, f64, Unit)] = &[
    ("us", 1e-6, Unit::Seconds),
    ("µs", 1e-6, Unit::Seconds),
    ("ms", 1e-3, Unit::Seconds),
    ("s", 1.0, Unit::Seconds),
    ("m", 60.0, Unit::Seconds),
];
const SHARES: &[(&str, f64, Unit)] = &[("%", 0.01, Unit::Share), ("", 1.0, Unit::Count)];
const COUNTS: &[(&str, f64, Unit)] = &[("", 1.0, Unit::Count)];
const RATES: &[(&str, f64, Unit)] = &[("/s", 1.0, Unit::PerSecond), ("", 1.0, Unit::PerSecond)];
const SIZES: &[(&str, f64, Unit)] = &[
    ("B", 1.0, Unit::Bytes),
    ("kB", 1e3, Unit::Bytes),
    ("MB", 1e6, Unit::Bytes),
    ("GB", 1e9, Unit::Bytes),
    ("KiB", 1024.0, Unit::Bytes),
    ("MiB", 1_048_576.0, Unit::Bytes),
    ("GiB", 1_073_741_824.0, Unit::Bytes),
    ("B/s", 1.0, Unit::BytesPerSecond),
    ("kB/s", 1e3, Unit::BytesPerSecond),
    ("MB/s", 1e6, Unit::BytesPerSecond),
    ("GB/s", 1e9, Unit::BytesPerSecond),
    ("KiB/s", 1024.0, Unit::BytesPerSecond),
    ("MiB/s", 1_048_576.0, Unit::BytesPerSecond),
    ("GiB/s", 1_073_741_824.0, Unit::BytesPerSecond),
];

/// Units of a metric's values, by how much a number of them is multiplied.
fn accepted(named: Named) -> &'static [(&'static str, f64, Unit)] {
    match named.metric {
        Metric::Latency(_) | Metric::Service(_) => TIMES,
        Metric::Errors | Metric::Status(..) => SHARES,
        Metric::Requests if named.is_rate => RATES,
        Metric::Requests => COUNTS,
        Metric::Received | Metric::Sent => SIZES,
    }
}

fn example(named: Named) -> &'static str {
    match named.metric {
        Metric::Latency(_) => "p(95) < 300ms",
        Metric::Service(_) => "service p(95) < 200ms",
        Metric::Errors => "errors < 1%",
        Metric::Status(..) => "5xx < 1%",
        Metric::Requests if named.is_rate => "rate > 450/s",
        Metric::Requests => "requests >= 1000",
        Metric::Received => "received > 10MB",
        Metric::Sent => "sent < 10MB",
    }
}
