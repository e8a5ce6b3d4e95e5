//! The exposition: what a scrape gets, in OpenMetrics text form.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;

use super::cells::Cells;
use super::family::{Kind, Series, Source, View};
use super::histogram::Distribution;
use super::{DURATION_BOUNDS, Labels, Registry};

impl Registry {
    /// The media type of [`expose`](Self::expose).
    pub const CONTENT_TYPE: &'static str =
        "application/openmetrics-text; version=1.0.0; charset=utf-8";

    /// All metrics as text.
    #[must_use]
    pub fn expose(self: &Arc<Self>) -> String {
        let mut registry = prometheus_client::registry::Registry::default();
        registry.register_collector(Box::new(Arc::clone(self)));
        let mut text = String::new();
        encode(&mut text, &registry).expect("writing to a string cannot fail");
        text
    }
}

impl Collector for Registry {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for index in 0.. {
            let Some(view) = self.view(index) else { break };
            let told = view.enumerate.as_ref().map(|enumerate| enumerate());
            let told = told.unwrap_or_default();
            if view.series.is_empty() && told.is_empty() {
                continue;
            }
            let kind = match view.kind {
                Kind::Counter | Kind::CounterSet { .. } => MetricType::Counter,
                Kind::Gauge => MetricType::Gauge,
                Kind::Histogram => MetricType::Histogram,
            };
            let mut metric = encoder.encode_descriptor(view.name, view.help, None, kind)?;
            for series in &view.series {
                encode_series(series, view.kind, &mut metric)?;
            }
            encode_told(&view, &told, &mut metric)?;
        }
        Ok(())
    }
}

fn encode_series(series: &Series, kind: Kind, metric: &mut MetricEncoder<'_>) -> fmt::Result {
    let cells = match &series.source {
        Source::Cells(cells) => cells,
        Source::Read(read) => return encode_number(&series.labels, read(), kind, metric),
    };
    match kind {
        Kind::Counter => encode_count(&series.labels, cells.sum(0), metric),
        Kind::CounterSet { label, values } => {
            for (index, value) in values.iter().enumerate() {
                let mut labels = series.labels.clone();
                labels.push((label, (*value).to_owned()));
                encode_count(&labels, cells.sum(index), metric)?;
            }
            Ok(())
        }
        Kind::Gauge => labelled(&series.labels, metric, |metric| {
            metric.encode_gauge(&cells.sum(0).cast_signed())
        }),
        Kind::Histogram => labelled(&series.labels, metric, |metric| {
            encode_durations(cells, metric)
        }),
    }
}

/// Series that were told for this scrape. One with the labels of another is left out: Prometheus would refuse all metrics for
/// its sake.
fn encode_told(view: &View, told: &[(Labels, f64)], metric: &mut MetricEncoder<'_>) -> fmt::Result {
    let mut seen: HashSet<&Labels> = view.series.iter().map(|series| &series.labels).collect();
    for (labels, value) in told {
        if seen.insert(labels) {
            encode_number(labels, *value, view.kind, metric)?;
        }
    }
    Ok(())
}

fn encode_count(labels: &Labels, count: u64, metric: &mut MetricEncoder<'_>) -> fmt::Result {
    labelled(labels, metric, |metric| {
        metric.encode_counter::<NoLabelSet, _, u64>(&count, None)
    })
}

fn encode_number(
    labels: &Labels,
    value: f64,
    kind: Kind,
    metric: &mut MetricEncoder<'_>,
) -> fmt::Result {
    labelled(labels, metric, |metric| match kind {
        Kind::Counter => metric.encode_counter::<NoLabelSet, _, f64>(&value, None),
        _ => metric.encode_gauge(&value),
    })
}

/// Encodes with labels if there are any: an empty set would be written as `{}`.
fn labelled(
    labels: &Labels,
    metric: &mut MetricEncoder<'_>,
    encode: impl FnOnce(&mut MetricEncoder<'_>) -> fmt::Result,
) -> fmt::Result {
    if labels.is_empty() {
        encode(metric)
    } else {
        encode(&mut metric.encode_family(labels)?)
    }
}

fn encode_durations(cells: &Cells, metric: &mut MetricEncoder<'_>) -> fmt::Result {
    let held = Distribution::read(cells);
    let bounds = DURATION_BOUNDS.iter().map(|nanos| seconds(*nanos));
    let buckets: Vec<(f64, u64)> = bounds.chain([f64::INFINITY]).zip(held.counts).collect();
    metric.encode_histogram::<NoLabelSet>(seconds(held.sum), held.count(), &buckets, None)
}

fn seconds(nanos: u64) -> f64 {
    nanos as f64 / 1e9
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_exposition_sums_over_workers() {
        let registry = Registry::new(2);
        let labels = vec![("class", "2xx".to_owned())];
        let hits = registry.counter("tenfold_hits", "Hits", labels.clone());
        hits.slot(0).add(2);
        hits.slot(1).add(3);
        registry
            .counter("tenfold_hits", "Hits", labels)
            .slot(0)
            .increment();
        registry
            .gauge("tenfold_open", "Open", Vec::new())
            .slot(1)
            .decrement();
        let durations = registry.durations("request_duration_seconds", "Duration", Vec::new());
        for micros in [50, 100, 101, 20_000_000] {
            durations.durations(1).record(Duration::from_micros(micros));
        }
        registry.read_gauge("tenfold_read", "Read", Vec::new(), || 1.5);

        let text = registry.expose();
        for line in [
            "# TYPE tenfold_hits counter",
            "tenfold_hits_total{class=\"2xx\"} 6",
            "tenfold_open -1",
            "request_duration_seconds_bucket{le=\"0.0001\"} 2",
            "request_duration_seconds_bucket{le=\"0.00025\"} 3",
            "request_duration_seconds_bucket{le=\"10.0\"} 3",
            "request_duration_seconds_bucket{le=\"+Inf\"} 4",
            "request_duration_seconds_count 4",
            "tenfold_read 1.5",
            "# EOF",
        ] {
            assert!(
                text.lines().any(|have| have == line),
                "{line} is missing in\n{text}"
            );
        }
        let sum = text
            .lines()
            .find_map(|l| l.strip_prefix("request_duration_seconds_sum "));
        let sum: f64 = sum.expect("a sum").parse().expect("a number");
        assert!((sum - 20.000_251).abs() < 1e-9, "{sum}");
    }
}
