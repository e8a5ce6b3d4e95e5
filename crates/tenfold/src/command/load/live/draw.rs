//! The picture: how far it is, numbers, two plots, errors, the generator.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;
use tenfold_load::Progress;
use tenfold_load::report::text::{clean, count, number, percent, time};

use super::lines::{clock, is_busy, is_late, wanted};
use super::plots::{REACHED, draw_latencies, draw_rates};
use super::tone::{bad, bad_if, bold, dim};
use super::view::{Times, View};

/// Narrower screens have one plot below the other.
const SIDE_BY_SIDE: u16 = 76;
/// Draws everything.
pub(super) fn draw(frame: &mut Frame<'_>, view: &View, progress: &Progress<'_>) {
    let troubles = troubles(view, progress);
    // What is wrong gives way to the plots on low screens, but never leaves.
    let most = (frame.area().height / 4).max(2);
    let lines = u16::try_from(troubles.len()).unwrap_or(u16::MAX).min(most);
    let areas = [
        Constraint::Length(2),
        Constraint::Length(4),
        Constraint::Min(0),
        Constraint::Length(lines),
        Constraint::Length(1),
        Constraint::Length(1),
    ];
    let [head, numbers, plots, bad, health, foot] = Layout::vertical(areas).areas(frame.area());
    draw_head(frame, progress, head);
    draw_numbers(frame, view, progress, numbers);
    let halves = [Constraint::Ratio(1, 2), Constraint::Ratio(1, 2)];
    let [left, right] = match plots.width >= SIDE_BY_SIDE {
        true => Layout::horizontal(halves).spacing(1).areas(plots),
        false => Layout::vertical(halves).areas(plots),
    };
    draw_rates(frame, view, progress, left);
    draw_latencies(frame, view, right);
    frame.render_widget(Paragraph::new(troubles), bad);
    frame.render_widget(health_line(progress), health);
    let help = Line::styled("q, Ctrl-C end the test and report", dim());
    frame.render_widget(help, foot);
}

/// What is done, the phase, and a bar of the whole time with a mark where each phase ends.
fn draw_head(frame: &mut Frame<'_>, progress: &Progress<'_>, area: Rect) {
    let test = progress.test;
    let mut title = Line::from(Span::styled(clean(&test.name), bold()));
    if let Some(phase) = test.phases.get(progress.phase) {
        let note = if phase.is_warm_up { " (warm-up)" } else { "" };
        let of = format!("  phase {}/{} ", progress.phase + 1, test.phases.len());
        title.push_span(Span::raw(of));
        title.push_span(Span::styled(clean(&phase.name), bold()));
        title.push_span(Span::raw(note));
    }
    title.push_span(Span::styled(
        format!("  {}", clean(&test.target.url())),
        dim(),
    ));
    let whole = test.duration();
    let times = format!(" {} of {}", clock(progress.elapsed), clock(whole));
    let width = usize::from(area.width).saturating_sub(times.len());
    let seconds = whole.as_secs_f64().max(0.001);
    let share = (progress.elapsed.as_secs_f64() / seconds).clamp(0.0, 1.0);
    let filled = (share * width as f64).round() as usize;
    let mut ends = Vec::new();
    let mut end = 0.0;
    for phase in &test.phases {
        end += phase.duration.as_secs_f64();
        ends.push((end / seconds * width as f64).round() as usize);
    }
    let cell = |at: usize| match (at < filled, ends.contains(&(at + 1)) && at + 1 < width) {
        (true, _) => '━',
        (false, true) => '┼',
        (false, false) => '─',
    };
    let bar: String = (0..width).map(cell).collect();
    let (done, open) = bar.split_at(
        bar.char_indices()
            .nth(filled)
            .map_or(bar.len(), |(at, _)| at),
    );
    let bar = Line::from(vec![
        Span::styled(done.to_owned(), Style::new().fg(REACHED)),
        Span::styled(open.to_owned(), dim()),
        Span::raw(times),
    ]);
    frame.render_widget(Paragraph::new(vec![title, bar]), area);
}

/// As many of the pieces as fit, from the left.
fn fitting(pieces: Vec<(String, Style)>, width: u16) -> Line<'static> {
    let mut line = Line::default();
    for (text, style) in pieces {
        let gap = if line.spans.is_empty() { "" } else { "   " };
        let piece = Span::styled(text, style);
        if line.width() + gap.len() + piece.width() > usize::from(width) {
            break;
        }
        line.push_span(gap);
        line.push_span(piece);
    }
    line
}

fn draw_numbers(frame: &mut Frame<'_>, view: &View, progress: &Progress<'_>, area: Rect) {
    let reached = view.seconds.last().map_or(0.0, |second| second.done);
    let is_open = progress.test.is_open();
    let reached = number((reached * 10.0).round() / 10.0);
    let share = percent(view.failed as f64 / view.done.max(1) as f64);
    let load = match is_open {
        true => format!(
            "{reached} requests/s, {} arrivals/s wanted",
            wanted(progress)
        ),
        false => format!(
            "{reached} requests/s by {} of {} users",
            progress.users,
            wanted(progress)
        ),
    };
    let mut pieces = vec![
        (load, bold()),
        (
            format!("{} failed ({share})", count(view.failed)),
            bad_if(view.failed > 0),
        ),
        (
            format!("{} under way", count(progress.in_flight.into())),
            Style::new(),
        ),
    ];
    if is_open {
        pieces.push((
            format!("{} sessions", count(progress.users.into())),
            Style::new(),
        ));
    }
    pieces.push((format!("{} done", count(view.done)), Style::new()));
    let lines = vec![
        fitting(pieces, area.width),
        times_head(),
        times_line("last 10 s", &view.recent),
        times_line("whole", &view.whole),
    ];
    frame.render_widget(Paragraph::new(lines), area);
}

fn times_head() -> Line<'static> {
    let mut line = Line::styled(format!("{:<10}", "latency"), dim());
    for name in ["p50", "p90", "p95", "p99", "max"] {
        line.push_span(Span::styled(format!("{name:>10}"), dim()));
    }
    line
}

fn times_line(name: &str, times: &Times) -> Line<'static> {
    let mut line = Line::from(Span::styled(format!("{name:<10}"), dim()));
    for value in times.percentiles.into_iter().chain([times.max]) {
        line.push_span(Span::raw(format!("{:>10}", time(value))));
    }
    line
}

/// Errors, thresholds that do not hold, and doubts.
fn troubles(view: &View, progress: &Progress<'_>) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    for doubt in progress.results.doubts() {
        lines.push(Line::styled(format!("INVALID: {}", clean(&doubt)), bad()));
    }
    if !view.errors.is_empty() {
        let kinds = view.errors.iter();
        let kinds = kinds.map(|(kind, times)| format!("{} {}", kind.name(), count(*times)));
        let kinds: Vec<_> = kinds.collect();
        lines.push(Line::from(vec![
            Span::styled("errors  ", bad()),
            Span::raw(kinds.join("  ")),
        ]));
    }
    for error in progress.results.errors.iter().take(3) {
        let text = format!(
            "  {} × {}: {}",
            count(error.count),
            error.step,
            error.message
        );
        lines.push(Line::styled(clean(&text), dim()));
    }
    let all = view.verdicts.len();
    let broken: Vec<_> = view.verdicts.iter().filter(|it| !it.holds).collect();
    if all > 0 {
        let holding = all - broken.len();
        let style = bad_if(!broken.is_empty());
        lines.push(Line::styled(
            format!("thresholds  {holding} of {all} hold"),
            style,
        ));
    }
    for verdict in broken {
        let of = verdict.scope.as_ref().map(|scope| format!(" ({scope})"));
        let of = of.unwrap_or_default();
        let text = format!("  {}{of}: {}", verdict.threshold, verdict.measured);
        lines.push(Line::styled(clean(&text), Style::new().fg(Color::Red)));
    }
    lines
}

fn health_line(progress: &Progress<'_>) -> Line<'static> {
    let lag = progress.lag;
    let dropped = progress.results.generator.dropped;
    let mut line = Line::from(Span::styled("generator  ", dim()));
    let pieces = [
        (format!("lag p99 {}", time(lag)), lag.is_some_and(is_late)),
        (
            format!("busiest thread {}", percent(progress.cpu)),
            is_busy(progress.cpu),
        ),
        (format!("{} dropped", count(dropped)), dropped > 0),
    ];
    for (index, (text, is_bad)) in pieces.into_iter().enumerate() {
        line.push_span(if index > 0 { "   " } else { "" });
        line.push_span(Span::styled(text, if is_bad { bad() } else { dim() }));
    }
    line
}
