//! Numbers as people write them to `tenfold plan`: with a unit, and as a range where they are not sure.

mod change;
mod objective;
mod usage;

use tenfold_capacity::plan::{Price, Value};

pub(super) use change::Change;
pub(super) use objective::{Measure, Tail, Wanted};
pub(super) use usage::{CpuUse, MemoryUse};

/// A unit's name and how many of the base unit it is.
type Unit = (&'static str, f64);

const SECONDS: &[Unit] = &[
    ("us", 1e-6),
    ("µs", 1e-6),
    ("ms", 1e-3),
    ("s", 1.0),
    ("m", 60.0),
];
const RATES: &[Unit] = &[
    ("/s", 1.0),
    ("/m", 1.0 / 60.0),
    ("/h", 1.0 / 3600.0),
    ("", 1.0),
];
const CORES: &[Unit] = &[("m", 1e-3), ("", 1.0)];
const SHARES: &[Unit] = &[("%", 0.01), ("", 1.0)];
const PLAIN: &[Unit] = &[("", 1.0), ("x", 1.0), ("×", 1.0)];
const BYTES: &[Unit] = &[
    ("b", 1.0),
    ("k", 1e3),
    ("kb", 1e3),
    ("m", 1e6),
    ("mb", 1e6),
    ("g", 1e9),
    ("gb", 1e9),
    ("ki", 1024.0),
    ("kib", 1024.0),
    ("mi", 1_048_576.0),
    ("mib", 1_048_576.0),
    ("gi", 1_073_741_824.0),
    ("gib", 1_073_741_824.0),
];

/// `300`, `300/s`, `300..400/s`.
pub(super) fn rate(text: &str) -> Result<Value, String> {
    value(
        text,
        RATES,
        "a rate per second, for example 300 or 300..400",
    )
}

/// `10`, `8..12`.
pub(super) fn factor(text: &str) -> Result<Value, String> {
    value(text, PLAIN, "a number, for example 10 or 8..12")
}

/// `100ms`, `80..120ms`.
pub(super) fn time(text: &str) -> Result<Value, String> {
    value(text, SECONDS, "a time, for example 100ms or 80..120ms")
}

/// `2`, `500m` (thousandths, as Kubernetes has them).
pub(super) fn cores(text: &str) -> Result<Value, String> {
    value(text, CORES, "a number of cores, for example 2 or 500m")
}

/// `512MB`, `512MiB`, `512Mi`.
pub(super) fn bytes(text: &str) -> Result<Value, String> {
    value(text, BYTES, "a size, for example 512MB or 512MiB")
}

/// `20%`, `0.2`.
pub(super) fn share(text: &str) -> Result<f64, String> {
    exact(text, SHARES, "a share, for example 20% or 0.2")
}

/// `0.05`, `0.05 EUR`, `0.05..0.07 EUR`.
pub(super) fn price(text: &str) -> Result<Price, String> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.');
    let (number, currency) = text.split_at(end.unwrap_or(text.len()));
    let currency = currency.trim();
    if currency.len() > 10
        || currency
            .chars()
            .any(|c| c.is_ascii_digit() || c.is_control())
    {
        return Err(
            "give a price per replica and hour, for example 0.05 or '0.05..0.07 EUR'".into(),
        );
    }
    Ok(Price {
        per_replica_hour: value(
            number,
            PLAIN,
            "a price per replica and hour, for example '0.05 EUR'",
        )?,
        currency: currency.to_owned(),
    })
}

/// A value with both ends, if it has two.
pub(super) fn shown(value: Value, text: impl Fn(f64) -> String) -> String {
    match value {
        Value::Range { low, high } => format!("{} to {}", text(low), text(high)),
        Value::Exact(value) => text(value),
    }
}

/// `A` or `A..B`; A without a unit has that of B.
fn value(text: &str, units: &[Unit], hint: &str) -> Result<Value, String> {
    let Some((low, high)) = text.split_once("..") else {
        return exact(text, units, hint).map(Value::Exact);
    };
    let (_, unit) = split(high);
    let (number, own) = split(low);
    let low = exact(
        &format!("{number}{}", if own.is_empty() { unit } else { own }),
        units,
        hint,
    )?;
    let high = exact(high, units, hint)?;
    if low > high {
        return Err(format!("the range {text} begins above its end: {hint}"));
    }
    Ok(Value::Range { low, high })
}

fn exact(text: &str, units: &[Unit], hint: &str) -> Result<f64, String> {
    let (number, unit) = split(text);
    let lower = unit.to_ascii_lowercase();
    let scale = units
        .iter()
        .find(|(name, _)| *name == lower)
        .map(|(_, scale)| scale);
    match (number_of(number), scale) {
        (Some(number), Some(scale)) => Ok(number * scale),
        (Some(_), None) if unit.is_empty() => Err(format!("{text:?} has no unit: give {hint}")),
        _ => Err(format!(
            "{:?} is not understood: give {hint}",
            shortened(text)
        )),
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(40).collect()
}

/// A number and its unit.
fn split(text: &str) -> (&str, &str) {
    let text = text.trim();
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    (number, unit.trim())
}

/// Digits with at most one point: no sign, exponent, infinity.
fn number_of(text: &str) -> Option<f64> {
    let is_number = !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.');
    is_number
        .then(|| text.parse().ok())?
        .filter(|number: &f64| number.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_units_and_ranges() {
        let range = |low, high| Ok(Value::Range { low, high });
        assert_eq!(rate("300"), Ok(Value::Exact(300.0)));
        assert_eq!(rate("600/m"), Ok(Value::Exact(10.0)));
        assert_eq!(rate("300..400/s"), range(300.0, 400.0));
        assert_eq!(time("80..120ms"), range(0.08, 0.12));
        assert_eq!(time("80ms..1.5s"), range(0.08, 1.5));
        assert_eq!(cores("500m"), Ok(Value::Exact(0.5)));
        assert_eq!(bytes("1.5GiB"), Ok(Value::Exact(1.5 * 1_073_741_824.0)));
        assert_eq!(bytes("512Mi"), bytes("512 MiB"));
        assert_eq!(share("20%"), Ok(0.2));
        for bad in [
            "",
            "300..",
            "..300",
            "x",
            "-1",
            "1e5",
            "inf",
            "NaN",
            "1.2.3",
            "4..3",
            "5 parsecs",
            "1…2",
        ] {
            assert!(rate(bad).is_err(), "{bad}");
        }
        assert!(time("100").expect_err("no unit").contains("no unit"));
    }

    #[test]
    fn prices_have_a_currency() {
        let price = price("0.05..0.07 EUR").expect("a price");
        assert_eq!(
            (price.currency.as_str(), price.per_replica_hour),
            (
                "EUR",
                Value::Range {
                    low: 0.05,
                    high: 0.07
                }
            )
        );
        assert!(self::price("EUR").is_err());
    }
}
