//! The report as one page: no script, no font, no request to anywhere.

mod curves;
mod plot;

use std::fmt::Write as _;

use tenfold_capacity::plan::Answer;
use tenfold_capacity::text::{number, seconds};

use super::analysis::Analysis;
use super::planned::{Planned, first_words};
use super::report::Report;
use super::text::{MOST_NOTES, change_words, headline, origin, peak_words, with_unit};
use plot::escaped;

const STYLE: &str = include_str!("page.css");

/// Levels that the table shows.
const MOST_LEVELS: usize = 200;

/// The whole page.
pub(super) fn page(report: &Report) -> String {
    let title = match (&report.planned, &report.measurements) {
        (Some(planned), _) => headline(&planned.plan),
        (None, Some(analysis)) => analysis
            .capacity
            .as_ref()
            .map_or("No answer".to_owned(), |one| {
                format!("{} requests/s within the objective", number(one.rate))
            }),
        (None, None) => "No answer".to_owned(),
    };
    let mut main = String::new();
    if let Some(refused) = &report.refused {
        main += &format!(
            r#"<p class="refused"><b>No answer:</b> {}</p>"#,
            escaped(refused)
        );
    }
    tiles(&mut main, report);
    if let Some(analysis) = &report.measurements {
        plots(&mut main, analysis);
    }
    if let Some(planned) = &report.planned {
        plan(&mut main, planned);
    }
    if let Some(analysis) = &report.measurements {
        findings(&mut main, analysis);
        levels(&mut main, analysis);
    }
    let origin = report
        .measurements
        .as_ref()
        .map_or(String::new(), |analysis| {
            origin(analysis, report.measured_replicas)
        });
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\"><link rel=\"icon\" href=\"data:,\">\
         <title>Plan: {title}</title><style>{STYLE}</style></head><body><main><h1>{title}</h1><p class=\"soft\">{}</p>{main}\
         <footer>tenfold {} plan. Rates are requests per second; p5, p50 and p95 are of the draws from the ranges that were given.</footer></main></body></html>\n",
        escaped(&origin),
        report.version,
        title = escaped(&title),
    )
}

fn tile(out: &mut String, value: &str, words: &str) {
    // Writing to a text cannot fail.
    let _fine = write!(
        out,
        r#"<div class="tile"><b>{}</b><span>{}</span></div>"#,
        escaped(value),
        escaped(words)
    );
}

fn tiles(out: &mut String, report: &Report) {
    out.push_str(r#"<div class="tiles">"#);
    if let Some(planned) = &report.planned {
        let plan = &planned.plan;
        let answer = |out: &mut String, answer: &Answer| {
            let value = &answer.value;
            let sure = if value.is_exact() {
                String::new()
            } else {
                format!(", p5 {} to p95 {}", number(value.p5), number(value.p95))
            };
            let unit = match answer.unit.as_str() {
                "" => String::new(),
                unit if unit == answer.name => String::new(),
                unit => format!(", {unit}"),
            };
            let words = format!("{}{unit}{sure}", answer.name);
            tile(out, &number(value.p50), &words);
        };
        answer(out, &plan.replicas.total);
        tile(
            out,
            &plan
                .first_to_run_out
                .first()
                .map_or(String::new(), |one| one.resource.to_string()),
            "the first to run out",
        );
        answer(out, plan.headroom_now.as_ref().unwrap_or(&plan.headroom));
        if let Some(cost) = &plan.cost_per_month {
            answer(out, cost);
        }
    }
    if let Some(analysis) = &report.measurements {
        if let Some(capacity) = &analysis.capacity {
            let of = analysis
                .objective
                .as_deref()
                .map_or("at the peak".to_owned(), |objective| {
                    format!("with {objective}")
                });
            tile(out, &number(capacity.rate), &format!("requests/s {of}"));
        }
        if let Some(curve) = &analysis.curve {
            tile(
                out,
                &curve.regime.regime.to_string(),
                &format!(
                    "regime at a concurrency of {}",
                    number(curve.regime.concurrency)
                ),
            );
        }
    }
    out.push_str("</div>");
}

fn plots(out: &mut String, analysis: &Analysis) {
    out.push_str("<h2>What was measured</h2>");
    let mut figure = |(svg, caption): (String, String)| {
        let _fine = write!(
            out,
            "<figure>{svg}<figcaption>{}</figcaption></figure>",
            escaped(&caption)
        );
    };
    figure(curves::throughput(analysis));
    if let Some(plot) = curves::latency(analysis, analysis.within) {
        figure(plot);
    }
}

fn row(out: &mut String, name: &str, value: &str, words: &str) {
    let _fine = write!(
        out,
        r#"<tr><th>{}</th><td><b>{}</b><br><span class="soft">{}</span></td></tr>"#,
        escaped(name),
        escaped(value),
        escaped(words)
    );
}

fn words(out: &mut String, name: &str, words: &str) {
    let _fine = write!(
        out,
        "<tr><th>{}</th><td>{}</td></tr>",
        escaped(name),
        escaped(words)
    );
}

fn plan(out: &mut String, planned: &Planned) {
    let plan = &planned.plan;
    out.push_str(r#"<h2>Plan</h2><div class="scroll"><table><tbody>"#);
    for answer in plan.answers() {
        row(out, answer.name, &with_unit(answer), &answer.rule);
    }
    words(out, "first to run out", &first_words(plan));
    if let Some(cores) = &planned.cores {
        words(out, "cores", &cores.words);
    }
    for one in &plan.unknown {
        words(out, "not known", one);
    }
    out.push_str("</tbody></table></div>");
    if planned.changes.is_empty() {
        return;
    }
    out.push_str(r#"<h2>What if</h2><div class="scroll"><table><tbody>"#);
    row(
        out,
        "as it is",
        &with_unit(&plan.replicas.total),
        &format!("{} expected", with_unit(&plan.expected_rate)),
    );
    for change in &planned.changes {
        words(out, &change.change, &change_words(change));
    }
    out.push_str("</tbody></table></div>");
}

fn findings(out: &mut String, analysis: &Analysis) {
    out.push_str(r#"<h2>What it says</h2><div class="scroll"><table><tbody>"#);
    words(out, "Little's law", &analysis.little_words());
    match &analysis.curve {
        Some(curve) => {
            words(out, "regime", &curve.regime.words);
            words(out, "curve", &Analysis::curve_words(curve));
            words(out, "peak", &peak_words(curve));
        }
        None => words(
            out,
            "curve",
            &format!("none: {}", analysis.no_curve.as_deref().unwrap_or_default()),
        ),
    }
    if let Some(capacity) = &analysis.capacity {
        row(
            out,
            "capacity",
            &format!("{} requests/s", number(capacity.rate)),
            &capacity.rule,
        );
    }
    out.push_str("</tbody></table></div>");
    if analysis.notes.is_empty() {
        return;
    }
    out.push_str("<ul>");
    for note in analysis.notes.iter().take(MOST_NOTES) {
        let _fine = write!(out, "<li>{}</li>", escaped(note));
    }
    out.push_str("</ul>");
}

fn levels(out: &mut String, analysis: &Analysis) {
    out.push_str(
        r#"<h2>Levels of load</h2><div class="scroll"><table><thead><tr><th>level</th><th class="r">under way</th><th class="r">requests/s</th><th class="r">mean</th><th class="r">objective's measure</th></tr></thead><tbody>"#,
    );
    let time = |time: Option<f64>| time.map_or("–".to_owned(), seconds);
    for level in analysis.levels.iter().take(MOST_LEVELS) {
        let _fine = write!(
            out,
            r#"<tr><td>{}</td><td class="r">{}</td><td class="r">{}</td><td class="r">{}</td><td class="r">{}</td></tr>"#,
            escaped(&level.place),
            number(level.concurrency),
            number(level.throughput),
            time(level.mean),
            time(level.of_objective)
        );
    }
    out.push_str("</tbody></table></div>");
    let more = analysis.levels.len().saturating_sub(MOST_LEVELS);
    if more > 0 {
        let _fine = write!(
            out,
            r#"<p class="soft">… and {more} more (--json has all)</p>"#
        );
    }
}
