//! The bad night: what happened when, and what it cost.

use tenfold_load::report::html::{Axis, Cell, Kind, Plot, Shape, num, section, table, text};
use tenfold_load::report::text::{count, percent, span};

use super::super::super::rehearsal::measured::{Rehearsal, Setup};
use super::super::super::rehearsal::show::{millis, tenth};
use super::plots::{percentiles, rates, scale, times, whole};

pub(super) fn night(rehearsal: &Rehearsal) -> String {
    let plots = format!(
        "<section class=\"plots\"><h2 class=\"hidden\">The bad night over time</h2>\n{}</section>\n",
        over_time(rehearsal)
    );
    let night = &rehearsal.night;
    let events = night.events.iter().map(|event| {
        vec![
            Cell(format!("{:.1} s", event.at), "n"),
            Cell(tenfold_load::report::html::escape(&event.what), "wrap"),
        ]
    });
    let events = table("What happened", &[">At", "What happened"], events);
    let cost = table(
        "What it cost",
        &["", ">10 ×", ">The bad night"],
        cost(rehearsal),
    );
    let note = "Ten times a normal day on the tuned shop, while one of its three processes is killed, another one is frozen, and a price changes.";
    plots
        + &section(
            "The bad night",
            note,
            &format!("<div class=\"two\"><div>{events}</div><div>{cost}</div></div>"),
        )
}

fn over_time(rehearsal: &Rehearsal) -> String {
    let run = &rehearsal.night.run;
    let seconds = whole(run, 0.0);
    let values = |of: &dyn Fn(&super::super::super::rehearsal::measured::Second) -> Option<f64>| {
        let values = seconds.iter();
        values
            .map(|(_, one)| one.as_ref().and_then(of))
            .collect::<Vec<_>>()
    };
    let (latencies, answered) = (percentiles(values), rates(values));
    let y = times(&latencies);
    let most = answered.iter().flat_map(|one| one.values.iter().flatten());
    let plot = |title, note: String, y: Axis, series, marks| Plot {
        title,
        note,
        x: Axis::elapsed(run.warm_up_seconds + run.seconds),
        y,
        x_name: "time",
        columns: seconds.iter().map(|(at, _)| *at).collect(),
        width: 0.8,
        series,
        bounds: Vec::new(),
        events: rehearsal
            .night
            .events
            .iter()
            .map(|event| (event.at, event.act.mark().to_owned()))
            .collect(),
        shaded: vec![(0.0, run.warm_up_seconds)],
        marks,
        is_wide: true,
    };
    let rate = Axis::amounts(most.copied().fold(0.0, f64::max), Kind::Number);
    let objective = vec![(
        rehearsal.settings.objective_ms / 1e3,
        "objective".to_owned(),
    )];
    let note = format!(
        "Each point is of one second. {} Shaded: warm-up.",
        scale(&y)
    );
    let first = plot(
        "The bad night: response time",
        note,
        y,
        latencies,
        objective,
    );
    let note = "Requests per second.".to_owned();
    let second = plot(
        "The bad night: answered and failed",
        note,
        rate,
        answered,
        Vec::new(),
    );
    debug_assert!(first.series.iter().all(|one| one.shape != Shape::Bars));
    first.html() + &second.html()
}

/// The same load without and with accidents.
fn cost(rehearsal: &Rehearsal) -> Vec<Vec<Cell>> {
    let night = &rehearsal.night;
    let Some(peak) = rehearsal.stage(Setup::Tuned).map(|stage| &stage.peak) else {
        return Vec::new();
    };
    let run = &night.run;
    let row = |name: &str, without: String, with: String| vec![text(name), num(without), num(with)];
    let others = |run: &super::super::super::rehearsal::measured::Run| {
        count(run.failed - run.failed_idempotent.min(run.failed))
    };
    let price = &night.price;
    let mut rows = vec![
        row(
            "page views delivered per second",
            tenth(peak.page_views_per_second),
            tenth(run.page_views_per_second),
        ),
        row("p50", millis(peak.p50_ms), millis(run.p50_ms)),
        row("p95", millis(peak.p95_ms), millis(run.p95_ms)),
        row("p99", millis(peak.p99_ms), millis(run.p99_ms)),
        row(
            "failed",
            percent(peak.error_share()),
            percent(run.error_share()),
        ),
        row(
            "failed, idempotent",
            count(peak.failed_idempotent),
            count(run.failed_idempotent),
        ),
        row("failed, others", others(peak), others(run)),
        row(
            "time with p95 beyond the objective",
            String::new(),
            span(night.seconds_beyond_objective),
        ),
    ];
    let seen = match price.visible_after_ms {
        Some(after) if after > 0.0 => millis(Some(after)),
        Some(_) => "at once".to_owned(),
        None => "never".to_owned(),
    };
    rows.push(row(
        "last answer with the old price after it was saved",
        String::new(),
        seen,
    ));
    rows.push(row(
        "answers that were looked at for it",
        String::new(),
        count(price.looks),
    ));
    rows
}
