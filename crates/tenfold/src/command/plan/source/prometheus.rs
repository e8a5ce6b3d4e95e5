//! Levels of load from Prometheus: what a running service showed over a stretch of time.
//!
//! Each of the queries gives one series; a level is a time at which all of them have a number. Production seldom gets to where
//! throughput stops growing, so that a curve from it often ends in a refusal: that is an answer, too.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use tenfold_capacity::text::number;

use super::{Level, Measurements, check_measure, placed};
use crate::command::Refusal;
use crate::command::format::shortened;
use crate::command::plan::arguments::Sources;
use crate::command::plan::http::{self, PrometheusUrl};
use crate::command::plan::value::Measure;

/// Prometheus gives no more for a series than 11,000.
const MOST_POINTS: f64 = 10_000.0;
/// Points of a range without a step of its own.
const POINTS: f64 = 240.0;
/// The usual time between two scrapes: finer steps show the same again.
const SHORTEST_STEP: f64 = 15.0;

/// More times than these become this many levels at most: one slow moment at a low load would otherwise be the first at which
/// the objective breaks.
const LEVELS: usize = 20;

/// Milliseconds since 1970, and the number.
type Series = BTreeMap<i64, f64>;

#[derive(Deserialize)]
struct Answer {
    status: String,
    #[serde(default)]
    error: String,
    data: Option<Data>,
}

#[derive(Deserialize)]
struct Data {
    #[serde(rename = "resultType")]
    kind: String,
    result: Vec<OneSeries>,
}

#[derive(Deserialize)]
struct OneSeries {
    #[serde(default)]
    values: Vec<(f64, String)>,
}

pub(super) fn read(
    url: &PrometheusUrl,
    sources: &Sources,
    wanted: Option<Measure>,
) -> Result<Measurements, Refusal> {
    let from = &sources.prometheus;
    if from.latency.is_some() {
        check_measure(sources.latency_is, wanted)?;
    }
    let range = from.range.as_secs_f64();
    let step = from
        .step
        .map_or((range / POINTS).max(SHORTEST_STEP), |step| {
            step.as_secs_f64()
        });
    if range / step > MOST_POINTS || step > range {
        return Err(Refusal::new(
            format!(
                "a range of {} s in steps of {} s is {} points",
                number(range),
                number(step),
                number((range / step).floor())
            ),
            format!("give a --step that makes 1 to {MOST_POINTS} of it"),
        ));
    }
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0.0, |time| time.as_secs_f64());
    let ask = |what: &str, query: &str| {
        let query = utf8_percent_encode(query, NON_ALPHANUMERIC).to_string();
        let path = format!(
            "/api/v1/query_range?query={query}&start={:.3}&end={now:.3}&step={step:.3}",
            now - range
        );
        let body = http::get(url, &path, from.token())?;
        series(&body).map_err(|why| {
            Refusal::new(
                format!("{url}: the query for the {what}: {why}"),
                "try the query in Prometheus's own page; docs/capacity.md has examples",
            )
        })
    };
    // The parser wants both with --prometheus.
    let throughput = ask("throughput", from.throughput.as_deref().unwrap_or_default())?;
    let concurrency = ask(
        "concurrency",
        from.concurrency.as_deref().unwrap_or_default(),
    )?;
    let latency = from
        .latency
        .as_deref()
        .map(|query| ask("latency", query))
        .transpose()?;
    joined(
        url,
        sources,
        wanted,
        &throughput,
        &concurrency,
        latency.as_ref(),
    )
}

fn joined(
    url: &PrometheusUrl,
    sources: &Sources,
    wanted: Option<Measure>,
    throughput: &Series,
    concurrency: &Series,
    latency: Option<&Series>,
) -> Result<Measurements, Refusal> {
    let mut levels = Vec::new();
    let mut idle = 0;
    for (time, rate) in throughput {
        let Some(under_way) = concurrency.get(time) else {
            continue;
        };
        let delay = latency.map(|series| series.get(time).copied());
        let is_number = |number: f64| number.is_finite() && number > 0.0 && number <= 1e12;
        if !is_number(*rate)
            || !is_number(*under_way)
            || delay.is_some_and(|delay| !delay.is_some_and(is_number))
        {
            idle += 1;
            continue;
        }
        let (mean, of_objective) = placed(delay.flatten(), sources.latency_is, wanted);
        levels.push(Level {
            place: format!("the one at {} s", time / 1000),
            concurrency: *under_way,
            throughput: *rate,
            mean,
            of_objective,
            window: None,
            is_steady: true,
        });
    }
    if levels.is_empty() {
        return Err(Refusal::new(
            format!("{url}: at no time do the queries have a number above 0 together"),
            "check the queries, and give a --range in which there was load",
        ));
    }
    let times = levels.len();
    let levels = condensed(levels);
    let many = (levels.len() < times).then(|| {
        format!(
            "{times} times became {} levels of load, each the median of its times",
            levels.len()
        )
    });
    let notes =
        (idle > 0).then(|| format!("{idle} times are left out: a query had no number above 0"));
    Ok(Measurements {
        origin: url.to_string(),
        levels,
        notes: many.into_iter().chain(notes).collect(),
    })
}

/// Times of about the same concurrency as one level: equal ratios from the lowest to the highest.
fn condensed(mut times: Vec<Level>) -> Vec<Level> {
    if times.len() <= LEVELS {
        return times;
    }
    times.sort_by(|a, b| a.concurrency.total_cmp(&b.concurrency));
    let lowest = times[0].concurrency;
    let span = (times[times.len() - 1].concurrency / lowest).ln();
    let bin = |level: &Level| {
        ((level.concurrency / lowest).ln() / span * LEVELS as f64).min(LEVELS as f64 - 1.0) as usize
    };
    times
        .chunk_by(|a, b| bin(a) == bin(b))
        .map(middle)
        .collect()
}

/// The medians of times, of which there is at least one; all of them have a latency or none has.
fn middle(times: &[Level]) -> Level {
    let median = |of: fn(&Level) -> Option<f64>| {
        let mut all: Vec<f64> = times.iter().filter_map(of).collect();
        all.sort_by(f64::total_cmp);
        all.get(all.len() / 2).copied()
    };
    let first = &times[0];
    Level {
        place: format!(
            "{} times from {} under way on",
            times.len(),
            number(first.concurrency)
        ),
        concurrency: median(|one| Some(one.concurrency)).unwrap_or(first.concurrency),
        throughput: median(|one| Some(one.throughput)).unwrap_or(first.throughput),
        mean: median(|one| one.mean),
        of_objective: median(|one| one.of_objective),
        ..first.clone()
    }
}

/// The one series that an answer has.
fn series(body: &[u8]) -> Result<Series, String> {
    let answer: Answer = serde_json::from_slice(body).map_err(|error| {
        format!(
            "the answer is none of Prometheus: {}",
            shortened(&error.to_string())
        )
    })?;
    let Some(data) = answer.data.filter(|_| answer.status == "success") else {
        return Err(format!("Prometheus refuses: {}", shortened(&answer.error)));
    };
    if data.kind != "matrix" {
        return Err(format!(
            "it gives a {}, not a number over time",
            shortened(&data.kind)
        ));
    }
    match data.result.as_slice() {
        [] => Err("it gives nothing".into()),
        [one] => Ok(one
            .values
            .iter()
            .map(|(time, text)| {
                (
                    (time * 1000.0).round() as i64,
                    text.parse().unwrap_or(f64::NAN),
                )
            })
            .collect()),
        many => Err(format!(
            "it gives {} series, and one is wanted: sum(…) or avg(…) makes one of them",
            many.len()
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(concurrency: f64, latency: f64) -> Level {
        Level {
            place: String::new(),
            concurrency,
            throughput: concurrency * 10.0,
            mean: Some(latency),
            of_objective: None,
            window: None,
            is_steady: true,
        }
    }

    #[test]
    fn many_times_are_a_few_levels_that_one_slow_moment_does_not_change() {
        let mut times: Vec<Level> = (0..400)
            .map(|at| time(1.0 + f64::from(at) / 4.0, 0.1))
            .collect();
        times[7].mean = Some(9.0);
        let levels = condensed(times.clone());
        assert!((12..=LEVELS).contains(&levels.len()), "{}", levels.len());
        assert!(levels.iter().filter(|one| one.mean == Some(9.0)).count() <= 1);
        assert!(levels.is_sorted_by(|a, b| a.concurrency < b.concurrency));
        assert!(
            levels
                .iter()
                .all(|one| one.throughput == one.concurrency * 10.0 && one.of_objective.is_none())
        );
        assert_eq!(
            condensed(times.split_off(390)).len(),
            10,
            "few stay as they are"
        );
        assert_eq!(condensed(vec![time(5.0, 0.1); 50]).len(), 1);
    }

    #[test]
    fn answers_of_prometheus() {
        let one = |result: &str| {
            series(
                format!(
                    r#"{{"status":"success","data":{{"resultType":"matrix","result":{result}}}}}"#
                )
                .as_bytes(),
            )
        };
        let read = one(r#"[{"metric":{},"values":[[1700000000,"12.5"],[1700000015.5,"NaN"]]}]"#)
            .expect("a series");
        assert_eq!(read[&1_700_000_000_000], 12.5);
        assert!(read[&1_700_000_015_500].is_nan());
        assert!(one("[]").expect_err("none").contains("nothing"));
        assert!(
            one(r#"[{"values":[]},{"values":[]}]"#)
                .expect_err("two")
                .contains("2 series")
        );
        for (body, why) in [
            ("", "none of Prometheus"),
            ("<html>", "none of Prometheus"),
            (
                r#"{"status":"error","error":"parse error at char 3"}"#,
                "parse error at char 3",
            ),
            (
                r#"{"status":"success","data":{"resultType":"scalar","result":[]}}"#,
                "a scalar",
            ),
        ] {
            let error = series(body.as_bytes()).expect_err(body);
            assert!(error.contains(why), "{error}");
        }
    }
}
