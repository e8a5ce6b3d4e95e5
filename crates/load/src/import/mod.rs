//! From what people really did to a scenario: recordings of a browser (HAR) and access logs.
//!
//! # The problem
//! A load test that asks for one page says little about a service that has forty. What people do is written down already, but
//! not as a test: a recording is full of requests to others, of one person's secrets and of tokens that were good once; a log
//! has gigabytes, knows no bodies, and contains whatever strangers sent.
//!
//! # The idea
//! Both become a `draft::Draft`, which `emit` writes as a scenario file for people to read and change: each thing that was
//! derived says from how much, each that was left out says why, and secrets never get into the file. [`access_log`] reads a log
//! twice instead of keeping it, with every table bounded. [`Replay`] is the other way to use a log: no model, the same requests
//! at the same distances.
//!
//! # The trade-off
//! A scenario is a model: requests of a page go one after the other, and the next page depends on this one only. A replay is
//! exact, but neither carries cookies nor sends what changes data.

pub mod access_log;
mod date;
mod draft;
mod emit;
pub mod har;
mod lines;
pub mod replay;
mod secret;

use std::fmt::{self, Display};

pub use replay::Replay;
pub use secret::without_secrets;

/// A scenario that was imported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// The scenario file (TOML).
    pub text: String,
    /// What the scenario reads: files to be written into its folder.
    pub data: Vec<DataFile>,
    /// What people should know, a sentence each. The text has it as comments, too.
    pub notes: Vec<String>,
}

/// A file beside a scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataFile {
    /// Its name, without folders.
    pub name: String,
    /// What is in it (CSV, RFC 4180).
    pub text: String,
}

/// Why nothing could be imported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportError {
    /// Where, from 1; missing if it is about the whole file.
    pub line: Option<u64>,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub help: String,
}

impl ImportError {
    fn whole(what: impl Display, help: impl Display) -> Self {
        Self {
            line: None,
            what: what.to_string(),
            help: help.to_string(),
        }
    }

    fn at(line: u64, what: impl Display, help: impl Display) -> Self {
        Self {
            line: Some(line),
            ..Self::whole(what, help)
        }
    }

    fn unreadable(line: u64, error: &std::io::Error) -> Self {
        Self::at(
            line,
            format_args!("cannot be read: {error}"),
            "is the file complete, and is it a plain file (zcat unpacks those that end in .gz)?",
        )
    }
}

impl Display for ImportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}", self.what),
            None => f.write_str(&self.what),
        }
    }
}

impl std::error::Error for ImportError {}

/// What a stranger wrote, fit for a comment, a name or a terminal: without control characters, and not endless.
fn shown(text: &str, most: usize) -> String {
    let mut out: String = text
        .chars()
        .map(|char| if char.is_control() { ' ' } else { char })
        .take(most)
        .collect();
    if text.chars().nth(most).is_some() {
        out.push('…');
    }
    out
}

/// `1234567` as `1,234,567`.
fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 line`, `2 lines`.
fn count_of(number: u64, what: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{} {what}{ending}", count(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_easy_to_read() {
        assert_eq!(
            [0, 999, 1000, 1_234_567].map(count),
            ["0", "999", "1,000", "1,234,567"]
        );
        assert_eq!(
            [0, 1, 2].map(|number| count_of(number, "line")),
            ["0 lines", "1 line", "2 lines"]
        );
    }

    #[test]
    fn what_is_shown_neither_controls_a_terminal_nor_goes_on_forever() {
        assert_eq!(shown("a\x1b[31m\nb", 20), "a [31m b");
        assert_eq!(shown("äöü", 2), "äö…");
        assert_eq!(shown("äöü", 3), "äöü");
    }
}
