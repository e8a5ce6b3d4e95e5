//! `proxy_cache` and what belongs to it.
//!
//! nginx keeps *where* (`proxy_cache_path`) apart from *how* (`proxy_cache_valid` and the others, which each block can change);
//! a cache here is both. So each zone becomes a `[cache.NAME]`, and once more one for each other *how* that it is used with.
//!
//! # What is not the same
//! nginx neither guesses a lifetime nor listens to what clients say of caching: every status gets one (`0s` if nothing
//! says more), and `honor_request` is off. What servers forbid to store, and what belongs to one client, is never stored here.

use std::path::Path;

use super::context::{Context, bytes, milliseconds};
use super::level::Level;
use super::parse::Directive;
use super::variables::{Piece, pieces};
use crate::import::ledger::{Note, Weight};
use crate::import::model::{Cache, Route, Table, Value, set};
use crate::import::value::{lifetime, size, unique};

/// For how long something that is not asked for is kept, if nothing says: nginx's `inactive`.
const INACTIVE: u64 = 600;
/// The size of a level on disk that had no limit.
const UNLIMITED: &str = "10GiB";

/// A cache that a zone has become.
#[derive(Clone, Debug)]
pub(super) struct Made {
    zone: String,
    policy: Vec<(String, Value)>,
    name: String,
}

/// Lets a cache answer for a route, if one is in force.
pub(super) fn cache(context: &mut Context, level: &Level<'_>, route: &mut Route) {
    let Some(directive) = level.cache.filter(|one| one.first() != "off") else {
        return;
    };
    let zone = directive.first();
    if zone.contains('$') {
        let advice = "a route has one cache: write a route for each";
        let mut notes = Vec::new();
        context.note(&mut notes, directive, Weight::Differs, advice);
        route.table.notes.append(&mut notes);
        return;
    }
    if let Some((lacking, advice)) = lack(level) {
        let mut notes = Vec::new();
        context.note(&mut notes, lacking, Weight::Differs, advice);
        let advice = "left out, since what its key or its conditions keep apart would be mixed";
        context.note(&mut notes, directive, Weight::Differs, advice);
        route.table.notes.append(&mut notes);
        return;
    }
    context.translated(directive);
    let path = context.zones.get(zone).cloned();
    let mut notes = Vec::new();
    let inactive = path.as_ref().map_or(INACTIVE, inactive);
    let policy = policy(context, level, inactive, &mut notes);
    let is_same = |made: &&Made| made.zone == zone && made.policy == policy;
    let known = context.caches.iter().find(is_same);
    let name = match known.map(|made| made.name.clone()) {
        Some(name) => name,
        None => add(context, directive, path.as_ref(), policy, &mut notes),
    };
    let caches = &mut context.draft.caches;
    if let Some(cache) = caches.iter_mut().find(|cache| cache.name == name) {
        cache.table.notes.append(&mut notes);
    }
    route.table.set("cache", name);
}

/// What a cache here could not keep apart, and what could be done.
fn lack<'d>(level: &Level<'d>) -> Option<(&'d Directive, &'static str)> {
    let key = level.cache_key.filter(|one| key(one).is_none());
    if let Some(directive) = key {
        let advice = "the key is scheme, host, path and query: query, key_headers and key_cookies of a cache change it";
        return Some((directive, advice));
    }
    let conditions = [level.cache_bypass, level.no_cache];
    let is_known = |word: &String| word.strip_prefix('$').and_then(named).is_some();
    let mut lacking = conditions
        .into_iter()
        .flatten()
        .filter(|one| !one.args.iter().all(is_known));
    let advice = "bypass of a cache knows fields, cookies, parameters and paths";
    lacking.next().map(|directive| (directive, advice))
}

/// Adds a cache, and returns its name.
fn add(
    context: &mut Context,
    directive: &Directive,
    path: Option<&Directive>,
    policy: Vec<(String, Value)>,
    notes: &mut Vec<Note>,
) -> String {
    let zone = directive.first();
    let name = unique(zone, |name| {
        context.draft.caches.iter().any(|cache| cache.name == name)
    });
    let mut table = Table::default();
    let disk = match path {
        Some(path) => disk(context, path, &name, notes),
        None => {
            let advice = "its proxy_cache_path is not here: add disk = { path = …, size = … } for a level on disk";
            context.note(notes, directive, Weight::Differs, advice);
            None
        }
    };
    match disk {
        Some(disk) => table.set("disk", disk),
        None => table.set("memory", "256MiB"),
    }
    table.entries.extend(policy.iter().cloned());
    context.caches.push(Made {
        zone: zone.to_owned(),
        policy,
        name: name.clone(),
    });
    context.draft.caches.push(Cache {
        name: name.clone(),
        table,
    });
    name
}

/// The value of `KEY=…` among the words of a directive.
fn word<'d>(directive: &'d Directive, key: &str) -> Option<&'d str> {
    let mut words = directive.args.iter();
    words.find_map(|word| word.strip_prefix(key)?.strip_prefix('='))
}

/// The name of the zone that a `proxy_cache_path` makes.
pub(super) fn zone(path: &Directive) -> Option<&str> {
    word(path, "keys_zone")?.split(':').next()
}

/// In seconds.
fn inactive(path: &Directive) -> u64 {
    let given = word(path, "inactive").and_then(milliseconds);
    given.map_or(INACTIVE, |milliseconds| milliseconds / 1000)
}

/// The level on disk, in a folder beside nginx's: nginx removes files from its own that it does not know.
fn disk(
    context: &mut Context,
    path: &Directive,
    name: &str,
    notes: &mut Vec<Note>,
) -> Option<Value> {
    let parent = Path::new(path.first()).parent().unwrap_or(Path::new(""));
    let folder = parent.join(format!("tenfold-{name}"));
    let is_taken = |cache: &Cache| match cache.table.get("disk") {
        Some(Value::Table(disk)) => disk.iter().any(|(_, value)| match value {
            Value::Text(other) => {
                folder.starts_with(other) || Path::new(other).starts_with(&folder)
            }
            _ => false,
        }),
        _ => false,
    };
    let has_variable = path.first().contains('$');
    if !folder.is_absolute() || has_variable || context.draft.caches.iter().any(is_taken) {
        let advice =
            "a cache's folder is an absolute path of its own: add disk = { path = …, size = … }";
        context.note(notes, path, Weight::Differs, advice);
        return None;
    }
    let limit = word(path, "max_size").and_then(bytes);
    let limit = limit.filter(|bytes| *bytes >= 1 << 20);
    if limit.is_none() {
        let advice = format!("a level on disk has a size: {UNLIMITED} is a guess");
        context.note(notes, path, Weight::Differs, advice);
    } else if word(path, "min_free").is_some() {
        let advice = "a level on disk has a size only: see that this much is free";
        context.note(notes, path, Weight::Differs, advice);
    } else {
        context.translated(path);
    }
    let limit = limit.map_or_else(|| UNLIMITED.to_owned(), size);
    let disk = vec![
        ("path".to_owned(), folder.display().to_string().into()),
        ("size".to_owned(), limit.into()),
    ];
    Some(Value::Table(disk))
}

/// How responses are kept, as the keys of a cache.
fn policy(
    context: &mut Context,
    level: &Level<'_>,
    inactive: u64,
    notes: &mut Vec<Note>,
) -> Vec<(String, Value)> {
    let mut policy = Vec::new();
    if let Some(directive) = level.cache_key {
        context.translated(directive);
        policy.extend(key(directive).unwrap_or_default());
    }
    let bypass = bypass(context, level, notes);
    if !bypass.is_empty() {
        policy.push(("bypass".to_owned(), Value::Table(bypass)));
    }
    let lifetimes = lifetimes(context, level, notes);
    policy.push(("status_lifetime".to_owned(), Value::Table(lifetimes)));
    if let Some(directive) = level.cache_use_stale {
        policy.extend(stale(context, directive, inactive, notes));
    }
    policy.push(("honor_request".to_owned(), false.into()));
    for directive in &level.cache_others {
        other(context, directive, notes);
    }
    policy
}

/// `proxy_cache_valid 200 302 10m; proxy_cache_valid any 1m;`: the first that fits counts.
fn lifetimes(
    context: &mut Context,
    level: &Level<'_>,
    notes: &mut Vec<Note>,
) -> Vec<(String, Value)> {
    const ALL: &str = "200-599";
    let mut all: Vec<(String, Value)> = Vec::new();
    let is_known = |all: &[(String, Value)], status: &str| all.iter().any(|(one, _)| one == status);
    for directive in &level.cache_valid {
        let time = directive.args.last().and_then(|time| milliseconds(time));
        let Some(time) = time else {
            let advice = "is no time that can be read";
            context.note(notes, directive, Weight::Differs, advice);
            continue;
        };
        context.translated(directive);
        let statuses = &directive.args[..directive.args.len() - 1];
        let standard = ["200", "301", "302"].map(str::to_owned);
        let statuses = if statuses.is_empty() {
            &standard[..]
        } else {
            statuses
        };
        for status in statuses {
            let code = status.parse().ok();
            let status = match status.as_str() {
                "any" => ALL,
                _ if code.is_none_or(|code: u16| !(200..=599).contains(&code)) => continue,
                code => code,
            };
            // What comes after `any` is never reached.
            if !is_known(&all, ALL) && !is_known(&all, status) {
                set(&mut all, status, lifetime(time / 1000).into());
            }
        }
    }
    if !is_known(&all, ALL) {
        all.push((ALL.to_owned(), "0s".into()));
    }
    all
}

/// What a key is made of besides scheme, host, path and query; `None` if there is no equal.
fn key(directive: &Directive) -> Option<Vec<(String, Value)>> {
    let text = directive.args.concat();
    let (mut headers, mut cookies, mut parameters) = (Vec::new(), Vec::new(), Vec::new());
    let (mut has_path, mut has_query) = (false, false);
    for piece in pieces(&text) {
        let Piece::Variable(name) = piece else {
            continue;
        };
        match name {
            "scheme" | "host" | "http_host" | "proxy_host" | "server_name" | "server_port"
            | "request_method" | "is_args" => {}
            "request_uri" => (has_path, has_query) = (true, true),
            "uri" | "document_uri" => has_path = true,
            "args" | "query_string" => has_query = true,
            _ => match named(name)? {
                ("header", name) => headers.push(name.into()),
                ("cookie", name) => cookies.push(name.into()),
                (_, name) => parameters.push(name.into()),
            },
        }
    }
    // Without the path all addresses would have one response, which nobody can have meant.
    has_path.then_some(())?;
    let mut entries: Vec<(String, Value)> = Vec::new();
    match (has_query, parameters.is_empty()) {
        (true, _) => {}
        (false, true) => entries.push(("query".into(), "none".into())),
        (false, false) => {
            let only = vec![("only".to_owned(), Value::List(parameters))];
            entries.push(("query".into(), Value::Table(only)));
        }
    }
    for (name, list) in [("key_headers", headers), ("key_cookies", cookies)] {
        if !list.is_empty() {
            entries.push((name.into(), Value::List(list)));
        }
    }
    Some(entries)
}

/// What a variable says of a request: a field, a cookie, a parameter of the query.
fn named(variable: &str) -> Option<(&'static str, String)> {
    if let Some(name) = variable.strip_prefix("http_") {
        let name = name.replace('_', "-");
        return crate::config::word::field_name(&name)
            .ok()
            .map(|name| ("header", name));
    }
    if let Some(name) = variable.strip_prefix("cookie_") {
        return crate::config::word::cookie_name(name)
            .ok()
            .map(|name| ("cookie", name));
    }
    let name = variable.strip_prefix("arg_")?;
    (!name.is_empty()).then(|| ("query", name.to_owned()))
}

/// `proxy_cache_bypass $cookie_nocache $arg_nocache;` and `proxy_no_cache`: either is both here.
fn bypass(context: &mut Context, level: &Level<'_>, notes: &mut Vec<Note>) -> Vec<(String, Value)> {
    let (mut headers, mut cookies, mut parameters) = (Vec::new(), Vec::new(), Vec::new());
    let both = [level.cache_bypass, level.no_cache];
    for directive in both.into_iter().flatten() {
        for argument in &directive.args {
            let found = argument.strip_prefix('$').and_then(named);
            match found {
                Some(("header", name)) => set(&mut headers, &name, "*".into()),
                Some(("cookie", name)) => add_once(&mut cookies, name),
                Some((_, name)) => add_once(&mut parameters, name),
                None => {}
            }
        }
        let is_alone = both.iter().any(Option::is_none);
        match (is_alone, directive.name.as_str()) {
            (false, _) => context.translated(directive),
            (true, "proxy_cache_bypass") => {
                let advice =
                    "such requests go past the cache, and do not bring it up to date either";
                context.note(notes, directive, Weight::Differs, advice);
            }
            (true, _) => {
                let advice = "such requests are not answered from the cache either";
                context.note(notes, directive, Weight::Differs, advice);
            }
        }
    }
    let mut bypass = Vec::new();
    if !headers.is_empty() {
        bypass.push(("header".to_owned(), Value::Table(headers)));
    }
    for (name, list) in [("cookie", cookies), ("query", parameters)] {
        if !list.is_empty() {
            bypass.push((name.to_owned(), Value::List(list)));
        }
    }
    bypass
}

fn add_once(list: &mut Vec<Value>, name: String) {
    let value = Value::from(name);
    if !list.contains(&value) {
        list.push(value);
    }
}

/// `proxy_cache_use_stale error timeout updating http_502;`: as long as nginx keeps it, which is `inactive`.
fn stale(
    context: &mut Context,
    directive: &Directive,
    inactive: u64,
    notes: &mut Vec<Note>,
) -> Vec<(String, Value)> {
    let mut entries: Vec<(String, Value)> = Vec::new();
    let mut lacks = false;
    for word in &directive.args {
        match word.as_str() {
            "off" | "invalid_header" => {}
            "updating" => set(
                &mut entries,
                "stale_while_revalidate",
                lifetime(inactive).into(),
            ),
            "error" | "timeout" | "http_500" | "http_502" | "http_503" | "http_504" => {
                set(&mut entries, "stale_if_error", lifetime(inactive).into());
            }
            _ => lacks = true,
        }
    }
    match lacks {
        true => {
            let advice = "stale responses are served when the server cannot be reached or answers 500, 502, 503 or 504";
            context.note(notes, directive, Weight::Differs, advice);
        }
        false => context.translated(directive),
    }
    entries
}

/// What the cache does by itself, or not at all.
fn other(context: &mut Context, directive: &Directive, notes: &mut Vec<Note>) {
    let is_post = directive.args.iter().any(|word| word == "POST");
    let (weight, advice) = match (directive.name.as_str(), directive.first()) {
        ("proxy_cache_lock", _) => (
            Weight::Unneeded,
            "of requests for one thing one goes to the server, and the others wait for it",
        ),
        ("proxy_cache_min_uses", "0" | "1") => {
            (Weight::Unneeded, "what is asked for once is stored")
        }
        ("proxy_cache_min_uses", _) => (
            Weight::Differs,
            "what is asked for once is stored; if it is not asked for again it is the first to go",
        ),
        ("proxy_cache_methods", _) if is_post => {
            (Weight::Differs, "GET and HEAD are answered from the cache")
        }
        ("proxy_ignore_headers", _) => (
            Weight::Differs,
            "lifetime of the cache replaces what servers say, but what they forbid is never stored; set_cookie = \"remove\" stores responses without their cookies",
        ),
        ("proxy_cache_purge", _) => (
            Weight::Differs,
            "purge_from of the cache says whose PURGE requests are obeyed",
        ),
        _ => (Weight::Unneeded, "the cache does this by itself"),
    };
    context.note(notes, directive, weight, advice);
}
