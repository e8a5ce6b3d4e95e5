//! Mends what would not load: names that are there twice, routes that are never taken, upstreams without servers, circles.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};

use super::ledger::{Ledger, Note, Weight};
use super::model::{Action, Draft, Item, Listener, Route, Upstream, Value};
use tenfold_gateway::config::upstream::Address;

/// The admin side's usual port.
const ADMIN: u16 = 9900;

/// Makes a draft one that loads.
pub(super) fn finish(draft: &mut Draft, ledger: &mut Ledger) {
    listeners(draft);
    for item in &mut draft.items {
        if let Item::Upstream(upstream) = item {
            servers(upstream);
        }
    }
    circles(draft);
    let empty = empty_upstreams(draft);
    without_upstreams(draft, &empty);
    shadowed(draft, ledger);
    admin(draft);
}

/// There is at least one.
fn listeners(draft: &mut Draft) {
    if !draft.listeners.is_empty() {
        return;
    }
    let mut listener = Listener {
        name: "http".into(),
        ..Listener::default()
    };
    // Nothing in the source says where: this machine only, until someone does.
    listener.table.set("listen", "127.0.0.1:8080");
    draft.listeners.push(listener);
}

fn said(notes: &mut Vec<Note>, like: &[Note], advice: &str) {
    let place = like.first().map(|note| note.place).unwrap_or_default();
    let directive = like.first().map_or("", |note| note.directive.as_str());
    notes.push(Note {
        place,
        directive: directive.to_owned(),
        advice: advice.to_owned(),
        weight: Weight::Differs,
    });
}

/// A server is given once; all weights together are more than nothing.
fn servers(upstream: &mut Upstream) {
    let mut seen = HashSet::new();
    for server in upstream.servers.iter_mut().filter(|server| !server.is_off) {
        let key = format!("{:?}", crate::config::host::endpoint(&server.address));
        if !seen.insert(key) {
            server.is_off = true;
        }
    }
    let gets_some = upstream
        .servers
        .iter()
        .any(|server| !server.is_off && server.weight != Some(0));
    if !gets_some {
        for server in &mut upstream.servers {
            server.is_off = true;
        }
    }
}

fn addresses(draft: &Draft) -> Vec<SocketAddr> {
    let texts = draft
        .listeners
        .iter()
        .filter_map(|listener| match listener.table.get("listen") {
            Some(Value::Text(text)) => text.parse().ok(),
            _ => None,
        });
    texts.collect()
}

/// Servers that are this gateway itself are refused when the file is loaded.
fn circles(draft: &mut Draft) {
    let own = addresses(draft);
    for item in &mut draft.items {
        let Item::Upstream(upstream) = item else {
            continue;
        };
        for server in upstream.servers.iter_mut().filter(|server| !server.is_off) {
            if own.iter().any(|own| reaches(&server.address, *own)) {
                server.is_off = true;
                let like = server.notes.clone();
                said(
                    &mut server.notes,
                    &like,
                    "is this gateway itself: name the servers of that listener's routes instead",
                );
            }
        }
    }
}

fn reaches(server: &str, own: SocketAddr) -> bool {
    let is_here = |ip: IpAddr| {
        let ip = ip.to_canonical();
        ip == own.ip() || (own.ip().is_unspecified() && (ip.is_loopback() || ip.is_unspecified()))
    };
    match crate::config::host::endpoint(server) {
        Ok(Address::Tcp(all)) => all
            .iter()
            .any(|one| one.port() == own.port() && is_here(one.ip())),
        Ok(Address::Name { host, port }) => {
            let is_local = host == "localhost" || host.ends_with(".localhost");
            is_local && port == own.port() && (own.ip().is_loopback() || own.ip().is_unspecified())
        }
        _ => false,
    }
}

/// Takes upstreams out that have no server, and gives their names; what they said becomes a comment.
fn empty_upstreams(draft: &mut Draft) -> HashSet<String> {
    let mut empty = HashSet::new();
    for item in &mut draft.items {
        let Item::Upstream(upstream) = item else {
            continue;
        };
        let has_servers = upstream.servers.iter().any(|server| !server.is_off);
        if has_servers || upstream.table.get("discover").is_some() {
            continue;
        }
        empty.insert(upstream.name.clone());
        let mut notes = std::mem::take(&mut upstream.table.notes);
        for server in &mut upstream.servers {
            notes.append(&mut server.notes);
        }
        *item = Item::Notes(notes);
    }
    empty
}

/// Routes to upstreams without servers answer as nginx and HAProxy do: 502 or 503.
fn without_upstreams(draft: &mut Draft, empty: &HashSet<String>) {
    let known: HashSet<String> = draft.upstreams().map(|one| one.name.clone()).collect();
    for route in draft.routes_mut() {
        let mirror = route.table.get("mirror").cloned();
        if let Some(Value::Text(name)) = mirror
            && !known.contains(&name)
        {
            route.table.entries.retain(|(key, _)| key != "mirror");
        }
        let Action::Upstream(shares) = &mut route.action else {
            continue;
        };
        let names: Vec<String> = shares.iter().map(|(name, _)| name.clone()).collect();
        shares.retain(|(name, _)| known.contains(name));
        if shares.is_empty() || shares.iter().all(|(_, weight)| *weight == 0) {
            route.action = Action::refuse(503, "no server\n");
            route.closed = false;
            let is_empty = names.iter().any(|name| empty.contains(name));
            let advice = match is_empty {
                true => "its upstream has no server that is in use: 503",
                false => "its upstream is not there: 503",
            };
            let like = vec![Note {
                place: route
                    .table
                    .notes
                    .first()
                    .map(|note| note.place)
                    .unwrap_or_default(),
                directive: names.join(" "),
                advice: String::new(),
                weight: Weight::Differs,
            }];
            said(&mut route.table.notes, &like, advice);
        }
    }
}

/// What tells routes apart besides methods.
type Key = (String, String, String, Vec<String>);

/// Routes that an earlier one takes everything from are comments.
fn shadowed(draft: &mut Draft, ledger: &mut Ledger) {
    let all: Vec<String> = draft.listeners.iter().map(|one| one.name.clone()).collect();
    let mut taken: HashMap<Key, Vec<Vec<String>>> = HashMap::new();
    for item in &mut draft.items {
        let Item::Route(route) = item else { continue };
        let keys = keys(route, &all);
        let is_taken = |key: &Key| {
            let before = taken.get(key);
            before.is_some_and(|before| takes_all(before, &route.methods))
        };
        if keys.iter().all(is_taken) {
            *item = Item::Notes(never_taken(route, ledger));
            continue;
        }
        for key in keys {
            taken.entry(key).or_default().push(route.methods.clone());
        }
    }
}

fn keys(route: &Route, all: &[String]) -> Vec<Key> {
    let or_any = |list: &[String]| match list.is_empty() {
        true => vec![String::new()],
        false => list.to_vec(),
    };
    let listeners = match route.listeners.is_empty() {
        true => all.to_vec(),
        false => route.listeners.clone(),
    };
    let mut conditions: Vec<String> = Vec::new();
    for (kind, tests) in [("h", &route.headers), ("q", &route.query)] {
        for (name, test) in tests {
            conditions.push(format!("{kind} {name} {test}"));
        }
    }
    conditions.sort();
    let mut keys = Vec::new();
    for listener in &listeners {
        for host in or_any(&route.hosts) {
            for path in &route.paths {
                // Captures differ in name only.
                let mut path = path.clone();
                for segment in &mut path.segments {
                    if let super::path::Segment::Capture(name) = segment {
                        *name = "x".into();
                    }
                }
                let key = (
                    listener.clone(),
                    host.clone(),
                    path.to_string(),
                    conditions.clone(),
                );
                keys.push(key);
            }
        }
    }
    keys
}

/// Whether routes that differ in methods only leave nothing over. One with methods is asked before one for all.
fn takes_all(before: &[Vec<String>], methods: &[String]) -> bool {
    if methods.is_empty() {
        return before.iter().any(Vec::is_empty);
    }
    let takes = |method: &String| {
        let mut earlier = before.iter().flatten();
        earlier.any(|one| one == method || (one == "GET" && method == "HEAD"))
    };
    methods.iter().all(takes)
}

fn never_taken(route: &Route, ledger: &mut Ledger) -> Vec<Note> {
    let mut notes = route.table.notes.clone();
    if let Some(origin) = &route.origin {
        let advice = "is never reached: a route before it takes the same requests";
        notes.push(ledger.note(origin, Weight::Differs, advice));
    }
    notes
}

/// The admin side has a port of its own.
fn admin(draft: &mut Draft) {
    let own = addresses(draft);
    let is_free = |port: u16| {
        own.iter().all(|one| {
            let ip = one.ip();
            one.port() != port || !(ip.is_loopback() || ip.is_unspecified())
        })
    };
    if is_free(ADMIN) {
        return;
    }
    let free = (ADMIN + 1..=u16::MAX).find(|port| is_free(*port));
    if let Some(port) = free {
        draft.admin.set("listen", format!("127.0.0.1:{port}"));
    }
}
