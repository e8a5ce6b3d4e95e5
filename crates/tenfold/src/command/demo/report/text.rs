//! The end of a rehearsal, for a terminal.

use std::fmt::Write as _;

use tenfold_load::report::text::{count, percent, span};

use super::super::rehearsal::measured::{GatewayUse, Rehearsal, Run};
use super::super::rehearsal::promise::{Promise, Verdict};
use super::super::rehearsal::show::{millis, tenth};
use crate::command::table::{Table, Tone, paint};

/// Everything that one wants to know at first; the page has the rest.
pub(super) fn text(rehearsal: &Rehearsal, page: &str, in_colour: bool) -> String {
    let title = |text: &str| paint(text, Tone::Title, in_colour);
    let mut out = String::new();
    let settings = &rehearsal.settings;
    let machine = &rehearsal.machine;
    // Writing to a text cannot fail.
    let mut line = |text: String| {
        let _infallible = writeln!(out, "{text}");
    };
    line(format!(
        "\n{}\n  {} cores for everything: shops, database, gateway and generator; {}; {} after seeding\n  a normal day: {} page views/s, {:.0} % of what the shop took of such visitors before; {} times as many on Black Friday",
        title("The rehearsal of Black Friday"),
        machine.cores,
        machine.processor,
        span(rehearsal.seconds),
        tenth(settings.normal_page_views_per_second),
        settings.normal_share * 100.0,
        settings.factor,
    ));
    line(format!(
        "\n{}\n{}",
        title("Response times"),
        runs(rehearsal, in_colour).trim_end()
    ));
    line(format!(
        "\n{}\n{}",
        title("How much it takes"),
        capacities(rehearsal, in_colour).trim_end()
    ));
    line(format!(
        "\n{}\n{}",
        title("The bad night"),
        night(rehearsal, in_colour).trim_end()
    ));
    line(format!(
        "\n{}\n{}",
        title("The next factor of ten"),
        next(rehearsal)
    ));
    line(format!(
        "\n{}\n{}",
        title("Promises"),
        promised(&rehearsal.promises, in_colour)
    ));
    line(format!("  the page with plots: {page}"));
    out
}

const TITLES: [&str; 10] = [
    "",
    "LOAD",
    ">DELIVERED/S",
    ">P50",
    ">P95",
    ">P99",
    ">FAILED",
    ">CACHE",
    ">OFFLOAD",
    ">CPU/VIEW",
];

fn runs(rehearsal: &Rehearsal, in_colour: bool) -> String {
    let mut table = Table::new(&TITLES);
    for stage in &rehearsal.stages {
        for (load, run) in [("normal day", &stage.normal), ("10 ×", &stage.peak)] {
            table.row(row(stage.setup.short(), load, run));
        }
    }
    table.row(row("the bad night", "10 ×", &rehearsal.night.run));
    table.text(in_colour)
}

fn row(name: &str, load: &str, run: &Run) -> [(String, Tone); 10] {
    let plain = |text: String| (text, Tone::Plain);
    let share = |share: Option<f64>| plain(share.map_or_else(String::new, percent));
    let gateway = run.gateway.as_ref();
    let cpu: f64 = run.cpu_ms_per_page_view()[..3]
        .iter()
        .map(|(_, ms)| ms)
        .sum();
    [
        plain(name.to_owned()),
        (load.to_owned(), Tone::Dim),
        plain(format!(
            "{} of {}",
            tenth(run.page_views_per_second),
            tenth(run.wanted_page_views_per_second)
        )),
        plain(millis(run.p50_ms)),
        plain(millis(run.p95_ms)),
        plain(millis(run.p99_ms)),
        (percent(run.error_share()), Tone::bad_if(run.failed > 0)),
        share(gateway.and_then(GatewayUse::hit_share)),
        share(gateway.and_then(GatewayUse::offload)),
        plain(millis(Some(cpu))),
    ]
}

fn capacities(rehearsal: &Rehearsal, in_colour: bool) -> String {
    let mut table = Table::new(&["", ">PAGE VIEWS/S", ""]);
    let objective = rehearsal.settings.objective_ms;
    for stage in &rehearsal.stages {
        let capacity = &stage.capacity;
        let note = match (capacity.page_views_per_second, capacity.may_be_more) {
            (None, _) => format!("no number of visitors had a p95 within {objective:.0} ms"),
            (_, true) => {
                "or more: the largest number of visitors was within the objective".to_owned()
            }
            (_, false) if !capacity.doubts.is_empty() => {
                "the generator was a limit, too".to_owned()
            }
            (_, false) => String::new(),
        };
        let most = capacity.page_views_per_second;
        table.row([
            (stage.setup.short().to_owned(), Tone::Plain),
            (most.map_or_else(|| "–".to_owned(), tenth), Tone::Plain),
            (note, Tone::Dim),
        ]);
    }
    table.text(in_colour)
}

fn night(rehearsal: &Rehearsal, in_colour: bool) -> String {
    let night = &rehearsal.night;
    let mut table = Table::new(&[">AT", ""]);
    for event in &night.events {
        table.row([
            (format!("{:.1} s", event.at), Tone::Dim),
            (event.what.clone(), Tone::Plain),
        ]);
    }
    let mut out = table.text(in_colour);
    let run = &night.run;
    let _infallible = writeln!(
        out,
        "  {} of {} requests failed; p95 was beyond the objective for {} of {}; most frequent error: {}",
        count(run.failed),
        count(run.requests),
        span(night.seconds_beyond_objective),
        span(run.seconds),
        worst(run),
    );
    out
}

/// The most frequent error.
fn worst(run: &Run) -> String {
    match run.errors.first() {
        None => "none".to_owned(),
        Some(error) => format!("{} × {} ({})", count(error.count), error.what, error.step),
    }
}

fn next(rehearsal: &Rehearsal) -> String {
    let next = &rehearsal.next;
    let mut lines = Vec::new();
    if let Some(plan) = &next.plan {
        lines.push(format!(
            "  {} machines like this one for {} times this peak, with a margin of two, 20 % kept free and one that may fail",
            tenth(plan.replicas.total.value.p50),
            next.factor
        ));
        lines.push(format!("  {}", plan.replicas.total.rule));
    }
    lines.extend(next.curve.iter().map(|curve| format!("  {curve}")));
    lines.extend(next.refused.iter().map(|why| format!("  {why}")));
    lines.join("\n")
}

fn promised(promises: &[Promise], in_colour: bool) -> String {
    let mut out = String::new();
    for one in promises {
        let (mark, tone) = match one.verdict {
            Verdict::Kept => ("kept    ", Tone::Good),
            Verdict::Broken => ("BROKEN  ", Tone::Bad),
            Verdict::Unproven => ("unproven", Tone::Warn),
        };
        let _infallible = writeln!(
            out,
            "  {}  {}\n            {}",
            paint(mark, tone, in_colour),
            one.claim,
            paint(&one.measured, Tone::Dim, in_colour)
        );
        if !one.why.is_empty() {
            let _infallible = writeln!(out, "            {}", paint(&one.why, tone, in_colour));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::super::rehearsal::fixture;
    use super::super::super::rehearsal::measured::Setup;
    use super::*;

    #[test]
    fn the_text_has_every_setup_every_promise_and_the_page() {
        let rehearsal = fixture::rehearsal();
        let text = text(&rehearsal, "somewhere.html", false);
        for setup in Setup::ALL {
            assert!(text.contains(setup.short()), "{text}");
        }
        for promise in &rehearsal.promises {
            assert!(text.contains(&promise.claim), "{text}");
        }
        assert!(text.contains("somewhere.html") && !text.contains('\u{1b}'));
        assert!(text.contains("31.0 ms") && text.contains("machines like this one"));
    }

    #[test]
    fn a_broken_promise_says_why() {
        let mut rehearsal = fixture::rehearsal();
        let promise = &mut rehearsal.promises[1];
        promise.verdict = Verdict::Broken;
        promise.why = "p95 is above 250 ms".to_owned();
        let text = text(&rehearsal, "x", true);
        assert!(text.contains("BROKEN") && text.contains("p95 is above 250 ms"));
    }
}
