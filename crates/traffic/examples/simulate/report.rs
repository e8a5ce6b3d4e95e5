//! What came out: latencies, failures, shares; as a table for people.

use std::fmt::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use tenfold_traffic::Algorithm;

use crate::scenario::Scenario;
use crate::world::{Done, World};

/// What an algorithm did in a scenario, over all runs.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Summary {
    pub(crate) algorithm: Algorithm,
    /// Of requests that were answered well; their percentiles are of all runs together.
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
    pub(crate) max: Duration,
    /// The least and the greatest p99 of a single run.
    pub(crate) p99_of_runs: (Duration, Duration),
    /// Part of the requests that were not.
    pub(crate) failed: f64,
    /// Part of the requests that each server got.
    pub(crate) shares: Vec<f64>,
    /// Part of the requests whose key was in the cache, if servers have one.
    pub(crate) hits: Option<f64>,
}

/// The results of all algorithms in all scenarios, in their order; on all cores.
pub(crate) fn run_all(scenarios: &[Scenario], seeds: u64) -> Vec<Vec<Summary>> {
    let jobs: Vec<_> = (0..scenarios.len())
        .flat_map(|place| Algorithm::ALL.map(|algorithm| (place, algorithm)))
        .collect();
    let next = AtomicUsize::new(0);
    let found = Mutex::new(vec![None; jobs.len()]);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let job = next.fetch_add(1, Relaxed);
                    let Some(&(place, algorithm)) = jobs.get(job) else {
                        return;
                    };
                    let summary = summarize(&scenarios[place], algorithm, seeds);
                    found.lock().expect("no thread panics")[job] = Some(summary);
                }
            });
        }
    });
    let found = found.into_inner().expect("no thread panics");
    let all: Vec<Summary> = found.into_iter().flatten().collect();
    all.chunks(Algorithm::ALL.len())
        .map(<[_]>::to_vec)
        .collect()
}

/// What an algorithm does in a scenario, in runs with the seeds from 1 on.
pub(crate) fn summarize(scenario: &Scenario, algorithm: Algorithm, seeds: u64) -> Summary {
    let (from, to) = scenario.measured;
    let mut all = Vec::new();
    let mut p99s = Vec::new();
    let mut picks = vec![0_u64; scenario.servers.len()];
    let (mut count, mut failed, mut hits) = (0_u64, 0_u64, 0_u64);
    for seed in 1..=seeds {
        let done = World::new(scenario, algorithm, seed).run();
        let measured = |done: &&Done| (from..to).contains(&done.arrived);
        let mut latencies = Vec::new();
        for done in done.iter().filter(measured) {
            count += 1;
            failed += u64::from(done.is_failure);
            hits += u64::from(done.is_hit);
            if let Some(server) = done.server {
                picks[server] += 1;
            }
            if !done.is_failure {
                latencies.push(done.ended - done.arrived);
            }
        }
        latencies.sort_unstable();
        p99s.push(quantile(&latencies, 0.99));
        all.append(&mut latencies);
    }
    all.sort_unstable();
    let part = |some: u64| some as f64 / count.max(1) as f64;
    Summary {
        algorithm,
        p50: quantile(&all, 0.5),
        p99: quantile(&all, 0.99),
        max: quantile(&all, 1.0),
        p99_of_runs: (
            p99s.iter().min().copied().unwrap_or_default(),
            p99s.iter().max().copied().unwrap_or_default(),
        ),
        failed: part(failed),
        shares: picks.into_iter().map(part).collect(),
        hits: scenario.cache.map(|_| part(hits)),
    }
}

/// The least value that `part` of all do not exceed (nearest rank); zero if there is none.
pub(crate) fn quantile(sorted: &[Duration], part: f64) -> Duration {
    let rank = (sorted.len() as f64 * part).ceil() as usize;
    let place = rank.max(1) - 1;
    sorted.get(place).copied().unwrap_or_default()
}

/// A table that reads well as text and as Markdown.
pub(crate) fn table(summaries: &[Summary]) -> String {
    let has_hits = summaries.iter().any(|summary| summary.hits.is_some());
    let mut head = vec![
        "algorithm",
        "p50",
        "p99",
        "p99 of the runs",
        "max",
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
            percent(summary.failed),
        ];
        row.extend(summary.hits.map(percent));
        let shares = summary.shares.iter();
        let shares: Vec<_> = shares
            .map(|share| format!("{:.1}", share * 100.0))
            .collect();
        row.push(shares.join(" "));
        rows.push(row);
    }
    lay_out(&rows)
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
    let digits = if part < 0.001 { 3 } else { 2 };
    format!("{:.*} %", digits, part * 100.0)
}
