//! Listeners and hosts of a server's routes: nginx looks for a server by its name, and takes the listener's default else.

use super::context::Context;
use super::location::Planned;
use super::server::Sites;
use super::site::Site;
use crate::import::ledger::{Note, Weight};
use crate::import::listeners::Listeners;
use crate::import::model::Item;

/// Where a server's routes are for.
pub(super) struct Placement {
    listeners: Vec<String>,
    hosts: Vec<String>,
}

/// Where the routes of a server are for: its own hosts, and any host where it is the default.
pub(super) fn placements(
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

/// True if two plans differ in their comments only.
pub(super) fn says_the_same(one: &[Planned], other: &[Planned]) -> bool {
    let bare = |planned: &Planned| {
        let mut route = planned.route.clone();
        route.table.notes.clear();
        route
    };
    one.iter().map(bare).eq(other.iter().map(bare))
}

/// Adds the planned routes to the draft, for each of the placements.
pub(super) fn place(
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
