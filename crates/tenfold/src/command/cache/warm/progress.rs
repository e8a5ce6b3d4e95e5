//! How far warming is: a bar on a terminal, now and then a line elsewhere, and a summary.

use std::io::{self, IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use super::address::Address;
use super::fetch::Warmed;
use crate::command::format::{rate, shortened, span};

/// Letters of the bar.
const WIDTH: usize = 30;

/// What came of the requests so far.
#[derive(Clone, Debug)]
pub(super) struct Tally {
    began: Instant,
    all: usize,
    pub(super) stored: usize,
    pub(super) there: usize,
    pub(super) not_stored: usize,
    pub(super) failed: usize,
    first_failure: Option<String>,
    first_not_stored: Option<String>,
}

impl Tally {
    pub(super) fn new(all: usize) -> Self {
        Self {
            began: Instant::now(),
            all,
            stored: 0,
            there: 0,
            not_stored: 0,
            failed: 0,
            first_failure: None,
            first_not_stored: None,
        }
    }

    pub(super) fn add(&mut self, address: &Address, result: Result<Warmed, String>) {
        let name = || format!("{}{}", address.host, address.target);
        match result {
            Ok(Warmed::Stored) => self.stored += 1,
            Ok(Warmed::AlreadyThere) => self.there += 1,
            Ok(Warmed::NotStored) => {
                self.not_stored += 1;
                self.first_not_stored.get_or_insert_with(name);
            }
            Err(why) => {
                self.failed += 1;
                self.first_failure
                    .get_or_insert_with(|| format!("{}: {why}", name()));
            }
        }
    }

    fn done(&self) -> usize {
        self.stored + self.there + self.not_stored + self.failed
    }

    fn line(&self) -> String {
        let seconds = self.began.elapsed().as_secs_f64();
        let speed = rate((seconds > 0.1).then(|| self.done() as f64 / seconds));
        let failed = match self.failed {
            0 => String::new(),
            failed => format!(", {failed} failed"),
        };
        format!("{}/{}  {speed}/s{failed}", self.done(), self.all)
    }

    fn bar(&self) -> String {
        let filled = self.done() * WIDTH / self.all.max(1);
        format!(
            "[{}{}]",
            "#".repeat(filled),
            "-".repeat(WIDTH.saturating_sub(filled))
        )
    }

    /// The last word.
    pub(super) fn summary(&self) -> String {
        let took = span(self.began.elapsed().as_secs_f64());
        let mut text = format!(
            "asked for {} addresses in {took}: {} warmed, {} already there, {} not stored, {} failed\n",
            self.done(),
            self.stored,
            self.there,
            self.not_stored,
            self.failed
        );
        if let Some(first) = &self.first_not_stored {
            text += &format!(
                "  the first that was not stored: {} (its Cache-Status says why)\n",
                shortened(first)
            );
        }
        if let Some(first) = &self.first_failure {
            text += &format!("  the first that failed: {}\n", shortened(first));
        }
        text
    }
}

/// Where progress is shown.
pub(super) struct Progress {
    is_terminal: bool,
    is_silent: bool,
}

impl Progress {
    /// Nowhere.
    pub(super) fn silent() -> Self {
        Self {
            is_terminal: false,
            is_silent: true,
        }
    }

    pub(super) fn new() -> Self {
        Self {
            is_terminal: io::stderr().is_terminal(),
            is_silent: false,
        }
    }

    /// How often to show it.
    pub(super) fn pause(&self) -> Duration {
        Duration::from_millis(if self.is_terminal { 100 } else { 10_000 })
    }

    /// Shows it. Nobody who reads is no reason to stop.
    pub(super) fn show(&mut self, tally: &Tally) {
        let text = match self.is_terminal {
            true => format!("\r{} {}\x1b[K", tally.bar(), tally.line()),
            false if self.is_silent || tally.done() == 0 => return,
            false => format!("{}\n", tally.line()),
        };
        let _unread = io::stderr().lock().write_all(text.as_bytes());
    }

    /// Clears the bar.
    pub(super) fn end(&mut self) {
        if self.is_terminal {
            let _unread = io::stderr().lock().write_all(b"\r\x1b[K");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_names_the_first_that_went_wrong() {
        let mut tally = Tally::new(4);
        let address = |target: &str| Address::new("a", target).expect("sound");
        tally.add(&address("/1"), Ok(Warmed::Stored));
        tally.add(&address("/2"), Ok(Warmed::NotStored));
        tally.add(&address("/3"), Err("broken\u{1b}".into()));
        assert_eq!(
            tally.bar(),
            format!("[{}{}]", "#".repeat(22), "-".repeat(8))
        );
        assert!(tally.line().starts_with("3/4") && tally.line().ends_with(", 1 failed"));
        tally.add(&address("/4"), Err("other".into()));
        assert_eq!(
            tally.summary(),
            "asked for 4 addresses in 0s: 1 warmed, 0 already there, 1 not stored, 2 failed\n  \
             the first that was not stored: a/2 (its Cache-Status says why)\n  \
             the first that failed: a/3: broken\u{fffd}\n"
        );
    }
}
