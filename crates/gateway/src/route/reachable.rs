//! Routes that no request can ever take, because earlier ones take all of theirs.
//!
//! Two routes at one place (listener, host, path) with the same conditions on fields and query can be told apart by
//! their methods alone; the later one is reached only by a method that no earlier one takes. A route is unreachable if
//! that is so at all of its places. Conditions that merely contradict each other are not looked for.

use std::collections::HashMap;

use super::condition::takes;
use super::trie::Place;
use crate::config::route::{Match, Route};

/// What is known about each route.
pub(super) struct Reachable<'r> {
    keys: Vec<Key<'r>>,
    routes: &'r [Route],
    is_reached: Vec<bool>,
    taken_by: Vec<Option<u32>>,
}

/// The conditions on fields and query, in an order of their own.
type Key<'r> = Vec<(bool, &'r str, String)>;

impl<'r> Reachable<'r> {
    pub(super) fn new(routes: &'r [Route]) -> Self {
        Self {
            keys: routes.iter().map(|route| key(&route.matches)).collect(),
            routes,
            is_reached: vec![false; routes.len()],
            taken_by: vec![None; routes.len()],
        }
    }

    /// Takes note of the routes at one node, which stand in the order in which they are asked.
    pub(super) fn note(&mut self, places: &[Place]) {
        // The ordinary node has one route.
        if let [only] = places {
            self.is_reached[only.route as usize] = true;
            return;
        }
        let mut taken: HashMap<&Key<'r>, Taken<'r>> = HashMap::new();
        for place in places {
            let at = place.route as usize;
            let methods = &self.routes[at].matches.methods;
            let before = taken.entry(&self.keys[at]).or_default();
            match before.taker(methods) {
                Some(taker) => {
                    self.taken_by[at].get_or_insert(taker);
                }
                None => self.is_reached[at] = true,
            }
            before.add(methods, place.route);
        }
    }

    /// The first route that is never reached, and the one that takes its requests.
    pub(super) fn unreachable(&self) -> Option<(usize, usize)> {
        let taken = self.taken_by.iter().enumerate();
        taken
            .filter(|(at, _)| !self.is_reached[*at])
            .find_map(|(at, taker)| Some((at, (*taker)? as usize)))
    }
}

fn key(matches: &Match) -> Key<'_> {
    let headers = matches.headers.iter().map(|condition| (true, condition));
    let query = matches.query.iter().map(|condition| (false, condition));
    let mut key: Key<'_> = headers
        .chain(query)
        .map(|(is_field, condition)| (is_field, &*condition.name, format!("{:?}", condition.test)))
        .collect();
    key.sort_unstable();
    key.dedup();
    key
}

/// The methods that earlier routes take.
#[derive(Default)]
struct Taken<'r> {
    methods: Vec<(&'r str, u32)>,
    all: Option<u32>,
}

impl<'r> Taken<'r> {
    /// Who takes all requests with one of these methods, if there is nothing left of them.
    fn taker(&self, methods: &[String]) -> Option<u32> {
        if methods.is_empty() || self.all.is_some() {
            return self.all;
        }
        let mut taker = None;
        for method in methods {
            let earlier = self
                .methods
                .iter()
                .find(|(earlier, _)| takes(earlier.as_bytes(), method.as_bytes()))?;
            taker = taker.or(Some(earlier.1));
        }
        taker
    }

    fn add(&mut self, methods: &'r [String], route: u32) {
        if methods.is_empty() {
            self.all.get_or_insert(route);
        }
        for method in methods {
            if !self.methods.iter().any(|(earlier, _)| earlier == method) {
                self.methods.push((method, route));
            }
        }
    }
}
