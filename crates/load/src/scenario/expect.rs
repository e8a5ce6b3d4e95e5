//! What an answer has to be.

use std::ops::RangeInclusive;
use std::time::Duration;

use regex::bytes::Regex;
use serde_json_path::JsonPath;

use super::extract::JsonBody;
use super::template::shortened;
use super::value::Value;
use super::{Answer, Problem};
use crate::results::ErrorKind;

/// What an answer has to be. By default its status is below 400.
#[derive(Clone, Debug, Default)]
pub struct Expect {
    /// The statuses that are right; if there are none, those below 400.
    pub statuses: Vec<RangeInclusive<u16>>,
    /// Tests of fields, whose names are in lower case.
    pub fields: Vec<(String, TextTest)>,
    /// Tests of the body.
    pub body: Vec<TextTest>,
    /// Tests of what JSON paths match in the body.
    pub json: Vec<(JsonPath, TextTest)>,
    /// How many bytes the body has.
    pub size: Option<RangeInclusive<u64>>,
    /// From sending the request to the end of the answer, at most.
    pub time: Option<Duration>,
}

/// What a text has to be.
#[derive(Clone, Debug)]
pub enum TextTest {
    /// There.
    Present,
    /// Not there.
    Absent,
    /// Just this.
    Is(String),
    /// Something that begins with this.
    Begins(String),
    /// Something in which this is.
    Contains(String),
    /// Something in which this is not.
    Lacks(String),
    /// Something in which the expression matches.
    Matches(Regex),
}

impl Expect {
    pub(super) fn wants_fields(&self) -> bool {
        !self.fields.is_empty()
    }

    pub(super) fn wants_body(&self) -> bool {
        !self.body.is_empty() || !self.json.is_empty()
    }

    /// The first thing that is not as it should be.
    pub(super) fn check(&self, answer: &Answer, json: &JsonBody<'_>) -> Result<(), Problem> {
        self.check_status(answer.status)?;
        for (name, test) in &self.fields {
            let found = answer.values(name).any(|value| test.allows(Some(value)));
            if !(found || test.allows(None) && answer.values(name).next().is_none()) {
                let what = format!("the field `{}`", shortened(name));
                return Err(unmet(&what, test, answer.values(name).next()));
            }
        }
        for test in &self.body {
            if !test.allows(Some(&answer.body)) {
                return Err(unmet("the body", test, Some(&answer.body)));
            }
        }
        for (path, test) in &self.json {
            check_json(path, test, json)?;
        }
        if let Some(size) = &self.size
            && !size.contains(&answer.size)
        {
            let bounds = match (*size.start(), *size.end()) {
                (0, most) => format!("at most {most}"),
                (least, u64::MAX) => format!("at least {least}"),
                (least, most) => format!("{least} to {most}"),
            };
            // The size itself is not in the message: errors are counted by their messages.
            let message = format!("the body does not have {bounds} bytes");
            return Err(Problem::new(ErrorKind::Expectation, message));
        }
        match self.time {
            Some(time) if answer.time > time => {
                let message = format!("the answer took longer than {time:?}");
                Err(Problem::new(ErrorKind::Expectation, message))
            }
            _ => Ok(()),
        }
    }

    fn check_status(&self, status: u16) -> Result<(), Problem> {
        let is_right = match self.statuses.as_slice() {
            [] => status < 400,
            statuses => statuses.iter().any(|range| range.contains(&status)),
        };
        if is_right {
            return Ok(());
        }
        let message = match self.statuses.as_slice() {
            [] => format!("the status is {status}"),
            statuses => {
                let one = |range: &RangeInclusive<u16>| match (range.start(), range.end()) {
                    (from, to) if from == to => from.to_string(),
                    (from, to) => format!("{from}-{to}"),
                };
                let shown: Vec<_> = statuses.iter().take(8).map(one).collect();
                format!("the status is {status}, not {}", shown.join(", "))
            }
        };
        Err(Problem::new(ErrorKind::Status, message))
    }
}

fn check_json(path: &JsonPath, test: &TextTest, json: &JsonBody<'_>) -> Result<(), Problem> {
    let Some(body) = json.value() else {
        let message = "the body is no JSON";
        return Err(Problem::new(ErrorKind::Expectation, message));
    };
    let nodes = path.query(body).all();
    let values: Vec<_> = nodes.into_iter().map(Value::of_json).collect();
    let allows = |value: &Value| test.allows(Some(value.view().text.as_bytes()));
    if values.iter().any(allows) || values.is_empty() && test.allows(None) {
        return Ok(());
    }
    let what = format!("the JSON path `{}`", shortened(&path.to_string()));
    let first = values.first().map(|value| value.view().text.as_bytes());
    Err(unmet(&what, test, first))
}

impl TextTest {
    fn allows(&self, text: Option<&[u8]>) -> bool {
        let Some(text) = text else {
            return matches!(self, Self::Absent);
        };
        let has = |part: &String| {
            part.is_empty()
                || text
                    .windows(part.len())
                    .any(|window| window == part.as_bytes())
        };
        match self {
            Self::Present => true,
            Self::Absent => false,
            Self::Is(whole) => text == whole.as_bytes(),
            Self::Begins(start) => text.starts_with(start.as_bytes()),
            Self::Contains(part) => has(part),
            Self::Lacks(part) => !has(part),
            Self::Matches(regex) => regex.is_match(text),
        }
    }
}

fn unmet(what: &str, test: &TextTest, found: Option<&[u8]>) -> Problem {
    let not = match test {
        TextTest::Present => "is not there".to_owned(),
        TextTest::Absent => "is there".to_owned(),
        TextTest::Is(text) => format!("is not `{}`", shortened(text)),
        TextTest::Begins(text) => format!("does not begin with `{}`", shortened(text)),
        TextTest::Contains(text) => format!("does not contain `{}`", shortened(text)),
        TextTest::Lacks(text) => format!("contains `{}`", shortened(text)),
        TextTest::Matches(regex) => format!("is not matched by `{}`", shortened(regex.as_str())),
    };
    let missing = match (test, found) {
        (TextTest::Present | TextTest::Absent, _) | (_, Some(_)) => "",
        (_, None) => ": it is not there",
    };
    Problem::new(ErrorKind::Expectation, format!("{what} {not}{missing}"))
}

#[cfg(test)]
mod tests;
