//! `server`: its routes go into the draft, and what is said about it.

use std::collections::HashSet;

use super::context::Context;
use super::level::{self, is_held};
use super::listen;
use super::parse::Directive;
use super::placement::{place, placements, says_the_same};
use super::plan::plan;
use super::settings::listener_settings;
use super::site::Site;
use crate::import::ledger::{Note, Weight};
use crate::import::listeners::{Listen, Listeners};
use crate::import::model::Item;

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
            _ if OWN.contains(&name) || is_held(name) => {}
            _ if context.ledger.lacks(directive.place) => context.note_known(notes, directive),
            _ => {}
        }
    }
}
