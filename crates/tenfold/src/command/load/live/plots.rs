//! Two plots: rates and latencies of the last minutes.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::{Color, Style};
use ratatui::symbols::Marker;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Axis, Block, Borders, Chart, Dataset, GraphType};
use tenfold_load::Progress;
use tenfold_load::report::text::{seconds, short};

use super::lines::clock;
use super::tone::{bold, dim};
use super::view::{Second, View};

/// The plots show at most so many of the last seconds, and at least so many.
const LATEST: f64 = 300.0;
const FEWEST: f64 = 30.0;
/// Longest times that are this much above the shortest are shown with a logarithmic scale.
const FAR: f64 = 40.0;

const P50: Color = Color::Blue;
const P95: Color = Color::Yellow;
const P99: Color = Color::Magenta;
pub(super) const REACHED: Color = Color::Green;
const WANTED: Color = Color::Cyan;

/// The seconds that plots show, and from when to when.
fn latest(view: &View) -> (&[Second], [f64; 2]) {
    let end = view.seconds.last().map_or(0.0, |second| second.at + 1.0);
    let from = (end - LATEST).max(0.0);
    let first = view.seconds.partition_point(|second| second.at < from);
    (&view.seconds[first..], [from, end.max(from + FEWEST)])
}

/// A plot of lines with their names in its title.
fn draw_plot(
    frame: &mut Frame<'_>,
    area: Rect,
    title: Line<'static>,
    lines: &[(Color, Vec<(f64, f64)>)],
    x: [f64; 2],
    y: ([f64; 2], Vec<String>),
) {
    let set =
        |(colour, points): &'_ (Color, Vec<(f64, f64)>)| (Style::new().fg(*colour), points.clone());
    let owned: Vec<_> = lines.iter().map(set).collect();
    let sets = owned.iter().map(|(style, points)| {
        Dataset::default()
            .marker(Marker::Braille)
            .graph_type(GraphType::Line)
            .style(*style)
            .data(points)
    });
    let whole = |at: f64| clock(std::time::Duration::from_secs_f64(at.max(0.0)));
    let x_axis = Axis::default()
        .bounds(x)
        .labels([whole(x[0]), whole(x[1])])
        .style(dim());
    let y_axis = Axis::default().bounds(y.0).labels(y.1).style(dim());
    let chart = Chart::new(sets.collect())
        .block(
            Block::new()
                .borders(Borders::TOP)
                .border_style(dim())
                .title(title),
        )
        .x_axis(x_axis)
        .y_axis(y_axis)
        .legend_position(None);
    frame.render_widget(chart, area);
}

fn legend(name: &str, entries: &[(&'static str, Color)]) -> Line<'static> {
    let mut line = Line::from(Span::styled(format!("{name} "), bold()));
    for (name, colour) in entries {
        line.push_span(Span::styled(format!(" {name} "), Style::new().fg(*colour)));
    }
    line
}

pub(super) fn draw_rates(frame: &mut Frame<'_>, view: &View, progress: &Progress<'_>, area: Rect) {
    let (seconds, x) = latest(view);
    let middle = |second: &Second| second.at + 0.5;
    let done: Vec<_> = seconds.iter().map(|it| (middle(it), it.done)).collect();
    let mut lines = vec![(REACHED, done)];
    let mut entries = vec![("requests/s", REACHED)];
    if progress.test.is_open() {
        let due: Vec<_> = seconds.iter().map(|it| (middle(it), it.arrivals)).collect();
        lines.insert(0, (WANTED, due));
        entries.push(("arrivals wanted/s", WANTED));
    }
    let values = lines.iter().flat_map(|(_, points)| points);
    let most = values.map(|(_, value)| *value).fold(1.0, f64::max);
    let high = round_up(most);
    let labels = [0.0, high / 2.0, high].map(|value| format!("{:>7}", short(value)));
    draw_plot(
        frame,
        area,
        legend("rate", &entries),
        &lines,
        x,
        ([0.0, high], labels.to_vec()),
    );
}

pub(super) fn draw_latencies(frame: &mut Frame<'_>, view: &View, area: Rect) {
    let (all, x) = latest(view);
    let values = all.iter().flat_map(|second| second.percentiles);
    let values: Vec<_> = values.flatten().collect();
    let most = values.iter().copied().fold(1e-6, f64::max);
    let least = values.iter().copied().fold(most, f64::min).max(1e-6);
    let is_far = most / least > FAR;
    let on = |value: f64| {
        if is_far {
            value.max(1e-6).log10()
        } else {
            value
        }
    };
    let y = match is_far {
        true => log_bounds(least, most),
        false => [0.0, round_up(most)],
    };
    let line = |index: usize| {
        let points = all.iter();
        points
            .filter_map(|second| Some((second.at + 0.5, on(second.percentiles[index]?))))
            .collect()
    };
    let lines = [(P99, line(2)), (P95, line(1)), (P50, line(0))];
    let label = |at: f64| {
        let value = if is_far { 10f64.powf(at) } else { at };
        format!(
            "{:>7}",
            if value > 0.0 {
                seconds(value)
            } else {
                "0".into()
            }
        )
    };
    let labels = [y[0], f64::midpoint(y[0], y[1]), y[1]].map(label);
    let entries = [("p50", P50), ("p95", P95), ("p99", P99)];
    let name = if is_far { "latency (log)" } else { "latency" };
    draw_plot(
        frame,
        area,
        legend(name, &entries),
        &lines,
        x,
        (y, labels.to_vec()),
    );
}

/// Logarithms of the closest of 1 and 3 times a power of ten that are around the two.
fn log_bounds(least: f64, most: f64) -> [f64; 2] {
    let third = 3f64.log10();
    let below = |log: f64| match log - log.floor() {
        rest if rest >= third => log.floor() + third,
        _ => log.floor(),
    };
    let above = |log: f64| match log - log.floor() {
        rest if rest <= third => log.floor() + third,
        _ => log.floor() + 1.0,
    };
    [below(least.log10()), above(most.log10())]
}

/// The least of 1, 2, 4, 6 and 8 times a power of ten that is not below.
fn round_up(value: f64) -> f64 {
    let power = 10f64.powf(value.log10().floor());
    let steps = [1.0, 2.0, 4.0, 6.0, 8.0, 10.0].map(|step| step * power);
    let round = steps.into_iter().find(|step| *step >= value * 0.9999);
    round.unwrap_or(value)
}
