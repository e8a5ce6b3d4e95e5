//! Where a value of a request came from: what an earlier response said, and how to take it from there.
//!
//! A token is good for one session, so sending the recorded one proves nothing (and is a secret). If it stands exactly once in an
//! earlier response, it is taken from there: by JSON path, cookie, header, or by what stands before it in a page.

use std::collections::HashMap;

use serde_json::Value;

use crate::import::draft::From;

/// Bytes of bodies that are looked through for one recording.
const ROOM: usize = 16 << 20;
/// Most values that are looked for.
const VALUES: usize = 1000;
/// Lengths of what stands before a value, of which the first that is unique is taken.
const CONTEXTS: [usize; 5] = [16, 24, 36, 54, 80];
/// Fewer bytes say too little, more have too much in them that may change.
const SHORTEST: usize = 8;
const LONGEST: usize = 120;
/// Deepest value of JSON, and most of them in one body.
const DEEPEST: usize = 16;
const LEAVES: usize = 20_000;

/// What an earlier step was answered.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    /// The number of the step.
    pub(super) step: usize,
    /// Whether it changed something: then its answer tells what was made.
    pub(super) is_change: bool,
    pub(super) cookies: Vec<(String, String)>,
    pub(super) fields: Vec<(String, String)>,
    body: Body,
}

#[derive(Clone, Debug)]
enum Body {
    None,
    /// Paths and values.
    Json(Vec<(String, String)>),
    Text(String),
}

/// How sure it is that a value comes from a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// It looks like a token, or is called one: any response may have said it.
    Token,
    /// A number or the like: only what made a thing says what it is called.
    Identity,
}

/// Answers so far.
#[derive(Debug, Default)]
pub(super) struct Answers {
    all: Vec<Answer>,
    /// What was found: a token is sent with many requests.
    found: HashMap<String, (usize, From)>,
    used: usize,
    looked_for: usize,
}

impl Answers {
    /// Adds one. What there is no room for has no body.
    pub(super) fn add(&mut self, mut answer: Answer, text: Option<&str>) {
        answer.body = Body::None;
        if let Some(text) = text.filter(|text| self.used + text.len() <= ROOM) {
            self.used += text.len();
            answer.body = match serde_json::from_str::<Value>(text) {
                Ok(value) => Body::Json(leaves(&value)),
                Err(_) => Body::Text(text.to_owned()),
            };
        }
        self.all.push(answer);
    }

    /// The last step whose answer has a value exactly once, and how to take it.
    pub(super) fn find(&mut self, value: &str, kind: Kind) -> Option<(usize, From)> {
        if let Some(found) = self.found.get(value).filter(|_| kind == Kind::Token) {
            return Some(found.clone());
        }
        self.looked_for += 1;
        if self.looked_for > VALUES {
            return None;
        }
        let mut answers = self.all.iter().rev();
        let found = answers.find_map(|answer| Some((answer.step, answer.find(value, kind)?)))?;
        if kind == Kind::Token {
            self.found.insert(value.to_owned(), found.clone());
        }
        Some(found)
    }
}

impl Answer {
    /// Of a step, without a body.
    pub(super) fn new(step: usize, is_change: bool) -> Self {
        Self {
            step,
            is_change,
            cookies: Vec::new(),
            fields: Vec::new(),
            body: Body::None,
        }
    }

    fn find(&self, value: &str, kind: Kind) -> Option<From> {
        if kind == Kind::Identity {
            return self.is_change.then(|| self.find_identity(value)).flatten();
        }
        let of = |pairs: &[(String, String)]| {
            let mut found = pairs.iter().filter(|(_, known)| known == value);
            let name = found.next()?.0.clone();
            found.next().is_none().then_some(name)
        };
        if let Some(name) = of(&self.cookies) {
            return Some(From::Cookie(name));
        }
        if let Some(name) = of(&self.fields) {
            return Some(From::Header(name, None));
        }
        match &self.body {
            Body::None => None,
            Body::Json(leaves) => of(leaves).map(From::JsonPath),
            Body::Text(text) => in_text(text, value).map(From::Regex),
        }
    }

    fn find_identity(&self, value: &str) -> Option<From> {
        if let Body::Json(leaves) = &self.body {
            let mut found = leaves.iter().filter(|(_, known)| known == value);
            if let (Some((path, _)), None) = (found.next(), found.next()) {
                return Some(From::JsonPath(path.clone()));
            }
        }
        let location = self.fields.iter().find(|(name, _)| name == "location");
        let path = location?.1.split(['?', '#']).next()?;
        let (before, last) = path.rsplit_once('/')?;
        let parent = before.rsplit('/').next()?;
        let regex = format!("{}/([^/?#]+)", escaped(parent));
        (last == value).then(|| From::Header("location".to_owned(), Some(regex)))
    }
}

/// The values of JSON that have no parts, with their paths (RFC 9535).
fn leaves(value: &Value) -> Vec<(String, String)> {
    let mut out = Vec::new();
    collect(value, "$", 0, &mut out);
    out
}

fn collect(value: &Value, path: &str, depth: usize, out: &mut Vec<(String, String)>) {
    if depth > DEEPEST || out.len() >= LEAVES {
        return;
    }
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                collect(value, &format!("{path}{}", member(name)), depth + 1, out);
            }
        }
        Value::Array(list) => {
            for (place, value) in list.iter().enumerate() {
                collect(value, &format!("{path}[{place}]"), depth + 1, out);
            }
        }
        Value::String(text) => out.push((path.to_owned(), text.clone())),
        Value::Number(number) => out.push((path.to_owned(), number.to_string())),
        Value::Bool(_) | Value::Null => {}
    }
}

fn member(name: &str) -> String {
    let is_plain = name.starts_with(|char: char| char.is_ascii_alphabetic() || char == '_')
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if is_plain {
        return format!(".{name}");
    }
    let mut out = String::from("['");
    for char in name.chars() {
        match char {
            '\'' | '\\' => out.extend(['\\', char]),
            char if char.is_control() => out.push_str(&format!("\\u{:04x}", u32::from(char))),
            char => out.push(char),
        }
    }
    out + "']"
}

/// An expression for what stands where a value stands, if it stands in a text exactly once and something before it does, too.
fn in_text(text: &str, value: &str) -> Option<String> {
    let place = text.find(value)?;
    if text[place + value.len()..].contains(value) {
        return None;
    }
    let end = text[place + value.len()..].chars().next()?;
    if !matches!(end, '"' | '\'' | '<' | '&' | ',' | ';' | ')') && !end.is_whitespace()
        || value.contains(end)
    {
        return None;
    }
    let line = text[..place].rfind('\n').map_or(0, |place| place + 1);
    for length in CONTEXTS {
        let start = start_of_word(text, line, place.saturating_sub(length).max(line));
        let context = &text[start..place];
        let is_enough = context.len() >= SHORTEST && context.len() <= LONGEST;
        if is_enough && text.matches(context).count() == 1 {
            let class = if end.is_whitespace() {
                "\\s".to_owned()
            } else {
                end.to_string()
            };
            return (!has_random(context)).then(|| format!("{}([^{class}]+)", escaped(context)));
        }
    }
    None
}

/// Where the word or tag begins that a place is in.
fn start_of_word(text: &str, line: usize, place: usize) -> usize {
    let mut start = place;
    while !text.is_char_boundary(start) {
        start += 1;
    }
    let is_between = |char: char| char.is_whitespace() || char == '<' || char == '>';
    let before = text[line..start].rfind(is_between);
    before.map_or(line, |found| {
        let found = line + found;
        let char = text[found..].chars().next();
        // A tag begins with `<`, a word after the space.
        if char == Some('<') {
            found
        } else {
            found + char.map_or(0, char::len_utf8)
        }
    })
}

/// Whether something in a text is most likely different in each response.
fn has_random(text: &str) -> bool {
    let words = text.split(|char: char| !char.is_ascii_alphanumeric());
    words.into_iter().any(|word| {
        let digits = word.bytes().filter(u8::is_ascii_digit).count();
        word.len() >= 8 && digits >= 2
    })
}

/// A text as an expression that matches just that.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            '\\' | '.' | '+' | '*' | '?' | '(' | ')' | '|' | '[' | ']' | '{' | '}' | '^' | '$'
            | '#' | '&' | '-' | '~' => {
                out.extend(['\\', char]);
            }
            char => out.push(char),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "d41d8cd98f00b204";

    fn found(text: &str, kind: Kind, value: &str) -> Option<From> {
        let mut answers = Answers::default();
        let mut answer = Answer::new(3, kind == Kind::Identity);
        answer.fields.push((
            "location".to_owned(),
            "http://a.test/orders/8412".to_owned(),
        ));
        answer
            .cookies
            .push(("XSRF-TOKEN".to_owned(), "x".repeat(20)));
        answers.add(answer, Some(text));
        let (step, from) = answers.find(value, kind)?;
        assert_eq!(step, 3);
        Some(from)
    }

    #[test]
    fn json_has_a_path() {
        let text = format!(r#"{{"a": [{{"b-c": "{TOKEN}"}}], "it's": 8413}}"#);
        let path = From::JsonPath("$.a[0]['b-c']".to_owned());
        assert_eq!(found(&text, Kind::Token, TOKEN), Some(path));
        let path = From::JsonPath("$['it\\'s']".to_owned());
        assert_eq!(found(&text, Kind::Identity, "8413"), Some(path));
        let twice = format!(r#"{{"a": "{TOKEN}", "b": "{TOKEN}"}}"#);
        assert_eq!(found(&twice, Kind::Token, TOKEN), None);
    }

    #[test]
    fn pages_have_something_before_it() {
        let text = format!(
            "<form>\n<input type=\"hidden\" name=\"csrf\" value=\"{TOKEN}\">\n<input value=\"x\">"
        );
        let regex = "name=\"csrf\" value=\"([^\"]+)".to_owned();
        assert_eq!(found(&text, Kind::Token, TOKEN), Some(From::Regex(regex)));
        let twice = text.clone() + &text;
        assert_eq!(found(&twice, Kind::Token, TOKEN), None);
        let same = format!("<i value=\"{TOKEN}\"></i><i value=\"1\"></i><i value=\"2\">");
        assert!(
            found(&same, Kind::Token, TOKEN)
                .is_none_or(|from| matches!(from, From::Regex(regex) if regex.len() > 8))
        );
    }

    #[test]
    fn cookies_and_locations() {
        let cookie = From::Cookie("XSRF-TOKEN".to_owned());
        assert_eq!(found("", Kind::Token, &"x".repeat(20)), Some(cookie));
        let location = From::Header("location".to_owned(), Some("orders/([^/?#]+)".to_owned()));
        assert_eq!(found("", Kind::Identity, "8412"), Some(location));
        assert_eq!(found("", Kind::Identity, "orders"), None);
    }

    #[test]
    fn bodies_have_bounds() {
        let mut answers = Answers::default();
        for _ in 0..40 {
            answers.add(Answer::new(0, false), Some(&" ".repeat(1 << 20)));
        }
        assert!(answers.used <= ROOM);
        let deep = "[".repeat(100) + &"]".repeat(100);
        assert!(leaves(&serde_json::from_str(&deep).expect("JSON")).is_empty());
    }
}
