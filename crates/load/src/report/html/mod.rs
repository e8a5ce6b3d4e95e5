//! One page that can be sent to somebody: everything is in the file, nothing is fetched, nothing runs.
//!
//! Its Content-Security-Policy forbids scripts and every address, so that a name in the results could not even do harm if it were
//! not escaped. Colours follow the reader's light or dark mode.
//!
//! Plots, their axes and the style sheet are public: other reports of Tenfold look the same because they are made of the same.

mod axis;
mod charts;
mod compared;
mod escape;
mod plot;
mod seconds;
mod table;
mod tables;

use std::fmt::Write;

use super::compare::{Comparison, Judgement, compare};
use super::summary::share;
use super::text::{count, moment, number, span, time};
use crate::Results;
pub use axis::{Axis, Kind, Scale};
pub use escape::{escape, own};
pub use plot::{Plot, Series, Shape};
pub use table::{Cell, MOST, num, section, table, text, toned};

/// The style sheet: what plots need, and tables, tiles, banners and sections.
pub const CSS: &str = include_str!("page.css");

/// The page; with the results of an earlier run, also what differs.
#[must_use]
pub fn html(results: &Results, old: Option<&Results>) -> String {
    let comparison = old.map(|old| compare(old, results));
    let plots = charts::charts(results, old);
    let plots: String = plots.iter().map(plot::Plot::html).collect();
    let parts = [
        head(results),
        banners(results),
        tiles(results, comparison.as_ref()),
        tables::thresholds(results),
        match (&comparison, old) {
            (Some(comparison), Some(old)) => compared::comparison(comparison, old),
            _ => String::new(),
        },
        format!("<section class=\"plots\"><h2 class=\"hidden\">Plots</h2>\n{plots}</section>\n"),
        tables::steps(results),
        tables::phases(results),
        format!(
            "<div class=\"two\">{}{}</div>\n",
            tables::answers(results),
            tables::generator(results)
        ),
        tables::errors(results),
        tables::environments(results),
    ];
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n<meta name=\"color-scheme\" content=\"light dark\">\n\
         <link rel=\"icon\" href=\"data:,\">\n<title>{} – load test</title>\n<style>\n{CSS}</style>\n</head>\n\
         <body>\n<main>\n{}</main>\n{}</body>\n</html>\n",
        escape(&results.name),
        parts.concat(),
        foot(results)
    )
}

/// How the test ended, as a word and its class.
fn verdict(results: &Results) -> (&'static str, &'static str) {
    let failed = results.thresholds.iter().any(|verdict| !verdict.holds);
    match (
        results.doubts().is_empty(),
        failed,
        results.thresholds.is_empty(),
    ) {
        (false, _, _) => ("Invalid", "bad"),
        (true, true, _) => ("Failed", "bad"),
        (true, false, false) => ("Passed", "good"),
        (true, false, true) => ("No thresholds", "quiet"),
    }
}

fn head(results: &Results) -> String {
    let (word, class) = verdict(results);
    let model = if results.is_open {
        "open model"
    } else {
        "closed model"
    };
    let mut facts = vec![
        format!("<code>{}</code>", escape(&results.target)),
        model.to_owned(),
        span(results.duration),
        moment(results.started),
    ];
    if results.shard_count > 1 {
        let parts = results.shards.len();
        facts.push(format!("{parts} of {} generators", results.shard_count));
    }
    let facts: String = facts
        .iter()
        .map(|fact| format!("<li>{fact}</li>"))
        .collect();
    format!(
        "<header><div><p class=\"kicker\">Load test</p><h1>{}</h1><ul class=\"facts\">{facts}</ul></div>\
         <p class=\"verdict {class}\">{word}</p></header>\n",
        escape(&results.name)
    )
}

/// What has to be known before any number is read.
fn banners(results: &Results) -> String {
    let mut out = String::new();
    let doubts = results.doubts();
    if !doubts.is_empty() {
        let items: String = doubts
            .iter()
            .map(|why| format!("<li>{}</li>", escape(why)))
            .collect();
        let _infallible = writeln!(
            out,
            "<div class=\"banner bad\" role=\"note\"><strong>This run is invalid: do not trust its numbers.</strong><ul>{items}</ul></div>"
        );
    }
    if let Some(why) = &results.ended_early {
        let why = escape(why);
        let _infallible = writeln!(
            out,
            "<div class=\"banner warn\" role=\"note\"><strong>Ended early:</strong> {why}</div>"
        );
    }
    out
}

/// The numbers that one looks for first.
fn tiles(results: &Results, comparison: Option<&Comparison>) -> String {
    let total = &results.total;
    let duration = results.measured_duration();
    let rate = match duration > 0.0 {
        true => number((total.done as f64 / duration * 10.0).round() / 10.0),
        false => "–".to_owned(),
    };
    let latency = &total.latency;
    let failed = format!("{} of {}", count(total.failed), count(total.done));
    let tiles = [
        (
            "Requests per second",
            rate,
            count(total.done) + " in all",
            "requests per second",
        ),
        ("Failed", share(total.failed, total.done), failed, "failed"),
        (
            "Latency p50",
            time(latency.quantile(0.5)),
            "half were not slower".to_owned(),
            "latency p50",
        ),
        (
            "Latency p95",
            time(latency.quantile(0.95)),
            "1 in 20 was slower".to_owned(),
            "latency p95",
        ),
        (
            "Latency p99",
            time(latency.quantile(0.99)),
            "1 in 100 was slower".to_owned(),
            "latency p99",
        ),
        (
            "Latency max",
            time(latency.max()),
            "the slowest".to_owned(),
            "latency max",
        ),
    ];
    let mut out = "<dl class=\"tiles\">".to_owned();
    for (name, value, note, key) in tiles {
        let tone = if key == "failed" && total.failed > 0 {
            " class=\"bad\""
        } else {
            ""
        };
        let note = match comparison {
            Some(comparison) => delta(comparison, key),
            None => escape(&note),
        };
        let value = escape(&value);
        let _infallible = write!(
            out,
            "<div><dt>{name}</dt><dd{tone}>{value}</dd><dd class=\"small\">{note}</dd></div>"
        );
    }
    out + "</dl>\n"
}

/// The change of a number, and what to think of it.
fn delta(comparison: &Comparison, name: &str) -> String {
    let mut differences = comparison.differences.iter();
    let Some(one) = differences.find(|one| one.name == name) else {
        return String::new();
    };
    let class = match one.judgement {
        Judgement::Better => "good",
        Judgement::Worse => "bad",
        Judgement::Noise | Judgement::Unknown(_) => "quiet",
    };
    let (change, words) = (escape(&one.change()), escape(one.judgement.words()));
    format!("<span class=\"{class}\">{change}, {words}</span>")
}

fn foot(results: &Results) -> String {
    let version = results.environments.first().map(|it| it.version.as_str());
    format!(
        "<footer><p>Latency is measured from when a request was due, not from when it could be sent, and no sample is made up: what \
         a pause of the service would have cost its users is in these numbers. Times have three significant digits \
         (HdrHistogram).</p><p>Written by tenfold {}.</p></footer>\n",
        escape(version.unwrap_or_default())
    )
}

#[cfg(test)]
mod tests;
