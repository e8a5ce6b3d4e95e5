//! What becomes of each value of a request: it stands as it is, comes from an earlier response, or has to be given.

use std::collections::BTreeSet;

use super::correlate::{Answer, Answers, Kind};
use super::read::Entry;
use crate::import::draft::{Extract, Piece, Step, Text, name_of};
use crate::import::{secret, shown};

/// Shortest value that is looked for in earlier responses, if its name says that it is a token, and if only its looks do.
const SHORTEST_NAMED: usize = 6;
const SHORTEST_TOKEN: usize = 16;
/// Most values of one sort that are named in a note.
const NAMED: usize = 12;

/// What is known while steps are made.
#[derive(Debug, Default)]
pub(super) struct Values {
    answers: Answers,
    variables: BTreeSet<String>,
    set_cookies: BTreeSet<String>,
    /// Cookies that were sent, but that no response of the recording had set.
    old_cookies: BTreeSet<String>,
    /// Variables of the environment, and what they stand for.
    given: BTreeSet<(String, String)>,
    /// What guards forms, and stands in no earlier response.
    lost: BTreeSet<String>,
    /// Steps that were left out.
    left_out: Vec<String>,
    extracted: usize,
}

impl Values {
    /// What to send for a value; nothing if it had better be left out.
    pub(super) fn text(&mut self, name: &str, value: &str, steps: &mut [Step]) -> Option<Text> {
        if let Some(kind) = kind(name, value)
            && let Some(variable) = self.extracted(name, value, kind, steps)
        {
            return Some(Text(vec![Piece::Variable(variable)]));
        }
        if secret::is_guard(name) {
            self.lost.insert(shown(name, 60));
            return None;
        }
        if !value.is_empty() && (secret::is_name(name) || secret::is_value(value)) {
            return Some(self.given(name));
        }
        Some(Text::literal(value))
    }

    /// A segment of a path, which is called by what precedes it.
    pub(super) fn segment(&mut self, before: &str, segment: &str, steps: &mut [Step]) -> Text {
        let is_identity = kind("", segment).is_some();
        let name = format!("{}_id", before.strip_suffix('s').unwrap_or(before));
        if is_identity && let Some(variable) = self.extracted(&name, segment, Kind::Identity, steps)
        {
            return Text(vec![Piece::Variable(variable)]);
        }
        if secret::is_value(segment) {
            return self.given(&name);
        }
        Text::literal(segment)
    }

    /// What whoever runs the test has to give.
    fn given(&mut self, name: &str) -> Text {
        let variable = name_of(name, "value", |_| false).to_ascii_uppercase();
        let variable = format!("LOAD_{variable}");
        self.given.insert((variable.clone(), shown(name, 60)));
        Text(vec![Piece::Environment(variable)])
    }

    /// The variable that a value is put into when it is found in the answer of an earlier step.
    fn extracted(
        &mut self,
        name: &str,
        value: &str,
        kind: Kind,
        steps: &mut [Step],
    ) -> Option<String> {
        let (step, from) = self.answers.find(value, kind)?;
        let extracts = &mut steps.get_mut(step)?.extracts;
        if let Some(known) = extracts.iter().find(|known| known.from == from) {
            return Some(known.variable.clone());
        }
        let taken = |name: &str| self.variables.contains(name);
        let variable = name_of(name, "value", taken);
        self.variables.insert(variable.clone());
        self.extracted += 1;
        extracts.push(Extract {
            variable: variable.clone(),
            from,
        });
        Some(variable)
    }

    /// Takes note of the cookies of a request.
    pub(super) fn sent_cookies(&mut self, value: &str) {
        for pair in value.split(';') {
            let name = pair.split('=').next().unwrap_or_default().trim();
            if !name.is_empty() && !self.set_cookies.contains(name) {
                self.old_cookies.insert(shown(name, 40));
            }
        }
    }

    /// Takes note of what a step was answered.
    pub(super) fn answered(&mut self, step: usize, entry: &Entry) {
        let is_change = !matches!(entry.request.method.as_deref(), None | Some("GET" | "HEAD"));
        let mut answer = Answer::new(step, is_change);
        for field in &entry.response.headers {
            let name = field.name.to_ascii_lowercase();
            if name != "set-cookie" {
                answer.fields.push((name, field.value.clone()));
                continue;
            }
            // Chromium joins several by line feeds.
            for cookie in field.value.split('\n') {
                let pair = cookie.split(';').next().unwrap_or_default();
                if let Some((name, value)) = pair.split_once('=') {
                    self.set_cookies.insert(name.trim().to_owned());
                    let (name, value) = (name.trim().to_owned(), value.trim().to_owned());
                    answer.cookies.push((name, value));
                }
            }
        }
        let content = &entry.response.content;
        let is_text = is_text(content.mime_type.as_deref().unwrap_or_default());
        let text = content.text.as_deref().filter(|_| is_text);
        let decoded = match content.encoding.as_deref() {
            Some("base64") => text.and_then(decoded),
            _ => None,
        };
        let text = if content.encoding.is_some() {
            decoded.as_deref()
        } else {
            text
        };
        self.answers.add(answer, text);
    }

    /// Whether responses set cookies.
    pub(super) fn has_cookies(&self) -> bool {
        !self.set_cookies.is_empty()
    }

    /// Says that a step was left out.
    pub(super) fn leave_out(&mut self, what: String) {
        if self.left_out.len() < NAMED {
            self.left_out.push(what);
        }
    }

    /// What people should know, a sentence each.
    pub(super) fn notes(self) -> Vec<String> {
        let mut notes = Vec::new();
        for (variable, name) in &self.given {
            notes.push(format!(
                "The recorded value of {name} was left out: set the environment variable {variable} to one for tests, or use a feed."
            ));
        }
        let named = |names: &BTreeSet<String>| {
            let some = names.iter().take(NAMED).cloned().collect::<Vec<_>>();
            let more = if names.len() > NAMED { ", …" } else { "" };
            some.join(", ") + more
        };
        if !self.lost.is_empty() {
            notes.push(format!(
                "Left out, because no earlier response has it exactly once: {}. Add an `extract` where it comes from.",
                named(&self.lost)
            ));
        }
        if !self.old_cookies.is_empty() {
            notes.push(format!(
                "Left out, cookies that were there before the recording: {}. Record in a private window, or add a step that gets them.",
                named(&self.old_cookies)
            ));
        }
        for what in &self.left_out {
            notes.push(format!("Left out, {what}."));
        }
        if self.extracted > 0 {
            notes.push(format!(
                "{} values are taken from earlier answers (`extract`): look whether they stand there in each of them.",
                self.extracted
            ));
        }
        notes
    }
}

/// Whether a value may come from an earlier response, and how sure that is.
fn kind(name: &str, value: &str) -> Option<Kind> {
    let lower = name.to_ascii_lowercase();
    let is_password = ["pass", "pwd", "pin", "otp", "cv"]
        .iter()
        .any(|part| lower.contains(part));
    let has = |test: fn(&u8) -> bool| value.bytes().any(|byte| test(&byte));
    let is_one_word = value.bytes().all(|byte| byte.is_ascii_graphic());
    let is_named = secret::is_guard(name) || secret::is_name(name) && !is_password;
    // Not addresses, dates, lists of types, though they are long.
    let is_opaque = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=|".contains(&byte);
    let is_token = value.len() >= SHORTEST_TOKEN
        && value.bytes().all(is_opaque)
        && has(u8::is_ascii_digit)
        && has(u8::is_ascii_alphabetic);
    // A quantity that is the same as a number of an answer comes from there by chance.
    let names_a_thing = name.is_empty()
        || ["id", "number", "ref"]
            .iter()
            .any(|end| lower.ends_with(end));
    let is_number =
        names_a_thing && value.len() >= 2 && value.bytes().all(|byte| byte.is_ascii_digit());
    match () {
        () if !is_one_word || is_password || value.len() > 8192 => None,
        () if is_named && value.len() >= SHORTEST_NAMED => Some(Kind::Token),
        () if is_token => Some(Kind::Token),
        () if is_number => Some(Kind::Identity),
        () => None,
    }
}

fn is_text(mime: &str) -> bool {
    let mime = mime.split(';').next().unwrap_or_default().trim();
    mime.ends_with("json")
        || mime.ends_with("xml")
        || (mime.starts_with("text/") && mime != "text/css" && mime != "text/javascript")
}

fn decoded(text: &str) -> Option<String> {
    use base64::Engine;
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(text)
        .ok()?;
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_come_from_a_response() {
        for (name, value, wanted) in [
            ("csrf_token", "abcdef", Some(Kind::Token)),
            ("x", "d41d8cd98f00b204", Some(Kind::Token)),
            ("order_id", "8412", Some(Kind::Identity)),
            ("quantity", "8412", None),
            ("password", "d41d8cd98f00b204", None),
            ("q", "red shoes", None),
            ("Origin", "https://shop4.test", None),
            ("size", "9", None),
        ] {
            assert_eq!(kind(name, value), wanted, "{name}");
        }
    }

    #[test]
    fn secrets_have_to_be_given_and_lost_guards_are_said_to_be_lost() {
        let mut values = Values::default();
        let password = values.text("user[password]", "hunter2", &mut []);
        assert_eq!(
            password.expect("a text").written(),
            "${env:LOAD_USER_PASSWORD}"
        );
        assert_eq!(values.text("csrf", "abcdef", &mut []), None);
        values.sent_cookies("a=1; b=2");
        let notes = values.notes().join("\n");
        for part in ["LOAD_USER_PASSWORD", "csrf", "a, b"] {
            assert!(notes.contains(part), "{notes}");
        }
        assert!(!notes.contains("hunter2"));
    }
}
