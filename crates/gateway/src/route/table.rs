//! The table of routes: which one takes a request.
//!
//! # The idea
//! For each listener a map of hosts, for each host a trie of paths (`trie`), at each node the routes in the order in
//! which they are asked. The search goes from the most to the least specific place and takes the first whose
//! conditions hold; what it costs depends on the request and on how many routes share one host and path, not on
//! how many there are.
//!
//! # The trade-off
//! A table is never changed: a reload builds a new one, in time linear in the file. Routes that share a host and a
//! path and differ in conditions only are asked one after the other.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::fmt;

use memchr::memchr_iter;
use tenfold_http1::field::Span;

use super::ask::{Ask, Captures, Found};
use super::condition::Rule;
use super::hash::FastMap;
use super::host::{self, LONGEST};
use super::pattern::{HostPattern, PathPattern};
use super::reachable::Reachable;
use super::trie::{NodeId, Place, Trie};
use crate::config::route::Route;

/// Why routes make no table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TableError {
    /// No request can take a route: another one, which goes before it, takes all of its requests.
    Unreachable {
        /// Name of the route.
        route: String,
        /// Name of the one that goes before it.
        by: String,
    },
    /// A route is for a listener that is not there.
    NoListener {
        /// Name of the route.
        route: String,
        /// The index that is too large.
        listener: usize,
    },
}

impl fmt::Display for TableError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable { route, by } => write!(
                f,
                "the route `{route}` can never be reached: `{by}` is for the same listeners, hosts, paths and \
                 conditions and goes before it; remove one, or give `{route}` a condition of its own"
            ),
            Self::NoListener { route, listener } => {
                write!(
                    f,
                    "the route `{route}` is for listener {listener}, which does not exist"
                )
            }
        }
    }
}

impl std::error::Error for TableError {}

/// Finds the route of a request.
pub struct Table {
    /// Index into `hosts` for each listener. Listeners with the same routes share.
    of_listener: Vec<usize>,
    hosts: Vec<Hosts>,
    trie: Trie,
    /// The conditions of each route.
    rules: Vec<Rule>,
}

/// The hosts of a listener, with the roots of their paths.
#[derive(Default)]
struct Hosts {
    exact: FastMap<NodeId>,
    /// With the dot in front.
    suffixes: FastMap<NodeId>,
    /// Length of the longest suffix.
    longest_suffix: usize,
    /// For every host.
    any: Option<NodeId>,
    /// The route that takes everything, if it is the only one.
    only: Option<usize>,
}

impl Table {
    /// Builds the table of these routes for so many listeners.
    ///
    /// # Errors
    /// See [`TableError`].
    pub fn new(routes: &[Route], listeners: usize) -> Result<Self, TableError> {
        let mut table = Self {
            of_listener: Vec::with_capacity(listeners),
            hosts: Vec::new(),
            trie: Trie::default(),
            rules: routes
                .iter()
                .map(|route| Rule::new(&route.matches))
                .collect(),
        };
        let mut known: HashMap<Vec<u32>, usize> = HashMap::new();
        for routes_of in by_listener(routes, listeners)? {
            let next = table.hosts.len();
            let at = *known.entry(routes_of).or_insert_with_key(|routes_of| {
                table.add_hosts(routes, routes_of);
                next
            });
            table.of_listener.push(at);
        }
        table.order(routes)?;
        for hosts in &mut table.hosts {
            hosts.only = hosts.find_only(&table.trie);
        }
        Ok(table)
    }

    /// The route that a request takes; `None` if there is none for it.
    #[must_use]
    pub fn find<'t>(&'t self, ask: &Ask<'_>) -> Option<Found<'t>> {
        let hosts = &self.hosts[*self.of_listener.get(ask.listener)?];
        if let Some(index) = hosts.only {
            let from = if ask.path.starts_with(b"/") {
                1
            } else {
                ask.path.len()
            };
            return Some(Found {
                index,
                captures: Captures::default(),
                rest: span(from, ask.path.len()),
            });
        }
        let specific = if hosts.exact.is_empty() && hosts.suffixes.is_empty() {
            None
        } else if let Some(host) = host::canonical(ask.host) {
            self.find_host(hosts, host, ask)
        } else {
            let mut buffer = [0; LONGEST];
            let host = host::write_canonical(ask.host, &mut buffer);
            host.and_then(|host| self.find_host(hosts, host, ask))
        };
        specific.or_else(|| self.find_path(hosts.any?, ask))
    }

    /// Looks in the paths of the host, then in those of its suffixes, the longest first.
    fn find_host(&self, hosts: &Hosts, host: &[u8], ask: &Ask<'_>) -> Option<Found<'_>> {
        // Also what keeps a long host of many labels from being hashed label by label.
        if host.len() > LONGEST {
            return None;
        }
        let exact = hosts.exact.get(host);
        if let Some(found) = exact.and_then(|root| self.find_path(*root, ask)) {
            return Some(found);
        }
        if hosts.suffixes.is_empty() {
            return None;
        }
        memchr_iter(b'.', host)
            // Something has to stand before the dot.
            .filter(|dot| *dot > 0 && host.len() - dot <= hosts.longest_suffix)
            .filter_map(|dot| hosts.suffixes.get(&host[dot..]))
            .find_map(|root| self.find_path(*root, ask))
    }

    fn find_path(&self, root: NodeId, ask: &Ask<'_>) -> Option<Found<'_>> {
        let accepts =
            |place: &Place| !place.is_conditional || self.rules[place.route as usize].holds(ask);
        let (place, rest) = self.trie.find(root, ask.path, accepts)?;
        Some(Found {
            index: place.route as usize,
            captures: Captures::new(&place.captures),
            rest: span(rest as usize, ask.path.len()),
        })
    }

    /// Adds the hosts of a listener, for which the routes with these indexes are.
    fn add_hosts(&mut self, routes: &[Route], routes_of: &[u32]) {
        let every = [PathPattern::every()];
        let mut hosts = Hosts::default();
        for index in routes_of {
            let matches = &routes[*index as usize].matches;
            let is_conditional = self.rules[*index as usize].count() > 0;
            let paths = if matches.paths.is_empty() {
                &every[..]
            } else {
                &matches.paths
            };
            let insert = |trie: &mut Trie, root| {
                for path in paths {
                    trie.insert(root, path, *index, is_conditional);
                }
            };
            if matches.hosts.is_empty() {
                let root = *hosts.any.get_or_insert_with(|| self.trie.root());
                insert(&mut self.trie, root);
            }
            for host in &matches.hosts {
                let root = hosts.root(host, &mut self.trie);
                insert(&mut self.trie, root);
            }
        }
        self.hosts.push(hosts);
    }

    /// Puts the routes of each node into the order in which they are asked.
    fn order(&mut self, routes: &[Route]) -> Result<(), TableError> {
        let mut reachable = Reachable::new(routes);
        for node in self.trie.nodes_mut() {
            for places in [&mut node.ends, &mut node.opens] {
                places.sort_by_key(|place| {
                    (
                        Reverse(self.rules[place.route as usize].count()),
                        place.route,
                    )
                });
                places.shrink_to_fit();
                reachable.note(places);
            }
        }
        match reachable.unreachable() {
            None => Ok(()),
            Some((route, by)) => Err(TableError::Unreachable {
                route: routes[route].name.clone(),
                by: routes[by].name.clone(),
            }),
        }
    }
}

impl Hosts {
    fn root(&mut self, host: &HostPattern, trie: &mut Trie) -> NodeId {
        let (map, name) = match host {
            HostPattern::Exact(name) => (&mut self.exact, name),
            HostPattern::Suffix(suffix) => {
                self.longest_suffix = self.longest_suffix.max(suffix.len());
                (&mut self.suffixes, suffix)
            }
        };
        *map.entry(name.as_bytes().into())
            .or_insert_with(|| trie.root())
    }

    fn find_only(&self, trie: &Trie) -> Option<usize> {
        if !self.exact.is_empty() || !self.suffixes.is_empty() {
            return None;
        }
        match trie.only_opens(self.any?)? {
            [first, ..] if !first.is_conditional => Some(first.route as usize),
            _ => None,
        }
    }
}

/// For each listener the indexes of its routes.
fn by_listener(routes: &[Route], listeners: usize) -> Result<Vec<Vec<u32>>, TableError> {
    let mut lists = vec![Vec::new(); listeners];
    for (index, route) in routes.iter().enumerate() {
        let number = u32::try_from(index).expect("a file has fewer than 2³² routes");
        let of = &route.matches.listeners;
        if let Some(listener) = of.iter().find(|listener| **listener >= listeners) {
            return Err(TableError::NoListener {
                route: route.name.clone(),
                listener: *listener,
            });
        }
        for (listener, list) in lists.iter_mut().enumerate() {
            if of.is_empty() || of.contains(&listener) {
                list.push(number);
            }
        }
    }
    Ok(lists)
}

fn span(start: usize, end: usize) -> Span {
    let offset = |at| u32::try_from(at).expect("a head is far below 4 GiB");
    Span {
        start: offset(start),
        end: offset(end),
    }
}
