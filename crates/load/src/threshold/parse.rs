//! Reading a threshold as people write it, and saying what to write instead.

mod value;

use std::fmt;

use super::{ABORT_AFTER, Metric, Operator, Statistic, Threshold, Unit};
use value::value_of;

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
            let help = "write for example `p(95)` or `p(99.9)`";
            return share
                .map(Statistic::Quantile)
                .map_err(|_| error(what, help));
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

#[cfg(test)]
mod tests;
