//! What is taken from answers, and what they have to be.

use regex::bytes::{Regex, RegexBuilder};
use serde_json_path::JsonPath;
use tenfold_load::scenario::{Expect, Extract, From, Pick, TextTest};

use super::Scope;
use super::template::Names;
use crate::config::diagnostic::{At, Place};
use crate::config::read::{Field, shortened};
use crate::config::scalar::Size;
use crate::config::shape::Named;
use crate::config::word;
use crate::load_file::raw::step::{BodyTest, Expect as RawExpect, Extract as Raw, PickName};

pub(super) fn extract(
    named: &Field<Named<Raw>>,
    names: &Names<'_>,
    scope: &mut Scope<'_>,
) -> Vec<Extract> {
    let mut all = Vec::new();
    for (name, field) in named.value().into_iter().flat_map(|named| &named.0) {
        let is_good = name
            .value
            .starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
            && name.value.len() <= 64
            && name
                .value
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        if !is_good {
            let message = format!("`{}` is no name of a variable", shortened(&name.value));
            let help = "a name has letters, digits, - and _, and begins with a letter";
            scope.report.error(name.at, message, help);
        }
        let variable = names.variable(&name.value);
        if let (Some(raw), Some(variable)) = (field.given(), variable)
            && let Some(extract) = one(raw, variable, scope)
        {
            all.push(extract);
        }
    }
    all
}

fn one(raw: &At<Raw>, variable: usize, scope: &mut Scope<'_>) -> Option<Extract> {
    let Raw {
        json,
        header,
        cookie,
        regex,
        pick,
        default,
    } = &raw.value;
    let sources = [json.is_missing(), header.is_missing(), cookie.is_missing()];
    let count = sources.iter().filter(|is_missing| !**is_missing).count();
    if count > 1 || count == 0 && regex.is_missing() {
        let message = "a value comes from one of `json`, `header`, `cookie` and `regex`";
        let help = "write \"$.path\", { header = \"location\" }, { cookie = \"sid\" } or { regex = \"id=([0-9]+)\" }";
        scope.report.error(raw.at, message, help);
        return None;
    }
    let regex = match regex.given() {
        Some(given) => Some(expression(&given.value, given.at, scope)?),
        None if regex.is_missing() => None,
        None => return None,
    };
    let from = if let Some(json) = json.given() {
        From::Json(json_path(&json.value, json.at, scope)?)
    } else if let Some(header) = header.value() {
        From::Header(header.0.to_ascii_lowercase())
    } else if let Some(cookie) = cookie.value() {
        From::Cookie(cookie.0.clone())
    } else if count == 0 {
        From::Body
    } else {
        return None;
    };
    Some(Extract {
        variable,
        from,
        regex,
        pick: match pick.or(PickName::First) {
            PickName::First => Pick::First,
            PickName::Last => Pick::Last,
            PickName::Random => Pick::Random,
        },
        default: default.value().map(|default| default.0.clone()),
    })
}

fn json_path(text: &str, at: Place, scope: &mut Scope<'_>) -> Option<JsonPath> {
    let parsed = JsonPath::parse(text);
    if let Err(error) = &parsed {
        let message = format!("`{}` is no JSON path: {}", shortened(text), error.message());
        let help = "a JSON path begins with $, for example $.items[0].id (RFC 9535)";
        scope.report.error(at, message, help);
    }
    parsed.ok()
}

fn expression(text: &str, at: Place, scope: &mut Scope<'_>) -> Option<Regex> {
    let built = RegexBuilder::new(text).size_limit(1 << 20).build();
    if let Err(error) = &built {
        let last = error.to_string();
        let last = last.lines().last().unwrap_or_default();
        let why = last.trim_start_matches("error: ");
        let message = format!("`{}` is no regular expression: {why}", shortened(text));
        let help = "write it in single quotes, in which \\ is \\, for example 'id=(\\d+)'";
        scope.report.error(at, message, help);
    }
    built.ok()
}

pub(super) fn expect(raw: Option<&RawExpect>, scope: &mut Scope<'_>) -> Expect {
    let Some(raw) = raw else {
        return Expect::default();
    };
    let mut fields = Vec::new();
    for (name, value) in raw.header.value().into_iter().flat_map(Named::given) {
        if let Err(help) = word::field_name(&name.value) {
            let message = format!("`{}` is no name of a field", shortened(&name.value));
            scope.report.error(name.at, message, help);
        }
        note_templates(&value.value, value.at, scope);
        fields.push((name.value.to_ascii_lowercase(), text_test(&value.value)));
    }
    let mut json = Vec::new();
    for (path, value) in raw.json.value().into_iter().flat_map(Named::given) {
        note_templates(&value.value.0, value.at, scope);
        if let Some(path) = json_path(&path.value, path.at, scope) {
            json.push((path, text_test(&value.value.0)));
        }
    }
    let tests = raw.body.value().into_iter().flat_map(|all| &all.0);
    let body = tests.filter_map(|test| body_test(test, scope)).collect();
    Expect {
        statuses: raw
            .status
            .value()
            .map(|all| all.0.clone())
            .unwrap_or_default(),
        fields,
        body,
        json,
        size: size(raw, scope),
        time: raw.time.value().map(|time| time.0),
    }
}

fn size(raw: &RawExpect, scope: &mut Scope<'_>) -> Option<std::ops::RangeInclusive<u64>> {
    let bound = |field: &Field<Size>| field.value().map(|size| size.0);
    let (least, most) = (bound(&raw.min_size), bound(&raw.max_size));
    if let (Some(least), Some(most), Some(at)) = (least, most, raw.min_size.at())
        && least > most
    {
        let message = "`min_size` is above `max_size`";
        scope.report.error(at, message, "exchange them");
    }
    (least.is_some() || most.is_some()).then(|| least.unwrap_or(0)..=most.unwrap_or(u64::MAX))
}

/// People expect values of variables to be filled in everywhere; here they would look for dollars and braces.
fn note_templates(text: &str, at: Place, scope: &mut Scope<'_>) {
    if text.contains("${") {
        let message = "`${…}` is not filled in in what is expected";
        let help = "say what all answers have in common, for example \"*\" (it is there), or a regular expression";
        scope.report.warning(at, message, help);
    }
}

/// `"*"` present, `"!"` absent, `"text*"` begins with, else equals: as conditions of routes.
fn text_test(text: &str) -> TextTest {
    match text {
        "*" => TextTest::Present,
        "!" => TextTest::Absent,
        text => match text.strip_suffix('*') {
            Some(start) => TextTest::Begins(start.to_owned()),
            None => TextTest::Is(text.to_owned()),
        },
    }
}

fn body_test(test: &At<BodyTest>, scope: &mut Scope<'_>) -> Option<TextTest> {
    let BodyTest {
        contains,
        lacks,
        equals,
        matches,
    } = &test.value;
    let given = [contains, lacks, equals, matches];
    let count = given.iter().filter(|field| !field.is_missing()).count();
    if count != 1 {
        let message = "a test of the body is one of `contains`, `lacks`, `equals` and `matches`";
        let help = "make several of it: body = [\"in stock\", { lacks = \"error\" }]";
        scope.report.error(test.at, message, help);
        return None;
    }
    for one in given.iter().filter_map(|field| field.given()) {
        note_templates(&one.value, one.at, scope);
    }
    let text = |field: &Field<String>| field.value().cloned();
    if let Some(given) = matches.given() {
        return expression(&given.value, given.at, scope).map(TextTest::Matches);
    }
    let contains = text(contains).map(TextTest::Contains);
    let lacks = text(lacks).map(TextTest::Lacks);
    contains.or(lacks).or(text(equals).map(TextTest::Is))
}
