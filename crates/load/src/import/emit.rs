//! From a draft to the text of a scenario file: comments above what they are about, one empty line between tables.

use serde_json::Value;
use toml_writer::{ToTomlKey, ToTomlValue, TomlKeyBuilder, TomlStringBuilder};

use super::Imported;
use super::draft::{
    Body, Draft, Extract, Feed, From, Json, Load, Markov, Phase, Query, Scenario, Step, Text, Think,
};

/// Columns that comments are wrapped at.
const WIDTH: usize = 110;

/// Writes all of it.
pub(super) fn emit(draft: &Draft) -> Imported {
    let mut out = Writer::default();
    out.comments(&draft.comments);
    out.gap();
    out.whole(draft);
    out.phases(draft);
    for feed in &draft.feeds {
        out.feed(feed);
    }
    for scenario in &draft.scenarios {
        out.scenario(
            scenario,
            draft.markov.is_none() && draft.scenarios.len() > 1,
        );
    }
    if let Some(markov) = &draft.markov {
        out.markov(markov, draft);
    }
    out.gap();
    out.comment("What decides the exit code; `p(95) < 300ms` and the like can be added.");
    out.line("[[threshold]]");
    out.entry("check", &string("errors < 1%"));
    Imported {
        text: out.0,
        data: draft.feeds.iter().map(|feed| feed.file.clone()).collect(),
        notes: draft.comments.clone(),
    }
}

#[derive(Default)]
struct Writer(String);

impl Writer {
    fn line(&mut self, line: &str) {
        self.0.push_str(line);
        self.0.push('\n');
    }

    fn gap(&mut self) {
        if !self.0.is_empty() {
            self.0.push('\n');
        }
    }

    fn entry(&mut self, name: &str, value: &str) {
        self.line(&format!("{} = {value}", key(name)));
    }

    fn comments(&mut self, comments: &[String]) {
        for comment in comments {
            self.comment(comment);
        }
    }

    /// Writes a comment over as many lines as it takes.
    fn comment(&mut self, text: &str) {
        let mut line = String::from("#");
        for word in text.split_whitespace() {
            let word: String = word.chars().filter(|char| !char.is_control()).collect();
            if line.chars().count() + 1 + word.chars().count() > WIDTH && line.len() > 3 {
                self.line(&line);
                line = String::from("#  ");
            }
            line.push(' ');
            line.push_str(&word);
        }
        self.line(&line);
    }

    fn whole(&mut self, draft: &Draft) {
        self.entry("name", &string(&draft.name));
        self.entry("target", &string(&draft.target));
        if draft.is_poisson {
            self.entry("arrivals", &string("poisson"));
        }
        if !draft.keeps_cookies {
            self.entry("cookies", "false");
        }
        if !draft.fields.is_empty() {
            self.gap();
            self.line("[headers]");
            for (name, text) in &draft.fields {
                self.entry(name, &string(&text.written()));
            }
        }
    }

    fn phases(&mut self, draft: &Draft) {
        self.gap();
        self.comments(&draft.phase_comments);
        for (place, phase) in draft.phases.iter().enumerate() {
            if place > 0 {
                self.gap();
            }
            self.phase(phase);
        }
    }

    fn phase(&mut self, phase: &Phase) {
        self.line("[[phase]]");
        self.entry("name", &string(&phase.name));
        self.entry("duration", &string(&format!("{}s", phase.seconds)));
        match phase.load {
            Load::Users(users) => self.entry("users", &users.to_string()),
            Load::Rate(from, to) if from == to => self.entry("rate", &from.to_string()),
            Load::Rate(from, to) => {
                self.entry("rate", &format!("{{ from = {from}, to = {to} }}"));
            }
        }
    }

    fn feed(&mut self, feed: &Feed) {
        self.gap();
        self.comment(&feed.comment);
        self.line(&format!("[feed.{}]", key(&feed.name)));
        self.entry("file", &string(&feed.file.name));
        self.entry("order", &string("random"));
        self.entry("per", &string("step"));
    }

    fn scenario(&mut self, scenario: &Scenario, has_weight: bool) {
        self.gap();
        self.comments(&scenario.comments);
        self.line("[[scenario]]");
        self.entry("name", &string(&scenario.name));
        if has_weight {
            self.entry("weight", &scenario.weight.to_string());
        }
        for step in &scenario.steps {
            self.gap();
            self.step(step);
        }
    }

    fn step(&mut self, step: &Step) {
        self.line("[[scenario.step]]");
        if let Some(name) = &step.name {
            self.entry("name", &string(name));
        }
        if let Some(group) = &step.group {
            self.entry("group", &string(group));
        }
        let has_body = !matches!(step.body, Body::None);
        if step.method != if has_body { "POST" } else { "GET" } {
            self.entry("method", &string(&step.method));
        }
        self.address(step);
        self.body(step);
        if let Some(status) = step.status {
            self.entry("expect", &format!("{{ status = {status} }}"));
        }
        for extract in &step.extracts {
            let name = format!("extract.{}", key(&extract.variable));
            self.line(&format!("{name} = {}", from(extract)));
        }
        match step.think {
            Think::Not => {}
            Think::Uniform(from, to) => {
                let think = format!("{{ from = \"{}\", to = \"{}\" }}", time(from), time(to));
                self.entry("think", &think);
            }
            Think::Exponential(mean, most) => {
                let think = format!("{{ mean = \"{}\", most = \"{}\" }}", time(mean), time(most));
                self.entry("think", &think);
            }
        }
    }

    fn address(&mut self, step: &Step) {
        let path = step.path.written();
        match &step.query {
            Query::None => self.entry("path", &string(&path)),
            Query::Written(query) => {
                self.entry("path", &string(&format!("{path}?{}", query.written())));
            }
            Query::Pairs(pairs) => {
                self.entry("path", &string(&path));
                self.entry("query", &grouped(pairs));
            }
        }
    }

    /// The fields and the body. JSON with something that TOML does not have is sent as a text.
    fn body(&mut self, step: &Step) {
        let as_text = match &step.body {
            Body::Json(json) if toml(json).is_none() => Some(json_text(json)),
            _ => None,
        };
        let kind = ("Content-Type".to_owned(), Text::literal("application/json"));
        let fields = step.fields.iter().chain(as_text.is_some().then_some(&kind));
        let fields: Vec<String> = fields
            .map(|(name, text)| format!("{} = {}", key(name), string(&text.written())))
            .collect();
        if !fields.is_empty() {
            self.entry("headers", &format!("{{ {} }}", fields.join(", ")));
        }
        match (&step.body, as_text) {
            (Body::None, _) => {}
            (Body::Form(pairs), _) => self.entry("form", &grouped(pairs)),
            (Body::Raw(text), _) => self.entry("body", &string(&text.written())),
            (Body::Json(_), Some(text)) => self.entry("body", &string(&text)),
            (Body::Json(json), None) => self.entry("json", &toml(json).unwrap_or_default()),
        }
    }

    fn markov(&mut self, markov: &Markov, draft: &Draft) {
        let table = |row: &[f64]| {
            let names = draft.scenarios.iter().map(|scenario| key(&scenario.name));
            let cells = names.zip(row).filter(|(_, share)| **share > 0.0);
            let cells: Vec<_> = cells
                .map(|(name, share)| format!("{name} = {share}"))
                .collect();
            match cells.is_empty() {
                true => "{}".to_owned(),
                false => format!("{{ {} }}", cells.join(", ")),
            }
        };
        self.gap();
        self.comments(&draft.markov_comments);
        self.line("[markov]");
        self.entry("start", &table(&markov.start));
        self.entry("most", &markov.most.to_string());
        self.gap();
        self.line("[markov.next]");
        for (scenario, row) in draft.scenarios.iter().zip(&markov.next) {
            self.entry(&scenario.name, &table(row));
        }
    }
}

fn from(extract: &Extract) -> String {
    match &extract.from {
        From::JsonPath(path) => string(path),
        From::Regex(regex) => format!("{{ regex = {} }}", string(regex)),
        From::Cookie(name) => format!("{{ cookie = {} }}", string(name)),
        From::Header(name, None) => format!("{{ header = {} }}", string(name)),
        From::Header(name, Some(regex)) => {
            format!("{{ header = {}, regex = {} }}", string(name), string(regex))
        }
    }
}

/// Names and values as a table, both of which are templates; a name that comes several times has a list.
fn grouped(pairs: &[(String, Text)]) -> String {
    let mut names: Vec<(String, Vec<String>)> = Vec::new();
    for (name, text) in pairs {
        let name = Text::literal(name).written();
        let value = string(&text.written());
        match names.iter_mut().find(|(known, _)| *known == name) {
            Some((_, values)) => values.push(value),
            None => names.push((name, vec![value])),
        }
    }
    let entries = names
        .into_iter()
        .map(|(name, values)| match values.as_slice() {
            [value] => format!("{} = {value}", key(&name)),
            values => format!("{} = [{}]", key(&name), values.join(", ")),
        });
    let entries: Vec<String> = entries.collect();
    match entries.is_empty() {
        true => "{}".to_owned(),
        false => format!("{{ {} }}", entries.join(", ")),
    }
}

/// JSON as a value of TOML; nothing if something in it has no equal: whole numbers of more than 63 bits.
fn toml(json: &Json) -> Option<String> {
    Some(match json {
        Json::Text(text) => string(&text.written()),
        Json::Plain(Value::String(text)) => string(&Text::literal(text).written()),
        Json::Plain(Value::Bool(value)) => value.to_string(),
        Json::Plain(Value::Null) => string("${null()}"),
        Json::Plain(Value::Number(number)) => match number.as_i64() {
            Some(number) => number.to_string(),
            None if number.is_f64() => number.to_string(),
            None => return None,
        },
        Json::Plain(_) => return None,
        Json::List(list) => {
            let list: Option<Vec<_>> = list.iter().map(toml).collect();
            format!("[{}]", list?.join(", "))
        }
        Json::Object(object) => {
            let entry =
                |(name, json): &(String, Json)| Some(format!("{} = {}", key(name), toml(json)?));
            let entries: Option<Vec<_>> = object.iter().map(entry).collect();
            format!("{{ {} }}", entries?.join(", "))
        }
    })
}

/// JSON as a text with holes.
fn json_text(json: &Json) -> String {
    let quoted = |text: &str| Value::String(text.to_owned()).to_string();
    match json {
        Json::Text(text) => quoted(&text.written()),
        Json::Plain(value) => Text::literal(value.to_string()).written(),
        Json::List(list) => {
            let list: Vec<_> = list.iter().map(json_text).collect();
            format!("[{}]", list.join(","))
        }
        Json::Object(object) => {
            let entry = |(name, json): &(String, Json)| {
                let name = Text::literal(quoted(name)).written();
                format!("{name}:{}", json_text(json))
            };
            let entries: Vec<_> = object.iter().map(entry).collect();
            format!("{{{}}}", entries.join(","))
        }
    }
}

/// Seconds, or milliseconds if that is shorter.
fn time(seconds: f64) -> String {
    let millis = (seconds * 1000.0).round() as u64;
    match millis.is_multiple_of(1000) {
        true => format!("{}s", millis / 1000),
        false => format!("{millis}ms"),
    }
}

fn key(name: &str) -> String {
    TomlKeyBuilder::new(name).as_default().to_toml_key()
}

fn string(text: &str) -> String {
    TomlStringBuilder::new(text).as_default().to_toml_value()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::draft::Piece;

    #[test]
    fn json_that_toml_cannot_say_is_a_text() {
        let token = Json::Text(Text(vec![Piece::Variable("token".to_owned())]));
        let mut object = vec![
            ("a\"b".to_owned(), token),
            ("n".to_owned(), Json::Plain(1.5.into())),
        ];
        assert_eq!(
            toml(&Json::Object(object.clone())).as_deref(),
            Some("{ 'a\"b' = \"${token}\", n = 1.5 }")
        );
        let none = Json::Plain(Value::Null);
        assert_eq!(toml(&none).as_deref(), Some("\"${null()}\""));
        object.push(("none".to_owned(), none));
        object.push(("most".to_owned(), Json::Plain(u64::MAX.into())));
        let json = Json::Object(object);
        assert_eq!(toml(&json), None);
        assert_eq!(
            json_text(&json),
            r#"{"a\"b":"${token}","n":1.5,"none":null,"most":18446744073709551615}"#
        );
    }

    #[test]
    fn names_that_come_twice_are_lists() {
        let pair = |name: &str, value: &str| (name.to_owned(), Text::literal(value));
        let pairs = [pair("a", "1"), pair("b c", "2"), pair("a", "3")];
        assert_eq!(grouped(&pairs), r#"{ a = ["1", "3"], "b c" = "2" }"#);
    }

    #[test]
    fn times_have_a_unit() {
        assert_eq!([0.25, 7.0, 2.5].map(time), ["250ms", "7s", "2500ms"]);
    }

    #[test]
    fn comments_are_wrapped_and_cannot_be_left() {
        let mut out = Writer::default();
        out.comment(&format!("a\nb = 1 {}", "word ".repeat(40)));
        assert!(
            out.0
                .lines()
                .all(|line| line.starts_with('#') && line.len() <= WIDTH)
        );
    }
}
