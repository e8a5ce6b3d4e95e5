//! The page: one file without a script and without a request, like those of load tests and plans, of whose parts it is made.

mod bars;
mod night;
mod notes;
mod plots;

use tenfold_load::report::html::{CSS, Cell, escape, num, own, section, table, text, toned};
use tenfold_load::report::text::{count, moment, percent, span};

use super::super::rehearsal::measured::{GatewayUse, Rehearsal, Run};
use super::super::rehearsal::promise::{Promise, Verdict};
use super::super::rehearsal::show::{millis, tenth};

/// What load tests' pages have not.
const MORE: &str = include_str!("page.css");

/// Promises that stand at the head.
const HEADLINES: usize = 3;

/// The page.
pub(super) fn page(rehearsal: &Rehearsal) -> String {
    let parts = [
        head(rehearsal),
        doubts(rehearsal),
        headlines(&rehearsal.promises),
        bars::compared(rehearsal),
        plots::plots(rehearsal),
        runs(rehearsal),
        night::night(rehearsal),
        promises(&rehearsal.promises),
        bars::cpu(rehearsal),
        notes::books(rehearsal),
        notes::levels(rehearsal),
        notes::next(rehearsal),
        notes::errors(rehearsal),
        notes::how(rehearsal),
        notes::load_files(rehearsal),
    ];
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n<meta name=\"color-scheme\" content=\"light dark\">\n\
         <link rel=\"icon\" href=\"data:,\">\n<title>The rehearsal of Black Friday – tenfold demo</title>\n<style>\n{CSS}{MORE}</style>\n</head>\n\
         <body>\n<main>\n{}</main>\n{}</body>\n</html>\n",
        parts.concat(),
        foot(rehearsal)
    )
}

/// A word for a verdict, and its class.
fn word(verdict: Verdict) -> (&'static str, &'static str) {
    match verdict {
        Verdict::Kept => ("✓ kept", "good"),
        Verdict::Broken => ("✗ broken", "bad"),
        Verdict::Unproven => ("? unproven", "open"),
    }
}

fn head(rehearsal: &Rehearsal) -> String {
    let has = |verdict| rehearsal.promises.iter().any(|one| one.verdict == verdict);
    let (word, class) = match (has(Verdict::Broken), has(Verdict::Unproven)) {
        (true, _) => ("A promise is broken", "bad"),
        (false, true) => ("Not everything is proven", "quiet"),
        (false, false) => ("All promises kept", "good"),
    };
    let machine = &rehearsal.machine;
    let facts = [
        format!("{} cores, {}", machine.cores, machine.processor),
        machine.system.clone(),
        format!("{} after seeding", span(rehearsal.seconds)),
        moment(rehearsal.started),
    ];
    let facts: String = facts
        .iter()
        .filter(|fact| !fact.is_empty())
        .map(|fact| format!("<li>{}</li>", escape(fact)))
        .collect();
    let settings = &rehearsal.settings;
    format!(
        "<header><div><p class=\"kicker\">tenfold demo</p><h1>The rehearsal of Black Friday</h1><ul class=\"facts\">{facts}</ul></div>\
         <p class=\"verdict {class}\">{word}</p></header>\n\
         <p class=\"lead\">One online shop with {} products and a real database, three times: as it was; behind Tenfold, nothing else changed; \
         behind Tenfold and tuned. Each time with the same visitors: a normal day of {} page views per second, and {} times as many in the mix of the sale.</p>\n",
        count(settings.products),
        tenth(settings.normal_page_views_per_second),
        settings.factor,
    )
}

/// What has to be known before any number is read.
fn doubts(rehearsal: &Rehearsal) -> String {
    let mut items = String::new();
    for (name, run) in named(rehearsal) {
        for doubt in &run.generator.doubts {
            items += &format!("<li>{}: {}</li>", escape(&name), escape(doubt));
        }
    }
    for stage in &rehearsal.stages {
        for doubt in &stage.capacity.doubts {
            let title = escape(stage.setup.title());
            items += &format!("<li>{title}, how much it takes: {}</li>", escape(doubt));
        }
    }
    if items.is_empty() {
        return String::new();
    }
    format!(
        "<details class=\"banner warn\"><summary><strong>The load generator shared the cores with what it measured, and was sometimes late.</strong> \
         Times of these runs are upper bounds; promises take it into account.</summary><ul>{items}</ul></details>\n"
    )
}

/// All runs with their names.
fn named(rehearsal: &Rehearsal) -> Vec<(String, &Run)> {
    let mut all = Vec::new();
    for stage in &rehearsal.stages {
        all.push((
            format!("{}, normal day", stage.setup.title()),
            &stage.normal,
        ));
        all.push((format!("{}, 10 ×", stage.setup.title()), &stage.peak));
    }
    all.push(("The bad night".to_owned(), &rehearsal.night.run));
    all
}

fn headlines(promises: &[Promise]) -> String {
    let mut out = "<div class=\"promises\">".to_owned();
    for one in promises.iter().take(HEADLINES) {
        let (word, class) = word(one.verdict);
        out += &format!(
            "<section class=\"{class}\"><p class=\"mark\">{word}</p><h2>{}</h2><p>{}</p>{}</section>",
            escape(&one.claim),
            own(&one.measured),
            why(one)
        );
    }
    out + "</div>\n"
}

fn why(promise: &Promise) -> String {
    match promise.why.is_empty() {
        true => String::new(),
        false => format!("<p class=\"why\">{}</p>", own(&promise.why)),
    }
}

fn promises(promises: &[Promise]) -> String {
    let rows = promises.iter().map(|one| {
        let (word, class) = word(one.verdict);
        vec![
            Cell(escape(&one.claim), "wrap"),
            toned(word, class),
            Cell(format!("{}{}", own(&one.measured), why(one)), "wrap"),
        ]
    });
    let body = table("Promises", &["Promise", "Verdict", "Measured"], rows);
    section(
        "What was promised",
        "A broken one makes the exit code 1, an unproven one 3.",
        &body,
    )
}

fn runs(rehearsal: &Rehearsal) -> String {
    let share = |share: Option<f64>| num(share.map_or_else(|| "–".to_owned(), percent));
    let rows = named(rehearsal).into_iter().map(|(name, run)| {
        let gateway = run.gateway.as_ref();
        let failed = percent(run.error_share());
        vec![
            text(&name),
            text(run.mix.name()),
            num(tenth(run.wanted_page_views_per_second)),
            num(tenth(run.page_views_per_second)),
            num(count(run.requests)),
            match run.failed {
                0 => num(failed),
                _ => Cell(escape(&failed), "n bad"),
            },
            num(millis(run.p50_ms)),
            num(millis(run.p95_ms)),
            num(millis(run.p99_ms)),
            share(gateway.and_then(GatewayUse::hit_share)),
            share(gateway.and_then(GatewayUse::offload)),
        ]
    });
    let titles = [
        "Run",
        "Mix",
        ">Wanted /s",
        ">Delivered /s",
        ">Requests",
        ">Failed",
        ">p50",
        ">p95",
        ">p99",
        ">From cache",
        ">Offload",
    ];
    let note = "Page views per second that visitors wanted and that were delivered; response times of all requests, from when each was due. From the \
                cache: of views of pages that can be kept. Offload: of all requests, those that the shop never saw (Shopify's peak of 2024: 72 %).";
    section("Every run", note, &table("Every run", &titles, rows))
}

fn foot(rehearsal: &Rehearsal) -> String {
    format!(
        "<footer><p>Response times are measured from when a request was due, not from when it could be sent; no sample is made up.</p>\
         <p>Written by tenfold {}.</p></footer>\n",
        escape(&rehearsal.version)
    )
}

#[cfg(test)]
mod tests {
    use super::super::super::rehearsal::fixture;
    use super::*;

    #[test]
    fn nothing_is_fetched_and_nothing_runs() {
        let page = page(&fixture::rehearsal());
        for forbidden in [
            "<script", "http://", "https://", "url(", "src=", "NaN", "inf%",
        ] {
            let at = page.find(forbidden);
            // The load's file, which is text, has an address in it.
            assert!(
                at.is_none(),
                "{forbidden}: {:?}",
                at.map(|at| &page[at..at + 80])
            );
        }
    }

    #[test]
    fn what_is_from_elsewhere_is_escaped() {
        let mut rehearsal = fixture::rehearsal();
        rehearsal.load_files[0].text = "</pre><b>".into();
        rehearsal.night.events[0].what = "<i>".into();
        let page = page(&rehearsal);
        assert!(page.contains("A processor with a &lt;name&gt;"));
        assert!(!page.contains("</pre><b>") && !page.contains("<td class=\"wrap\"><i>"));
    }

    #[test]
    fn a_broken_promise_and_an_unproven_one_are_seen() {
        let mut rehearsal = fixture::rehearsal();
        assert!(page(&rehearsal).contains("All promises kept"));
        rehearsal.promises[4].verdict = Verdict::Unproven;
        assert!(page(&rehearsal).contains("Not everything is proven"));
        rehearsal.promises[0].verdict = Verdict::Broken;
        assert!(page(&rehearsal).contains("A promise is broken"));
    }

    #[test]
    fn a_rehearsal_in_which_nothing_was_answered_has_a_page() {
        let mut rehearsal = fixture::rehearsal();
        for stage in &mut rehearsal.stages {
            for run in [&mut stage.normal, &mut stage.peak] {
                (run.p50_ms, run.p95_ms, run.p99_ms) = (None, None, None);
                run.series.clear();
                run.page_views = 0;
                run.cpu = Default::default();
            }
            stage.capacity.levels.clear();
            stage.capacity.page_views_per_second = None;
        }
        rehearsal.next.plan = None;
        let page = page(&rehearsal);
        assert!(!page.contains("NaN") && page.contains("</html>"));
    }
}
