//! The picture: a summary, a table, and a line of help.

use std::time::Instant;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Cell, Clear, Paragraph, Row, Table};
use tenfold_gateway::CacheStatus;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::app::{App, Tab};
use super::rows::{self, Column};
use crate::command::cache::percent;
use crate::command::format::{bytes, clean, count, rate, span};
use crate::command::rates::GatewayRates;
use crate::command::table::{Align, Tone};

/// Lines above the table.
const HEAD: u16 = 3;
/// Widest first column; names that are longer are cut.
const WIDEST_NAME: u16 = 48;
/// A first column that is worth more than columns of rank [`OPTIONAL`] and above.
const GOOD_NAME: u16 = 30;
/// The least rank of columns that one can do without.
const OPTIONAL: u8 = 3;

const HELP: &[&str] = &[
    "q, Ctrl-C          end",
    "Tab, ← →, 1 to 4   upstreams, routes, limits, listeners",
    "↑ ↓ PgUp PgDn      scroll (also j k, Home, End)",
    "s, S               sort by the next, the one before",
    "/                  filter; Enter keeps it, Esc drops it",
    "Space              pause, and go on",
    "",
    "Rates are of the time between the last two looks,",
    "P50 to P99 of the last ten to twenty seconds.",
    "cache: hit rate, bytes in memory of at most so many.",
    "ACTIVE: requests under way.  LATENCY: a moving average,",
    "of an upstream its slowest endpoint's.",
    "WAIT, SHED/S: in the queue, turned away (concurrency).",
    "CONN/S: new connections.  REFUSED: could not be made.",
    "Limits: COUNTED where; FORGOT/S: clients, for want of room.",
    "A dash: not known (yet).",
];

/// Draws everything.
pub(super) fn draw(frame: &mut Frame<'_>, app: &mut App, now: Instant) {
    let areas = [
        Constraint::Length(HEAD),
        Constraint::Min(0),
        Constraint::Length(1),
    ];
    let [head, body, foot] = Layout::vertical(areas).areas(frame.area());
    let range = draw_table(frame, app, body);
    draw_head(frame, app, head, &range);
    draw_foot(frame, app, foot, now);
    if app.shows_help {
        draw_help(frame, body);
    }
}

fn style(tone: Tone) -> Style {
    let style = Style::new();
    match tone {
        Tone::Plain => style,
        Tone::Title => style.add_modifier(Modifier::BOLD),
        Tone::Dim => style.add_modifier(Modifier::DIM),
        Tone::Good => style.fg(Color::Green),
        Tone::Warn => style.fg(Color::Yellow),
        Tone::Bad => style.fg(Color::Red).add_modifier(Modifier::BOLD),
    }
}

/// Which rows are on the screen, of how many.
struct Range {
    first: usize,
    shown: usize,
    all: usize,
}

fn draw_head(frame: &mut Frame<'_>, app: &App, area: Rect, range: &Range) {
    let lines = [
        title_line(app, area.width),
        numbers_line(app, area.width),
        tabs_line(app, area.width, range),
    ];
    frame.render_widget(Paragraph::new(lines.to_vec()), area);
}

/// As many of the pieces, from the left, as there is room for.
fn fitting(pieces: Vec<(String, Tone)>, width: u16) -> Line<'static> {
    let mut left = usize::from(width);
    let mut line = Line::default();
    for (text, tone) in pieces {
        let gap = if line.spans.is_empty() { 0 } else { 2 };
        let needed = text.width() + gap;
        if needed > left {
            break;
        }
        left -= needed;
        line.push_span(Span::raw(" ".repeat(gap)));
        line.push_span(Span::styled(text, style(tone)));
    }
    line
}

fn title_line(app: &App, width: u16) -> Line<'static> {
    let Some(look) = app.latest() else {
        return fitting(vec![(app.url.clone(), Tone::Plain)], width);
    };
    let status = &look.status;
    let plural = if status.workers == 1 { "" } else { "s" };
    let state = match (&app.trouble, app.is_paused, status.is_draining) {
        (Some(_), _, _) => Some(("GONE", Tone::Bad)),
        (None, true, _) => Some(("PAUSED", Tone::Warn)),
        (None, false, true) => Some(("DRAINING", Tone::Warn)),
        (None, false, false) => None,
    };
    let mut pieces = vec![(format!("tenfold {}", clean(&status.version)), Tone::Title)];
    pieces.extend(state.map(|(text, tone)| (text.to_owned(), tone)));
    pieces.extend([
        (format!("up {}", span(status.uptime_seconds)), Tone::Plain),
        (format!("generation {}", status.generation), Tone::Plain),
        (format!("{} worker{plural}", status.workers), Tone::Plain),
        (app.url.clone(), Tone::Dim),
    ]);
    fitting(pieces, width)
}

fn numbers_line(app: &App, width: u16) -> Line<'static> {
    let Some(look) = app.latest() else {
        return Line::default();
    };
    let status = &look.status;
    let rates = app.previous().map(|earlier| earlier.gateway(status));
    let rates: GatewayRates = rates.unwrap_or_default();
    let plain = |name: &str, value: String| (format!("{name} {value}"), Tone::Plain);
    let [_, ok, redirects, client_errors, errors] = rates.classes;
    let is_failing = errors.is_some_and(|errors| errors > 0.0);
    let mut pieces = vec![
        (format!("req/s {}", rate(rates.requests)), Tone::Title),
        (format!("5xx/s {}", rate(errors)), Tone::bad_if(is_failing)),
        plain("active", count(status.requests_active)),
        plain("open", count(status.connections_open)),
        plain("conn/s", rate(rates.accepted)),
    ];
    pieces.extend(caches(app));
    pieces.extend([
        plain("2xx/s", rate(ok)),
        plain("3xx/s", rate(redirects)),
        plain("4xx/s", rate(client_errors)),
        plain("in/s", bytes(rates.received_bytes)),
        plain("out/s", bytes(rates.sent_bytes)),
    ]);
    fitting(pieces, width)
}

/// A word for each cache: its hit rate between the last two looks, and how full it is.
fn caches(app: &App) -> Vec<(String, Tone)> {
    let status = app.latest().map(|look| &look.status);
    let all = status.into_iter().flat_map(|status| &status.caches);
    let piece = |one: &CacheStatus| {
        let earlier = app.previous();
        let requests = earlier.and_then(|earlier| earlier.cache(one));
        let rate = percent(requests.and_then(|requests| requests.hit_rate()));
        let (name, bytes, of) = (clean(&one.name), count(one.bytes), count(one.capacity));
        (
            format!("cache {name} {rate} hits, {bytes}/{of}"),
            Tone::Plain,
        )
    };
    all.map(piece).collect()
}

fn tabs_line(app: &App, width: u16, range: &Range) -> Line<'static> {
    let tab = |tab: Tab| {
        let is_open = tab == app.tab;
        let style = if is_open {
            Modifier::REVERSED
        } else {
            Modifier::DIM
        };
        Span::styled(
            format!(" {} ", tab.title()),
            Style::new().add_modifier(style),
        )
    };
    let mut line = Line::from(Tab::ALL.map(tab).to_vec());
    let left = width.saturating_sub(u16::try_from(line.width()).unwrap_or(u16::MAX));
    let mut notes = vec![
        (String::new(), Tone::Dim),
        (format!("sort: {}", app.sort().title()), Tone::Dim),
    ];
    if !app.filter.is_empty() && !app.is_typing {
        notes.push((format!("filter: {}", app.filter), Tone::Warn));
    }
    if range.shown < range.all {
        let (first, last) = (range.first + 1, range.first + range.shown);
        notes.push((format!("rows {first}–{last} of {}", range.all), Tone::Dim));
    }
    line.extend(fitting(notes, left).spans);
    line
}

fn draw_table(frame: &mut Frame<'_>, app: &mut App, area: Rect) -> Range {
    let rows = rows::rows(app);
    let page = usize::from(area.height.saturating_sub(1));
    let first = app.scroll_within(rows.len(), page);
    let columns = rows::columns(app.tab);
    let names = rows.iter().filter_map(|row| row.cells.first());
    let longest = names.map(|(name, _)| name.width()).max().unwrap_or(0);
    let layout = fit(columns, longest, area.width);
    let range = Range {
        first,
        shown: page.min(rows.len()),
        all: rows.len(),
    };
    if rows.is_empty() {
        let line = Line::styled(format!("\n{}", why_empty(app)), style(Tone::Dim));
        frame.render_widget(Paragraph::new(line), area);
        return range;
    }
    let titles = layout.iter().map(|(index, width)| {
        let column = &columns[*index];
        aligned(column.title, Style::new(), column, *width)
    });
    let header =
        Row::new(titles).style(Style::new().add_modifier(Modifier::DIM | Modifier::UNDERLINED));
    let is_stale = app.trouble.is_some();
    let shown = rows.iter().skip(first).take(page).map(|row| {
        let cells: Vec<_> = row.shown().collect();
        let cells = layout.iter().map(|(index, width)| {
            let (text, tone) = &cells[*index];
            aligned(text, style(*tone), &columns[*index], *width)
        });
        let stale = Style::new().add_modifier(Modifier::DIM);
        Row::new(cells.collect::<Vec<_>>()).style(if is_stale { stale } else { Style::new() })
    });
    let widths = layout.iter().map(|(_, width)| Constraint::Length(*width));
    let table = Table::new(shown, widths).header(header).column_spacing(1);
    frame.render_widget(table, area);
    range
}

fn why_empty(app: &App) -> &'static str {
    match (app.latest(), app.tab, &*app.filter) {
        (None, _, _) => "nothing is known yet",
        (Some(look), Tab::Routes, _) if look.routes.is_none() => "asking for the routes …",
        (_, _, "") => "there is none",
        _ => "nothing matches the filter; Esc drops it",
    }
}

fn aligned(text: &str, style: Style, column: &Column, width: u16) -> Cell<'static> {
    let line = Line::styled(cut(text, usize::from(width)), style);
    Cell::from(match column.align {
        Align::Left => line,
        Align::Right => line.right_aligned(),
    })
}

/// The text if it fits, or else as much as does, and a mark.
fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut left = width.saturating_sub(1);
    let fits = |c: &char| {
        let rest = left.checked_sub(c.width().unwrap_or(0));
        left = rest.unwrap_or(left);
        rest.is_some()
    };
    text.chars().take_while(fits).chain(['…']).collect()
}

/// Which columns there is room for, and how wide they are.
fn fit(columns: &[Column], longest_name: usize, width: u16) -> Vec<(usize, u16)> {
    let widths = columns.iter().map(|column| column.width);
    let mut chosen: Vec<(usize, u16)> = widths.enumerate().collect();
    let wanted = u16::try_from(longest_name).unwrap_or(u16::MAX);
    let good = wanted.clamp(chosen[0].1, GOOD_NAME.max(chosen[0].1));
    let least = std::mem::replace(&mut chosen[0].1, good);
    leave_out(columns, &mut chosen, width, OPTIONAL);
    chosen[0].1 = least;
    leave_out(columns, &mut chosen, width, 0);
    let left = width.saturating_sub(total(&chosen));
    let grown = left.min(wanted.min(WIDEST_NAME).saturating_sub(least));
    chosen[0].1 += grown;
    if let [_, .., last] = &mut *chosen
        && columns[last.0].align == Align::Left
    {
        last.1 += left - grown;
    }
    chosen
}

/// Leaves out columns of at least that rank, the highest first, of equal ones the last, until the others fit.
fn leave_out(columns: &[Column], chosen: &mut Vec<(usize, u16)>, width: u16, rank: u8) {
    while total(chosen) > width {
        let others = chosen.iter().enumerate().skip(1);
        let last = others.max_by_key(|(_, (index, _))| columns[*index].rank);
        match last {
            Some((position, (index, _))) if columns[*index].rank >= rank => {
                chosen.remove(position);
            }
            _ => return,
        }
    }
}

/// The width of columns with a blank between each two.
fn total(chosen: &[(usize, u16)]) -> u16 {
    chosen.iter().map(|(_, width)| width + 1).sum::<u16>() - 1
}

fn draw_foot(frame: &mut Frame<'_>, app: &App, area: Rect, now: Instant) {
    let line = if app.is_typing {
        Line::from(vec![
            Span::styled("filter: ", style(Tone::Title)),
            Span::raw(format!("{}▏", app.filter)),
        ])
    } else if let Some(trouble) = &app.trouble {
        let since = span(now.saturating_duration_since(trouble.since).as_secs_f64());
        let text = format!(
            "gone for {since}, trying again: {}",
            clean(&trouble.failure.what)
        );
        Line::styled(text, style(Tone::Bad))
    } else {
        let keys = [
            "q quit",
            "tab view",
            "s sort",
            "/ filter",
            "space pause",
            "? help",
            "↑↓ scroll",
        ];
        fitting(
            keys.map(|key| (key.to_owned(), Tone::Dim)).to_vec(),
            area.width,
        )
    };
    frame.render_widget(line, area);
}

fn draw_help(frame: &mut Frame<'_>, area: Rect) {
    let text: Vec<_> = HELP.iter().map(|line| Line::raw(*line)).collect();
    let longest = text.iter().map(Line::width).max().unwrap_or(0);
    let size = |wanted: usize, most: u16| u16::try_from(wanted + 2).unwrap_or(most).min(most);
    let (width, height) = (size(longest + 2, area.width), size(text.len(), area.height));
    let popup = Rect {
        x: area.x + (area.width - width) / 2,
        y: area.y + (area.height - height) / 2,
        width,
        height,
    };
    let block = Block::bordered().title(" help: any key closes it ");
    frame.render_widget(Clear, popup);
    frame.render_widget(Paragraph::new(text).block(block), popup);
}

#[cfg(test)]
mod tests;
