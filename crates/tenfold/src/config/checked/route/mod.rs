//! Routes: what they match, what becomes of a request, what is changed on the way.

mod action;
mod edit;
mod matching;
mod naming;

use tenfold_gateway::config::MAX_BODY;
use tenfold_gateway::config::route::{Action, Mirror, Route, RouteTimeouts};

use super::{Names, Scope};
use crate::config::diagnostic::At;
use crate::config::raw;
use crate::config::read::Field;
use crate::config::scalar::Time;

pub(super) fn check(
    file: &raw::File,
    listeners: &Names<'_>,
    upstreams: &Names<'_>,
    scope: &mut Scope<'_>,
) -> Vec<Route> {
    let general = General::of(file);
    let raws = file.route.value().map_or(&[][..], |all| &all.0);
    let names = naming::names(raws, scope.report);
    let mut routes = Vec::with_capacity(raws.len());
    for (raw, name) in raws.iter().zip(names) {
        routes.extend(one(raw, name, listeners, upstreams, &general, scope));
    }
    routes
}

fn one(
    raw: &At<raw::route::Route>,
    name: String,
    listeners: &Names<'_>,
    upstreams: &Names<'_>,
    general: &General,
    scope: &mut Scope<'_>,
) -> Option<Route> {
    let route = &raw.value;
    let matches = matching::check(route, listeners, scope);
    let templates = edit::Templates::of(&matches.paths, !route.path.is_missing());
    let action = action::check(raw, upstreams, &templates, scope);
    let path = edit::path(route, &matches.paths, &templates, scope);
    let request_fields = edit::fields(&route.request_headers, &templates, scope);
    let response_fields = edit::fields(&route.response_headers, &templates, scope);
    let mirror = mirror(&route.mirror, upstreams, scope);
    let action = action?;
    warn_of_idle_keys(route, &action, scope);
    let time = |own: &Field<Time>, general| own.value().map_or(general, |time| time.0);
    Some(Route {
        name,
        matches,
        action,
        path,
        request_fields,
        response_fields,
        timeouts: RouteTimeouts {
            response: time(&route.timeout, general.timeouts.response),
            body: time(&route.body_timeout, general.timeouts.body),
            tunnel: time(&route.tunnel_timeout, general.timeouts.tunnel),
        },
        max_body: route
            .max_body
            .value()
            .map_or(general.max_body, |size| size.0),
        mirror,
        cache: None,
    })
}

/// Keys that only a route to an upstream has a use for.
fn warn_of_idle_keys(route: &raw::route::Route, action: &Action, scope: &mut Scope<'_>) {
    let (has_path, what) = match action {
        Action::Forward(_) => return,
        Action::Files(_) => (true, "files are served"),
        Action::Redirect { .. } => (false, "the client is sent elsewhere"),
        Action::Respond(_) => (false, "the gateway answers"),
    };
    if !has_path {
        scope.without_effect("strip", route.strip.at(), what);
        scope.without_effect("rewrite", route.rewrite.at(), what);
    }
    for (key, at) in [
        ("request_headers", route.request_headers.at()),
        ("timeout", route.timeout.at()),
        ("tunnel_timeout", route.tunnel_timeout.at()),
        ("mirror", route.mirror.at()),
    ] {
        scope.without_effect(key, at, what);
    }
}

fn mirror(
    field: &Field<raw::route::Mirror>,
    upstreams: &Names<'_>,
    scope: &mut Scope<'_>,
) -> Option<Mirror> {
    let raw = field.value()?;
    let help = "give a share from 0% to 100%, for example 10%";
    let share = scope.within("share", &raw.share, |share| share.0, 0.0..=1.0, help);
    let upstream = upstreams.find(raw.upstream.given()?, scope.report)?;
    Some(Mirror {
        upstream,
        share: share.unwrap_or(1.0),
    })
}

/// What holds for routes that do not say otherwise.
struct General {
    timeouts: RouteTimeouts,
    max_body: u64,
}

impl General {
    fn of(file: &raw::File) -> Self {
        let timeouts = file.timeouts.or(raw::gateway::Timeouts::default());
        let limits = file.limits.or(raw::gateway::Limits::default());
        let standard = RouteTimeouts::default();
        Self {
            timeouts: RouteTimeouts {
                response: timeouts
                    .response
                    .value()
                    .map_or(standard.response, |time| time.0),
                body: timeouts.body.value().map_or(standard.body, |time| time.0),
                tunnel: timeouts
                    .tunnel
                    .value()
                    .map_or(standard.tunnel, |time| time.0),
            },
            max_body: limits.max_body.value().map_or(MAX_BODY, |size| size.0),
        }
    }
}
