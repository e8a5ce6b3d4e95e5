//! Tables of the page.

use super::escape::escape;
use super::table::{Cell, MOST, num, section, table, text, toned};
use crate::Results;
use crate::report::summary::{load, share};
use crate::report::text::{bytes, count, number, percent, seconds, span, time};
use crate::results::Totals;

pub(super) fn thresholds(results: &Results) -> String {
    if results.thresholds.is_empty() {
        return String::new();
    }
    let rows = results.thresholds.iter().map(|verdict| {
        let mark = match verdict.holds {
            true => toned("✓ holds", "good"),
            false => toned("✗ does not hold", "bad"),
        };
        let scope = verdict.scope.as_ref().map(ToString::to_string);
        let measured = match verdict.aborted {
            true => format!("{}, ended the test", verdict.measured),
            false => verdict.measured.clone(),
        };
        vec![
            Cell(format!("<code>{}</code>", escape(&verdict.threshold)), ""),
            mark,
            text(&measured),
            text(scope.as_deref().unwrap_or("everything")),
        ]
    });
    let titles = ["Threshold", "Verdict", "Measured", "Of"];
    section("Thresholds", "", &table("Thresholds", &titles, rows))
}

const TOTALS: [&str; 9] = [
    ">Requests",
    ">Per s",
    ">Failed",
    ">Mean",
    ">p50",
    ">p95",
    ">p99",
    ">Max",
    ">Service p95",
];

fn totals(totals: &Totals, duration: f64) -> Vec<Cell> {
    let rate = match duration > 0.0 {
        true => number(totals.done as f64 / duration),
        false => "–".to_owned(),
    };
    let failed = share(totals.failed, totals.done);
    let failed = match totals.failed {
        0 => num(failed),
        _ => Cell(escape(&failed), "n bad"),
    };
    let latency = &totals.latency;
    vec![
        num(count(totals.done)),
        num(rate),
        failed,
        num(time(latency.mean())),
        num(time(latency.quantile(0.5))),
        num(time(latency.quantile(0.95))),
        num(time(latency.quantile(0.99))),
        num(time(latency.max())),
        num(time(totals.service.quantile(0.95))),
    ]
}

pub(super) fn steps(results: &Results) -> String {
    if results.steps.is_empty() {
        return String::new();
    }
    let duration = results.measured_duration();
    let has_groups = results.steps.iter().any(|step| step.group.is_some());
    let mut titles = vec!["Step", "Scenario"];
    titles.extend(has_groups.then_some("Group"));
    titles.extend(TOTALS);
    let rows = results.steps.iter().map(|step| {
        let mut row = vec![text(&step.name), text(&step.scenario)];
        row.extend(has_groups.then(|| text(step.group.as_deref().unwrap_or_default())));
        row.extend(totals(&step.totals, duration));
        row
    });
    let body = table("Steps", &titles, rows);
    let note = match results.steps.len() > MOST {
        true => format!(
            "The first {MOST} of {}; --csv has all. ",
            results.steps.len()
        ),
        false => String::new(),
    };
    let note =
        format!("{note}Outside of warm-ups. Times are latencies, from when a request was due.");
    section("Steps", &note, &(body + &groups(results, has_groups)))
}

/// Sums of steps of the same group.
fn groups(results: &Results, has_groups: bool) -> String {
    if !has_groups {
        return String::new();
    }
    let mut sums: Vec<(&str, Totals)> = Vec::new();
    for step in &results.steps {
        let Some(group) = &step.group else { continue };
        match sums.iter_mut().find(|(name, _)| name == group) {
            Some((_, sum)) => sum.add(&step.totals),
            None => sums.push((group, step.totals.clone())),
        }
    }
    let mut titles = vec!["Group"];
    titles.extend(TOTALS);
    let duration = results.measured_duration();
    let rows = sums.iter().map(|(name, sum)| {
        let mut row = vec![text(name)];
        row.extend(totals(sum, duration));
        row
    });
    "<h3>Groups</h3>".to_owned() + &table("Groups", &titles, rows)
}

pub(super) fn phases(results: &Results) -> String {
    let mut titles = vec!["Phase", "Load", ">Time"];
    // All but the last, or the table would be wider than the page.
    titles.extend(&TOTALS[..TOTALS.len() - 1]);
    titles.extend([">Under way", ">Rate × service"]);
    let rows = results.phases.iter().map(|phase| {
        let note = if phase.is_warm_up { " (warm-up)" } else { "" };
        let mut row = vec![
            text(&format!("{}{note}", phase.name)),
            text(&load(phase)),
            num(span(phase.duration)),
        ];
        row.extend(totals(&phase.totals, phase.duration));
        row.pop();
        let mean = phase.totals.service.mean().map(|mean| mean.as_secs_f64());
        let rate = phase.totals.done as f64 / phase.duration.max(1e-9);
        let little = mean.map_or("–".to_owned(), |mean| number(rounded(rate * mean)));
        row.extend([num(number(rounded(phase.in_flight))), num(little)]);
        row
    });
    let note = "By Little's law the requests under way, which were counted, are the rate times the service time. More than \
                10 % between the two means that one of the numbers is wrong, or that the phase was far from steady.";
    section("Phases", note, &table("Phases", &titles, rows))
}

fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

pub(super) fn answers(results: &Results) -> String {
    let total = &results.total;
    let answered: u64 = total.answers(0..=u16::MAX);
    let rows = total.statuses.iter().map(|(status, amount)| {
        let part = *amount as f64 / answered.max(1) as f64;
        let bar = format!(
            "<span class=\"share\"><span class=\"fill s{}\" style=\"width:{:.1}%\"></span></span>",
            (status / 100).clamp(1, 5),
            part * 100.0
        );
        vec![
            text(&status.to_string()),
            num(count(*amount)),
            num(percent(part)),
            Cell(bar, ""),
        ]
    });
    let titles = [
        "Status",
        ">Answers",
        ">Share",
        "<span class=\"hidden\">Share</span>",
    ];
    let body = table("Answers by status", &titles, rows);
    let unanswered = total.done.saturating_sub(answered);
    let note = match unanswered {
        0 => String::new(),
        some => format!("{} requests had no answer.", count(some)),
    };
    section("Answers", &note, &body)
}

pub(super) fn errors(results: &Results) -> String {
    if results.errors.is_empty() {
        return String::new();
    }
    let rows = results.errors.iter().map(|error| {
        vec![
            text(error.kind.name()),
            Cell(escape(&count(error.count)), "n bad"),
            text(&error.step),
            Cell(escape(&error.message), "wrap"),
        ]
    });
    let titles = ["Kind", ">Times", "Step", "What"];
    let note = match results.errors.len() > MOST {
        true => format!("The {MOST} most frequent of {}.", results.errors.len()),
        false => String::new(),
    };
    section("What went wrong", &note, &table("Errors", &titles, rows))
}

pub(super) fn generator(results: &Results) -> String {
    let generator = &results.generator;
    let total = &results.total;
    let lag = generator.lag.quantile(0.99);
    let started = generator.lag.count().saturating_add(generator.dropped);
    let dropped = generator.dropped as f64 / started.max(1) as f64;
    let verdict = |is_good: bool| match is_good {
        true => toned("✓ good", "good"),
        false => toned("✗ the limit", "bad"),
    };
    let none = || Cell(String::new(), "");
    let row = |name: &str, value: String, limit: &str, mark: Cell| {
        vec![text(name), num(value), num(limit), mark]
    };
    let is_punctual = lag.is_none_or(|lag| lag.as_micros() <= 1000);
    let rows = [
        row("Start lag p99", time(lag), "1 ms", verdict(is_punctual)),
        row("Start lag max", time(generator.lag.max()), "", none()),
        row(
            "Arrivals dropped",
            format!("{} ({})", count(generator.dropped), percent(dropped)),
            "0.1 %",
            verdict(dropped <= 0.001),
        ),
        row(
            "Busiest thread",
            percent(generator.cpu),
            "90 %",
            verdict(generator.cpu <= 0.9),
        ),
        row(
            "Waited for a connection",
            count(generator.waited),
            "",
            none(),
        ),
        row("CPU time", seconds(generator.cpu_seconds), "", none()),
        row(
            "Requests per CPU second",
            number((total.done as f64 / generator.cpu_seconds.max(1e-9)).round()),
            "",
            none(),
        ),
        row("Received", bytes(total.received_bytes as f64), "", none()),
        row("Sent", bytes(total.sent_bytes as f64), "", none()),
    ];
    let note = "The generator watches itself. Beyond these limits it was the generator that was slow, and the run is invalid.";
    let titles = ["", ">Measured", ">At most", ""];
    section("Generator", note, &table("Generator", &titles, rows))
}

pub(super) fn environments(results: &Results) -> String {
    let rows = results.environments.iter().enumerate().map(|(index, it)| {
        let part = match results.shards.get(index) {
            Some(shard) if results.shard_count > 1 => {
                format!("{} ({} of {})", it.host, shard + 1, results.shard_count)
            }
            _ => it.host.clone(),
        };
        vec![
            text(&part),
            text(&it.system),
            text(&it.processor),
            num(it.cores.to_string()),
            num(it.threads.to_string()),
            text(&it.version),
        ]
    });
    let titles = [
        "Machine",
        "System",
        "Processor",
        ">Cores",
        ">Threads",
        "Tenfold",
    ];
    section("Environment", "", &table("Environment", &titles, rows))
}
