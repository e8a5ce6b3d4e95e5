//! Numbers as people write them to `tenfold plan`: with a unit, and as a range where they are not sure.

use std::fmt;
use std::str::FromStr;

use tenfold_capacity::plan::{Cpu, Memory, Objective, Price, Value, WhatIf};
use tenfold_capacity::text::{number, percent, seconds};

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

/// What a request takes of the CPU: `2ms`, or measured, `1.4@955` (busy cores at requests per second).
#[derive(Clone, Debug, PartialEq)]
pub(super) enum CpuUse {
    PerRequest(Value),
    Measured { busy: f64, rate: f64 },
}

impl FromStr for CpuUse {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const HINT: &str =
            "CPU time of a request (2ms, 1.5..2.5ms), or busy cores at a rate (1.4@955)";
        match text.split_once('@') {
            None => value(text, SECONDS, HINT).map(Self::PerRequest),
            Some((busy, rate)) => Ok(Self::Measured {
                busy: exact(busy, CORES, HINT)?,
                rate: exact(rate, RATES, HINT)?,
            }),
        }
    }
}

impl CpuUse {
    pub(super) fn with(&self, cores: Value) -> Result<Cpu, tenfold_capacity::Invalid> {
        match *self {
            Self::PerRequest(per_request) => Ok(Cpu { per_request, cores }),
            Self::Measured { busy, rate } => Ok(Cpu {
                cores,
                ..Cpu::measured(busy, rate, highest(cores))?
            }),
        }
    }
}

/// What a request takes of memory: `2MB`, or measured, `240MB@32` (bytes with so many under way).
#[derive(Clone, Debug, PartialEq)]
pub(super) enum MemoryUse {
    PerRequest(Value),
    Measured { busy: f64, concurrency: f64 },
}

impl FromStr for MemoryUse {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const HINT: &str = "memory of a request under way (2MB, 1..3MB), or memory with so many under way (240MB@32)";
        match text.split_once('@') {
            None => value(text, BYTES, HINT).map(Self::PerRequest),
            Some((busy, concurrency)) => Ok(Self::Measured {
                busy: exact(busy, BYTES, HINT)?,
                concurrency: exact(concurrency, PLAIN, HINT)?,
            }),
        }
    }
}

impl MemoryUse {
    pub(super) fn with(
        &self,
        at_rest: Value,
        limit: Value,
    ) -> Result<Memory, tenfold_capacity::Invalid> {
        match *self {
            Self::PerRequest(per_request) => Ok(Memory {
                at_rest,
                per_request,
                limit,
            }),
            Self::Measured { busy, concurrency } => Ok(Memory {
                at_rest,
                limit,
                ..Memory::measured(at_rest.middle(), busy, concurrency, highest(limit))?
            }),
        }
    }
}

fn highest(value: Value) -> f64 {
    match value {
        Value::Exact(value) => value,
        Value::Range { high, .. } => high,
    }
}

/// Of which response times a latency speaks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Measure {
    Mean,
    /// 0 to 1.
    Quantile(f64),
}

impl FromStr for Measure {
    type Err = String;

    /// `mean`, `p95`, `p99.9`, `p(95)`.
    fn from_str(text: &str) -> Result<Self, String> {
        let hint = || format!("{text:?} is none of mean, p50, p95, p99.9 and the like");
        let lower = text.trim().to_ascii_lowercase();
        if matches!(lower.as_str(), "mean" | "avg" | "average") {
            return Ok(Self::Mean);
        }
        if matches!(lower.as_str(), "med" | "median") {
            return Ok(Self::Quantile(0.5));
        }
        let rest = lower.strip_prefix('p').ok_or_else(hint)?;
        let rest = rest
            .strip_prefix('(')
            .and_then(|rest| rest.strip_suffix(')'))
            .unwrap_or(rest);
        let share = number_of(rest).ok_or_else(hint)? / 100.0;
        if share > 0.0 && share < 1.0 {
            Ok(Self::Quantile(share))
        } else {
            Err(hint())
        }
    }
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mean => f.write_str("mean"),
            Self::Quantile(share) => write!(f, "p{}", number(share * 100.0)),
        }
    }
}

/// What must hold: `p95 < 300ms`, `mean < 100ms`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Wanted {
    pub(super) measure: Measure,
    /// Seconds.
    pub(super) within: f64,
}

impl FromStr for Wanted {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let hint = "give an objective as 'p95 < 300ms' or 'mean < 100ms'";
        let (measure, within) = text.split_once('<').ok_or(hint)?;
        let within = within.strip_prefix('=').unwrap_or(within);
        let within = exact(within, SECONDS, "a time, for example 300ms")
            .map_err(|error| format!("{error}; {hint}"))?;
        if within <= 0.0 {
            return Err(hint.into());
        }
        Ok(Self {
            measure: measure.parse()?,
            within,
        })
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} < {}", self.measure, seconds(self.within))
    }
}

impl Wanted {
    /// For the crate, where the measure is `ratio` times the mean.
    pub(super) fn objective(&self, ratio: f64) -> Result<Objective, tenfold_capacity::Invalid> {
        match self.measure {
            Measure::Mean => Objective::mean(self.within),
            Measure::Quantile(share) => Objective::percentile(share, self.within, ratio),
        }
    }
}

/// How many times the mean the objective's percentile is, where nothing measured says it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Tail {
    Ratio(f64),
    Exponential,
}

impl FromStr for Tail {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "exponential" {
            return Ok(Self::Exponential);
        }
        let hint = "how many times the mean the percentile is (2.5), or exponential";
        exact(text, PLAIN, hint).map(Self::Ratio)
    }
}

impl Tail {
    pub(super) fn ratio(self, share: f64) -> f64 {
        match self {
            Self::Ratio(ratio) => ratio,
            Self::Exponential => -(1.0 - share).ln(),
        }
    }
}

/// A change before the peak: `cache=70%`, `query=60%/3` (60 % of the response time, three times as fast), or both with a comma.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Change {
    pub(super) name: String,
    pub(super) what_if: WhatIf,
}

impl FromStr for Change {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let hint = "a change is cache=70% or query=60%/3 (60 % of the response time, 3 times as fast), or both with a comma";
        let mut what_if = WhatIf::default();
        let mut names = Vec::new();
        for part in text.split(',') {
            match part.trim().split_once('=') {
                Some(("cache", rate)) => {
                    what_if.cache_hit_rate = value(rate, SHARES, hint)?;
                    names.push(format!(
                        "a cache that answers {}",
                        shown(what_if.cache_hit_rate, percent)
                    ));
                }
                Some(("query", query)) => {
                    let (share, faster) = query.split_once('/').ok_or(hint)?;
                    what_if.query_share = value(share, SHARES, hint)?;
                    what_if.query_faster = value(faster, PLAIN, hint)?;
                    names.push(format!(
                        "the query ({} of the time) {} times as fast",
                        shown(what_if.query_share, percent),
                        shown(what_if.query_faster, number)
                    ));
                }
                _ => return Err(hint.into()),
            }
        }
        Ok(Self {
            name: names.join(", and "),
            what_if,
        })
    }
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
    fn objectives_and_measures() {
        let wanted: Wanted = "p95 < 300ms".parse().expect("one");
        assert_eq!(
            wanted,
            Wanted {
                measure: Measure::Quantile(0.95),
                within: 0.3
            }
        );
        assert_eq!("p(95)<=0.3s".parse::<Wanted>().expect("one"), wanted);
        assert_eq!(wanted.to_string(), "p95 < 300 ms");
        assert_eq!(
            "mean<1s".parse::<Wanted>().expect("one").measure,
            Measure::Mean
        );
        for bad in [
            "",
            "p95",
            "p95 > 300ms",
            "p0 < 1s",
            "p100 < 1s",
            "px < 1s",
            "p95 < 300",
            "p95 < 0ms",
            "< 1s",
        ] {
            assert!(bad.parse::<Wanted>().is_err(), "{bad}");
        }
    }

    #[test]
    fn what_replicas_use() {
        assert_eq!("2ms".parse(), Ok(CpuUse::PerRequest(Value::Exact(0.002))));
        assert_eq!(
            "1.4@955".parse(),
            Ok(CpuUse::Measured {
                busy: 1.4,
                rate: 955.0
            })
        );
        assert_eq!(
            "240MB@32".parse(),
            Ok(MemoryUse::Measured {
                busy: 240e6,
                concurrency: 32.0
            })
        );
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

    #[test]
    fn changes_have_names() {
        let change: Change = "cache=60%..75%,query=60%/3".parse().expect("one");
        assert_eq!(
            change.name,
            "a cache that answers 60 % to 75 %, and the query (60 % of the time) 3 times as fast"
        );
        assert_eq!(change.what_if.query_faster, Value::Exact(3.0));
        for bad in ["", "cache", "cache=x", "query=60%", "disk=2"] {
            assert!(bad.parse::<Change>().is_err(), "{bad}");
        }
    }
}
