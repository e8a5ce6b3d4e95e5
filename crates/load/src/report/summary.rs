//! The summary that a test ends with, for a terminal.

use std::fmt::Write;
use std::time::Duration;

use super::Style;
use super::table::{Table, Tone, paint};
use super::text::{bytes, clean, count, moment, number, percent, seconds, span, time};
use crate::Results;
use crate::results::{Histogram, Totals};

/// Most errors that are shown; the files have all of them.
const MOST_ERRORS: usize = 10;

/// Everything that matters, in the order in which one asks for it: may I believe it, did it pass, how fast, what went wrong, where.
#[must_use]
pub fn summary(results: &Results, style: Style) -> String {
    let mut out = head(results, style);
    let parts = [
        doubts(results, style),
        counts(results, style),
        thresholds(results, style),
        latencies(results, style),
        phases(results, style),
        steps(results, style),
        errors(results, style),
        generator(results, style),
    ];
    for part in parts.into_iter().filter(|part| !part.is_empty()) {
        out.push('\n');
        out += &part;
    }
    out
}

fn title(text: &str, style: Style) -> String {
    paint(text, Tone::Title, style.in_colour) + "\n"
}

/// What was done.
fn head(results: &Results, style: Style) -> String {
    let model = if results.is_open {
        "open model"
    } else {
        "closed model"
    };
    let mut out = title(&clean(&results.name), style);
    let facts = [
        clean(&results.target),
        model.to_owned(),
        span(results.duration),
        format!("began {}", moment(results.started)),
    ];
    let facts = wrapped("  ", &facts, ", ", style.width);
    out += &paint(facts.trim_end(), Tone::Dim, style.in_colour);
    out + "\n"
}

/// How much of it.
fn counts(results: &Results, style: Style) -> String {
    let total = &results.total;
    let duration = results.measured_duration();
    let mut table = Table::new(&["", ">", ">", ""]);
    let mut row = |name: &str, value: String, rate: String, note: String, tone| {
        table.row(vec![
            (name.to_owned(), Tone::Dim),
            (value, tone),
            (rate, Tone::Plain),
            (note, Tone::Dim),
        ]);
    };
    let per_second = |amount: f64| {
        if duration > 0.0 {
            amount / duration
        } else {
            0.0
        }
    };
    let rate = format!("{}/s", number(per_second(total.done as f64)));
    row(
        "requests",
        count(total.done),
        rate,
        String::new(),
        Tone::Title,
    );
    let tone = if total.failed > 0 {
        Tone::Bad
    } else {
        Tone::Good
    };
    row(
        "failed",
        count(total.failed),
        share(total.failed, total.done),
        String::new(),
        tone,
    );
    if total.due > total.done {
        let open = total.due - total.done;
        let note = "due, but without an end".to_owned();
        row("unanswered", count(open), String::new(), note, Tone::Warn);
    }
    for (name, amount) in [
        ("received", total.received_bytes),
        ("sent", total.sent_bytes),
    ] {
        let amount = amount as f64;
        let rate = format!("{}/s", bytes(per_second(amount)));
        row(name, bytes(amount), rate, String::new(), Tone::Plain);
    }
    let mut out = table.text(style);
    let statuses: Vec<_> = total
        .statuses
        .iter()
        .map(|(status, amount)| format!("{status} × {}", count(*amount)))
        .collect();
    if !statuses.is_empty() {
        out += &wrapped("  status    ", &statuses, ", ", style.width);
    }
    out
}

/// The pieces after a label, on as many lines as they need.
pub(super) fn wrapped(label: &str, pieces: &[String], between: &str, width: usize) -> String {
    let indent = label.chars().count();
    let (mut out, mut column) = (label.to_owned(), indent);
    for (index, piece) in pieces.iter().enumerate() {
        let needed = piece.chars().count() + between.len();
        if index > 0 {
            out += between.trim_end();
            if column + needed > width {
                let _infallible = write!(out, "\n{}", " ".repeat(indent));
                column = indent;
            } else {
                out.push(' ');
            }
        }
        out += piece;
        column += needed;
    }
    out + "\n"
}

pub(super) fn share(part: u64, all: u64) -> String {
    match all {
        0 => "–".to_owned(),
        _ => percent(part as f64 / all as f64),
    }
}

/// Why one must not believe it, and why it is not all.
fn doubts(results: &Results, style: Style) -> String {
    let mut out = String::new();
    let doubts = results.doubts();
    if !doubts.is_empty() {
        let line = "INVALID: do not trust these numbers";
        out += &paint(line, Tone::Bad, style.in_colour);
        out.push('\n');
        for doubt in doubts {
            let doubt = clean(&doubt);
            let words: Vec<_> = doubt.split_whitespace().map(str::to_owned).collect();
            out += &wrapped("  ", &words, " ", style.width);
        }
    }
    if let Some(why) = &results.ended_early {
        let line = format!("ended early: {}", clean(why));
        out += &paint(&line, Tone::Warn, style.in_colour);
        out.push('\n');
    }
    out
}

fn thresholds(results: &Results, style: Style) -> String {
    if results.thresholds.is_empty() {
        return String::new();
    }
    let mut table = Table::new(&["", "THRESHOLD", "OF", "MEASURED"]);
    for verdict in &results.thresholds {
        let (mark, tone) = match verdict.holds {
            true => ("pass", Tone::Good),
            false => ("FAIL", Tone::Bad),
        };
        let of = verdict.scope.as_ref();
        let of = of.map(|scope| clean(&scope.to_string()));
        let mut measured = clean(&verdict.measured);
        if verdict.aborted {
            measured += ", ended the test";
        }
        table.row(vec![
            (mark.to_owned(), tone),
            (clean(&verdict.threshold), Tone::Plain),
            (of.unwrap_or_default(), Tone::Dim),
            (measured, tone),
        ]);
    }
    title("Thresholds", style) + &table.text(style)
}

/// Titles of the columns that [`columns`] fills.
const TIMES: [&str; 8] = [
    ">MEAN", ">P50", ">P90", ">P95", ">P99", ">P99.9", ">MAX", ">MIN",
];

fn columns(histogram: &Histogram) -> [Option<Duration>; 8] {
    let at = |share| histogram.quantile(share);
    [
        histogram.mean(),
        at(0.5),
        at(0.9),
        at(0.95),
        at(0.99),
        at(0.999),
        histogram.max(),
        histogram.min(),
    ]
}

/// Latency and service time.
fn latencies(results: &Results, style: Style) -> String {
    let titles: Vec<_> = [""].into_iter().chain(TIMES).collect();
    let mut table = Table::new(&titles);
    table.may_leave_out(&["MIN", "MEAN", "P90", "P99.9"]);
    let rows = [
        ("latency", &results.total.latency),
        ("service", &results.total.service),
    ];
    for (name, histogram) in rows {
        let mut row = vec![(name.to_owned(), Tone::Dim)];
        row.extend(columns(histogram).map(|it| (time(it), Tone::Plain)));
        table.row(row);
    }
    let what = "latency counts from when a request was due, service from when it was sent";
    let note = format!("  {}\n", paint(what, Tone::Dim, style.in_colour));
    let note = if style.width >= 80 {
        note
    } else {
        String::new()
    };
    title("Times", style) + &table.text(style) + &note
}

fn totals_row(totals: &Totals, duration: f64) -> Vec<(String, Tone)> {
    let rate = match duration > 0.0 {
        true => number(totals.done as f64 / duration),
        false => "–".to_owned(),
    };
    let tone = if totals.failed > 0 {
        Tone::Bad
    } else {
        Tone::Plain
    };
    let latency = &totals.latency;
    vec![
        (count(totals.done), Tone::Plain),
        (rate, Tone::Plain),
        (share(totals.failed, totals.done), tone),
        (time(latency.quantile(0.5)), Tone::Plain),
        (time(latency.quantile(0.95)), Tone::Plain),
        (time(latency.quantile(0.99)), Tone::Plain),
        (time(latency.max()), Tone::Plain),
    ]
}

const TOTALS: [&str; 7] = [
    ">REQUESTS",
    ">PER S",
    ">FAILED",
    ">P50",
    ">P95",
    ">P99",
    ">MAX",
];

/// What a phase was to do: `100 → 500/s`, `50 users`.
pub(super) fn load(phase: &crate::results::PhaseResult) -> String {
    let range = |from: String, to: String| match from == to {
        true => to,
        false => format!("{from} → {to}"),
    };
    match (phase.rate, phase.users) {
        (Some((from, to)), _) => format!("{}/s", range(number(from), number(to))),
        (_, Some((from, to))) => {
            format!("{} users", range(count(from.into()), count(to.into())))
        }
        _ => String::new(),
    }
}

/// One phase is said by the head already.
fn phases(results: &Results, style: Style) -> String {
    if results.phases.len() < 2 {
        return String::new();
    }
    let mut titles = vec!["PHASE", "LOAD", ">TIME"];
    titles.extend(TOTALS);
    let mut table = Table::new(&titles);
    table.may_leave_out(&["LOAD", "TIME", "MAX", "P50", "REQUESTS"]);
    for phase in &results.phases {
        let note = if phase.is_warm_up { " (warm-up)" } else { "" };
        let mut row = vec![
            (format!("{}{note}", clean(&phase.name)), Tone::Plain),
            (load(phase), Tone::Dim),
            (span(phase.duration), Tone::Dim),
        ];
        row.extend(totals_row(&phase.totals, phase.duration));
        table.row(row);
    }
    title("Phases", style) + &table.text(style)
}

fn steps(results: &Results, style: Style) -> String {
    if results.steps.len() < 2 {
        return String::new();
    }
    let mut titles = vec!["STEP", "SCENARIO"];
    titles.extend(TOTALS);
    let mut table = Table::new(&titles);
    table.may_leave_out(&["SCENARIO", "MAX", "P50", "REQUESTS"]);
    let duration = results.measured_duration();
    for step in &results.steps {
        let mut row = vec![
            (clean(&step.name), Tone::Plain),
            (clean(&step.scenario), Tone::Dim),
        ];
        row.extend(totals_row(&step.totals, duration));
        table.row(row);
    }
    title("Steps", style) + &table.text(style)
}

fn errors(results: &Results, style: Style) -> String {
    if results.errors.is_empty() {
        return String::new();
    }
    let mut table = Table::new(&[">TIMES", "KIND", "STEP", "WHAT"]);
    table.may_leave_out(&["STEP"]);
    for error in results.errors.iter().take(MOST_ERRORS) {
        table.row(vec![
            (count(error.count), Tone::Bad),
            (error.kind.name().to_owned(), Tone::Plain),
            (clean(&error.step), Tone::Dim),
            (clean(&error.message), Tone::Plain),
        ]);
    }
    let mut out = title("Errors", style) + &table.text(style);
    let more = results.errors.len().saturating_sub(MOST_ERRORS);
    if more > 0 {
        let _infallible = writeln!(out, "  and {more} others; --json has all of them");
    }
    out
}

/// How the generator did: small if it did well.
fn generator(results: &Results, style: Style) -> String {
    let generator = &results.generator;
    let lag = generator.lag.quantile(0.99);
    let lag = lag.map_or("–".to_owned(), |lag| seconds(lag.as_secs_f64()));
    let mut pieces = vec![
        format!("start lag p99 {lag}"),
        format!("busiest thread {} of a core", percent(generator.cpu)),
        format!("{} dropped", count(generator.dropped)),
    ];
    if generator.waited > 0 {
        pieces.push(format!(
            "{} waited for a connection",
            count(generator.waited)
        ));
    }
    if results.shard_count > 1 {
        let parts = results.shards.len();
        pieces.push(format!("{parts} of {} generators", results.shard_count));
    }
    let text = wrapped("Generator  ", &pieces, ", ", style.width);
    paint(text.trim_end(), Tone::Dim, style.in_colour) + "\n"
}
