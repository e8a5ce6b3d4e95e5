//! Filling in.

use std::borrow::Cow;
use std::fmt::Write;
use std::time::{SystemTime, UNIX_EPOCH};

use fastrand::Rng;
use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};

use super::{Escape, Part, Source, Template, TemplateError};
use crate::scenario::Problem;
use crate::scenario::value::View;

/// RFC 3986 section 2.3: what never has a meaning of its own.
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// What cannot stand in a request's target. `%` may: whoever writes it means it.
const PATH: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// What could leave a path for its query.
const SEGMENT: &AsciiSet = &PATH.add(b'?');

/// What could leave a parameter.
const QUERY: &AsciiSet = &PATH.add(b'&').add(b'=');

/// What holes are filled from.
pub(in crate::scenario) trait Knowledge {
    /// A variable's value.
    fn variable(&self, index: usize) -> Result<View<'_>, Problem>;
    /// A column of the row that the session has taken, or takes now.
    fn column(&mut self, feed: usize, column: usize) -> Result<View<'_>, Problem>;
    /// Random numbers of the session.
    fn rng(&mut self) -> &mut Rng;
    /// A value that cannot stand where it should.
    fn unfit(&self, source: &Source, why: &str) -> Problem;
}

/// Marks a text that has become longer than it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::scenario) struct TooLong;

impl Template {
    /// Writes it, filled in, behind what `into` has. `Ok(Err(TooLong))` if `into` would have more than `most` bytes.
    pub(in crate::scenario) fn write(
        &self,
        knowledge: &mut impl Knowledge,
        most: usize,
        into: &mut String,
    ) -> Result<Result<(), TooLong>, Problem> {
        for part in &self.parts {
            match part {
                Part::Text(text) => into.push_str(text),
                Part::Hole(source, escape) => fill(source, *escape, knowledge, into)?,
                Part::Query => into.push(if into.contains('?') { '&' } else { '?' }),
            }
            if into.len() > most {
                return Ok(Err(TooLong));
            }
        }
        Ok(Ok(()))
    }
}

fn fill(
    source: &Source,
    escape: Escape,
    knowledge: &mut impl Knowledge,
    into: &mut String,
) -> Result<(), Problem> {
    let value = match *source {
        Source::Variable(index) => knowledge.variable(index)?,
        Source::Column(feed, column) => knowledge.column(feed, column)?,
        // What follows has no character that would have to be escaped anywhere.
        Source::Zipf(zipf) => {
            let number = zipf.draw(knowledge.rng());
            write!(into, "{number}").expect("a text takes all");
            return Ok(());
        }
        Source::Random(from, to) => {
            let number = knowledge.rng().i64(from..=to);
            write!(into, "{number}").expect("a text takes all");
            return Ok(());
        }
        Source::Now => {
            let time = SystemTime::now().duration_since(UNIX_EPOCH);
            let millis = time.unwrap_or_default().as_millis();
            write!(into, "{millis}").expect("a text takes all");
            return Ok(());
        }
        Source::Uuid => {
            let quote = if escape == Escape::JsonValue {
                "\""
            } else {
                ""
            };
            let uuid = uuid(knowledge.rng().u128(..));
            write!(into, "{quote}{uuid}{quote}").expect("a text takes all");
            return Ok(());
        }
    };
    match escape {
        Escape::JsonValue if value.is_json => into.push_str(value.text),
        Escape::JsonValue => into.push_str(&serde_json::Value::from(value.text).to_string()),
        // What a link says after # is for whoever reads the page (RFC 3986 section 3.5).
        Escape::Path => {
            let sent = value.text.split('#').next().unwrap_or_default();
            into.extend(utf8_percent_encode(sent, PATH));
        }
        escape => match escape.apply(value.text) {
            Ok(text) => into.push_str(&text),
            Err(error) => return Err(knowledge.unfit(source, &error.message)),
        },
    }
    Ok(())
}

impl Escape {
    /// What stands around holes, as it has to be written there.
    pub(super) fn around(self, text: &str) -> Result<Cow<'_, str>, TemplateError> {
        match self {
            Self::Segment | Self::Query => Self::Path.apply(text),
            other => other.apply(text),
        }
    }

    /// A value as it has to be written there.
    pub(super) fn apply(self, text: &str) -> Result<Cow<'_, str>, TemplateError> {
        Ok(match self {
            Self::Plain | Self::JsonValue => Cow::Borrowed(text),
            Self::Path => utf8_percent_encode(text, PATH).into(),
            Self::Segment if text.starts_with('?') => utf8_percent_encode(text, PATH).into(),
            Self::Segment => utf8_percent_encode(text, SEGMENT).into(),
            Self::Query => utf8_percent_encode(text, QUERY).into(),
            Self::Component => utf8_percent_encode(text, COMPONENT).into(),
            Self::Field => {
                // RFC 9110 section 5.5.
                if text
                    .bytes()
                    .any(|byte| byte != b'\t' && byte.is_ascii_control())
                {
                    let message = "it has a line break or another control character";
                    let help = "a field's value is one line of text";
                    return Err(TemplateError::new(message, help));
                }
                Cow::Borrowed(text)
            }
            Self::JsonText => {
                let quoted = serde_json::Value::from(text).to_string();
                Cow::Owned(quoted[1..quoted.len() - 1].to_owned())
            }
        })
    }
}

/// Version 4, variant 10 (RFC 9562 section 5.4).
fn uuid(random: u128) -> String {
    let bits = random & !(0xF << 76) & !(0x3 << 62) | 0x4 << 76 | 0x2 << 62;
    let hex = format!("{bits:032x}");
    let parts = [
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    ];
    parts.join("-")
}
