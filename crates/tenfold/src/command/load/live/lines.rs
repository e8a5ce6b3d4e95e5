//! Lines for logs: how it stands, now and then.

use std::time::Duration;

use tenfold_load::Progress;
use tenfold_load::report::text::{clean, number, percent, seconds, time};
use tenfold_load::results::Interval;

/// How often a line may come.
const PAUSES: [u64; 6] = [1, 2, 5, 10, 30, 60];
/// About how many lines a test writes.
const LINES: u64 = 20;

/// What was written already.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// Seconds of the series that lines were written of.
    seen: usize,
    /// When the last line was due.
    last: Duration,
    phase: Option<usize>,
}

impl Lines {
    /// The next line, or two, if it is time for it.
    pub(super) fn next(&mut self, progress: &Progress<'_>) -> Option<String> {
        let mut out = String::new();
        if self.phase != Some(progress.phase) {
            self.phase = Some(progress.phase);
            out += &phase(progress);
        }
        let pause = pause(progress.test.duration());
        if progress.elapsed >= self.last + pause && progress.results.series.len() > self.seen {
            while self.last + pause <= progress.elapsed {
                self.last += pause;
            }
            out += &self.line(progress);
        }
        (!out.is_empty()).then_some(out)
    }

    /// Of what happened since the last line.
    fn line(&mut self, progress: &Progress<'_>) -> String {
        let mut sum = Interval::default();
        let mut duration = 0.0;
        for one in progress.results.series.iter().skip(self.seen) {
            sum.add(one);
            duration += one.duration;
        }
        self.seen = progress.results.series.len();
        let per_second =
            |count: u64| number((count as f64 / duration.max(0.05) * 10.0).round() / 10.0);
        let rate = per_second(sum.done);
        let at = |share| time(sum.latency.quantile(share));
        let load = match progress.test.is_open() {
            // What was wanted on the mean of the same time: in a ramp it is more by now.
            true => format!(
                "{rate} requests/s, {} arrivals/s wanted",
                per_second(sum.arrivals)
            ),
            false => format!(
                "{rate} requests/s, {} of {} users",
                progress.users,
                wanted(progress)
            ),
        };
        let mut line = format!(
            "{} of {}  {load}, {} under way  p50 {}  p95 {}  p99 {}",
            clock(progress.elapsed),
            clock(progress.test.duration()),
            progress.in_flight,
            at(0.5),
            at(0.95),
            at(0.99),
        );
        if sum.failed > 0 {
            let share = percent(sum.failed as f64 / sum.done.max(1) as f64);
            let mut kinds: Vec<_> = sum.errors.iter().collect();
            kinds.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
            let kinds = kinds
                .iter()
                .map(|(kind, count)| format!("{} {count}", kind.name()));
            let kinds: Vec<_> = kinds.collect();
            line += &format!("  failed {} ({share}): {}", sum.failed, kinds.join(", "));
        }
        line += &health(progress);
        line.push('\n');
        line
    }
}

fn phase(progress: &Progress<'_>) -> String {
    let test = progress.test;
    let Some(phase) = test.phases.get(progress.phase) else {
        return String::new();
    };
    let note = if phase.is_warm_up { " (warm-up)" } else { "" };
    format!(
        "{} of {}  phase {} of {}: {}{note}\n",
        clock(progress.elapsed),
        clock(test.duration()),
        progress.phase + 1,
        test.phases.len(),
        clean(&phase.name)
    )
}

/// Only what is wrong with the generator.
fn health(progress: &Progress<'_>) -> String {
    let mut out = String::new();
    if let Some(lag) = progress.lag.filter(|lag| is_late(*lag)) {
        out += &format!("  generator late: lag p99 {}", seconds(lag.as_secs_f64()));
    }
    if is_busy(progress.cpu) {
        out += &format!("  generator busy: {} of a core", percent(progress.cpu));
    }
    out
}

/// The generator's own fault (the limit of a valid run is the same, of all of it).
pub(super) fn is_late(lag: Duration) -> bool {
    lag > Duration::from_millis(1)
}

/// No room for another request.
pub(super) fn is_busy(cpu: f64) -> bool {
    cpu > 0.9
}

/// Arrivals per second, or users.
pub(super) fn wanted(progress: &Progress<'_>) -> String {
    match progress.test.is_open() {
        true => number((progress.wanted * 10.0).round() / 10.0),
        false => number(progress.wanted.round()),
    }
}

/// `0:30`, `1:02:00`.
pub(super) fn clock(time: Duration) -> String {
    let whole = time.as_secs();
    let (hours, minutes, rest) = (whole / 3600, whole / 60 % 60, whole % 60);
    match hours {
        0 => format!("{minutes}:{rest:02}"),
        _ => format!("{hours}:{minutes:02}:{rest:02}"),
    }
}

fn pause(duration: Duration) -> Duration {
    let wanted = duration.as_secs() / LINES;
    let pause = PAUSES.into_iter().find(|pause| *pause >= wanted);
    Duration::from_secs(pause.unwrap_or(60))
}
