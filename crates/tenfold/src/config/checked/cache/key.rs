//! What tells one response from another, and which requests go past the cache.

use tenfold_gateway::config::cache::{Condition, KeyPolicy, Pattern, Query, TRACKING};
use tenfold_gateway::config::route::Test;

use super::Scope;
use crate::config::diagnostic::{At, Place};
use crate::config::raw::cache::{self, Bypass, Cache, WholeQuery};
use crate::config::read::{Field, cannot_be, shortened};
use crate::config::scalar::Text;
use crate::config::shape::{List, Named, OneOrMore};
use crate::config::word;

pub(super) fn check(raw: &Cache, scope: &mut Scope<'_>) -> KeyPolicy {
    let headers = raw.key_headers.value().into_iter().flat_map(|all| &all.0);
    let cookies = raw.key_cookies.value().into_iter().flat_map(|all| &all.0);
    let query = query(raw, scope);
    if let (Query::None, Some(at)) = (&query, raw.sort_query.at()) {
        let why = "no parameter counts";
        scope.without_effect("sort_query", Some(at), why);
    }
    let mut key = KeyPolicy {
        query,
        sorts_query: raw.sort_query.or(false),
        headers: Vec::new(),
        cookies: Vec::new(),
    };
    for name in headers {
        let lower = name.value.0.to_ascii_lowercase();
        if is_new("key_headers", &lower, &key.headers, name.at, scope) {
            if lower == "cookie" {
                let message =
                    "every client has a `cookie` of its own: nearly nothing would be found";
                let help = "name those that count: key_cookies = [\"theme\"]";
                scope.report.warning(name.at, message, help);
            }
            key.headers.push(lower);
        }
    }
    for name in cookies {
        if is_new("key_cookies", &name.value.0, &key.cookies, name.at, scope) {
            key.cookies.push(name.value.0.clone());
        }
    }
    key
}

fn is_new(key: &str, name: &str, known: &[String], at: Place, scope: &mut Scope<'_>) -> bool {
    let is_known = known.iter().any(|other| other == name);
    if is_known {
        let message = format!("`{}` stands twice in `{key}`", shortened(name));
        scope.report.warning(at, message, "leave one out");
    }
    !is_known
}

fn query(raw: &Cache, scope: &mut Scope<'_>) -> Query {
    let ignores = raw.ignore_tracking.or(false);
    let tracking = || TRACKING.iter().map(|name| Pattern::new(name));
    let query = match raw.query.given() {
        None => Query::All,
        Some(query) => match &query.value {
            cache::Query::Whole(WholeQuery::All) => Query::All,
            cache::Query::Whole(WholeQuery::None) => Query::None,
            cache::Query::Names(names) => named(names, query.at, scope),
        },
    };
    match query {
        Query::All if ignores => Query::Except(tracking().collect()),
        Query::Except(names) if ignores => {
            // What was written may name some of them already.
            let more: Vec<_> = tracking().filter(|it| !names.contains(it)).collect();
            Query::Except(names.into_iter().chain(more).collect())
        }
        Query::Only(_) | Query::None if ignores => {
            let why = "`query` leaves them out already";
            scope.without_effect("ignore_tracking", raw.ignore_tracking.at(), why);
            query
        }
        query => query,
    }
}

fn named(names: &cache::QueryNames, at: Place, scope: &mut Scope<'_>) -> Query {
    match (names.only.is_missing(), names.except.is_missing()) {
        (false, true) => Query::Only(patterns("only", names.only.value(), scope)),
        (true, false) => Query::Except(patterns("except", names.except.value(), scope)),
        _ => {
            let message = "`query` takes exactly one of `only` and `except`";
            let help = "for example { only = [\"page\"] } or { except = [\"utm_*\"] }";
            scope.report.error(at, message, help);
            Query::All
        }
    }
}

fn patterns(key: &str, list: Option<&List<Text>>, scope: &mut Scope<'_>) -> Vec<Pattern> {
    let all = list.into_iter().flat_map(|list| &list.0);
    all.filter_map(|text| pattern(key, text, scope)).collect()
}

/// A name, or the beginning of one with `*`. Names are compared as the server reads them, so any character may be in one.
fn pattern(key: &str, text: &At<String>, scope: &mut Scope<'_>) -> Option<Pattern> {
    let name = text.value.strip_suffix('*').unwrap_or(&text.value);
    if text.value.is_empty() || name.contains('*') {
        let help = "give a name, or its beginning and one * at the end: page, utm_*";
        scope
            .report
            .error(text.at, cannot_be(key, &text.value), help);
        return None;
    }
    Some(Pattern::new(&text.value))
}

/// Requests that go past the cache.
pub(super) fn bypass(field: &Field<Bypass>, scope: &mut Scope<'_>) -> Vec<Condition> {
    let Some(raw) = field.value() else {
        return Vec::new();
    };
    let mut all = Vec::new();
    for (name, text) in raw.header.value().into_iter().flat_map(Named::given) {
        all.extend(header(name, text, scope));
    }
    for name in each(&raw.cookie) {
        all.extend(pattern("cookie", name, scope).map(Condition::Cookie));
    }
    for name in each(&raw.query) {
        all.extend(pattern("query", name, scope).map(Condition::Query));
    }
    for text in each(&raw.path) {
        all.extend(path(text, scope));
    }
    all
}

fn each(field: &Field<OneOrMore<Text>>) -> impl Iterator<Item = &At<String>> {
    field.value().into_iter().flat_map(|all| &all.0)
}

fn header(name: &At<String>, text: &At<String>, scope: &mut Scope<'_>) -> Option<Condition> {
    if let Err(help) = word::field_name(&name.value) {
        let message = format!("`{}` is no name of a field", shortened(&name.value));
        scope.report.error(name.at, message, help);
        return None;
    }
    let value = match Test::parse(&text.value) {
        Ok(Test::Present) => None,
        Ok(Test::Equals(value)) => Some(value),
        Ok(Test::Absent | Test::StartsWith(_)) | Err(_) => {
            let message = cannot_be(&name.value, &text.value);
            let help = "give \"*\" for any value, or the whole value";
            scope.report.error(text.at, message, help);
            return None;
        }
    };
    Some(Condition::Header {
        name: name.value.to_ascii_lowercase(),
        value,
    })
}

fn path(text: &At<String>, scope: &mut Scope<'_>) -> Option<Condition> {
    let written = text.value.as_str();
    let plain = written.strip_suffix('*').unwrap_or(written);
    let is_good =
        plain.starts_with('/') && word::target(plain).is_ok() && !plain.contains(['*', '?']);
    if !is_good {
        let help = "give /a for this path, /a/* for it and all below, or /a* for all that begin so";
        scope
            .report
            .error(text.at, cannot_be("path", written), help);
        return None;
    }
    Some(match (written.strip_suffix("/*"), plain == written) {
        (Some(path), _) => Condition::Place {
            path: path.to_owned(),
            and_below: true,
        },
        (None, true) => Condition::Place {
            path: written.to_owned(),
            and_below: false,
        },
        (None, false) => Condition::Path(plain.to_owned()),
    })
}
