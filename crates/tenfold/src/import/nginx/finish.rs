//! What is the same for all routes of a location: headers, timeouts, sizes, mirrors.

use super::cache;
use super::content::{self, Pass};
use super::context::{Context, bytes};
use super::headers;
use super::level::Level;
use super::limit;
use super::parse::Directive;
use super::retry;
use super::variables::Variables;
use crate::import::ledger::{Note, Weight};
use crate::import::model::{Action, Route, Value};
use crate::import::value::size;

/// More than anyone sends: nginx's `client_max_body_size 0` asks for no limit.
const UNLIMITED: &str = "1024TiB";

/// Completes a route that goes to servers.
pub(super) fn forwarded(
    context: &mut Context,
    level: &Level<'_>,
    variables: &Variables,
    host: &str,
    route: &mut Route,
) {
    headers::request(context, level, variables, host, route);
    cache::cache(context, level, route);
    limit::limit(context, level, route);
    retry::retry(context, level, route);
    let mut notes = Vec::new();
    if let Some(directive) = level.read_timeout.filter(|one| !context.is_global(one))
        && let Some(time) = context.time(&mut notes, directive)
    {
        route.table.set("timeout", time.clone());
        let upgrades = |one: &&Directive| one.first().eq_ignore_ascii_case("upgrade");
        if level.set_headers.iter().any(upgrades) {
            // For a WebSocket it is the time without a byte.
            route.table.set("tunnel_timeout", time);
        }
    }
    let body = level.send_timeout.or(level.body_timeout);
    if let Some(directive) = body.filter(|one| !context.is_global(one))
        && let Some(time) = context.time(&mut notes, directive)
    {
        route.table.set("body_timeout", time);
    }
    // Bodies of clients and of servers have one time here.
    for directive in level
        .body_timeout
        .iter()
        .filter(|_| level.send_timeout.is_some())
    {
        if !context.is_global(directive) {
            let advice = "body_timeout is one for both directions: that of proxy_send_timeout";
            context.note(&mut notes, directive, Weight::Differs, advice);
        }
    }
    if let Some(directive) = level.max_body.filter(|one| !context.is_global(one))
        && let Some(size) = max_body(context, &mut notes, directive)
    {
        route.table.set("max_body", size);
    }
    if let Some(directive) = level.connect_timeout.filter(|one| !context.is_global(one)) {
        connect_timeout(context, &mut notes, directive, route);
    }
    route.table.notes.append(&mut notes);
}

/// The size of `client_max_body_size` as we write it.
pub(super) fn max_body(
    context: &mut Context,
    notes: &mut Vec<Note>,
    directive: &Directive,
) -> Option<String> {
    match bytes(directive.first()) {
        Some(0) => {
            context.translated(directive);
            Some(UNLIMITED.to_owned())
        }
        Some(bytes) => {
            context.translated(directive);
            Some(size(bytes))
        }
        None => {
            context.note(
                notes,
                directive,
                Weight::Differs,
                "is no size that can be read",
            );
            None
        }
    }
}

/// The time to connect is an upstream's, not a route's.
fn connect_timeout(
    context: &mut Context,
    notes: &mut Vec<Note>,
    directive: &Directive,
    route: &Route,
) {
    let Action::Upstream(shares) = &route.action else {
        return;
    };
    let Some(time) = context.time(notes, directive) else {
        return;
    };
    for (name, _) in shares.clone() {
        let value = Value::from(time.clone());
        context.set_of_upstream(notes, directive, &name, ("connect_timeout", value));
    }
}

/// Completes any route.
pub(super) fn route(
    context: &mut Context,
    level: &Level<'_>,
    variables: &Variables,
    route: &mut Route,
) {
    headers::response(context, level, variables, route);
    if matches!(route.action, Action::Upstream(_)) {
        mirrors(context, level, variables, route);
    }
}

/// `mirror /copy;` with `location = /copy { internal; proxy_pass …; }`
fn mirrors(context: &mut Context, level: &Level<'_>, variables: &Variables, route: &mut Route) {
    let mut notes = Vec::new();
    for directive in &level.mirrors {
        if directive.first() == "off" {
            context.translated(directive);
            continue;
        }
        let target = context.mirrors.get(directive.first()).cloned();
        let pass = target.as_ref().map(|target| {
            // The path behind the server is what a copy has anyway.
            let text = target.first().replace("$request_uri", "");
            content::pass(context, &text, variables)
        });
        match (pass, target) {
            (
                Some(Ok(Pass {
                    shares, uri: None, ..
                })),
                Some(target),
            ) if shares.len() == 1 && route.table.get("mirror").is_none() => {
                route.table.set("mirror", shares[0].0.clone());
                context.translated(directive);
                context.translated(&target);
            }
            _ => {
                let advice =
                    "mirror = \"UPSTREAM\" sends a copy to one upstream, with the path unchanged";
                context.note(&mut notes, directive, Weight::Differs, advice);
            }
        }
    }
    route.table.notes.append(&mut notes);
}
