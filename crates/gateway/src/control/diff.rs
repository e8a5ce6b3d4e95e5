//! What is different between two configurations, for the log: one line each.

use std::collections::HashMap;

use crate::config::route::Action;
use crate::config::{Config, Listener, Route, Server, Upstream};

/// More lines than this are told as a number.
const MOST: usize = 50;

/// What is different in `new`.
pub(crate) fn diff(old: &Config, new: &Config) -> Vec<String> {
    let mut lines = Vec::new();
    compare(
        &mut lines,
        "listener",
        (&old.listeners, &new.listeners),
        |it| &it.name,
        listener,
    );
    compare(
        &mut lines,
        "upstream",
        (&old.upstreams, &new.upstreams),
        |it| &it.name,
        upstream,
    );
    compare(
        &mut lines,
        "route",
        (&old.routes, &new.routes),
        |it| &it.name,
        |before, after| route((old, before), (new, after)),
    );
    if lines.len() > MOST {
        let more = lines.len() - MOST;
        lines.truncate(MOST);
        lines.push(format!("and {more} more"));
    }
    lines
}

fn compare<T>(
    lines: &mut Vec<String>,
    what: &str,
    (old, new): (&[T], &[T]),
    name: impl Fn(&T) -> &String,
    details: impl Fn(&T, &T) -> Vec<String>,
) {
    let known: HashMap<&str, &T> = old.iter().map(|it| (name(it).as_str(), it)).collect();
    let stays: HashMap<&str, &T> = new.iter().map(|it| (name(it).as_str(), it)).collect();
    for one in old {
        if !stays.contains_key(name(one).as_str()) {
            lines.push(format!("{what} {} removed", name(one)));
        }
    }
    for one in new {
        match known.get(name(one).as_str()) {
            None => lines.push(format!("{what} {} added", name(one))),
            Some(before) => {
                let details = details(before, one);
                let line = |detail: &String| format!("{what} {}: {detail}", name(one));
                lines.extend(details.iter().map(line));
            }
        }
    }
}

fn listener(old: &Listener, new: &Listener) -> Vec<String> {
    let mut lines = Vec::new();
    if old.address != new.address {
        lines.push(format!("{} → {}", old.address, new.address));
    }
    let mut rest = new.clone();
    rest.address = old.address;
    if rest != *old {
        lines.push("settings changed".into());
    }
    lines
}

fn upstream(old: &Upstream, new: &Upstream) -> Vec<String> {
    let mut lines = Vec::new();
    let (before, after) = (old.policy.algorithm.name(), new.policy.algorithm.name());
    if before != after {
        lines.push(format!("balance {before} → {after}"));
    }
    servers(&mut lines, &old.servers, &new.servers);
    let mut rest = new.clone();
    rest.policy.algorithm = old.policy.algorithm;
    rest.servers.clone_from(&old.servers);
    if rest != *old {
        lines.push("settings changed".into());
    }
    lines
}

fn servers(lines: &mut Vec<String>, old: &[Server], new: &[Server]) {
    let known: HashMap<&str, &Server> = old.iter().map(|it| (it.name.as_str(), it)).collect();
    for server in old {
        if !new.iter().any(|it| it.name == server.name) {
            lines.push(format!("server {} removed", server.name));
        }
    }
    for server in new {
        let name = &server.name;
        match known.get(name.as_str()) {
            None => lines.push(format!("server {name} added")),
            Some(before) => {
                if before.weight != server.weight {
                    let (old, new) = (before.weight, server.weight);
                    lines.push(format!("server {name} weight {old} → {new}"));
                }
                if before.zone != server.zone {
                    let (old, new) = (&before.zone, &server.zone);
                    lines.push(format!("server {name} zone {old:?} → {new:?}"));
                }
            }
        }
    }
}

/// Routes name listeners and upstreams by their place, which changes when another one comes or goes: that is no difference.
fn route(
    (old_config, old): (&Config, &Route),
    (new_config, new): (&Config, &Route),
) -> Vec<String> {
    let is_same_names = names(old_config, old) == names(new_config, new);
    if old == new {
        // The same numbers may mean others.
        return (!is_same_names)
            .then(|| "changed".into())
            .into_iter()
            .collect();
    }
    let mut rest = new.clone();
    rest.matches.listeners.clone_from(&old.matches.listeners);
    if let (Action::Forward(shares), Action::Forward(_)) = (&old.action, &new.action) {
        rest.action = Action::Forward(shares.clone());
    }
    if let (Some(mirror), Some(before)) = (&mut rest.mirror, &old.mirror) {
        mirror.upstream = before.upstream;
    }
    let is_same = rest == *old && is_same_names;
    (!is_same).then(|| "changed".into()).into_iter().collect()
}

/// What a route names: listeners, upstreams with their weights, the mirror.
fn names<'c>(config: &'c Config, route: &Route) -> Vec<(&'c str, u32)> {
    let upstream = |index: usize| {
        config
            .upstreams
            .get(index)
            .map_or("", |it| it.name.as_str())
    };
    let listeners = route.matches.listeners.iter();
    let listeners = listeners.filter_map(|index| config.listeners.get(*index));
    let mut names: Vec<_> = listeners.map(|it| (it.name.as_str(), 0)).collect();
    if let Action::Forward(shares) = &route.action {
        names.extend(shares.iter().map(|it| (upstream(it.upstream), it.weight)));
    }
    names.extend(route.mirror.iter().map(|it| (upstream(it.upstream), 0)));
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Address;
    use crate::config::route::{FieldEdits, Match, PathEdit, RouteTimeouts, Share};

    fn server(name: &str, weight: u32) -> Server {
        Server {
            name: name.into(),
            address: Address::Unix(name.into()),
            weight,
            zone: String::new(),
        }
    }

    fn config(servers: Vec<Server>) -> Config {
        let mut upstream = Upstream::new("shop");
        upstream.servers = servers;
        Config {
            listeners: vec![Listener::default()],
            routes: Vec::new(),
            upstreams: vec![upstream],
            caches: Vec::new(),
        }
    }

    #[test]
    fn what_changed_is_told_and_nothing_else() {
        let old = config(vec![server("a", 1), server("b", 1)]);
        assert_eq!(diff(&old, &old), Vec::<String>::new());
        let mut new = config(vec![server("b", 3), server("c", 1)]);
        new.upstreams[0].policy.algorithm = tenfold_traffic::Algorithm::Maglev;
        new.upstreams.push(Upstream::new("other"));
        new.listeners.clear();
        assert_eq!(
            diff(&old, &new),
            [
                "listener default removed",
                "upstream shop: balance p2c → maglev",
                "upstream shop: server a removed",
                "upstream shop: server b weight 1 → 3",
                "upstream shop: server c added",
                "upstream other added",
            ]
        );
    }

    #[test]
    fn five_thousand_changes_are_not_five_thousand_lines() {
        let old = config((0..5000).map(|it| server(&it.to_string(), 1)).collect());
        let new = config((0..5000).map(|it| server(&it.to_string(), 2)).collect());
        let lines = diff(&old, &new);
        assert_eq!(lines.len(), MOST + 1);
        assert_eq!(lines[MOST], "and 4950 more");
    }

    #[test]
    fn a_route_is_different_if_what_it_names_is() {
        let to = |upstreams: &[&str], index: usize| {
            let share = Share {
                upstream: index,
                weight: 1,
            };
            let route = Route {
                cache: None,
                name: "all".into(),
                matches: Match::default(),
                action: Action::Forward(vec![share]),
                path: PathEdit::Keep,
                request_fields: FieldEdits::default(),
                response_fields: FieldEdits::default(),
                timeouts: RouteTimeouts::default(),
                max_body: 1,
                mirror: None,
            };
            Config {
                upstreams: upstreams.iter().map(|it| Upstream::new(*it)).collect(),
                routes: vec![route],
                ..Config::default()
            }
        };
        let old = to(&["a", "b"], 1);
        let moved = to(&["a", "new", "b"], 2);
        assert_eq!(diff(&old, &moved), ["upstream new added"]);
        let other = to(&["a", "new", "b"], 1);
        let lines = diff(&old, &other);
        assert_eq!(lines, ["upstream new added", "route all: changed"]);
    }
}
