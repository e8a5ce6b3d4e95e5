//! Steps: requests, and what becomes of their answers.

use std::collections::HashMap;
use std::time::Duration;

use tenfold_load::import::without_secrets;
use tenfold_load::scenario::{Escape, OnFailure, Request, Step, Template, Think};

use super::template::{Known, Names, extracted};
use super::{Scope, extract};
use crate::config::diagnostic::{At, Place};
use crate::config::read::{Field, shortened};
use crate::config::shape::{Named, OneOrMore};
use crate::config::word;
use crate::load_file::raw;
use crate::load_file::raw::step::{OnFailure as RawOnFailure, Scenario, Step as Raw};
use crate::load_file::raw::value::{Pause, Scalar};

/// Largest file that is a body.
const LARGEST_BODY: u64 = 16 << 20;

/// Fields that follow from the connection and the body: writing them would break the framing, or what is measured.
const OWN: &[&str] = &[
    "connection",
    "content-length",
    "expect",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// What holds for steps that do not say otherwise.
pub(super) struct Defaults {
    fields: Vec<(String, Template)>,
    keeps_cookies: bool,
    think: Think,
}

impl Defaults {
    pub(super) fn new(file: &raw::File, names: &Names<'_>, scope: &mut Scope<'_>) -> Self {
        // What all requests have cannot depend on what some answers say.
        let known = Known {
            names,
            has_value: &[],
        };
        Self {
            fields: fields(&file.headers, known, scope),
            keeps_cookies: file.cookies.or(true),
            think: think(&file.think, scope).unwrap_or_default(),
        }
    }
}

/// Makes steps in the order in which they happen, and knows which variables have a value by then.
pub(super) struct Steps<'s> {
    names: &'s Names<'s>,
    defaults: &'s Defaults,
    has_value: Vec<bool>,
}

impl<'s> Steps<'s> {
    pub(super) fn new(names: &'s Names<'s>, defaults: &'s Defaults) -> Self {
        Self {
            has_value: vec![false; names.variables.len()],
            names,
            defaults,
        }
    }

    /// From here on the variables of these steps may have a value.
    pub(super) fn know<'r>(&mut self, steps: impl Iterator<Item = &'r Raw>) {
        for name in steps.flat_map(extracted) {
            if let Some(index) = self.names.variable(name) {
                self.has_value[index] = true;
            }
        }
    }

    /// The steps of a scenario, of whose variables others know nothing.
    pub(super) fn of_scenario(
        &mut self,
        raw: &Scenario,
        is_page: bool,
        scope: &mut Scope<'_>,
    ) -> Vec<Step> {
        let before = self.has_value.clone();
        // A session of one request never sends the cookies that it got.
        let list = raw.step.value();
        let is_single = !is_page && list.is_some_and(|list| list.0.len() == 1);
        let mut steps = self.list(list, is_single, scope);
        self.has_value = before;
        if let Some(think) = think(&raw.think, scope) {
            let all = list.into_iter().flat_map(|list| &list.0);
            for (step, raw) in steps.iter_mut().zip(all) {
                if raw.value.think.is_missing() {
                    step.think = think;
                }
            }
        }
        steps
    }

    /// Steps whose variables those that follow know.
    pub(super) fn list(
        &mut self,
        raw: Option<&OneOrMore<Raw>>,
        is_single: bool,
        scope: &mut Scope<'_>,
    ) -> Vec<Step> {
        let mut steps: Vec<Step> = Vec::new();
        let mut taken: HashMap<String, usize> = HashMap::new();
        for one in raw.into_iter().flat_map(|all| &all.0) {
            let mut step = self.step(one, is_single, scope);
            // Reports tell steps apart by their names.
            let count = taken.entry(step.name.clone()).or_insert(0);
            *count += 1;
            if *count > 1 {
                if let Some(name) = one.value.name.given() {
                    let message = format!("two steps have the name `{}`", shortened(&name.value));
                    scope
                        .report
                        .error(name.at, message, "rename one, or leave the name out");
                }
                step.name = format!("{} ({count})", step.name);
            }
            self.know(std::iter::once(&one.value));
            steps.push(step);
        }
        steps
    }

    fn step(&self, one: &At<Raw>, is_single: bool, scope: &mut Scope<'_>) -> Step {
        let raw = &one.value;
        let known = Known {
            names: self.names,
            has_value: &self.has_value,
        };
        let body = body(one, known, scope);
        let method = match (raw.method.value(), &body) {
            (Some(method), _) => method.0.clone(),
            (None, None) => "GET".to_owned(),
            (None, Some(_)) => "POST".to_owned(),
        };
        let request = self.request(raw, &method, body, known, scope);
        for (key, field) in [("name", &raw.name), ("group", &raw.group)] {
            if let Some(given) = field.given() {
                scope.name(key, &given.value, given.at);
            }
        }
        let shown = raw.path.value().map_or("", String::as_str);
        let made = || shortened(&format!("{method} {}", without_secrets(shown))).into_owned();
        let keeps_cookies = self.defaults.keeps_cookies && !is_single;
        Step {
            name: raw.name.value().cloned().unwrap_or_else(made),
            group: raw.group.value().cloned(),
            request,
            keeps_cookies: raw.cookies.or(keeps_cookies),
            expect: extract::expect(raw.expect.value(), scope),
            extract: extract::extract(&raw.extract, self.names, scope),
            on_failure: match raw.on_failure.or(RawOnFailure::End) {
                RawOnFailure::End => OnFailure::End,
                RawOnFailure::Continue => OnFailure::Continue,
            },
            think: think(&raw.think, scope).unwrap_or(self.defaults.think),
            timeout: raw.timeout.value().map(|time| time.0),
        }
    }

    fn request(
        &self,
        raw: &Raw,
        method: &str,
        body: Option<(&'static str, Template)>,
        known: Known<'_>,
        scope: &mut Scope<'_>,
    ) -> Request {
        let path = path(raw, known, scope);
        let mut fields = fields(&raw.headers, known, scope);
        for (name, value) in &self.defaults.fields {
            if !has(&fields, name) {
                fields.push((name.clone(), value.clone()));
            }
        }
        let (kind, body) = body.unwrap_or_default();
        if !kind.is_empty() && !has(&fields, "content-type") {
            fields.push(("content-type".to_owned(), Template::constant(kind)));
        }
        Request {
            method: method.to_owned(),
            path,
            fields,
            body,
        }
    }
}

fn has(fields: &[(String, Template)], name: &str) -> bool {
    fields
        .iter()
        .any(|(known, _)| known.eq_ignore_ascii_case(name))
}

fn path(raw: &Raw, known: Known<'_>, scope: &mut Scope<'_>) -> Template {
    let Some(given) = raw.path.given() else {
        return Template::default();
    };
    let mut path = known.path(&given.value, given.at, scope);
    if given.value.contains("://") && !given.value.starts_with(['/', '$']) {
        let message = format!("`path` cannot be `{}`", shortened(&given.value));
        let help = "give what follows the target's URL, for example /cart";
        scope.report.error(given.at, message, help);
    } else if !given.value.starts_with('/') && !given.value.starts_with("${") {
        let message = format!("`path` cannot be `{}`", shortened(&given.value));
        scope
            .report
            .error(given.at, message, "a path begins with /");
    }
    for part in pairs(&raw.query, known, scope) {
        path.push_query();
        path.append(part);
    }
    path
}

/// `name=value`, escaped as in queries and forms.
fn pairs(
    named: &Field<Named<OneOrMore<Scalar>>>,
    known: Known<'_>,
    scope: &mut Scope<'_>,
) -> Vec<Template> {
    let mut pairs = Vec::new();
    for (name, values) in named.value().into_iter().flat_map(Named::given) {
        for value in &values.value.0 {
            let mut pair = known.text(&name.value, Escape::Component, name.at, scope);
            pair.push_text("=");
            pair.append(known.text(&value.value.0, Escape::Component, value.at, scope));
            pairs.push(pair);
        }
    }
    pairs
}

fn fields(
    named: &Field<Named<Scalar>>,
    known: Known<'_>,
    scope: &mut Scope<'_>,
) -> Vec<(String, Template)> {
    let mut fields: Vec<(String, Template)> = Vec::new();
    for (name, value) in named.value().into_iter().flat_map(Named::given) {
        let shown = shortened(&name.value);
        if let Err(help) = word::field_name(&name.value) {
            scope
                .report
                .error(name.at, format!("`{shown}` is no name of a field"), help);
        } else if OWN.iter().any(|own| name.value.eq_ignore_ascii_case(own)) {
            let message = format!("the field `{shown}` cannot be given");
            let help = "it follows from the body and the connection: leave it out";
            scope.report.error(name.at, message, help);
        } else if has(&fields, &name.value) {
            let message = format!("the field `{shown}` is given twice");
            scope
                .report
                .error(name.at, message, "names of fields are the same in capitals");
        }
        let value = known.text(value.value.0.trim(), Escape::Field, value.at, scope);
        fields.push((name.value.clone(), value));
    }
    fields
}

/// The body and its usual type, if there is one.
fn body(
    one: &At<Raw>,
    known: Known<'_>,
    scope: &mut Scope<'_>,
) -> Option<(&'static str, Template)> {
    let raw = &one.value;
    let given = [
        ("json", raw.json.at()),
        ("form", raw.form.at()),
        ("body", raw.body.at()),
        ("body_file", raw.body_file.at()),
    ];
    let mut given = given.into_iter().filter_map(|(key, at)| Some((key, at?)));
    let (first, _) = given.next()?;
    if let Some((second, at)) = given.next() {
        let message = format!("a request has one body: `{first}` or `{second}`");
        scope.report.error(at, message, "leave one of them out");
        return None;
    }
    if let Some(json) = raw.json.value() {
        return Some(("application/json", known.json(&json.0, scope)));
    }
    if !raw.form.is_missing() {
        let mut form = Template::default();
        for pair in pairs(&raw.form, known, scope) {
            form.push_text(if form.is_empty() { "" } else { "&" });
            form.append(pair);
        }
        return Some(("application/x-www-form-urlencoded", form));
    }
    if let Some(body) = raw.body.given() {
        return Some(("", known.text(&body.value, Escape::Plain, body.at, scope)));
    }
    let file = raw.body_file.given()?;
    let text = text_of(&file.value.0, file.at, scope)?;
    Some(("", known.text(&text, Escape::Plain, file.at, scope)))
}

fn text_of(path: &str, at: Place, scope: &mut Scope<'_>) -> Option<String> {
    let bytes = scope.content(path, at, LARGEST_BODY)?;
    let text = String::from_utf8(bytes).ok();
    if text.is_none() {
        let message = format!("{} is no text in UTF-8", shortened(path));
        scope.report.error(at, message, "bodies are texts");
    }
    text
}

fn think(field: &Field<raw::step::Think>, scope: &mut Scope<'_>) -> Option<Think> {
    let given = field.given()?;
    let raw = &given.value;
    let time = |field: &Field<Pause>| field.value().map(|pause| pause.0);
    let kinds = [
        !raw.constant.is_missing(),
        !(raw.from.is_missing() && raw.to.is_missing()),
        !(raw.mean.is_missing() && raw.most.is_missing()),
    ];
    if kinds.iter().filter(|is_it| **is_it).count() != 1 {
        let help =
            "write \"2s\", { from = \"1s\", to = \"5s\" }, or { mean = \"7s\", most = \"70s\" }";
        scope
            .report
            .error(given.at, "this is not one way to think", help);
        return None;
    }
    if let Some(time) = time(&raw.constant) {
        return Some(if time.is_zero() {
            Think::Not
        } else {
            Think::Constant(time)
        });
    }
    if let Some(mean) = raw.mean.value() {
        let most = raw
            .most
            .value()
            .map_or(mean.0.saturating_mul(10), |most| most.0);
        return Some(Think::Exponential { mean: mean.0, most });
    }
    let (from, to) = (time(&raw.from).unwrap_or(Duration::ZERO), time(&raw.to));
    match to {
        Some(to) if from <= to => Some(Think::Uniform(from, to)),
        Some(_) => {
            let message = "`from` is longer than `to`";
            scope.report.error(given.at, message, "exchange them");
            None
        }
        None => {
            if raw.to.is_missing() && raw.mean.is_missing() && raw.constant.is_missing() {
                let help = "add `to`, or for an exponential distribution `mean`";
                scope.report.error(given.at, "this time has no end", help);
            }
            None
        }
    }
}
