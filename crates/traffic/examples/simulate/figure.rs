//! The figure of docs/balancing.md: the p99 of every algorithm in every situation, as a vector graphic.
//!
//! One column of panels, 440 units wide, so that it can be read on a telephone as well as beside text. Each
//! row has a line from the median to the p99 on a logarithmic scale, the figure itself, and what failed: colour
//! repeats what the text says and is never the only sign. Colours follow the reader's light or dark mode.

use std::fmt::Write as _;
use std::time::Duration;

use tenfold_traffic::Algorithm;

use crate::report::Summary;
use crate::scenario::Scenario;
use crate::table::{millis, percent};

const WIDTH: f64 = 440.0;
/// Where figures end, those of latencies and those of failures.
const VALUE: f64 = 372.0;
const FAILED: f64 = 432.0;
/// Where the scale begins and ends.
const PLOT: (f64, f64) = (130.0, 300.0);
/// The scale, in seconds: up to a second where that is enough, else to a minute.
const LEAST: f64 = 0.001;
const SECOND: f64 = 1.0;
const MINUTE: f64 = 60.0;
const TICKS: [(f64, &str); 5] = [
    (0.001, "1 ms"),
    (0.01, "10 ms"),
    (0.1, "100 ms"),
    (1.0, "1 s"),
    (10.0, "10 s"),
];
const ROW: f64 = 19.0;
const TOP: f64 = 104.0;
/// Above and below the rows of a panel: its title, and the scale.
const HEAD: f64 = 34.0;
const FOOT: f64 = 34.0;

const STYLE: &str = "
  svg { --ink: #1f2328; --soft: #59636e; --grid: #d1d9e0; --best: #0a6b3d; --other: #0757ba; --bad: #b3261e; --paper: #ffffff }
  @media (prefers-color-scheme: dark) {
    svg { --ink: #f0f6fc; --soft: #a3adb8; --grid: #3d444d; --best: #4ac776; --other: #6cb2ff; --bad: #ff8a80; --paper: #0d1117 }
  }
  text { font: 14px system-ui, -apple-system, 'Segoe UI', 'Helvetica Neue', Arial, sans-serif; fill: var(--ink) }
  .paper { fill: var(--paper) }
  .name { font: 13px ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace }
  .title { font-size: 15px; font-weight: 600 }
  .head { font-size: 17px; font-weight: 600 }
  .soft { fill: var(--soft); font-size: 13px }
  .bad text, text.bad { fill: var(--bad); font-weight: 600 }
  .grid { stroke: var(--grid); stroke-width: 1 }
  .line { stroke: var(--other); stroke-width: 3; stroke-linecap: round }
  .dot { fill: var(--other) }
  .best .line { stroke: var(--best) } .best .dot { fill: var(--best) } .best .value { font-weight: 600 }
  .late .line { stroke: var(--bad) } .late .dot { fill: var(--bad) }
  .tick { stroke: var(--ink); stroke-width: 2 }
";

/// The whole figure.
pub(crate) fn draw(scenarios: &[Scenario], results: &[Vec<Summary>]) -> String {
    let drawn = || scenarios.iter().zip(results).filter(|(it, _)| it.is_drawn);
    let panel = HEAD + ROW * Algorithm::ALL.len() as f64 + FOOT;
    let height = TOP + panel * drawn().count() as f64;
    let mut svg = format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" role="img" aria-labelledby="title desc">
<title id="title">The 99th percentile of latency by balancing algorithm</title>
<desc id="desc">{}</desc>
<style>{STYLE}</style>
<rect class="paper" width="{WIDTH}" height="{height}"/>
<text class="head" x="12" y="28">Latency by balancing algorithm</text>
<text class="soft" x="12" y="49">From the median (bar) to the 99th percentile (dot, figure),</text>
<text class="soft" x="12" y="66">on a logarithmic scale. Simulated; the same requests for all.</text>
<text class="soft" x="12" y="83">Bold: the best, and what is within 5 % of it.</text>
"#,
        describe(drawn())
    );
    for (number, (scenario, summaries)) in drawn().enumerate() {
        draw_panel(&mut svg, scenario, summaries, TOP + panel * number as f64);
    }
    svg.push_str("</svg>\n");
    svg
}

/// For those who do not see it: who is best and worst in each.
fn describe<'a>(drawn: impl Iterator<Item = (&'a Scenario, &'a Vec<Summary>)>) -> String {
    let of = |summary: &Summary| {
        let failed = if summary.failed > 0.0 {
            format!(", {} failed", percent(summary.failed))
        } else {
            String::new()
        };
        let name = summary.algorithm.name();
        format!("{name} {}{failed}", millis(summary.p99))
    };
    let panels = drawn.filter_map(|(scenario, all)| {
        let best = all
            .iter()
            .min_by(|a, b| badness(a).total_cmp(&badness(b)))?;
        let worst = all
            .iter()
            .max_by(|a, b| badness(a).total_cmp(&badness(b)))?;
        let title = scenario.title;
        Some(format!("{title}: best {}, worst {}.", of(best), of(worst)))
    });
    panels.collect::<Vec<_>>().join(" ")
}

/// What decides who is best: a failure is worse than any latency.
fn badness(summary: &Summary) -> f64 {
    let failed = if is_failing(summary) {
        summary.failed
    } else {
        0.0
    };
    failed * 1e6 + summary.p99.as_secs_f64()
}

/// More than one in two hundred requests fails: what a p99 of the others says is not the point any more.
fn is_failing(summary: &Summary) -> bool {
    summary.failed > 0.005
}

fn draw_panel(svg: &mut String, scenario: &Scenario, summaries: &[Summary], top: f64) {
    let rows = top + HEAD;
    let bottom = rows + ROW * summaries.len() as f64;
    let has_failed = summaries.iter().any(|summary| summary.failed > 0.0);
    // Writing to a String cannot fail.
    _ = writeln!(
        svg,
        r#"<text class="title" x="12" y="{:.0}">{}</text>"#,
        top + 20.0,
        scenario.title
    );
    if has_failed {
        _ = writeln!(
            svg,
            r#"<text class="soft" x="{FAILED}" y="{:.0}" text-anchor="end">failed</text>"#,
            top + 20.0
        );
    }
    let slowest = summaries.iter().map(|summary| summary.p99).max();
    let most = if slowest.is_some_and(|p99| p99.as_secs_f64() > SECOND) {
        MINUTE
    } else {
        SECOND
    };
    for (number, (seconds, label)) in TICKS.into_iter().enumerate() {
        if seconds > most {
            continue;
        }
        let x = place(Duration::from_secs_f64(seconds), most);
        _ = writeln!(
            svg,
            r#"<line class="grid" x1="{x:.1}" x2="{x:.1}" y1="{rows:.0}" y2="{bottom:.0}"/>"#
        );
        // On the longer scale there is room for every other.
        if most == SECOND || number % 2 == 0 {
            _ = writeln!(
                svg,
                r#"<text class="soft" x="{x:.1}" y="{:.0}" text-anchor="middle">{label}</text>"#,
                bottom + 15.0
            );
        }
    }
    let best = summaries.iter().map(badness).fold(f64::INFINITY, f64::min);
    for (number, summary) in summaries.iter().enumerate() {
        let y = rows + ROW * (number as f64 + 0.5);
        let row = Row {
            y,
            most,
            is_best: badness(summary) <= best * 1.05,
            has_failed,
        };
        draw_row(svg, summary, &row);
    }
}

/// How a row is drawn.
struct Row {
    /// Its middle.
    y: f64,
    /// Where the scale ends, in seconds.
    most: f64,
    is_best: bool,
    has_failed: bool,
}

fn draw_row(svg: &mut String, summary: &Summary, row: &Row) {
    let &Row {
        y,
        most,
        is_best,
        has_failed,
    } = row;
    let (from, to) = (place(summary.p50, most), place(summary.p99, most));
    let class = match (is_best, is_failing(summary)) {
        (true, _) => "best",
        (_, true) => "late",
        _ => "row",
    };
    let text = y + 4.5;
    _ = writeln!(
        svg,
        r#"<g class="{class}"><text class="name" x="12" y="{text:.1}">{}</text><line class="line" x1="{from:.1}" x2="{to:.1}" y1="{y:.1}" y2="{y:.1}"/><line class="tick" x1="{from:.1}" x2="{from:.1}" y1="{:.1}" y2="{:.1}"/><circle class="dot" cx="{to:.1}" cy="{y:.1}" r="5"/><text class="value" x="{VALUE}" y="{text:.1}" text-anchor="end">{}</text></g>"#,
        summary.algorithm.name(),
        y - 5.0,
        y + 5.0,
        millis(summary.p99)
    );
    if has_failed {
        let class = if is_failing(summary) { "bad" } else { "soft" };
        let failed = match summary.failed {
            0.0 => "0".to_owned(),
            part if part < 0.001 => "&lt; 0.1 %".to_owned(),
            part => format!("{:.1} %", part * 100.0),
        };
        _ = writeln!(
            svg,
            r#"<text class="{class}" x="{FAILED}" y="{text:.1}" text-anchor="end">{failed}</text>"#
        );
    }
}

/// Where a time lies on a scale that ends at `most` seconds.
fn place(time: Duration, most: f64) -> f64 {
    let seconds = time.as_secs_f64().clamp(LEAST, most);
    let part = (seconds / LEAST).ln() / (most / LEAST).ln();
    PLOT.0 + (PLOT.1 - PLOT.0) * part
}
