//! A configuration as a tree of values, each with its place: TOML of several files, merged.
//!
//! serde would lose what errors need: it stops at the first one, and forgets where a value of several possible shapes stood.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue, Error};

use super::diagnostic::{At, Place, Report};
use super::read::shortened;

/// Larger texts with errors in their syntax get the first error only: each costs memory, and most would repeat it.
const RECOVERABLE: usize = 1 << 20;

/// Most errors in the syntax of one file that are reported: those behind the first are often its echo.
const MOST_SYNTAX_ERRORS: usize = 5;

/// A value.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) kind: Kind,
    pub(crate) at: Place,
}

/// What a value is.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Text(String),
    Integer(i64),
    /// Also an integer that does not fit.
    Float(f64),
    Bool(bool),
    /// As it was written.
    Date(String),
    List(Vec<Node>),
    Table(Table),
}

/// Keys and values in the order of the file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    pub(crate) entries: Vec<(At<String>, Node)>,
}

impl Table {
    /// Takes an entry out.
    pub(crate) fn take(&mut self, key: &str) -> Option<Node> {
        let index = self
            .entries
            .iter()
            .position(|(name, _)| name.value == key)?;
        Some(self.entries.remove(index).1)
    }
}

impl Node {
    /// What it is, for "…, not a number".
    pub(crate) fn describe(&self) -> &'static str {
        match self.kind {
            Kind::Text(_) => "a text",
            Kind::Integer(_) | Kind::Float(_) => "a number",
            Kind::Bool(true) => "`true`",
            Kind::Bool(false) => "`false`",
            Kind::Date(_) => "a date",
            Kind::List(_) => "a list",
            Kind::Table(_) => "a table",
        }
    }
}

/// The tree of a file's text, or `None` after its errors were reported.
pub(crate) fn parse(text: &str, file: u32, report: &mut Report) -> Option<Table> {
    match DeTable::parse(text) {
        Ok(table) => {
            let mut garbage = Vec::new();
            let table = convert_table(table.into_inner(), file, &mut garbage);
            for at in &garbage {
                let part = text.get(at.start as usize..at.end as usize);
                let shown = shortened(part.unwrap_or_default());
                let help = "write a number, or a text in quotes";
                report.error(*at, format!("`{shown}` is no value"), help);
            }
            garbage.is_empty().then_some(table)
        }
        Err(first) => {
            let errors = if text.len() > RECOVERABLE {
                vec![first]
            } else {
                DeTable::parse_recoverable(text).1
            };
            for error in worth_telling(errors) {
                syntax_error(text, file, &error, report);
            }
            None
        }
    }
}

/// Without those that only repeat others.
fn worth_telling(mut errors: Vec<Error>) -> Vec<Error> {
    // Of a text that is nested too deeply nothing behind that is understood.
    if let Some(index) = errors.iter().position(is_about_depth) {
        return vec![errors.swap_remove(index)];
    }
    errors.dedup_by(|one, other| one.span() == other.span());
    errors.truncate(MOST_SYNTAX_ERRORS);
    errors
}

fn is_about_depth(error: &Error) -> bool {
    error.message().contains("recurs")
}

fn syntax_error(text: &str, file: u32, error: &Error, report: &mut Report) {
    let span = error.span().unwrap_or(0..0);
    let at = place(file, span.clone());
    let part = text.get(span.clone()).unwrap_or_default().trim();
    let shown = shortened(part);
    let message = error.message();
    if message == "duplicate key" {
        let help = "keep one of them; a further route is a further [[route]]";
        let error = report.error(at, format!("`{shown}` is given twice"), help);
        if let Some(first) = first_of(text, &span) {
            error.also(place(file, first), "first here");
        }
        return;
    }
    let (message, help) = if message.contains("string values must be quoted") && shown.is_empty() {
        let help = "write KEY = VALUE, with texts in quotes";
        ("there is no value".to_owned(), help.to_owned())
    } else if message.contains("string values must be quoted") {
        let message = format!("`{shown}` is no value");
        (message, format!("a text stands in quotes: \"{shown}\""))
    } else if is_about_depth(error) {
        let help = "nothing here is nested deeper than a few levels: is a bracket not closed?";
        ("brackets are nested too deeply".to_owned(), help.to_owned())
    } else if message.contains("unclosed") {
        let message = message.split(", expected").next().unwrap_or_default();
        (
            format!("this is no TOML: {message}"),
            "close the bracket".to_owned(),
        )
    } else {
        let help = "write KEY = VALUE, [TABLE] or [[route]], with texts in quotes (TOML, see https://toml.io)";
        (format!("this is no TOML: {message}"), help.to_owned())
    };
    report.error(at, message, help);
}

/// Where a key that is given twice was given first, by the lines above: the parser keeps no table of them.
fn first_of(text: &str, second: &Range<usize>) -> Option<Range<usize>> {
    let key = text.get(second.clone())?;
    let line_start = text[..second.start].rfind('\n').map_or(0, |at| at + 1);
    let line_end = text[second.start..]
        .find('\n')
        .map_or(text.len(), |at| second.start + at);
    let header = text[line_start..line_end].split_inclusive(']').next()?;
    let is_header = header.trim_start().starts_with('[');
    let mut end = line_start;
    for line in text[..line_start].split_inclusive('\n').rev() {
        let start = end - line.len();
        let trimmed = line.trim_start();
        let indent = line.len() - trimmed.len();
        if is_header && trimmed.starts_with(header.trim()) {
            return Some(start + indent..start + indent + header.trim().len());
        }
        if !is_header
            && trimmed
                .strip_prefix(key)
                .is_some_and(|rest| rest.trim_start().starts_with('='))
        {
            return Some(start + indent..start + indent + key.len());
        }
        if !is_header && trimmed.starts_with('[') {
            return None;
        }
        end = start;
    }
    None
}

fn place(file: u32, span: Range<usize>) -> Place {
    // Files are at most 16 MiB long.
    let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    Place {
        file,
        start: offset(span.start),
        end: offset(span.end),
    }
}

/// The recursion is bounded by the parser's: 80 levels. `garbage` gets the places of what the parser takes for a number and is
/// none: it looks no further than `1_`.
fn convert_table(table: DeTable<'_>, file: u32, garbage: &mut Vec<Place>) -> Table {
    let mut entries: Vec<_> = table
        .into_iter()
        .map(|(key, value)| {
            let key = At {
                at: place(file, key.span()),
                value: key.into_inner().into_owned(),
            };
            (key, convert(value, file, garbage))
        })
        .collect();
    // The parser sorts by name.
    entries.sort_by_key(|(key, _)| key.at);
    Table { entries }
}

fn convert(value: Spanned<DeValue<'_>>, file: u32, garbage: &mut Vec<Place>) -> Node {
    let at = place(file, value.span());
    let kind = match value.into_inner() {
        DeValue::String(text) => Kind::Text(text.into_owned()),
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => Kind::Integer(number),
            Err(error) => {
                use std::num::IntErrorKind::{NegOverflow, PosOverflow};
                if !matches!(error.kind(), PosOverflow | NegOverflow) {
                    garbage.push(at);
                }
                // Larger than anything that is asked for, but a number.
                Kind::Float(f64::INFINITY)
            }
        },
        DeValue::Float(number) => Kind::Float(number.as_str().parse().unwrap_or_else(|_| {
            garbage.push(at);
            f64::INFINITY
        })),
        DeValue::Boolean(value) => Kind::Bool(value),
        DeValue::Datetime(date) => Kind::Date(date.to_string()),
        DeValue::Array(list) => {
            let values = list.into_iter();
            Kind::List(values.map(|value| convert(value, file, garbage)).collect())
        }
        DeValue::Table(table) => Kind::Table(convert_table(table, file, garbage)),
    };
    Node { kind, at }
}

/// True if both texts are TOML, and mean the same.
pub(crate) fn says_the_same(one: &str, other: &str) -> bool {
    match (DeTable::parse(one), DeTable::parse(other)) {
        (Ok(one), Ok(other)) => {
            let mut garbage = Vec::new();
            let mut table = |it: Spanned<DeTable<'_>>| {
                Kind::Table(convert_table(it.into_inner(), 0, &mut garbage))
            };
            let (one, other) = (table(one), table(other));
            garbage.is_empty() && is_same(&one, &other)
        }
        _ => false,
    }
}

fn is_same(one: &Kind, other: &Kind) -> bool {
    match (one, other) {
        (Kind::Text(one), Kind::Text(other)) | (Kind::Date(one), Kind::Date(other)) => one == other,
        (Kind::Integer(one), Kind::Integer(other)) => one == other,
        (Kind::Float(one), Kind::Float(other)) => one.total_cmp(other).is_eq(),
        (Kind::Bool(one), Kind::Bool(other)) => one == other,
        (Kind::List(one), Kind::List(other)) => {
            let mut pairs = one.iter().zip(other);
            one.len() == other.len() && pairs.all(|(one, other)| is_same(&one.kind, &other.kind))
        }
        (Kind::Table(one), Kind::Table(other)) => {
            let mut pairs = one.entries.iter().zip(&other.entries);
            one.entries.len() == other.entries.len()
                && pairs.all(|((name, one), (other_name, other))| {
                    name.value == other_name.value && is_same(&one.kind, &other.kind)
                })
        }
        _ => false,
    }
}

/// Adds what another file says. Tables of tables take further entries, lists of routes grow; a key or a name that both
/// give is an error.
pub(crate) fn merge(into: &mut Table, from: Table, report: &mut Report) {
    merge_level(into, from, 0, report);
}

fn merge_level(into: &mut Table, from: Table, level: usize, report: &mut Report) {
    // A map, because thousands of upstreams may be spread over files.
    let known: std::collections::HashMap<String, usize> = into
        .entries
        .iter()
        .enumerate()
        .map(|(index, (key, _))| (key.value.clone(), index))
        .collect();
    for (key, node) in from.entries {
        let Some(&index) = known.get(&key.value) else {
            into.entries.push((key, node));
            continue;
        };
        let (first, present) = &mut into.entries[index];
        match (&mut present.kind, node.kind) {
            (Kind::Table(present), Kind::Table(further)) if level == 0 => {
                merge_level(present, further, 1, report);
            }
            (Kind::List(present), Kind::List(further)) if level == 0 => present.extend(further),
            _ => {
                let message = format!("`{}` is given twice", key.value);
                let help = "keep one of them, or rename one; of several files each may only add to the others";
                report
                    .error(key.at, message, help)
                    .also(first.at, "first here");
            }
        }
    }
}
