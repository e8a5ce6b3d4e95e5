//! Numbers of the three setups beside each other, as bars.

use std::fmt::Write as _;

use tenfold_load::report::html::{escape, own, section};
use tenfold_load::report::text::percent;

use super::super::super::rehearsal::measured::{Rehearsal, Run, Setup, StageResult};
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
    title: String,
    note: &'static str,
    bars: Vec<(Setup, Option<f64>, String)>,
    /// The whole width; the largest number if it is not said.
    whole: Option<f64>,
}

impl Bars {
    fn html(&self) -> String {
        let most = self.bars.iter().filter_map(|(_, value, _)| *value);
        let whole = self.whole.unwrap_or(most.fold(0.0, f64::max));
        let mut out = format!(
            "<figure class=\"bars\"><figcaption><h3>{}</h3><p>{}</p></figcaption>",
            escape(&self.title),
            own(self.note)
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

/// Everything that one compares.
pub(super) fn compared(rehearsal: &Rehearsal) -> String {
    let stages = &rehearsal.stages;
    let all = |value: &dyn Fn(&StageResult) -> (Option<f64>, String)| -> Vec<_> {
        let bar = |stage: &StageResult| {
            let (value, words) = value(stage);
            (stage.setup, value, words)
        };
        stages.iter().map(bar).collect()
    };
    let time = |value: Option<f64>| (value, millis(value));
    let share = |value: Option<f64>| (value, value.map_or("–".to_owned(), percent));
    let gateway =
        |run: &Run,
         of: fn(&super::super::super::rehearsal::measured::GatewayUse) -> Option<f64>| {
            share(run.gateway.as_ref().and_then(of))
        };
    let bars = [
        (
            "Normal day: p50",
            "",
            all(&|one| time(one.normal.p50_ms)),
            None,
        ),
        (
            "Normal day: p95",
            "",
            all(&|one| time(one.normal.p95_ms)),
            None,
        ),
        (
            "Normal day: p99",
            "",
            all(&|one| time(one.normal.p99_ms)),
            None,
        ),
        ("10 ×: p50", "", all(&|one| time(one.peak.p50_ms)), None),
        ("10 ×: p95", "", all(&|one| time(one.peak.p95_ms)), None),
        ("10 ×: p99", "", all(&|one| time(one.peak.p99_ms)), None),
        (
            "10 ×: page views delivered per second",
            "The width is what visitors wanted.",
            all(&|one| {
                let rate = one.peak.page_views_per_second;
                (Some(rate), tenth(rate))
            }),
            stages
                .first()
                .map(|one| one.peak.wanted_page_views_per_second),
        ),
        (
            "10 ×: failed",
            "Share of the requests.",
            all(&|one| share(Some(one.peak.error_share()))),
            Some(1.0),
        ),
        (
            "Capacity: page views per second",
            "Most with a p95 within the objective.",
            all(&|one| {
                let most = one.capacity.page_views_per_second;
                let or_more = if one.capacity.may_be_more {
                    " or more"
                } else {
                    ""
                };
                (
                    most,
                    most.map_or("–".to_owned(), |most| tenth(most) + or_more),
                )
            }),
            None,
        ),
        (
            "10 ×: from the cache",
            "Of views of pages that can be kept.",
            all(&|one| gateway(&one.peak, |use_| use_.hit_share())),
            Some(1.0),
        ),
        (
            "10 ×: offload",
            "Of all requests, those that the shop never saw.",
            all(&|one| gateway(&one.peak, |use_| use_.offload())),
            Some(1.0),
        ),
        (
            "10 ×: CPU per page view",
            "Shop, database and gateway.",
            all(&|one| {
                let parts = one.peak.cpu_ms_per_page_view();
                let sum: f64 = parts[..3].iter().map(|(_, ms)| ms).sum();
                time(Some(sum))
            }),
            None,
        ),
    ];
    let figures: String = bars
        .into_iter()
        .map(|(title, note, bars, whole)| {
            let title = title.to_owned();
            Bars {
                title,
                note,
                bars,
                whole,
            }
            .html()
        })
        .collect();
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
