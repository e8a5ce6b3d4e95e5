//! Diagnostics as a person reads them in a terminal: the line, a caret, and what to do.
//!
//! Drawn here rather than by a library: the layout is the one that Rust's compiler has made known, one page of code, and
//! the libraries for it bring tables of Unicode's line breaking along, which one-line messages do not need.

use std::fmt::{self, Write};
use std::io::IsTerminal;

use super::diagnostic::{Diagnostic, Diagnostics, Place, Severity};

/// Longest part of a line that is shown, in characters; carets move along.
const WIDTH: usize = 120;

/// Escape sequences for colours; empty where there are none.
#[derive(Clone, Copy, Default)]
pub(crate) struct Style {
    bold: &'static str,
    error: &'static str,
    warning: &'static str,
    frame: &'static str,
    off: &'static str,
}

impl Style {
    /// Colours, if standard error is a terminal and `NO_COLOR` (no-color.org) is not set.
    pub(crate) fn of_stderr() -> Self {
        let is_unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        if is_unwanted || !std::io::stderr().is_terminal() {
            return Self::default();
        }
        Self {
            bold: "\x1b[1m",
            error: "\x1b[1;31m",
            warning: "\x1b[1;33m",
            frame: "\x1b[34m",
            off: "\x1b[0m",
        }
    }

    fn of(self, severity: Severity) -> &'static str {
        match severity {
            Severity::Error => self.error,
            Severity::Warning => self.warning,
        }
    }
}

/// Writes all of them, an empty line between each two.
pub(crate) fn write(f: &mut dyn Write, all: &Diagnostics, style: Style) -> fmt::Result {
    for (index, one) in all.shown().iter().enumerate() {
        if index > 0 {
            writeln!(f)?;
        }
        write_one(f, all, one, style)?;
    }
    match all.more() {
        Some(more) => writeln!(f, "\n{more}"),
        None => Ok(()),
    }
}

fn write_one(f: &mut dyn Write, all: &Diagnostics, one: &Diagnostic, style: Style) -> fmt::Result {
    let Style {
        bold, frame, off, ..
    } = style;
    let colour = style.of(one.severity);
    let name = one.severity.name();
    writeln!(
        f,
        "{colour}{name}{off}{bold}: {}{off}",
        visible(&one.message)
    )?;
    let is_whole_file = one.place.end == 0;
    let (line, _) = all.source(one.place).position(one.place.start);
    let other_line = one
        .also
        .map(|(place, _)| all.source(place).position(place.start).0);
    let width = other_line.unwrap_or(0).max(line).to_string().len();
    let gutter = " ".repeat(width);
    writeln!(f, "{gutter}{frame}-->{off} {}", visible(&all.at(one)))?;
    if !is_whole_file {
        let marks = Marks {
            character: '^',
            colour,
            label: "",
            is_secret: one.is_secret,
        };
        write_line(f, all, one.place, width, &marks, style)?;
    }
    if let Some((place, how)) = one.also {
        let source = all.source(place);
        let (line, column) = source.position(place.start);
        let path = visible(&source.path.to_string_lossy());
        writeln!(f, "{gutter}{frame}:::{off} {path}:{line}:{column}")?;
        let marks = Marks {
            character: '-',
            colour: frame,
            label: how,
            is_secret: false,
        };
        write_line(f, all, place, width, &marks, style)?;
    }
    // Only an example goes over several lines.
    let mut help = one.help.lines();
    let first = visible(help.next().unwrap_or_default());
    writeln!(f, "{gutter}{frame} ={off} {bold}help{off}: {first}")?;
    for line in help {
        writeln!(f, "{}", format!("{gutter}   {}", visible(line)).trim_end())?;
    }
    Ok(())
}

/// What stands below a line.
struct Marks {
    character: char,
    colour: &'static str,
    label: &'static str,
    /// Nothing of the line from there on is shown.
    is_secret: bool,
}

fn write_line(
    f: &mut dyn Write,
    all: &Diagnostics,
    place: Place,
    width: usize,
    marks: &Marks,
    style: Style,
) -> fmt::Result {
    let Style { frame, off, .. } = style;
    let source = all.source(place);
    let (line, column) = source.position(place.start);
    let (last_line, last_column) = source.position(place.end);
    let text = source.line(line);
    let length = text.chars().count();
    // What goes on in the next line is marked to the end of this one.
    let until = if last_line == line {
        last_column
    } else {
        length + 1
    };
    // Far to the right of a long line: show what is around it.
    let skip = if column > WIDTH - 20 { column - 20 } else { 0 };
    let visible = if marks.is_secret { column - 1 } else { length };
    let hidden = std::iter::repeat_n('•', length.saturating_sub(visible));
    let shown = text.chars().take(visible).chain(hidden);
    let shown: String = shown.skip(skip).take(WIDTH).map(one_cell).collect();
    let indent = " ".repeat(column - 1 - skip);
    let count = until
        .saturating_sub(column)
        .clamp(1, WIDTH.saturating_sub(column - 1 - skip).max(1));
    let carets: String = std::iter::repeat_n(marks.character, count).collect();
    let Marks { colour, label, .. } = marks;
    let gutter = " ".repeat(width);
    writeln!(f, "{gutter} {frame}|{off}")?;
    writeln!(f, "{frame}{line:>width$} |{off} {}", shown.trim_end())?;
    let below = format!("{carets} {label}");
    writeln!(
        f,
        "{gutter} {frame}|{off} {indent}{colour}{}{off}",
        below.trim_end()
    )
}

/// A text in which nothing moves the cursor: a file must not paint on the terminal of who checks it.
fn visible(text: &str) -> String {
    text.chars().map(one_cell).collect()
}

fn one_cell(character: char) -> char {
    match character {
        '\t' => ' ',
        // Directional marks reorder what is around them.
        '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => '\u{FFFD}',
        character if character.is_control() => '\u{FFFD}',
        character => character,
    }
}
