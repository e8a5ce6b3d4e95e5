//! `location`: which paths, and routes for what is in it.

use super::body::bodies;
use super::content::content;
use super::context::Context;
use super::finish;
use super::guard::{guard, limit_except};
use super::kind::{Kind, Rank};
use super::level::{self, Access, Level, is_held};
use super::parse::Directive;
use super::rewrite::{self, Verdict};
use super::variables::Variables;
use crate::import::ledger::{Note, Weight};
use crate::import::model::{Action, Origin, Route};
use crate::import::path::Pattern;
use crate::import::source::Place;

/// A location with what it inherits.
#[derive(Clone, Debug)]
pub(super) struct Location<'d> {
    pub(super) kind: Kind,
    pub(super) directive: &'d Directive,
    pub(super) level: Level<'d>,
    pub(super) variables: Variables,
}

/// A route, and how nginx would have chosen it.
#[derive(Clone, Debug)]
pub(super) struct Planned {
    pub(super) route: Route,
    pub(super) rank: Rank,
    /// Of its location.
    pub(super) place: Place,
}

/// Requests that a location took and that no pattern can name.
#[derive(Clone, Debug)]
pub(super) struct Gap<'d> {
    pub(super) directive: &'d Directive,
    /// Their paths begin with this.
    pub(super) start: String,
    /// The patterns that its own routes have, if there are any.
    pub(super) patterns: Vec<Pattern>,
    /// They do not take all that it takes.
    pub(super) is_open: bool,
    /// It goes before all prefixes that are not strong.
    pub(super) is_regex: bool,
    /// Only routes to files matter: they would show sources of programs.
    pub(super) only_files: bool,
    /// Routes to files do not matter: they never show what is hidden.
    pub(super) spares_files: bool,
}

/// What a location is made into.
#[derive(Clone, Debug, Default)]
pub(super) struct Plan<'d> {
    pub(super) routes: Vec<Planned>,
    pub(super) gaps: Vec<Gap<'d>>,
    /// What is to be said although there is no route to say it at.
    pub(super) notes: Vec<Note>,
}

/// All locations of a server, nested ones also, in the order of the source.
pub(super) fn locations<'d>(
    directives: &'d [Directive],
    level: &Level<'d>,
    variables: &Variables,
    into: &mut Vec<Location<'d>>,
) {
    for directive in directives.iter().filter(|one| one.name == "location") {
        let inner = level.inner(directive.inside());
        let mut own = variables.clone();
        rewrite::sets(directive.inside(), &mut own);
        into.push(Location {
            kind: Kind::of(directive),
            directive,
            level: inner.clone(),
            variables: own.clone(),
        });
        locations(directive.inside(), &inner, &own, into);
    }
}

/// Plans the routes of a location. `named` are those that `try_files` and the like may lead to.
pub(super) fn plan<'d>(
    context: &mut Context,
    location: &Location<'d>,
    all: &[Location<'d>],
) -> Plan<'d> {
    let mut plan = Plan::default();
    if matches!(location.kind, Kind::Named(_)) {
        return plan;
    }
    let Some((patterns, has_gap)) = location.kind.patterns() else {
        return unnamed(context, location);
    };
    let mut notes = Vec::new();
    let found = routes(context, location, &patterns, all, &mut notes);
    let is_guarded = location.level.access() != Access::All && !found.is_fixed;
    let is_refused = found.routes.iter().any(refuses);
    let is_protected = is_guarded || is_refused;
    let is_regex = matches!(location.kind, Kind::Regex { .. });
    if (has_gap || is_regex) && is_protected {
        plan.gaps.push(Gap {
            directive: location.directive,
            start: location.kind.start(),
            patterns: patterns.clone(),
            is_open: has_gap,
            is_regex,
            only_files: false,
            spares_files: location.kind.is_about_hidden(),
        });
    }
    if has_gap && !is_protected {
        let text = location.kind.start();
        let advice =
            format!("also takes paths such as `{text}x`; here a prefix ends where a segment does");
        context.note(&mut notes, location.directive, Weight::Differs, advice);
    } else {
        context.translated(location.directive);
    }
    let rank = location.kind.rank();
    let mut routes = found.routes;
    match routes.first_mut() {
        Some(first) => {
            notes.append(&mut first.table.notes);
            first.table.notes = notes;
        }
        None => plan.notes = notes,
    }
    let place = location.directive.place;
    for mut route in routes {
        route.origin = Some(Origin::of(location.directive));
        plan.routes.push(Planned { route, rank, place });
    }
    plan
}

/// A location that no pattern can name: it and all that is in it become comments.
fn unnamed<'d>(context: &mut Context, location: &Location<'d>) -> Plan<'d> {
    let mut plan = Plan::default();
    let inside = location.directive.inside();
    let is_guarded = location.level.access() != Access::All;
    let is_refused = inside.iter().any(|one| match one.name.as_str() {
        "return" => matches!(one.first(), "401" | "402" | "403" | "404" | "410" | "444"),
        name => name == "internal",
    });
    let is_program = inside.iter().any(|one| {
        matches!(
            one.name.as_str(),
            "fastcgi_pass" | "uwsgi_pass" | "scgi_pass" | "memcached_pass"
        ) || one.name.ends_with("_by_lua_block")
    });
    if is_guarded || is_refused || is_program {
        plan.gaps.push(Gap {
            directive: location.directive,
            start: location.kind.start(),
            patterns: Vec::new(),
            is_open: true,
            is_regex: true,
            only_files: !is_guarded && !is_refused,
            spares_files: location.kind.is_about_hidden(),
        });
    }
    let weight = match is_guarded || is_refused {
        true => Weight::Security,
        false => Weight::Differs,
    };
    let advice = "no path of a route is the same (exact, prefix, or pattern of whole segments): its requests go where the others go";
    context.note(&mut plan.notes, location.directive, weight, advice);
    for directive in inside.iter().filter(|one| one.name != "location") {
        context.note(&mut plan.notes, directive, Weight::Differs, "is part of it");
        context.cover(directive, Weight::Differs, "is part of it");
    }
    plan
}

/// True if a route keeps everyone out.
fn refuses(route: &Route) -> bool {
    matches!(
        route.action,
        Action::Respond {
            status: 401..=404 | 410 | 444,
            ..
        }
    )
}

struct Routes {
    routes: Vec<Route>,
    /// Decided before access is: `return`.
    is_fixed: bool,
}

fn routes(
    context: &mut Context,
    location: &Location<'_>,
    patterns: &[Pattern],
    all: &[Location<'_>],
    notes: &mut Vec<Note>,
) -> Routes {
    let directives = location.directive.inside();
    let decided = rewrite::location(context, location, patterns, notes);
    others(context, directives, notes);
    // What is handed on is handled as it says where it is handed to.
    let answering = handed_to(location, all);
    let (bodies, is_fixed) = match decided.verdict {
        Verdict::Answer(action) => (vec![Route::new(patterns.to_vec(), action)], true),
        Verdict::Continue(edit) => {
            let target = content(context, location, all, notes);
            let bodies = bodies(context, location, answering, patterns, target, edit, notes);
            (bodies, false)
        }
    };
    let mut routes = decided.before;
    for mut route in bodies {
        route.closed = decided.is_closed;
        if !is_fixed {
            guard(context, &location.level, &mut route);
            if answering.directive.place != location.directive.place && !route.closed {
                guard(context, &answering.level, &mut route);
            }
        }
        finish::route(context, &answering.level, &answering.variables, &mut route);
        let kept = limit_except(context, directives, &mut route);
        for part in &decided.requires {
            match part.fits(&route) {
                true => part.apply(&mut route),
                false => route.closed = true,
            }
        }
        routes.push(route);
        routes.extend(kept);
    }
    routes.extend(decided.after);
    Routes { routes, is_fixed }
}

/// The location that `try_files … @name` leads to, or itself.
fn handed_to<'a, 'd>(location: &'a Location<'d>, all: &'a [Location<'d>]) -> &'a Location<'d> {
    let directives = location.directive.inside();
    let last = directives
        .iter()
        .rfind(|one| one.name == "try_files")
        .and_then(|one| one.args.last()?.strip_prefix('@'));
    let named = last.and_then(|name| {
        all.iter()
            .find(|one| one.kind == Kind::Named(name.to_owned()))
    });
    named.unwrap_or(location)
}

/// Says what is left: what has its own place was translated, or will be.
fn others(context: &mut Context, directives: &[Directive], notes: &mut Vec<Note>) {
    const OWN: &[&str] = &[
        "location",
        "proxy_pass",
        "alias",
        "try_files",
        "return",
        "rewrite",
        "if",
        "set",
        "limit_except",
        "internal",
        "break",
        "health_check",
    ];
    for directive in directives {
        let name = directive.name.as_str();
        if level::is_guard(directive) {
            // Whoever it lets in is for each route to say.
            if directive.first() == "off" {
                context.translated(directive);
            }
            continue;
        }
        let is_carried_out = name == "include" && directive.block.is_some();
        if is_carried_out {
            context.translated(directive);
        } else if name == "access_log" && directive.first() != "off" {
            let advice = "there is one access log for all: access_log of [gateway]";
            context.note(notes, directive, Weight::Differs, advice);
        } else if name == "access_log" {
            let advice = "single routes cannot be left out of the access log";
            context.note(notes, directive, Weight::Differs, advice);
        } else if !OWN.contains(&name) && !is_held(name) && context.ledger.lacks(directive.place) {
            context.note_known(notes, directive);
        }
    }
}
