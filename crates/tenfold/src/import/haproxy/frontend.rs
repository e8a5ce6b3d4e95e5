//! `frontend` and `listen`: routes.

use std::collections::HashMap;

use super::acl::Acls;
use super::change::Changed;
use super::context::Context;
use super::edits::{self, Edit};
use super::expand::{self, Backends, Entry, Expanded, Outcome, expand};
use super::lexer::Line;
use super::region::Region;
use super::rules::{Effect, Phase, Rule, rules};
use super::section::Proxy;
use crate::import::ledger::{Note, Weight};
use crate::import::model::{Action, Item, Origin, Route};
use crate::import::path::Pattern;

/// What is known of a backend: what it asks and changes itself.
#[derive(Clone, Debug)]
pub(super) struct Backend<'s> {
    pub(super) proxy: Proxy<'s>,
    pub(super) rules: Vec<Rule<'s>>,
    pub(super) edits: Vec<Edit<'s>>,
}

/// All backends by name.
pub(super) struct All<'s>(pub(super) HashMap<String, Backend<'s>>);

impl<'s> Backends<'s> for All<'s> {
    fn rules(&self, name: &str) -> &[Rule<'s>] {
        self.0.get(name).map_or(&[], |backend| &backend.rules)
    }
}

/// Adds the routes of a section to the draft. `listeners` are its own, `is_all` says that there are no others.
pub(super) fn frontend<'s>(
    context: &mut Context,
    proxy: &Proxy<'s>,
    acls: &Acls<'_>,
    listeners: &[String],
    is_all: bool,
    backends: &All<'s>,
    mut notes: Vec<Note>,
) {
    let mut own = rules(context, proxy, acls, &Changed::default(), &mut notes);
    let changes = edits::edits(context, proxy, acls, &mut notes);
    super::others::others(context, proxy.section, &mut notes);
    if let Some((line, name)) = standard(context, proxy) {
        own.push(Rule {
            line,
            phase: Phase::Backend,
            regions: vec![Region::default()],
            except: Vec::new(),
            effect: Effect::Forward(name),
        });
    }
    let Expanded { entries, is_cut } = expand(&own, backends);
    if is_cut {
        let advice = format!(
            "would become more than {} routes: what would have been asked last is left out",
            expand::MOST
        );
        context.note(&mut notes, &proxy.section.head, Weight::Differs, advice);
    }
    let mut routes: Vec<(Entry<'s>, Route)> = Vec::new();
    for entry in entries {
        let route = route(context, proxy, &entry, &changes, backends);
        let route = with_listeners(route, &entry, listeners, is_all);
        let is_joined = match routes.last_mut() {
            Some((last, other)) => joined(last, other, &entry, &route),
            None => false,
        };
        if !is_joined {
            routes.push((entry, route));
        }
    }
    merge_hosts(&mut routes);
    for (_, mut route) in routes {
        let mut all = std::mem::take(&mut notes);
        all.append(&mut route.table.notes);
        route.table.notes = all;
        context.draft.items.push(Item::Route(route));
    }
    if !notes.is_empty() {
        context.draft.items.push(Item::Notes(notes));
    }
}

/// The backend for what no rule is for: `default_backend`, or the servers of a `listen`.
fn standard<'s>(context: &mut Context, proxy: &Proxy<'s>) -> Option<(&'s Line, String)> {
    if let Some(line) = proxy.setting(&["default_backend"]) {
        context.translated(line);
        return Some((line, line.word(1).to_owned()));
    }
    let has_servers = proxy
        .section
        .lines
        .iter()
        .any(|line| matches!(line.word(0), "server" | "server-template"));
    (proxy.section.kind() == "listen" && has_servers)
        .then(|| (&proxy.section.head, proxy.section.name().to_owned()))
}

fn route<'s>(
    context: &mut Context,
    proxy: &Proxy<'s>,
    entry: &Entry<'s>,
    changes: &[Edit<'s>],
    backends: &All<'s>,
) -> Route {
    let region = &entry.region;
    let path = region.path.clone().unwrap_or_else(Pattern::every);
    let (action, backend) = match &entry.outcome {
        Outcome::Answer(action) => (action.clone(), None),
        Outcome::Forward(name) => {
            let ours = context.upstreams.get(name).cloned();
            let ours = ours.unwrap_or_else(|| name.clone());
            (Action::Upstream(vec![(ours, 1)]), backends.0.get(name))
        }
    };
    let mut route = Route::new(vec![path], action);
    route.origin = Some(Origin::of(entry.line));
    route.hosts = region.host.iter().cloned().collect();
    route.methods = region.methods.clone().unwrap_or_default();
    route.headers = region.headers.clone();
    route.query = region.query.clone();
    route.closed = entry.is_closed;
    if entry.is_repeated {
        // About the result, not about the line: it is translated all the same.
        let note = context.ledger.clone().note(
            entry.line,
            Weight::Differs,
            "comes before the next route, as in HAProxy, which takes the first rule that matches",
        );
        route.table.notes.push(note);
    }
    let is_forwarded = backend.is_some();
    let of = (region, entry.passed.as_slice());
    edits::apply(context, changes, of, is_forwarded, &mut route);
    if let Some(backend) = backend {
        edits::apply(context, &backend.edits, of, true, &mut route);
        times(context, proxy, &backend.proxy, &mut route);
    }
    route
}

/// Times of the backend, and the client's.
fn times(context: &mut Context, proxy: &Proxy<'_>, backend: &Proxy<'_>, route: &mut Route) {
    let mut notes = Vec::new();
    for (key, of, name) in [
        ("timeout", backend, "server"),
        ("body_timeout", proxy, "client"),
        ("tunnel_timeout", backend, "tunnel"),
    ] {
        let line = of.setting(&["timeout", name]);
        if let Some(line) = line.filter(|line| !context.is_global(line))
            && let Some(time) = context.time(&mut notes, line, 2)
        {
            route.table.set(key, time);
        }
    }
    route.table.notes.append(&mut notes);
}

fn with_listeners(mut route: Route, entry: &Entry<'_>, own: &[String], is_all: bool) -> Route {
    route.listeners = match (&entry.region.listeners, is_all) {
        (Some(some), _) => some.clone(),
        (None, true) => Vec::new(),
        (None, false) => own.to_vec(),
    };
    route
}

/// Joins a route with the one before, if they are of one rule and differ in the path only.
fn joined(last: &Entry<'_>, other: &mut Route, entry: &Entry<'_>, route: &Route) -> bool {
    let is_one = last.line.place == entry.line.place
        && last.is_closed == entry.is_closed
        && last.outcome == entry.outcome
        && last.is_repeated == entry.is_repeated;
    let mut alike = route.clone();
    alike.paths.clone_from(&other.paths);
    alike.table.notes.clone_from(&other.table.notes);
    if !is_one || alike != *other {
        return false;
    }
    other.paths.extend(route.paths.iter().cloned());
    true
}

/// The same for hosts.
fn merge_hosts(routes: &mut Vec<(Entry<'_>, Route)>) {
    let mut merged: Vec<(Entry<'_>, Route)> = Vec::new();
    for (entry, route) in routes.drain(..) {
        if let Some((last, other)) = merged.last_mut() {
            let is_one = last.line.place == entry.line.place
                && last.is_closed == entry.is_closed
                && last.is_repeated == entry.is_repeated
                && !other.hosts.is_empty()
                && !route.hosts.is_empty();
            let mut alike = route.clone();
            alike.hosts.clone_from(&other.hosts);
            alike.table.notes.clone_from(&other.table.notes);
            if is_one && alike == *other {
                other.hosts.extend(route.hosts);
                continue;
            }
        }
        merged.push((entry, route));
    }
    *routes = merged;
}
