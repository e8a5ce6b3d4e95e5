//! `allow`, `deny`, `auth_basic`, `limit_except`: who is let in.

use super::context::Context;
use super::level::{Access, Level};
use super::parse::Directive;
use crate::import::ledger::Weight;
use crate::import::model::{Action, Route};

/// Closes a route that lets only some in, since who is let in cannot be said.
pub(super) fn guard(context: &mut Context, level: &Level<'_>, route: &mut Route) {
    let mut notes = Vec::new();
    match level.access() {
        Access::All => {
            for directive in &level.access {
                context.translated(directive);
            }
            return;
        }
        Access::Nobody => {
            for directive in &level.access {
                context.translated(directive);
            }
            route.action = Action::refuse(403, "");
            return;
        }
        Access::Some => {}
    }
    route.closed = true;
    for directive in level.access.iter().chain(&level.guards) {
        let advice = "who is let in cannot be said yet: this route refuses everyone, until something else protects it";
        context.note(&mut notes, directive, Weight::Security, advice);
    }
    route.table.notes.append(&mut notes);
}

/// `limit_except GET { deny all; }`: the route is for these methods, and another one refuses the others.
pub(super) fn limit_except(
    context: &mut Context,
    directives: &[Directive],
    route: &mut Route,
) -> Option<Route> {
    let directive = directives.iter().find(|one| one.name == "limit_except")?;
    let methods: Vec<String> = directive.args.clone();
    let is_known = |method: &String| crate::config::word::method(method).is_ok();
    let mut refusal = Route::new(route.paths.clone(), Action::refuse(403, ""));
    let denies_all =
        matches!(directive.inside(), [only] if only.name == "deny" && only.first() == "all");
    let mut notes = Vec::new();
    if denies_all {
        context.translated(directive);
        context.translated(&directive.inside()[0]);
    } else {
        let advice = "who may use other methods cannot be said yet: nobody may";
        context.note(&mut notes, directive, Weight::Security, advice);
        context.cover(directive, Weight::Security, advice);
    }
    refusal.table.notes = notes;
    if methods.is_empty() || !methods.iter().all(is_known) || !route.methods.is_empty() {
        route.action = Action::refuse(403, "");
        return None;
    }
    route.methods = methods;
    Some(refusal)
}
