//! `server`: names, listeners, and the routes of its locations.

use std::collections::HashSet;

use super::close::close;
use super::content::{Target, content};
use super::context::{Context, bytes};
use super::finish;
use super::level::{self, Access, HELD, Level};
use super::listen;
use super::location::{self, Kind, Location, Plan, Planned, Rank};
use super::parse::Directive;
use super::rewrite::{self, Decided, Verdict};
use super::variables::Variables;
use crate::import::ledger::{Note, Weight};
use crate::import::listeners::{Listen, Listeners};
use crate::import::model::{Action, Item, Origin, Route, Table, Value};
use crate::import::path::Pattern;
use crate::import::regex::Shape;
use crate::import::value::size;
use tenfold_gateway::route::pattern::HostPattern;

/// A server, as far as others have to know it.
#[derive(Clone, Debug)]
pub(super) struct Site<'d> {
    pub(super) directive: &'d Directive,
    pub(super) level: Level<'d>,
    pub(super) variables: Variables,
    pub(super) hosts: Vec<String>,
    /// Some of its names have no equal.
    pub(super) lacks_hosts: bool,
    pub(super) listens: Vec<Listen>,
    pub(super) notes: Vec<Note>,
}

impl<'d> Site<'d> {
    pub(super) fn new(
        context: &mut Context,
        directive: &'d Directive,
        outer: &Level<'d>,
        variables: &Variables,
    ) -> Self {
        let inside = directive.inside();
        let mut site = Self {
            directive,
            level: outer.inner(inside),
            variables: variables.clone(),
            hosts: Vec::new(),
            lacks_hosts: false,
            listens: Vec::new(),
            notes: Vec::new(),
        };
        let all_tls = inside
            .iter()
            .any(|one| one.name == "ssl" && one.first() == "on");
        let mut has_listen = false;
        for one in inside {
            match one.name.as_str() {
                "listen" => {
                    has_listen = true;
                    let listen = listen::parse(context, one, all_tls, &mut site.notes);
                    site.listens.extend(listen);
                }
                "server_name" => site.name(context, one),
                _ => {}
            }
        }
        if !has_listen {
            site.listens.push(listen::standard());
        }
        site.variables.server_name = site.hosts.first().cloned();
        rewrite::sets(inside, &mut site.variables);
        context.translated(directive);
        site
    }

    fn name(&mut self, context: &mut Context, directive: &Directive) {
        let mut odd = Vec::new();
        for name in &directive.args {
            match hosts(name) {
                Some(hosts) => {
                    for host in hosts {
                        if !self.hosts.contains(&host) {
                            self.hosts.push(host);
                        }
                    }
                }
                None => odd.push(name.as_str()),
            }
        }
        if odd.is_empty() {
            context.translated(directive);
            return;
        }
        self.lacks_hosts = true;
        let advice = format!(
            "`{}` has no equal: hosts are exact or `*.example.com`; list those that there are",
            odd.join(" ").replace('`', " ")
        );
        context.note(&mut self.notes, directive, Weight::Differs, advice);
    }
}

/// A name of a server as hosts; none for what only means the default server, `None` for what has no equal.
fn hosts(name: &str) -> Option<Vec<String>> {
    let one = |host: &str| {
        let pattern = HostPattern::parse(host).ok()?;
        Some(pattern.to_string())
    };
    match name {
        "" | "_" | "__" | "--" | "!@#" | "default" => return Some(Vec::new()),
        _ => {}
    }
    if let Some(expression) = name.strip_prefix('~') {
        let shape = Shape::parse(expression).filter(|shape| !shape.is_open)?;
        return shape.all_texts()?.iter().map(|host| one(host)).collect();
    }
    if let Some(suffix) = name.strip_prefix('.') {
        return Some(vec![one(suffix)?, one(&format!("*.{suffix}"))?]);
    }
    Some(vec![one(name)?])
}

/// Where a server's routes are for.
struct Placement {
    listeners: Vec<String>,
    hosts: Vec<String>,
}

/// What is known of all servers.
pub(super) struct Sites<'s> {
    pub(super) listeners: &'s Listeners,
    /// The default server of each listener.
    pub(super) defaults: Vec<usize>,
    /// Hosts with a wildcard, and whose they are.
    pub(super) wildcards: Vec<(usize, String)>,
    /// Hosts by listener that have a server already.
    pub(super) claimed: HashSet<(usize, String)>,
    /// A part of a configuration: nobody knows which server is the first one.
    pub(super) is_fragment: bool,
}

/// Adds a server's routes to the draft.
pub(super) fn server(
    context: &mut Context,
    mut site: Site<'_>,
    index: usize,
    sites: &mut Sites<'_>,
) {
    let mut notes = std::mem::take(&mut site.notes);
    let mut mine: Vec<(usize, bool)> = Vec::new();
    for listen in &site.listens {
        match sites.listeners.index(listen.address) {
            Some(listener) if !mine.iter().any(|(other, _)| *other == listener) => {
                mine.push((listener, listen.is_tls));
            }
            Some(_) => {}
            None => unlistened(context, &site, listen, &mut notes),
        }
    }
    others(context, &site, &mut notes);
    listener_settings(context, &site, &mine, sites.listeners, &mut notes);
    let listeners: Vec<usize> = mine.iter().map(|(listener, _)| *listener).collect();
    let placements = placements(&site, index, &listeners, sites);
    if listeners.is_empty() {
        leave_out(
            context,
            &site,
            "is left out, since it has no listener",
            notes,
        );
        return;
    }
    if placements.is_empty() {
        let advice = "no request would come here: it has no name of its own that has an equal, and is no default server";
        leave_out(context, &site, advice, notes);
        return;
    }
    // `$scheme` is one thing on one listener and another on another.
    let plain: Vec<usize> = mine
        .iter()
        .filter(|(_, tls)| !tls)
        .map(|(at, _)| *at)
        .collect();
    let tls: Vec<usize> = mine
        .iter()
        .filter(|(_, tls)| *tls)
        .map(|(at, _)| *at)
        .collect();
    let mut groups = Vec::new();
    for (scheme, listeners) in [("http", plain), ("https", tls)] {
        if listeners.is_empty() {
            continue;
        }
        site.variables.scheme = Some(scheme);
        groups.push((listeners, plan(context, &site)));
    }
    if let [(_, one), (_, other)] = &groups[..]
        && says_the_same(one, other)
    {
        groups.pop();
        groups[0].0 = listeners;
    }
    place(context, &placements, groups, notes, sites.listeners);
}

/// An address that is for this machine or network only, beside a listener for all: routes cannot tell them apart.
fn unlistened(context: &mut Context, site: &Site<'_>, listen: &Listen, notes: &mut Vec<Note>) {
    let advice = "another server listens at this port on all addresses, and one listener takes them all: this server would be open to everyone, and is left out there";
    let is_it = |one: &&Directive| {
        one.name == "listen"
            && listen::parse(&mut Context::default(), one, false, &mut Vec::new())
                .is_some_and(|other| other.address.port() == listen.address.port())
    };
    for directive in site.directive.inside().iter().filter(|one| is_it(one)) {
        context.note(notes, directive, Weight::Security, advice);
    }
}

fn leave_out(context: &mut Context, site: &Site<'_>, advice: &str, mut notes: Vec<Note>) {
    context.note(&mut notes, site.directive, Weight::Differs, advice);
    for directive in site.directive.inside() {
        context.note(&mut notes, directive, Weight::Differs, "is part of it");
        context.cover(directive, Weight::Differs, "is part of it");
    }
    context.draft.items.push(Item::Notes(notes));
}

fn placements(
    site: &Site<'_>,
    index: usize,
    listeners: &[usize],
    sites: &mut Sites<'_>,
) -> Vec<Placement> {
    let names = |all: &[usize]| match all.len() == sites.listeners.len() {
        true => Vec::new(),
        false => all
            .iter()
            .map(|at| sites.listeners.name(*at).to_owned())
            .collect(),
    };
    let is_default = |listener: &usize| {
        let is_it = sites.defaults.get(*listener) == Some(&index);
        let is_said = site.listens.iter().any(|listen| {
            listen.is_default && sites.listeners.index(listen.address) == Some(*listener)
        });
        // The first server of a fragment is the first one of nothing.
        is_it && (is_said || !sites.is_fragment || (site.hosts.is_empty() && !site.lacks_hosts))
    };
    let defaults: Vec<usize> = listeners
        .iter()
        .copied()
        .filter(|one| is_default(one))
        .collect();
    let is_free = |host: &&String| {
        let mut all = listeners.iter();
        all.any(|listener| !sites.claimed.contains(&(*listener, (*host).clone())))
    };
    let hosts: Vec<String> = site.hosts.iter().filter(is_free).cloned().collect();
    let is_below = |host: &String| {
        sites.wildcards.iter().any(|(owner, suffix)| {
            *owner != index && host.ends_with(suffix.trim_start_matches('*'))
        })
    };
    let is_default_everywhere = defaults.len() == listeners.len();
    let mut placements = Vec::new();
    if !hosts.is_empty() && (!is_default_everywhere || hosts.iter().any(is_below)) {
        placements.push(Placement {
            listeners: names(listeners),
            hosts: hosts.clone(),
        });
    }
    if !defaults.is_empty() {
        placements.push(Placement {
            listeners: names(&defaults),
            hosts: Vec::new(),
        });
    }
    for listener in listeners {
        for host in &hosts {
            sites.claimed.insert((*listener, host.clone()));
        }
    }
    placements
}

fn says_the_same(one: &[Planned], other: &[Planned]) -> bool {
    let bare = |planned: &Planned| {
        let mut route = planned.route.clone();
        route.table.notes.clear();
        route
    };
    one.iter().map(bare).eq(other.iter().map(bare))
}

fn place(
    context: &mut Context,
    placements: &[Placement],
    groups: Vec<(Vec<usize>, Vec<Planned>)>,
    mut notes: Vec<Note>,
    listeners: &Listeners,
) {
    let has_groups = groups.len() > 1;
    for (group, planned) in groups {
        let own: Vec<String> = group
            .iter()
            .map(|at| listeners.name(*at).to_owned())
            .collect();
        for (at, placement) in placements.iter().enumerate() {
            let mut all = placement.listeners.clone();
            if has_groups {
                all = own
                    .iter()
                    .filter(|name| {
                        placement.listeners.is_empty() || placement.listeners.contains(name)
                    })
                    .cloned()
                    .collect();
                if all.is_empty() {
                    continue;
                }
            }
            for planned in &planned {
                let mut route = planned.route.clone();
                // A condition on the host is within the server's own.
                if route.hosts.is_empty() {
                    route.hosts = placement.hosts.clone();
                }
                route.listeners = all.clone();
                if at > 0 {
                    route
                        .table
                        .notes
                        .retain(|note| note.weight == Weight::Security);
                }
                let mut all_notes = std::mem::take(&mut notes);
                all_notes.append(&mut route.table.notes);
                route.table.notes = all_notes;
                context.draft.items.push(Item::Route(route));
            }
        }
    }
    if !notes.is_empty() {
        context.draft.items.push(Item::Notes(notes));
    }
}

/// The routes of a server, for any host.
fn plan(context: &mut Context, site: &Site<'_>) -> Vec<Planned> {
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
            let is_held = HELD.contains(&directive.name.as_str());
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
        location::guard(context, &whole.level, &mut route);
    }
    finish::route(context, &whole.level, &whole.variables, &mut route);
    Planned {
        route,
        rank: Rank::Prefix,
        place: whole.directive.place,
    }
}

/// Directives of the server itself.
fn others(context: &mut Context, site: &Site<'_>, notes: &mut Vec<Note>) {
    const OWN: &[&str] = &[
        "listen",
        "server_name",
        "location",
        "return",
        "rewrite",
        "if",
        "set",
        "break",
        "try_files",
        "keepalive_timeout",
        "client_header_timeout",
        "large_client_header_buffers",
        "set_real_ip_from",
    ];
    for directive in site.directive.inside() {
        let name = directive.name.as_str();
        match name {
            "include" if directive.block.is_some() => context.translated(directive),
            "access_log" => {
                let advice = "there is one access log for all: access_log of [gateway]";
                context.note(notes, directive, Weight::Differs, advice);
            }
            // Whoever it lets in is for each route to say.
            _ if level::is_guard(directive) && directive.first() == "off" => {
                context.translated(directive);
            }
            _ if OWN.contains(&name) || HELD.contains(&name) => {}
            _ if context.ledger.lacks(directive.place) => context.note_known(notes, directive),
            _ => {}
        }
    }
}

/// Settings of a server that are a listener's here.
fn listener_settings(
    context: &mut Context,
    site: &Site<'_>,
    mine: &[(usize, bool)],
    listeners: &Listeners,
    notes: &mut Vec<Note>,
) {
    for directive in site.directive.inside() {
        let (key, value) = match directive.name.as_str() {
            "keepalive_timeout" => (
                "idle_timeout",
                context.time(notes, directive).map(Value::from),
            ),
            "client_header_timeout" => (
                "head_timeout",
                context.time(notes, directive).map(Value::from),
            ),
            "large_client_header_buffers" => {
                context.translated(directive);
                ("max_head", head_size(directive).map(Value::from))
            }
            "set_real_ip_from" => {
                trusted(context, directive, mine, listeners, notes);
                continue;
            }
            _ => continue,
        };
        let Some(value) = value else { continue };
        for (listener, _) in mine {
            let Some(table) = table(context, listeners.name(*listener)) else {
                continue;
            };
            match table.get(key) {
                Some(old) if *old != value => {
                    let advice =
                        format!("another server of this listener has another {key} already");
                    context.note(notes, directive, Weight::Differs, advice);
                }
                _ => table.set(key, value.clone()),
            }
        }
    }
}

fn table<'c>(context: &'c mut Context, listener: &str) -> Option<&'c mut Table> {
    let mut all = context.draft.listeners.iter_mut();
    all.find(|one| one.name == listener)
        .map(|one| &mut one.table)
}

fn trusted(
    context: &mut Context,
    directive: &Directive,
    mine: &[(usize, bool)],
    listeners: &Listeners,
    notes: &mut Vec<Note>,
) {
    if crate::config::value::network(directive.first()).is_err() {
        let advice = "only networks and addresses can be trusted";
        context.note(notes, directive, Weight::Differs, advice);
        return;
    }
    context.translated(directive);
    for (listener, _) in mine {
        if let Some(table) = table(context, listeners.name(*listener)) {
            push(table, "trusted_proxies", directive.first());
        }
    }
}

/// Adds to a list of texts.
pub(super) fn push(table: &mut Table, key: &str, text: &str) {
    let mut list = match table.get(key) {
        Some(Value::List(list)) => list.clone(),
        _ => Vec::new(),
    };
    let value = Value::from(text);
    if !list.contains(&value) {
        list.push(value);
    }
    table.set(key, Value::List(list));
}

/// `large_client_header_buffers 4 8k`: all of them are the largest head, which has bounds of its own here.
pub(super) fn head_size(directive: &Directive) -> Option<String> {
    let count: u64 = directive.first().parse().ok()?;
    let each = bytes(directive.args.get(1)?)?;
    Some(size(count.saturating_mul(each).clamp(1 << 10, 64 << 10)))
}
