//! Reading a threshold as people write it, and saying what to write instead.

use std::fmt;

use super::{ABORT_AFTER, Metric, Operator, Statistic, Threshold, Unit};

/// Longer texts are no thresholds.
const LONGEST: usize = 200;
/// What can be looked at, for suggestions.
const METRICS: &[&str] = &[
    "p(95)",
    "avg",
    "min",
    "max",
    "med",
    "errors",
    "rate",
    "requests",
    "2xx",
    "5xx",
    "status(503)",
    "received",
    "sent",
    "latency",
    "service",
];
/// What other tools call it.
const SYNONYMS: &[(&str, &str)] = &[
    ("http_req_duration", "latency p(95)"),
    ("http_req_failed", "errors"),
    ("http_reqs", "requests"),
    ("failed", "errors"),
    ("failures", "errors"),
    ("error_rate", "errors"),
    ("success", "errors"),
    ("rps", "rate"),
    ("throughput", "rate"),
    ("count", "requests"),
    ("average", "avg"),
    ("maximum", "max"),
    ("minimum", "min"),
    ("percentile", "p(95)"),
    ("response_time", "latency p(95)"),
    ("duration", "latency p(95)"),
    ("bytes", "received"),
    ("dropped", "errors"),
];

/// Why a text is no threshold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThresholdError {
    /// What is wrong.
    pub what: String,
    /// What to write.
    pub help: String,
}

impl fmt::Display for ThresholdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.what, self.help)
    }
}

impl std::error::Error for ThresholdError {}

fn error(what: impl Into<String>, help: impl Into<String>) -> ThresholdError {
    let (what, help) = (what.into(), help.into());
    ThresholdError { what, help }
}

pub(super) fn parse(text: &str) -> Result<Threshold, ThresholdError> {
    let text = text.trim();
    let example = "write for example `p(95) < 300ms` or `errors < 1%`";
    if text.is_empty() {
        return Err(error("a threshold without a text", example));
    }
    if text.len() > LONGEST {
        return Err(error(
            format!("a threshold of {} bytes", text.len()),
            example,
        ));
    }
    let is_operator = |c: char| matches!(c, '<' | '>' | '=' | '!' | '≤' | '≥');
    let Some(start) = text.find(is_operator) else {
        let what = format!("`{text}` compares nothing");
        return Err(error(what, example));
    };
    let rest = &text[start..];
    let value = rest.trim_start_matches(is_operator);
    let operator = operator(&rest[..rest.len() - value.len()], text)?;
    let metric = metric(&text[..start])?;
    let (value, unit) = value_of(value.trim(), metric, text)?;
    if operator == Operator::Equal && !matches!(unit, Unit::Count | Unit::Bytes) {
        let what = format!("`{text}`: measured numbers are never exactly equal");
        return Err(error(what, "use `<`, `<=`, `>` or `>=`"));
    }
    Ok(Threshold {
        text: text.to_owned(),
        metric: metric.metric,
        unit,
        operator,
        value,
        scope: None,
        abort: false,
        abort_after: ABORT_AFTER,
    })
}

fn operator(sign: &str, text: &str) -> Result<Operator, ThresholdError> {
    Ok(match sign {
        "<" => Operator::Less,
        "<=" | "≤" => Operator::AtMost,
        ">" => Operator::More,
        ">=" | "≥" => Operator::AtLeast,
        "==" => Operator::Equal,
        other => {
            let help = match other {
                "=" | "===" => "write `==` for equal",
                "=<" => "write `<=` for at most",
                "=>" => "write `>=` for at least",
                _ => "there are `<`, `<=`, `>`, `>=` and `==`",
            };
            return Err(error(
                format!("`{other}` in `{text}` is no comparison"),
                help,
            ));
        }
    })
}

/// A metric as it was named.
#[derive(Clone, Copy)]
struct Named {
    metric: Metric,
    /// `rate` rather than `requests`.
    is_rate: bool,
}

fn metric(text: &str) -> Result<Named, ThresholdError> {
    let text = text.trim();
    let lower = text.to_lowercase();
    if lower.is_empty() {
        let help = "write what is to be compared first, for example `p(95) < 300ms`";
        return Err(error("a threshold without a metric", help));
    }
    let plain = |metric| Named {
        metric,
        is_rate: false,
    };
    let metric = match &*lower {
        "errors" | "error" => plain(Metric::Errors),
        "requests" => plain(Metric::Requests),
        "rate" => Named {
            metric: Metric::Requests,
            is_rate: true,
        },
        "received" => plain(Metric::Received),
        "sent" => plain(Metric::Sent),
        "1xx" => plain(Metric::Status(100, 199)),
        "2xx" => plain(Metric::Status(200, 299)),
        "3xx" => plain(Metric::Status(300, 399)),
        "4xx" => plain(Metric::Status(400, 499)),
        "5xx" => plain(Metric::Status(500, 599)),
        other => return time_or_status(other, text).map(plain),
    };
    Ok(metric)
}

fn time_or_status(lower: &str, written: &str) -> Result<Metric, ThresholdError> {
    if let Some(code) = within(lower, "status") {
        return match code.parse::<u16>() {
            Ok(code @ 100..=599) => Ok(Metric::Status(code, code)),
            _ => {
                let what = format!("`{written}`: a status is a number from 100 to 599");
                Err(error(
                    what,
                    "write for example `status(503) < 1%`, or `5xx < 1%`",
                ))
            }
        };
    }
    for (prefix, is_service) in [("latency", false), ("service", true)] {
        let Some(rest) = lower.strip_prefix(prefix) else {
            continue;
        };
        if rest.is_empty() {
            let what = format!("`{written}` is many numbers");
            let help = format!("say which, for example `{prefix} p(95)`");
            return Err(error(what, help));
        }
        let Some(rest) = rest.strip_prefix([' ', '.', '\t']) else {
            continue;
        };
        let statistic = statistic(rest.trim(), written)?;
        return Ok(match is_service {
            true => Metric::Service(statistic),
            false => Metric::Latency(statistic),
        });
    }
    statistic(lower, written).map(Metric::Latency)
}

/// What stands in the brackets of `name(…)`.
fn within<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let rest = text.strip_prefix(name)?.trim_start();
    Some(rest.strip_prefix('(')?.strip_suffix(')')?.trim())
}

fn statistic(lower: &str, written: &str) -> Result<Statistic, ThresholdError> {
    match lower {
        "avg" | "mean" => return Ok(Statistic::Mean),
        "min" => return Ok(Statistic::Min),
        "max" => return Ok(Statistic::Max),
        "med" | "median" => return Ok(Statistic::Quantile(0.5)),
        _ => {}
    }
    let digits = lower.strip_prefix('p');
    let digits = digits.filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    let Some(percent) = within(lower, "p").or(digits) else {
        return Err(unknown(lower, written));
    };
    let what = format!("`{written}`: a percentile is a number above 0 and below 100");
    // By its digits: 99.9 / 100 is a little more than 0.999, and that would be another request.
    let share = format!("{percent}e-2").parse::<f64>();
    let help = match percent.parse::<f64>() {
        Ok(percent) if percent > 0.0 && percent < 100.0 => {
            return share.map(Statistic::Quantile).map_err(|_| error(what, ""));
        }
        Ok(0.0) => "write `min` for the shortest",
        Ok(100.0) => "write `max` for the longest",
        Ok(percent) if (100.0..1000.0).contains(&percent) => "write `p(99.9)` with a point",
        _ => "write for example `p(95)` or `p(99.9)`",
    };
    Err(error(what, help))
}

fn unknown(lower: &str, written: &str) -> ThresholdError {
    let what = format!("`{written}` is nothing that is measured");
    let word = lower.split(['(', ' ', '.']).next().unwrap_or(lower);
    if let Some((_, ours)) = SYNONYMS.iter().find(|(theirs, _)| *theirs == word) {
        return error(what, format!("did you mean `{ours}`?"));
    }
    let scored = METRICS
        .iter()
        .map(|name| (strsim::jaro_winkler(lower, name), name));
    match scored.max_by(|a, b| a.0.total_cmp(&b.0)) {
        Some((score, name)) if score >= 0.75 => error(what, format!("did you mean `{name}`?")),
        _ => error(
            what,
            "there are p(N), avg, min, max, med (of latency; `service p(N)` of service time), errors, rate, requests, \
             2xx to 5xx, status(N), received and sent",
        ),
    }
}

/// The number, in the unit's base.
fn value_of(value: &str, named: Named, text: &str) -> Result<(f64, Unit), ThresholdError> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write() {
        use Metric::{Errors, Latency, Received, Requests, Sent, Service, Status};
        use Statistic::{Max, Mean, Min, Quantile};
        use Unit::{Bytes, BytesPerSecond, Count, PerSecond, Seconds, Share};
        for (text, metric, operator, value, unit) in [
            (
                "p(95) < 300ms",
                Latency(Quantile(0.95)),
                Operator::Less,
                0.3,
                Seconds,
            ),
            (
                "p99.9<=1.5s",
                Latency(Quantile(0.999)),
                Operator::AtMost,
                1.5,
                Seconds,
            ),
            (
                "latency P( 50 ) < 900us",
                Latency(Quantile(0.5)),
                Operator::Less,
                9e-4,
                Seconds,
            ),
            (
                "service.med < 2 s",
                Service(Quantile(0.5)),
                Operator::Less,
                2.0,
                Seconds,
            ),
            (
                "service avg ≤ 5µs",
                Service(Mean),
                Operator::AtMost,
                5e-6,
                Seconds,
            ),
            ("min >= 1ms", Latency(Min), Operator::AtLeast, 1e-3, Seconds),
            ("max < 2m", Latency(Max), Operator::Less, 120.0, Seconds),
            ("errors < 1%", Errors, Operator::Less, 0.01, Share),
            ("errors == 0", Errors, Operator::Equal, 0.0, Count),
            ("rate > 450", Requests, Operator::More, 450.0, PerSecond),
            ("rate > 450.5/s", Requests, Operator::More, 450.5, PerSecond),
            (
                "requests >= 1000",
                Requests,
                Operator::AtLeast,
                1000.0,
                Count,
            ),
            (
                "2xx > 99.9 %",
                Status(200, 299),
                Operator::More,
                0.999,
                Share,
            ),
            (
                "status(503) < 10",
                Status(503, 503),
                Operator::Less,
                10.0,
                Count,
            ),
            (
                "received > 10MiB",
                Received,
                Operator::More,
                10_485_760.0,
                Bytes,
            ),
            (
                "sent < 2 kb/s",
                Sent,
                Operator::Less,
                2000.0,
                BytesPerSecond,
            ),
        ] {
            let threshold = Threshold::parse(text).expect(text);
            assert_eq!(
                (threshold.metric, threshold.operator),
                (metric, operator),
                "{text}"
            );
            assert!((threshold.value - value).abs() <= value * 1e-12, "{text}");
            assert_eq!(
                (threshold.unit, &*threshold.text),
                (unit, text.trim()),
                "{text}"
            );
        }
    }

    #[test]
    fn mistakes_are_told_what_to_write() {
        for (text, told) in [
            ("", "write for example `p(95) < 300ms`"),
            ("fast", "`fast` compares nothing"),
            ("< 300ms", "without a metric"),
            ("p(95) <", "nothing on the right"),
            ("p(95) < 300", "`300` in `p(95) < 300` has no unit"),
            (
                "p(95) < 1%",
                "`%` in `p(95) < 1%` is no unit of this metric",
            ),
            ("p(95) = 3s", "write `==`"),
            ("p(95) == 3s", "never exactly equal"),
            ("p(95) => 3s", "write `>=`"),
            ("p(95) != 3s", "there are `<`"),
            ("p(100) < 3s", "write `max`"),
            ("p(0) < 3s", "write `min`"),
            ("p999 < 3s", "p(99.9)"),
            ("p(x) < 3s", "a percentile is a number"),
            ("p95) < 3s", "a percentile is a number"),
            ("latency < 3s", "say which, for example `latency p(95)`"),
            ("latncy p(95) < 3s", "did you mean `latency`?"),
            ("eror < 1%", "did you mean `errors`?"),
            ("http_req_duration{a:b} < 3s", "is nothing that is measured"),
            ("rps > 3", "did you mean `rate`?"),
            ("zebra > 3", "there are p(N)"),
            ("errors < 0.01", "for a share write percent"),
            ("errors < 200%", "at most 100%"),
            ("errors < 1% and p(95) < 3s", "more than one condition"),
            ("errors < 1% and more", "more than one condition"),
            ("errors < -1", "is no number"),
            ("errors < 1,000", "more than one condition"),
            ("status(99) < 1%", "from 100 to 599"),
            ("rate > 5kB", "is no unit of this metric"),
            ("requests > 5/s", "write a number alone"),
            ("p(95) < 1..2s", "is no number"),
        ] {
            let error = Threshold::parse(text).expect_err(text).to_string();
            assert!(error.contains(told), "{text:?}: {error}");
        }
        let long = "p".repeat(100_000);
        assert!(Threshold::parse(&long).is_err_and(|e| e.to_string().len() < 300));
    }
}
