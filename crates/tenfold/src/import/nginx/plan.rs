//! The routes of one `server`: what it answers itself, its locations, and a route for the rest.

use super::close::close;
use super::content::{Target, content};
use super::context::Context;
use super::finish;
use super::guard::guard;
use super::kind::{Kind, Rank};
use super::level::{Access, is_held};
use super::location::{self, Location, Plan, Planned};
use super::rewrite::{self, Decided, Verdict};
use super::site::Site;
use crate::import::ledger::{Note, Weight};
use crate::import::model::{Action, Origin, Route};
use crate::import::path::Pattern;

/// The routes of a server, for any host.
pub(super) fn plan(context: &mut Context, site: &Site<'_>) -> Vec<Planned> {
    let mut all = Vec::new();
    let inside = site.directive.inside();
    location::locations(inside, &site.level, &site.variables, &mut all);
    let whole = Location {
        kind: Kind::Prefix {
            text: "/".into(),
            is_strong: false,
        },
        directive: site.directive,
        level: site.level.clone(),
        variables: site.variables.clone(),
    };
    let every = [Pattern::every()];
    let mut notes = Vec::new();
    let decided = rewrite::location(context, &whole, &every, &mut notes);
    let mut routes: Vec<Planned> = Vec::new();
    let first = |route: Route| Planned {
        route,
        rank: Rank::First,
        place: site.directive.place,
    };
    routes.extend(decided.before.iter().cloned().map(first));
    if let Verdict::Answer(action) = &decided.verdict {
        let mut route = Route::new(every.to_vec(), action.clone());
        finish::route(context, &site.level, &site.variables, &mut route);
        for location in &all {
            let advice = "is never reached: the server answers before";
            context.note(&mut notes, location.directive, Weight::Unneeded, advice);
            context.cover(location.directive, Weight::Unneeded, advice);
        }
        route.table.notes.append(&mut notes);
        routes.push(first(route));
    } else {
        routes.extend(located(context, &whole, &all, &mut notes));
    }
    require(&decided, &mut routes);
    routes.extend(decided.after.into_iter().map(first));
    for planned in &mut routes {
        let origin = &mut planned.route.origin;
        origin.get_or_insert_with(|| Origin::of(site.directive));
    }
    if let Some(one) = routes.first_mut() {
        notes.append(&mut one.route.table.notes);
        one.route.table.notes = notes;
    }
    routes
}

/// What the server asks of all requests, asked of each route.
fn require(decided: &Decided, routes: &mut [Planned]) {
    for planned in routes.iter_mut().filter(|one| one.rank != Rank::First) {
        planned.route.closed |= decided.is_closed;
    }
    let conditional = decided.before.len();
    for planned in routes.iter_mut().skip(conditional) {
        for part in &decided.requires {
            match part.fits(&planned.route) {
                true => part.apply(&mut planned.route),
                false => planned.route.closed = true,
            }
        }
    }
}

fn located(
    context: &mut Context,
    whole: &Location<'_>,
    all: &[Location<'_>],
    notes: &mut Vec<Note>,
) -> Vec<Planned> {
    let mut routes = Vec::new();
    let mut gaps = Vec::new();
    for location in all {
        if let Kind::Named(_) = location.kind {
            continue;
        }
        let Plan {
            routes: own,
            gaps: own_gaps,
            notes: mut own_notes,
        } = location::plan(context, location, all);
        notes.append(&mut own_notes);
        routes.extend(own);
        gaps.extend(own_gaps);
    }
    named(context, all, notes);
    let takes_all = |planned: &Planned| planned.route.paths.contains(&Pattern::every());
    if !routes.iter().any(takes_all) {
        let rest = catch_all(context, whole, all, notes);
        routes.push(rest);
    }
    close(context, &gaps, &mut routes);
    routes
}

/// What is in named locations and was not used by others.
fn named(context: &mut Context, all: &[Location<'_>], notes: &mut Vec<Note>) {
    let is_named = |one: &&Location<'_>| matches!(one.kind, Kind::Named(_));
    for location in all.iter().filter(is_named) {
        context.translated(location.directive);
        for directive in location.directive.inside() {
            let is_held = is_held(&directive.name);
            if !is_held && context.ledger.lacks(directive.place) {
                context.note_known(notes, directive);
            }
        }
    }
}

/// The route for what no location is for: requests of this server must not fall through to another one.
fn catch_all(
    context: &mut Context,
    whole: &Location<'_>,
    all: &[Location<'_>],
    notes: &mut Vec<Note>,
) -> Planned {
    let target = content(context, whole, all, notes);
    let action = match target {
        Target::Fixed(action) | Target::Files { action, .. } => action,
        Target::Servers { shares, .. } => Action::Upstream(shares),
    };
    let mut route = Route::new(vec![Pattern::every()], action);
    if whole.level.access() != Access::All {
        guard(context, &whole.level, &mut route);
    }
    finish::route(context, &whole.level, &whole.variables, &mut route);
    Planned {
        route,
        rank: Rank::Prefix,
        place: whole.directive.place,
    }
}
