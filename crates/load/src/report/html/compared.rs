//! What differs from an earlier run, as tables.

use super::escape::{escape, own};
use super::table::{num, section, table, text, toned};
use crate::Results;
use crate::report::compare::{Comparison, Judgement, RULE, change};
use crate::report::text::{moment, percent, seconds};

/// What differs from an earlier run.
pub(super) fn comparison(comparison: &Comparison, old: &Results) -> String {
    let rows = comparison.differences.iter().map(|one| {
        let tone = match one.judgement {
            Judgement::Better => "good",
            Judgement::Worse => "bad",
            Judgement::Noise | Judgement::Unknown(_) => "quiet",
        };
        let sign = match one.judgement {
            Judgement::Better => "✓ ",
            Judgement::Worse => "✗ ",
            Judgement::Noise | Judgement::Unknown(_) => "",
        };
        vec![
            text(one.name),
            num(one.value(one.old)),
            num(one.value(one.new)),
            num(one.change()),
            toned(&format!("{sign}{}", one.judgement.words()), tone),
        ]
    });
    let titles = ["", ">Old", ">New", ">Change", "More than noise?"];
    let mut body = String::new();
    if let Some(why) = &comparison.obstacle {
        body += &format!(
            "<p class=\"note\">Differences are not judged: {}.</p>",
            escape(why)
        );
    }
    body += &table("Comparison", &titles, rows);
    if comparison.steps.len() > 1 {
        body += &steps_compared(comparison);
    }
    body += &format!("<p class=\"small\">{}</p>", own(RULE));
    let began = moment(old.started);
    section("Compared", &format!("With the run of {began}."), &body)
}

fn steps_compared(comparison: &Comparison) -> String {
    let value = |value: Option<f64>| num(value.map_or("–".to_owned(), seconds));
    let part = |value: Option<f64>| num(value.map_or("–".to_owned(), percent));
    let rows = comparison.steps.iter().map(|step| {
        vec![
            text(&step.name),
            text(&step.scenario),
            value(step.p95.0),
            value(step.p95.1),
            num(change(step.p95.0, step.p95.1, false)),
            part(step.errors.0),
            part(step.errors.1),
        ]
    });
    let titles = [
        "Step",
        "Scenario",
        ">p95 old",
        ">p95 new",
        ">Change",
        ">Failed old",
        ">Failed new",
    ];
    "<h3>Steps</h3>".to_owned() + &table("Steps compared", &titles, rows)
}
