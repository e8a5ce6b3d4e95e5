//! Tables as text: columns as wide as their widest cell; those that one can do without leave when there is no room.

use unicode_width::UnicodeWidthStr;

use super::Style;

/// What a cell says by its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    Plain,
    Title,
    Dim,
    Good,
    Warn,
    Bad,
}

/// A text in a tone.
pub(super) fn paint(text: &str, tone: Tone, in_colour: bool) -> String {
    let code = match tone {
        Tone::Plain => "",
        Tone::Title => "1",
        Tone::Dim => "2",
        Tone::Good => "32",
        Tone::Warn => "33",
        Tone::Bad => "31",
    };
    match in_colour && !code.is_empty() && !text.is_empty() {
        true => format!("\x1b[{code}m{text}\x1b[0m"),
        false => text.to_owned(),
    }
}

/// Where a column's cells stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Align {
    Left,
    Right,
}

/// A table that is being written.
pub(super) struct Table {
    titles: Vec<(String, Align)>,
    rows: Vec<Vec<(String, Tone)>>,
    optional: Vec<String>,
}

impl Table {
    /// A title that begins with `>` stands, like its cells, on the right. Without any title there is no line of them.
    pub(super) fn new(titles: &[&str]) -> Self {
        let title = |title: &&str| match title.strip_prefix('>') {
            Some(title) => (title.to_owned(), Align::Right),
            None => ((*title).to_owned(), Align::Left),
        };
        Self {
            titles: titles.iter().map(title).collect(),
            rows: Vec::new(),
            optional: Vec::new(),
        }
    }

    /// As many cells as titles.
    pub(super) fn row(&mut self, cells: Vec<(String, Tone)>) {
        self.rows.push(cells);
    }

    /// Columns that leave, the first first, if there is no room.
    pub(super) fn may_leave_out(&mut self, titles: &[&str]) {
        self.optional = titles.iter().map(|title| (*title).to_owned()).collect();
    }

    /// The text, each line indented by two blanks.
    pub(super) fn text(&self, style: Style) -> String {
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            let widest = cells.map(|(text, _)| text.width()).max().unwrap_or(0);
            widest.max(self.titles[column].0.width())
        };
        let mut columns: Vec<_> = (0..self.titles.len()).map(|i| (i, width(i))).collect();
        for title in &self.optional {
            let needed: usize = columns.iter().map(|(_, width)| width + 2).sum();
            if needed > style.width {
                columns.retain(|(index, _)| self.titles[*index].0 != *title);
            }
        }
        // Then the first column of names gives way.
        let needed: usize = columns.iter().map(|(_, width)| width + 2).sum();
        let names = columns
            .iter_mut()
            .filter(|(index, _)| self.titles[*index].1 == Align::Left);
        if let Some((_, width)) = names.max_by_key(|(_, width)| *width) {
            let over = needed.saturating_sub(style.width);
            *width = width.saturating_sub(over).max(8.min(*width));
        }
        let titles = self
            .titles
            .iter()
            .map(|(title, _)| (title.clone(), Tone::Dim));
        let titles: Vec<_> = titles.collect();
        let has_titles = titles.iter().any(|(title, _)| !title.is_empty());
        let head = has_titles.then_some(&titles);
        let mut out = String::new();
        for row in head.into_iter().chain(&self.rows) {
            out += &self.line(row, &columns, style);
        }
        out
    }

    fn line(&self, row: &[(String, Tone)], columns: &[(usize, usize)], style: Style) -> String {
        let mut line = String::new();
        for (index, width) in columns {
            let Some((text, tone)) = row.get(*index) else {
                continue;
            };
            let text = cut(text, *width);
            let padding = " ".repeat(width.saturating_sub(text.width()));
            let text = paint(&text, *tone, style.in_colour);
            line += "  ";
            line += &match self.titles[*index].1 {
                Align::Left => text + &padding,
                Align::Right => padding + &text,
            };
        }
        line.truncate(line.trim_end().len());
        line + "\n"
    }
}

/// The text if it fits, or else as much as does, and a mark.
fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut short = String::new();
    for c in text.chars() {
        short.push(c);
        if short.width() >= width {
            short.pop();
            break;
        }
    }
    short + "…"
}
