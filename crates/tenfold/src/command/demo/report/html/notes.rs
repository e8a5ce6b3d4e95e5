//! What stands behind the numbers: levels, the plan, errors, how it was measured, and what it does not show.

use std::fmt::Write as _;

use tenfold_load::report::html::{Cell, escape, num, own, section, table, text};
use tenfold_load::report::text::{count, percent, span};

use super::super::super::rehearsal::measured::{MixFile, Rehearsal};
use super::super::super::rehearsal::show::{millis, tenth};
use super::named;

/// Errors that are shown of all runs.
const MOST_ERRORS: usize = 12;

/// How capacity was found.
pub(super) fn levels(rehearsal: &Rehearsal) -> String {
    let rows = rehearsal.stages.iter().flat_map(|stage| {
        stage.capacity.levels.iter().map(|level| {
            vec![
                text(stage.setup.title()),
                num(level.visitors.to_string()),
                num(tenth(level.page_views_per_second)),
                num(tenth(level.requests_per_second)),
                num(millis(level.mean_ms)),
                num(millis(level.p95_ms)),
                num(percent(level.failed)),
            ]
        })
    });
    let titles = [
        "Setup",
        ">Visitors",
        ">Page views /s",
        ">Requests /s",
        ">Mean",
        ">p95",
        ">Failed",
    ];
    let note = format!(
        "Visitors of the shopping mix who do not think, one number of them after the other (a closed model). Capacity is the most page views per second of a level \
         whose p95 is within {:.0} ms and of which at most 1 % of the requests failed.",
        rehearsal.settings.objective_ms
    );
    let body = format!(
        "<details><summary>All levels</summary>{}</details>",
        table("How much it takes", &titles, rows)
    );
    section("How capacity was found", &note, &body)
}

/// The plan for the next factor of ten.
pub(super) fn next(rehearsal: &Rehearsal) -> String {
    let next = &rehearsal.next;
    let mut body = String::new();
    if let Some(plan) = &next.plan {
        let rows = plan.answers().into_iter().map(|answer| {
            let value = format!("{} {}", tenth(answer.value.p50), answer.unit);
            vec![
                text(answer.name),
                num(value),
                Cell(own(&answer.rule), "wrap"),
            ]
        });
        body += &table("The plan", &["", ">", "How it follows"], rows);
        for unknown in &plan.unknown {
            let _infallible = write!(body, "<p class=\"small\">{}</p>", own(unknown));
        }
    }
    for words in next.curve.iter().chain(&next.refused) {
        let _infallible = write!(body, "<p class=\"small\">{}</p>", own(words));
    }
    let note = format!(
        "From what the tuned shop was measured to use at its peak: {} requests per second with {} of CPU each, in shop, database and gateway. A replica is a machine like \
         this one with all of them on it; tenfold plan does the same with measurements of your own.",
        tenth(next.today_requests_per_second),
        millis(Some(next.cpu_ms_per_request))
    );
    section(
        &format!("The next factor of {:.0}", next.factor),
        &note,
        &body,
    )
}

/// What the books have to be, and are.
pub(super) fn books(rehearsal: &Rehearsal) -> String {
    let rules = rehearsal
        .books
        .rules()
        .into_iter()
        .map(|(rule, checked, broken)| {
            vec![
                Cell(escape(&rule), "wrap"),
                num(count(checked)),
                match broken {
                    0 => num("0"),
                    broken => Cell(count(broken), "n bad"),
                },
            ]
        });
    let body = table("The books", &["Rule", ">Checked", ">Broken"], rules);
    let note = "After everything, accidents included: what the shop itself finds in its database (shop check).";
    section("The books", note, &body)
}

/// What failed, by run.
pub(super) fn errors(rehearsal: &Rehearsal) -> String {
    let mut rows = Vec::new();
    for (name, run) in named(rehearsal) {
        for error in run.errors.iter().take(3) {
            rows.push(vec![
                text(&name),
                num(count(error.count)),
                text(error.kind.name()),
                text(&error.step),
                Cell(escape(&error.what), "wrap"),
            ]);
        }
    }
    if rows.is_empty() {
        return section("Errors", "Not one request failed in any run.", "");
    }
    rows.truncate(MOST_ERRORS);
    let titles = ["Run", ">Times", "Kind", "Page / step", "What"];
    section(
        "Errors",
        "The three most frequent of each run.",
        &table("Errors", &titles, rows),
    )
}

/// How it was measured, and what it does not show.
pub(super) fn how(rehearsal: &Rehearsal) -> String {
    let settings = &rehearsal.settings;
    let calibrated = match settings.calibrated_within_objective {
        true => "took within the objective",
        false => "took at all (no number of visitors was within the objective)",
    };
    let warmed = rehearsal.stages.iter().find_map(|stage| stage.warmed);
    let warmed = warmed.map_or_else(String::new, |warmed| {
        format!(
            "Before its first visitor the gateway's cache was filled with the most frequent searches, the lists and the sitemap's products: {} pages in {}, {} failed.",
            count(warmed.pages),
            span(warmed.seconds),
            warmed.failed
        )
    });
    let items = [
        format!(
            "Visitors do what TPC-W's do: a Markov chain over its 14 pages with its shares, searching, filling carts, logging in and paying. On a normal day they browse (95 % looking), on \
             Black Friday they shop (80 %). Visits begin as a Poisson process (an open model: who comes does not know how slow the shop is). Products are asked for by Zipf's law over \
             {} products, with exponent 0.99 on a normal day and 1.1 in the sale.",
            count(settings.products)
        ),
        format!(
            "Think times are TPC-W's (exponential, mean 7 s, at most 70 s) divided by {}, so that a visit fits into a short run; pages per second are what counts for the shop, and are unchanged by it.",
            settings.think_times_divided_by
        ),
        format!(
            "The normal day's rate is {:.0} % of the {} page views per second of a normal day's visitors that one process of the unchanged shop {calibrated}. How much each setup takes is measured with visitors of the sale, the unchanged shop's \
             first and just started, the others' after their runs. Pages count; their pictures and styles are not asked for, \
             which would only make the share from the cache larger.",
            settings.normal_share * 100.0,
            tenth(settings.calibrated_page_views_per_second)
        ),
        warmed,
        format!(
            "A request has failed if it has no answer within 10 s, or none {} after the end of its run, or another one than was due. Of pages that can be kept the share from the cache is the \
             gateway's own count; CPU is the kernel's, of each process with its children.",
            span(settings.grace_seconds)
        ),
        format!(
            "The shop without Tenfold is one process, as small shops are; with Tenfold there are {}. All share the same {} cores and one database: more processes do not bring more CPU here.",
            settings.shops, rehearsal.machine.cores
        ),
        "What it does not show: networks (everything is on one machine, without TLS), databases larger than memory, and visitors whose minds a slow page changes. Times of a run in \
         which the generator was late are upper bounds."
            .to_owned(),
    ];
    let items: String = items
        .iter()
        .filter(|item| !item.is_empty())
        .map(|item| format!("<li>{}</li>", own(item)))
        .collect();
    section(
        "How it was measured, and what it does not show",
        "",
        &format!("<ul class=\"list\">{items}</ul>"),
    )
}

/// The load, to do again.
pub(super) fn load_files(rehearsal: &Rehearsal) -> String {
    let file = |file: &MixFile| {
        format!(
            "<details><summary>{}.toml</summary><pre class=\"scroll\" tabindex=\"0\">{}</pre></details>",
            file.mix.name(),
            own(&file.text)
        )
    };
    let files: String = rehearsal.load_files.iter().map(file).collect();
    section(
        "The load, as files",
        "What visitors did: browsing on the normal day, shopping on Black Friday; ordering is the minute in which something new is sold. With a list of words and one of categories beside \
         them (words.csv, categories.csv), tenfold load does it again.",
        &files,
    )
}
