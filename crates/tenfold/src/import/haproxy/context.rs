//! What the whole translation of a HAProxy configuration shares.

use std::collections::{HashMap, HashSet};

use super::lexer::Line;
use super::table;
use crate::import::ledger::{Ledger, Note, Weight};
use crate::import::model::Draft;
use crate::import::source::Place;
use crate::import::value::time;

/// The draft and what is known besides.
#[derive(Debug, Default)]
pub(super) struct Context {
    pub(super) draft: Draft,
    pub(super) ledger: Ledger,
    said: HashSet<(Place, String)>,
    /// Our names of upstreams by HAProxy's.
    pub(super) upstreams: HashMap<String, String>,
    /// Backends that answer nobody: sending requests there is a way of keeping them out.
    pub(super) refusing: HashSet<String>,
    /// Backends that have rules of their own about who is kept out.
    pub(super) guarded: HashSet<String>,
    /// Lines that are in `[timeouts]`, and therefore in no route.
    pub(super) globals: HashSet<Place>,
    /// What was protected by a pattern that has no equal is left open, with a comment.
    pub(super) leaves_gaps: bool,
}

impl Context {
    /// A comment, once for each line and advice.
    pub(super) fn note(
        &mut self,
        notes: &mut Vec<Note>,
        line: &Line,
        weight: Weight,
        advice: impl Into<String>,
    ) {
        let note = self.ledger.note(line, weight, advice);
        if self.said.insert((note.place, note.advice.clone())) {
            notes.push(note);
        }
    }

    /// The comment of the table.
    pub(super) fn note_known(&mut self, notes: &mut Vec<Note>, line: &Line) {
        let (weight, advice) = table::advice(&line.words);
        self.note(notes, line, weight, advice);
    }

    pub(super) fn translated(&mut self, line: &Line) {
        self.ledger.translated(line);
    }

    pub(super) fn is_global(&self, line: &Line) -> bool {
        self.globals.contains(&line.place)
    }

    /// The time in a word of a line as we write it; `None`, with a comment, if it is none.
    pub(super) fn time(
        &mut self,
        notes: &mut Vec<Note>,
        line: &Line,
        word: usize,
    ) -> Option<String> {
        let Some(milliseconds) = milliseconds(line.word(word)) else {
            let advice = "is no time that can be read; the default is used";
            self.note(notes, line, Weight::Differs, advice);
            return None;
        };
        let (text, is_bounded) = time(milliseconds);
        match is_bounded {
            true => {
                let advice = format!("times lie between 1ms and 24h: {text} is used");
                self.note(notes, line, Weight::Differs, advice);
            }
            false => self.translated(line),
        }
        Some(text)
    }
}

/// `5000`, `5s`, `1m`, `10us`: milliseconds without a unit.
pub(super) fn milliseconds(text: &str) -> Option<u64> {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let number: u64 = text[..end].parse().ok()?;
    match &text[end..] {
        "" | "ms" => Some(number),
        "us" => Some(number / 1000),
        "s" => number.checked_mul(1000),
        "m" => number.checked_mul(60_000),
        "h" => number.checked_mul(3_600_000),
        "d" => number.checked_mul(86_400_000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        for (text, expected) in [
            ("5000", Some(5000)),
            ("5s", Some(5000)),
            ("1h", Some(3_600_000)),
            ("1d", Some(86_400_000)),
            ("1500us", Some(1)),
            ("", None),
            ("5x", None),
            ("s", None),
            ("99999999999999999d", None),
        ] {
            assert_eq!(milliseconds(text), expected, "{text}");
        }
    }
}
