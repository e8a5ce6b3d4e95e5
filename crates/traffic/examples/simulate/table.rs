//! Results as a table for people.

use std::fmt::Write as _;
use std::time::Duration;

use crate::report::Summary;

/// A table that reads well as text and as Markdown.
pub(crate) fn table(summaries: &[Summary]) -> String {
    let has_hits = summaries.iter().any(|summary| summary.hits.is_some());
    let mut head = vec![
        "algorithm",
        "p50",
        "p99",
        "p99 of the runs",
        "max",
        "over 1 s",
        "failed",
    ];
    if has_hits {
        head.push("in cache");
    }
    head.push("% per server");
    let mut rows = vec![head.into_iter().map(str::to_owned).collect::<Vec<_>>()];
    for summary in summaries {
        let (least, greatest) = summary.p99_of_runs;
        let mut row = vec![
            format!("`{}`", summary.algorithm.name()),
            millis(summary.p50),
            millis(summary.p99),
            format!("{} – {}", millis(least), millis(greatest)),
            millis(summary.max),
            percent(summary.late),
            percent(summary.failed),
        ];
        row.extend(summary.hits.map(percent));
        row.push(shares(&summary.shares));
        rows.push(row);
    }
    lay_out(&rows)
}

/// Of many servers only the least and the greatest.
fn shares(shares: &[f64]) -> String {
    let percent = |share: &f64| format!("{:.1}", share * 100.0);
    if shares.len() <= 8 {
        return shares.iter().map(percent).collect::<Vec<_>>().join(" ");
    }
    let least = shares.iter().copied().fold(f64::INFINITY, f64::min);
    let greatest = shares.iter().copied().fold(0.0, f64::max);
    format!("{} – {}", percent(&least), percent(&greatest))
}

fn lay_out(rows: &[Vec<String>]) -> String {
    let columns = rows.first().map_or(0, Vec::len);
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            let lengths = rows.iter().map(|row| row[column].chars().count());
            lengths.max().unwrap_or_default()
        })
        .collect();
    let mut text = String::new();
    for (number, row) in rows.iter().enumerate() {
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
            let is_left = column == 0 || column + 1 == columns;
            // Writing to a String cannot fail.
            _ = if is_left {
                write!(text, "| {cell:<width$} ")
            } else {
                write!(text, "| {cell:>width$} ")
            };
        }
        text.push_str("|\n");
        if number == 0 {
            for (column, width) in widths.iter().enumerate() {
                let is_left = column == 0 || column + 1 == columns;
                text.push_str(if is_left { "|--" } else { "|-" });
                text.push_str(&"-".repeat(*width));
                text.push_str(if is_left { "" } else { ":" });
            }
            text.push_str("|\n");
        }
    }
    text
}

/// Three digits that count, in milliseconds or seconds.
pub(crate) fn millis(time: Duration) -> String {
    let millis = time.as_secs_f64() * 1e3;
    match millis {
        0.0..9.995 => format!("{millis:.2} ms"),
        9.995..99.95 => format!("{millis:.1} ms"),
        99.95..999.5 => format!("{millis:.0} ms"),
        999.5..9_995.0 => format!("{:.2} s", millis / 1e3),
        _ => format!("{:.1} s", millis / 1e3),
    }
}

/// A part of a hundred.
pub(crate) fn percent(part: f64) -> String {
    if part == 0.0 {
        return "0".to_owned();
    }
    let digits = match part {
        ..0.000_01 => 4,
        ..0.001 => 3,
        _ => 2,
    };
    format!("{:.*} %", digits, part * 100.0)
}
