//! How far it is: a bar for people at a terminal, lines for everything else.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// Told on standard error, because standard output is for what came of it.
#[derive(Debug)]
pub(super) struct Progress(Option<ProgressBar>);

impl Progress {
    /// Of so many things.
    pub(super) fn new(things: u64) -> Self {
        if !std::io::stderr().is_terminal() {
            return Self(None);
        }
        let bar = ProgressBar::new(things);
        let style =
            ProgressStyle::with_template("{msg:22} {wide_bar} {human_pos}/{human_len} {elapsed}");
        if let Ok(style) = style {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(200));
        Self(Some(bar))
    }

    /// What is done from now on.
    pub(super) fn step(&self, name: &'static str) {
        match &self.0 {
            Some(bar) => bar.set_message(name),
            // Nobody may be there to read it.
            None => drop(writeln!(std::io::stderr(), "seeding: {name}")),
        }
    }

    /// So many more are done.
    pub(super) fn add(&self, things: u64) {
        if let Some(bar) = &self.0 {
            bar.inc(things);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}
