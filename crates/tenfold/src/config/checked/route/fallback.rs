//! What a route answers when all else fails.

use std::sync::Arc;

use tenfold_gateway::config::route::{Fallback, Reply};

use super::{Names, Scope, action};
use crate::config::diagnostic::At;
use crate::config::raw::route;

pub(super) fn check(
    route: &route::Route,
    upstreams: &Names<'_>,
    scope: &mut Scope<'_>,
) -> Vec<Fallback> {
    let all = route.fallback.value().into_iter().flat_map(|all| &all.0);
    let ways: Vec<_> = all
        .filter_map(|it| one(it, route, upstreams, scope))
        .collect();
    let given = route.fallback.value().map_or(&[][..], |all| &all.0);
    let is_file = |way: &Fallback| matches!(way, Fallback::File(_));
    if let Some(first) = ways.iter().position(is_file)
        && ways.len() == given.len()
        && first + 1 < ways.len()
    {
        let why = "the file in front of it always answers";
        scope.without_effect("fallback", Some(given[first + 1].at), why);
    }
    repeated(route, &ways, given, scope);
    ways
}

/// Ways that lead where the request has just been.
fn repeated(
    route: &route::Route,
    ways: &[Fallback],
    given: &[At<route::Fallback>],
    scope: &mut Scope<'_>,
) {
    let is_own = |name: &str| match route.upstream.value() {
        Some(shares) => {
            matches!(&shares.0[..], [one] if one.value.name.value().is_some_and(|own| own == name))
        }
        None => false,
    };
    for it in given {
        if let Some(name) = it.value.upstream.given().filter(|name| is_own(&name.value)) {
            let message = "this `fallback` asks the upstream that has just failed";
            let help =
                "name another one; to try its servers again is what `retry` of the upstream does";
            scope.report.warning(name.at, message, help);
        }
    }
    for (index, way) in ways.iter().enumerate().skip(1) {
        let is_file = matches!(way, Fallback::File(_));
        if ways.len() == given.len() && !is_file && ways[..index].contains(way) {
            scope.report.warning(
                given[index].at,
                "this `fallback` stands twice",
                "leave one out",
            );
        }
    }
}

fn one(
    it: &At<route::Fallback>,
    route: &route::Route,
    upstreams: &Names<'_>,
    scope: &mut Scope<'_>,
) -> Option<Fallback> {
    let raw = &it.value;
    let given = [
        !raw.answer.is_missing(),
        !raw.upstream.is_missing(),
        !raw.file.is_missing(),
    ];
    if given.iter().filter(|given| **given).count() != 1 {
        let message = "a `fallback` is one of `\"stale\"`, `upstream` and `file`";
        let help = "for several write a list: fallback = [\"stale\", { upstream = \"backup\" }, { file = \"sorry.html\" }]";
        scope.report.error(it.at, message, help);
        return None;
    }
    if raw.file.is_missing() {
        let why = "only a file has one";
        scope.without_effect("status", raw.status.at(), why);
        scope.without_effect("content_type", raw.content_type.at(), why);
    }
    if raw.answer.given().is_some() {
        if route.cache.is_missing() {
            let message = "`\"stale\"` needs a cache, and this route has none";
            scope
                .report
                .error(it.at, message, "add cache = \"NAME\" to the route");
        }
        return Some(Fallback::Stale);
    }
    if let Some(name) = raw.upstream.given() {
        return upstreams.find(name, scope.report).map(Fallback::Upstream);
    }
    let file = raw.file.given()?;
    let status = scope.count("status", &raw.status, 200..=599);
    let path = scope.resolve(&file.value.0, file.at);
    let body: Arc<[u8]> = scope.content(&path, file.at)?.into();
    let status = status.and_then(|it| u16::try_from(it).ok()).unwrap_or(503);
    action::refuse_body(status, body.is_empty(), it.at, scope);
    let content_type = raw.content_type.value().map(|value| value.0.clone());
    Some(Fallback::File(Reply {
        status,
        content_type: content_type.unwrap_or_else(|| of_name(&file.value.0).to_owned()),
        body,
    }))
}

fn of_name(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("html" | "htm") => "text/html; charset=utf-8",
        Some("json") => "application/json",
        _ => "text/plain; charset=utf-8",
    }
}
