//! What is different between two configurations, for the log: one line each.

use std::collections::HashMap;

use crate::config::cache::Disk;
use crate::config::route::{Action, Fallback};
use crate::config::{Cache, Config, Limit, Listener, Route, Server, Upstream};

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
    compare(
        &mut lines,
        "cache",
        (&old.caches, &new.caches),
        |it| &it.name,
        cache,
    );
    compare(
        &mut lines,
        "limit",
        (&old.limits, &new.limits),
        |it| &it.name,
        limit,
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

fn cache(old: &Cache, new: &Cache) -> Vec<String> {
    let mut lines = Vec::new();
    if old.memory != new.memory {
        let (old, new) = (size(old.memory), size(new.memory));
        lines.push(format!("memory {old} → {new}"));
    }
    if old.disk != new.disk {
        let (old, new) = (disk(old.disk.as_ref()), disk(new.disk.as_ref()));
        lines.push(format!("disk {old} → {new}"));
    }
    if old.redis.is_some() != new.redis.is_some() {
        let (old, new) = (old.redis.is_some(), new.redis.is_some());
        lines.push(format!("shared {old} → {new}"));
    } else if old.redis != new.redis {
        // The address may have a password in it.
        lines.push("shared elsewhere".into());
    }
    let mut rest = new.clone();
    rest.memory = old.memory;
    rest.disk.clone_from(&old.disk);
    rest.redis.clone_from(&old.redis);
    if rest != *old {
        lines.push("settings changed".into());
    }
    lines
}

fn limit(old: &Limit, new: &Limit) -> Vec<String> {
    let mut lines = Vec::new();
    if old.is_dry_run != new.is_dry_run {
        lines.push(format!("dry_run {} → {}", old.is_dry_run, new.is_dry_run));
    }
    let mut rest = new.clone();
    rest.is_dry_run = old.is_dry_run;
    if rest != *old {
        lines.push("settings changed, and its counts begin anew".into());
    }
    lines
}

/// In the largest unit of which it is a whole number.
fn size(bytes: u64) -> String {
    let units = [(30, "GiB"), (20, "MiB"), (10, "KiB")];
    let whole = |(shift, _): &(u32, &str)| bytes.is_multiple_of(1 << shift);
    match units.into_iter().find(whole) {
        Some((shift, unit)) => format!("{}{unit}", bytes >> shift),
        None => format!("{bytes}B"),
    }
}

fn disk(disk: Option<&Disk>) -> String {
    disk.map_or_else(
        || "none".into(),
        |disk| format!("{} ({})", disk.path.display(), size(disk.size)),
    )
}

/// Routes name listeners, upstreams and caches by their place, which changes when another one comes or goes: that is no difference.
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
    rest.cache = old.cache;
    for (charge, before) in rest.limits.iter_mut().zip(&old.limits) {
        charge.limit = before.limit;
    }
    for (fallback, before) in rest.fallback.iter_mut().zip(&old.fallback) {
        if let (Fallback::Upstream(index), Fallback::Upstream(before)) = (fallback, before) {
            *index = *before;
        }
    }
    let is_same = rest == *old && is_same_names;
    (!is_same).then(|| "changed".into()).into_iter().collect()
}

/// What a route names: listeners, upstreams with their weights, the mirror, and after a word that keeps it apart the cache and the
/// limits with their costs.
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
    let fallbacks = route.fallback.iter().filter_map(|it| match it {
        Fallback::Upstream(index) => Some((upstream(*index), 0)),
        _ => None,
    });
    names.extend(fallbacks);
    let cache = route.cache.and_then(|index| config.caches.get(index));
    names.extend([("cache", 0), (cache.map_or("", |it| &it.name), 0)]);
    let limits = route.limits.iter();
    names.extend(limits.filter_map(|charge| {
        let limit = config.limits.get(charge.limit)?;
        Some((limit.name.as_str(), charge.cost))
    }));
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
            limits: Vec::new(),
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
                name: "all".into(),
                matches: Match::default(),
                action: Action::Forward(vec![share]),
                path: PathEdit::Keep,
                request_fields: FieldEdits::default(),
                response_fields: FieldEdits::default(),
                timeouts: RouteTimeouts::default(),
                deadline_header: None,
                max_body: 1,
                mirror: None,
                cache: None,
                limits: Vec::new(),
                concurrency: None,
                fallback: Vec::new(),
                priority: Default::default(),
                priority_header: None,
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

    #[test]
    fn changes_of_caches_are_told_without_passwords() {
        let with = |caches: Vec<Cache>| Config {
            caches,
            ..config(Vec::new())
        };
        let old = with(vec![Cache::new("pages"), Cache::new("gone")]);
        let mut pages = Cache::new("pages");
        pages.memory = 1 << 30;
        pages.disk = Some(Disk {
            path: "/var/cache/pages".into(),
            size: 5000,
        });
        pages.redis = Some(crate::config::cache::Redis {
            url: "redis://:hunter2@h".into(),
            namespace: "a".into(),
            timeout: std::time::Duration::from_secs(1),
        });
        let new = with(vec![pages.clone()]);
        assert_eq!(
            diff(&old, &new),
            [
                "cache gone removed",
                "cache pages: memory 256MiB → 1GiB",
                "cache pages: disk none → /var/cache/pages (5000B)",
                "cache pages: shared false → true",
            ]
        );
        let mut moved = pages;
        if let Some(redis) = &mut moved.redis {
            redis.url = "redis://:other@h".into();
        }
        moved.policy.jitter_percent = 10;
        let lines = [
            "cache pages: shared elsewhere",
            "cache pages: settings changed",
        ];
        assert_eq!(diff(&new, &with(vec![moved])), lines);
    }

    #[test]
    fn a_route_with_another_cache_is_different() {
        let route = |cache| Route {
            name: "all".into(),
            matches: Match::default(),
            action: Action::Forward(Vec::new()),
            path: PathEdit::Keep,
            request_fields: FieldEdits::default(),
            response_fields: FieldEdits::default(),
            timeouts: RouteTimeouts::default(),
            deadline_header: None,
            max_body: 1,
            mirror: None,
            cache,
            limits: Vec::new(),
            concurrency: None,
            fallback: Vec::new(),
            priority: Default::default(),
            priority_header: None,
        };
        let with = |names: &[&str], cache| Config {
            routes: vec![route(cache)],
            caches: names.iter().map(|name| Cache::new(name)).collect(),
            ..Config::default()
        };
        let old = with(&["a", "b"], Some(1));
        assert_eq!(diff(&old, &with(&["b"], Some(0))), ["cache a removed"]);
        assert_eq!(
            diff(&old, &with(&["a", "b"], Some(0))),
            ["route all: changed"]
        );
        assert_eq!(diff(&old, &with(&["a", "b"], None)), ["route all: changed"]);
    }
}
