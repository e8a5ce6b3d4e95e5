//! The report for a terminal: plain lines, each answer with the rule that it follows from.

use std::fmt::Write as _;

use tenfold_capacity::plan::{Answer, Plan as Answers, Spread};
use tenfold_capacity::text::number;
use unicode_width::UnicodeWidthStr as _;

use super::analysis::Analysis;
use super::planned::{Changed, Planned, first_words};
use super::report::Report;

/// Columns of the names, and of everything.
const NAMES: usize = 28;
const WIDTH: usize = 110;

/// Notes that are shown; all of them are in the JSON.
pub(super) const MOST_NOTES: usize = 12;

pub(super) fn text(report: &Report) -> String {
    let mut out = String::new();
    // Writing to a text cannot fail.
    let _fine = write_all(&mut out, report);
    out
}

fn write_all(out: &mut String, report: &Report) -> std::fmt::Result {
    if let Some(analysis) = &report.measurements {
        measurements(out, analysis, report.measured_replicas)?;
    }
    match &report.planned {
        Some(planned) => plan(out, planned),
        None if report.refused.is_none() => {
            out.write_str("\nGive --today for the replicas that a peak takes.\n")
        }
        None => Ok(()),
    }
}

fn measurements(out: &mut String, analysis: &Analysis, replicas: u32) -> std::fmt::Result {
    line(out, "Measured", &origin(analysis, replicas))?;
    line(out, "Little's law", &analysis.little_words())?;
    match &analysis.curve {
        Some(curve) => {
            line(out, "Regime", &curve.regime.words)?;
            line(out, "Curve", &Analysis::curve_words(curve))?;
            line(out, "Peak", &peak_words(curve))?;
        }
        None => line(
            out,
            "Curve",
            &format!("none: {}", analysis.no_curve.as_deref().unwrap_or_default()),
        )?,
    }
    if let Some(capacity) = &analysis.capacity {
        line(
            out,
            "Capacity",
            &format!("{} requests/s: {}", number(capacity.rate), capacity.rule),
        )?;
    }
    for (at, note) in analysis.notes.iter().take(MOST_NOTES).enumerate() {
        line(out, if at == 0 { "Notes" } else { "" }, note)?;
    }
    match analysis.notes.len().saturating_sub(MOST_NOTES) {
        0 => Ok(()),
        more => line(out, "", &format!("… and {more} more (--json has all)")),
    }
}

pub(super) fn origin(analysis: &Analysis, replicas: u32) -> String {
    let ends = |f: fn(f64, f64) -> f64, from| {
        analysis
            .levels
            .iter()
            .map(|one| one.concurrency)
            .fold(from, f)
    };
    let together = if replicas > 1 {
        format!(", of {replicas} replicas together")
    } else {
        String::new()
    };
    format!(
        "{} levels of load, concurrency {} to {}{together}, from {}",
        analysis.levels.len(),
        number(ends(f64::min, f64::INFINITY)),
        number(ends(f64::max, 0.0)),
        crate::command::format::clean(&analysis.origin)
    )
}

pub(super) fn peak_words(curve: &super::analysis::Curve) -> String {
    match (&curve.peak, &curve.no_peak) {
        (Some(peak), _) => format!(
            "{} requests/s with {} under way; more load completes less",
            number(peak.throughput),
            number(peak.concurrency)
        ),
        (None, why) => format!("not known: {}", why.as_deref().unwrap_or_default()),
    }
}

fn plan(out: &mut String, planned: &Planned) -> std::fmt::Result {
    let plan = &planned.plan;
    writeln!(out, "\n{}", headline(plan))?;
    for answer in plan.answers() {
        answer_lines(out, answer)?;
    }
    line(out, "first to run out", &first_words(plan))?;
    if let Some(cores) = &planned.cores {
        line(out, "cores", &cores.words)?;
    }
    for one in &plan.unknown {
        line(out, "not known", one)?;
    }
    if !planned.changes.is_empty() {
        writeln!(out, "\nWhat if")?;
    }
    planned
        .changes
        .iter()
        .try_for_each(|change| writeln!(out, "  {}: {}", change.change, change_words(change)))
}

/// The answer in one line.
pub(super) fn headline(plan: &Answers) -> String {
    format!(
        "{} for {} requests/s expected, {} planned for",
        with_unit(&plan.replicas.total),
        number(plan.expected_rate.value.p50),
        number(plan.planned_rate.value.p50),
    )
}

pub(super) fn change_words(change: &Changed) -> String {
    match (&change.plan, &change.refused) {
        (Some(plan), _) => {
            let cost = plan
                .cost_per_month
                .as_ref()
                .map(|cost| format!(", {} per month", with_unit(cost)));
            format!(
                "{}{}; first to run out: {}",
                with_unit(&plan.replicas.total),
                cost.unwrap_or_default(),
                first_words(plan)
            )
        }
        (None, why) => format!("no answer: {}", why.as_deref().unwrap_or_default()),
    }
}

/// `9 replicas (p5 8, p95 10)`.
pub(super) fn with_unit(answer: &Answer) -> String {
    let Spread { p5, p50, p95 } = answer.value;
    let sure = format!("{} {}", number(p50), answer.unit);
    let sure = sure.trim_end();
    match answer.value.is_exact() {
        true => sure.to_owned(),
        false => format!("{sure} (p5 {}, p95 {})", number(p5), number(p95)),
    }
}

fn answer_lines(out: &mut String, answer: &Answer) -> std::fmt::Result {
    line(out, answer.name, &with_unit(answer))?;
    wrapped(out, "", &answer.rule, 2)
}

fn line(out: &mut String, name: &str, words: &str) -> std::fmt::Result {
    wrapped(out, name, words, 0)
}

/// Words in lines of at most [`WIDTH`], all below each other.
fn wrapped(out: &mut String, name: &str, words: &str, indent: usize) -> std::fmt::Result {
    let indent = NAMES + indent;
    let mut column = indent;
    write!(out, "{:<indent$}", format!("  {name}"))?;
    for (at, word) in words.split(' ').enumerate() {
        let width = word.width();
        if at > 0 && column + 1 + width > WIDTH {
            write!(out, "\n{:indent$}", "")?;
            column = indent;
        } else if at > 0 {
            out.write_char(' ')?;
            column += 1;
        }
        out.write_str(word)?;
        column += width;
    }
    out.write_char('\n')
}
