//! A comparison for a terminal.

use super::{Judgement, StepDifference, change, compare};
use crate::Results;
use crate::report::Style;
use crate::report::summary::{share, wrapped};
use crate::report::table::{Table, Tone, paint};
use crate::report::text::{clean, moment, percent, seconds};

/// A comparison for a terminal.
#[must_use]
pub fn comparison(old: &Results, new: &Results, style: Style) -> String {
    let comparison = compare(old, new);
    let began = format!("Compared with the run of {}", moment(old.started));
    let mut out = paint(&began, Tone::Title, style.in_colour) + "\n";
    if let Some(why) = &comparison.obstacle {
        let text = format!("differences are not judged: {why}");
        let words: Vec<_> = text.split_whitespace().map(str::to_owned).collect();
        let text = wrapped("  ", &words, " ", style.width);
        out += &paint(text.trim_end(), Tone::Warn, style.in_colour);
        out.push('\n');
    }
    let mut table = Table::new(&["", ">OLD", ">NEW", ">CHANGE", "VERDICT"]);
    for one in &comparison.differences {
        let tone = match one.judgement {
            Judgement::Better => Tone::Good,
            Judgement::Worse => Tone::Bad,
            Judgement::Noise | Judgement::Unknown(_) => Tone::Dim,
        };
        table.row(vec![
            (one.name.to_owned(), Tone::Dim),
            (one.value(one.old), Tone::Plain),
            (one.value(one.new), Tone::Plain),
            (one.change(), tone),
            (one.judgement.words().to_owned(), tone),
        ]);
    }
    out += &table.text(style);
    if comparison.steps.len() > 1 {
        out += &steps_text(&comparison.steps, style);
    }
    out
}

fn steps_text(steps: &[StepDifference], style: Style) -> String {
    let titles = [
        "STEP",
        "SCENARIO",
        ">P95 OLD",
        ">NEW",
        ">CHANGE",
        ">FAILED OLD",
        ">NEW",
    ];
    let mut table = Table::new(&titles);
    table.may_leave_out(&["SCENARIO", "FAILED OLD"]);
    let time = |value: Option<f64>| value.map_or("–".to_owned(), seconds);
    let part = |value: Option<f64>| value.map_or(share(0, 0), percent);
    for step in steps {
        table.row(vec![
            (clean(&step.name), Tone::Plain),
            (clean(&step.scenario), Tone::Dim),
            (time(step.p95.0), Tone::Plain),
            (time(step.p95.1), Tone::Plain),
            (change(step.p95.0, step.p95.1, false), Tone::Plain),
            (part(step.errors.0), Tone::Plain),
            (part(step.errors.1), Tone::Plain),
        ]);
    }
    "\n".to_owned() + &table.text(style)
}
