//! Routes: what they match, what becomes of a request, what is changed on the way.

mod action;
mod edit;
mod fallback;
mod matching;
mod naming;

use tenfold_gateway::config::route::{
    Action, Charge, Mirror, PriorityHeader, Route, RouteTimeouts,
};
use tenfold_gateway::config::{Limit, MAX_BODY};
use tenfold_traffic::limit::{Algorithm, Quota};
use tenfold_traffic::resilience::priority::Priority;

use super::{Names, Scope, concurrency};
use crate::config::diagnostic::{At, Place};
use crate::config::raw;
use crate::config::raw::route::{PriorityFrom, PriorityName};
use crate::config::read::Field;
use crate::config::scalar::{Text, Time};
use crate::config::shape::OneOrMore;

/// What routes name.
pub(super) struct Known<'r> {
    pub(super) listeners: Names<'r>,
    pub(super) upstreams: Names<'r>,
    pub(super) caches: Names<'r>,
    pub(super) limits: Names<'r>,
}

pub(super) fn check(
    file: &raw::File,
    known: &Known<'_>,
    limits: &[Limit],
    scope: &mut Scope<'_>,
) -> Vec<Route> {
    let general = General::of(file);
    let raws = file.route.value().map_or(&[][..], |all| &all.0);
    let names = naming::names(raws, scope.report);
    let mut routes = Vec::with_capacity(raws.len());
    for (raw, name) in raws.iter().zip(names) {
        let charges = charges(&raw.value.limit, known, limits, scope);
        let route = one(raw, name, known, &general, scope);
        routes.extend(route.map(|route| Route {
            limits: charges,
            ..route
        }));
    }
    routes
}

fn one(
    raw: &At<raw::route::Route>,
    name: String,
    known: &Known<'_>,
    general: &General,
    scope: &mut Scope<'_>,
) -> Option<Route> {
    let route = &raw.value;
    let matches = matching::check(route, &known.listeners, scope);
    let templates = edit::Templates::of(&matches.paths, !route.path.is_missing());
    let action = action::check(raw, &known.upstreams, &templates, scope);
    let path = edit::path(route, &matches.paths, &templates, scope);
    let request_fields = edit::fields(&route.request_headers, &templates, scope);
    let response_fields = edit::fields(&route.response_headers, &templates, scope);
    let mirror = mirror(&route.mirror, &known.upstreams, scope);
    let cache = cache(&route.cache, &known.caches, scope);
    let concurrency = concurrency::check(&route.concurrency, scope);
    let fallback = fallback::check(route, &known.upstreams, scope);
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
            deadline: (route.deadline.value().map(|time| time.0)).or(general.timeouts.deadline),
            body: time(&route.body_timeout, general.timeouts.body),
            tunnel: time(&route.tunnel_timeout, general.timeouts.tunnel),
        },
        deadline_header: route
            .deadline_header
            .value()
            .map(|name| name.0.to_ascii_lowercase()),
        max_body: route
            .max_body
            .value()
            .map_or(general.max_body, |size| size.0),
        mirror,
        cache,
        limits: Vec::new(),
        concurrency,
        fallback,
        priority: priority(&route.priority),
        priority_header: priority_header(&route.priority_header),
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
    if let Some(at) = route.cache.at() {
        let message = format!("`cache` is for routes with an upstream, and here {what}");
        let help = "leave it out: nothing of this needs a cache";
        scope.report.error(at, message, help);
    }
    if !has_path {
        scope.without_effect("strip", route.strip.at(), what);
        scope.without_effect("rewrite", route.rewrite.at(), what);
    }
    for (key, at) in [
        ("request_headers", route.request_headers.at()),
        ("timeout", route.timeout.at()),
        ("deadline", route.deadline.at()),
        ("deadline_header", route.deadline_header.at()),
        ("tunnel_timeout", route.tunnel_timeout.at()),
        ("mirror", route.mirror.at()),
        ("concurrency", route.concurrency.at()),
        ("fallback", route.fallback.at()),
        ("priority", route.priority.at()),
        ("priority_header", route.priority_header.at()),
    ] {
        scope.without_effect(key, at, what);
    }
}

/// What a request of the route costs, of which limits.
fn charges(
    field: &Field<OneOrMore<raw::limit::Charge>>,
    known: &Known<'_>,
    limits: &[Limit],
    scope: &mut Scope<'_>,
) -> Vec<Charge> {
    let mut charges: Vec<Charge> = Vec::new();
    for raw in field.value().into_iter().flat_map(|all| &all.0) {
        let cost = scope.count("cost", &raw.value.cost, 1..=1_000_000);
        let Some(name) = raw.value.name.given() else {
            continue;
        };
        let Some(index) = known.limits.find(name, scope.report) else {
            continue;
        };
        if charges.iter().any(|charge| charge.limit == index) {
            let message = format!("the limit `{}` stands twice in this route", name.value);
            let help = "give it once, with its `cost`";
            scope.report.error(name.at, message, help);
        }
        let cost = cost.unwrap_or(1);
        // One that is wrong itself is not in the list, and has been reported.
        if let Some(limit) = limits.iter().find(|limit| limit.name == name.value) {
            affordable(limit, cost, raw.value.cost.at().unwrap_or(name.at), scope);
        }
        charges.push(Charge {
            limit: index,
            cost: u32::try_from(cost).unwrap_or(1),
        });
    }
    charges
}

/// A request that costs more than there can ever be would always be refused.
fn affordable(limit: &Limit, cost: u64, at: Place, scope: &mut Scope<'_>) {
    let most = |quota: &Quota| match limit.algorithm {
        Algorithm::SlidingWindow => quota.rate.count,
        _ => quota.burst,
    };
    let least = limit.quotas().iter().map(most).min().unwrap_or(cost);
    if cost > least {
        let name = &limit.name;
        let what = match limit.algorithm {
            Algorithm::SlidingWindow => "in a window",
            _ => "at once",
        };
        let message = format!(
            "a request costs {cost} of the limit `{name}`, which allows {least} {what}: all would be refused"
        );
        let help = match limit.algorithm {
            Algorithm::SlidingWindow => {
                format!("raise its rate to at least {cost} per window, or lower the cost")
            }
            Algorithm::Concurrency => {
                format!("raise its in_flight to at least {cost}, or lower the cost")
            }
            _ => format!("raise its burst to at least {cost}, or lower the cost"),
        };
        scope.report.error(at, message, help);
    }
}

fn priority(field: &Field<PriorityName>) -> Priority {
    field.or(PriorityName::Normal).priority()
}

fn priority_header(field: &Field<raw::route::PriorityHeader>) -> Option<PriorityHeader> {
    let raw = field.value()?;
    Some(PriorityHeader {
        name: raw.name.value()?.0.to_ascii_lowercase(),
        from_anyone: raw.from.or(PriorityFrom::TrustedProxies) == PriorityFrom::Anyone,
    })
}

fn cache(field: &Field<Text>, caches: &Names<'_>, scope: &mut Scope<'_>) -> Option<usize> {
    caches.find(field.given()?, scope.report)
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
                deadline: timeouts.deadline.value().map(|time| time.0),
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
