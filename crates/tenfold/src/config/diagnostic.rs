//! What is wrong with a configuration: where, why, and what to do.
//!
//! # The idea
//! Reading never stops at the first mistake: whoever finds one adds it to a [`Report`] and goes on with what is left. Each
//! diagnostic is one sentence, a place in a file, and a help. [`render`](super::render) draws them for people;
//! [`Diagnostics::lines`] and [`Diagnostics::to_json`] are for logs and programs.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Value, json};

/// Of more diagnostics than this only the count is shown: a file that is no configuration at all has thousands.
const MOST: usize = 50;

/// A part of a file's text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Place {
    /// Index into the sources.
    pub(crate) file: u32,
    /// Byte of the text that is its first.
    pub(crate) start: u32,
    /// The byte after its last.
    pub(crate) end: u32,
}

/// A value, and where it was written.
#[derive(Clone, Debug)]
pub(crate) struct At<T> {
    pub(crate) value: T,
    pub(crate) at: Place,
}

/// A file that was read.
#[derive(Debug)]
pub(crate) struct Source {
    /// As it is shown, and where it was read.
    pub(crate) path: PathBuf,
    /// Its text; empty if it could not be read.
    pub(crate) text: String,
    /// Offset of each line's first byte.
    lines: Vec<usize>,
}

impl Source {
    pub(crate) fn new(path: PathBuf, text: String) -> Self {
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let lines = std::iter::once(0)
            .chain(breaks.map(|(offset, _)| offset + 1))
            .collect();
        Self { path, text, lines }
    }

    /// Line and column of a byte, both from 1; columns are characters.
    pub(crate) fn position(&self, offset: u32) -> (usize, usize) {
        let offset = (offset as usize).min(self.text.len());
        let line = self.lines.partition_point(|start| *start <= offset);
        let before = &self.text.as_bytes()[self.lines[line - 1]..offset];
        // Bytes that begin a character, so that an offset within one is no mistake.
        let column = before.iter().filter(|byte| (**byte & 0xC0) != 0x80).count();
        (line, column + 1)
    }

    /// A line's text without its end; `line` counts from 1.
    pub(crate) fn line(&self, line: usize) -> &str {
        let start = self.lines[line - 1];
        let end = self.lines.get(line).copied().unwrap_or(self.text.len());
        self.text[start..end].trim_end_matches(['\n', '\r'])
    }
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Severity {
    Error,
    Warning,
}

impl Severity {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// One thing that is wrong, or looks wrong.
#[derive(Clone, Debug)]
pub(crate) struct Diagnostic {
    pub(crate) severity: Severity,
    /// What is wrong: one sentence without a full stop.
    pub(crate) message: String,
    /// What would be right.
    pub(crate) help: String,
    /// Where; an empty place means the file as a whole.
    pub(crate) place: Place,
    /// Another place that has to do with it, and how.
    pub(crate) also: Option<(Place, &'static str)>,
    /// What stands there is not for every eye.
    pub(crate) is_secret: bool,
}

impl Diagnostic {
    /// Names another place that has to do with it.
    pub(crate) fn also(&mut self, place: Place, how: &'static str) {
        self.also = Some((place, how));
    }
}

/// What was found while reading.
#[derive(Debug, Default)]
pub(crate) struct Report {
    found: Vec<Diagnostic>,
}

impl Report {
    pub(crate) fn error(
        &mut self,
        place: Place,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> &mut Diagnostic {
        self.add(Severity::Error, place, message.into(), help.into())
    }

    pub(crate) fn warning(
        &mut self,
        place: Place,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> &mut Diagnostic {
        self.add(Severity::Warning, place, message.into(), help.into())
    }

    fn add(
        &mut self,
        severity: Severity,
        place: Place,
        message: String,
        help: String,
    ) -> &mut Diagnostic {
        self.found.push(Diagnostic {
            severity,
            message,
            help,
            place,
            also: None,
            is_secret: false,
        });
        self.found.last_mut().expect("just added")
    }

    /// True if there is more than anyone will read: then help need not search for it.
    pub(crate) fn is_long(&self) -> bool {
        self.found.len() > 10 * MOST
    }

    pub(crate) fn has_errors(&self) -> bool {
        self.found.iter().any(|one| one.severity == Severity::Error)
    }

    /// Errors and warnings, each in the order of the files.
    pub(crate) fn finish(mut self, sources: &Arc<Vec<Source>>) -> (Diagnostics, Diagnostics) {
        self.found.sort_by_key(|one| one.place);
        let (errors, warnings) = self
            .found
            .into_iter()
            .partition(|one| one.severity == Severity::Error);
        let with_sources = |found| Diagnostics {
            found,
            sources: Arc::clone(sources),
        };
        (with_sources(errors), with_sources(warnings))
    }
}

/// Errors, or warnings, of a configuration. Displays as what a person reads in a terminal: each with its line and a caret.
#[derive(Clone, Default)]
pub struct Diagnostics {
    pub(crate) found: Vec<Diagnostic>,
    pub(crate) sources: Arc<Vec<Source>>,
}

impl Diagnostics {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.found.len()
    }

    /// True if there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// One line for each, without colours: `file:line:column: message (help)`.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let shown = self.found.iter().take(MOST);
        let line = |one: &Diagnostic| {
            let help: Vec<_> = one.help.split_whitespace().collect();
            let line = format!("{}: {} ({})", self.at(one), one.message, help.join(" "));
            // A key may have any character, and a log has one line for each.
            line.replace(char::is_control, "\u{FFFD}")
        };
        shown.map(line).chain(self.more()).collect()
    }

    /// A list of objects with `severity`, `file`, `line`, `column`, `message` and `help`; `line` and `column` are null if it is
    /// the file as a whole.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let object = |one: &Diagnostic| {
            let position = self.position(one);
            json!({
                "severity": one.severity.name(),
                "file": self.source(one.place).path.display().to_string(),
                "line": position.map(|(line, _)| line),
                "column": position.map(|(_, column)| column),
                "message": one.message,
                "help": one.help,
            })
        };
        self.found.iter().map(object).collect()
    }

    pub(crate) fn source(&self, place: Place) -> &Source {
        &self.sources[place.file as usize]
    }

    /// The diagnostics that are shown.
    pub(crate) fn shown(&self) -> &[Diagnostic] {
        &self.found[..self.found.len().min(MOST)]
    }

    /// What is said of those that are not shown.
    pub(crate) fn more(&self) -> Option<String> {
        let more = self.found.len().saturating_sub(MOST);
        (more > 0).then(|| format!("and {more} more"))
    }

    fn position(&self, one: &Diagnostic) -> Option<(usize, usize)> {
        let is_whole_file = one.place.start == one.place.end && one.place.start == 0;
        (!is_whole_file).then(|| self.source(one.place).position(one.place.start))
    }

    /// `file:line:column`, or only the file.
    pub(crate) fn at(&self, one: &Diagnostic) -> String {
        let path = self.source(one.place).path.display();
        match self.position(one) {
            Some((line, column)) => format!("{path}:{line}:{column}"),
            None => path.to_string(),
        }
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        super::render::write(f, self, super::render::Style::of_stderr())
    }
}

impl fmt::Debug for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.lines()).finish()
    }
}
