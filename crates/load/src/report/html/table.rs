//! Tables and parts of the page.

use std::fmt::Write;

use super::escape::{escape, own};

/// Most rows of tables that an attacker (or a bad template) could make endless.
pub const MOST: usize = 300;

/// A cell: its text, escaped already, and its class.
#[derive(Clone, Debug)]
pub struct Cell(pub String, pub &'static str);

/// A cell of text from elsewhere.
#[must_use]
pub fn text(text: &str) -> Cell {
    Cell(escape(text), "")
}

/// A cell of a number, which stands on the right.
#[must_use]
pub fn num(text: impl Into<String>) -> Cell {
    Cell(escape(&text.into()), "n")
}

/// A cell of a class: `good`, `bad`, `quiet`.
#[must_use]
pub fn toned(text: &str, tone: &'static str) -> Cell {
    Cell(escape(text), tone)
}

/// A table, whose first column names its rows. Titles that begin with `>` are of numbers.
pub fn table(name: &str, titles: &[&str], rows: impl IntoIterator<Item = Vec<Cell>>) -> String {
    let mut out = format!(
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{}\"><table><thead><tr>",
        escape(name)
    );
    for title in titles {
        let (title, class) = match title.strip_prefix('>') {
            Some(title) => (title, " class=\"n\""),
            None => (*title, ""),
        };
        let _infallible = write!(out, "<th scope=\"col\"{class}>{title}</th>");
    }
    out += "</tr></thead><tbody>\n";
    for row in rows.into_iter().take(MOST) {
        out += "<tr>";
        for (index, Cell(text, class)) in row.into_iter().enumerate() {
            let class = if class.is_empty() {
                String::new()
            } else {
                format!(" class=\"{class}\"")
            };
            let _infallible = match index {
                0 => write!(out, "<th scope=\"row\"{class}>{text}</th>"),
                _ => write!(out, "<td{class}>{text}</td>"),
            };
        }
        out += "</tr>\n";
    }
    out + "</tbody></table></div>\n"
}

/// A part of the page; `body` is HTML, the others are not.
#[must_use]
pub fn section(title: &str, note: &str, body: &str) -> String {
    let note = if note.is_empty() {
        String::new()
    } else {
        format!("<p>{}</p>", own(note))
    };
    format!(
        "<section><h2>{}</h2>{note}\n{body}</section>\n",
        escape(title)
    )
}
