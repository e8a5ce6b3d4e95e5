//! What becomes of a request: exactly one thing.

use std::collections::HashMap;
use std::sync::Arc;

use tenfold_gateway::config::route::{Action, Files, Reply, Share};

use super::edit::Templates;
use crate::config::checked::{Names, Scope};
use crate::config::diagnostic::{At, Place};
use crate::config::raw::route::{self, Route};
use crate::config::shape::OneOrMore;

const HELP: &str =
    "say what becomes of its requests: upstream = \"NAME\", redirect, respond or files";

/// The action; `None` after what is wrong was reported.
pub(super) fn check(
    raw: &At<Route>,
    upstreams: &Names<'_>,
    templates: &Templates<'_>,
    scope: &mut Scope<'_>,
) -> Option<Action> {
    let route = &raw.value;
    let present: Vec<_> = [
        (
            "upstream",
            !route.upstream.is_missing(),
            route.upstream.at(),
        ),
        (
            "redirect",
            !route.redirect.is_missing(),
            route.redirect.at(),
        ),
        ("respond", !route.respond.is_missing(), route.respond.at()),
        ("files", !route.files.is_missing(), route.files.at()),
    ]
    .into_iter()
    .filter(|(_, is_present, _)| *is_present)
    .collect();
    match present.as_slice() {
        [] => {
            scope.report.error(raw.at, "this route does nothing", HELP);
            return None;
        }
        [_] => {}
        [(first, _, first_at), (second, _, at), ..] => {
            let message = format!("a route cannot have both `{first}` and `{second}`");
            let help = "keep one of them, or make two routes";
            let error = scope.report.error(at.unwrap_or(raw.at), message, help);
            if let Some(first_at) = first_at {
                error.also(*first_at, "the other one");
            }
            return None;
        }
    }
    if let Some(split) = route.upstream.given() {
        return forward(split, upstreams, scope).map(Action::Forward);
    }
    if let Some(redirect) = route.redirect.value() {
        return redirection(redirect, templates, scope);
    }
    if let Some(respond) = route.respond.given() {
        return reply(respond, scope).map(Action::Respond);
    }
    files(route.files.value()?, scope).map(Action::Files)
}

fn forward(
    split: &At<OneOrMore<route::Split>>,
    upstreams: &Names<'_>,
    scope: &mut Scope<'_>,
) -> Option<Vec<Share>> {
    let all = &split.value.0;
    let mut shares = Vec::new();
    let mut seen = HashMap::new();
    for one in all {
        let Some(name) = one.value.name.given() else {
            continue;
        };
        let weight = scope.count("weight", &one.value.weight, 0..=1_000_000);
        if let Some(first) = seen.insert(name.value.as_str(), name.at) {
            let message = format!("the upstream `{}` is given twice", name.value);
            let help = "give each once, with its weight";
            scope
                .report
                .error(name.at, message, help)
                .also(first, "first here");
        }
        if let Some(upstream) = upstreams.find(name, scope.report) {
            let weight = weight.and_then(|weight| u32::try_from(weight).ok());
            shares.push(Share {
                upstream,
                weight: weight.unwrap_or(1),
            });
        }
    }
    if shares.len() == all.len() && shares.iter().all(|share| share.weight == 0) {
        let message = "all upstreams of this route have the weight 0";
        scope
            .report
            .error(split.at, message, "give at least one a weight of 1 or more");
    }
    Some(shares)
}

fn redirection(
    redirect: &route::Redirect,
    templates: &Templates<'_>,
    scope: &mut Scope<'_>,
) -> Option<Action> {
    let status = match redirect.status.given() {
        None => 308,
        Some(status) => match status.value.0 {
            code @ (301 | 302 | 303 | 307 | 308) => u16::try_from(code).unwrap_or(308),
            code => {
                let message = format!("{code} does not send a client elsewhere");
                let help = "give 301 or 308 (for good), 302 or 307 (for now), or 303 (to a GET)";
                scope.report.error(status.at, message, help);
                308
            }
        },
    };
    let to = redirect.to.given()?;
    let template = templates.parse("redirect", to, scope)?;
    let is_location = ["/", "http://", "https://", "{"]
        .iter()
        .any(|start| to.value.starts_with(start));
    if !is_location {
        let message = "`redirect` goes to a URL or to a path";
        let help = "for example https://{host}{path}{query} or /new{path}";
        scope.report.error(to.at, message, help);
    }
    Some(Action::Redirect {
        status,
        to: template,
    })
}

fn reply(respond: &At<route::Respond>, scope: &mut Scope<'_>) -> Option<Reply> {
    let raw = &respond.value;
    let status = scope.count("status", &raw.status, 200..=599);
    let status = status
        .and_then(|code| u16::try_from(code).ok())
        .unwrap_or(200);
    let body: Arc<[u8]> = match (raw.body.given(), raw.body_file.given()) {
        (Some(_), Some(file)) => {
            let message = "`respond` cannot have both `body` and `body_file`";
            scope.report.error(file.at, message, "keep one of them");
            return None;
        }
        (Some(body), None) => body.value.as_bytes().into(),
        (None, Some(file)) => {
            let path = scope.resolve(&file.value.0, file.at);
            scope.content(&path, file.at)?.into()
        }
        (None, None) => Arc::default(),
    };
    refuse_body(status, body.is_empty(), respond.at, scope);
    let content_type = raw.content_type.value().map(|value| value.0.clone());
    Some(Reply {
        status,
        content_type: content_type.unwrap_or_else(|| "text/plain; charset=utf-8".to_owned()),
        body,
    })
}

/// Some responses have no body (RFC 9110 sections 15.3.5, 15.3.6 and 15.4.5).
pub(super) fn refuse_body(status: u16, is_empty: bool, at: Place, scope: &mut Scope<'_>) {
    if matches!(status, 204 | 205 | 304) && !is_empty {
        let message = format!("a response with status {status} has no body");
        let help = "leave the body out, or use another status";
        scope.report.error(at, message, help);
    }
}

fn files(raw: &route::Files, scope: &mut Scope<'_>) -> Option<Files> {
    for (key, name) in [("index", &raw.index), ("fallback", &raw.fallback)] {
        if let Some(name) = name.given() {
            let path = std::path::Path::new(&name.value.0);
            let is_inside = path
                .components()
                .all(|part| matches!(part, std::path::Component::Normal(_)));
            if !is_inside {
                let message = format!("`{key}` takes a file below `root`");
                scope.report.error(
                    name.at,
                    message,
                    "for example index.html, without / at the beginning",
                );
            }
        }
    }
    let root = raw.root.given()?;
    let path = scope.resolve(&root.value.0, root.at);
    if !scope.files.exists(&path) {
        let message = format!("{} does not exist", path.display());
        scope
            .report
            .warning(root.at, message, "until it does every answer is 404");
    }
    Some(Files {
        root: path,
        index: raw
            .index
            .value()
            .map_or_else(|| "index.html".to_owned(), |name| name.0.clone()),
        fallback: raw.fallback.value().map(|name| name.0.clone()),
        cache_control: raw.cache_control.value().map(|value| value.0.clone()),
    })
}
