//! Which plots there are.

use std::time::Duration;

use super::axis::{Axis, Kind};
use super::plot::{Plot, Series, Shape};
use super::seconds::Seconds;
use crate::Results;
use crate::report::text::{count, percent};
use crate::results::{ErrorKind, Histogram, Interval};
use crate::threshold::{Metric, Statistic, Threshold};

/// Percentiles over time.
const SHARES: [(&str, f64, &str); 4] = [
    ("p50", 0.5, "c1"),
    ("p95", 0.95, "c3"),
    ("p99", 0.99, "c2"),
    ("max", 1.0, "c4"),
];
/// Colours of kinds of errors.
const COLOURS: [&str; 8] = ["c2", "c4", "c1", "c5", "c3", "c6", "c7", "c8"];

/// All of them, in their order.
pub(super) fn charts(results: &Results, old: Option<&Results>) -> Vec<Plot> {
    let seconds = Seconds::new(results);
    let old_seconds = old.map(|old| Seconds::like(old, &seconds));
    let errors = errors(results, &seconds);
    let curve = Plot {
        // Two plots beside each other are those that come after, or this one and the last.
        is_wide: errors.is_some(),
        ..curve(results, old)
    };
    let mut all = vec![
        throughput(results, &seconds, old_seconds.as_ref()),
        percentiles(results, &seconds, old_seconds.as_ref()),
        curve,
    ];
    all.extend(errors);
    all.push(under_way(results, &seconds));
    all
}

fn per_second(count: impl Fn(&Interval) -> u64) -> impl Fn(&Interval) -> Option<f64> {
    move |one| (one.duration > 0.0).then(|| count(one) as f64 / one.duration)
}

fn shaded(results: &Results) -> Vec<(f64, f64)> {
    let warm_ups = results.phases.iter().filter(|phase| phase.is_warm_up);
    warm_ups
        .map(|phase| (phase.start, phase.start + phase.duration))
        .collect()
}

/// Where phases begin, the first left out; so many that one sees nothing else are no help.
fn bounds(results: &Results) -> Vec<f64> {
    let starts = results.phases.iter().skip(1).map(|phase| phase.start);
    let starts: Vec<_> = starts.collect();
    if starts.len() <= 40 {
        starts
    } else {
        Vec::new()
    }
}

/// What is said of the shaded parts, and of lines between phases.
fn shaded_note(results: &Results) -> &'static str {
    let has_warm_up = results.phases.iter().any(|phase| phase.is_warm_up);
    match (has_warm_up, bounds(results).is_empty()) {
        (true, true) => " Shaded: warm-up.",
        (true, false) => " Shaded: warm-up; lines: where phases begin.",
        (false, false) => " Lines: where phases begin.",
        (false, true) => "",
    }
}

fn most<'s>(series: impl IntoIterator<Item = &'s Series>) -> f64 {
    let values = series
        .into_iter()
        .flat_map(|one| one.values.iter().flatten());
    values.copied().fold(0.0, f64::max)
}

fn line(name: &str, class: &'static str, shape: Shape, values: Vec<Option<f64>>) -> Series {
    Series {
        name: name.to_owned(),
        class,
        shape,
        values,
    }
}

fn over_time(title: &'static str, seconds: &Seconds, y: Axis, series: Vec<Series>) -> Plot {
    Plot {
        title,
        note: String::new(),
        x: Axis::elapsed(seconds.end),
        y,
        x_name: "time",
        columns: seconds.middles(),
        width: seconds.width * 0.8,
        series,
        bounds: Vec::new(),
        events: Vec::new(),
        shaded: Vec::new(),
        marks: Vec::new(),
        is_wide: false,
    }
}

fn throughput(results: &Results, seconds: &Seconds, old: Option<&Seconds>) -> Plot {
    let mut series = Vec::new();
    if results.is_open {
        let due = seconds.values(per_second(|one| one.arrivals));
        let begun = seconds.values(per_second(|one| one.begun));
        series.push(line("due", "c8", Shape::Dashed, due));
        series.push(line("begun", "c3", Shape::Line, begun));
    }
    let done = seconds.values(per_second(|one| one.done));
    series.push(line("done", "c1", Shape::Line, done));
    if let Some(old) = old {
        let values = old.values_at(seconds, per_second(|one| one.done));
        series.push(line("old: done", "c7", Shape::Dashed, values));
    }
    let y = Axis::amounts(most(&series), Kind::Number);
    let what = match results.is_open {
        true => {
            "Per second: arrivals that were due, those that were begun, and requests that ended."
        }
        false => "Requests that ended per second. Users of a closed model wait for answers.",
    };
    Plot {
        note: format!("{what} {}{}", seconds.each(), shaded_note(results)),
        bounds: bounds(results),
        shaded: shaded(results),
        is_wide: true,
        ..over_time("Throughput", seconds, y, series)
    }
}

fn at(histogram: &Histogram, share: f64) -> Option<f64> {
    let time: Option<Duration> = match share < 1.0 {
        true => histogram.quantile(share),
        false => histogram.max(),
    };
    time.map(|time| time.as_secs_f64())
}

fn times(series: &[Series]) -> Axis {
    let values = series.iter().flat_map(|one| one.values.iter().flatten());
    let least = values.copied().fold(f64::INFINITY, f64::min);
    Axis::times(least, most(series))
}

fn scale_note(axis: &Axis) -> &'static str {
    if axis.is_log() {
        " Logarithmic scale."
    } else {
        ""
    }
}

fn percentiles(results: &Results, seconds: &Seconds, old: Option<&Seconds>) -> Plot {
    let mut series: Vec<_> = SHARES
        .iter()
        .map(|(name, share, class)| {
            let values = seconds.values(|one| at(&one.latency, *share));
            line(name, class, Shape::Line, values)
        })
        .collect();
    if let Some(old) = old {
        let values = old.values_at(seconds, |one| at(&one.latency, 0.95));
        series.push(line("old: p95", "c7", Shape::Dashed, values));
    }
    let y = times(&series);
    let note = format!(
        "Latency of what ended, from when it was due. {}{}{}",
        seconds.each(),
        scale_note(&y),
        shaded_note(results)
    );
    Plot {
        note,
        bounds: bounds(results),
        shaded: shaded(results),
        marks: marks(results, &y),
        is_wide: true,
        ..over_time("Latency over time", seconds, y, series)
    }
}

/// Thresholds of the whole on latencies, as far as they are within the axis.
fn marks(results: &Results, y: &Axis) -> Vec<(f64, String)> {
    let whole = results.thresholds.iter().filter(|one| one.scope.is_none());
    let marks = whole.filter_map(|verdict| {
        let threshold = Threshold::parse(&verdict.threshold).ok()?;
        let is_shown = matches!(
            threshold.metric,
            Metric::Latency(Statistic::Quantile(_) | Statistic::Max)
        ) && threshold.value <= y.high();
        is_shown.then_some((threshold.value, threshold.text))
    });
    marks.take(4).collect()
}

/// Shares from none to as many nines as the samples tell: 18 steps for each nine.
fn shares(samples: u64) -> Vec<f64> {
    let mut shares = Vec::new();
    for nine in 0..6 {
        let rest = 10f64.powi(-nine);
        shares.extend((0..18).map(|step| 1.0 - rest * (1.0 - f64::from(step) * 0.05)));
    }
    // Of a share that not one request lies beyond, one knows the longest only.
    shares.retain(|share| (1.0 - share) * samples as f64 >= 0.999);
    shares
}

fn curve(results: &Results, old: Option<&Results>) -> Plot {
    let total = &results.total;
    let samples = total.latency.count();
    let columns = shares(samples);
    let values = |histogram: &Histogram| -> Vec<_> {
        columns.iter().map(|share| at(histogram, *share)).collect()
    };
    let mut series = vec![
        line("latency", "c1", Shape::Line, values(&total.latency)),
        line("service time", "c3", Shape::Line, values(&total.service)),
    ];
    if let Some(old) = old {
        let values = values(&old.total.latency);
        series.push(line("old: latency", "c7", Shape::Dashed, values));
    }
    let y = times(&series);
    let note = format!(
        "How long so many of {} requests took at most. Latency is from when a request was due, service time from when it was sent: \
         where they part, requests waited to be sent.{}",
        count(samples),
        scale_note(&y)
    );
    Plot {
        title: "Percentiles",
        note,
        x: Axis::nines(samples),
        y,
        x_name: "share",
        columns,
        width: 0.0,
        series,
        bounds: Vec::new(),
        events: Vec::new(),
        shaded: Vec::new(),
        marks: Vec::new(),
        is_wide: false,
    }
}

fn errors(results: &Results, seconds: &Seconds) -> Option<Plot> {
    let mut kinds: Vec<(ErrorKind, u64)> = Vec::new();
    for (_, one) in &seconds.columns {
        for (kind, count) in &one.errors {
            match kinds.iter_mut().find(|(it, _)| it == kind) {
                Some((_, sum)) => *sum = sum.saturating_add(*count),
                None => kinds.push((*kind, *count)),
            }
        }
    }
    kinds.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let per_second = |one: &Interval, count: u64| {
        let duration = one.duration.max(0.5);
        (count > 0).then(|| count as f64 / duration)
    };
    let mut series: Vec<_> = kinds
        .iter()
        .zip(COLOURS.iter().cycle())
        .map(|((kind, _), class)| {
            let count = |one: &Interval| one.errors.get(kind).copied().unwrap_or(0);
            let values = seconds.values(|one| per_second(one, count(one)));
            line(kind.name(), class, Shape::Bars, values)
        })
        .collect();
    if series.is_empty() && results.series.iter().any(|one| one.failed > 0) {
        let values = seconds.values(|one| per_second(one, one.failed));
        series.push(line("failed", COLOURS[0], Shape::Bars, values));
    }
    if series.is_empty() {
        return None;
    }
    let heights = (0..seconds.columns.len()).map(|column| {
        let values = series.iter().map(|one| one.values[column].unwrap_or(0.0));
        values.sum::<f64>()
    });
    let y = Axis::amounts(heights.fold(0.0, f64::max), Kind::Number);
    Some(Plot {
        note: format!(
            "Failed requests per second by what went wrong, {} of all outside of warm-ups. {}{}",
            share(results.total.failed, results.total.done),
            seconds.each(),
            shaded_note(results)
        ),
        bounds: bounds(results),
        shaded: shaded(results),
        ..over_time("Errors", seconds, y, series)
    })
}

fn share(part: u64, all: u64) -> String {
    percent(part as f64 / all.max(1) as f64)
}

fn under_way(results: &Results, seconds: &Seconds) -> Plot {
    let users = seconds.values(|one| Some(f64::from(one.users)));
    let in_flight = seconds.values(|one| Some(f64::from(one.in_flight)));
    let name = if results.is_open { "sessions" } else { "users" };
    let series = vec![
        line(name, "c4", Shape::Line, users),
        line("requests", "c1", Shape::Line, in_flight),
    ];
    let y = Axis::amounts(most(&series), Kind::Number);
    Plot {
        note: format!(
            "At the end of each point: {name}, and requests under way.{}",
            shaded_note(results)
        ),
        bounds: bounds(results),
        shaded: shaded(results),
        ..over_time("Under way", seconds, y, series)
    }
}
