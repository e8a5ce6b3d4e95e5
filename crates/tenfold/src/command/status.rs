//! `tenfold status`: how a running gateway does, once, or again and again with rates.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write as _};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use ratatui::crossterm::terminal;
use serde_json::json;
use tenfold_gateway::{EndpointStatus, LimitStatus, RouteStatus, Status, UpstreamStatus};

use super::Refusal;
use super::client::{Client, Failure};
use super::format::{bounded_sum, count, millis, rate, shortened, span};
use super::rates::{Earlier, GatewayRates, Look};
use super::table::{Table, Tone, paint};
use crate::cli;

/// Routes that are shown, the busiest ones.
const MOST_ROUTES: usize = 20;

/// Title of the columns that only watching can fill.
const PER_SECOND: &str = "PER S";

/// Shows it. The exit code is 1 if an upstream has no endpoint that is well, 2 if the gateway cannot be asked.
pub(crate) fn run(arguments: cli::Status) -> Result<ExitCode, Refusal> {
    let cli::Status {
        connect,
        json,
        watch,
    } = arguments;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Refusal::new(error, "raise the limits of this process (ulimit -a)"))?;
    let mut client = Client::new(connect.admin, connect.token);
    match watch {
        None => runtime.block_on(once(&mut client, json)),
        Some(every) => runtime.block_on(again_and_again(&mut client, json, every)),
    }
}

async fn once(client: &mut Client, in_json: bool) -> Result<ExitCode, Refusal> {
    let status = client.status().await?;
    let text = if in_json {
        let text = serde_json::to_string_pretty(&status);
        text.expect("plain data") + "\n"
    } else {
        render(&status, None, None, in_colour())
    };
    print(&text)?;
    Ok(verdict(&status))
}

/// Until it is ended, or nobody reads any more. A gateway that does not answer may come back.
async fn again_and_again(
    client: &mut Client,
    in_json: bool,
    every: Duration,
) -> Result<ExitCode, Refusal> {
    let mut earlier: Option<Look> = None;
    let is_screen = io::stdout().is_terminal() && !in_json;
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let text = match look(client).await {
            Ok(now) => {
                let text = if in_json {
                    format!(
                        "{}\n",
                        json!({ "status": now.status, "routes": now.routes })
                    )
                } else {
                    let rates = earlier.as_ref().and_then(|then| Earlier::new(then, &now));
                    render(
                        &now.status,
                        rates.as_ref(),
                        now.routes.as_deref(),
                        in_colour(),
                    )
                };
                earlier = Some(now);
                text
            }
            // The first one may be a wrong address: say so and end.
            Err(failure) if earlier.is_none() => return Err(failure.into()),
            Err(failure) if in_json => format!("{}\n", json!({ "error": failure.what })),
            Err(failure) => format!("{}; trying again\n", failure.what),
        };
        let text = match is_screen {
            true => on_screen(&text),
            false if in_json => text,
            false => text + "\n",
        };
        if !print(&text)? {
            return Ok(ExitCode::SUCCESS);
        }
    }
}

/// The text in place of the one before: home, clear to the end of each line and of the screen, so that nothing flickers;
/// what does not fit is left out, so that nothing scrolls.
fn on_screen(text: &str) -> String {
    let height = terminal::size().map_or(24, |(_, rows)| usize::from(rows).max(2));
    let mut lines: Vec<_> = text.lines().collect();
    if lines.len() >= height {
        lines.truncate(height - 2);
        lines.push("… there is more: make the terminal higher, or use `tenfold top`");
    }
    let lines: String = lines.iter().map(|line| format!("{line}\x1b[K\n")).collect();
    // Without wrapping while this is written: a long line must stay one.
    format!("\x1b[?7l\x1b[H{lines}\x1b[J\x1b[?7h")
}

async fn look(client: &mut Client) -> Result<Look, Failure> {
    let status = client.status().await?;
    let at = Instant::now();
    let routes = Some(client.routes().await?);
    Ok(Look { at, status, routes })
}

/// Returns false if nobody reads any more, as behind `| head`.
pub(super) fn print(text: &str) -> Result<bool, Refusal> {
    let mut out = io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    match written {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(Refusal::new(
            format!("cannot write: {error}"),
            "see where standard output goes",
        )),
    }
}

pub(super) fn in_colour() -> bool {
    io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none()
}

fn verdict(status: &Status) -> ExitCode {
    match status.upstreams.iter().all(|one| one.available() > 0) {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

/// The whole text.
fn render(
    status: &Status,
    earlier: Option<&Earlier<'_>>,
    routes: Option<&[RouteStatus]>,
    in_colour: bool,
) -> String {
    let mut text = head(status, earlier, in_colour);
    let mut table = Table::new(&["LISTENER", "ADDRESS", ">OPEN", ">ACCEPTED", ">PER S"]);
    for one in &status.listeners {
        let per_second = earlier.and_then(|earlier| earlier.listener(one));
        table.row([
            (one.name.clone(), Tone::Title),
            (one.address.clone(), Tone::Plain),
            (count(one.connections_open), Tone::Plain),
            (count(one.connections_accepted), Tone::Plain),
            (rate(per_second), Tone::Plain),
        ]);
    }
    if routes.is_none() {
        table.leave_out(PER_SECOND);
    }
    let _infallible = write!(text, "\n{}", table.text(in_colour));
    if !status.caches.is_empty() {
        let _infallible = write!(text, "\n{}", super::cache::table(&status.caches, in_colour));
    }
    if !status.limits.is_empty() {
        text.push_str(&render_limits(&status.limits, in_colour));
    }
    for upstream in &status.upstreams {
        let is_watched = routes.is_some();
        text.push_str(&render_upstream(upstream, earlier, is_watched, in_colour));
    }
    if let Some(routes) = routes {
        text.push_str(&render_routes(routes, earlier, in_colour));
    }
    text
}

/// A row for each limit.
pub(super) fn render_limits(limits: &[LimitStatus], in_colour: bool) -> String {
    let mut table = Table::new(&[
        "LIMIT",
        "COUNTED",
        ">ALLOWED",
        ">REFUSED",
        ">DRY RUN",
        ">NO STORE",
        ">CLIENTS",
        ">MOST",
        ">FORGOTTEN",
        ">SHARE",
        "KEY",
    ]);
    for one in limits {
        // Without its store it does what it was told to, and not what it is for.
        let is_degraded = one.is_shared && one.mode != "shared";
        let mode_tone = if is_degraded { Tone::Bad } else { Tone::Plain };
        table.row([
            (one.name.clone(), Tone::Title),
            (one.mode.clone(), mode_tone),
            (count(one.allowed), Tone::Plain),
            (count(one.refused), Tone::Plain),
            (count(one.dry_run_refused), Tone::Dim),
            (count(one.store_failed), Tone::Plain),
            (count(one.keys), Tone::Plain),
            (count(one.max_keys), Tone::Dim),
            (count(one.forgotten), Tone::Dim),
            share(one),
            (one.key.join(", "), Tone::Dim),
        ]);
    }
    if limits.iter().all(|one| one.algorithm != "adaptive") {
        table.leave_out("SHARE");
    }
    format!("\n{}", table.text(in_colour))
}

/// How much of its rates an adaptive limit allows; empty for others.
pub(super) fn share(limit: &LimitStatus) -> (String, Tone) {
    match limit.algorithm.as_str() {
        "adaptive" if limit.share < 1.0 => (super::cache::percent(Some(limit.share)), Tone::Warn),
        "adaptive" => ("100%".to_owned(), Tone::Plain),
        _ => (String::new(), Tone::Dim),
    }
}

fn head(status: &Status, earlier: Option<&Earlier<'_>>, in_colour: bool) -> String {
    let name = format!("tenfold {}", shortened(&status.version));
    let name = paint(&name, Tone::Title, in_colour);
    let state = match status.is_draining {
        true => paint("  draining", Tone::Warn, in_colour),
        false => String::new(),
    };
    let plural = if status.workers == 1 { "" } else { "s" };
    let requests = bounded_sum(status.requests);
    // A blank and the rate, if there is one.
    let rates = earlier.map(|earlier| earlier.gateway(status));
    let of = |of: fn(&GatewayRates) -> Option<f64>| {
        rates
            .as_ref()
            .map_or_else(String::new, |rates| format!(" ({}/s)", rate(of(rates))))
    };
    format!(
        "{name}{state}  up {}, generation {}, {} worker{plural}\n  \
         requests     {} active, {}{} answered, {}{} with 5xx\n  \
         connections  {} open, {}{} accepted\n  \
         bytes        {}{} in, {}{} out\n",
        span(status.uptime_seconds),
        status.generation,
        status.workers,
        count(status.requests_active),
        count(requests),
        of(|rates| rates.requests),
        count(status.requests[4]),
        of(|rates| rates.classes[4]),
        count(status.connections_open),
        count(status.connections_accepted),
        of(|rates| rates.accepted),
        count(status.received_bytes),
        of(|rates| rates.received_bytes),
        count(status.sent_bytes),
        of(|rates| rates.sent_bytes),
    )
}

fn render_upstream(
    upstream: &UpstreamStatus,
    earlier: Option<&Earlier<'_>>,
    is_watched: bool,
    in_colour: bool,
) -> String {
    let (available, all) = (upstream.available(), upstream.endpoints.len());
    let tone = match available {
        0 => Tone::Bad,
        some if some < all => Tone::Warn,
        _ => Tone::Good,
    };
    let panic = match upstream.is_panicking {
        true => paint(", panic: all of them get requests", Tone::Bad, in_colour),
        false => String::new(),
    };
    let breaker = match upstream.breaker.as_str() {
        "open" => paint(", its breaker is open", Tone::Bad, in_colour),
        "half_open" => paint(", its breaker is half-open", Tone::Warn, in_colour),
        _ => String::new(),
    };
    let mut table = Table::new(&[
        "ENDPOINT",
        "STATE",
        "SINCE",
        ">WEIGHT",
        "ZONE",
        ">REQUESTS",
        ">PER S",
        ">FAILED",
        ">PER S",
        ">IN FLIGHT",
        ">LATENCY",
        ">IDLE",
        "CAUSE",
    ]);
    for one in &upstream.endpoints {
        let rates = earlier.map(|earlier| earlier.endpoint(&upstream.name, one));
        let rates = rates.unwrap_or_default();
        table.row([
            (one.name.clone(), Tone::Plain),
            (one.state.name().to_owned(), Tone::of(one.state)),
            (span(one.since_seconds), Tone::Dim),
            (one.weight.to_string(), Tone::Plain),
            (one.zone.clone(), Tone::Plain),
            (count(one.picks), Tone::Plain),
            (rate(rates.requests), Tone::Plain),
            (count(one.failures), Tone::Plain),
            (rate(rates.errors), Tone::bad_if(rates.errors > Some(0.0))),
            (count(one.in_flight), Tone::Plain),
            (millis(one.latency_ms), Tone::Plain),
            (count(one.connections_idle), Tone::Dim),
            (cause(one), Tone::Dim),
        ]);
    }
    if !is_watched {
        table.leave_out(PER_SECOND);
    }
    let name = paint(&shortened(&upstream.name), Tone::Title, in_colour);
    let share = paint(&format!("{available} of {all} available"), tone, in_colour);
    format!(
        "\nupstream {name}  {}, {share}{panic}{breaker}{}\n{}",
        shortened(&upstream.algorithm),
        concurrency(upstream, in_colour),
        table.text(in_colour)
    )
}

/// How much of an upstream's limit is taken, if it has one, and who was turned away.
fn concurrency(upstream: &UpstreamStatus, in_colour: bool) -> String {
    let Some(one) = &upstream.concurrency else {
        return String::new();
    };
    let kind = if one.is_adaptive { " (adaptive)" } else { "" };
    let shed = &one.shed;
    let tone = match (one.waiting, one.in_flight >= one.limit) {
        (1.., _) => Tone::Bad,
        (0, true) => Tone::Warn,
        (0, false) => Tone::Plain,
    };
    let taken = format!("{} of {}{kind}", one.in_flight, one.limit);
    format!(
        ", {} under way, {} wait, turned away: {} critical, {} normal, {} bulk",
        paint(&taken, tone, in_colour),
        count(one.waiting),
        count(shed.critical),
        count(shed.normal),
        count(shed.bulk),
    )
}

/// Why an endpoint is in its state, and for how much longer.
pub(super) fn cause(endpoint: &EndpointStatus) -> String {
    let left = endpoint
        .until_seconds
        .map(|left| format!("{} left", span(left)));
    match (left, &*endpoint.cause) {
        (None, cause) => cause.to_owned(),
        (Some(left), "") => left,
        (Some(left), cause) => format!("{left}: {cause}"),
    }
}

fn render_routes(routes: &[RouteStatus], earlier: Option<&Earlier<'_>>, in_colour: bool) -> String {
    let rates = |route| {
        earlier
            .map(|earlier| earlier.route(route))
            .unwrap_or_default()
    };
    let mut rows: Vec<_> = routes.iter().map(|one| (one, rates(one))).collect();
    // Stable: routes without requests stay in the order of the configuration.
    rows.sort_by(|(_, a), (_, b)| {
        let known = |rate: Option<f64>| rate.unwrap_or(0.0);
        known(b.requests).total_cmp(&known(a.requests))
    });
    let mut table = Table::new(&[
        "ROUTE",
        ">REQUESTS",
        ">PER S",
        ">4XX/S",
        ">5XX/S",
        ">P50",
        ">P95",
        ">P99",
        "ACTION",
    ]);
    for (one, rates) in rows.iter().take(MOST_ROUTES) {
        table.row([
            (one.name.clone(), Tone::Title),
            (count(bounded_sum(one.requests)), Tone::Plain),
            (rate(rates.requests), Tone::Plain),
            (rate(rates.client_errors), Tone::Plain),
            (rate(rates.errors), Tone::bad_if(rates.errors > Some(0.0))),
            (millis(one.durations.p50_ms), Tone::Plain),
            (millis(one.durations.p95_ms), Tone::Plain),
            (millis(one.durations.p99_ms), Tone::Plain),
            (one.action.clone(), Tone::Dim),
        ]);
    }
    let mut text = format!("\n{}", table.text(in_colour));
    if routes.len() > MOST_ROUTES {
        let others = routes.len() - MOST_ROUTES;
        let _infallible = writeln!(text, "  … and {others} routes with fewer requests");
    }
    text
}

#[cfg(test)]
mod tests;
