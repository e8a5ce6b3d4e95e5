//! Response time and rate over time, of the three setups beside each other on the same axes.

use tenfold_load::report::html::{Axis, Kind, Plot, Series, Shape};

use super::super::super::rehearsal::measured::{Rehearsal, Run, Second, Setup, StageResult};
use super::super::super::rehearsal::show::tenth;

/// Between the normal day and the peak, in seconds.
const GAP: f64 = 2.0;

/// Seconds of the normal day and then of the peak.
struct Timeline {
    seconds: Vec<(f64, Option<Second>)>,
    /// Where the peak begins.
    peak: f64,
    shaded: Vec<(f64, f64)>,
    end: f64,
}

impl Timeline {
    fn of(stage: &StageResult) -> Self {
        let length = |run: &Run| run.warm_up_seconds + run.seconds;
        let peak = length(&stage.normal) + GAP;
        let mut seconds = whole(&stage.normal, 0.0);
        // A line does not go from one day to the other.
        seconds.push((peak - GAP / 2.0, None));
        seconds.extend(whole(&stage.peak, peak));
        Self {
            seconds,
            peak,
            shaded: vec![
                (0.0, stage.normal.warm_up_seconds),
                (peak, peak + stage.peak.warm_up_seconds),
            ],
            end: peak + length(&stage.peak),
        }
    }

    fn values(&self, of: impl Fn(&Second) -> Option<f64>) -> Vec<Option<f64>> {
        let values = self.seconds.iter();
        values.map(|(_, one)| one.as_ref().and_then(&of)).collect()
    }

    fn plot(&self, title: &'static str, note: String, y: Axis, series: Vec<Series>) -> Plot {
        Plot {
            title,
            note,
            x: Axis::elapsed(self.end),
            y,
            x_name: "time",
            columns: self.seconds.iter().map(|(at, _)| *at).collect(),
            width: 0.8,
            series,
            bounds: vec![self.peak],
            events: vec![
                (0.0, "normal day".to_owned()),
                (self.peak, "10 ×".to_owned()),
            ],
            shaded: self.shaded.clone(),
            marks: Vec::new(),
            is_wide: false,
        }
    }
}

/// Seconds of a run while there was load; a part of a second at its end says too little.
pub(super) fn whole(run: &Run, from: f64) -> Vec<(f64, Option<Second>)> {
    let end = run.warm_up_seconds + run.seconds;
    let seconds = run.series.iter().filter(|one| one.at + 0.5 < end);
    seconds
        .map(|one| (from + one.at + 0.5, Some(*one)))
        .collect()
}

pub(super) fn line(
    name: &str,
    class: &'static str,
    shape: Shape,
    values: Vec<Option<f64>>,
) -> Series {
    Series {
        name: name.to_owned(),
        class,
        shape,
        values,
    }
}

/// An axis for all values.
pub(super) fn times<'s>(series: impl IntoIterator<Item = &'s Series>) -> Axis {
    let (mut least, mut most) = (f64::INFINITY, 0.0_f64);
    for value in series
        .into_iter()
        .flat_map(|one| one.values.iter().flatten())
    {
        (least, most) = (least.min(*value), most.max(*value));
    }
    Axis::times(if least.is_finite() { least } else { 1e-3 }, most.max(1e-3))
}

/// Response times, the most interesting first.
pub(super) fn percentiles(
    values: impl Fn(&dyn Fn(&Second) -> Option<f64>) -> Vec<Option<f64>>,
) -> Vec<Series> {
    let seconds = |ms: Option<f64>| ms.map(|ms| ms / 1e3);
    vec![
        line("p50", "c1", Shape::Line, values(&|one| seconds(one.p50_ms))),
        line("p95", "c3", Shape::Line, values(&|one| seconds(one.p95_ms))),
        line("p99", "c2", Shape::Line, values(&|one| seconds(one.p99_ms))),
    ]
}

/// Requests per second: answered well, and failed.
pub(super) fn rates(
    values: impl Fn(&dyn Fn(&Second) -> Option<f64>) -> Vec<Option<f64>>,
) -> Vec<Series> {
    let each = |one: &Second, count: u64| (one.seconds > 0.0).then(|| count as f64 / one.seconds);
    let failed = values(&|one| each(one, one.failed).filter(|rate| *rate > 0.0));
    vec![
        line("failed", "c2", Shape::Bars, failed),
        line(
            "answered",
            "c1",
            Shape::Line,
            values(&|one| each(one, one.requests.saturating_sub(one.failed))),
        ),
    ]
}

/// All of them.
pub(super) fn plots(rehearsal: &Rehearsal) -> String {
    let lines: Vec<_> = rehearsal.stages.iter().map(Timeline::of).collect();
    let latencies: Vec<_> = lines
        .iter()
        .map(|one| percentiles(|of| one.values(of)))
        .collect();
    let answered: Vec<_> = lines.iter().map(|one| rates(|of| one.values(of))).collect();
    let objective = rehearsal.settings.objective_ms / 1e3;
    let time = times(latencies.iter().flatten());
    let most = answered
        .iter()
        .flatten()
        .flat_map(|one| one.values.iter().flatten());
    let rate = Axis::amounts(most.copied().fold(0.0, f64::max), Kind::Number);
    let mut out = "<section class=\"plots trio\"><h2 class=\"hidden\">Over time</h2>\n".to_owned();
    for ((stage, line), series) in rehearsal.stages.iter().zip(&lines).zip(latencies) {
        let note = format!("Response time. {} Shaded: warm-up.", scale(&time));
        let mut plot = line.plot(titles(stage.setup)[0], note, time.clone(), series);
        plot.marks = vec![(objective, "objective".to_owned())];
        out += &plot.html();
    }
    for ((stage, line), series) in rehearsal.stages.iter().zip(&lines).zip(answered) {
        let note = format!(
            "Requests per second; wanted were {} and {} page views.",
            tenth(stage.normal.wanted_page_views_per_second),
            tenth(stage.peak.wanted_page_views_per_second)
        );
        out += &line
            .plot(titles(stage.setup)[1], note, rate.clone(), series)
            .html();
    }
    out + "</section>\n"
}

/// Titles of the plots of a setup.
fn titles(setup: Setup) -> [&'static str; 2] {
    match setup {
        Setup::Before => ["Before", "Before: requests"],
        Setup::Alone => ["Tenfold alone", "Tenfold alone: requests"],
        Setup::Tuned => [
            "Tenfold and a tuned shop",
            "Tenfold and a tuned shop: requests",
        ],
    }
}

pub(super) fn scale(axis: &Axis) -> &'static str {
    if axis.is_log() {
        "Logarithmic scale."
    } else {
        ""
    }
}
