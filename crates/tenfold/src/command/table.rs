//! Tables as text: columns as wide as their widest cell.

use std::fmt::Write;

use tenfold_gateway::EndpointState;
use unicode_width::UnicodeWidthStr;

use super::format::shortened;

/// What a cell says by its colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Tone {
    #[default]
    Plain,
    Title,
    Dim,
    Good,
    Warn,
    Bad,
}

impl Tone {
    /// How good a state is.
    pub(crate) fn of(state: EndpointState) -> Self {
        match state {
            EndpointState::Up => Self::Good,
            EndpointState::Starting
            | EndpointState::Draining
            | EndpointState::Paused
            | EndpointState::HalfOpen => Self::Warn,
            EndpointState::Down | EndpointState::Ejected | EndpointState::Open => Self::Bad,
            EndpointState::Unknown => Self::Dim,
        }
    }

    /// The tone of something that should be nothing.
    pub(crate) fn bad_if(is_bad: bool) -> Self {
        if is_bad { Self::Bad } else { Self::Plain }
    }

    /// What switches it on in a terminal.
    fn code(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Title => "\x1b[1m",
            Self::Dim => "\x1b[2m",
            Self::Good => "\x1b[32m",
            Self::Warn => "\x1b[33m",
            Self::Bad => "\x1b[31m",
        }
    }
}

/// A text in a tone.
pub(crate) fn paint(text: &str, tone: Tone, in_colour: bool) -> String {
    match tone.code() {
        code if in_colour && !code.is_empty() => format!("{code}{text}\x1b[0m"),
        _ => text.to_owned(),
    }
}

/// Where a column's cells stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Right,
}

/// A table that is being written.
pub(crate) struct Table {
    columns: Vec<Align>,
    rows: Vec<Vec<(String, Tone)>>,
}

impl Table {
    /// A table with these columns. A title that begins with `>` stands, like its cells, on the right.
    pub(crate) fn new(titles: &[&str]) -> Self {
        let mut table = Self {
            columns: Vec::new(),
            rows: Vec::new(),
        };
        let mut row = Vec::new();
        for title in titles {
            let right = title.strip_prefix('>');
            table
                .columns
                .push(right.map_or(Align::Left, |_| Align::Right));
            row.push((right.unwrap_or(title).to_owned(), Tone::Dim));
        }
        table.rows.push(row);
        table
    }

    pub(crate) fn row<const N: usize>(&mut self, cells: [(String, Tone); N]) {
        let safe = |(text, tone): (String, Tone)| (shortened(&text), tone);
        self.rows.push(cells.into_iter().map(safe).collect());
    }

    /// Takes out the columns of that title.
    pub(crate) fn leave_out(&mut self, title: &str) {
        let is_kept: Vec<_> = self.rows[0].iter().map(|(text, _)| text != title).collect();
        let mut kept = is_kept.iter();
        self.columns.retain(|_| *kept.next().unwrap_or(&true));
        for row in &mut self.rows {
            let mut kept = is_kept.iter();
            row.retain(|_| *kept.next().unwrap_or(&true));
        }
    }

    /// The text, each line indented by two blanks.
    pub(crate) fn text(&self, in_colour: bool) -> String {
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|(text, _)| text.width()).max().unwrap_or(0)
        };
        let widths: Vec<_> = (0..self.columns.len()).map(width).collect();
        let mut out = String::new();
        for row in &self.rows {
            let mut line = String::new();
            for (((text, tone), align), width) in row.iter().zip(&self.columns).zip(&widths) {
                let padding = " ".repeat(width.saturating_sub(text.width()));
                let painted = paint(text, *tone, in_colour && !text.is_empty());
                let _infallible = match align {
                    Align::Left => write!(line, "  {painted}{padding}"),
                    Align::Right => write!(line, "  {padding}{painted}"),
                };
            }
            out.push_str(line.trim_end());
            out.push('\n');
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new(&["NAME", ">N", "WHY"]);
        let plain = |text: &str| (text.to_owned(), Tone::Plain);
        table.row([plain("äöü"), plain("12345"), plain("")]);
        table.row([
            plain("名前テスト"),
            plain("1"),
            ("x\x1b".to_owned(), Tone::Bad),
        ]);
        assert_eq!(
            table.text(false),
            "  NAME            N  WHY\n  äöü         12345\n  名前テスト      1  x\u{fffd}\n"
        );
        let mut narrow = Table::new(&["A", ">B", "C", ">B"]);
        narrow.row([plain("1"), plain("2"), plain("3"), plain("4")]);
        narrow.leave_out("B");
        assert_eq!(narrow.text(false), "  A  C\n  1  3\n");
        assert!(table.text(true).contains("\x1b[31mx\u{fffd}\x1b[0m"));
    }
}
