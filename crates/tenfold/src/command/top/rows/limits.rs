//! The rows of limits.

use std::cmp::Ordering;

use tenfold_gateway::LimitStatus;

use super::{Column, Row, column, descending, matches};
use crate::command::format::{count, rate};
use crate::command::rates::{Earlier, LimitRates};
use crate::command::status::share;
use crate::command::table::Align::{Left, Right};
use crate::command::table::Tone;
use crate::command::top::app::Sort;

/// What is told of a limit.
pub(super) const LIMITS: &[Column] = &[
    column("LIMIT", 14, Left, 0),
    column("COUNTED", 7, Left, 1),
    column("ALLOW/S", 7, Right, 0),
    column("REFUSE/S", 8, Right, 0),
    column("DRY/S", 6, Right, 3),
    column("NOSTORE/S", 9, Right, 3),
    column("CLIENTS", 7, Right, 0),
    column("MOST", 6, Right, 2),
    column("FORGOT/S", 8, Right, 2),
    column("SHARE", 6, Right, 4),
    column("REFUSED", 7, Right, 5),
    column("KEY", 12, Left, 4),
];

/// A row for each limit.
pub(super) fn rows(
    all: &[LimitStatus],
    earlier: Option<&Earlier<'_>>,
    filter: &str,
    sort: Sort,
) -> Vec<Row> {
    let is_wanted = |one: &&LimitStatus| {
        let key = one.key.iter().map(String::as_str);
        matches(
            filter,
            [&*one.name, &*one.mode, &*one.algorithm]
                .into_iter()
                .chain(key),
        )
    };
    let measure = |one| {
        let rates = earlier.map(|earlier| earlier.limit(one));
        (one, rates.unwrap_or_default())
    };
    let mut rows: Vec<(&LimitStatus, LimitRates)> =
        all.iter().filter(is_wanted).map(measure).collect();
    rows.sort_by(|(a, a_rates), (b, b_rates)| match sort {
        Sort::Requests => descending(a_rates.allowed, b_rates.allowed),
        Sort::Refused => descending(a_rates.refused, b_rates.refused),
        Sort::Active => b.keys.cmp(&a.keys),
        Sort::Name => a.name.cmp(&b.name),
        Sort::Configured | Sort::Errors | Sort::Latency => Ordering::Equal,
    });
    rows.into_iter()
        .map(|(one, rates)| limit_row(one, rates))
        .collect()
}

fn limit_row(one: &LimitStatus, rates: LimitRates) -> Row {
    let plain = |text: String| (text, Tone::Plain);
    let warn_if = |per_second: Option<f64>, tone| {
        let is_some = per_second.is_some_and(|per_second| per_second > 0.0);
        (rate(per_second), if is_some { tone } else { Tone::Plain })
    };
    // Without its store it does what it was told to, and not what it is for.
    let is_degraded = one.is_shared && one.mode != "shared";
    Row {
        is_group: false,
        cells: vec![
            (one.name.clone(), Tone::Title),
            (one.mode.clone(), Tone::bad_if(is_degraded)),
            plain(rate(rates.allowed)),
            warn_if(rates.refused, Tone::Warn),
            warn_if(rates.dry_run, Tone::Warn),
            warn_if(rates.store_failed, Tone::Bad),
            plain(count(one.keys)),
            (count(one.max_keys), Tone::Dim),
            warn_if(rates.forgotten, Tone::Warn),
            share(one),
            plain(count(one.refused)),
            (one.key.join(", "), Tone::Dim),
        ],
    }
}
