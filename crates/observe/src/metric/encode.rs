//! The exposition: what a scrape gets, in OpenMetrics text form.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;

use super::cells::Cells;
use super::histogram::SUM;
use super::{DURATION_BOUNDS, Kind, Labels, Registry, Series, Source};

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
        // What is read at a scrape may ask others, who may be waiting for the registry: it is not locked meanwhile.
        for family in self.families() {
            let enumerated = family.enumerated.as_ref().map(|read| read());
            if family.series.is_empty() && enumerated.as_ref().is_none_or(Vec::is_empty) {
                continue;
            }
            let kind = match family.kind {
                Kind::Counter => MetricType::Counter,
                Kind::Gauge => MetricType::Gauge,
                Kind::Histogram => MetricType::Histogram,
            };
            let mut metric = encoder.encode_descriptor(family.name, family.help, None, kind)?;
            for series in &family.series {
                encode_series(series, family.kind, &mut metric)?;
            }
            for (labels, value) in enumerated.unwrap_or_default() {
                with_labels(&mut metric, &labels, |metric| metric.encode_gauge(&value))?;
            }
        }
        Ok(())
    }
}

/// Encodes what `encode` does under labels, if there are any.
fn with_labels(
    metric: &mut MetricEncoder<'_>,
    labels: &Labels,
    encode: impl FnOnce(&mut MetricEncoder<'_>) -> fmt::Result,
) -> fmt::Result {
    if labels.is_empty() {
        encode(metric)
    } else {
        encode(&mut metric.encode_family(labels)?)
    }
}

fn encode_series(series: &Series, kind: Kind, metric: &mut MetricEncoder<'_>) -> fmt::Result {
    if let Source::Set(cells, label, values) = &series.source {
        for (place, value) in values.iter().enumerate() {
            let mut labels = series.labels.clone();
            labels.push((label, (*value).to_owned()));
            with_labels(metric, &labels, |metric| {
                metric.encode_counter::<NoLabelSet, _, u64>(&cells.sum(place), None)
            })?;
        }
        return Ok(());
    }
    with_labels(metric, &series.labels, |metric| {
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
            (Source::Set(..), _) => Ok(()),
        }
    })
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

    #[test]
    fn sets_share_a_line_and_differ_in_a_label() {
        let registry = Registry::new(2);
        let labels = vec![("route", "a".to_owned())];
        let set = registry.counter_set("x", "help", labels.clone(), "class", &["2xx", "5xx"]);
        set.increment(0, 1);
        let again = registry.counter_set("x", "help", labels, "class", &["2xx", "5xx"]);
        again.slot(1).increment(1);
        let text = registry.expose();
        assert!(
            text.contains("x_total{route=\"a\",class=\"2xx\"} 0\n"),
            "{text}"
        );
        assert!(
            text.contains("x_total{route=\"a\",class=\"5xx\"} 2\n"),
            "{text}"
        );
        assert_eq!(text.matches("# TYPE x").count(), 1, "{text}");
    }

    #[test]
    fn what_nobody_counts_any_more_is_forgotten_and_the_rest_keeps_its_value() {
        let registry = Registry::new(1);
        let series = |name: &str| registry.counter("y", "help", vec![("endpoint", name.into())]);
        let stays = series("a");
        stays.slot(0).add(3);
        for name in ["b", "c"] {
            series(name).slot(0).add(1);
        }
        assert_eq!(registry.forget_unused(), 2);
        assert_eq!(registry.forget_unused(), 0);
        series("a").slot(0).add(1);
        series("d").slot(0).add(9);
        let text = registry.expose();
        assert!(text.contains("y_total{endpoint=\"a\"} 4\n"), "{text}");
        assert!(text.contains("y_total{endpoint=\"d\"} 9\n"), "{text}");
        assert!(!text.contains("\"b\""), "{text}");
    }

    #[test]
    fn gauges_that_come_and_go_are_found_out_at_each_scrape() {
        let registry = Registry::new(1);
        let same = Arc::clone(&registry);
        registry.read_gauges("z", "help", move || {
            // Whoever is asked may use the registry.
            let _metric = same.counter("other", "help", Labels::new());
            vec![(vec![("endpoint", "a".to_owned())], 1.0)]
        });
        let text = registry.expose();
        assert!(text.contains("z{endpoint=\"a\"} 1.0\n"), "{text}");
        assert!(text.ends_with("# EOF\n"));
    }
}
