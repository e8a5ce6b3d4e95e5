//! Which requests a route is for.

use tenfold_gateway::config::route::{Condition, Match, Test};
use tenfold_gateway::route::pattern::{HostPattern, PathPattern};

use crate::config::checked::{Names, Scope};
use crate::config::diagnostic::At;
use crate::config::raw::route::Route;
use crate::config::read::{Field, cannot_be, shortened};
use crate::config::scalar::Text;
use crate::config::shape::{Named, OneOrMore};
use crate::config::word;

pub(super) fn check(route: &Route, listeners: &Names<'_>, scope: &mut Scope<'_>) -> Match {
    let named = route.listener.value().into_iter().flat_map(|all| &all.0);
    let mut listener_indexes: Vec<_> = named
        .filter_map(|name| listeners.find(name, scope.report))
        .collect();
    listener_indexes.sort_unstable();
    listener_indexes.dedup();
    let methods = route.method.value().into_iter().flat_map(|all| &all.0);
    Match {
        listeners: listener_indexes,
        hosts: patterns("host", &route.host, HostPattern::parse, scope),
        paths: patterns("path", &route.path, PathPattern::parse, scope),
        methods: methods.map(|method| method.value.0.clone()).collect(),
        headers: conditions(
            &route.header,
            |name| word::field_name(name).map(|name| name.to_ascii_lowercase()),
            scope,
        ),
        query: conditions(
            &route.query,
            |name| match name {
                "" => Err("a parameter of the query has a name".to_owned()),
                name => Ok(name.to_owned()),
            },
            scope,
        ),
    }
}

fn patterns<T: PartialEq>(
    key: &str,
    field: &Field<OneOrMore<Text>>,
    parse: impl Fn(&str) -> Result<T, String>,
    scope: &mut Scope<'_>,
) -> Vec<T> {
    let mut patterns = Vec::new();
    for text in field.value().into_iter().flat_map(|all| &all.0) {
        match parse(&text.value) {
            // Of a list of thousands, which a program wrote, each would be compared with all others.
            Ok(pattern) if patterns.len() < 1000 && patterns.contains(&pattern) => {
                let message = format!("`{}` stands twice in `{key}`", shortened(&text.value));
                scope.report.warning(text.at, message, "leave one out");
            }
            Ok(pattern) => patterns.push(pattern),
            Err(help) => {
                scope
                    .report
                    .error(text.at, cannot_be(key, &text.value), help);
            }
        }
    }
    patterns
}

fn conditions(
    field: &Field<Named<Text>>,
    name_of: impl Fn(&str) -> Result<String, String>,
    scope: &mut Scope<'_>,
) -> Vec<Condition> {
    let mut conditions: Vec<Condition> = Vec::new();
    for (name, text) in field.value().into_iter().flat_map(Named::given) {
        let Some(condition) = condition(name, text, &name_of, scope) else {
            continue;
        };
        // Names of fields differ in case, but not in meaning.
        if conditions.iter().any(|other| other.name == condition.name) {
            let message = format!("`{}` is given twice", condition.name);
            scope.report.error(name.at, message, "keep one of them");
        }
        conditions.push(condition);
    }
    conditions
}

fn condition(
    name: &At<String>,
    text: &At<String>,
    name_of: impl Fn(&str) -> Result<String, String>,
    scope: &mut Scope<'_>,
) -> Option<Condition> {
    let named = name_of(&name.value).map_err(|help| {
        let message = format!("`{}` is no name", shortened(&name.value));
        scope.report.error(name.at, message, help);
    });
    let test = Test::parse(&text.value).map_err(|help| {
        let message = cannot_be(&name.value, &text.value);
        scope.report.error(text.at, message, help);
    });
    Some(Condition {
        name: named.ok()?,
        test: test.ok()?,
    })
}
