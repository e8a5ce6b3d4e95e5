//! Conditions on methods, fields and parameters of the query.
//!
//! A field or parameter that is there several times meets a condition if one of its values does; it is absent only if
//! it is there not once. Values are compared as they are, in their case. Names and values of parameters are compared
//! decoded (`+` is a space, as forms send it), without a copy being made.

use std::fmt;

use super::ask::{Ask, Fields};
use super::normal::triplet;
use crate::config::route::{Condition, Match, Test};

/// What has to be true of a request besides its host and path.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    methods: Box<[Box<[u8]>]>,
    headers: Box<[Condition]>,
    query: Box<[Condition]>,
}

impl Rule {
    pub(super) fn new(matches: &Match) -> Self {
        Self {
            methods: matches
                .methods
                .iter()
                .map(|method| method.as_bytes().into())
                .collect(),
            headers: matches.headers.clone().into(),
            query: matches.query.clone().into(),
        }
    }

    /// How many there are; those with more are asked first.
    pub(super) fn count(&self) -> usize {
        usize::from(!self.methods.is_empty()) + self.headers.len() + self.query.len()
    }

    pub(super) fn holds(&self, ask: &Ask<'_>) -> bool {
        (self.methods.is_empty() || self.methods.iter().any(|one| takes(one, ask.method)))
            && self
                .headers
                .iter()
                .all(|condition| field_holds(condition, ask.fields))
            && self
                .query
                .iter()
                .all(|condition| parameter_holds(condition, ask.query))
    }
}

/// True if a condition for `method` holds for a request with `asked`. What is there for GET is there for HEAD, which is
/// GET without the content (RFC 9110 section 9.3.2).
pub(super) fn takes(method: &[u8], asked: &[u8]) -> bool {
    method == asked || (method == b"GET" && asked == b"HEAD")
}

fn field_holds(condition: &Condition, fields: &dyn Fields) -> bool {
    let name = &condition.name;
    match &condition.test {
        Test::Present => fields.any(name, &mut |_| true),
        Test::Absent => !fields.any(name, &mut |_| true),
        Test::Equals(text) => fields.any(name, &mut |value| value == text.as_bytes()),
        Test::StartsWith(text) => fields.any(name, &mut |value| value.starts_with(text.as_bytes())),
    }
}

fn parameter_holds(condition: &Condition, query: &[u8]) -> bool {
    let mut values = query
        .split(|byte| *byte == b'&')
        .filter(|pair| !pair.is_empty())
        .filter_map(|pair| {
            let end = pair.iter().position(|byte| *byte == b'=');
            let (name, value) = pair.split_at(end.unwrap_or(pair.len()));
            let is_asked = Decoded(name).eq(condition.name.bytes());
            is_asked.then(|| Decoded(value.get(1..).unwrap_or_default()))
        });
    match &condition.test {
        Test::Present => values.next().is_some(),
        Test::Absent => values.next().is_none(),
        Test::Equals(text) => values.any(|value| value.eq(text.bytes())),
        Test::StartsWith(text) => {
            values.any(|mut value| text.bytes().all(|byte| value.next() == Some(byte)))
        }
    }
}

/// The bytes that a part of a query stands for. A stray `%` stands for itself.
struct Decoded<'a>(&'a [u8]);

impl Iterator for Decoded<'_> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        let first = *self.0.first()?;
        let (byte, len) = match (first, triplet(self.0)) {
            (b'%', Some(byte)) => (byte, 3),
            (b'+', _) => (b' ', 1),
            _ => (first, 1),
        };
        self.0 = &self.0[len..];
        Some(byte)
    }
}

impl Test {
    /// Reads `*` (present), `!` (absent), `text*` (begins with) or a text that the value has to equal.
    ///
    /// # Errors
    /// What is wrong, and what would be right.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.chars().any(char::is_control) {
            return Err(format!("{text:?}: no value has control characters"));
        }
        if text.len() > 1 && text.starts_with('!') {
            return Err(format!(
                "`{text}`: `!` stands alone and means absent; for `not` write a route for the value before this one"
            ));
        }
        let (start, is_open) = match text.strip_suffix('*') {
            Some(start) => (start, true),
            None => (text, false),
        };
        if start.contains('*') {
            return Err(format!(
                "`{text}`: `*` stands at the end only: write `text*` for values that begin with it"
            ));
        }
        Ok(match (start, is_open) {
            ("", true) => Self::Present,
            ("!", false) => Self::Absent,
            (start, true) => Self::StartsWith(start.into()),
            (start, false) => Self::Equals(start.into()),
        })
    }
}

impl fmt::Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Present => f.write_str("*"),
            Self::Absent => f.write_str("!"),
            Self::Equals(text) => f.write_str(text),
            Self::StartsWith(text) => write!(f, "{text}*"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn condition(name: &str, test: &str) -> Condition {
        Condition {
            name: name.into(),
            test: Test::parse(test).expect("a test"),
        }
    }

    #[test]
    fn tests_are_read() {
        for (text, test) in [
            ("*", Test::Present),
            ("!", Test::Absent),
            ("", Test::Equals(String::new())),
            ("yes", Test::Equals("yes".into())),
            ("text/*", Test::StartsWith("text/".into())),
        ] {
            assert_eq!(test.to_string(), text);
            assert_eq!(Test::parse(text), Ok(test));
        }
        for (text, hint) in [
            ("!no", "stands alone"),
            ("!*", "stands alone"),
            ("*a", "at the end only"),
            ("**", "at the end only"),
            ("a\r\n", "control"),
        ] {
            let error = Test::parse(text).expect_err(text);
            assert!(error.contains(hint), "{text}: {error}");
        }
    }

    #[test]
    fn parameters() {
        for (query, name, test, holds) in [
            ("a=1&b=2", "b", "2", true),
            ("a=1&b=2", "c", "2", false),
            ("a=1&a=2", "a", "2", true),
            ("a", "a", "*", true),
            ("a", "a", "", true),
            ("a=", "a", "*", true),
            ("&&", "", "*", false),
            ("", "a", "!", true),
            ("ab=1", "a", "!", true),
            ("%61=%32+x", "a", "2 x", true),
            ("a=%", "a", "%", true),
            ("a=%2", "a", "%*", true),
            ("a=b=c", "a", "b=c", true),
            ("a=12", "a", "1*", true),
            ("a=1", "a", "12*", false),
            ("a=%261", "a", "&1", true),
        ] {
            let condition = condition(name, test);
            let result = parameter_holds(&condition, query.as_bytes());
            assert_eq!(result, holds, "{query} {name}={test}");
        }
    }

    #[test]
    fn fields() {
        let fields = [
            ("X-Canary", "no"),
            ("x-canary", "yes"),
            ("accept", "text/html"),
        ];
        for (name, test, holds) in [
            ("x-canary", "yes", true),
            ("x-canary", "YES", false),
            ("x-canary", "*", true),
            ("x-canary", "!", false),
            ("cookie", "!", true),
            ("cookie", "*", false),
            ("accept", "text/*", true),
            ("accept", "image/*", false),
        ] {
            let condition = condition(name, test);
            assert_eq!(
                field_holds(&condition, &&fields[..]),
                holds,
                "{name}={test}"
            );
        }
    }
}
