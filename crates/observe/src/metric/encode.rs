//! The exposition: what a scrape gets, in OpenMetrics text form.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;

use super::cells::Cells;
use super::histogram::SUM;
use super::{DURATION_BOUNDS, Family, Kind, Registry, Series, Source};

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
        for family in self.lock().iter() {
            let kind = match family.kind {
                Kind::Counter => MetricType::Counter,
                Kind::Gauge => MetricType::Gauge,
                Kind::Histogram => MetricType::Histogram,
            };
            let mut metric = encoder.encode_descriptor(family.name, family.help, None, kind)?;
            encode_family(family, &mut metric)?;
        }
        Ok(())
    }
}

fn encode_family(family: &Family, metric: &mut MetricEncoder<'_>) -> fmt::Result {
    for series in &family.series {
        if series.labels.is_empty() {
            encode_series(series, family.kind, metric)?;
        } else {
            encode_series(
                series,
                family.kind,
                &mut metric.encode_family(&series.labels)?,
            )?;
        }
    }
    Ok(())
}

fn encode_series(series: &Series, kind: Kind, metric: &mut MetricEncoder<'_>) -> fmt::Result {
    match (&series.source, kind) {
        (Source::Cells(cells), Kind::Counter) => {
            metric.encode_counter::<NoLabelSet, _, u64>(&cells.sum(0), None)
        }
        (Source::Cells(cells), Kind::Gauge) => metric.encode_gauge(&cells.sum(0).cast_signed()),
        (Source::Cells(cells), Kind::Histogram) => encode_durations(cells, metric),
        (Source::Read(read), Kind::Counter) => {
            metric.encode_counter::<NoLabelSet, _, f64>(&read(), None)
        }
        (Source::Read(read), _) => metric.encode_gauge(&read()),
    }
}

fn encode_durations(cells: &Cells, metric: &mut MetricEncoder<'_>) -> fmt::Result {
    let bounds = DURATION_BOUNDS
        .iter()
        .map(|nanos| seconds(*nanos))
        .chain([f64::INFINITY]);
    let buckets: Vec<(f64, u64)> = bounds
        .enumerate()
        .map(|(index, bound)| (bound, cells.sum(index)))
        .collect();
    let count = buckets.iter().map(|(_, count)| count).sum();
    metric.encode_histogram::<NoLabelSet>(seconds(cells.sum(SUM)), count, &buckets, None)
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
