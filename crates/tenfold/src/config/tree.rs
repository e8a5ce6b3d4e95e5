//! A configuration as a tree of values, each with its place: TOML of several files, merged.
//!
//! serde would lose what errors need: it stops at the first one, and forgets where a value of several possible shapes stood.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::diagnostic::{At, Place, Report};

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
        Ok(table) => Some(convert_table(table.into_inner(), file)),
        Err(first) => {
            let errors = if text.len() > RECOVERABLE {
                vec![first]
            } else {
                DeTable::parse_recoverable(text).1
            };
            for error in errors.into_iter().take(MOST_SYNTAX_ERRORS) {
                let span = error.span().unwrap_or(0..0);
                syntax_error(
                    text,
                    place(file, span.clone()),
                    error.message(),
                    span,
                    report,
                );
            }
            None
        }
    }
}

fn syntax_error(text: &str, at: Place, message: &str, span: Range<usize>, report: &mut Report) {
    let part = text.get(span.clone()).unwrap_or_default();
    if message == "duplicate key" {
        let first = first_of(text, &span);
        let error = report.error(
            at,
            format!("`{}` is given twice", part.trim()),
            "keep one of them; a further route is a further [[route]]",
        );
        if let Some(first) = first {
            error.also(place(at.file, first), "first here");
        }
        return;
    }
    let help = if message.contains("string values must be quoted") {
        format!("write it in quotes: \"{}\"", part.trim())
    } else if message.contains("recurs") {
        "nothing here is nested deeper than a few levels: is a bracket not closed?".to_owned()
    } else if message.contains("unclosed") {
        "close the bracket".to_owned()
    } else if message.contains("key with no value") || message.contains("missing value") {
        "write KEY = VALUE, with texts in quotes: name = \"shop\"".to_owned()
    } else {
        "write KEY = VALUE, [TABLE] or [[route]], with texts in quotes (TOML, see https://toml.io)"
            .to_owned()
    };
    report.error(at, format!("this is no TOML: {message}"), help);
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

/// The recursion is bounded by the parser's: 80 levels.
fn convert_table(table: DeTable<'_>, file: u32) -> Table {
    let mut entries: Vec<_> = table
        .into_iter()
        .map(|(key, value)| {
            let key = At {
                at: place(file, key.span()),
                value: key.into_inner().into_owned(),
            };
            (key, convert(value, file))
        })
        .collect();
    // The parser sorts by name.
    entries.sort_by_key(|(key, _)| key.at);
    Table { entries }
}

fn convert(value: Spanned<DeValue<'_>>, file: u32) -> Node {
    let at = place(file, value.span());
    let kind = match value.into_inner() {
        DeValue::String(text) => Kind::Text(text.into_owned()),
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => Kind::Integer(number),
            // Larger than anything that is asked for, but a number.
            Err(_) => Kind::Float(f64::INFINITY),
        },
        DeValue::Float(number) => Kind::Float(number.as_str().parse().unwrap_or(f64::INFINITY)),
        DeValue::Boolean(value) => Kind::Bool(value),
        DeValue::Datetime(date) => Kind::Date(date.to_string()),
        DeValue::Array(list) => {
            Kind::List(list.into_iter().map(|value| convert(value, file)).collect())
        }
        DeValue::Table(table) => Kind::Table(convert_table(table, file)),
    };
    Node { kind, at }
}

/// True if both texts are TOML, and mean the same.
pub(crate) fn says_the_same(one: &str, other: &str) -> bool {
    match (DeTable::parse(one), DeTable::parse(other)) {
        (Ok(one), Ok(other)) => {
            let (one, other) = (one.into_inner(), other.into_inner());
            is_same(
                &Kind::Table(convert_table(one, 0)),
                &Kind::Table(convert_table(other, 0)),
            )
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
