//! Numbers of the three setups beside each other, as bars.

use std::fmt::Write as _;

use tenfold_load::report::html::{escape, own, section};
use tenfold_load::report::text::percent;

use super::super::super::rehearsal::measured::{GatewayUse, Rehearsal, Setup, StageResult};
use super::super::super::rehearsal::show::{millis, tenth};
use super::named;

/// The colour of a setup.
pub(super) fn class(setup: Setup) -> &'static str {
    match setup {
        Setup::Before => "c8",
        Setup::Alone => "c1",
        Setup::Tuned => "c3",
    }
}

/// A number of each setup.
struct Bars {
    title: &'static str,
    note: &'static str,
    bars: Vec<(Setup, Option<f64>, String)>,
    /// The whole width; the largest number if it is not said.
    whole: Option<f64>,
}

impl Bars {
    fn html(&self) -> String {
        let most = self.bars.iter().filter_map(|(_, value, _)| *value);
        let whole = self.whole.unwrap_or(most.fold(0.0, f64::max));
        let note = match self.note {
            "" => String::new(),
            note => format!("<p>{}</p>", own(note)),
        };
        let mut out = format!(
            "<figure class=\"bars\"><figcaption><h3>{}</h3>{note}</figcaption>",
            escape(self.title),
        );
        for (setup, value, words) in &self.bars {
            let width = match value {
                Some(value) if whole > 0.0 => (value / whole * 100.0).clamp(0.0, 100.0),
                _ => 0.0,
            };
            let (name, class) = (escape(setup.short()), class(*setup));
            let _infallible = write!(
                out,
                "<div class=\"row\"><span>{name}</span><span class=\"track\"><i class=\"{class}\" style=\"width:{width:.2}%\"></i></span><b>{}</b></div>",
                own(words)
            );
        }
        out + "</figure>\n"
    }
}

/// A number and its words.
type Value = (Option<f64>, String);

fn time(ms: Option<f64>) -> Value {
    (ms, millis(ms))
}

fn share(share: Option<f64>) -> Value {
    (share, share.map_or_else(|| "–".to_owned(), percent))
}

fn rate(rate: Option<f64>, more: &str) -> Value {
    let words = rate.map_or_else(|| "–".to_owned(), |rate| tenth(rate) + more);
    (rate, words)
}

/// A title, a note, the number of a setup, and the whole width.
type Compared = (
    &'static str,
    &'static str,
    fn(&StageResult) -> Value,
    fn(&StageResult) -> Option<f64>,
);

/// Everything that one compares.
const COMPARED: [Compared; 12] = [
    (
        "Normal day: p50",
        "",
        |one| time(one.normal.p50_ms),
        |_| None,
    ),
    (
        "Normal day: p95",
        "",
        |one| time(one.normal.p95_ms),
        |_| None,
    ),
    (
        "Normal day: p99",
        "",
        |one| time(one.normal.p99_ms),
        |_| None,
    ),
    ("10 ×: p50", "", |one| time(one.peak.p50_ms), |_| None),
    ("10 ×: p95", "", |one| time(one.peak.p95_ms), |_| None),
    ("10 ×: p99", "", |one| time(one.peak.p99_ms), |_| None),
    (
        "10 ×: page views delivered per second",
        "The width is what visitors wanted.",
        |one| rate(Some(one.peak.page_views_per_second), ""),
        |one| Some(one.peak.wanted_page_views_per_second),
    ),
    (
        "10 ×: failed",
        "Share of the requests.",
        |one| share(Some(one.peak.error_share())),
        |_| Some(1.0),
    ),
    (
        "Capacity: page views per second",
        "Most with a p95 within the objective.",
        |one| {
            let more = if one.capacity.may_be_more {
                " or more"
            } else {
                ""
            };
            rate(one.capacity.page_views_per_second, more)
        },
        |_| None,
    ),
    (
        "10 ×: from the cache",
        "Of views of pages that can be kept.",
        |one| share(one.peak.gateway.as_ref().and_then(GatewayUse::hit_share)),
        |_| Some(1.0),
    ),
    (
        "10 ×: offload",
        "Of all requests, those that the shop never saw.",
        |one| share(one.peak.gateway.as_ref().and_then(GatewayUse::offload)),
        |_| Some(1.0),
    ),
    (
        "10 ×: CPU per page view",
        "Shop, database and gateway.",
        |one| {
            let parts = one.peak.cpu_ms_per_page_view();
            time(Some(parts[..3].iter().map(|(_, ms)| ms).sum()))
        },
        |_| None,
    ),
];

/// The three setups in numbers.
pub(super) fn compared(rehearsal: &Rehearsal) -> String {
    let stages = &rehearsal.stages;
    let figure = |(title, note, value, whole): &Compared| {
        let bar = |stage: &StageResult| {
            let (value, words) = value(stage);
            (stage.setup, value, words)
        };
        let bars = Bars {
            title,
            note,
            bars: stages.iter().map(bar).collect(),
            whole: stages.first().and_then(whole),
        };
        bars.html()
    };
    let figures: String = COMPARED.iter().map(figure).collect();
    section(
        "Before, with Tenfold alone, and with a tuned shop",
        "The same visitors each time: a normal day in TPC-W's browsing mix, and ten times as many page views in its shopping mix.",
        &format!("<div class=\"many\">{figures}</div>"),
    )
}

/// Who used the machine.
pub(super) fn cpu(rehearsal: &Rehearsal) -> String {
    const CLASSES: [&str; 4] = ["c1", "c2", "c3", "c7"];
    let mut out = "<ul class=\"legend\">".to_owned();
    for (name, class) in ["shop", "Postgres", "gateway", "generator"]
        .iter()
        .zip(CLASSES)
    {
        let _infallible = write!(out, "<li class=\"bars {class}\">{name}</li>");
    }
    out += "</ul><div class=\"stacks\">";
    for (name, run) in named(rehearsal) {
        let parts = run.cpu.parts();
        let shares = parts.map(|(_, seconds)| run.cpu.share(seconds));
        let each = run.cpu_ms_per_page_view();
        let words: Vec<_> = each
            .iter()
            .map(|(name, ms)| format!("{name} {}", millis(Some(*ms))))
            .collect();
        let bars: String = shares
            .iter()
            .zip(CLASSES)
            .map(|(share, class)| {
                format!(
                    "<i class=\"{class}\" style=\"width:{:.2}%\"></i>",
                    (share * 100.0).clamp(0.0, 100.0)
                )
            })
            .collect();
        let sum: f64 = shares.iter().sum();
        let _infallible = write!(
            out,
            "<div class=\"row\"><span>{}</span><span class=\"track\">{bars}</span><b>{}</b><em>per page view: {}</em></div>",
            escape(&name),
            percent(sum.min(1.0)),
            own(&words.join(", "))
        );
    }
    out += "</div>";
    section(
        "Who used the machine",
        "Shares of all cores while load was made; what is missing to 100 % was idle, or somebody else's. The generator takes its share of the same cores: on a machine \
         of their own shop and gateway would take more than is measured here.",
        &out,
    )
}
