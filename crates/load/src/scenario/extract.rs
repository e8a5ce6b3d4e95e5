//! Values that are taken from an answer, for steps that come later.

use fastrand::Rng;
use regex::bytes::Regex;
use serde_json::Value as Json;
use serde_json_path::JsonPath;

use super::template::shortened;
use super::value::{LONGEST, Value};
use super::{Answer, Problem, cookies};
use crate::results::ErrorKind;

/// A value that is taken from an answer.
#[derive(Clone, Debug)]
pub struct Extract {
    /// Where it is put: an index into [`Test::variables`](crate::Test::variables).
    pub variable: usize,
    /// Where it is.
    pub from: From,
    /// What of that is taken: the first group of the expression, or all of its match if it has none.
    pub regex: Option<Regex>,
    /// Which one is taken of several.
    pub pick: Pick,
    /// What is taken if there is none. Without it the request has failed.
    pub default: Option<String>,
}

/// Where a value is.
#[derive(Clone, Debug)]
pub enum From {
    /// What a JSON path (RFC 9535) matches in the body.
    Json(JsonPath),
    /// A field, by its name in lower case.
    Header(String),
    /// A cookie that the answer sets, by name.
    Cookie(String),
    /// Anywhere in the body.
    Body,
}

/// Which one is taken of several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pick {
    /// The first.
    #[default]
    First,
    /// The last.
    Last,
    /// Any: what people click on in a list.
    Random,
}

impl Extract {
    /// Takes it. `json` is the body, if it is JSON.
    pub(super) fn take(
        &self,
        name: &str,
        answer: &Answer,
        json: &JsonBody<'_>,
        rng: &mut Rng,
    ) -> Result<Value, Problem> {
        let found = self.find(answer, json, rng);
        let found = match (found, &self.default) {
            (Some(found), _) => found,
            (None, Some(default)) => Value::text(default),
            (None, None) => return Err(self.missing(name, answer, json)),
        };
        if found.view().text.len() > LONGEST {
            let message = format!("`extract.{name}` is longer than {} KiB", LONGEST >> 10);
            return Err(Problem::new(ErrorKind::Extract, message));
        }
        Ok(found)
    }

    fn find(&self, answer: &Answer, json: &JsonBody<'_>, rng: &mut Rng) -> Option<Value> {
        let text = |bytes: &[u8]| Value::text(&String::from_utf8_lossy(bytes));
        match &self.from {
            From::Json(path) => {
                let nodes = path.query(json.value()?).all();
                let node = self.pick.of(nodes.into_iter(), rng)?;
                match (&self.regex, Value::of_json(node)) {
                    (None, value) => Some(value),
                    (Some(regex), value) => {
                        let inner = captures(regex, value.view().text.as_bytes());
                        self.pick.of(inner, rng).map(text)
                    }
                }
            }
            From::Body => match &self.regex {
                Some(regex) => self.pick.of(captures(regex, &answer.body), rng).map(text),
                None => Some(text(&answer.body)),
            },
            From::Header(name) => {
                let values = answer.values(name);
                self.of_values(values, rng)
            }
            From::Cookie(name) => {
                let values = answer.values("set-cookie");
                let values = values.filter_map(|value| cookies::value_of(value, name));
                self.of_values(values.map(str::as_bytes), rng)
            }
        }
    }

    fn of_values<'a>(
        &self,
        values: impl Iterator<Item = &'a [u8]>,
        rng: &mut Rng,
    ) -> Option<Value> {
        let found = match &self.regex {
            Some(regex) => {
                let inner = values.flat_map(|value| captures(regex, value));
                self.pick.of(inner, rng)
            }
            None => self.pick.of(values, rng),
        };
        found.map(|bytes| Value::text(&String::from_utf8_lossy(bytes)))
    }

    fn missing(&self, name: &str, answer: &Answer, json: &JsonBody<'_>) -> Problem {
        let regex = match &self.regex {
            Some(regex) => format!(" that `{}` matches", shortened(regex.as_str())),
            None => String::new(),
        };
        let bytes = answer.body.len();
        let what = match &self.from {
            From::Json(_) if json.value().is_none() => {
                format!("the body is no JSON ({bytes} bytes)")
            }
            From::Json(path) => {
                let path = shortened(&path.to_string());
                format!("nothing matches the JSON path `{path}`{regex} in the body ({bytes} bytes)")
            }
            From::Header(field) => {
                format!("the answer has no field `{}`{regex}", shortened(field))
            }
            From::Cookie(cookie) => {
                format!("the answer sets no cookie `{}`{regex}", shortened(cookie))
            }
            From::Body => format!("there is nothing in the body{regex} ({bytes} bytes)"),
        };
        Problem::new(ErrorKind::Extract, format!("`extract.{name}`: {what}"))
    }
}

impl Pick {
    fn of<T>(self, mut all: impl Iterator<Item = T>, rng: &mut Rng) -> Option<T> {
        match self {
            Self::First => all.next(),
            Self::Last => all.last(),
            // A reservoir of one: each of k has had the chance 1/k.
            Self::Random => {
                let mut kept = all.next()?;
                for (seen, one) in (2..).zip(all) {
                    if rng.u64(..seen) == 0 {
                        kept = one;
                    }
                }
                Some(kept)
            }
        }
    }
}

/// The first group of each match, or all of it.
fn captures<'t>(regex: &Regex, text: &'t [u8]) -> impl Iterator<Item = &'t [u8]> {
    let all = regex.captures_iter(text);
    all.filter_map(|found| found.get(1).or(found.get(0)).map(|part| part.as_bytes()))
}

/// An answer's body as JSON, read when somebody asks.
pub(super) struct JsonBody<'b> {
    body: &'b [u8],
    read: std::cell::OnceCell<Option<Json>>,
}

impl<'b> JsonBody<'b> {
    pub(super) fn new(body: &'b [u8]) -> Self {
        Self {
            body,
            read: std::cell::OnceCell::new(),
        }
    }

    pub(super) fn value(&self) -> Option<&Json> {
        let read = || serde_json::from_slice(self.body).ok();
        self.read.get_or_init(read).as_ref()
    }
}

#[cfg(test)]
mod tests;
