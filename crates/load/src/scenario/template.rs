//! Texts with holes: `/products/${zipf(10000, 0.9)}`, `Bearer ${token}`, `${customers.email}`.
//!
//! # The idea
//! Where a text will stand is known when it is read, so that each hole knows how its value is to be written there ([`Escape`]),
//! and what stands around it is escaped once. A whole JSON body, a form or a query is one template ([`Template::append`]): filling in is
//! one pass over its parts. A value can never end the field, the string or the parameter in which it stands.

mod function;
mod write;

use super::zipf::Zipf;

pub(super) use write::{Knowledge, TooLong};

/// A text, parts of which are filled in for each request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Template {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq)]
enum Part {
    /// Escaped already.
    Text(String),
    Hole(Source, Escape),
    /// `?`, or `&` if the text has a query already.
    Query,
}

/// Where a hole's value comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// A variable, an index into [`Test::variables`](crate::Test::variables).
    Variable(usize),
    /// A column of a feed, indexes into [`Test::feeds`](crate::Test::feeds) and its columns.
    Column(usize, usize),
    /// `zipf(n, s)`: from 1 to n.
    Zipf(Zipf),
    /// `random(a, b)`: a whole number from a to b.
    Random(i64, i64),
    /// `uuid()`: version 4 (RFC 9562).
    Uuid,
    /// `now()`: milliseconds since 1970.
    Now,
}

/// What a name stands for.
#[derive(Clone, Debug, PartialEq)]
pub enum Meaning {
    /// Something to be filled in for each request.
    Source(Source),
    /// Always this.
    Text(String),
}

/// Where a text stands, from which follows what of it has to be escaped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Escape {
    /// In a body that is sent as it is.
    Plain,
    /// A path, perhaps with a query: what cannot stand in a request line is percent-encoded, and nothing else. A value's fragment is left out.
    Path,
    /// In a path, without beginning its query in the midst of a value. A value that begins with `?` is all of the query.
    Segment,
    /// In a query, within its parameter. What is percent-encoded already stays so.
    Query,
    /// In a name or value of a query or a form: all but letters, digits and `-._~` is percent-encoded.
    Component,
    /// In a field. What could end it is refused.
    Field,
    /// Within a string of JSON.
    JsonText,
    /// As a value of JSON: a string, unless it is known to be something else.
    JsonValue,
}

/// Why a text is no template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateError {
    /// What is wrong.
    pub message: String,
    /// What would be right.
    pub help: String,
}

impl TemplateError {
    /// An error with what would be right.
    pub fn new(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            help: help.into(),
        }
    }
}

impl Template {
    /// A text without holes, as it stands: `${` in it means just that.
    #[must_use]
    pub fn constant(text: &str) -> Self {
        let mut template = Self::default();
        template.push_text(text);
        template
    }

    /// Reads a text with holes, each of them `${NAME}` or `${FUNCTION(…)}`. `$${` is `${`. What a name means is `meaning`'s business.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn parse(
        text: &str,
        escape: Escape,
        meaning: &mut dyn FnMut(&str) -> Result<Meaning, TemplateError>,
    ) -> Result<Self, TemplateError> {
        let mut template = Self::default();
        let mut rest = text;
        while let Some(start) = rest.find("${") {
            let (before, hole) = (&rest[..start], &rest[start + 2..]);
            if let Some(before) = before.strip_suffix('$') {
                template.push_text(&escape.around(before)?);
                template.push_text(&escape.around("${")?);
                rest = hole;
                continue;
            }
            template.push_text(&escape.around(before)?);
            let Some((inner, after)) = hole.split_once('}') else {
                let message = format!("`{}` is not closed", shortened(&rest[start..]));
                let help = "close it with }, or write $${ for a ${ that is meant as it stands";
                return Err(TemplateError::new(message, help));
            };
            let inner = inner.trim();
            let found = match function::parse(inner) {
                Some(source) => Meaning::Source(source?),
                None => meaning(inner)?,
            };
            match found {
                Meaning::Source(source) => template.parts.push(Part::Hole(source, escape)),
                Meaning::Text(text) => template.push_text(&escape.apply(&text)?),
            }
            rest = after;
        }
        template.push_text(&escape.around(rest)?);
        Ok(template)
    }

    /// A path with holes, perhaps with a query. What is filled in stays where it is: within its part of the path, or its parameter.
    /// Only a path that begins with a hole is taken from there whole, with its query: a link that an answer had.
    ///
    /// # Errors
    /// As [`Template::parse`].
    pub fn parse_path(
        text: &str,
        meaning: &mut dyn FnMut(&str) -> Result<Meaning, TemplateError>,
    ) -> Result<Self, TemplateError> {
        // No hole has a question mark in it that means something.
        let (path, query) = text.split_at(text.find('?').unwrap_or(text.len()));
        let link = match path.find('}') {
            Some(end) if path.starts_with("${") => end + 1,
            _ => 0,
        };
        let (link, path) = path.split_at(link);
        let mut whole = Self::parse(link, Escape::Path, meaning)?;
        whole.append(Self::parse(path, Escape::Segment, meaning)?);
        if let Some(query) = query.strip_prefix('?') {
            whole.push_query();
            whole.append(Self::parse(query, Escape::Query, meaning)?);
        }
        Ok(whole)
    }

    /// Whether it begins with what an answer had: perhaps a whole link.
    pub(super) fn is_link(&self) -> bool {
        matches!(
            self.parts.first(),
            Some(Part::Hole(Source::Variable(_), Escape::Path))
        )
    }

    /// A string of JSON with holes. If it is one hole and nothing else, a value that is known to be a number, `true`, a list or
    /// an object stands there as such, and `${null()}` is `null`.
    ///
    /// # Errors
    /// As [`Template::parse`].
    pub fn parse_json(
        text: &str,
        meaning: &mut dyn FnMut(&str) -> Result<Meaning, TemplateError>,
    ) -> Result<Self, TemplateError> {
        if let Some("null()") = text
            .strip_prefix("${")
            .and_then(|text| text.strip_suffix('}'))
        {
            return Ok(Self::constant("null"));
        }
        let inner = Self::parse(text, Escape::JsonText, meaning)?;
        if let [Part::Hole(source, _)] = inner.parts.as_slice() {
            return Ok(Self {
                parts: vec![Part::Hole(source.clone(), Escape::JsonValue)],
            });
        }
        let mut whole = Self::constant("\"");
        whole.append(inner);
        whole.push_text("\"");
        Ok(whole)
    }

    /// Adds another one behind it.
    pub fn append(&mut self, other: Self) {
        for part in other.parts {
            match part {
                Part::Text(text) => self.push_text(&text),
                other => self.parts.push(other),
            }
        }
    }

    /// Adds what begins a query, or goes on with one: a link may bring its own.
    pub fn push_query(&mut self) {
        let is_link = self
            .parts
            .iter()
            .any(|part| matches!(part, Part::Hole(_, Escape::Path | Escape::Segment)));
        let has_query = |part: &Part| {
            matches!(part, Part::Query) || matches!(part, Part::Text(text) if text.contains('?'))
        };
        match self.parts.iter().any(has_query) {
            true => self.push_text("&"),
            false if is_link => self.parts.push(Part::Query),
            false => self.push_text("?"),
        }
    }

    /// Adds a text that stands there as it is.
    pub fn push_text(&mut self, text: &str) {
        match self.parts.last_mut() {
            _ if text.is_empty() => {}
            Some(Part::Text(before)) => before.push_str(text),
            _ => self.parts.push(Part::Text(text.to_owned())),
        }
    }

    /// Whether it has no holes.
    #[must_use]
    pub fn is_constant(&self) -> bool {
        !self.parts.iter().any(|part| matches!(part, Part::Hole(..)))
    }

    /// Whether it is always the empty text.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// The text before the first hole.
    #[must_use]
    pub fn prefix(&self) -> &str {
        match self.parts.first() {
            Some(Part::Text(text)) => text,
            _ => "",
        }
    }

    /// Where its holes are filled from.
    pub fn sources(&self) -> impl Iterator<Item = &Source> {
        self.parts.iter().filter_map(|part| match part {
            Part::Hole(source, _) => Some(source),
            Part::Text(_) | Part::Query => None,
        })
    }
}

/// A text that is fit for a message.
pub(super) fn shortened(text: &str) -> String {
    let mut shown: String = text
        .chars()
        .take(60)
        .map(|one| if one.is_control() { '\u{FFFD}' } else { one })
        .collect();
    if text.chars().nth(60).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests;
