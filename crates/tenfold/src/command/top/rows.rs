//! The rows of a table: chosen by the filter, in the order that was asked for, as texts.

mod limits;

use std::cmp::Ordering;

use tenfold_gateway::{EndpointStatus, ListenerStatus, RouteStatus, UpstreamStatus};

use super::app::{App, Sort, Tab};
use crate::command::format::{bounded_sum, bytes, count, millis, rate, shortened, span};
use crate::command::rates::{Earlier, EndpointRates, RouteRates, sum_of_known};
use crate::command::status::cause;
use crate::command::table::Align::{self, Left, Right};
use crate::command::table::Tone;

/// A column: its title, least width, where its cells stand, and what is left out first (the largest) when the screen
/// is narrow. The first column and the last one take what is left over.
pub(super) struct Column {
    pub(super) title: &'static str,
    pub(super) width: u16,
    pub(super) align: Align,
    pub(super) rank: u8,
}

const fn column(title: &'static str, width: u16, align: Align, rank: u8) -> Column {
    Column {
        title,
        width,
        align,
        rank,
    }
}

const UPSTREAMS: &[Column] = &[
    column("UPSTREAM", 18, Left, 0),
    column("STATE", 8, Left, 0),
    column("REQ/S", 6, Right, 0),
    column("ERR/S", 6, Right, 0),
    column("ACTIVE", 6, Right, 0),
    column("LATENCY", 7, Right, 0),
    column("SHED/S", 6, Right, 3),
    column("WAIT", 5, Right, 3),
    column("WEIGHT", 6, Right, 3),
    column("ZONE", 6, Left, 4),
    column("CONN/S", 6, Right, 5),
    column("IDLE", 5, Right, 5),
    column("REFUSED", 7, Right, 8),
    column("EJECTED", 7, Right, 6),
    column("OUT/S", 6, Right, 9),
    column("IN/S", 6, Right, 9),
    column("REQUESTS", 8, Right, 7),
    column("SINCE", 6, Right, 2),
    column("CAUSE", 20, Left, 1),
];

const ROUTES: &[Column] = &[
    column("ROUTE", 18, Left, 0),
    column("REQ/S", 6, Right, 0),
    column("4XX/S", 6, Right, 2),
    column("5XX/S", 6, Right, 0),
    column("SHED/S", 6, Right, 2),
    column("WAIT", 5, Right, 3),
    column("P50", 6, Right, 1),
    column("P95", 6, Right, 1),
    column("P99", 6, Right, 0),
    column("REQUESTS", 8, Right, 4),
    column("HOST", 16, Left, 5),
    column("PATH", 14, Left, 3),
    column("ACTION", 16, Left, 2),
];

const LISTENERS: &[Column] = &[
    column("LISTENER", 14, Left, 0),
    column("ADDRESS", 22, Left, 0),
    column("OPEN", 6, Right, 0),
    column("CONN/S", 6, Right, 0),
    column("ACCEPTED", 8, Right, 1),
];

/// The columns of a tab.
pub(super) fn columns(tab: Tab) -> &'static [Column] {
    match tab {
        Tab::Upstreams => UPSTREAMS,
        Tab::Routes => ROUTES,
        Tab::Limits => limits::LIMITS,
        Tab::Listeners => LISTENERS,
    }
}

/// A row, with a cell for each column of its tab.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Row {
    /// True if the rows below belong to it.
    pub(super) is_group: bool,
    pub(super) cells: Vec<(String, Tone)>,
}

/// All rows of the tab that is open.
pub(super) fn rows(app: &App) -> Vec<Row> {
    let Some(look) = app.latest() else {
        return Vec::new();
    };
    let (status, earlier) = (&look.status, app.previous());
    let filter = app.filter.to_lowercase();
    match app.tab {
        Tab::Upstreams => upstreams(&status.upstreams, earlier.as_ref(), &filter, app.sort()),
        Tab::Limits => limits::rows(&status.limits, earlier.as_ref(), &filter, app.sort()),
        Tab::Listeners => listeners(&status.listeners, earlier.as_ref(), &filter, app.sort()),
        Tab::Routes => {
            let base = app.base();
            let routes = look.routes.as_deref().unwrap_or_default();
            self::routes(
                routes,
                [earlier.as_ref(), base.as_ref()],
                &filter,
                app.sort(),
            )
        }
    }
}

fn matches<'a>(filter: &str, texts: impl IntoIterator<Item = &'a str>) -> bool {
    filter.is_empty()
        || texts
            .into_iter()
            .any(|text| text.to_lowercase().contains(filter))
}

/// Largest first; what is not known comes last.
fn descending(a: Option<f64>, b: Option<f64>) -> Ordering {
    let known = |number: Option<f64>| number.unwrap_or(f64::NEG_INFINITY);
    known(b).total_cmp(&known(a))
}

/// An endpoint with its rates, or the sums of an upstream.
struct Load<'a> {
    name: &'a str,
    rates: EndpointRates,
    in_flight: u64,
    latency_ms: Option<f64>,
    /// Of an upstream with a limit.
    queue: Option<Queue>,
}

/// Who waits, and how many are turned away per second.
#[derive(Clone, Copy)]
struct Queue {
    waiting: u64,
    shed: Option<f64>,
}

impl Queue {
    /// Two cells: who is turned away, and who waits.
    fn cells(queue: Option<Self>, tone: Tone) -> [(String, Tone); 2] {
        let Some(queue) = queue else {
            return [(String::new(), tone), (String::new(), tone)];
        };
        let tone_if = |is_some: bool, other| if is_some { other } else { tone };
        let is_shedding = queue.shed.is_some_and(|shed| shed > 0.0);
        [
            (rate(queue.shed), tone_if(is_shedding, Tone::Bad)),
            (count(queue.waiting), tone_if(queue.waiting > 0, Tone::Warn)),
        ]
    }
}

impl Load<'_> {
    fn compare(&self, other: &Self, sort: Sort) -> Ordering {
        match sort {
            Sort::Configured | Sort::Refused => Ordering::Equal,
            Sort::Requests => descending(self.rates.requests, other.rates.requests),
            Sort::Errors => descending(self.rates.errors, other.rates.errors),
            Sort::Active => other.in_flight.cmp(&self.in_flight),
            Sort::Latency => descending(self.latency_ms, other.latency_ms),
            Sort::Name => self.name.cmp(other.name),
        }
    }
}

fn upstreams(
    all: &[UpstreamStatus],
    earlier: Option<&Earlier<'_>>,
    filter: &str,
    sort: Sort,
) -> Vec<Row> {
    let mut groups = Vec::new();
    for upstream in all {
        let is_wanted = |one: &EndpointStatus| {
            let state = one.state.name();
            matches(
                filter,
                [&one.name, &one.address, &one.zone, &one.cause, state],
            )
        };
        let has_name = matches(filter, [&*upstream.name]);
        let chosen = upstream
            .endpoints
            .iter()
            .filter(|one| has_name || is_wanted(one));
        let mut endpoints: Vec<_> = chosen
            .map(|one| (one, load(upstream, one, earlier)))
            .collect();
        if endpoints.is_empty() && !has_name {
            continue;
        }
        endpoints.sort_by(|(_, a), (_, b)| a.compare(b, sort));
        let total = total(upstream, earlier);
        let mut rows = vec![group_row(upstream, &total)];
        rows.extend(endpoints.iter().map(|(one, load)| endpoint_row(one, load)));
        groups.push((total, rows));
    }
    groups.sort_by(|(a, _), (b, _)| a.compare(b, sort));
    groups.into_iter().flat_map(|(_, rows)| rows).collect()
}

fn load<'a>(
    upstream: &UpstreamStatus,
    one: &'a EndpointStatus,
    earlier: Option<&Earlier<'_>>,
) -> Load<'a> {
    let rates = earlier.map(|earlier| earlier.endpoint(&upstream.name, one));
    Load {
        name: &one.name,
        rates: rates.unwrap_or_default(),
        in_flight: one.in_flight,
        latency_ms: one.latency_ms,
        queue: None,
    }
}

/// The sums over an upstream's endpoints, whether they are shown or not; of latencies the highest.
fn total<'a>(upstream: &'a UpstreamStatus, earlier: Option<&Earlier<'_>>) -> Load<'a> {
    let all = upstream.endpoints.iter();
    let loads: Vec<_> = all.map(|one| load(upstream, one, earlier)).collect();
    let sum = |of: fn(&EndpointRates) -> Option<f64>| {
        sum_of_known(loads.iter().map(|load| of(&load.rates)))
    };
    Load {
        name: &upstream.name,
        rates: EndpointRates {
            requests: sum(|rates| rates.requests),
            errors: sum(|rates| rates.errors),
            opened: sum(|rates| rates.opened),
            sent_bytes: sum(|rates| rates.sent_bytes),
            received_bytes: sum(|rates| rates.received_bytes),
        },
        in_flight: bounded_sum(loads.iter().map(|load| load.in_flight)),
        latency_ms: loads
            .iter()
            .filter_map(|load| load.latency_ms)
            .reduce(f64::max),
        queue: upstream.concurrency.as_ref().map(|one| Queue {
            waiting: one.waiting,
            shed: earlier.and_then(|earlier| earlier.upstream_shed(upstream)),
        }),
    }
}

fn group_row(upstream: &UpstreamStatus, total: &Load<'_>) -> Row {
    let (available, all) = (upstream.available(), upstream.endpoints.len());
    let tone = match available {
        0 => Tone::Bad,
        some if some < all => Tone::Warn,
        _ => Tone::Good,
    };
    let sum = |of: fn(&EndpointStatus) -> u64| {
        let sum = bounded_sum(upstream.endpoints.iter().map(of));
        (count(sum), Tone::Title)
    };
    let note = match (upstream.is_panicking, &upstream.concurrency) {
        _ if upstream.breaker == "open" => ("its breaker is open".to_owned(), Tone::Bad),
        _ if upstream.breaker == "half_open" => ("its breaker is half-open".to_owned(), Tone::Warn),
        (true, _) => ("panic: all get requests".to_owned(), Tone::Bad),
        (false, Some(one)) => {
            let (taken, limit, waiting) = (one.in_flight, one.limit, one.waiting);
            let tone = if waiting > 0 { Tone::Warn } else { Tone::Dim };
            let algorithm = &upstream.algorithm;
            (
                format!("{algorithm}, {taken}/{limit} under way, {waiting} wait"),
                tone,
            )
        }
        (false, None) => (upstream.algorithm.clone(), Tone::Dim),
    };
    let nothing = (String::new(), Tone::Plain);
    let mut cells = vec![
        (upstream.name.clone(), Tone::Title),
        (format!("{available}/{all} up"), tone),
    ];
    cells.extend(load_cells(total, Tone::Title));
    cells.extend(Queue::cells(total.queue, Tone::Title));
    cells.extend([
        nothing.clone(),
        nothing.clone(),
        (rate(total.rates.opened), Tone::Title),
        sum(|one| one.connections_idle),
        sum(|one| one.connections_failed),
        sum(|one| one.ejections),
        (bytes(total.rates.sent_bytes), Tone::Title),
        (bytes(total.rates.received_bytes), Tone::Title),
        sum(|one| one.picks),
        nothing,
        note,
    ]);
    Row {
        is_group: true,
        cells,
    }
}

fn endpoint_row(one: &EndpointStatus, load: &Load<'_>) -> Row {
    let plain = |text: String| (text, Tone::Plain);
    let mut cells = vec![
        plain(format!("  {}", one.name)),
        (one.state.name().to_owned(), Tone::of(one.state)),
    ];
    cells.extend(load_cells(load, Tone::Plain));
    cells.extend(Queue::cells(load.queue, Tone::Plain));
    cells.extend([
        plain(one.weight.to_string()),
        plain(one.zone.clone()),
        plain(rate(load.rates.opened)),
        plain(count(one.connections_idle)),
        plain(count(one.connections_failed)),
        plain(count(one.ejections)),
        plain(bytes(load.rates.sent_bytes)),
        plain(bytes(load.rates.received_bytes)),
        plain(count(one.picks)),
        (span(one.since_seconds), Tone::Dim),
        (cause(one), Tone::Dim),
    ]);
    Row {
        is_group: false,
        cells,
    }
}

/// Requests and errors per second, requests under way, latency.
fn load_cells(load: &Load<'_>, tone: Tone) -> [(String, Tone); 4] {
    let has_errors = load.rates.errors.is_some_and(|errors| errors > 0.0);
    [
        (rate(load.rates.requests), tone),
        (
            rate(load.rates.errors),
            if has_errors { Tone::Bad } else { tone },
        ),
        (count(load.in_flight), tone),
        (millis(load.latency_ms), tone),
    ]
}

fn routes(
    all: &[RouteStatus],
    [earlier, base]: [Option<&Earlier<'_>>; 2],
    filter: &str,
    sort: Sort,
) -> Vec<Row> {
    let is_wanted = |one: &&RouteStatus| {
        let lists = [&one.hosts, &one.paths, &one.listeners, &one.methods];
        let listed = lists.into_iter().flatten().map(String::as_str);
        matches(filter, [&*one.name, &*one.action].into_iter().chain(listed))
    };
    let measure = |one| {
        let rates = earlier
            .map(|earlier| earlier.route(one))
            .unwrap_or_default();
        let quantiles = [0.5, 0.95, 0.99].map(|share| base?.quantile(one, share));
        (one, rates, quantiles)
    };
    let mut rows: Vec<(&RouteStatus, RouteRates, [Option<f64>; 3])> =
        all.iter().filter(is_wanted).map(measure).collect();
    rows.sort_by(
        |(a, a_rates, a_quantiles), (b, b_rates, b_quantiles)| match sort {
            Sort::Configured | Sort::Active | Sort::Refused => Ordering::Equal,
            Sort::Requests => descending(a_rates.requests, b_rates.requests),
            Sort::Errors => descending(a_rates.errors, b_rates.errors),
            Sort::Latency => descending(a_quantiles[2], b_quantiles[2]),
            Sort::Name => a.name.cmp(&b.name),
        },
    );
    rows.into_iter()
        .map(|(one, rates, quantiles)| route_row(one, rates, quantiles))
        .collect()
}

fn route_row(one: &RouteStatus, rates: RouteRates, quantiles: [Option<f64>; 3]) -> Row {
    let plain = |text: String| (text, Tone::Plain);
    let dim = |text: String| (text, Tone::Dim);
    let has_errors = rates.errors.is_some_and(|errors| errors > 0.0);
    let mut cells = vec![
        (one.name.clone(), Tone::Title),
        plain(rate(rates.requests)),
        plain(rate(rates.client_errors)),
        (rate(rates.errors), Tone::bad_if(has_errors)),
    ];
    let queue = one.concurrency.as_ref().map(|queue| Queue {
        waiting: queue.waiting,
        shed: rates.shed,
    });
    cells.extend(Queue::cells(queue, Tone::Plain));
    cells.extend(quantiles.map(|quantile| plain(millis(quantile))));
    let paths = match &*one.methods.join(",") {
        "" => one.paths.join(", "),
        methods => format!("{methods} {}", one.paths.join(", ")),
    };
    cells.extend([
        plain(count(bounded_sum(one.requests))),
        dim(one.hosts.join(", ")),
        dim(paths),
        dim(one.action.clone()),
    ]);
    Row {
        is_group: false,
        cells,
    }
}

fn listeners(
    all: &[ListenerStatus],
    earlier: Option<&Earlier<'_>>,
    filter: &str,
    sort: Sort,
) -> Vec<Row> {
    let is_wanted = |one: &&ListenerStatus| matches(filter, [&*one.name, &*one.address]);
    let measure = |one| (one, earlier.and_then(|earlier| earlier.listener(one)));
    let mut rows: Vec<(&ListenerStatus, _)> = all.iter().filter(is_wanted).map(measure).collect();
    rows.sort_by(|(a, a_rate), (b, b_rate)| match sort {
        Sort::Requests => descending(*a_rate, *b_rate),
        Sort::Active => b.connections_open.cmp(&a.connections_open),
        Sort::Name => a.name.cmp(&b.name),
        Sort::Configured | Sort::Errors | Sort::Latency | Sort::Refused => Ordering::Equal,
    });
    let row = |(one, per_second): (&ListenerStatus, Option<f64>)| Row {
        is_group: false,
        cells: vec![
            (one.name.clone(), Tone::Title),
            (one.address.clone(), Tone::Plain),
            (count(one.connections_open), Tone::Plain),
            (rate(per_second), Tone::Plain),
            (count(one.connections_accepted), Tone::Plain),
        ],
    };
    rows.into_iter().map(row).collect()
}

impl Row {
    /// Its cells, safe to show.
    pub(super) fn shown(&self) -> impl Iterator<Item = (String, Tone)> {
        self.cells
            .iter()
            .map(|(text, tone)| (shortened(text), *tone))
    }
}

#[cfg(test)]
mod tests;
