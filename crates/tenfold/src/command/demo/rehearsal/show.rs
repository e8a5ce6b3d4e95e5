//! What is seen while it rehearses: one line that changes on a terminal, a line for each thing done anywhere else.

use std::io::{self, IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use tenfold_load::Progress;
use tenfold_load::report::text::{number, percent, seconds, time};
use tenfold_load::results::Interval;

use super::measured::{Capacity, Run};

/// Between two looks at the changing line.
const BEAT: Duration = Duration::from_millis(250);

/// Where lines go.
pub(super) struct Show {
    is_terminal: bool,
    /// How long all loads take together, and those that are over.
    all: Duration,
    done: Duration,
    title: String,
    drawn: Option<Instant>,
}

impl Show {
    pub(super) fn new(all: Duration) -> Self {
        Self {
            is_terminal: io::stderr().is_terminal(),
            all,
            done: Duration::ZERO,
            title: String::new(),
            drawn: None,
        }
    }

    /// Something that takes a while, and makes no load.
    pub(super) fn doing(&mut self, what: &str) {
        match self.is_terminal {
            true => self.write(&format!("\r\x1b[K{} {what} …", self.share(Duration::ZERO))),
            false => self.write(&format!("{what} …\n")),
        }
    }

    /// A load begins.
    pub(super) fn begin(&mut self, title: &str) {
        title.clone_into(&mut self.title);
        self.drawn = None;
    }

    /// How it stands; to be called often.
    pub(super) fn progress(&mut self, progress: &Progress<'_>) {
        if !self.is_terminal || self.drawn.is_some_and(|drawn| drawn.elapsed() < BEAT) {
            return;
        }
        self.drawn = Some(Instant::now());
        let line = format!(
            "\r\x1b[K{} {}  {}",
            self.share(progress.elapsed),
            self.title,
            latest(progress)
        );
        self.write(&line);
    }

    /// A load is over.
    pub(super) fn end(&mut self, took: Duration, came: &str) {
        self.done += took;
        let clear = if self.is_terminal { "\r\x1b[K" } else { "" };
        let line = format!("{clear}{:<48} {came}\n", self.title);
        self.write(&line);
    }

    /// Removes the changing line.
    pub(super) fn clear(&mut self) {
        if self.is_terminal {
            self.write("\r\x1b[K");
        }
    }

    fn share(&self, elapsed: Duration) -> String {
        let done = (self.done + elapsed).as_secs_f64() / self.all.as_secs_f64();
        format!("{:>3.0} %", (done * 100.0).min(99.0))
    }

    fn write(&mut self, text: &str) {
        // Nobody who reads is no reason to stop.
        let _unread = io::stderr().lock().write_all(text.as_bytes());
    }
}

/// The last whole second.
fn latest(progress: &Progress<'_>) -> String {
    let series = &progress.results.series;
    let last = series.len().checked_sub(2).and_then(|at| series.get(at));
    let nothing = Interval::default();
    let last = last.unwrap_or(&nothing);
    let failed = match last.failed {
        0 => String::new(),
        failed => format!(
            ", {} failed",
            percent(failed as f64 / last.done.max(1) as f64)
        ),
    };
    format!(
        "{} requests/s, p95 {}{failed}",
        number(last.done as f64),
        time(last.latency.quantile(0.95)),
    )
}

/// What came of a load, in a line.
pub(super) fn came_of(run: &Run) -> String {
    format!(
        "{:>7} of {:>7} page views/s  p50 {:>8}  p95 {:>8}  {} failed",
        tenth(run.page_views_per_second),
        tenth(run.wanted_page_views_per_second),
        millis(run.p50_ms),
        millis(run.p95_ms),
        percent(run.error_share()),
    )
}

/// How much it takes, in a line.
pub(super) fn takes(capacity: &Capacity) -> String {
    match capacity.page_views_per_second {
        Some(most) => format!("{:>7} page views/s within the objective", tenth(most)),
        None => "no level was within the objective".to_owned(),
    }
}

/// With one digit behind the point.
pub(crate) fn tenth(value: f64) -> String {
    number((value * 10.0).round() / 10.0)
}

/// Milliseconds with three digits and their unit.
pub(crate) fn millis(ms: Option<f64>) -> String {
    ms.map_or_else(|| "–".to_owned(), |ms| seconds(ms / 1e3))
}
